"""core.media.encoded: bit rates as RFC 8216, 4.1 defines them, against a slow and obvious reading of it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media.encoded import Blob, Keyframe, Rendition, RenditionKind, Segment, target_duration


def rendition(sizes_and_durations: list[tuple[int, int]], timescale: int = 1000) -> Rendition:
    return Rendition(
        id="v1",
        kind=RenditionKind.VIDEO,
        codec="avc1.64001f",
        timescale=timescale,
        init=Blob(sha256="", size_bytes=10**6),
        segments=tuple(Segment(blob=Blob(sha256="", size_bytes=s), duration=d) for s, d in sizes_and_durations),
    )


def peak(segments: list[tuple[int, int]], timescale: int, target: Fraction) -> int:
    """ "The largest bit rate of any contiguous set of segments whose total duration is between 0.5 and 1.5 times the
    target duration. The bit rate of a set is calculated by dividing the sum of the segment sizes by the sum of the
    segment durations." """
    sets = [segments[a:b] for a in range(len(segments)) for b in range(a + 1, len(segments) + 1)]
    rates = [
        Fraction(8 * sum(size for size, _ in chosen) * timescale, sum(duration for _, duration in chosen))
        for chosen in sets
        if target / 2 <= Fraction(sum(duration for _, duration in chosen), timescale) <= target * 3 / 2
    ]
    bits, time = (sum(values) for values in zip(*((8 * size, length) for size, length in segments), strict=True))
    return round(max(rates, default=Fraction(bits * timescale, time)))  # a title under half a target: all of it


@pytest.mark.parametrize(
    ("segments", "peak_bps", "average_bps"),
    [
        pytest.param([(750, 6000)], 1000, 1000, id="one"),
        pytest.param([(750, 6000), (1500, 6000)], 2000, 1500, id="the larger of two"),
        pytest.param([(750, 6000), (1000, 100)], 2295, 2295, id="a short tail counts only with its neighbour"),
        pytest.param([(750, 6000), (750, 3000)], 2000, 1333, id="half a target counts alone"),
        pytest.param([(100, 6000), (750, 2999), (1, 6000)], 756, 454, id="just under half does not"),
        pytest.param([(1, 4000), (100, 1900), (1, 2200), (100, 1900)], 268, 162, id="exactly 1.5 targets"),
        pytest.param([(750, 6000)] * 3 + [(900, 1000)], 1886, 1326, id="tail after three"),
    ],
)
def test_bit_rates(segments: list[tuple[int, int]], peak_bps: int, average_bps: int) -> None:
    made = rendition(segments)
    assert (made.bandwidth_bps, made.average_bandwidth_bps) == (peak_bps, average_bps)


@given(
    st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 400_000)), min_size=1, max_size=12),
    st.sampled_from([1000, 30_000, 48_000]),
)
def test_peak_is_the_rfcs(segments: list[tuple[int, int]], timescale: int) -> None:
    made = rendition(segments, timescale)
    assert made.bandwidth_bps == peak(segments, timescale, Fraction(target_duration(made)))


@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 400_000)), min_size=1, max_size=12))
def test_totals(segments: list[tuple[int, int]]) -> None:
    made = rendition(segments)
    total = sum(size for size, _ in segments)
    assert made.size_bytes == 10**6 + total, "the init segment is stored too"
    assert made.duration_s == Fraction(sum(duration for _, duration in segments), 1000)
    assert abs(made.average_bandwidth_bps - 8 * total / made.duration_s) <= Fraction(1, 2)


def test_peak_is_not_under_what_the_declared_target_gives() -> None:
    """A dense last segment of 3.001 s: a checker that reads EXT-X-TARGETDURATION:6 counts it alone."""
    segments = [(750_000, 6006), (750_000, 6006), (1_500_000, 3001)]
    assert rendition(segments).bandwidth_bps >= peak(segments, 1000, Fraction(6))


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 3_000)), min_size=1, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_keyframes_have_rates_of_their_own(segments: list[list[tuple[int, int]]]) -> None:
    """RFC 8216, 4.1 with "segment" read as one I-frame until the next; the target duration is the segments'."""
    made = Rendition(
        id="v1",
        kind=RenditionKind.VIDEO,
        codec="avc1.64001f",
        timescale=1000,
        init=Blob(sha256="", size_bytes=1),
        segments=tuple(
            Segment(
                blob=Blob(sha256="", size_bytes=10**8),
                duration=sum(length for _, length in frames),
                keyframes=tuple(Keyframe(offset=0, size_bytes=size, duration=length) for size, length in frames),
            )
            for frames in segments
        ),
    )
    every = [frame for frames in segments for frame in frames]
    assert made.keyframes_known
    assert made.keyframes_bandwidth_bps == peak(every, 1000, Fraction(target_duration(made)))
    bits, time = 8 * sum(size for size, _ in every), sum(length for _, length in every)
    assert made.keyframes_average_bandwidth_bps == round(Fraction(bits * 1000, time))


def test_keyframes_are_known_for_all_of_the_title_or_not() -> None:
    without = rendition([(750, 6000), (750, 6000)])
    assert not without.keyframes_known
    assert not rendition([]).keyframes_known
