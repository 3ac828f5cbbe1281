"""Speech models: which one the settings name, the known ones and their digests, and where their files are fetched."""
