"""ThumbHash: our own encoder speaks the published format; the colour is one the picture has."""

import base64
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thumbnails.images.thumbhash import dominant_colour, encode
from thumbnails.reading.colour import Bgr


def blobs(width: int, height: int, seed: int = 0) -> Bgr:
    coarse = np.random.default_rng(seed).integers(30, 225, (3, 4, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def decode(thumbhash: bytes) -> Bgr:
    """The picture of a hash as browsers paint it, by the published format: BGR, 32 pixels on the long side."""
    first, second = int.from_bytes(thumbhash[:3], "little"), int.from_bytes(thumbhash[3:5], "little")
    terms_x, terms_y = (7, second & 7) if second >> 15 else (second & 7, 7)
    ratio = terms_x / max(1, terms_y)
    size = (32, round(32 / ratio)) if ratio > 1 else (round(32 * ratio), 32)
    factors = (half / 7.5 - 1 for byte in thumbhash[5:] for half in (byte & 15, byte >> 4))
    light, yellow, warm = (
        painted(mean, factors, scale, size, terms)
        for mean, scale, terms in (
            ((first & 63) / 63, (first >> 18 & 31) / 31, (max(3, terms_x), max(3, terms_y))),
            ((first >> 6 & 63) / 31.5 - 1, (second >> 3 & 63) / 63 * 1.25, (3, 3)),
            ((first >> 12 & 63) / 31.5 - 1, (second >> 9 & 63) / 63 * 1.25, (3, 3)),
        )
    )
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + warm) / 2
    return (np.stack((blue, red - warm, red), axis=2).clip(0, 1) * 255).astype(np.uint8)


def painted(
    mean: float, factors: Iterator[float], scale: float, size: tuple[int, int], terms: tuple[int, int]
) -> np.ndarray:
    x, y = ((np.arange(side) + 0.5) / side for side in size)
    plane = np.full(size[::-1], mean)
    for v in range(terms[1]):
        for u in range(terms[0]):
            if (u or v) and u * terms[1] < terms[0] * (terms[1] - v):
                wave = np.outer(np.cos(np.pi * v * y), np.cos(np.pi * u * x))
                plane += 2 * scale * next(factors) * wave
    return plane


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


def test_the_dominant_colour_is_in_the_picture() -> None:
    picture = np.full((100, 100, 3), (20, 20, 220), np.uint8)
    picture[:40] = (220, 20, 20)  # the mean of both would be a purple that is nowhere
    assert dominant_colour(picture) == "#dc1414"
