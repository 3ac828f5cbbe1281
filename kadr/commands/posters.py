"""`kadr posters`: list the best poster frames of a file, without any service.

In: a file and a profile. Out: the candidates on stdout, best first, with times and reasons; as JSON with all signals.
"""

import asyncio
import json
import resource
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import KadrError
from core.sandbox.child import ChildRunner
from core.settings import Settings
from thumbnails.posters.selection import Candidate, Selection, select
from thumbnails.vision.face_model import face_model
from transcode.probe.probe import probe_title
from workers.video_facts import video_facts

NO_PICTURE = "no_picture"  # the fallback of a file with audio only


class CannotRead(KadrError):
    """The file does not exist."""


def run(file: Path, as_json: bool, profile: str) -> int:
    """Print the candidates; returns 0, or 1 when there are none. Raises KadrError."""
    if not file.is_file():
        raise CannotRead(f"{file}: no such file")
    return asyncio.run(_run(file.resolve(), as_json, profile))


async def _run(file: Path, as_json: bool, profile: str) -> int:
    settings = Settings.load()
    runner = await ChildRunner.detect(settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="kadr-posters-") as folder:
        probed = await probe_title(
            file,
            Path(folder),
            runner,
            max_pixels=settings.max_pixels,
            max_duration_s=settings.max_duration_s,
        )
        video = video_facts(probed.source)
        began, used = time.monotonic(), _cpu_s()
        if video is None:
            selection = Selection(candidates=(), sampled=0, rejected={}, fallback=NO_PICTURE)
        else:
            selection = await select(probed.file, video, profile, Path(folder), runner, face_model=face_model(settings))
        cost = {"wall_s": round(time.monotonic() - began, 3), "cpu_s": round(_cpu_s() - used, 3)}
    if as_json:
        print(json.dumps(_value(selection, profile, cost), indent=2))
    else:
        _show(selection)
    return 0 if selection.candidates else 1


def _cpu_s() -> float:
    """CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _value(selection: Selection, profile: str, cost: dict[str, float]) -> dict[str, Any]:
    value = asdict(selection)
    value["candidates"] = [_candidate(each) for each in selection.candidates]
    return {"profile": profile, **value, **cost}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    value = {name: each for name, each in asdict(candidate).items() if name != "file"}  # it was temporary
    return {**value, "time_s": float(candidate.time_s), "exact_time_s": str(candidate.time_s)}


def _show(selection: Selection) -> None:
    if selection.fallback:
        print(f"fallback: {selection.fallback}")
    for candidate in selection.candidates:
        print(f"{float(candidate.time_s):9.3f} s  {candidate.score:.3f}  {candidate.reason}")
