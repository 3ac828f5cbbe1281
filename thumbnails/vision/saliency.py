"""Saliency of a picture: the spectral residual (Hou and Zhang, 2007), for posters, crops and reframing alike.

In: a grey image and the settings of the residual. Out: a map of what the smooth part of the image's spectrum does not
predict; and, for posters, how well that is composed. Each caller owns its `ResidualSettings`. Pure.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Gray

SaliencyMap = npt.NDArray[np.float32]
SIDE = 64  # columns of a map: finer ones follow texture instead of things
_THIRDS = tuple((x, y) for x in (1 / 3, 1 / 2, 2 / 3) for y in (1 / 3, 1 / 2, 2 / 3))
_SALIENT = 0.4  # of a map's range


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualSettings:
    """Settings of the spectral residual for one use of the map."""

    blur_sigma: float  # of the map, in its own pixels: wide joins a thing into one blob, narrow keeps its place
    log_floor: float  # added to amplitudes before their logarithm: larger ones ignore the faintest frequencies
    keeps_aspect: bool = False  # rows in proportion to the image, instead of SIDE
    mirrored: bool = False  # continued as its own mirror image, so that opposite sides do not meet in the transform


def spectral_residual(gray: Gray, settings: ResidualSettings) -> SaliencyMap:
    """A map SIDE columns wide, from 0 up, not scaled to any range."""
    rows = round(SIDE * gray.shape[0] / gray.shape[1]) if settings.keeps_aspect else SIDE
    image = cv2.resize(gray, (SIDE, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    if settings.mirrored:
        wide = np.concatenate((image, image[:, ::-1]), axis=1)
        image = np.concatenate((wide, wide[::-1]))
    spectrum = np.fft.fft2(image)
    amplitude = np.log(np.abs(spectrum) + settings.log_floor).astype(np.float32)
    unpredicted = amplitude - cv2.blur(amplitude, (3, 3))
    back = np.fft.ifft2(np.exp(unpredicted + 1j * np.angle(spectrum)))[:rows, :SIDE]
    energy = (np.abs(back) ** 2).astype(np.float32)
    return cv2.GaussianBlur(energy, (0, 0), settings.blur_sigma).astype(np.float32, copy=False)


def scaled_to_one(saliency: SaliencyMap) -> SaliencyMap:
    """The same map with 0 as its least and 1 as its greatest value."""
    low, high = float(saliency.min()), float(saliency.max())
    scaled: SaliencyMap = ((saliency - low) / max(high - low, 1e-9)).astype(np.float32)
    return scaled


def composition(saliency: SaliencyMap) -> float:
    """0..1: whether the salient area of a square map of 0..1 is in one place, near a third or the middle."""
    weight = np.where(saliency > _SALIENT, saliency, 0)
    total = float(weight.sum())
    if total <= 0:
        return 0.0
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    x, y = float((weight * columns).sum() / total), float((weight * rows).sum() / total)
    spread = float(np.sqrt((weight * ((columns - x) ** 2 + (rows - y) ** 2)).sum() / total))
    distance = min(math.hypot(x - u, y - v) for u, v in _THIRDS)
    return max(0.0, 1 - 1.5 * spread) * 0.6 + max(0.0, 1 - 3 * distance) * 0.4
