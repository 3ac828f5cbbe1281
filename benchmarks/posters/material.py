"""Frames of real clips, to be used as the material of planted videos in place of painted scenes.

In: a folder with clips (SDR ones: nothing is tone-mapped), the ffmpeg binary. Out: the sharp, well lit ones of frames
taken at fixed places, cut to any size. What a clip's maker thinks good is not known: the best is what is not spoilt.
Refuses a folder with too few usable frames.
"""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.posters.planted_film import Material
from benchmarks.posters.planted_things import Pixels
from core.errors import ConfigError

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".ts", ".m4v")
PLACES = (Fraction(1, 5), Fraction(2, 5), Fraction(3, 5), Fraction(4, 5))
WIDTH = 1280
LEAST_FRAMES = 6
LUMA = (45, 205)
LEAST_CONTRAST = 28.0
LEAST_SHARPNESS = 40.0  # variance of the Laplacian at WIDTH


def is_usable(clip: Path, time_s: Fraction, binary: str) -> bool:
    """Whether the frame at a time can be decoded, is sharp and well lit."""
    picture = frame(clip, float(time_s), binary)
    return picture is not None and _usable(picture)


def load(folder: Path, binary: str) -> tuple[Material, int]:
    """(the material, how many frames it has). Raises ConfigError."""
    frames = [picture for clip in clips_of(folder) for picture in _frames(clip, binary) if _usable(picture)]
    if len(frames) < LEAST_FRAMES:
        raise ConfigError(f"--material {folder}: {len(frames)} usable frames; at least {LEAST_FRAMES} are needed")

    def material(rng: np.random.Generator, width: int, height: int) -> Pixels:
        return _cover(frames[rng.integers(len(frames))], width, height)

    return material, len(frames)


def clips_of(folder: Path) -> list[Path]:
    """The videos in a folder and those below it, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def duration_s(clip: Path, binary: str) -> float | None:
    """How long a clip is, as ffmpeg says; None where it does not."""
    description = subprocess.run(
        [binary, "-nostdin", "-i", str(clip)], capture_output=True, timeout=60, check=False
    ).stderr
    lasts = re.search(rb"Duration: (\d+):(\d+):(\d+\.\d+)", description)
    return int(lasts[1]) * 3600 + int(lasts[2]) * 60 + float(lasts[3]) if lasts else None


def _frames(clip: Path, binary: str) -> list[Pixels]:
    """Those that can be decoded; a clip that cannot gives none."""
    lasts_s = duration_s(clip, binary)
    if lasts_s is None:
        return []
    pictures = (frame(clip, float(place) * lasts_s, binary) for place in PLACES)
    return [picture for picture in pictures if picture is not None]


def frame(clip: Path, time_s: float, binary: str) -> Pixels | None:
    """The frame at a time, WIDTH pixels wide; None where it cannot be decoded."""
    command = [
        *(binary, "-v", "error", "-nostdin", "-ss", f"{time_s:.3f}", "-i", str(clip)),
        *("-map", "0:v:0", "-frames:v", "1", "-vf", f"scale={WIDTH}:-2", "-c:v", "ppm", "-f", "image2pipe", "-"),
    ]
    encoded = subprocess.run(command, capture_output=True, timeout=120, check=False).stdout
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR) if encoded else None
    return None if picture is None else picture.astype(np.uint8)


def _usable(frame: Pixels) -> bool:
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    luma, contrast = float(grey.mean()), float(grey.std())
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    return LUMA[0] <= luma <= LUMA[1] and contrast >= LEAST_CONTRAST and sharpness >= LEAST_SHARPNESS


def _cover(frame: Pixels, width: int, height: int) -> Pixels:
    """The middle of it, filling the size."""
    scale = max(width / frame.shape[1], height / frame.shape[0])
    size = (max(width, round(frame.shape[1] * scale)), max(height, round(frame.shape[0] * scale)))
    large = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return large[y : y + height, x : x + width].astype(np.uint8)
