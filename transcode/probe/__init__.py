"""An uploaded file -> Source and keyframe index, read inside the sandbox."""
