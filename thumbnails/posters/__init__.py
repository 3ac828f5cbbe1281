"""Choosing poster candidates: sampling, gates, scores, refinement, reasons."""
