"""Experiments on posters: which viewer sees which candidate, and what was clicked."""
