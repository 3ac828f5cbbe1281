"""Real clips joined from one good stretch and three spoiled ones: which of them does a poster come from?

In: a clip (SDR), a seed, the ffmpeg binary. Out: an MP4 (H.264, no sound) of four stretches of the clip, three of them
spoiled in ways that people know from their own videos, and the same film unspoiled, by which a choice is judged: what
cannot be told from the unspoiled frame is no bad choice (frames averaged where nothing moves).
"""

import math
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.posters.pickers import Clip
from benchmarks.posters.planted_things import Pixels
from core.errors import KadrError

STRETCHES = 4
TRIES = 20  # to find a good one
STRETCH_S = Fraction(3)
RATE_HZ = 24
WIDTH, HEIGHT = 640, 360
AVERAGED_S = Fraction(4, 5)
SAME_DB = 34.0  # PSNR of luma: more, and nobody sees a difference
GOOD = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """`spoil` is GOOD, or what is wrong with it; `strength` 0..1 from plain to see to gross; seconds of the clip."""

    spoil: str
    strength: float
    start_s: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Four stretches of one clip, each `stretch_s` long."""

    clip: Path
    seed: int
    stretch_s: Fraction
    stretches: tuple[Stretch, ...]

    def at(self, time_s: Fraction) -> Stretch:
        """The stretch that is shown at a time of the film."""
        return self.stretches[min(STRETCHES - 1, int(time_s / self.stretch_s))]


def _between(mild: float, gross: float, strength: float) -> str:
    return f"{mild + (gross - mild) * strength:.3f}"


# What spoils a stretch of so many seconds, as an ffmpeg filter of a picture of WIDTH x HEIGHT.
_FILTERS: dict[str, Callable[[float, Fraction], str]] = {
    "blurred": lambda strength, _: f"gblur=sigma={_between(2.0, 6.0, strength)}",
    "box_blurred": lambda strength, _: f"avgblur=sizeX={round(2 + 3 * strength)}",
    "dark": lambda strength, _: f"lutyuv=y=16+(val-16)*{_between(0.25, 0.1, strength)}",
    "over_exposed": lambda strength, _: f"lutyuv=y=clip(val*{_between(2.2, 3.0, strength)}+24\\,16\\,235)",
    "faded": lambda _, stretch_s: f"fade=t=in:st=0:d={float(stretch_s) / 0.6:.3f}",  # up to 60 % of its light
    "averaged": lambda *_: f"tmix=frames={round(AVERAGED_S * RATE_HZ)}",
}
SPOILS = tuple(_FILTERS)


def plan(clip: Path, duration_s: Fraction, seed: int, usable: Callable[[Fraction], bool] = lambda _: True) -> Film:
    """The film of a clip and a seed: the same for ever. The good stretch has a frame that is `usable`, by its time, if
    the clip has many of them."""
    rng = random.Random(f"joined {clip.name} {seed}")
    stretch_s = min(STRETCH_S, Fraction(math.floor(duration_s * RATE_HZ), RATE_HZ))
    spoils = [GOOD, *rng.sample(SPOILS, STRETCHES - 1)]
    rng.shuffle(spoils)
    latest = max(Fraction(0), duration_s - stretch_s)

    def start_s(spoil: str) -> Fraction:
        tries = [Fraction(math.floor(latest * Fraction(rng.random()) * RATE_HZ), RATE_HZ) for _ in range(TRIES)]
        if spoil != GOOD:
            return tries[0]
        return next((start_s for start_s in tries if usable(start_s + stretch_s / 2)), tries[0])

    stretches = tuple(Stretch(spoil=spoil, strength=rng.random(), start_s=start_s(spoil)) for spoil in spoils)
    return Film(clip=clip, seed=seed, stretch_s=stretch_s, stretches=stretches)


def make(film: Film, path: Path, binary: str, *, spoiled: bool) -> Clip:
    """Write the film's file. Raises KadrError where ffmpeg cannot."""
    frames = int(film.stretch_s * RATE_HZ)
    shape = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=increase,crop={WIDTH}:{HEIGHT},setsar=1,format=yuv420p"
    parts = [
        f"[{number}:v:0]fps={RATE_HZ},{shape},tpad=stop=-1:stop_mode=clone,trim=end_frame={frames},setpts=PTS-STARTPTS,"
        f"{_FILTERS[stretch.spoil](stretch.strength, film.stretch_s) if spoiled and stretch.spoil != GOOD else 'null'}"
        f"[s{number}]"
        for number, stretch in enumerate(film.stretches)
    ]
    joined = "".join(f"[s{number}]" for number in range(STRETCHES)) + f"concat=n={STRETCHES}[film]"
    inputs = [
        word for stretch in film.stretches for word in ("-ss", f"{float(stretch.start_s):.4f}", "-i", str(film.clip))
    ]
    command = [
        *(binary, "-v", "error", "-nostdin", "-y", *inputs, "-filter_complex", ";".join([*parts, joined])),
        *("-map", "[film]", "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-threads", "1"),
        *("-g", str(2 * RATE_HZ), str(path)),
    ]
    ended = subprocess.run(command, capture_output=True, timeout=300, check=False)
    if ended.returncode:
        raise KadrError(f"{film.clip.name}, seed {film.seed}: {ended.stderr.decode(errors='replace')[-500:]}")
    return Clip(path=path, duration_s=film.stretch_s * STRETCHES, frames=frames * STRETCHES)


def verdict(film: Film, spoiled: Clip, unspoiled: Clip, times_s: Sequence[Fraction], binary: str) -> str:
    """GOOD where the first chosen time shows a good frame, else what is wrong with it; "none" without a choice."""
    if not times_s:
        return "none"
    stretch = film.at(times_s[0])
    if stretch.spoil == GOOD:
        return GOOD
    shown, meant = (_luma(clip.path, times_s[0], binary) for clip in (spoiled, unspoiled))
    return GOOD if cv2.PSNR(shown, meant) >= SAME_DB else stretch.spoil


def _luma(path: Path, time_s: Fraction, binary: str) -> Pixels:
    """The luma of the frame shown at a time. Raises KadrError."""
    number = round(time_s * RATE_HZ)
    command = [
        *(binary, "-v", "error", "-nostdin", "-i", str(path), "-vf", f"select=eq(n\\,{number}),format=gray"),
        *("-frames:v", "1", "-f", "rawvideo", "-"),
    ]
    pixels = subprocess.run(command, capture_output=True, timeout=120, check=False).stdout
    if len(pixels) != WIDTH * HEIGHT:
        raise KadrError(f"{path.name}: no frame at {float(time_s):.3f} s")
    return np.frombuffer(pixels, np.uint8)
