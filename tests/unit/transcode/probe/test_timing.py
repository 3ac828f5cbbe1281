"""transcode.probe.timing: the frame rate that packets mean, whatever the header claims."""

from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.probe.timing import DEFAULT_RATE, FASTEST, SLOWEST, frame_rate, is_constant, longest_gap

NTSC = Fraction(30000, 1001)
FILM = Fraction(24000, 1001)
MS = Fraction(1, 1000)
T90K = Fraction(1, 90_000)


def ticks(rate: Fraction, count: int, base: Fraction) -> list[int]:
    """Times of frames at `rate` as a container with this time base writes them."""
    return [round(n / rate / base) for n in range(count)]


@pytest.mark.parametrize("base", [MS, T90K, Fraction(1, 30_000)])
@pytest.mark.parametrize("rate", [*map(Fraction, (10, 12, 15, 24, 25, 30, 50, 60, 120)), FILM, NTSC, NTSC * 2])
@pytest.mark.parametrize("claim", [None, Fraction(1000), Fraction(90_000)], ids=["silent", "1k", "90k"])
def test_standard_rates_survive_rounding(rate: Fraction, base: Fraction, claim: Fraction | None) -> None:
    assert frame_rate(ticks(rate, 300, base), base, claim, claim) == (rate, False)


@pytest.mark.parametrize(
    ("frames", "base", "average", "guessed", "expected"),
    [
        pytest.param([], MS, NTSC, None, (NTSC, False), id="no frames: the claim"),
        pytest.param([0], MS, None, Fraction(24), (Fraction(24), False), id="one frame: the other claim"),
        pytest.param([0], MS, None, None, (DEFAULT_RATE, False), id="one frame, no claim"),
        pytest.param([0], MS, Fraction(90_000), None, (DEFAULT_RATE, False), id="an absurd claim"),
        pytest.param([5, 5, 5], MS, None, None, (DEFAULT_RATE, False), id="all at one time"),
        pytest.param([0, 40, 40, 80, 120], MS, None, None, (Fraction(25), False), id="a doubled time is skipped"),
        pytest.param(ticks(Fraction(30), 11, MS), MS, NTSC, NTSC, (NTSC, False), id="the claim fits: it counts"),
        pytest.param(ticks(Fraction(25), 60, MS), MS, Fraction(50), Fraction(50), (Fraction(25), False), id="a lie"),
        pytest.param(ticks(Fraction(22), 60, T90K), T90K, None, None, (Fraction(22), False), id="not a standard one"),
        pytest.param([0, 20_000, 40_000], MS, None, None, (SLOWEST, False), id="slower than we go"),
        pytest.param(range(100), MS, None, None, (FASTEST, False), id="faster than we go"),
    ],
)
def test_rate(frames, base, average, guessed, expected) -> None:
    assert frame_rate(list(frames), base, average, guessed) == expected


def test_a_hole_does_not_make_it_variable() -> None:
    frames = [t if t < 2000 else t + 5000 for t in ticks(Fraction(25), 200, MS)]
    assert frame_rate(frames, MS, Fraction(13), None) == (Fraction(25), False)


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        pytest.param([20, 40] * 50, Fraction(50), id="phone: 25 and 50 mixed"),
        pytest.param([33, 33, 34] * 25 + [67, 66, 67] * 10, Fraction(30), id="dropped frames"),
        pytest.param([100, 200, 300] * 20, Fraction(10), id="screen recording"),
        pytest.param([40] * 50 + [20] * 50, Fraction(50), id="25, then 50"),
        pytest.param([33, 33, 34] * 20 + [42, 42, 41] * 20, Fraction(30), id="30, then 24: only 120 fits, too fast"),
        pytest.param([67, 67, 66] * 20 + [50] * 40, Fraction(60), id="15, then 20"),
        pytest.param([33, 33, 34] * 20 + [4, 4, 4, 4, 4, 5] * 60, Fraction(240), id="slow motion in the middle"),
        pytest.param([5000] * 3 + [200] * 40 + [3000] * 9, Fraction(5), id="slides"),
        pytest.param([68, 64, 72, 60, 96, 40, 68, 64, 72, 68] * 20, Fraction(15), id="a phone's jitter"),
    ],
)
def test_variable_rates_keep_even_motion_even(distances: list[int], expected: Fraction) -> None:
    rate, variable = frame_rate(list(accumulate(distances, initial=0)), MS, None, None)
    assert variable
    assert rate == expected


def test_every_fifth_picture_of_ntsc_dropped() -> None:
    assert frame_rate([n * 3003 for n in range(900) if n % 5 != 3], T90K, None, None) == (NTSC, True)


def test_wrong_picture_times_beside_longer_sound() -> None:
    frames = [round(n * 5 / 3) for n in range(30)]  # 600 Hz
    assert frame_rate(frames, MS, Fraction(600), Fraction(600), Fraction(101, 100)) == (Fraction(30), True)
    assert frame_rate(frames, MS, Fraction(600), Fraction(600), Fraction(1, 20)) == (FASTEST, False)


def test_a_clock_of_its_own_is_the_rate_when_every_picture_keeps_it() -> None:
    own = [n * 1501 for n in range(600)]
    assert frame_rate(own, T90K, None, None) == (Fraction(90_000, 1501), False)
    own[300:] = [tick + 700 for tick in own[300:]]
    assert frame_rate(own, T90K, None, None) == (Fraction(60_000, 1001), False)


@pytest.mark.parametrize("base", [MS, T90K, Fraction(1, 30_000)])
@pytest.mark.parametrize("rate", [Fraction(24), Fraction(60), FILM, NTSC * 2])
def test_constant_to_a_tick(rate: Fraction, base: Fraction) -> None:
    frames = ticks(rate, 500, base)
    assert is_constant(frames, base, rate)
    assert not is_constant(frames[:250] + frames[251:], base, rate), "a picture is missing"
    assert not is_constant([*frames[:-1], frames[-1] + 5], base, rate)
    assert not is_constant(frames, base, rate * Fraction(1001, 1000))


def test_constant_where_a_tick_is_a_frame() -> None:
    assert is_constant(range(10), Fraction(1, 25), Fraction(25))
    assert not is_constant([0, 1, 3, 3, 4], Fraction(1, 25), Fraction(25))
    assert is_constant([7], MS, Fraction(25))
    assert not is_constant([], MS, Fraction(25))


@given(
    st.lists(st.integers(0, 10**7), max_size=40).map(sorted),
    st.sampled_from([MS, T90K, Fraction(1, 12_800), Fraction(1)]),
    st.none() | st.fractions(min_value=0, max_value=10**6),
)
def test_any_times_give_a_usable_rate(frames: list[int], base: Fraction, claim: Fraction | None) -> None:
    rate, _ = frame_rate(frames, base, claim, claim)
    assert SLOWEST <= rate <= FASTEST


@pytest.mark.parametrize(
    ("marks", "end", "gap"), [([], 10, 0), ([0], 10, 10), ([0, 4, 6], 10, 4), ([0, 4, 6], 20, 14), ([0, 9], 10, 9)]
)
def test_longest_gap(marks: list[int], end: int, gap: int) -> None:
    assert longest_gap(marks, end) == gap
