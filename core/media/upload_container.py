"""Opens an uploaded file with libav, the same way for every program that reads one. Inside the sandbox only.

In: the file and the demuxer that its first bytes named. Out: PyAV's container. libav guesses nothing: another demuxer
than the named one is not tried, nothing in the file can name another file or a host, and hardware decoders are off.
libav's log stays off, as PyAV leaves it: with a level set it calls into Python, and a decoder's thread that complains
while the file is being closed waits for ever.
"""

from pathlib import Path
from typing import Any

import av

MAX_STREAMS = 64  # a file with more is refused by libav: each costs memory before anything is known of it


def open_upload(file: Path | str, demuxer: str) -> Any:
    """A container to be closed, or used as a context manager. Raises av.FFmpegError where it cannot be opened."""
    return av.open(
        str(file),
        format=demuxer,
        options={"protocol_whitelist": "file,pipe", "max_streams": str(MAX_STREAMS)},
        metadata_errors="replace",  # tags in an unknown encoding
        hwaccel=None,
    )
