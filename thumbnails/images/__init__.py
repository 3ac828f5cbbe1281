"""Making image files: poster sizes and crops, storyboard sheets, preview, ThumbHash."""
