"""Posters, storyboards, previews, and the frame at any time."""
