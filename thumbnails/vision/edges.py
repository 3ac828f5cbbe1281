"""How crisp a picture is, and how noisy. Pure arithmetic on arrays.

In: lightness. Out: `Edges`: the strength of edges by block at two scales, without what noise adds to them. An edge in
focus is nearly as strong at the fine scale as at the coarse one, at most contrasts; a blurred one is not. Grain is no
edge: its strength is measured where the picture is calm and taken away.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Gray
from thumbnails.vision.boxes import WHOLE, ShareBox

Floats = npt.NDArray[np.float32]

BLOCKS = 16  # a grid: a sharp thing on a soft ground is sharp
_SHARPEST = 5  # one part in so many of the blocks
_CALM = 7  # one part in so many, the calmest, tells the noise
_SEEN_FINE, _SEEN_COARSE = 1.0, 20.0  # variances below these are no edge anybody sees
_NOISE_LEFT = 0.157  # of the noise's variance: 0.116 of white noise, and a third more, since no noise is quite even
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_NOISE_SCALE = (np.pi / 2) ** 0.5 / 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """BLOCKS x BLOCKS each: the variance of the second derivative; `noise` is a standard deviation of luma."""

    fine: Floats
    coarse: Floats
    noise: float


def edges(gray: Gray) -> Edges:
    """Edges of a grey picture of any size, by block, without what its noise adds."""
    noise, luma = _noise(gray), gray.astype(np.float32)  # in whole numbers, rounding would be edges
    half = (max(BLOCKS, gray.shape[1] // 2), max(BLOCKS, gray.shape[0] // 2))
    coarse = cv2.resize(luma, half, interpolation=cv2.INTER_AREA)
    return Edges(fine=_variance(luma, noise), coarse=_variance(coarse, noise / 2), noise=noise)


def detail(gray: Gray) -> float:
    """Edges at the fine scale alone, rounded as they come: good to tell frames of one scene apart."""
    return float(np.log1p(_strongest(_variance(gray, 0.0))))


def strength(measured: Edges, box: ShareBox = WHOLE) -> float:
    """Logarithm of the edges where the picture is sharpest."""
    return float(np.log1p(_strongest(_within(measured.fine, box))))


def crispness(measured: Edges, box: ShareBox = WHOLE) -> float:
    """Logarithm of fine over coarse: about -1 in focus, below -2 blurred."""
    fine, coarse = (_strongest(_within(blocks, box)) for blocks in (measured.fine, measured.coarse))
    return float(np.log((fine + _SEEN_FINE) / (coarse + _SEEN_COARSE)))


def _noise(gray: Gray) -> float:
    """Immerkaer (1996), in the calmest blocks only: texture is no noise."""
    blocks = np.sort(_mean(np.abs(cv2.filter2D(gray, cv2.CV_32F, _NOISE_KERNEL))).ravel())
    return float(blocks[len(blocks) // _CALM] * _NOISE_SCALE)


def _variance(luma: cv2.typing.MatLike, noise: float) -> Floats:
    bent = cv2.Laplacian(cv2.GaussianBlur(luma, (5, 5), 1.0), cv2.CV_32F)
    mean = _mean(bent)
    return np.maximum(_mean(bent * bent) - mean * mean - _NOISE_LEFT * noise * noise, 0).astype(np.float32)


def _mean(values: npt.NDArray[np.floating] | cv2.typing.MatLike) -> Floats:
    """The mean of each block. Cut to whole blocks: OpenCV shrinks by whole numbers ten times faster."""
    height, width = (side - side % BLOCKS if side >= BLOCKS else side for side in values.shape[:2])
    means: Floats = cv2.resize(values[:height, :width], (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    return means


def _within(blocks: Floats, box: ShareBox) -> Floats:
    left, top, right, bottom = (round(side * BLOCKS) for side in (box.x, box.y, box.right, box.bottom))
    # A bar's own edge is as sharp as anything: its blocks are left out.
    rows = slice(top + (top > 0), max(top + 2, bottom - (bottom < BLOCKS)))
    columns = slice(left + (left > 0), max(left + 2, right - (right < BLOCKS)))
    return blocks[rows, columns]


def _strongest(blocks: Floats) -> float:
    return float(np.sort(blocks.ravel())[-max(1, blocks.size // _SHARPEST) :].mean())
