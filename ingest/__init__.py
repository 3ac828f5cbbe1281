"""The HTTP API: uploads, assets, tracks, posters, playback ids. It writes rows; workers process the media."""
