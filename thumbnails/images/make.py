"""Makes the images of a title, in one sandboxed run each: its album, or poster sets, storyboard, preview, stills,
uploaded images.

In: an upload, the facts of its video track, a work folder. Out: the values of thumbnails.images.image_files, listing
finished files of that folder. Nothing of an upload is decoded in this process. Raises Rejected `picture_refused` for an
unsupported or invalid uploaded image, and for a still where no frame can be read.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.errors import Rejected, ToolFailed, ToolKilled, ToolTimedOut
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.sandbox.machine import available_bytes
from core.settings import GIB, MIB
from thumbnails.images import checked_files, storyboard
from thumbnails.images.image_files import PosterSet, Still, TitleImages
from thumbnails.posters import selection, selection_settings
from thumbnails.posters.selection import Selection
from thumbnails.reading import video_facts
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.uploaded import image_header

MOST_WIDTH = 1920  # of a still
CHILD = "thumbnails.images.images_child"
# Frames of a short title that are kept, so that none is decoded twice: 15 s of 720p30 on a machine of 12 GiB. Of
# smaller machines less, as several albums may be made at once.
MOST_HELD, HELD_SHARE = 768 * MIB, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterPixels:
    """The pixels of a poster to be made: raw BGR in a file, height x width x 3 bytes, as poster selection writes it."""

    file: Path
    width: int
    height: int
    cropped: bool = True  # whether to make the crops, too


async def make_all(
    file: Path,
    video: VideoFacts,
    work_dir: Path,
    runner: ChildRunner,
    *,
    posters: Sequence[PosterPixels] = (),
    duration_s: Fraction | None = None,
    moment_s: Fraction | None = None,
    avif: bool = False,
) -> TitleImages:
    """Poster sets of `posters`, a storyboard over [0, duration_s] and a preview around `moment_s`; None skips either.

    Bad media raises nothing: what could not be made is in `skipped`. Raises ToolKilled when the child crashed, another
    ToolFailed when it exited with an error (a full disk, for example).
    """
    video_request: dict[str, Any] = {"file": _absolute(file), "picture": video_facts.to_json(video)}
    if duration_s is not None:
        video_request["storyboard"] = {"duration_s": str(duration_s)}
    if moment_s is not None:
        video_request["preview"] = {"moment_s": str(moment_s)}
    request = {
        "kinds": _kinds(avif),
        "posters": [_poster_request(pixels, f"poster-{number}") for number, pixels in enumerate(posters)],
        **({"video": video_request} if len(video_request) > 2 else {}),
    }
    readable = [*(pixels.file for pixels in posters), *([file] if len(video_request) > 2 else [])]
    plan = None if duration_s is None else storyboard.plan(duration_s, video.shown_width, video.shown_height)
    try:
        answer, wall_s = await _run(request, work_dir, runner, readable)
    except ToolTimedOut as exc:
        video_parts = [name for name in ("storyboard", "preview") if name in video_request]
        names = [*(f"poster-{number}" for number in range(len(posters))), *video_parts]
        return _timed_out(names, len(posters), exc)
    return await asyncio.to_thread(checked_files.title_images, answer, work_dir, plan, wall_s)


async def album(
    file: Path,
    video: VideoFacts,
    profile: str,
    work_dir: Path,
    runner: ChildRunner,
    *,
    duration_s: Fraction,
    avif: bool = False,
    face_model: Path | None = None,
) -> tuple[Selection, TitleImages]:
    """The candidates for a title's poster, and `make_all` of them, with the preview around the best, in one run.

    `face_model`: the file by which faces are found; None: OpenCV's cascade.

    Raises as `make_all` does, and ConfigError for an unknown profile.
    """
    video_request = {
        "file": _absolute(file),
        "picture": video_facts.to_json(video),
        "posters": selection_settings.to_json(selection.settings_of(profile)),
        "storyboard": {"duration_s": str(duration_s)},
        "preview": {},
        "held_bytes": min(MOST_HELD, available_bytes() // HELD_SHARE),
    }
    plan = storyboard.plan(duration_s, video.shown_width, video.shown_height)
    try:
        answer, wall_s = await _run(
            {"kinds": _kinds(avif), "video": video_request, "face_model": str(face_model) if face_model else None},
            work_dir,
            runner,
            [file, *([face_model] if face_model else [])],
            spare_s=selection.LIMIT_S,
        )
    except ToolTimedOut as exc:
        return selection.nothing("timed_out"), _timed_out(("storyboard", "preview"), 0, exc)
    chosen = await asyncio.to_thread(selection.checked, answer.get("selection"), work_dir)
    images = await asyncio.to_thread(checked_files.title_images, answer, work_dir, plan, wall_s)
    if len(images.posters) != len(chosen.candidates):
        raise ToolFailed([CHILD], 0, "", "making pictures left other posters than candidates")
    return chosen, images


async def poster_set(pixels: PosterPixels, work_dir: Path, runner: ChildRunner, *, avif: bool = False) -> PosterSet:
    """One poster in all its sizes, shapes and types. Raises ToolFailed and its subclasses."""
    request = {"kinds": _kinds(avif), "posters": [_poster_request(pixels, "poster")]}
    answer, _ = await _run(request, work_dir, runner, [pixels.file])
    return await asyncio.to_thread(checked_files.poster_set, answer["posters"][0], work_dir)


async def poster_at(
    file: Path, video: VideoFacts, time_s: Fraction, work_dir: Path, runner: ChildRunner, *, avif: bool = False
) -> tuple[PosterSet, Fraction]:
    """The set of the frame shown at a time, and that frame's own time. Raises Rejected when there is none."""
    options = {"time_s": str(max(Fraction(0), time_s)), "kinds": _kinds(avif)}
    answer = await _at(file, video, "poster_at", options, work_dir, runner)
    return await asyncio.to_thread(checked_files.poster_set, answer["set"], work_dir), Fraction(answer["time_s"])


