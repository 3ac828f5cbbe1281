"""Cropping wide video to 9:16: what matters in each frame, and the path of the window."""
