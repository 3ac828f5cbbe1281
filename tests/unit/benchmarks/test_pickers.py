"""The baselines choose what they are known to choose, at exact times; rates know how sure they are."""

import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.harness import children
from benchmarks.harness.rates import wilson
from benchmarks.posters import pickers, planted, planted_film
from benchmarks.posters.hecate import looks, picks
from benchmarks.posters.planted import Flaw, Kind, Shot, Video
from core.errors import KadrError
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary

RATE = 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[pickers.Clip, Video]:
    """1 s black, 1 s blurred, 3 s good, 1 s of a text; every 2 s a keyframe."""
    shots = tuple(
        Shot(kind=kind, frames=frames, scene=number)
        for number, (kind, frames) in enumerate([(Kind.BLACK, 10), (Kind.BLUR, 10), (Kind.GOOD, 30), (Kind.TEXT, 10)])
    )
    video = replace(
        planted.plan(1), width=320, height=180, frame_rate=RATE, shots=shots, fade_in=0, fade_out=0, letterboxed=False
    )
    video = replace(video, gop_s=Fraction(2), scene_cuts=False)
    path = tmp_path_factory.mktemp("made") / "planted.mp4"
    planted_film.make(video, path, ffmpeg_binary(Settings.load()))
    return pickers.Clip(path=path, duration_s=Fraction(6), frames=60), video


def picked(picker: pickers.Picker, clip: pickers.Clip) -> Fraction:
    found = pickers.pick(picker, clip, ffmpeg_binary(Settings.load()))
    assert found.cost.cpu_s > 0
    return found.times_s[0]


def test_first_middle_and_first_non_black(made: tuple[pickers.Clip, Video]) -> None:
    assert picked(pickers.FIRST, made[0]) == 0
    assert picked(pickers.MIDDLE, made[0]) == 3
    assert picked(pickers.NON_BLACK, made[0]) == 1


def test_ffmpeg_thumbnail_takes_a_frame_of_the_whole_video_or_a_keyframe(made: tuple[pickers.Clip, Video]) -> None:
    clip, _ = made
    whole = picked(pickers.THUMBNAIL, clip)
    assert (whole * RATE).denominator == 1
    assert whole > 1  # not the black second
    assert picked(pickers.THUMBNAIL_KEYFRAMES, clip) % 2 == 0


def test_hecate_like_takes_the_still_frames_of_the_longest(made: tuple[pickers.Clip, Video]) -> None:
    clip, video = made
    found = pickers.pick(pickers.HECATE, clip, ffmpeg_binary(Settings.load()))
    truth = planted.truth(video)
    assert truth[int(found.times_s[0] * RATE)].good
    assert 1 < len(found.times_s) <= 5
    assert list(found.times_s) == picks(list(looks(clip.path)))  # in a process of its own or here: the same
    assert picks([]) == []


def test_a_file_without_a_picture_is_told(tmp_path: Path) -> None:
    path = tmp_path / "not.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(KadrError):
        picked(pickers.FIRST, pickers.Clip(path=path, duration_s=Fraction(1), frames=1))


def test_the_time_is_read_in_the_time_base_told() -> None:
    told = (
        "#software: x\n#tb 0: 1/12288\n#dimensions 0: 64x36\n0,     152576,     152576,      512,   3456, 0x3c6443ec\n"
    )
    assert pickers.first_frame_time(told) == Fraction(152576, 12288)
    with pytest.raises(KadrError):
        pickers.first_frame_time("#tb 0: 1/25\n")


def test_wilson_is_what_the_textbook_says() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    found = wilson(0, 20)
    assert (found.low, round(found.high, 4)) == (0.0, 0.1611)
    assert math.isnan(wilson(0, 0).value)


def test_the_cost_of_children_is_seen() -> None:
    hungry = "block = bytearray(96 << 20); sum(range(3_000_000)); import time; time.sleep(0.2)"
    with children.watched() as found:
        subprocess.run([sys.executable, "-c", hungry], check=True, timeout=60)
    assert found.cost.peak_rss_bytes > 96 << 20
    assert found.cost.cpu_s > 0


def test_flaws_are_of_different_sorts() -> None:
    sort_of = {flaw: number for number, sort in enumerate(planted.SORTS) for flaw in sort}
    assert set(sort_of) == set(Flaw)
    for seed in range(50):
        for shot in planted.plan(seed).shots:
            assert len({sort_of[flaw] for flaw in shot.flaws}) == len(shot.flaws)
            assert len(shot.flaws) >= 2 or shot.kind is not Kind.ACCEPTABLE
