"""One decoded frame -> BGR pixels as they are shown. Runs inside the sandbox only.

In: a frame of PyAV and a width. Out: H x W x 3 of 8 bits: scaled down by swscale before anything else looks at it
(square pixels, never enlarged), tone-mapped when HDR, turned upright.
"""

import struct
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from thumbnails.colour import UNSAID_PEAK, Bgr, Gray, matrix, tone_mapped
from thumbnails.picture import VideoFacts

_MATRICES = {"bt709": Colorspace.ITU709, "bt601": Colorspace.ITU601, "bt2020": Colorspace.BT2020}
_SMALL = 2  # scaled down so much that an area's mean is as good as any curve, and six times cheaper


class Converter:
    """Makes shown pixels of the frames of one picture track."""

    def __init__(self, video: VideoFacts) -> None:
        self._video = video
        self._matrix = matrix(video.matrix, min(video.width, video.height))

    def size(self, width: int) -> tuple[int, int]:
        """(width, height) of what is made for a shown width of at most this."""
        shown = (self._video.shown_width, self._video.shown_height)
        if width >= shown[0]:
            return shown
        return width, max(1, round(shown[1] * width / shown[0]))

    def bgr(self, raw: Any, width: int) -> Bgr:
        """Pixels of a frame, whatever its own size is."""
        wide, high = self.size(width)
        if self._video.rotation in (90, 270):
            wide, high = high, wide
        pixels = self._toned(raw, wide, high) if self._video.is_hdr else self._plain(raw, wide, high)
        turns = -self._video.rotation // 90
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels

    def luma(self, raw: Any, width: int) -> Gray:
        """Lightness alone, as coded and not turned: cheap, for measuring one frame against its neighbours."""
        wide, high = self.size(width)
        if self._video.rotation in (90, 270):
            wide, high = high, wide
        pixels: Gray = raw.reformat(
            width=wide, height=high, format="gray", interpolation=Interpolation.AREA, threads=1
        ).to_ndarray()
        return pixels

    def _plain(self, raw: Any, wide: int, high: int) -> Bgr:
        made = raw.reformat(
            width=wide,
            height=high,
            format="bgr24",
            interpolation=self._filter(raw, wide),
            src_colorspace=_MATRICES[self._matrix],
            dst_colorspace=_MATRICES[self._matrix],
            src_color_range=ColorRange.JPEG if self._video.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        pixels: Bgr = made.to_ndarray()
        return pixels

    def _toned(self, raw: Any, wide: int, high: int) -> Bgr:
        spans = ColorRange.JPEG if self._video.full_range else ColorRange.MPEG
        made = raw.reformat(
            width=wide,
            height=high,
            format="yuv444p16le",
            interpolation=self._filter(raw, wide),
            src_colorspace=_MATRICES[self._matrix],
            dst_colorspace=_MATRICES[self._matrix],
            src_color_range=spans,
            dst_color_range=spans,
            threads=1,
        )
        return tone_mapped(
            made.to_ndarray(),
            transfer=self._video.transfer,
            primaries=self._video.primaries,
            matrix=self._matrix,
            full_range=self._video.full_range,
            peak=_peak(raw),
        )

    @staticmethod
    def _filter(raw: Any, wide: int) -> Any:
        if raw.width >= _SMALL * wide:
            return Interpolation.AREA
        # Full chroma: without it colour edges of a BGR picture are two pixels wide and jagged.
        return Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


def _peak(raw: Any) -> float:
    """How bright the mastering was, in 100 cd/m2, as ffmpeg's tonemap reads it."""
    told = {side.type: bytes(side) for side in raw.side_data}
    if light := told.get(SideData.CONTENT_LIGHT_LEVEL):
        brightest: int = struct.unpack_from("=I", light)[0]
        if brightest:
            return brightest / 100
    if screen := told.get(SideData.MASTERING_DISPLAY_METADATA):
        # AVMasteringDisplayMetadata: 8 rationals of colours, least and greatest luminance, two flags.
        over, under, _, has_luminance = struct.unpack_from("=iiii", screen, 72)
        if has_luminance and over > 0 and under > 0:
            return float(over / under / 100)
    return UNSAID_PEAK
