"""Text subtitles and CEA-608 captions inside an upload -> cues."""
