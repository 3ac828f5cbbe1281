"""Validates the files that thumbnails.images.images_child wrote, and lists them as frozen values.

In: the child's answer and its folder. Out: values of thumbnails.images.image_files, each file of which was read as
bytes, checked against the magic bytes of its extension, and hashed; nothing is decoded. Raises ToolFailed for a file
that is not a plain file of the folder, and for a storyboard with gaps: the child has decoded an upload, so its output
is untrusted.
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
from thumbnails.images.image_files import ImageFile, PosterSet, Preview, Storyboard, TitleImages
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


def title_images(
    answer: dict[str, Any], work_dir: Path, plan: storyboard.StoryboardPlan | None, wall_s: float
) -> TitleImages:
    """Everything that one run made, its files validated; `plan` is that of the storyboard. Raises ToolFailed."""
    sheets, animation = answer.get("storyboard"), answer.get("preview")
    return TitleImages(
        posters=tuple(poster_set(entry, work_dir) for entry in answer["posters"]),
        storyboard=storyboard_sheets(sheets, work_dir, plan) if sheets and plan else None,
        preview=preview(animation, work_dir) if animation else None,
        skipped=answer["skipped"],
        wall_s=wall_s,
    )


def poster_set(entry: dict[str, Any], work_dir: Path) -> PosterSet:
    """One poster set of the child's answer, its files validated. Raises ToolFailed."""
    return PosterSet(
        files=tuple(image_file(item, work_dir) for item in entry["files"]),
        thumbhash=base64.b64decode(entry["thumbhash"]),
        colour=_colour(str(entry["colour"])),
        width=int(entry["width"]),
        height=int(entry["height"]),
        padded=tuple(name for name in image_files.CROPS if name in entry["padded"]),
        absent=tuple(kind for kind in image_files.MEDIA_TYPES if kind in entry["absent"]),
    )


def storyboard_sheets(entry: dict[str, Any], work_dir: Path, plan: storyboard.StoryboardPlan) -> Storyboard:
    """The storyboard, its sheets validated. Raises ToolFailed where a tile is missing: players would request it."""
    files = tuple(image_file(item, work_dir) for item in entry["files"])
    times_s = tuple(Fraction(time_s) for time_s in entry["times_s"])
    sizes = [plan.sheet_size(sheet) for sheet in range(plan.sheets)]
    if [(sheet.width, sheet.height) for sheet in files] != sizes or len(times_s) != len(plan.tiles):
        raise _invalid_output("a storyboard that is not whole")
    return Storyboard(plan=plan, files=files, times_s=times_s, decoded=int(entry["decoded"]))


def preview(entry: dict[str, Any], work_dir: Path) -> Preview:
    """The preview of the child's answer, its file validated. Raises ToolFailed."""
    return Preview(
        file=image_file(entry["file"], work_dir),
        start_s=Fraction(entry["start_s"]),
        duration_s=Fraction(int(entry["duration_ms"]), 1000),
        quality=int(entry["quality"]),
    )


def image_file(entry: dict[str, Any], work_dir: Path) -> ImageFile:
    """A plain file of the folder with the magic bytes of its extension. A compromised child could leave links.

    Raises ToolFailed.
    """
    name = str(entry["name"])
    match = _NAME.fullmatch(name)
    if match is None:
        raise _invalid_output("a file of a strange name")
    try:
        descriptor = os.open(work_dir / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as exc:
        raise _invalid_output(f"{name}, which cannot be read") from exc
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_size > MOST_FILE:
            raise _invalid_output(f"{name}, which is no file of its own")
        body = stream.read(MOST_FILE)
    if not _BEGINNINGS[match["kind"]].match(body):
        raise _invalid_output(f"{name}, which is something else")
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
        raise _invalid_output("a strange colour")
    return entry


def _invalid_output(what: str) -> ToolFailed:
    return ToolFailed(["thumbnails.images.images_child"], 0, "", f"making pictures left {what}")
