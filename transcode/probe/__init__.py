"""An uploaded file -> Source and keyframe index, read inside the sandbox. One file for each question about an upload
(its container, its times, its encryption, changes on the way), hence more than 15 files.
"""
