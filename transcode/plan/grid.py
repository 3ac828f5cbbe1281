"""Where a title is cut: segments of whole GOPs, chunks of whole segments. Pure; everything counts output frames.

A cut is the number of a segment's first frame; the first cut is 0. All renditions share all cuts.
"""

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction

SHORTEST_CHUNK_S = 30
GOPS_PER_CHUNK = 4  # source GOPs, at least: a seek may decode a whole one first
SCRAP_S = Fraction(1, 2)  # no last segment is shorter; as much as a segment may exceed the target (Apple 7.7)
LONGEST_PROVISIONAL_S = 12  # a segment of a remuxed upload; a lasting one obeys the segment limit


def regular_cuts(frames: int, segment_frames: int, rate: Fraction) -> tuple[int, ...]:
    """Cuts of a title of `frames` frames: one every `segment_frames`, the first at 0, none too near to the end."""
    return _without_scrap(tuple(range(0, frames, segment_frames)), frames, rate)


def _without_scrap(cuts: tuple[int, ...], frames: int, rate: Fraction) -> tuple[int, ...]:
    """The cuts without the last one, where it leaves less than SCRAP_S: the segment before takes that in."""
    return cuts[:-1] if len(cuts) > 1 and frames - cuts[-1] < SCRAP_S * rate else cuts


def keyframe_cuts(keyframes: Sequence[int], frames: int, rate: Fraction, segment_s: int) -> tuple[int, ...]:
    """Cuts at some of a source's own keyframes: segments up to `segment_s` long, longer only where one GOP is."""
    longest = segment_s * rate
    cuts = [0]
    for here, after in zip(keyframes, [*keyframes[1:], frames], strict=True):
        if after - cuts[-1] > longest and here > cuts[-1]:
            cuts.append(here)
    shorter = _without_scrap(tuple(cuts), frames, rate)
    return shorter if frames - shorter[-1] < longest + SCRAP_S * rate else tuple(cuts)


def longest_segment(cuts: Sequence[int], frames: int) -> int:
    """Number of frames in the longest segment between these cuts."""
    return max(end - start for start, end in zip(cuts, [*cuts[1:], frames], strict=True))


def chunks(cuts: Sequence[int], frames: int, rate: Fraction, shortest_s: Fraction) -> tuple[int, ...]:
    """The first frames of chunks of about equal length, none shorter than `shortest_s`, each at a cut."""
    count = max(1, int(frames / rate // shortest_s))
    starts = [0]
    for number in range(1, count):
        ideal = number * frames // count
        at = bisect_left(cuts, ideal)
        nearest = min(cuts[max(0, at - 1) : at + 1], key=lambda cut: abs(cut - ideal))
        if min(nearest - starts[-1], frames - nearest) >= shortest_s * rate * Fraction(3, 4):
            starts.append(nearest)
    return tuple(starts)
