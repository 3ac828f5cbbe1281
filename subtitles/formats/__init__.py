"""WebVTT and SubRip: the reader and the writers. Pure."""
