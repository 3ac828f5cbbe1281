"""ThumbHash: our own encoder speaks the published format; the colour is one the picture has."""

import base64

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumbnails.thumbhash import Pixels, decode, dominant_colour, encode


def blobs(width: int, height: int, seed: int = 0) -> Pixels:
    coarse = np.random.default_rng(seed).integers(30, 225, (3, 4, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


@given(width=st.integers(16, 400), height=st.integers(16, 400), seed=st.integers(0, 50))
def test_a_hash_paints_the_picture_again(width: int, height: int, seed: int) -> None:
    picture = blobs(width, height, seed)
    made = encode(picture)
    painted = decode(made)
    assert len(made) <= 25
    assert np.abs(painted.mean(axis=(0, 1)) - picture.mean(axis=(0, 1))).max() < 12
    # The format keeps the shape as one of 13: sevenths of the long side.
    told, real = painted.shape[1] / painted.shape[0], width / height
    if 1 / 6 < real < 6:
        assert abs(told / real - 1) < 0.45


@pytest.mark.parametrize(("width", "height", "length"), [(16, 9, 19), (9, 16, 19), (10, 10, 24), (4, 3, 21)])
def test_lengths_are_the_formats(width: int, height: int, length: int) -> None:
    assert len(encode(blobs(width * 20, height * 20))) == length


def test_left_is_left_and_up_is_up() -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:45, :80] = (0, 0, 255)
    painted = decode(encode(picture)).astype(int)
    red = painted[:, :, 2] - painted[:, :, 0]
    half_y, half_x = red.shape[0] // 2, red.shape[1] // 2
    corner = red[:half_y, :half_x].mean()
    assert corner > 150
    for other in (red[half_y:, :half_x], red[:half_y, half_x:], red[half_y:, half_x:]):
        assert other.mean() < 60


def test_a_hash_somebody_else_made_is_read() -> None:
    # Of a photograph 75 wide and 100 high, a flower on green, by the format's own example.
    painted = decode(base64.b64decode("k0oGLQaSVsN0BVhn2oq2Z5SQUQcZ"))
    assert painted.shape == (32, 23, 3)
    assert painted.mean() == pytest.approx(105, abs=40)


def test_plain_areas_have_no_detail() -> None:
    made = encode(np.full((90, 160, 3), (40, 80, 200), np.uint8))
    assert made[5:].strip(b"\x88\x08\x00") == b""
    assert np.abs(decode(made).astype(int) - (40, 80, 200)).max() < 8


@pytest.mark.parametrize("broken", [b"", b"\x00\x01", bytes(5), b"\x00\x00\x80" + bytes(20)])
def test_no_hash_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="ThumbHash"):
        decode(broken)


def test_the_dominant_colour_is_in_the_picture() -> None:
    picture = np.full((100, 100, 3), (20, 20, 220), np.uint8)
    picture[:40] = (220, 20, 20)  # the mean of both would be a purple that is nowhere
    assert dominant_colour(picture) == "#dc1414"
