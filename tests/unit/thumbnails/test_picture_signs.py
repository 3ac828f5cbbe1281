"""thumbnails.vision.shaking, and bars that are part of a picture: on pictures made here."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from thumbnails.reading.colour import Bgr, Gray
from thumbnails.vision.black_bars import baked_in, title_box
from thumbnails.vision.boxes import WHOLE
from thumbnails.vision.shaking import shaking

WIDTH, HEIGHT, RATE = 160, 90, 25
Place = tuple[float, float]


def ground() -> Gray:
    random = np.random.default_rng(5)
    coarse = cv2.resize(random.integers(40, 215, (30, 50), np.uint8), (300, 180), interpolation=cv2.INTER_CUBIC)
    grained: Gray = np.clip(coarse.astype(np.int16) + random.integers(-30, 31, (180, 300)), 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(grained, (0, 0), 0.7).astype(np.uint8)


def filmed(place: Callable[[float], Place], frames: int = 10) -> float | None:
    """How much a camera shakes that looks at `place` (in pixels beside the middle) at a time."""
    times = [number / RATE for number in range(frames)]
    looks = [place(time_s) for time_s in times]
    lumas = [cv2.getRectSubPix(ground(), (WIDTH, HEIGHT), (150 + x, 90 + y)) for x, y in looks]
    return shaking(lumas, times)


def hand(width: float, hertz: float) -> Callable[[float], Place]:
    return lambda time_s: (width * math.sin(2 * math.pi * hertz * time_s), width * math.cos(9 * hertz * time_s))


@pytest.mark.parametrize(("width", "hertz"), [(3, 3), (2, 5), (3, 8)])
def test_a_hand_that_shakes(width: float, hertz: float) -> None:
    found = filmed(hand(width, hertz))
    assert found is not None
    assert found > 0.12


@pytest.mark.parametrize(
    "place",
    [
        lambda _: (0.0, 0.0),
        lambda time_s: (60 * time_s, 10 * time_s),  # a pan
        lambda time_s: (120 * time_s * time_s, 0.0),  # one that gets faster
        hand(0.2, 5),  # a steady hand
    ],
    ids=["stand", "pan", "faster", "steady"],
)
def test_a_camera_that_does_not(place: Callable[[float], Place]) -> None:
    found = filmed(place)
    assert found is not None
    assert found < 0.05


def test_a_thing_that_goes_to_and_fro_moves_no_picture() -> None:
    frames = []
    for number in range(10):
        frame = ground()[:HEIGHT, :WIDTH].copy()
        frame[30:50, 60 + 8 * (number % 2) : 80 + 8 * (number % 2)] = 240
        frames.append(frame)
    found = shaking(frames, [number / RATE for number in range(10)])
    assert found is not None
    assert found < 0.05


def test_what_says_nothing() -> None:
    plain = [np.full((HEIGHT, WIDTH), 90, np.uint8)] * 10
    random = np.random.default_rng(1)
    others = [random.integers(0, 255, (HEIGHT, WIDTH), np.uint8) for _ in range(10)]
    times = [number / RATE for number in range(10)]
    assert shaking(plain, times) is None
    assert shaking(others, times) is None, "no two of them show the same"
    assert filmed(hand(3, 5), frames=3) is None


def shots(top: int, side: int, *, lower: int | None = None) -> list[Bgr]:
    """Three light pictures 320 x 180 with black bars of this many pixels."""
    random = np.random.default_rng(3)
    made = []
    for _ in range(3):
        picture = random.integers(60, 220, (180, 320, 3), np.uint8)
        picture[:top] = picture[180 - (top if lower is None else lower) :] = 0
        if side:
            picture[:, :side] = picture[:, -side:] = 0
        made.append(picture)
    return made


@pytest.mark.parametrize(("top", "side"), [(20, 0), (0, 100), (30, 50)])
def test_bars_that_somebody_put_there(top: int, side: int) -> None:
    pictures = shots(top, side)
    box = baked_in(pictures, title_box(pictures))
    assert box.height == pytest.approx(1 - 2 * top / 180, abs=0.02)
    assert box.width == pytest.approx(1 - 2 * side / 320, abs=0.02)


def test_dark_edges_that_are_none() -> None:
    uneven = shots(40, 0, lower=10)
    assert title_box(uneven) != WHOLE
    assert baked_in(uneven, title_box(uneven)) == WHOLE, "a dark ceiling"
    page = [np.zeros((180, 320, 3), np.uint8) for _ in range(3)]
    for picture in page:
        for row in range(40, 140, 12):
            picture[row : row + 3, 60 : 160 + row // 2] = 230
    assert title_box(page) != WHOLE
    assert baked_in(page, title_box(page)) == WHOLE, "lines of text on a black page"
    assert baked_in([], WHOLE) == WHOLE
