"""Previews: which frames stand for how long, where they begin, how large they get."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tests.pictures import PICTURE
from thumbnails.images import preview
from thumbnails.images.preview import PreviewFrame
from thumbnails.reading.reader import Frame


def frames(*times: Fraction) -> list[Frame]:
    return [Frame(time_s=time_s, pixels=np.full((90, 160, 3), n, np.uint8)) for n, time_s in enumerate(times)]


@pytest.mark.parametrize(
    ("moment", "keyframes", "begin"),
    [
        (10, (0, 8), Fraction(17, 2)),
        (0, (0,), 0),
        (Fraction(1, 2), (0,), 0),
        (60, (0, 55), 57),  # the last three seconds
        (40, (0, 20), 20),  # eighteen seconds after the keyframe would be a second of decoding for nothing
        (40, (0, 30), Fraction(77, 2)),
    ],
)
def test_it_begins_around_the_moment(moment: Fraction, keyframes: tuple[int, ...], begin: Fraction) -> None:
    assert preview.start_s(PICTURE, Fraction(moment), [Fraction(key) for key in keyframes]) == begin


def test_a_short_title_is_shown_whole() -> None:
    short = replace(PICTURE, duration_s=Fraction(7, 4))
    assert preview.start_s(short, Fraction(1), []) == 0
    assert preview.times_s(short, Fraction(0)) == [Fraction(n, 10) for n in range(17)]


def test_slow_frames_stand_longer() -> None:
    times = [Fraction(n, 10) for n in range(10)]
    made = preview.preview_frames(frames(Fraction(0), Fraction(1, 4), Fraction(9, 10)), times)
    assert [(int(one.pixels[0, 0, 0]), one.duration_ms) for one in made] == [(0, 300), (1, 600), (2, 100)]


def test_what_is_too_large_loses_quality_and_then_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    noise = [PreviewFrame(pixels=rng.integers(0, 255, (90, 160, 3), dtype=np.uint8), duration_ms=100) for _ in range(9)]
    sizes = {}
    for most in (10**6, 60_000, 40_000, 100):
        monkeypatch.setattr(preview, "MOST_BYTES", most)
        made, quality = preview.encode_webp(noise)
        sizes[most] = (len(made) <= most, quality)
    assert sizes[10**6] == (True, 70)
    assert sizes[60_000][0]
    assert 10 <= sizes[60_000][1] < 70
    assert sizes[40_000][0]
    assert sizes[100] == (False, 10), "the smallest there is"


def test_a_webp_that_moves() -> None:
    still = frames(*(Fraction(n, 10) for n in range(30)))
    shown = [PreviewFrame(pixels=np.full((180, 320, 3), 8 * n, np.uint8), duration_ms=100) for n in range(len(still))]
    made, quality = preview.encode_webp(shown)
    assert quality == preview.QUALITIES[0]
    assert made[:4] == b"RIFF"
    assert b"ANIM" in made
    animation = cv2.Animation()
    read, animation = cv2.imdecodeanimation(np.frombuffer(made, np.uint8)[None])
    assert read
    assert len(animation.frames) == 30
    assert list(animation.durations) == [100] * 30
    assert animation.loop_count == 0
    assert [round(float(frame[:, :, :3].mean())) for frame in animation.frames[::10]] == pytest.approx(
        [0, 80, 160], abs=3
    )


def test_one_frame_does_not_move() -> None:
    with pytest.raises(preview.Motionless):
        preview.encode_webp([PreviewFrame(pixels=np.zeros((90, 160, 3), np.uint8), duration_ms=3000)])
