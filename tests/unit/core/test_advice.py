"""core.media.advice: what is advised about, and what is taken for intended."""

from dataclasses import replace
from fractions import Fraction

import pytest

from core.media import advice
from core.media.advice import Advice, Bars, Judged, PictureSigns, SoundSigns

SOUND = SoundSigns(lufs=-20.0, peak_dbfs=-3.0, at_limit=0.0, duration_s=10.0)
BARS = Bars(beside=0.0, above=0.0, aspect=1.78)
PICTURE = PictureSigns(frames=12, luma=110.0, light=220.0, shaking=(0.01, 0.03, 0.02), bars=BARS)


def sound(spoken: bool = False, **found: float) -> set[Advice]:
    return set(advice.of_sound(replace(SOUND, **found), spoken=spoken).found)


def picture(**found: object) -> set[Advice]:
    return set(advice.of_picture(replace(PICTURE, **found)).found)  # type: ignore[arg-type]


def barred(**found: float) -> set[Advice]:
    return picture(bars=replace(BARS, **found))


@pytest.mark.parametrize(
    ("duration_s", "is_short"),
    [(Fraction(1, 25), True), (Fraction(149, 100), True), (Fraction(3, 2), False), (Fraction(2), False)],
)
def test_duration(duration_s: Fraction, is_short: bool) -> None:
    assert (Advice.TOO_SHORT in advice.of_duration(duration_s).found) is is_short


def test_usual_clips_are_not_advised_about() -> None:
    assert sound() == picture() == barred() == set()


@pytest.mark.parametrize(
    ("lufs", "peak_dbfs", "duration_s", "spoken", "is_silent"),
    [
        (-70.0, float("-inf"), 10.0, False, False),  # zeros: an editor's
        (-70.0, float("-inf"), 10.0, True, True),  # zeros, where somebody is said to speak
        (-70.0, -71.0, 10.0, False, True),  # the noise of a microphone that is switched off
        (-62.0, -38.0, 10.0, False, True),
        (-62.0, -38.0, 1.0, False, False),  # too short to know
        (-49.0, -30.0, 10.0, True, False),
        (-31.0, -20.0, 10.0, False, False),  # quiet, and made louder
        (float("nan"), float("nan"), 10.0, False, False),
    ],
)
def test_silence(lufs: float, peak_dbfs: float, duration_s: float, spoken: bool, is_silent: bool) -> None:
    found = sound(lufs=lufs, peak_dbfs=peak_dbfs, duration_s=duration_s, spoken=spoken)
    assert found == ({Advice.SILENT} if is_silent else set())


@pytest.mark.parametrize(
    ("at_limit", "is_clipped"),
    [
        (0.19, True),  # speech, 20 dB too loud
        (0.08, True),
        (0.05, False),  # the noise of a motor behind a camera's limiter
        (0.011, False),  # music mastered as loud as can be
        (0.001, False),
    ],
)
def test_clipping(at_limit: float, is_clipped: bool) -> None:
    assert sound(lufs=-7.0, peak_dbfs=0.5, at_limit=at_limit) == ({Advice.CLIPPED} if is_clipped else set())
    assert sound(lufs=-7.0, peak_dbfs=0.5, at_limit=at_limit, duration_s=0.04) == set(), "a moment says nothing"


@pytest.mark.parametrize(
    ("luma", "light", "frames", "is_dark"),
    [
        (22.9, 43.0, 12, True),
        (29.5, 63.0, 12, True),
        (12.6, 26.0, 12, True),
        (28.9, 170.0, 20, False),  # a dark film with title cards
        (29.0, 254.0, 31, False),  # light letters on a dark page
        (84.7, 192.0, 31, False),
        (0.0, 0.0, 42, False),  # black: no camera made it
        (22.9, 43.0, 1, False),
    ],
)
def test_darkness(luma: float, light: float, frames: int, is_dark: bool) -> None:
    assert picture(luma=luma, light=light, frames=frames) == ({Advice.DARK} if is_dark else set())


@pytest.mark.parametrize(
    ("shaking", "is_shaky"),
    [
        ((0.18, 0.17), True),
        ((0.35, 0.27, 0.02, 0.4), True),
        ((0.35, 0.01, 0.02, 0.04), False),  # once
        ((0.35,), False),  # one stretch says little
        ((0.047, 0.044, 0.029), False),  # a steady hand
        ((), False),
    ],
)
def test_shaking(shaking: tuple[float, ...], is_shaky: bool) -> None:
    assert picture(shaking=shaking) == ({Advice.SHAKY} if is_shaky else set())


@pytest.mark.parametrize(
    ("beside", "above", "aspect", "is_barred"),
    [
        (0.68, 0.0, 1.78, True),  # upright in a wide frame
        (0.0, 0.68, 0.56, True),  # wide in an upright frame
        (0.0, 0.25, 1.33, True),  # 16:9 in 4:3
        (0.25, 0.25, 1.78, True),  # all around
        (0.0, 0.24, 1.78, False),  # a cinema film in 16:9
        (0.0, 0.76, 0.56, True),  # the same in an upright frame
        (0.03, 0.03, 1.78, False),
        (0.0, 1.0, 1.78, True),
    ],
)
def test_bars(beside: float, above: float, aspect: float, is_barred: bool) -> None:
    assert barred(beside=beside, above=above, aspect=aspect) == ({Advice.LETTERBOXED} if is_barred else set())


def test_without_frames_nothing_is_found_and_what_was_found_before_is_withdrawn() -> None:
    looked_at = frozenset({Advice.DARK, Advice.SHAKY, Advice.LETTERBOXED})
    assert advice.of_picture(None) == Judged(looked_at=looked_at)
    assert advice.of_album(["shaky", "silent"]) == Judged(looked_at=looked_at, found=frozenset({Advice.SHAKY}))


def test_every_code_is_told_in_order_of_importance() -> None:
    told = advice.told(["letterboxed", "of_a_later_release", *reversed(Advice)])
    assert [one["code"] for one in told] == list(Advice)
    assert all(one["message"].endswith(".") and one["hint"].endswith(".") for one in told)


def test_each_thing_is_looked_at_by_one_step() -> None:
    steps = [advice.of_duration(Fraction(9)), advice.of_sound(SOUND, spoken=False), advice.of_picture(PICTURE)]
    assert sorted(code for step in steps for code in step.looked_at) == sorted(Advice)
