"""Where eyes go in a picture, and whether that is a good place. Pure arithmetic on arrays.

In: lightness. Out: a map, and one number from 0 to 1. The map is the spectral residual (Hou and Zhang, 2007): what the
average picture's spectrum does not foretell.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.colour import Gray

Map = npt.NDArray[np.float32]
SIDE = 64
_THIRDS = tuple((x, y) for x in (1 / 3, 1 / 2, 2 / 3) for y in (1 / 3, 1 / 2, 2 / 3))


def saliency(gray: Gray) -> Map:
    """SIDE x SIDE of 0..1."""
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    spectrum = np.fft.fft2(small)
    log = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = log - cv2.blur(log, (3, 3))
    back = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(back.astype(np.float32), (0, 0), 2.5)
    low, high = float(smooth.min()), float(smooth.max())
    found: Map = ((smooth - low) / max(high - low, 1e-9)).astype(np.float32)
    return found


def composition(found: Map) -> float:
    """How much of the salient area is together, and near a third or the middle rather than at an edge: 0..1."""
    weight = np.where(found > 0.4, found, 0)
    total = float(weight.sum())
    if total <= 0:
        return 0.0
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    x, y = float((weight * columns).sum() / total), float((weight * rows).sum() / total)
    spread = float(np.sqrt((weight * ((columns - x) ** 2 + (rows - y) ** 2)).sum() / total))
    away = min(math.hypot(x - u, y - v) for u, v in _THIRDS)
    return max(0.0, 1 - 1.5 * spread) * 0.6 + max(0.0, 1 - 3 * away) * 0.4
