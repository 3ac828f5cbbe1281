"""`kadr check URL`: a published title, read as a stranger would and held against the rules of HLS.

Nothing here is shared with the code that writes playlists or segments: what one of them gets wrong, the other sees.
"""
