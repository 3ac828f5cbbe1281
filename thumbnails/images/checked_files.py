"""Checks the files that pictures_child left in its folder, and lists them as values of thumbnails.images.image_files.

In: its answer and the folder. Out: values, each file of which was read as bytes, found to begin as what it is called,
and hashed; nothing is decoded. Refuses, by ToolFailed, a file that is none of its own, and a storyboard with gaps: the
run has handled an upload, so what it says is not believed.
"""

import base64
import hashlib
import os
import re
import stat
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.errors import ToolFailed
from core.settings import MIB
from thumbnails.images import image_files, storyboard
from thumbnails.images.image_files import ImageFile, Made, PosterSet, Preview, Storyboard
from thumbnails.uploaded import image_header

MOST_FILE = 32 * MIB
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\.(?P<kind>jpg|webp|avif|png)")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_BEGINNINGS = {
    "jpg": re.compile(rb"\xff\xd8\xff"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "avif": re.compile(rb"....ftypavif", re.DOTALL),
    "png": re.compile(re.escape(image_header.PNG)),
}


def listed(answer: dict[str, Any], work_dir: Path, planned: storyboard.StoryboardPlan | None, wall_s: float) -> Made:
    painted, moving = answer.get("storyboard"), answer.get("preview")
    return Made(
        posters=tuple(poster_set(entry, work_dir) for entry in answer["posters"]),
        storyboard=board(painted, work_dir, planned) if painted and planned else None,
        preview=preview(moving, work_dir) if moving else None,
        skipped=answer["skipped"],
        wall_s=wall_s,
    )


def poster_set(entry: dict[str, Any], work_dir: Path) -> PosterSet:
    return PosterSet(
        files=tuple(file(one, work_dir) for one in entry["files"]),
        thumbhash=base64.b64decode(entry["thumbhash"]),
        colour=_colour(str(entry["colour"])),
        width=int(entry["width"]),
        height=int(entry["height"]),
        padded=tuple(name for name in image_files.CROPS if name in entry["padded"]),
        absent=tuple(kind for kind in image_files.MEDIA_TYPES if kind in entry["absent"]),
    )


def board(entry: dict[str, Any], work_dir: Path, planned: storyboard.StoryboardPlan) -> Storyboard:
    """Raises ToolFailed when it is not whole: nobody may be sent to a tile that is not there."""
    files = tuple(file(one, work_dir) for one in entry["files"])
    times_s = tuple(Fraction(time_s) for time_s in entry["times_s"])
    sizes = [planned.sheet_size(sheet) for sheet in range(planned.sheets)]
    if [(sheet.width, sheet.height) for sheet in files] != sizes or len(times_s) != len(planned.tiles):
        raise _left("a storyboard that is not whole")
    return Storyboard(plan=planned, files=files, times_s=times_s, decoded=int(entry["decoded"]))


def preview(entry: dict[str, Any], work_dir: Path) -> Preview:
    return Preview(
        file=file(entry["file"], work_dir),
        start_s=Fraction(entry["start_s"]),
        duration_s=Fraction(int(entry["duration_ms"]), 1000),
        quality=int(entry["quality"]),
    )


def file(entry: dict[str, Any], work_dir: Path) -> ImageFile:
    """A plain file of the folder that begins as its name says. A taken-over run could leave a link to any other."""
    name = str(entry["name"])
    match = _NAME.fullmatch(name)
    if match is None:
        raise _left("a file of a strange name")
    try:
        opened = os.open(work_dir / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as exc:
        raise _left(f"{name}, which cannot be read") from exc
    with os.fdopen(opened, "rb") as reading:
        facts = os.fstat(opened)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_size > MOST_FILE:
            raise _left(f"{name}, which is no file of its own")
        body = reading.read(MOST_FILE)
    if not _BEGINNINGS[match["kind"]].match(body):
        raise _left(f"{name}, which is something else")
    return ImageFile(
        path=work_dir / name,
        name=name,
        shape=str(entry["shape"]),
        media_type=image_files.MEDIA_TYPES[match["kind"]],
        width=int(entry["width"]),
        height=int(entry["height"]),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def _colour(entry: str) -> str:
    if _COLOUR.fullmatch(entry) is None:
        raise _left("a strange colour")
    return entry


def _left(what: str) -> ToolFailed:
    return ToolFailed(["thumbnails.images.images_child"], 0, "", f"making pictures left {what}")
