"""Audio -> words -> cues -> WebVTT and SRT. Nothing here yet."""
