"""Files and texts of a title as bytes: signed paths, ranges, the disk cache, limits on concurrent requests."""
