"""One decoded frame -> BGR pixels as they are shown. Runs inside the sandbox only.

In: a frame of PyAV and a width. Out: H x W x 3 of 8 bits: scaled down by swscale before anything else looks at it
(square pixels, never enlarged), tone-mapped when HDR, turned upright.
"""

import struct
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from thumbnails.reading.colour import UNKNOWN_PEAK, Bgr, Gray, matrix, tone_mapped
from thumbnails.reading.video_facts import VideoFacts

_MATRICES = {"bt709": Colorspace.ITU709, "bt601": Colorspace.ITU601, "bt2020": Colorspace.BT2020}
_SMALL = 2  # scaled down so much that an area's mean is as good as any curve, and six times cheaper


class Converter:
    """Converts decoded frames of one video track to pixels as shown."""

    def __init__(self, video: VideoFacts) -> None:
        self._video = video
        self._matrix = matrix(video.matrix, video.coded_short_side)

    def size(self, width: int) -> tuple[int, int]:
        """(width, height) of what is converted for a shown width of at most this."""
        shown = (self._video.shown_width, self._video.shown_height)
        if width >= shown[0]:
            return shown
        return width, max(1, round(shown[1] * width / shown[0]))

    def bgr(self, frame: Any, width: int) -> Bgr:
        """Pixels of a frame, whatever its own size is."""
        wide, high = self.size(width)
        if self._video.rotation in (90, 270):
            wide, high = high, wide
        pixels = self._toned(frame, wide, high) if self._video.is_hdr else self._plain(frame, wide, high)
        turns = -self._video.rotation // 90
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels

    def luma(self, frame: Any, width: int) -> Gray:
        """Lightness alone, as coded and not turned: cheap, for measuring one frame against its neighbours."""
        wide, high = self.size(width)
        if self._video.rotation in (90, 270):
            wide, high = high, wide
        pixels: Gray = frame.reformat(
            width=wide, height=high, format="gray", interpolation=Interpolation.AREA, threads=1
        ).to_ndarray()
        return pixels

    def _plain(self, frame: Any, wide: int, high: int) -> Bgr:
        converted = frame.reformat(
            width=wide,
            height=high,
            format="bgr24",
            interpolation=self._filter(frame, wide),
            src_colorspace=_MATRICES[self._matrix],
            dst_colorspace=_MATRICES[self._matrix],
            src_color_range=ColorRange.JPEG if self._video.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        pixels: Bgr = converted.to_ndarray()
        return pixels

    def _toned(self, frame: Any, wide: int, high: int) -> Bgr:
        spans = ColorRange.JPEG if self._video.full_range else ColorRange.MPEG
        converted = frame.reformat(
            width=wide,
            height=high,
            format="yuv444p16le",
            interpolation=self._filter(frame, wide),
            src_colorspace=_MATRICES[self._matrix],
            dst_colorspace=_MATRICES[self._matrix],
            src_color_range=spans,
            dst_color_range=spans,
            threads=1,
        )
        return tone_mapped(
            converted.to_ndarray(),
            transfer=self._video.transfer,
            primaries=self._video.primaries,
            matrix=self._matrix,
            full_range=self._video.full_range,
            peak=_peak(frame),
        )

    @staticmethod
    def _filter(frame: Any, wide: int) -> Any:
        if frame.width >= _SMALL * wide:
            return Interpolation.AREA
        # Full chroma: without it colour edges of a BGR picture are two pixels wide and jagged.
        return Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


def _peak(frame: Any) -> float:
    """The peak luminance of the mastering in 100 cd/m2, from the frame's side data, as ffmpeg's tonemap reads it."""
    side_data = {side.type: bytes(side) for side in frame.side_data}
    if light := side_data.get(SideData.CONTENT_LIGHT_LEVEL):
        brightest: int = struct.unpack_from("=I", light)[0]
        if brightest:
            return brightest / 100
    if screen := side_data.get(SideData.MASTERING_DISPLAY_METADATA):
        # AVMasteringDisplayMetadata: 8 rationals of colours, least and greatest luminance, two flags.
        over, under, _, has_luminance = struct.unpack_from("=iiii", screen, 72)
        if has_luminance and over > 0 and under > 0:
            return float(over / under / 100)
    return UNKNOWN_PEAK
