"""Renditions and cues -> HLS playlists, a DASH manifest, WebVTT and the manifest object of a revision. All pure."""
