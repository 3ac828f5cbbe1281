"""A wide picture -> where an upright window should be while it plays, by reframe_child inside the sandbox.

In: the file and a `Wide`. Out: `Reframed`. Never fails an upload over its picture: what cannot be looked at, or is too
long to be, has its window in the middle and says why.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from core.child import ChildRunner, Limits, python_argv
from core.crop import CropPath, centred, crop_from_json
from core.errors import ToolFailed
from core.settings import GIB, MIB
from thumbnails.reframe_wide import Wide, to_json

VERSION = 1  # part of the key under which a path is kept
LONGEST_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Reframed:
    """The path, and why it is only the middle, where it is."""

    path: CropPath
    centred: str | None = None


async def find_crop(file: Path, wide: Wide, work_dir: Path, runner: ChildRunner) -> Reframed:
    """Look at the whole of the wanted part once."""
    duration_s = wide.end_s - wide.start_s
    if duration_s > LONGEST_S:
        return _centred(wide, f"it lasts longer than {LONGEST_S} s")
    # Twenty times what 1080p took: very large pictures in slow codecs.
    allowed_s = int(60 + 6 * duration_s)
    try:
        finished = await runner.run(
            python_argv("thumbnails.reframe_child", str(file), json.dumps(to_json(wide))),
            work_dir=work_dir,
            readable=[file],
            limits=Limits(wall_s=allowed_s, cpu_s=allowed_s, memory_bytes=6 * GIB, file_bytes=MIB),
            nice=0,
        )
        answer = await asyncio.to_thread(json.loads, finished.stdout)
        if failed := answer.get("failed"):
            return _centred(wide, str(failed))
        path = crop_from_json(answer["path"])
    except (ToolFailed, ValueError, KeyError, AttributeError) as exc:
        return _centred(wide, str(exc)[:400])
    return Reframed(path=path) if path.share == wide.share else _centred(wide, "the answer is about another window")


def _centred(wide: Wide, why: str) -> Reframed:
    return Reframed(path=centred(wide.share, wide.start_s, wide.end_s), centred=why)
