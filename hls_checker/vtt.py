"""A WebVTT segment -> its header, its place in time and its cues. Pure.

In: text. Out: `Text`, with a sentence for each thing that is wrong. Sources: WebVTT (W3C), 4; RFC 8216bis-18, 3.1.4.
"""

import re
from dataclasses import dataclass

_STAMP = r"(?:([0-9]{2,}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})"
_TIMES = re.compile(rf"{_STAMP}[ \t]+-->[ \t]+{_STAMP}([ \t].*)?")
_MAP_LOCAL = re.compile(rf"(?:^|,)LOCAL:{_STAMP}(?:,|$)")
_MAP_MPEGTS = re.compile(r"(?:^|,)MPEGTS:([0-9]+)(?:,|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Times in ms of the title, the map applied."""

    start_ms: int
    end_ms: int
    settings: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One file of subtitles. `offset_ms` is None without X-TIMESTAMP-MAP."""

    offset_ms: int | None
    cues: tuple[Cue, ...]
    wrong: tuple[str, ...]


def read(text: str) -> Text:
    """Parse a WebVTT file. Never raises: text that is not WebVTT has no cues, and `wrong` says why."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    wrong = [] if re.fullmatch(r"WEBVTT([ \t].*)?", lines[0]) else ["it does not begin with WEBVTT"]
    blocks = [block.split("\n") for block in re.split(r"\n{2,}", "\n".join(lines).strip("\n"))]
    offset_ms = None
    for line in blocks[0][1:]:
        if line.startswith("X-TIMESTAMP-MAP="):
            offset_ms = _offset(line.partition("=")[2])
            wrong += [] if offset_ms is not None else [f"{line[:80]!r} is no X-TIMESTAMP-MAP"]
    cues = []
    for block in blocks[1:]:
        at = next((n for n, line in enumerate(block[:2]) if "-->" in line), None)
        if at is None:
            if not re.match(r"NOTE\b|STYLE\b|REGION\b", block[0]):
                wrong.append(f"a block is no cue: {block[0][:40]!r}")
            continue
        times = _TIMES.fullmatch(block[at])
        if times is None:
            wrong.append(f"the times cannot be read: {block[at][:60]!r}")
            continue
        start_ms, end_ms = _ms(times.groups()[:4]), _ms(times.groups()[4:8])
        if end_ms <= start_ms:
            wrong.append(f"a cue ends before it begins: {block[at][:60]!r}")
        shift = offset_ms or 0
        settings, spoken = (times[9] or "").strip(), "\n".join(block[at + 1 :])
        cues.append(Cue(start_ms=start_ms + shift, end_ms=end_ms + shift, settings=settings, text=spoken))
    return Text(offset_ms=offset_ms, cues=tuple(cues), wrong=tuple(wrong))


def _offset(mapped: str) -> int | None:
    """Offset in ms that X-TIMESTAMP-MAP adds to cue times (MPEGTS ticks of 90 kHz); None where it is malformed."""
    ticks, local = _MAP_MPEGTS.search(mapped), _MAP_LOCAL.search(mapped)
    return None if ticks is None or local is None else int(ticks[1]) // 90 - _ms(local.groups())


def _ms(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, ms = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
