"""Cues -> WebVTT: segments for HLS that cover a whole title, and one file for everything else. Pure.

A cue that spans segments is repeated unclipped in each (RFC 8216bis, 3.1.4), and a segment without cues still has its
header. Refuses nothing: what would end a cue early is taken out of its text.
"""

import hashlib
import re
from collections.abc import Sequence
from fractions import Fraction

from core.media.encoded import Blob, Cue, Segment, SubtitleFiles, Subtitles
from core.media.timestamps import cue_timestamp

SEGMENT_MS = 30_000
# Media starts at 0, and so do the cues' times [5.3].
TIMESTAMP_MAP = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000"


def track(
    cues: Sequence[Cue],
    *,
    id: str,  # noqa: A002 - as the field it becomes
    language: str,
    name: str,
    duration_s: Fraction,
    machine_generated: bool = False,
    captions: bool = False,
    forced: bool = False,
) -> SubtitleFiles:
    """The files of one subtitle track of a title that lasts `duration_s`: its segments, and one with every cue."""
    files: dict[str, bytes] = {}

    def add_file(text: str) -> Blob:
        body = text.encode()
        blob = Blob(sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))
        files[blob.sha256] = body
        return blob

    subtitles = Subtitles(
        id=id,
        language=language,
        name=name,
        machine_generated=machine_generated,
        captions=captions,
        forced=forced,
        segments=tuple(
            Segment(blob=add_file(text), duration=length_ms)
            for text, length_ms in segments(cues, max(1, round(duration_s * 1000)))
        ),
        whole=add_file(whole(cues)),
    )
    return SubtitleFiles(subtitles=subtitles, files=files)


def whole(cues: Sequence[Cue]) -> str:
    """One file with every cue, in the order of their times."""
    return "\n".join(["WEBVTT\n", *(_block(cue) for cue in _sorted(cues))])


def segments(cues: Sequence[Cue], duration_ms: int, segment_ms: int = SEGMENT_MS) -> list[tuple[str, int]]:
    """(text, how long it lasts) from 0 to the title's end. A cue that begins after the end is in none."""
    blocks: list[list[str]] = [[] for _ in range(-(-duration_ms // segment_ms))]
    for cue in _sorted(cues):
        if cue.start_ms >= duration_ms:
            break
        block = _block(cue)
        for number in range(cue.start_ms // segment_ms, min((cue.end_ms - 1) // segment_ms + 1, len(blocks))):
            blocks[number].append(block)
    return [
        ("\n".join([f"WEBVTT\n{TIMESTAMP_MAP}\n", *segment_blocks]), min(segment_ms, duration_ms - number * segment_ms))
        for number, segment_blocks in enumerate(blocks)
    ]


def _sorted(cues: Sequence[Cue]) -> list[Cue]:
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.end_ms))


def _block(cue: Cue) -> str:
    """A cue block: an empty line would end it, and an arrow begin another."""
    times = f"{cue_timestamp(cue.start_ms)} --> {cue_timestamp(cue.end_ms)}"
    text = [line for line in re.split(r"\r\n|\r|\n", cue.text.replace("-->", "--&gt;")) if line.strip()]
    name = " ".join(cue.id.replace("-->", "").split())
    settings = " ".join(cue.settings.replace("-->", "").split())
    return "\n".join([*([name] if name else []), f"{times} {settings}".rstrip(), *text, ""])
