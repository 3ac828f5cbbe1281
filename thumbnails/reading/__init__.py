"""An uploaded file or a rendition -> decoded frames as pixel arrays. Runs inside the sandbox."""
