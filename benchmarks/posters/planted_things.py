"""Paints things: shaded shapes with texture and shadow, to be set into a scene; and the brushes for all painting.

In: a random generator, a picture, where, how large, which colour. Out: the picture, changed in place.
"""

import colorsys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Field = NDArray[np.floating[Any]]
Colour = tuple[float, float, float]  # BGR, 0..255


def hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return blue * 255, green * 255, red * 255


def noise(
    rng: np.random.Generator, width: int, height: int, cells: float, *, octaves: int = 4, tall: float = 1
) -> Field:
    """Cloud-like values 0..1; `cells` across the width in the coarsest layer, `tall` times longer than wide."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = max(2, round(cells * 2**octave))
        down = max(2, round(across * height / width / tall))
        layer = rng.random((min(down, height), min(across, width)), np.float32)
        total += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.55**octave)
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def blend(low: Colour, high: Colour, share: Field) -> Field:
    first, second = np.array(low, np.float32), np.array(high, np.float32)
    return first + (second - first) * share[..., None]


def scaled(colour: Colour, by: float) -> Colour:
    blue, green, red = (min(255.0, one * by) for one in colour)
    return blue, green, red


def thing(rng: np.random.Generator, picture: Pixels, centre: tuple[float, float], size: float, colour: Colour) -> None:
    """Put a shaded thing of about `size` pixels height onto the picture, with its shadow."""
    side = max(12, int(size))
    shape = rng.integers(5)
    mask, light = (_ball, _bottle, _box, _flower, _figure)[shape](rng, side)
    tone = blend(scaled(colour, 0.35), colour, np.clip(light, 0, 1))
    skin = hsv(rng.uniform(0.04, 0.09), rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.95))
    if shape == 4:  # the upper part of a figure is its head
        head = np.arange(side)[:, None, None] < side * 0.52
        tone = np.where(head, blend(scaled(skin, 0.5), skin, np.clip(light, 0, 1)), tone)
    tone *= 0.88 + 0.12 * noise(rng, side, side, 9, octaves=4)[..., None]
    gleam = np.clip((light - 0.86) * 5, 0, 1)[..., None]
    tone = tone * (1 - gleam * 0.7) + 250 * gleam * 0.7
    left, top = int(centre[0] - side / 2), int(centre[1] - side / 2)
    around = side // 5
    edged = cv2.copyMakeBorder(mask, around, around, around, around, cv2.BORDER_CONSTANT, value=0.0)
    shadow = 0.55 * np.asarray(cv2.GaussianBlur(edged, (0, 0), side * 0.06), np.float32)
    _onto(picture, shadow, np.zeros((*shadow.shape, 3)), left + side // 12 - around, top + side // 14 - around)
    _onto(picture, mask, tone, left, top)


def _onto(picture: Pixels, mask: Field, tone: Field, left: int, top: int) -> None:
    """Alpha over, cut at the picture's edges."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + mask.shape[1]), min(height, top + mask.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha, under = mask[part][..., None], picture[y0:y1, x0:x1]
    picture[y0:y1, x0:x1] = np.clip(under * (1 - alpha) + tone[part] * alpha, 0, 255)


def _grid(side: int) -> tuple[Field, Field]:
    line = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return x, y


def _soft(inside: Field, side: int) -> Field:
    """A mask from a signed distance (positive inside, 1 is half the side), its edge one pixel wide."""
    return np.clip(inside * side / 2 + 0.5, 0, 1).astype(np.float32)


def _ball(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    x, y = _grid(side)
    away = np.sqrt(x * x + y * y)
    depth = np.sqrt(np.clip(0.81 - away * away, 0, 1))
    light = (-0.5 * x - 0.6 * y + 0.75 * depth) / 0.9
    if rng.random() < 0.5:  # stripes
        light = light * np.where(np.sin(y * 9 + x * 3) > 0, 1.0, 0.6)
    return _soft(0.9 - away, side), light.astype(np.float32)


def _bottle(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    x, y = _grid(side)
    neck = rng.uniform(0.12, 0.2)
    half = neck + (rng.uniform(0.32, 0.48) - neck) / (1 + np.exp(-(y + rng.uniform(0.2, 0.45)) * 14))
    light = 0.25 + 0.75 * np.sqrt(np.clip(1 - ((x + half * 0.25) / half) ** 2, 0, 1))
    label = (np.abs(y - 0.35) < 0.25) & (np.abs(x) < half * 0.9)
    lines = np.where(np.sin(y * 55) > 0.2, 1.0, 0.45)
    light = np.where(label, light * lines * 1.1, light)
    return _soft(np.minimum(half - np.abs(x), 0.92 - np.abs(y)), side), light.astype(np.float32)


def _box(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    x, y = _grid(side)
    lean = rng.uniform(-0.3, 0.3)
    top = np.abs(x) * 0.35 - 0.75
    inside = np.minimum(np.minimum(0.8 - np.abs(x), y - top), 0.75 - np.abs(x) * 0.35 - y + 0.1)
    light = np.where(y < -0.35 - np.abs(x) * 0.35, 0.95, np.where(x < lean, 0.75, 0.45)).astype(np.float32)
    band = np.abs(np.where(x < lean, x - lean + 0.4, x - lean - 0.4)) < 0.08
    return _soft(inside, side), np.where(band, light * 0.5, light).astype(np.float32)


def _flower(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    x, y = _grid(side)
    angle, away = np.arctan2(y, x), np.sqrt(x * x + y * y)
    petals = int(rng.integers(5, 9))
    edge = 0.62 + 0.28 * np.abs(np.cos(angle * petals / 2 + rng.uniform(0, 3)))
    light = 0.35 + 0.6 * np.clip(away / edge, 0, 1) + 0.12 * np.cos(angle * petals * 3)
    return _soft(edge - away, side), np.where(away < 0.22, 0.15 + away, light).astype(np.float32)


def _figure(rng: np.random.Generator, side: int) -> tuple[Field, Field]:
    """Head and shoulders, roughly; no face finder needs to agree."""
    x, y = _grid(side)
    head = 1 - np.sqrt((x / 0.36) ** 2 + ((y + 0.45) / 0.46) ** 2)
    body = 1 - np.sqrt((x / 0.85) ** 2 + ((y - 1.0) / 0.92) ** 2)
    light = 0.78 - 0.35 * x - 0.1 * y
    for eye in (-0.14, 0.14):
        light = np.where((x - eye) ** 2 + (y + 0.5) ** 2 < 0.0022, 0.02, light)
    mouth = (np.abs(y + 0.22 - x * x * rng.uniform(0, 1.5)) < 0.022) & (np.abs(x) < 0.14)
    light = np.where(mouth, 0.2, light)
    hair = (y < -0.62 + 0.5 * x * x) & (head > 0)
    return _soft(np.maximum(head * 0.36, body * 0.6), side), np.where(hair, light * 0.25, light).astype(np.float32)
