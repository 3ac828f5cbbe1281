"""Events of a subtitle track, as libav's decoders give them -> cues on the title's timeline. Pure.

In: Events, whose text is an ASS dialogue line whatever the file had. Out: cues without styles, their text WebVTT's.
Whatever was in the file is taken as plain text. Refuses nothing: what is no text, or outside the title, is left out.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from core.media.encoded import Cue

FIELDS = 8  # in front of the text of a dialogue line: order, layer, style, name, three margins, effect
MOST_MS = 600_000  # what our own reader takes
UNKNOWN_END_MS = 5_000  # the longest an event without an end is shown
MOST_TRACKS = 32  # of one upload
MOST_LINES, MOST_CHARACTERS = 8, 1_000  # a cue with more is an attack or a picture in letters
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_DRAWING = re.compile(r"\\p(\d+)")
_AT_TOP = re.compile(r"\\an?[789]")
_BREAKS = re.compile(r"\\[Nn]|\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One shown text, as an ASS dialogue line. `end_ms` None: until the next event."""

    start_ms: int
    end_ms: int | None
    dialogue: str


def cues(events: Sequence[Event], duration_ms: int) -> list[Cue]:
    """The cues of all events, in the order of their times, without duplicates."""
    ordered = sorted(events, key=lambda event: event.start_ms)
    unique: dict[tuple[int, int, str], Cue] = {}
    for event, following in zip_longest(ordered, ordered[1:]):
        if cue := _cue(event, following, duration_ms):
            unique[cue.start_ms, cue.end_ms, cue.text] = cue
    return sorted(unique.values(), key=lambda cue: (cue.start_ms, cue.end_ms))


def _cue(event: Event, following: Event | None, duration_ms: int) -> Cue | None:
    end_ms = event.end_ms
    if end_ms is None:
        latest_ms = event.start_ms + UNKNOWN_END_MS
        end_ms = min(following.start_ms, latest_ms) if following else latest_ms
    start_ms, end_ms = max(event.start_ms, 0), min(end_ms, duration_ms)
    text, at_top = plain(event.dialogue)
    if not text or end_ms <= start_ms:
        return None
    return Cue(
        start_ms=start_ms,
        end_ms=min(end_ms, start_ms + MOST_MS),
        text=html.escape(text, quote=False),
        settings="line:0" if at_top else "",
    )


def plain(dialogue: str) -> tuple[str, bool]:
    """(its lines without styles, whether it is at the top of the picture); no text where it draws shapes."""
    fields = dialogue.split(",", FIELDS)
    if len(fields) <= FIELDS:
        return "", False
    styled, shown, drawing, at_top = fields[FIELDS], "", False, False
    for part in _parts(styled):
        if _OVERRIDE.fullmatch(part):
            at_top = at_top or _AT_TOP.search(part) is not None
            if shapes := _DRAWING.search(part):
                drawing = int(shapes[1]) > 0
        elif not drawing:
            shown += part
    lines = [_CONTROL.sub(" ", line.replace("\\h", " ")).strip() for line in _BREAKS.split(shown)]
    return "\n".join([line for line in lines if line][:MOST_LINES])[:MOST_CHARACTERS].strip(), at_top


def _parts(styled: str) -> Iterator[str]:
    at = 0
    for override in _OVERRIDE.finditer(styled):
        yield styled[at : override.start()]
        yield override[0]
        at = override.end()
    yield styled[at:]
