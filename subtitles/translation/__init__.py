"""Cues -> sentences -> cues in another language."""
