"""transcode.plan.grid: segments of whole GOPs, chunks of whole segments, whatever the title looks like."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.plan.grid import SCRAP_S, chunks, keyframe_cuts, longest_segment, regular_cuts

NTSC = Fraction(30000, 1001)
RATES = st.sampled_from([Fraction(24), NTSC, Fraction(25), Fraction(50), Fraction(60), Fraction(1), Fraction(25, 2)])


@st.composite
def keyframed(draw: st.DrawFn) -> tuple[list[int], int]:
    """(keyframes, frames) of a track that begins with a keyframe."""
    gops = draw(st.lists(st.integers(1, 900), min_size=1, max_size=60))
    starts = [sum(gops[:n]) for n in range(len(gops))]
    return starts, sum(gops)


@st.composite
def cut_title(draw: st.DrawFn) -> tuple[list[int], int]:
    """(cuts, frames) of any title."""
    starts, frames = draw(keyframed())
    return starts, frames


def lengths(cuts: tuple[int, ...] | list[int], frames: int) -> list[int]:
    return [b - a for a, b in pairwise([*cuts, frames])]


@pytest.mark.parametrize(
    ("frames", "segment", "cuts"),
    [
        (251, 180, (0, 180)),
        (360, 180, (0, 180)),
        (361, 180, (0, 180)),  # one frame is no segment
        (374, 180, (0, 180)),
        (375, 180, (0, 180, 360)),  # half a second is
        (1, 180, (0,)),
        (180, 180, (0,)),
        (181, 180, (0,)),
    ],
)
def test_regular_cuts(frames: int, segment: int, cuts: tuple[int, ...]) -> None:
    assert regular_cuts(frames, segment, Fraction(30)) == cuts


@pytest.mark.parametrize(
    ("keyframes", "frames", "cuts"),
    [
        ([0], 100, (0,)),
        ([0, 50, 100, 150], 200, (0, 150)),
        ([0, 50, 100, 150], 151, (0,)),
        ([0, 50, 100, 150], 163, (0, 150)),
        ([0, 200, 210], 212, (0, 200)),
        ([0, 50, 100], 150, (0,)),
        ([0, 200, 250], 260, (0, 200)),  # one GOP longer than a segment
        ([0, 10, 210, 220], 400, (0, 10, 210, 220)),  # ... has no neighbour in its segment
        ([0, 150, 300], 450, (0, 150, 300)),
    ],
)
def test_keyframe_cuts(keyframes: list[int], frames: int, cuts: tuple[int, ...]) -> None:
    assert keyframe_cuts(keyframes, frames, Fraction(25), 6) == cuts


@given(keyframed(), RATES, st.integers(1, 12))
def test_cuts_are_keyframes_and_segments_keep_the_limit(
    title: tuple[list[int], int], rate: Fraction, segment_s: int
) -> None:
    keyframes, frames = title
    cuts = keyframe_cuts(keyframes, frames, rate, segment_s)
    assert cuts[0] == 0
    assert set(cuts) <= set(keyframes)
    assert list(cuts) == sorted(set(cuts))
    gops = set(pairwise([*keyframes, frames]))
    for start, end in pairwise([*cuts, frames]):
        longest = segment_s * rate + (SCRAP_S * rate if end == frames else 0)
        assert end - start <= longest or (start, end) in gops, "longer only where one GOP is"
    assert longest_segment(cuts, frames) == max(lengths(cuts, frames))


@given(keyframed(), RATES, st.integers(1, 12))
def test_no_two_neighbours_would_fit_into_one_segment(
    title: tuple[list[int], int], rate: Fraction, segment_s: int
) -> None:
    """As few segments as there can be from left to right: each holds all GOPs that fit."""
    keyframes, frames = title
    cuts = keyframe_cuts(keyframes, frames, rate, segment_s)
    assert cuts[0] == keyframes[0]
    after = dict(pairwise([*keyframes, frames]))
    for start, end in pairwise(cuts):
        assert after[end] - start > segment_s * rate


@given(cut_title(), RATES, st.fractions(min_value=1, max_value=60, max_denominator=1000))
def test_chunks_begin_at_cuts_cover_all_and_are_long_enough(
    title: tuple[list[int], int], rate: Fraction, shortest_s: Fraction
) -> None:
    cuts, frames = title
    made = chunks(cuts, frames, rate, shortest_s)
    assert made[0] == 0
    assert set(made) <= set(cuts)
    assert list(made) == sorted(set(made))
    assert sum(lengths(made, frames)) == frames
    if len(made) > 1:
        assert min(lengths(made, frames)) >= shortest_s * rate * Fraction(3, 4)


@given(st.integers(1, 200_000), RATES, st.integers(30, 120))
def test_chunks_of_a_regular_title_are_about_equal(frames: int, rate: Fraction, shortest_s: int) -> None:
    segment = max(1, round(6 * rate))
    made = chunks(regular_cuts(frames, segment, rate), frames, rate, Fraction(shortest_s))
    parts = lengths(made, frames)
    assert len(made) == max(1, frames / rate // shortest_s)
    assert max(parts) - min(parts) <= 2 * segment


@pytest.mark.parametrize(
    ("cuts", "frames", "expected"),
    [
        (range(0, 3600, 180), 3600, (0, 900, 1800, 2700)),
        (range(0, 1799, 180), 1799, (0,)),  # less than two of 30 s
        (range(0, 1800, 180), 1800, (0, 900)),
        ([0, 60], 3600, (0,)),  # no cut where a chunk could begin
        ([0, 60, 1500], 3600, (0, 1500)),
    ],
)
def test_chunks(cuts: list[int], frames: int, expected: tuple[int, ...]) -> None:
    assert chunks(list(cuts), frames, Fraction(30), Fraction(30)) == expected
