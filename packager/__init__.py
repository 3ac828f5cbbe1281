"""Renditions -> HLS playlists and the manifest object of a revision. playlist and revision are pure."""
