"""Captions whose times begin at an hour, as broadcasters count theirs, moved to where the title begins. Pure.

Timecode of a programme often starts at 01:00:00 or 10:00:00; captions exported with it lie behind the end of a title
that starts at 0. In: cues in the order of their times, and the title's length. Out: the cues, and by how many hours
they were moved. Raises Rejected(cues_outside) where all lie outside the title and no whole hour helps.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.errors import Rejected
from core.media.encoded import Cue
from core.media.timestamps import cue_timestamp

CODE = "cues_outside"
MOVED = "cues_moved"
HOUR_MS = 3_600_000


def fitted(cues: Sequence[Cue], duration_ms: int) -> tuple[list[Cue], int]:
    """The cues as they are where they fit, or lie in the title at least in part; else moved back by whole hours."""
    if not cues or cues[-1].start_ms < duration_ms:
        return list(cues), 0
    whole_hours = cues[0].start_ms // HOUR_MS
    for hours in (whole_hours, whole_hours + 1):  # the next one: the first cue may begin a moment before the hour
        if hours and _fits(cues, hours * HOUR_MS, duration_ms):
            return [_moved(cue, hours * HOUR_MS) for cue in cues], hours
    if cues[0].start_ms >= duration_ms:
        raise Rejected(
            CODE,
            f"No caption begins within the title: the first one is at {cue_timestamp(cues[0].start_ms)}, "
            f"the title ends at {cue_timestamp(duration_ms)}.",
            "Export the captions with times that count from the beginning of this video.",
        )
    return list(cues), 0


def moved_message(hours: int) -> str:
    """What an owner is told whose captions were moved."""
    by = "an hour" if hours == 1 else f"{hours} hours"
    return f"The captions began after the title's end and were moved back by {by}."


def _fits(cues: Sequence[Cue], offset_ms: int, duration_ms: int) -> bool:
    """Whether every cue can be seen when it is shown earlier by `offset_ms`."""
    return all(cue.end_ms > offset_ms and cue.start_ms - offset_ms < duration_ms for cue in cues)


def _moved(cue: Cue, offset_ms: int) -> Cue:
    return replace(cue, start_ms=max(0, cue.start_ms - offset_ms), end_ms=cue.end_ms - offset_ms)
