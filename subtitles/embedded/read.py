"""An upload -> the text subtitles in it, read by subtitles.embedded.read_child inside the sandbox.

In: a file with its demuxer, and where its title's timeline lies. Out: `Embedded`: tracks with cues, and the names of
what cannot be read as text. Refuses nothing; raises ToolFailed and its kin.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.media.encoded import Cue
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from subtitles.embedded.ass_events import Event, cues
from subtitles.formats.caption_reader import is_lost

CONTAINERS = frozenset(("mp4", "matroska", "mpegts"))  # of which subtitles are read


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedTrack:
    """One text track of an upload, its cues on the title's timeline."""

    index: int  # of its stream; of the video stream for captions inside the video
    codec: str
    language: str  # as the file names it; "" where it does not
    title: str
    captions: bool  # describes sounds, too
    forced: bool  # only dialogue in another language
    cues: tuple[Cue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The subtitles of an upload. Left out, as (codec, language): `pictures`, which are bitmaps, and `lost` ones, whose
    letters are not in the file; `left_out`: how many tracks there are beyond those that are read."""

    tracks: tuple[EmbeddedTrack, ...]
    pictures: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...] = ()
    left_out: int = 0


async def embedded(
    file: Path,
    demuxer: str,
    work_dir: Path,
    runner: ChildRunner,
    *,
    origin_s: Fraction,
    duration_s: Fraction,
    video: int | None,
    programme: Sequence[int],
) -> Embedded:
    """Read the text tracks of an upload; one without a cue in the title is left out.

    `origin_s`: the title's time 0, in the file's own times; `video`: the index of its video stream, which may carry
    captions; `programme`: of all streams that belong to it, where others do not. Raises ToolFailed and its subclasses.
    """
    # As the probe: to read all of it is bound by the disk.
    size = (await asyncio.to_thread(file.stat)).st_size
    limit_s = 60 + 30 * size // GIB
    finished = await runner.run(
        python_argv("subtitles.embedded.read_child"),
        work_dir=work_dir,
        readable=[file],
        limits=Limits(wall_s=limit_s, cpu_s=limit_s, memory_bytes=4 * GIB, file_bytes=MIB),
        stdin=_request(file, demuxer, origin_s, video, programme),
        nice=niceness.EXTRA,
        max_stdout_bytes=64 * MIB,  # 4 million characters of any script, escaped, with their times
    )
    return await asyncio.to_thread(tracks_of, json.loads(finished.stdout), round(duration_s * 1000))


def _request(file: Path, demuxer: str, origin_s: Fraction, video: int | None, programme: Sequence[int]) -> bytes:
    request = {"file": str(file.absolute()), "demuxer": demuxer, "origin_s": str(origin_s)}
    return json.dumps({**request, "video": video, "programme": list(programme)}).encode()


def tracks_of(answer: Mapping[str, Any], duration_ms: int) -> Embedded:
    """The answer of the child with its events as cues. Tracks without a cue in the title are left out."""
    tracks = (
        EmbeddedTrack(
            index=track["index"],
            codec=track["codec"],
            language=track["language"],
            title=track["title"],
            captions=track["hearing_impaired"],
            forced=track["forced"],
            cues=tuple(cues([_event(*event) for event in track["events"]], duration_ms)),
        )
        for track in answer["tracks"]
    )
    shown = [track for track in tracks if track.cues]
    return Embedded(
        tracks=tuple(track for track in shown if not is_lost(track.cues)),
        pictures=tuple((codec, language) for codec, language in answer["pictures"]),
        left_out=answer.get("left_out", 0),
        lost=tuple((track.codec, track.language) for track in shown if is_lost(track.cues)),
    )


def _event(start_ms: int, end_ms: int | None, dialogue: str) -> Event:
    return Event(start_ms=start_ms, end_ms=end_ms, dialogue=dialogue)
