"""Paints places and things out of noise, gradients and shaded shapes; no photograph is needed, none is used.

In: a random generator, a size, colours. Out: BGR pictures (uint8) larger than the frame, so that a camera can move in
them, in focus and well exposed: what is wrong with a shot is done to them in benchmarks/posters/planted_film.py.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.posters.planted_things import Colour, Field, Pixels, blend, hsv, noise, scaled, thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of one video: calm ones for places, strong ones for things."""

    places: tuple[Colour, ...]
    things: tuple[Colour, ...]


def palette(rng: np.random.Generator) -> Palette:
    base = rng.random()
    places = tuple(
        hsv(base + rng.uniform(-0.12, 0.12), rng.uniform(0.12, 0.5), rng.uniform(0.4, 0.85)) for _ in range(5)
    )
    things = tuple(
        hsv(base + 0.5 + rng.uniform(-0.2, 0.2), rng.uniform(0.6, 0.95), rng.uniform(0.55, 0.95)) for _ in range(4)
    )
    return Palette(places=places, things=things)


def place(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Pixels:
    """Somewhere: a table before a wall, hills, tiles, a room, leaves, a studio's backdrop."""
    paint = (_table, _hills, _tiles, _room, _leaves, _studio)[rng.integers(6)]
    painted = paint(rng, width, height, colours)
    painted *= 0.93 + 0.07 * noise(rng, width, height, 70, octaves=3)[..., None]  # nothing real is quite smooth
    return np.clip(painted, 0, 255).astype(np.uint8)


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[rng.integers(len(colours))]


def _table(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Field:
    wall, wood = _pick(rng, colours.places), _pick(rng, colours.places)
    picture = blend(wall, scaled(wall, 0.7), noise(rng, width, height, 3, octaves=5))
    edge = int(height * rng.uniform(0.55, 0.68))
    grain = noise(rng, width, height - edge, 5, octaves=6, tall=0.12)
    picture[edge:] = blend(scaled(wood, 0.55), wood, grain)
    picture[edge : edge + 2] *= 0.6
    return picture * _vignette(width, height, 0.25)


def _hills(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Field:
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    picture = blend((235, 200, 150), (245, 235, 220), down)
    clouds = np.clip(noise(rng, width, height, 4, octaves=6, tall=0.4) * 2.2 - 1.1, 0, 1)
    picture = picture * (1 - clouds[..., None]) + 245 * clouds[..., None]
    for row in range(3):
        tint = scaled(_pick(rng, colours.places), 0.9 - 0.15 * row)
        line = height * (0.45 + 0.13 * row) + height * 0.22 * (noise(rng, width, 2, 3 + row)[0] - 0.5)
        under = np.arange(height, dtype=np.float32)[:, None] > line[None, :]
        ground = blend(scaled(tint, 0.6), tint, noise(rng, width, height, 14 + 12 * row, octaves=5))
        picture = np.where(under[..., None], ground, picture)
    return picture


def _tiles(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Field:
    size = max(8, int(height * rng.uniform(0.09, 0.2)))
    wide = int(size * rng.choice([1.0, 2.0]))
    tone = rng.random((height // size + 1, width // wide + 2), np.float32)
    share = np.repeat(np.repeat(tone, size, 0), wide, 1)[:height, :width]
    first = _pick(rng, colours.places)
    picture = blend(scaled(first, 0.75), first, share * 0.6 + 0.4 * noise(rng, width, height, 8, octaves=5))
    picture[::size] *= 0.75
    picture[:, ::wide] *= 0.75
    return picture * _vignette(width, height, 0.3)


def _room(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Field:
    wall, floor = _pick(rng, colours.places), _pick(rng, colours.places)
    light = np.linspace(1, 0, width, dtype=np.float32)[None, :] * np.ones((height, 1), np.float32)
    picture = blend(scaled(wall, 0.6), wall, light) * (0.95 + 0.05 * noise(rng, width, height, 20)[..., None])
    edge = int(height * rng.uniform(0.7, 0.8))
    picture[edge:] = blend(scaled(floor, 0.5), scaled(floor, 0.9), noise(rng, width, height - edge, 9, tall=0.2))
    for _ in range(rng.integers(2, 5)):  # frames, shelves, a window
        x, y = int(rng.uniform(0, width * 0.8)), int(rng.uniform(0, edge * 0.5))
        far = (x + int(width * rng.uniform(0.08, 0.22)), y + int(height * rng.uniform(0.12, 0.35)))
        cv2.rectangle(picture, (x, y), far, scaled(wall, 0.45), -1, cv2.LINE_AA)
        inner = scaled(_pick(rng, colours.places), rng.uniform(0.8, 1.15))
        cv2.rectangle(picture, (x + 4, y + 4), (far[0] - 4, far[1] - 4), inner, -1, cv2.LINE_AA)
    return picture


def _leaves(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Field:
    tint = _pick(rng, colours.places)
    picture = blend(scaled(tint, 0.35), scaled(tint, 0.8), noise(rng, width, height, 5, octaves=3))
    for _ in range(140):
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        size = height * rng.uniform(0.02, 0.06)
        axes = (max(1, int(size)), max(1, int(size * 0.4)))
        cv2.ellipse(picture, (x, y), axes, rng.uniform(0, 180), 0, 360, scaled(tint, rng.uniform(0.5, 1.2)), -1)
    return np.asarray(
        cv2.GaussianBlur(picture, (0, 0), height / 360 * 1.6), np.float32
    )  # it lies behind what is in focus


def _studio(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Field:
    tint = _pick(rng, colours.places)
    down = np.linspace(1, 0.25, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    picture = blend(scaled(tint, 0.6), scaled(tint, 1.15), down)
    return picture * (0.97 + 0.03 * noise(rng, width, height, 30)[..., None]) * _vignette(width, height, 0.35)


def _vignette(width: int, height: int, depth: float) -> Field:
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return (1 - depth * (x * x + y * y) / 2)[..., None]


def clutter(rng: np.random.Generator, picture: Pixels, colours: Palette, unit: float) -> None:
    """Many small things all over, none of which matters."""
    height, width = picture.shape[:2]
    every = (*colours.things, *colours.places)
    for _ in range(int(rng.integers(45, 80))):
        where = (rng.uniform(0, width), rng.uniform(0, height))
        thing(rng, picture, where, unit * rng.uniform(20, 55), _pick(rng, every))


def text_card(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Pixels:
    """A title, a slide or an end card: lines of letters on a plain or shaded ground."""
    dark = rng.random() < 0.5
    ground = scaled(_pick(rng, colours.things if rng.random() < 0.5 else colours.places), 0.35 if dark else 1.3)
    if rng.random() < 0.35:
        ground = (8.0, 8.0, 8.0) if dark else (245.0, 245.0, 245.0)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    picture = np.clip(blend(ground, scaled(ground, rng.uniform(0.7, 1)), down), 0, 255).astype(np.uint8)
    ink = (245, 245, 245) if dark else (20, 20, 20)
    words = (
        "SALE",
        "thank you",
        "Chapter",
        "www.example.com",
        "part two",
        "subscribe",
        "Contents",
        "measured",
        "price",
    )
    y = int(height * rng.uniform(0.2, 0.45))
    for line in range(int(rng.integers(1, 6))):
        text = " ".join(rng.choice(words, int(rng.integers(1, 4))))
        scale = height / 360 * (1.5 if line == 0 else 0.8)
        face, thick = int(rng.choice([cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX])), max(1, round(scale * 1.5))
        (wide, tall), _ = cv2.getTextSize(text, face, scale, thick)
        scale *= min(1.0, width * 0.86 / wide)
        x = int((width - min(wide, width * 0.86)) / 2) if rng.random() < 0.6 else int(width * 0.07)
        cv2.putText(picture, text, (x, y), face, scale, ink, thick, cv2.LINE_AA)
        y += int(tall * 1.9)
    return picture


def test_card(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Colour bars over a grey ramp; in some a disc and a number."""
    bars = [(191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0)]
    row = np.repeat(np.array(bars, np.uint8), -(-width // 7), 0)[:width]
    picture = np.broadcast_to(row, (height, width, 3)).copy()
    ramp = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    picture[int(height * rng.uniform(0.65, 0.8)) :] = ramp
    if rng.random() < 0.5:
        centre, radius = (width // 2, height // 2), int(min(width, height) * 0.32)
        cv2.circle(picture, centre, radius, (230, 230, 230), -1, cv2.LINE_AA)
        number, scale = str(rng.integers(1, 10)), min(width, height) / 80
        at = (int(width / 2 - scale * 10), int(height / 2 + scale * 10))
        put = partial(cv2.putText, picture, number, at, cv2.FONT_HERSHEY_DUPLEX, scale)
        put((20, 20, 20), max(2, round(scale * 2)), cv2.LINE_AA)
    return picture


def covered(rng: np.random.Generator, width: int, height: int, colours: Palette) -> Pixels:
    """A wall too near, or a hand on the lens: nearly one tone."""
    tone = scaled(_pick(rng, colours.places), rng.uniform(0.3, 1.1))
    return np.clip(blend(scaled(tone, 0.92), tone, noise(rng, width, height, 2, octaves=2)), 0, 255).astype(np.uint8)


def random_for(*seeds: Any) -> np.random.Generator:
    return np.random.default_rng(list(seeds))
