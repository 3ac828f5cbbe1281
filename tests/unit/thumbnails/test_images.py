"""Sizes of poster sets, what is in their files, and what a run's leavings must be."""

import hashlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.errors import ToolFailed
from tests.pictures import PIXELS, image
from thumbnails.images import checked_files, encode, image_files, storyboard

# Sizes


@pytest.mark.parametrize(
    ("width", "made"),
    [(3840, (1280, 640, 320)), (1280, (1280, 640, 320)), (1000, (1000, 640, 320)), (321, (321, 320)), (180, (180,))],
)
def test_nothing_is_enlarged(width: int, made: tuple[int, ...]) -> None:
    assert image_files.widths(width) == made


@pytest.mark.parametrize(
    ("size", "shapes"),
    [
        ((1920, 1080), {"1x1", "9x16"}),
        ((1080, 1920), {"16x9", "1x1"}),
        ((720, 720), {"16x9", "9x16"}),
        ((1440, 1080), {"16x9", "1x1", "9x16"}),
        ((1366, 768), {"1x1", "9x16"}),
    ],
)
def test_shapes_are_those_it_does_not_have(size: tuple[int, int], shapes: set[str]) -> None:
    assert set(image_files.crops(*size)) == shapes


def test_files_hold_the_picture_and_nothing_else(tmp_path: Path) -> None:
    made = encode.poster_set(tmp_path, "poster-0", PIXELS, ("jpg", "webp", "avif"), cropped=True)
    assert not made["absent"]
    assert {path.name for path in tmp_path.iterdir()} == {file["name"] for file in made["files"]}
    for file in made["files"]:
        body = (tmp_path / file["name"]).read_bytes()
        pixels, kinds, _ = cv2.imdecodeWithMetadata(np.frombuffer(body, np.uint8), flags=cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (file["height"], file["width"], 3)
        assert len(kinds) == 0
    full = cv2.imdecode(np.fromfile(tmp_path / "poster-0-640.jpg", np.uint8), cv2.IMREAD_COLOR)
    assert cv2.PSNR(full, PIXELS) > 33
    body = (tmp_path / "poster-0-640.jpg").read_bytes()
    assert b"\xff\xc2\x00\x11\x08\x01\x68\x02\x80\x03\x01\x22" in body, "progressive, 4:2:0"


# What a run left


def told(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": "full", "width": 640, "height": 360, **more}


def test_a_left_file_is_hashed(tmp_path: Path) -> None:
    body = image("jpg")
    (tmp_path / "a-1.jpg").write_bytes(body)
    file = checked_files.image_file(told("a-1.jpg"), tmp_path)
    assert (file.sha256, file.size_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    assert file.media_type == "image/jpeg"


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "a.html", "a.jpg\n", ".jpg", "A.jpg", "sheet-0.svg"])
def test_a_left_name_is_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolFailed, match="strange name"):
        checked_files.image_file(told(name), tmp_path)


def test_links_and_fifos_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(image("jpg"))
    work = tmp_path / "work"
    work.mkdir()
    (work / "soft.jpg").symlink_to(secret)
    (work / "hard.jpg").hardlink_to(secret)
    os.mkfifo(work / "fifo.jpg")
    (work / "page.jpg").write_bytes(b"<html><script>")
    for name in ("soft.jpg", "hard.jpg", "fifo.jpg", "page.jpg", "none.jpg"):
        with pytest.raises(ToolFailed, match="left"):
            checked_files.image_file(told(name), work)


def test_a_storyboard_with_gaps_is_none(tmp_path: Path) -> None:
    planned = storyboard.plan(Fraction(5), 640, 360)
    (tmp_path / "sheet-0.jpg").write_bytes(image("jpg"))
    whole = {"files": [told("sheet-0.jpg", width=480, height=90)], "times_s": ["0", "2", "4"], "decoded": 3}
    assert len(checked_files.storyboard_sheets(whole, tmp_path, planned).times_s) == 3
    for gap in ({"files": []}, {"times_s": ["0", "2"]}, {"files": [told("sheet-0.jpg", width=320, height=90)]}):
        with pytest.raises(ToolFailed, match="not whole"):
            checked_files.storyboard_sheets({**whole, **gap}, tmp_path, planned)
