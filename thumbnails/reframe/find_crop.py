"""Where an upright 9:16 window lies on a wide video over time, searched by a child (find_crop_child) in the sandbox.

In: the file and a `ReframeRequest`. Out: a `CropResult`. Never fails an upload: a video that cannot be searched, or is
too long to be, has its window in the middle, with the reason.
"""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from core.errors import ToolFailed
from core.media.crop import CropPath, centred, crop_from_json
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from thumbnails.reframe.request import ReframeRequest, to_json

VERSION = 1  # part of the key under which a path is cached
LONGEST_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class CropResult:
    """The path of the window. `centred`: why it only stands in the middle; None where it was searched for."""

    path: CropPath
    centred: str | None = None


async def find_crop(
    file: Path, request: ReframeRequest, work_dir: Path, runner: ChildRunner, *, face_model: Path | None = None
) -> CropResult:
    """Search the requested part of the file for the path of the window; centred, with the reason, on any failure.

    `face_model`: the file by which faces are found; None: OpenCV's cascade.
    """
    duration_s = request.end_s - request.start_s
    if duration_s > LONGEST_S:
        return _centred(request, f"it lasts longer than {LONGEST_S} s")
    # Twenty times what 1080p took: very large frames in slow codecs.
    limit_s = int(60 + 6 * duration_s)
    models = () if face_model is None else (face_model,)
    try:
        finished = await runner.run(
            python_argv(
                "thumbnails.reframe.find_crop_child", str(file), json.dumps(to_json(request)), *map(str, models)
            ),
            work_dir=work_dir,
            readable=[file, *models],
            limits=Limits(wall_s=limit_s, cpu_s=limit_s, memory_bytes=6 * GIB, file_bytes=MIB),
            nice=niceness.INTERACTIVE,
        )
        answer = await asyncio.to_thread(json.loads, finished.stdout)
        if failed := answer.get("failed"):
            return _centred(request, str(failed))
        path = crop_from_json(answer["path"])
    except (ToolFailed, ValueError, KeyError, AttributeError) as exc:
        return _centred(request, str(exc)[:400])
    if path.share != request.share:
        return _centred(request, "the answer is about another window")
    return CropResult(path=path)


def _centred(request: ReframeRequest, reason: str) -> CropResult:
    return CropResult(path=centred(request.share, request.start_s, request.end_s), centred=reason)
