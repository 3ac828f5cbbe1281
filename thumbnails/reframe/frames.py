"""Every frame of an upload in turn, small and upright, to be searched for a crop path. Inside the sandbox only.

In: a file and what is known of its video track. Out: (time on the upload's timeline, frame of PyAV), and BGR pixels of
a frame at a width. Nothing is tone-mapped or deinterlaced, and colours are only as good as finding things needs them:
thumbnails.reading.reader, which does all that for posters, takes several times as long per frame.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
from av.video.reformatter import Interpolation, VideoReformatter

from thumbnails.reading.colour import Bgr
from thumbnails.reading.video_file import VideoFile
from thumbnails.reframe.request import ReframeRequest

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def frames(file: Path, request: ReframeRequest) -> Iterator[tuple[Fraction, Any]]:
    """Every frame of the requested part that can be decoded, in order of time. Raises av.FFmpegError on opening."""
    opened = VideoFile(file, demuxer=request.demuxer, index=request.index, threads=None, crop=request.crop)
    with opened as track:
        if request.start_s > 0 and not request.retimed:
            track.seek(int((request.start_s + request.origin_s) / track.time_base))
        previous_s = request.start_s - 1
        for number, frame in enumerate(track.frames()):
            time_s = _time(frame, track.time_base, request, number)
            if time_s is not None and time_s >= request.end_s:
                return
            if time_s is not None and time_s >= request.start_s and time_s > previous_s:
                previous_s = time_s
                yield time_s, frame


def _time(frame: Any, time_base: Fraction, request: ReframeRequest, number: int) -> Fraction | None:
    """Seconds on the upload's timeline; None where the frame has no time."""
    if request.retimed:
        return number / request.retimed
    return None if frame.pts is None else frame.pts * time_base - request.origin_s


class Shrink:
    """Frame -> BGR pixels with `width` columns, as shown. Keeps the scaler: making one costs more than using it."""

    def __init__(self, request: ReframeRequest, width: int) -> None:
        height = max(2, round(width / request.aspect))
        self._size = (height, width) if request.rotation in (90, 270) else (width, height)
        self._rotation = _ROTATIONS.get(request.rotation)
        self._scaler = VideoReformatter()

    def __call__(self, frame: Any) -> Bgr:
        """H x W x 3, H after the displayed aspect ratio."""
        small = self._scaler.reformat(
            frame, width=self._size[0], height=self._size[1], format="bgr24", interpolation=Interpolation.BILINEAR
        )
        pixels: Any = small.to_ndarray()
        upright: Bgr = pixels if self._rotation is None else cv2.rotate(pixels, self._rotation)
        return upright
