"""Media types of stored and served objects: the one place that decides what a CMAF object is called."""

INIT_TYPE = "video/mp4"  # RFC 4337; also of a whole MP4
SEGMENT_TYPE = "video/iso.segment"  # ISO/IEC 23009-1
M4A_TYPE = "audio/mp4"
OCTETS_TYPE = "application/octet-stream"  # bytes of any kind, such as an upload


def cmaf_type(body: bytes) -> str:
    """The type of an init segment or a media segment, by its first box: only an init segment begins with `ftyp`."""
    return INIT_TYPE if body[4:8] == b"ftyp" else SEGMENT_TYPE


def download_type(name: str) -> str:
    """The type of a progressive file, by its name."""
    return M4A_TYPE if name.endswith(".m4a") else INIT_TYPE
