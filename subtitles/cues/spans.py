"""Which units share a cue: the best of all divisions of a text. Pure.

In: units and a profile. Out: `Span`s that hold every unit once, in order. A dynamic program from the end of each run of
speech to its start; cues never span a pause. It takes the division with the fewest limits broken, of those the one with
the fewest faults of reading, and of those the one that reads best. Refuses nothing: where every division breaks a
limit, the least broken one is taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from presets.caption import CaptionProfile
from subtitles.cues.breaks import Breaks, breaks
from subtitles.cues.layout import Unit

# A broken limit (too long a line, too fast, too short, no gap) outweighs all faults (faster than the target, an orphan,
# a bad break), and a fault all that is a matter of taste, over a text of any length.
LIMIT, FAULT = 10**15, 10**9
INNER_SENTENCE = 30  # a sentence ends within the cue
INNER_PAUSE_MS = 300  # a pause as long as this within a cue is seen
COMFORTABLE_MS = 1_500
LONE_CELLS = 4  # without spaces, so little on a line is an orphan


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Units `first` to before `end`; the second line begins with unit `second`, if there is one."""

    first: int
    end: int
    second: int | None


def shown_until(start_ms: int, speech_end_ms: int, next_start_ms: int | None, profile: CaptionProfile) -> int:
    """The latest end of a cue: it may outlast its speech a little, and comes before the next one."""
    end = min(max(speech_end_ms + profile.linger_ms, start_ms + profile.shortest_ms), start_ms + profile.longest_ms)
    if next_start_ms is None or next_start_ms - profile.gap_ms >= end:
        return end
    before_next = next_start_ms - profile.gap_ms
    return before_next if before_next > start_ms else next_start_ms


def spans(units: Sequence[Unit], profile: CaptionProfile) -> list[Span]:
    """The best division of all units into cues, in order."""
    text = _Text(units, profile)
    all_spans: list[Span] = []
    for first, end in runs(units, profile):
        all_spans += text.cut(first, end)
    return all_spans


def runs(units: Sequence[Unit], profile: CaptionProfile) -> Iterator[tuple[int, int]]:
    """Stretches without a pause that ends a cue."""
    first = 0
    for at in range(1, len(units) + 1):
        if at == len(units) or units[at].start_ms - units[at - 1].end_ms >= profile.pause_ms:
            yield first, at
            first = at