async def still(
    file: Path,
    video: VideoFacts,
    time_s: Fraction,
    work_dir: Path,
    runner: ChildRunner,
    *,
    width: int = MOST_WIDTH,
    kind: str = "jpg",
) -> Still:
    """The frame shown at a time of the upload, the nearest one beyond its ends. Raises Rejected when there is none."""
    if kind not in ("jpg", "webp", "png") or not 1 <= width <= MOST_WIDTH:
        raise ValueError(f"no still is made as {kind}, {width} wide")
    options = {"time_s": str(max(Fraction(0), time_s)), "width": width, "kind": kind}
    answer = await _at(file, video, "still", options, work_dir, runner)
    image = await asyncio.to_thread(checked_files.image_file, answer["file"], work_dir)
    return Still(file=image, time_s=Fraction(answer["time_s"]))


async def _at(
    file: Path, video: VideoFacts, name: str, options: dict[str, Any], work_dir: Path, runner: ChildRunner
) -> dict[str, Any]:
    """The part `name` of a run's answer about one frame. Raises Rejected when no frame can be read."""
    video_request = {"file": _absolute(file), "picture": video_facts.to_json(video), name: options}
    hint = "Choose another time, or upload a picture of your own."
    unreadable = Rejected("picture_refused", "No picture of the video can be read at that time.", hint)
    try:
        answer, _ = await _run({"video": video_request}, work_dir, runner, [file])
    except ToolTimedOut as exc:
        raise unreadable from exc
    if name not in answer:
        raise unreadable
    part: dict[str, Any] = answer[name]
    return part


async def uploaded_image(file: Path, work_dir: Path, runner: ChildRunner, *, avif: bool = False) -> PosterSet:
    """The poster set of an uploaded image. Raises Rejected; ToolKilled when decoding it crashed."""
    if (await asyncio.to_thread(file.stat)).st_size > image_header.MOST_BYTES:
        raise image_header.refused("The picture has more than 20 MB.")
    try:
        answer, _ = await _run({"kinds": _kinds(avif), "uploaded": _absolute(file)}, work_dir, runner, [file])
    except ToolKilled:
        raise
    except ToolFailed as exc:
        raise image_header.refused("The picture cannot be decoded.") from exc
    return await asyncio.to_thread(checked_files.poster_set, answer["posters"][0], work_dir)


def _timed_out(names: Sequence[str], posters: int, exc: ToolTimedOut) -> TitleImages:
    return TitleImages(
        posters=(None,) * posters,
        storyboard=None,
        preview=None,
        skipped=dict.fromkeys(names, f"timed out: {exc}"[:200]),
        wall_s=0.0,
    )


def _poster_request(pixels: PosterPixels, prefix: str) -> dict[str, Any]:
    return {
        "file": _absolute(pixels.file),
        "width": pixels.width,
        "height": pixels.height,
        "prefix": prefix,
        "cropped": pixels.cropped,
    }


def _absolute(file: Path) -> str:
    """Its path for a run, which begins in a folder of its own."""
    return str(file.absolute())


def _kinds(avif: bool) -> list[str]:
    return ["jpg", "webp", *(["avif"] if avif else [])]


async def _run(
    request: dict[str, Any], work_dir: Path, runner: ChildRunner, readable: Sequence[Path], *, spare_s: int = 0
) -> tuple[dict[str, Any], float]:
    finished = await runner.run(
        python_argv(CHILD),
        work_dir=work_dir,
        readable=readable,
        limits=Limits(
            wall_s=300 + spare_s, cpu_s=180 + spare_s, memory_bytes=4 * GIB, file_bytes=checked_files.MOST_FILE
        ),
        stdin=json.dumps(request).encode(),
        nice=niceness.EXTRA,
    )
    answer: dict[str, Any] = json.loads(finished.stdout)
    if rejected := answer.get("rejected"):
        raise Rejected(**rejected)
    return answer, finished.wall_s
