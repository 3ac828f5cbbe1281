"""One sampled frame -> what is measured of it. Pure arithmetic on arrays.

In: BGR pixels with a long side of LONG_SIDE. Out: `Look`, small enough to keep hundreds of. Black bars are known only
when all samples are, so what they would falsify is measured by `signals` afterwards, inside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.colour import Bgr, Gray, lightness
from thumbnails.saliency import composition, saliency
from thumbnails.text import text_share

LONG_SIDE = 640
SMALL_SIDE = 320  # at which all but sharpness is measured
BLOCKS = 16  # sharpness is kept as a grid: a sharp thing on a soft ground is sharp
_BAR_LUMA = 24
_BAR_MOST = 0.35  # of a side
_LEAST_LEFT = 0.3

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A frame as it is kept: small, with what needed it larger."""

    time_s: Fraction
    small: Bgr
    blocks: npt.NDArray[np.float32]  # BLOCKS x BLOCKS, variance of the Laplacian
    text: float  # share of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is measured inside the bars. Luma is 0..255; the others are as large as they are."""

    luma: float
    contrast: float  # standard deviation of luma
    top_bin: float  # share of the most frequent of 32 lumas
    sharpness: float  # log of the Laplacian's variance where the picture is sharpest
    exposure: float  # 0..1
    colour: float  # Hasler and Suesstrunk (2003)
    saliency: float  # 0..1
    text: float


def look(time_s: Fraction, pixels: Bgr) -> Look:
    gray = lightness(pixels)
    return Look(time_s=time_s, small=_shrunk(pixels), blocks=sharp_blocks(gray), text=text_share(gray))


def _shrunk(pixels: Bgr) -> Bgr:
    height, width = pixels.shape[:2]
    scale = min(1.0, SMALL_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Bgr = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small


def sharp_blocks(gray: Gray) -> npt.NDArray[np.float32]:
    edges = cv2.Laplacian(gray, cv2.CV_32F)
    size = (BLOCKS, BLOCKS)
    mean = cv2.resize(edges, size, interpolation=cv2.INTER_AREA)
    square = cv2.resize(edges * edges, size, interpolation=cv2.INTER_AREA)
    return np.maximum(square - mean * mean, 0).astype(np.float32)


def bars(looks: Sequence[Look]) -> Box:
    """What is left when rows and columns are cut off that are black in all samples."""
    brightest: Gray | None = None
    for one in looks:
        gray = lightness(one.small)
        if brightest is None or brightest.shape != gray.shape:
            brightest = gray
        brightest = np.maximum(brightest, gray).astype(np.uint8)
    if brightest is None:
        return WHOLE
    top, bottom = _edges(np.percentile(brightest, 95, axis=1) < _BAR_LUMA)
    left, right = _edges(np.percentile(brightest, 95, axis=0) < _BAR_LUMA)
    # Nothing but bars is a dark title, not a box of nothing.
    return (left, top, right, bottom) if min(right - left, bottom - top) >= _LEAST_LEFT else WHOLE


def _edges(dark: npt.NDArray[np.bool_]) -> tuple[float, float]:
    lit = np.flatnonzero(~dark)
    if not len(lit):
        return 0.0, 0.0
    first, last = int(lit[0]) / len(dark), (int(lit[-1]) + 1) / len(dark)
    return (first if first <= _BAR_MOST else 0.0), (last if last >= 1 - _BAR_MOST else 1.0)


def inside(pixels: Bgr, box: Box) -> Bgr:
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    return pixels[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def signals(one: Look, box: Box) -> Signals:
    pixels = inside(one.small, box)
    gray = lightness(pixels)
    luma, contrast = float(gray.mean()), float(gray.std())
    counts = np.bincount(gray.ravel() >> 3, minlength=32)
    burnt = float((gray >= 250).mean() + (gray <= 8).mean())
    exposure = max(0.0, 1 - abs(luma - 118) / 118) * 0.5 + min(1.0, contrast / 60) * 0.5 - 0.5 * min(1.0, burnt)
    return Signals(
        luma=luma,
        contrast=contrast,
        top_bin=float(counts.max() / counts.sum()),
        sharpness=sharpness(one.blocks, box),
        exposure=max(0.0, exposure),
        colour=_colourfulness(pixels),
        saliency=composition(saliency(gray)),
        text=one.text,
    )


def sharpness(blocks: npt.NDArray[np.float32], box: Box = WHOLE) -> float:
    left, top, right, bottom = (round(side * BLOCKS) for side in box)
    # A bar's own edge is as sharp as anything: its blocks are left out.
    rows = slice(top + (top > 0), max(top + 2, bottom - (bottom < BLOCKS)))
    columns = slice(left + (left > 0), max(left + 2, right - (right < BLOCKS)))
    return float(np.log1p(np.sort(blocks[rows, columns].ravel())[-max(1, blocks[rows, columns].size // 5) :].mean()))


def _colourfulness(pixels: Bgr) -> float:
    blue, green, red = (pixels[:, :, which].astype(np.float32) for which in range(3))
    warm, cool = red - green, (red + green) / 2 - blue
    return float(np.hypot(warm.std(), cool.std()) + 0.3 * np.hypot(warm.mean(), cool.mean()))
