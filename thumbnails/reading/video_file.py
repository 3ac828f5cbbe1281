"""The video track of an opened file: its packets, decoded frames and seeks. Inside the sandbox only.

In: a file, its demuxer, the index of the track and how many threads may decode it. Out: packets and frames of PyAV, in
the file's own time base. Damage is stepped over: what cannot be read or decoded is left out, and only a file that does
not open is refused, with av.FFmpegError. Which frames are read, and at what size, is for thumbnails.reading.reader and
thumbnails.reframe.frames to decide.
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from core.media.upload_container import open_upload, read_packets
from thumbnails.reading.cropping import Cropper
from thumbnails.reading.video_facts import NO_CROP, Crop


class VideoFile:
    """One track of one open file. A context manager.

    `threads` decode slices of one frame side by side. None: frame threads as libav likes, which is faster from end to
    end, but holds back as many frames as there are threads, and their memory. `crop` is cut off each frame.
    """

    def __init__(self, file: Path, *, demuxer: str, index: int, threads: int | None, crop: Crop = NO_CROP) -> None:
        self._file, self._demuxer, self._index, self._threads = file, demuxer, index, threads
        self._cropper = Cropper(crop)
        self.decoded = 0  # frames so far, also those between the requested ones: the cost of reading
        self._open()
        self.time_base = Fraction(self.stream.time_base or 1)

    def _open(self) -> None:
        self._container = open_upload(self._file, self._demuxer)
        self.stream: Any = self._container.streams[self._index]
        self._context: Any = self.stream.codec_context
        if self._threads is None:
            self._context.thread_type = "AUTO"
        else:
            self._context.thread_type = "SLICE"
            self._context.thread_count = self._threads
        self._at_start = True

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; its packets and frames must not be used any more."""
        self._container.close()

    def rewind(self) -> None:
        """To the very first packets, by opening the file again: in MPEG-TS no seek leads there."""
        if not self._at_start:
            self.close()
            self._open()

    def seek(self, tick: int) -> None:
        """To a keyframe before this decoding time, in time_base units; where the container cannot, nowhere."""
        self._at_start = False
        with suppress(av.FFmpegError):
            self._container.seek(tick, stream=self.stream)
            self.flush()

    def packets(self) -> Iterator[Any]:
        """The track's packets from here on, to the end of what can be read."""
        self._at_start = False
        with suppress(av.FFmpegError):
            for packet in read_packets(self._container, [self.stream]):
                if packet.size:
                    yield packet

    def frames(self, *, from_keyframe: bool = False) -> Iterator[Any]:
        """Decoded frames from here on; `from_keyframe`: packets before the first keyframe are left out."""
        for packet in self.packets():
            if from_keyframe and not packet.is_keyframe:
                continue
            from_keyframe = False
            with suppress(av.FFmpegError):
                for frame in self.decode(packet):
                    self.decoded += 1
                    yield frame
        with suppress(av.FFmpegError):
            yield from self.decode(None)
        self.flush()

    def decode(self, packet: Any) -> list[Any]:
        """Frames that come out when a packet goes in, None for the last ones. Raises av.FFmpegError; counts nothing."""
        return [self._cropper(frame) for frame in self._context.decode(packet)]

    def flush(self) -> None:
        """Drop the frames that the decoder still holds back."""
        self._context.flush_buffers()
