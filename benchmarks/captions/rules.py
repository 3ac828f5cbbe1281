"""What is wrong with a track of cues, and what could not have been better. Pure, and apart from what makes our cues.

In: cues of any maker, the words they came from, the limits of a profile. Out: `Judgement`: each fault by its kind, and
the fewest that any way to cut these words has. A cue is measured as it is shown: its text, its lines, its times. Cues
that changed, lost or moved a word are told, and nothing else is judged of them.

limits: line_length, lines, too_fast (> most_cps), too_short, too_long, gap (< gap_ms), overlap
faults: fast (> target_cps; not counted again when too_fast), orphan, bad_break
orphan: one word below half a line on a line of its own, or a cue that is one such word torn out of its sentence;
without spaces, two characters. bad_break: a line or cue that ends with a word that belongs to the next one and no mark
after it, or, without spaces, begins with a mark or particle; a pause that ends a cue anyway excuses it.
"""

import html
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from core.media.encoded import Cue
from presets.caption import CaptionProfile
from subtitles.cues.words import Word

LIMITS = ("line_length", "lines", "too_fast", "too_short", "too_long", "gap", "overlap")
FAULTS = ("fast", "orphan", "bad_break")
MARKS = ".!?…。！？,;:—–、，；："
QUOTES = "\"'”’»)]}」』）】"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Counts by kind; `fewest` is (limits, faults) of the best way there is. Offsets are start minus first word."""

    cues: int
    kept: bool
    counts: dict[str, int]
    starts_off_ms: list[int]

    @property
    def limits(self) -> int:
        return sum(self.counts.get(kind, 0) for kind in LIMITS)

    @property
    def faults(self) -> int:
        return sum(self.counts.get(kind, 0) for kind in FAULTS)


def judge(cues: Sequence[Cue], words: Sequence[Word], profile: CaptionProfile) -> Judgement:
    """Count the rule violations of one caption track, by kind."""
    lines = [[html.unescape(line) for line in cue.text.split("\n")] for cue in cues]
    bounds = _bounds(lines, words)
    if bounds is None:
        return Judgement(cues=len(cues), kept=False, counts={}, starts_off_ms=[])
    speech = _Speech(words, profile)
    counts: Counter[str] = Counter()
    for number, (cue, shown, edges) in enumerate(zip(cues, lines, bounds, strict=True)):
        following = cues[number + 1].start_ms if number + 1 < len(cues) else None
        counts.update(_times(cue.start_ms, cue.end_ms, following, width(" ".join(shown), profile), profile))
        counts["lines"] += len(shown) > profile.lines
        counts["line_length"] += sum(width(line, profile) > profile.line_cells for line in shown)
        counts.update(speech.reading(edges))
    offsets = [cue.start_ms - words[edges[0]].start_ms for cue, edges in zip(cues, bounds, strict=True)]
    return Judgement(cues=len(cues), kept=True, counts=dict(counts), starts_off_ms=offsets)


def width(text: str, profile: CaptionProfile) -> int:
    """Columns; the space that a line break of a script without spaces stands for is none."""
    shown = text if profile.spaced else text.replace(" ", "")
    return sum(
        0
        if unicodedata.category(character) in ("Mn", "Me", "Cf")
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in shown
    )


def _times(start_ms: int, end_ms: int, next_ms: int | None, taken: int, profile: CaptionProfile) -> Iterator[str]:
    lasts_ms = end_ms - start_ms
    if lasts_ms < profile.shortest_ms:
        yield "too_short"
    if lasts_ms > profile.longest_ms:
        yield "too_long"
    if next_ms is not None and next_ms < end_ms:
        yield "overlap"
    elif next_ms is not None and next_ms - end_ms < profile.gap_ms:
        yield "gap"
    if taken * 1000 > profile.most_cells * lasts_ms:
        yield "too_fast"
    elif taken * 1000 > profile.target_cells * lasts_ms:
        yield "fast"


def _bounds(lines: Sequence[Sequence[str]], words: Sequence[Word]) -> list[tuple[int, ...]] | None:
    """Of each cue the word each line begins with, and the one after the last; None where the words are not the same."""
    at, found = 0, []
    for shown in lines:
        edges = [at]
        for line in shown:
            left = "".join(line.split())
            while left and at < len(words) and left.startswith(words[at].text):
                left = left.removeprefix(words[at].text)
                at += 1
            if left:
                return None
            edges.append(at)
        found.append(tuple(edges))
    return found if at == len(words) else None


class _Speech:
    """The words with their pauses, for what depends on the neighbours of a cue."""

    def __init__(self, words: Sequence[Word], profile: CaptionProfile) -> None:
        self.words = words
        self.profile = profile
        self.sums = [0, *accumulate(width(word.text, profile) for word in words)]
        self.spaced = profile.spaced
        # Said once of each place between words: `fewest` asks again for every way to cut there.
        self.pauses = [self._is_paused(at) for at in range(len(words) + 1)]
        self.bad = [self._is_bad(at) for at in range(len(words) + 1)]
        self.apart = [self._is_apart(at) for at in range(len(words) + 1)]

    def paused(self, at: int) -> bool:
        """Whether the speech stops before this word for so long that a cue ends anyway, or begins or ends there."""
        return self.pauses[at]

    def _is_paused(self, at: int) -> bool:
        if at in (0, len(self.words)):
            return True
        return self.words[at].start_ms - self.words[at - 1].end_ms >= self.profile.pause_ms

    def reading(self, edges: Sequence[int]) -> Iterator[str]:
        """Orphans and bad breaks of a cue whose lines begin and end at these words."""
        for at in edges[1:]:
            if self.bad[at]:
                yield "bad_break"
        if self.profile.most_words is not None:
            return  # large letters come word by word
        lines = list(pairwise(edges))
        if len(lines) == 1 and self.apart[edges[0]] and self.apart[edges[-1]]:
            return
        for first, end in lines:
            if self._is_little(first, end):
                yield "orphan"

    def _is_bad(self, at: int) -> bool:
        if self.paused(at):
            return False
        before, after = self.words[at - 1].text, self.words[at].text
        if before.rstrip(QUOTES)[-1:] in tuple(MARKS):
            return False
        if not self.spaced:
            return before in self.profile.clinging or after in self.profile.never_first or after[0] in MARKS
        return before.casefold().lstrip(QUOTES + "«“‘([{¿¡") in self.profile.clinging

    def _is_apart(self, at: int) -> bool:
        return self.paused(at) or self.words[at - 1].text.rstrip(QUOTES)[-1:] in tuple(".!?…。！？")

    def _is_little(self, first: int, end: int) -> bool:
        taken = self.sums[end] - self.sums[first]
        if not self.spaced:
            return taken <= 4
        return end - first == 1 and 2 * taken < self.profile.line_cells


def fewest(words: Sequence[Word], profile: CaptionProfile) -> tuple[int, int]:
    """(limits, faults) of the best of all ways to cut these words into cues of one or two lines.

    All ways are tried that break no line, show no cue for too long and cut at every long pause: that much can always
    be kept. A cue begins with its first word and may stay for `linger_ms` after its last one, or until it was shown for
    `shortest_ms`. Fewer limits come first; of the ways with the fewest, those with the fewest faults.
    """
    return _Floor(words, profile).best()


class _Floor:
    def __init__(self, words: Sequence[Word], profile: CaptionProfile) -> None:
        self.words, self.profile = words, profile
        self.speech = _Speech(words, profile)
        self.sums = self.speech.sums
        self.spaced = profile.spaced
        # How many of the words before each place are longer than a line.
        self.too_long = [0, *accumulate(self._width(at, at + 1) > profile.line_cells for at in range(len(words)))]

    def best(self) -> tuple[int, int]:
        found = [(0, 0)] * (len(self.words) + 1)
        for first in range(len(self.words) - 1, -1, -1):
            ways = []
            for end in range(first + 1, len(self.words) + 1):
                faults = self._faults(first, end)
                if faults is None:
                    break
                ways.append((found[end][0] + faults[0], found[end][1] + faults[1]))
                if self.speech.paused(end):
                    break
            found[first] = min(ways)
        return found[0]

    def _faults(self, first: int, end: int) -> tuple[int, int] | None:
        """(limits, faults) of these words as one cue; None where they do not fit into one."""
        words, profile = self.words, self.profile
        start_ms, speech_ms = words[first].start_ms, words[end - 1].end_ms
        if end - first > 1 and speech_ms - start_ms > profile.longest_ms:
            return None
        if profile.most_words is not None and end - first > profile.most_words:
            return None
        layouts = list(self._layouts(first, end))
        if not layouts:
            return None
        next_ms = words[end].start_ms if end < len(words) else None
        until_ms = min(
            max(speech_ms + profile.linger_ms, start_ms + profile.shortest_ms), start_ms + profile.longest_ms
        )
        if next_ms is not None:
            until_ms = min(until_ms, next_ms if next_ms - profile.gap_ms <= start_ms else next_ms - profile.gap_ms)
        kinds = Counter(_times(start_ms, until_ms, next_ms, self._width(first, end), profile))
        limits = sum(kinds[kind] for kind in LIMITS)
        # A word longer than a line is too long anywhere.
        limits += self.too_long[end] - self.too_long[first]
        return limits, kinds["fast"] + min(sum(1 for _ in self.speech.reading(edges)) for edges in layouts)

    def _layouts(self, first: int, end: int) -> Iterator[tuple[int, ...]]:
        if self._fits(first, end):
            yield first, end
        if self.profile.lines > 1:
            yield from (
                (first, at, end) for at in range(first + 1, end) if self._fits(first, at) and self._fits(at, end)
            )

    def _fits(self, first: int, end: int) -> bool:
        return end - first == 1 or self._width(first, end) <= self.profile.line_cells

    def _width(self, first: int, end: int) -> int:
        return self.sums[end] - self.sums[first] + (end - first - 1) * self.spaced
