"""One picture per clip for a person to look at: our candidates with their reasons, and what others would have taken.

In: a clip and our selection of it. Out: a PNG. Everything is drawn at 320 pixels width; baselines are decoded as their
users would (HDR is not tone-mapped), and one that fails says so in its place.
"""

import subprocess
import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.posters.pickers import BASELINES, HECATE, Clip, Picker, argv, pick
from benchmarks.posters.planted_things import Pixels
from core.errors import KadrError
from thumbnails.posters.selection import Candidate, Selection

CELL = (320, 240)  # width and height of a picture's place
LETTERS = 46  # in a line of it
LINES = 5
LINE_PX = 15
ACROSS = 6
GROUND = 28
LIMIT_S = 300


def sheet(clip: Clip, selection: Selection, folder: Path, binary: str) -> Pixels:
    """Draw the sheet of one clip: our candidates in one row, the other pickers' choices in another."""
    ours = [_cell(_pixels(one, folder), _caption(rank, one)) for rank, one in enumerate(selection.candidates, 1)]
    if not ours:
        ours = [_cell(None, f"no candidate: {selection.fallback}")]
    theirs = [_cell(*_theirs(picker, clip, binary)) for picker in BASELINES]
    fallback = f", {selection.fallback}" if selection.fallback else ""
    rejected = ", ".join(f"{gate} {count}" for gate, count in selection.rejected.items() if count)
    heading = f"{clip.path.name}: {float(clip.duration_s):.1f} s; sampled {selection.sampled}{fallback}; {rejected}"
    return np.vstack([_heading(heading), _row(ours), _heading("others"), _row(theirs)])


def _caption(rank: int, one: Candidate) -> str:
    sure = ", low confidence" if one.low_confidence else ""
    return f"{rank}. {float(one.time_s):.3f} s, score {one.score:.3f}{sure}. {one.reason}"


def _pixels(one: Candidate, folder: Path) -> Pixels:
    raw = np.fromfile(folder / one.file, np.uint8)
    return raw.reshape(one.height, one.width, 3)


def _theirs(picker: Picker, clip: Clip, binary: str) -> tuple[Pixels | None, str]:
    """(decoded frame that the picker chose, caption with its time); the frame is None where it failed."""
    after = f"scale={CELL[0]}:-2,format=bgr24"
    try:
        picked = pick(picker, clip, binary)
        time_s = float(picked.times_s[0])
        if picker is HECATE:
            picker = Picker(name=picker.name, filters="null", seek_to=picked.times_s[0] / clip.duration_s)
        command = argv(picker, binary, clip, ("-c:v", "ppm", "-f", "image2pipe", "-"), after=after)
        encoded = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=True).stdout
        picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    except (KadrError, subprocess.SubprocessError, cv2.error) as exc:
        return None, f"{picker.name}: {str(exc).splitlines()[-1]}"
    return None if picture is None else picture.astype(np.uint8), f"{picker.name}: {time_s:.3f} s"


def _cell(picture: Pixels | None, text: str) -> Pixels:
    cell = np.full((CELL[1] + LINES * LINE_PX + 8, CELL[0] + 8, 3), GROUND, np.uint8)
    if picture is not None:
        scale = min(CELL[0] / picture.shape[1], CELL[1] / picture.shape[0])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
        x, y = 4 + (CELL[0] - size[0]) // 2, (CELL[1] - size[1]) // 2
        cell[y : y + size[1], x : x + size[0]] = small
    for line, words in enumerate(textwrap.wrap(text, LETTERS)[:LINES]):
        _write(cell, words, 4, CELL[1] + (line + 1) * LINE_PX)
    return cell


def _write(picture: NDArray[np.uint8], words: str, x: int, y: int) -> None:
    """Draw a line of text at (x, y); OpenCV fonts have ASCII only."""
    plain = words.encode("ascii", "replace").decode()
    cv2.putText(picture, plain, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (230, 230, 230), 1, cv2.LINE_AA)


def _row(cells: Sequence[Pixels]) -> Pixels:
    empty = np.full_like(cells[0], GROUND)
    return np.hstack([*cells, *[empty] * (ACROSS - len(cells))])


def _heading(words: str) -> Pixels:
    strip = np.full((24, ACROSS * (CELL[0] + 8), 3), GROUND + 30, np.uint8)
    _write(strip, words, 6, 16)
    return strip


def write(picture: Pixels, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture):
        raise KadrError(f"{path}: cannot be written")