class _Text:
    """Sums over the units, so that a span is weighed without looking into it."""

    def __init__(self, units: Sequence[Unit], profile: CaptionProfile) -> None:
        self._profile = profile
        self._breaks: Breaks = breaks(units, profile)
        self._starts = [unit.start_ms for unit in units]
        self._ends = [unit.end_ms for unit in units]
        self._spaces = [0 if unit.glued else 1 for unit in units]
        self._cells = [0, *accumulate(space + unit.cells for space, unit in zip(self._spaces, units, strict=True))]
        self._too_wide = [0, *accumulate(int(unit.cells > profile.line_cells) for unit in units)]
        self._inner = [0, *accumulate(self._inner_cost(at) for at in range(len(units)))]
        self._line_end = self._line_ends()

    def _inner_cost(self, at: int) -> int:
        """Of the place before this unit, inside a cue."""
        if at == 0:
            return 0
        pause_ms = self._starts[at] - self._ends[at - 1]
        cost = INNER_SENTENCE if self._breaks.ends_sentence[at] else 0
        return cost + (pause_ms // 8 if pause_ms >= INNER_PAUSE_MS else 0)

    def _line_ends(self) -> list[int]:
        """How far a line goes at most that begins with this unit; at least over the unit itself."""
        ends, end, count = [], 0, len(self._starts)
        for first in range(count):
            end = max(end, first + 1)
            while end < count and self._width(first, end + 1) <= self._profile.line_cells:
                end += 1
            ends.append(end)
        return [*ends, count]

    def _width(self, first: int, end: int) -> int:
        return self._cells[end] - self._cells[first] - self._spaces[first]

    def cut(self, first: int, end: int) -> list[Span]:
        """The best division of one run of speech, units `first` to before `end`."""
        profile = self._profile
        best = [0] * (end - first + 1)
        choice: list[Span | None] = [None] * (end - first + 1)
        for begin in range(end - 1, first - 1, -1):
            lowest: int | None = None
            last = min(end, self._line_end[begin])
            if profile.lines == 2:
                last = min(end, self._line_end[last])
            last = min(last, begin + (profile.most_words or profile.lines * profile.line_cells))  # some have no width
            for stop in range(begin + 1, last + 1):
                if stop > begin + 1 and self._ends[stop - 1] - self._starts[begin] > profile.longest_ms:
                    break
                cost = best[stop - first] + self._cost(begin, stop, first, end)
                if lowest is not None and cost >= lowest:
                    continue
                lines, second = self._lines(begin, stop)
                if lowest is None or cost + lines < lowest:
                    lowest = cost + lines
                    choice[begin - first] = Span(first=begin, end=stop, second=second)
            best[begin - first] = lowest or 0
        return list(_chosen(choice))

    def _cost(self, begin: int, stop: int, first: int, end: int) -> int:
        """Of a cue, its inner line break aside."""
        profile = self._profile
        start_ms = self._starts[begin]
        following = self._starts[stop] if stop < len(self._starts) else None
        until_ms = shown_until(start_ms, self._ends[stop - 1], following, profile)
        shown_ms = until_ms - start_ms
        cells = self._width(begin, stop)
        cost = profile.cue_cost + self._inner[stop] - self._inner[begin + 1]
        if self._too_wide[stop] != self._too_wide[begin]:
            cost += LIMIT * (self._too_wide[stop] - self._too_wide[begin])
        if shown_ms < profile.shortest_ms:
            cost += LIMIT
        elif shown_ms < COMFORTABLE_MS:
            cost += (COMFORTABLE_MS - shown_ms) // 20
        if cells * 1000 > profile.target_cells * shown_ms:
            cost += LIMIT if cells * 1000 > profile.most_cells * shown_ms else FAULT
            cost += min(1000, cells * 10_000 // shown_ms - profile.target_cells * 10) * 2
        if following is not None and following - until_ms < profile.gap_ms:
            cost += LIMIT
        if stop < end:
            cost += self._breaks.cost[stop] + (FAULT if self._breaks.bad[stop] else 0)
        if self._is_orphan(begin, stop) and not self._is_sentence(begin, stop, first, end):
            cost += FAULT
        return cost

    def _is_orphan(self, begin: int, stop: int) -> bool:
        """One word, or next to nothing, where there is room for more; large letters come word by word anyway."""
        if self._profile.most_words is not None:
            return False
        if not self._profile.spaced:
            return self._width(begin, stop) <= LONE_CELLS
        return stop == begin + 1 and 2 * self._width(begin, stop) < self._profile.line_cells

    def _is_sentence(self, begin: int, stop: int, first: int, end: int) -> bool:
        """Whether it stands alone in the speech: "Yes."."""
        ends = self._breaks.ends_sentence
        return (begin == first or ends[begin]) and (stop == end or ends[stop])

    def _lines(self, begin: int, stop: int) -> tuple[int, int | None]:
        """(cost, first unit of the second line). One line wherever it fits."""
        if self._line_end[begin] >= stop:
            return 0, None
        lowest, second = -1, begin + 1
        for at in range(min(self._line_end[begin], stop - 1), begin, -1):
            if self._line_end[at] < stop:
                break
            above, below = self._width(begin, at), self._width(at, stop)
            cost = self._breaks.cost[at] + 60 * abs(above - below) // self._profile.line_cells
            cost += 15 if above > below else 0  # the lower line is rather the longer one
            faults = self._breaks.bad[at] + self._is_orphan(begin, at) + self._is_orphan(at, stop)
            cost += FAULT * faults
            if lowest < 0 or cost < lowest:
                lowest, second = cost, at
        return lowest, second


def _chosen(choice: Sequence[Span | None]) -> Iterator[Span]:
    at, first = 0, None
    while at < len(choice) and (span := choice[at]) is not None:
        first = span.first - at if first is None else first
        yield span
        at = span.end - first
