"""Smart crops: what stands out stays in, faces are never cut, nothing is enlarged."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thumbnails.images.crop import cut, importance, window
from thumbnails.reading.colour import Bgr
from thumbnails.vision.boxes import PixelBox

UPRIGHT, SQUARE, WIDE = Fraction(9, 16), Fraction(1), Fraction(16, 9)


def scene(width: int, height: int, thing: PixelBox | None = None) -> Bgr:
    """A soft slope, and one coloured thing with detail."""
    slope = np.linspace(90, 130, width).astype(np.uint8)
    picture = np.broadcast_to(slope[None, :, None], (height, width, 3)).copy()
    if thing is not None:
        part = picture[thing.y : thing.y + thing.height, thing.x : thing.x + thing.width]
        part[:] = (30, 40, 220)
        part[::8] = (230, 240, 250)
    return picture


def holds(kept: PixelBox | None, box: PixelBox) -> bool:
    return (
        kept is not None
        and kept.x <= box.x
        and kept.y <= box.y
        and kept.x + kept.width >= box.x + box.width
        and kept.y + kept.height >= box.y + box.height
    )


@given(x=st.integers(0, 1080), y=st.integers(0, 520))
@settings(max_examples=25, deadline=None)
def test_the_thing_stays_in(x: int, y: int) -> None:
    thing = PixelBox(x=x, y=y, width=200, height=200)
    for aspect in (UPRIGHT, SQUARE):
        kept = window(scene(1280, 720, thing), aspect)
        assert kept is not None
        inside = min(thing.x + 200, kept.x + kept.width) - max(thing.x, kept.x)
        assert inside >= 190


def test_rows_are_chosen_too() -> None:
    low = PixelBox(x=200, y=1500, width=300, height=200)
    assert holds(window(scene(1080, 1920, low), WIDE), low)


def test_a_picture_that_says_nothing_is_cut_in_the_middle() -> None:
    kept = window(np.full((720, 1280, 3), 128, np.uint8), UPRIGHT)
    assert kept is not None
    assert abs(kept.x + kept.width / 2 - 640) <= 8


def test_faces_outweigh_all_else() -> None:
    loud, face = PixelBox(x=900, y=100, width=300, height=500), PixelBox(x=60, y=200, width=160, height=160)
    kept = window(scene(1280, 720, loud), UPRIGHT, [face])
    assert holds(kept, face)


def test_two_faces_apart_show_the_whole_picture() -> None:
    faces = [PixelBox(x=40, y=200, width=200, height=200), PixelBox(x=1040, y=200, width=200, height=200)]
    picture = scene(1280, 720, faces[0])
    assert window(picture, UPRIGHT, faces) is None
    padded = cut(picture, None, UPRIGHT, 640)
    assert padded.shape == (1138, 640, 3)
    # All of it in the middle, as wide as the crop; its own blur above and below, darker.
    middle = padded[1138 // 2 - 180 : 1138 // 2 + 180]
    assert (np.abs(middle[:, 20:100].astype(int) - (30, 40, 220)).max(axis=2) < 12).any()
    assert padded[:200].mean() < 0.75 * middle.mean()


@given(
    width=st.integers(32, 700),
    height=st.integers(32, 700),
    aspect=st.sampled_from([UPRIGHT, SQUARE, WIDE]),
    padded=st.booleans(),
)
def test_never_enlarged_and_in_shape(width: int, height: int, aspect: Fraction, padded: bool) -> None:
    picture = scene(width, height)
    kept = window(picture, aspect)
    assert kept is not None
    assert 0 <= kept.x <= width - kept.width
    assert 0 <= kept.y <= height - kept.height
    made = cut(picture, None if padded else kept, aspect, 640)
    assert abs(made.shape[1] - float(aspect) * made.shape[0]) <= 2
    assert min(made.shape[:2]) <= 640
    if not padded:
        assert made.shape[0] <= kept.height
        assert made.shape[1] <= kept.width


@pytest.mark.parametrize("size", [(1280, 720), (90, 160), (32, 32)])
def test_importance_is_even_and_small(size: tuple[int, int]) -> None:
    weights = importance(scene(*size))
    assert max(weights.shape) <= 160
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert (weights >= 0).all()
