"""Opens an uploaded file with libav, the same way for every program that reads one. Inside the sandbox only.

In: the file and the demuxer that its first bytes named. Out: PyAV's container. libav guesses nothing: another demuxer
than the named one is not tried, nothing in the file can name another file or a host, and hardware decoders are off.
libav's log stays off, as PyAV leaves it: with a level set it calls into Python, and a decoder's thread that complains
while the file is being closed waits for ever.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from core.media.upload_limits import DEMUXER_LIMITS, MOST_PIXELS


def open_upload(file: Path | str, demuxer: str) -> Any:
    """A container to be closed, or used as a context manager. Raises av.FFmpegError where it cannot be opened.

    A frame of more than MOST_PIXELS is not decoded, whatever the file's header says of its size.
    """
    opened = av.open(
        str(file),
        format=demuxer,
        options={name: str(value) for name, value in DEMUXER_LIMITS.items()},
        metadata_errors="replace",  # tags in an unknown encoding
        hwaccel=None,
    )
    for stream in opened.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return opened


def read_packets(opened: Any, streams: Sequence[Any]) -> Iterator[Any]:
    """The packets of these streams of a container, in file order, and at the end an empty one of each.

    In MPEG-TS streams may begin at any point. Those that were not there when the file was opened are left out; PyAV
    looks for them when everything has been read, and does not find them. Raises av.FFmpegError.
    """
    reading = opened.demux(streams) if streams else iter(())
    while True:
        try:
            packet = next(reading)
        except (StopIteration, IndexError):
            return
        yield packet


def decoded_sound(opened: Any, stream: Any) -> Iterator[Any]:
    """The decoded frames of a sound track; damage is stepped over. A frame without a time follows the one before.

    In MPEG-TS these are all but the first of each PES packet. It states a time for that one only; those of the others
    the demuxer has counted by the rate that the track had at first. Raises av.FFmpegError where reading fails.
    """
    spread = opened.format.name == "mpegts"
    first = True
    for packet in read_packets(opened, [stream]):
        if spread and packet.size and packet.pos is None and not first:
            packet.pts = packet.dts = None
        first = False
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue
