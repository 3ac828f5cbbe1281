"""Measurements of one frame: faces, saliency, letters, black bars, sharpness. Pure, on arrays."""
