"""What a text takes on the screen, and the units that lines are made of. Pure.

In: words. Out: `Unit`s: what stands between two places where a line may end. A unit is never cut, unless the script has
no spaces and it is longer than a line. Refuses nothing: what cannot be shown is taken out of a text.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from presets.caption import CaptionProfile
from subtitles.cues.words import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A piece of text that is not broken, with its times; `glued`: no space comes before it; `cells`: its width."""

    start_ms: int
    end_ms: int
    text: str
    cells: int
    glued: bool


def plain(text: str) -> str:
    """One line of characters that can be shown: white space is one space, controls go, a lone surrogate is U+FFFD."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kinds = ((character, unicodedata.category(character)) for character in text)
    shown = (
        " " if character.isspace() else "\ufffd" if kind == "Cs" else character
        for character, kind in kinds
        if kind != "Cc" or character.isspace()
    )
    return " ".join("".join(shown).split())


def cells(text: str) -> int:
    """The width of a text in columns: a full-width character takes two, combining and joined characters none."""
    if text.isascii():
        return len(text)
    columns, joined = 0, False
    for character in text:
        if not joined:
            columns += _columns(character)
        joined = character == "\u200d"  # one picture of several
    return columns


@lru_cache(maxsize=8192)
def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc") or "\u1160" <= character <= "\u11ff":
        return 0
    if "\U0001f3fb" <= character <= "\U0001f3ff":  # the skin of the picture before it
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def units(words: Sequence[Word], profile: CaptionProfile) -> list[Unit]:
    """Every visible character of the words, in order."""
    # Whisper writes spaces, which are kept; other words are joined as their script joins them.
    has_spaces = any(word.text[:1].isspace() for word in words)
    all_units: list[Unit] = []
    for text in _texts(words, profile, has_spaces=has_spaces):
        for unit in _pieces(text, profile):
            touches = bool(all_units) and not profile.spaced and not has_spaces and _touches(all_units[-1], unit)
            all_units.append(replace(unit, glued=True) if touches else unit)
    return all_units


def _touches(before: Unit, after: Unit) -> bool:
    """Whether no space is between two words of a script that has none: only foreign words keep theirs."""
    return not (_latin(before.text[-1]) and _latin(after.text[0]))


def _latin(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"


def _texts(words: Sequence[Word], profile: CaptionProfile, *, has_spaces: bool) -> Iterator[Unit]:
    """The words as units, plain. With spaces, what continues a word becomes part of it, as far as a line goes."""
    waiting: Unit | None = None
    for word in words:
        text = plain(word.text)
        if not text:
            continue
        text_cells, glued = cells(text), has_spaces and not word.text[:1].isspace() and waiting is not None
        if waiting is not None and glued and profile.spaced and waiting.cells + text_cells <= profile.line_cells:
            text = waiting.text + text
            waiting = replace(waiting, end_ms=word.end_ms, text=text, cells=cells(text))
            continue
        if waiting is not None:
            yield waiting
        waiting = Unit(start_ms=word.start_ms, end_ms=word.end_ms, text=text, cells=text_cells, glued=glued)
    if waiting is not None:
        yield waiting


def _pieces(unit: Unit, profile: CaptionProfile) -> Iterator[Unit]:
    """A text of several words, or one longer than a line of a script without spaces, with its time shared out."""
    parts = [(part, unit.glued and number == 0) for number, part in enumerate(unit.text.split())]
    if not profile.spaced:
        parts = [
            (piece, glued or number > 0)
            for part, glued in parts
            for number, piece in enumerate(_cut(part, profile.line_cells))
        ]
    total = sum(len(part) for part, _ in parts)
    lasts_ms = unit.end_ms - unit.start_ms
    if len(parts) == 1 or lasts_ms < total:  # starts must rise: so short a time cannot be shared
        yield unit
        return
    passed = 0
    for part, glued in parts:
        begin_ms = unit.start_ms + lasts_ms * passed // total
        passed += len(part)
        end_ms = unit.start_ms + lasts_ms * passed // total
        yield Unit(start_ms=begin_ms, end_ms=end_ms, text=part, cells=cells(part), glued=glued)


def _cut(text: str, most: int) -> Iterator[str]:
    """Pieces that fit a line; a mark stays with what it is on."""
    piece, taken = "", 0
    for character in text:
        columns = _columns(character)
        if taken + columns > most:
            yield piece
            piece, taken = "", 0
        piece += character
        taken += columns
    yield piece
