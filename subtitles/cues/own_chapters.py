"""Chapters that an owner has given a title: the rules for them, and how people write them, one on each line. Pure.

They take the place of those that are made out of captions (subtitles.cues.chapters).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from subtitles.cues.chapters import Chapter

MOST, LONGEST_TITLE = 100, 200
_LINE = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):([0-5]\d(?:[.,]\d{1,3})?)(?:\s+[-–—])?\s+(\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChapter:
    """Where a chapter begins, in seconds of the title, and its name."""

    start_s: float
    title: str

    @property
    def start_ms(self) -> int:
        """The beginning in whole milliseconds, as players get it."""
        return round(self.start_s * 1000)


class Misplaced(StrEnum):
    """What can be wrong with the place of a chapter."""

    ORDER = "chapter_order"  # it does not begin after the one before
    END = "chapter_end"  # it begins when the title is over


class NotAChapter(ValueError):
    """A line that is not a time and a name. `line` is its number, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is not a time and a title")
        self.line = line


def from_stored(stored: Iterable[dict[str, Any]] | None) -> tuple[OwnChapter, ...]:
    """The chapters that an asset's row has; none where the owner has given none."""
    return tuple(OwnChapter(start_s=float(one["start_s"]), title=str(one["title"])) for one in stored or ())


def misplaced(given: Sequence[OwnChapter], duration_s: float | None) -> tuple[int, Misplaced] | None:
    """The number, from 0, of the first chapter in a wrong place, and why; `duration_s` is None until it is known."""
    for number, (before, here) in enumerate(pairwise(given), 1):
        if here.start_ms <= before.start_ms:
            return number, Misplaced.ORDER
    if duration_s is not None:
        for number, one in enumerate(given):
            if one.start_s >= duration_s:
                return number, Misplaced.END
    return None


def whole(given: Sequence[OwnChapter], duration_ms: int) -> list[Chapter]:
    """The chapters with their ends. What begins after the end, as another file may be shorter, is left out."""
    inside = [one for one in given if one.start_ms < duration_ms]
    ends = [*(one.start_ms for one in inside[1:]), duration_ms][: len(inside)]
    return [Chapter(start_ms=one.start_ms, end_ms=end, title=one.title) for one, end in zip(inside, ends, strict=True)]


def from_lines(text: str) -> list[tuple[int, OwnChapter]]:
    """Chapters as people write them, `1:05 Glazing` on each line, with the numbers of the lines. Raises NotAChapter."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None or len(parts[4]) > LONGEST_TITLE:
            raise NotAChapter(number)
        hours, minutes, seconds = int(parts[1] or 0), int(parts[2]), float(parts[3].replace(",", "."))
        start_s = round(hours * 3600 + minutes * 60 + seconds, 3)
        found.append((number, OwnChapter(start_s=start_s, title=parts[4])))
    return found


def as_lines(given: Iterable[OwnChapter]) -> str:
    """The chapters as `from_lines` reads them."""
    return "\n".join(f"{_clock(one.start_ms)} {one.title}" for one in given)


def _clock(at_ms: int) -> str:
    seconds, rest = divmod(at_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    whole = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{whole}.{rest:03}".rstrip("0") if rest else whole
