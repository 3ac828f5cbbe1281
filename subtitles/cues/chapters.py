"""Chapters of a title out of its cues: where a pause and a change of topic meet. Pure.

In: cues and the title's length. Out: `Chapter`s, the first at 0, at least three of at least ten seconds each, or none:
a short clip, or one that is about one thing, has no chapters. Each is named by the words that set it apart, where they
are said again and again; else by how it begins.

Topic: the similarity of the words before and after a position (TextTiling, Hearst 1997), with words cut to their stems'
length so that no dictionary of a language is needed. Which positions become borders is decided for all at once.
"""

import html
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.media.encoded import Cue
from subtitles.cues.sentence_ends import ends_sentence, first_sentence

LEAST, LEAST_MS = 3, 10_000
AROUND_MS, AROUND = 40_000, 40  # of words on either side of a place are compared: as far, and as many lines
FAR = 400  # lines: a peak further away is of another topic
LONGEST_MS = 1_800_000  # unless there is no other way to divide
APART_MS = 5_000  # of so much only the best place is looked at
USUAL_MS = 150_000  # a chapter that nothing speaks against lasts about so long
PAUSE_MS = 4_000  # a pause this long counts fully
STEM = 6  # letters of a word that tell its topic, near enough, in most languages with endings
COMMON = 0.3  # a word in more than this share of all places tells no topic
NAMED_BY = 3  # words
TELLING_TIMES, TELLING_LETTERS, TELLING = 3, 4, 2  # so many words, so long and said so often, tell a topic
TITLE_CELLS = 48  # of a beginning
_WORD = re.compile(r"[^\W\d_]{3,}")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One chapter: its time within the title, and its name."""

    start_ms: int
    end_ms: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A cue as topics see it: its words, and those words as stems."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[str, ...]
    stems: tuple[str, ...]


def chapters(cues: Sequence[Cue], duration_ms: int) -> list[Chapter]:
    """The chapters of a title in order, covering all of it; [] where there is nothing to divide."""
    lines = _lines(cues)
    borders = _borders(lines, duration_ms)
    if len(borders) + 1 < LEAST:
        return []
    starts = [0, *(lines[at].start_ms for at in borders)]
    parts = [lines[a:b] for a, b in pairwise([0, *borders, len(lines)])]
    titles = _titles(parts)
    ends = [*starts[1:], duration_ms]
    return [
        Chapter(start_ms=start, end_ms=end, title=title) for start, end, title in zip(starts, ends, titles, strict=True)
    ]


def as_cues(all_chapters: Sequence[Chapter]) -> list[Cue]:
    """One WebVTT cue per chapter, its title escaped."""
    return [
        Cue(start_ms=chapter.start_ms, end_ms=chapter.end_ms, text=html.escape(chapter.title, quote=False))
        for chapter in all_chapters
    ]


def _lines(cues: Sequence[Cue]) -> list[_Line]:
    lines = []
    for cue in sorted(cues, key=lambda cue: cue.start_ms):
        text = " ".join(html.unescape(_TAG.sub("", cue.text)).split())
        words = tuple(_WORD.findall(text))
        stems = tuple(_stem(word) for word in words)
        lines.append(_Line(start_ms=cue.start_ms, end_ms=cue.end_ms, text=text, words=words, stems=stems))
    places = len(lines)
    lines_with_stem = Counter(stem for line in lines for stem in set(line.stems))
    common = {stem for stem, count in lines_with_stem.items() if count > max(3, COMMON * places)}
    return [
        _Line(
            start_ms=line.start_ms,
            end_ms=line.end_ms,
            text=line.text,
            words=tuple(word for word, stem in zip(line.words, line.stems, strict=True) if stem not in common),
            stems=tuple(stem for stem in line.stems if stem not in common),
        )
        for line in lines
    ]


def _stem(word: str) -> str:
    """The first STEM letters of a word, without case and accents."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))[:STEM]


