"""One decoded frame -> BGR pixels as they are shown. Runs inside the sandbox only.

In: a frame of PyAV and a width. Out: H x W x 3 of 8 bits: scaled down by swscale before anything else looks at it
(square pixels, never enlarged), tone-mapped when HDR, turned upright.
"""

import struct
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from thumbnails.reading.colour import UNKNOWN_PEAK, Bgr, Gray, matrix, narrowed, tone_mapped
from thumbnails.reading.video_facts import VideoFacts

_MATRICES = {"bt709": Colorspace.ITU709, "bt601": Colorspace.ITU601, "bt2020": Colorspace.BT2020}
SAME_SHAPE = 0.02  # aspect ratios this near are one, as in an encode
_SMALL = 2  # scaled down so much that an area's mean is as good as any curve, and six times cheaper


class Converter:
    """Converts decoded frames of one video track to pixels as shown."""

    def __init__(self, video: VideoFacts) -> None:
        self._video = video
        self._matrix = matrix(video.matrix, video.coded_short_side)
        # One for each size and form: to set one up for each frame would take as long as the smallest conversions.
        self._reformatters: dict[tuple[int, int, str], VideoReformatter] = {}

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
        within = self._within(frame, wide, high)
        pixels = self._toned(frame, *within) if self._video.is_hdr else self._plain(frame, *within)
        pixels = _barred(pixels, wide, high)
        turns = -self._video.rotation // 90
        return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels

    def _within(self, frame: Any, wide: int, high: int) -> tuple[int, int]:
        """(width, height) of a frame of any shape within the usual one's, undistorted."""
        shape = frame.width * self._video.height / (frame.height * self._video.width)
        if abs(shape - 1) <= SAME_SHAPE:
            return wide, high
        return max(1, round(wide * min(1, shape))), max(1, round(high * min(1, 1 / shape)))

    def luma(self, frame: Any, width: int) -> Gray:
        """Lightness alone, as coded and not turned: cheap, for measuring one frame against its neighbours."""
        wide, high = self.size(width)
        if self._video.rotation in (90, 270):
            wide, high = high, wide
        pixels: Gray = self._reformatted(frame, wide, high, "gray", interpolation=Interpolation.AREA).to_ndarray()
        return pixels

    def _reformatted(self, frame: Any, wide: int, high: int, form: str, **options: Any) -> Any:
        reformatter = self._reformatters.setdefault((wide, high, form), VideoReformatter())
        return reformatter.reformat(frame, width=wide, height=high, format=form, threads=1, **options)

    def _plain(self, frame: Any, wide: int, high: int) -> Bgr:
        converted = self._reformatted(
            frame,
            wide,
            high,
            "bgr24",
            interpolation=self._filter(frame, wide),
            src_colorspace=_MATRICES[self._matrix],
            dst_colorspace=_MATRICES[self._matrix],
            src_color_range=self._range(frame),
            dst_color_range=ColorRange.JPEG,
        )
        return narrowed(converted.to_ndarray(), self._video.primaries)

    def _toned(self, frame: Any, wide: int, high: int) -> Bgr:
        spans = self._range(frame)
        converted = self._reformatted(
            frame,
            wide,
            high,
            "yuv444p16le",
            interpolation=self._filter(frame, wide),
            src_colorspace=_MATRICES[self._matrix],
            dst_colorspace=_MATRICES[self._matrix],
            src_color_range=spans,
            dst_color_range=spans,
        )
        return tone_mapped(
            converted.to_ndarray(),
            transfer=self._video.transfer,
            primaries=self._video.primaries,
            matrix=self._matrix,
            full_range=spans == ColorRange.JPEG,
            peak=_peak(frame),
        )

    def _range(self, frame: Any) -> Any:
        """The range of a frame, which may differ from that of the track's first ones."""
        if frame.format.name.startswith("yuvj"):
            return ColorRange.JPEG
        if frame.color_range in (ColorRange.JPEG, ColorRange.MPEG):
            return frame.color_range
        return ColorRange.JPEG if self._video.full_range else ColorRange.MPEG

    @staticmethod
    def _filter(frame: Any, wide: int) -> Any:
        if frame.width >= _SMALL * wide:
            return Interpolation.AREA
        # Full chroma: without it colour edges of a BGR picture are two pixels wide and jagged.
        return Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


def _barred(pixels: Bgr, wide: int, high: int) -> Bgr:
    """The pixels in the middle of this size, with black bars where they are smaller."""
    height, width = pixels.shape[:2]
    if (width, height) == (wide, high):
        return pixels
    whole = np.zeros((high, wide, 3), np.uint8)
    top, left = (high - height) // 2, (wide - width) // 2
    whole[top : top + height, left : left + width] = pixels
    return whole


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
