"""Values and formats of media that several packages share: renditions, MP4 boxes, types, crop paths, timestamps."""