def _borders(lines: Sequence[_Line], duration_ms: int) -> list[int]:
    """Numbers of lines that begin a chapter, but for the first: the best set of all, by dynamic programming."""
    if duration_ms < LEAST * LEAST_MS or len(lines) < LEAST:
        return []
    gains = _gains(lines)
    usual_ms = min(USUAL_MS, max(3 * LEAST_MS, duration_ms // LEAST))
    # best[at]: of chapters that end where line `at` begins; the start of the last one, too.
    best: dict[int, tuple[float, int]] = {0: (0.0, -1)}
    for at in [*_places(lines, gains), len(lines)]:
        end_ms = duration_ms if at == len(lines) else lines[at].start_ms
        choices: list[tuple[float, int]] = []
        for start in reversed(best):  # the nearest first
            length_ms = end_ms - (lines[start].start_ms if start else 0)
            if length_ms > LONGEST_MS and choices:
                break
            if length_ms >= LEAST_MS:
                choices.append((best[start][0] + gains.get(at, 0.0) - _odd(length_ms, usual_ms), start))
        if choices:
            best[at] = max(choices)
    borders: list[int] = []
    at = best.get(len(lines), (0.0, 0))[1]
    while at > 0:
        borders.append(at)
        at = best[at][1]
    return borders[::-1]


def _places(lines: Sequence[_Line], gains: Mapping[int, float]) -> list[int]:
    """Where a border would be worth something: however dense the cues are, not more than the title's length allows."""
    best: dict[int, int] = {}
    for at, gain in gains.items():
        where = lines[at].start_ms // APART_MS
        if gain > 0 and (where not in best or gain > gains[best[where]]):
            best[where] = at
    return sorted(best.values())


def _odd(length_ms: int, usual_ms: int) -> float:
    """What an unusual length costs: nothing at the usual one, half a point at twice or half of it."""
    return 0.5 * abs(math.log2(length_ms / usual_ms))


def _gains(lines: Sequence[_Line]) -> dict[int, float]:
    """What a border before each line is worth: 0..1 for the topic and 0..1 for the pause, less what is usual."""
    depth = _depths([_similarity(lines, at) for at in range(len(lines))])
    known = sorted(depth[1:]) or [0.0]
    usual = known[len(known) * 3 // 4]
    gains = {}
    for at in range(1, len(lines)):
        pause = min(1.0, max(0, lines[at].start_ms - lines[at - 1].end_ms) / PAUSE_MS)
        gains[at] = (depth[at] - usual) * 2 + pause - 0.1
    return gains


def _similarity(lines: Sequence[_Line], at: int) -> float:
    """Cosine of the words before and after line `at`; 1 at the ends, where nothing can change."""
    before, after = Counter[str](), Counter[str]()
    for number in range(at - 1, max(-1, at - 1 - AROUND), -1):
        if lines[at].start_ms - lines[number].start_ms > AROUND_MS:
            break
        before.update(lines[number].stems)
    for number in range(at, min(len(lines), at + AROUND)):
        if lines[number].start_ms - lines[at].start_ms > AROUND_MS:
            break
        after.update(lines[number].stems)
    if not before or not after:
        return 1.0
    dot = sum(count * after[stem] for stem, count in before.items())
    return dot / math.sqrt(sum(n * n for n in before.values()) * sum(n * n for n in after.values()))


def _depths(similarities: Sequence[float]) -> list[float]:
    """How far each place lies below the peaks to its left and right."""
    depths = []
    for at, here in enumerate(similarities):
        left = right = here
        for value in reversed(similarities[max(0, at - FAR) : at]):
            if value < left:
                break
            left = value
        for value in similarities[at + 1 : at + 1 + FAR]:
            if value < right:
                break
            right = value
        depths.append((left + right) / 2 - here)
    return depths


def _titles(parts: Sequence[Sequence[_Line]]) -> list[str]:
    """The words that each part has and the others have not, as they are written there, in their order."""
    counts = [Counter(stem for line in part for stem in line.stems) for part in parts]
    within = Counter(stem for count in counts for stem in count)
    titles = []
    for number, (part, count) in enumerate(zip(parts, counts, strict=True), 1):
        weight = {stem: n * math.log((1 + len(parts)) / within[stem]) * len(stem) for stem, n in count.items()}
        best = set(sorted(weight, key=lambda stem: (-weight[stem], stem))[:NAMED_BY])
        written: dict[str, str] = {}
        for line in part:
            for word, stem in zip(line.words, line.stems, strict=True):
                if stem in best:
                    written.setdefault(stem, word)
        telling = [stem for stem in written if len(stem) >= TELLING_LETTERS and count[stem] >= TELLING_TIMES]
        title = ", ".join(written.values()) if len(telling) >= TELLING else _beginning(part)
        titles.append(title[:1].upper() + title[1:] if title else str(number))
    return titles


def _beginning(part: Sequence[_Line]) -> str:
    """The first words of a part's first sentence."""
    begins = (line.text for before, line in pairwise(part) if ends_sentence(before.text))
    text = part[0].text if part and part[0].text[:1].isupper() else next(begins, part[0].text if part else "")
    first = first_sentence(text).rstrip(".…。,;:")
    if len(first) <= TITLE_CELLS:
        return first
    cut = first[: TITLE_CELLS + 1].rpartition(" ")[0] or first[:TITLE_CELLS]
    return cut.rstrip(",;:.") + "…"
