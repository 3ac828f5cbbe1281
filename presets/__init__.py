"""Pure values: ladders and encoder settings."""
