"""A file -> candidates for its poster, chosen by thumbnails.posters.selection_child inside the sandbox.

In: the file, the facts of its video track, the name of a profile of presets/posters.yaml. Out: `Selection`: the
candidates as raw pixels in the work folder, so that whoever makes images of them parses nothing of the upload. Refuses
nothing for bad media: a poster never fails a title. ToolKilled, a crash, is the caller's to count.
"""

import asyncio
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import ToolFailed, ToolKilled, ToolTimedOut
from core.media.advice import PictureSigns
from core.media.checked_json import adapter
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB
from presets.poster import poster_profile
from thumbnails.posters import selection_settings
from thumbnails.posters.reason import CODES
from thumbnails.posters.selection_settings import SelectionSettings
from thumbnails.reading import video_facts as pictures
from thumbnails.reading.video_facts import VideoFacts

# Selecting takes seconds; a title whose frames are costly to decode takes a minute. Beyond that something hangs.
LIMIT_S = 240
CANDIDATES = 5
LIMITS = Limits(wall_s=LIMIT_S, cpu_s=LIMIT_S, memory_bytes=4 * GIB, file_bytes=16 * 1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One candidate frame. `signals` are as measured; those named `*_rank` are 0..1, and the weights apply to them."""

    time_s: Fraction  # its own, from the title's zero
    score: float
    signals: dict[str, float]
    reason: str
    reasons: tuple[str, ...]  # the same as codes of thumbnails.posters.reason
    file: str  # raw BGR in the work folder: height x width x 3 bytes
    width: int
    height: int
    low_confidence: bool  # it failed a gate, and nothing better was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Candidates, best first. `fallback`: what happened instead of a choice among frames.

    `one_frame`: there is only one. `all_rejected`: none passed the gates, and these are the least bad. `unreadable`,
    `timed_out`: there are none.
    """

    candidates: tuple[Candidate, ...]
    sampled: int
    rejected: dict[str, int]  # by gate
    fallback: str | None
    picture: PictureSigns | None = None  # what the frames show of the title; None where none could be read


async def select(
    file: Path,
    video: VideoFacts,
    profile: str,
    work_dir: Path,
    runner: ChildRunner,
    *,
    candidates: int = CANDIDATES,
    face_model: Path | None = None,
) -> Selection:
    """Choose at most `candidates` frames by a profile of presets.poster; their pixels are left in `work_dir`.

    `face_model`: the file by which faces are found; None: OpenCV's cascade.

    Raises ConfigError for an unknown profile, and ToolKilled when the child crashed.
    """
    models = () if face_model is None else (face_model,)
    settings = selection_settings.to_json(settings_of(profile, candidates))
    arguments = (str(file), pictures.to_json(video), settings, *map(str, models))
    try:
        finished = await runner.run(
            python_argv("thumbnails.posters.selection_child", *arguments),
            work_dir=work_dir,
            readable=[file, *models],
            limits=LIMITS,
            nice=niceness.EXTRA,
        )
        answer = json.loads(finished.stdout)
    except ToolKilled:
        raise
    except ToolTimedOut:
        return nothing("timed_out")
    except (ToolFailed, ValueError):
        return nothing("unreadable")
    return await asyncio.to_thread(checked, answer, work_dir)


def settings_of(profile: str, candidates: int = CANDIDATES) -> SelectionSettings:
    """What a selection by this profile is told. Raises ConfigError for an unknown profile."""
    chosen_profile = poster_profile(profile)
    return SelectionSettings(
        samples=chosen_profile.samples,
        refine=chosen_profile.refine,
        decode_frames=chosen_profile.decode_frames,
        weights=chosen_profile.weights,
        cluster=chosen_profile.cluster,
        text=chosen_profile.text,
        cards=chosen_profile.cards,
        candidates=candidates,
    )


def checked(answer: Any, work_dir: Path) -> Selection:
    """The answer of a sandboxed program, which is not trusted: `unreadable` where it is no selection, or files lack."""
    try:
        selection = adapter(Selection).validate_python(answer)
    except ValidationError:
        return nothing("unreadable")
    known = all(CODES.issuperset(one.reasons) for one in selection.candidates)
    return selection if known and _all_there(selection, work_dir) else nothing("unreadable")


def nothing(fallback: str) -> Selection:
    """A selection without candidates, and why there are none."""
    return Selection(candidates=(), sampled=0, rejected={}, fallback=fallback)


def _all_there(selection: Selection, work_dir: Path) -> bool:
    """Whether every candidate's file is there, plain and of its size: a sandboxed program's answer is untrusted."""
    expected = {f"candidate-{number}.bgr" for number in range(1, len(selection.candidates) + 1)}
    return {one.file for one in selection.candidates} == expected and all(
        (path := work_dir / one.file).is_file()
        and not path.is_symlink()
        and one.width > 0
        and path.stat().st_size == one.width * one.height * 3
        for one in selection.candidates
    )
