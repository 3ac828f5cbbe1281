"""Frames of an upload as a player shows them, small, one after the other. Only inside the sandbox.

In: a file and what is known of its picture track. Out: (time on the upload's timeline, frame); pixels of a frame at a
width. Colours are only good enough to find things in: nothing is tone-mapped or deinterlaced.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter

from thumbnails.reframe_wide import Wide

Pixels = npt.NDArray[np.uint8]
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def frames(file: Path, wide: Wide) -> Iterator[tuple[Fraction, Any]]:
    """Every frame of the wanted part that can be decoded, in order of time; what is broken is passed over."""
    options = {"protocol_whitelist": "file,pipe", "max_streams": "64"}
    with av.open(str(file), format=wide.demuxer, options=options, metadata_errors="replace") as opened:
        stream: Any = opened.streams[wide.index]
        stream.thread_type = "AUTO"
        if wide.start_s > 0 and not wide.retimed:
            opened.seek(int((wide.start_s + wide.origin_s) / stream.time_base), stream=stream)
        last_s = wide.start_s - 1
        for number, frame in enumerate(_decoded(opened, stream)):
            time_s = _time(frame, stream.time_base, wide, number)
            if time_s is not None and time_s >= wide.end_s:
                return
            if time_s is not None and time_s >= wide.start_s and time_s > last_s:
                last_s = time_s
                yield time_s, frame


def _decoded(opened: Any, stream: Any) -> Iterator[Any]:
    packets = opened.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):
            return  # the end of what can be read
        try:
            decoded = packet.decode()
        except av.FFmpegError:
            continue
        yield from decoded


def _time(frame: Any, base: Fraction, wide: Wide, number: int) -> Fraction | None:
    if wide.retimed:
        return number / wide.retimed
    return None if frame.pts is None else frame.pts * base - wide.origin_s


class Shrink:
    """Frame -> BGR pixels with `width` columns, as shown. Keeps the scaler: making one costs more than using it."""

    def __init__(self, wide: Wide, width: int) -> None:
        high = max(2, round(width / wide.aspect))
        self._size = (high, width) if wide.rotation in (90, 270) else (width, high)
        self._turn = _TURNS.get(wide.rotation)
        self._scaler = VideoReformatter()

    def __call__(self, frame: Any) -> Pixels:
        small = self._scaler.reformat(
            frame, width=self._size[0], height=self._size[1], format="bgr24", interpolation=Interpolation.BILINEAR
        )
        pixels: Any = small.to_ndarray()
        turned: Pixels = pixels if self._turn is None else cv2.rotate(pixels, self._turn)
        return turned
