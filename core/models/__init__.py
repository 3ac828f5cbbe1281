"""Models for machine learning: files known by their digests, fetched on request into the models folder."""
