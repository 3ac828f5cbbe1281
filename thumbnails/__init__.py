"""Frames -> posters, storyboard, preview, smart crop. Nothing here yet."""
