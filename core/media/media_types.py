"""Media types of stored and served objects: the one place that decides what a CMAF object is called."""

INIT_TYPE = "video/mp4"  # RFC 4337; also of a whole MP4
SEGMENT_TYPE = "video/iso.segment"  # ISO/IEC 23009-1
M4A_TYPE = "audio/mp4"
OCTETS_TYPE = "application/octet-stream"  # bytes of any kind, such as an upload


def download_type(name: str) -> str:
    """The type of a progressive file, by its name."""
    return M4A_TYPE if name.endswith(".m4a") else INIT_TYPE
