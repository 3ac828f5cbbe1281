"""ThumbHash and dominant colour: placeholders that a page shows until a poster has been loaded. Pure.

In: BGR pixels. Out: the 20 to 25 bytes of a ThumbHash (the published format, opaque pictures only) and `#rrggbb`.
Refuses nothing.

A hash is 5 bytes of header, then 4-bit factors, low half of a byte first. Three channels (lightness, yellow-blue,
red-green) are each a mean and the low frequencies of a cosine transform, scaled by the largest of them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr

_Plane = npt.NDArray[np.float64]

SIDE = 100  # the most that the format's authors let in; more shows no difference
LIGHT_TERMS = 7  # along the long side, without alpha
COLOUR_TERMS = 3
_BINS = 8  # per channel, of the dominant colour


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    """One of the three channels: its mean and its low frequencies, relative to the largest of them."""

    mean: float
    factors: tuple[float, ...]  # 0..1, where 0.5 is none
    scale: float


def encode(bgr: Bgr) -> bytes:
    """The hash of a picture of any size; it is scaled to at most 100 pixels a side first."""
    blue, green, red = np.moveaxis(_small(bgr, SIDE).astype(np.float64) / 255, 2, 0)
    high, wide = blue.shape
    terms_x, terms_y = (max(1, _rounded(LIGHT_TERMS * side / max(wide, high))) for side in (wide, high))
    light = _channel((red + green + blue) / 3, max(3, terms_x), max(3, terms_y))
    yellow = _channel((red + green) / 2 - blue, COLOUR_TERMS, COLOUR_TERMS)
    warm = _channel(red - green, COLOUR_TERMS, COLOUR_TERMS)
    landscape = wide > high
    first: int = _rounded(63 * light.mean) | _rounded(31.5 + 31.5 * yellow.mean) << 6
    first |= _rounded(31.5 + 31.5 * warm.mean) << 12 | _rounded(31 * light.scale) << 18
    second: int = (terms_y if landscape else terms_x) | _rounded(63 * yellow.scale) << 3
    second |= _rounded(63 * warm.scale) << 9 | landscape << 15
    nibbles: list[int] = [_rounded(15 * factor) for channel in (light, yellow, warm) for factor in channel.factors]
    nibbles += [0] * (len(nibbles) % 2)
    pairs = bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return first.to_bytes(3, "little") + second.to_bytes(2, "little") + pairs


def dominant_colour(bgr: Bgr) -> str:
    """The mean of the fullest of 512 colour boxes: a colour that is in the picture, which a plain mean may not be."""
    pixels = _small(bgr, 64).reshape(-1, 3)
    boxes = (pixels // (256 // _BINS)).astype(np.int64) @ np.array([_BINS * _BINS, _BINS, 1])
    blue, green, red = pixels[boxes == np.bincount(boxes).argmax()].mean(axis=0).round().astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _small(bgr: Bgr, side: int) -> Bgr:
    high, wide = bgr.shape[:2]
    if max(wide, high) <= side:
        return bgr
    share = side / max(wide, high)
    size = (max(1, round(wide * share)), max(1, round(high * share)))
    return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _channel(plane: _Plane, terms_x: int, terms_y: int) -> _Channel:
    high, wide = plane.shape
    spectrum = _cosines(terms_y, high) @ plane @ _cosines(terms_x, wide).T / (wide * high)
    varying = [float(spectrum[y, x]) for x, y in _frequencies(terms_x, terms_y)]
    scale = max(map(abs, varying), default=0.0)
    if scale < 1e-9:  # what rounding leaves of a plain area differs between machines
        return _Channel(mean=float(spectrum[0, 0]), factors=(0.0,) * len(varying), scale=0.0)
    factors = tuple(0.5 + 0.5 / scale * one for one in varying)
    return _Channel(mean=float(spectrum[0, 0]), factors=factors, scale=scale)


def _frequencies(terms_x: int, terms_y: int) -> Iterator[tuple[int, int]]:
    """The frequencies of the format, in its order: the triangle below the diagonal, without the mean."""
    for y in range(terms_y):
        for x in range(terms_x):
            if (x or y) and x * terms_y < terms_x * (terms_y - y):
                yield x, y


def _cosines(terms: int, length: int) -> _Plane:
    """The cosine transform's basis, `terms` x `length`: one row per frequency."""
    return np.cos(math.pi / length * np.outer(np.arange(terms), np.arange(length) + 0.5))


def _rounded(value: float) -> int:
    """Halves go up, as in the other implementations: a mean of 31.5 would differ otherwise."""
    return math.floor(value + 0.5)
