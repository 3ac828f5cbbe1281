"""What the gate runs of each commit: `kadr encode` on short clips, and the program that writes playlists.

In: a commit's folder. Out: CPU seconds by case, and digests of what was made. Each program runs on one core with one
thread: with several, x264's rate control makes other bytes each time.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate import playlists
from benchmarks.gate.outputs import Digests
from benchmarks.gate.trees import Tree
from benchmarks.harness import metered
from benchmarks.transcode.short_clips import cut

LIMIT_S = 600.0
SHARED = Path("shared") / "media" / "core" / "product_cups_720p30_10s.mp4"
SHARED_S = 2
# Movement and noise, which an encoder has to search and to code; still drawings with hard edges, as screens have them.
MADE = {
    "motion": ("testsrc2=size=960x540:rate=25:duration=2,noise=alls=4:allf=t", "sine=frequency=440:duration=2"),
    "drawing": ("mandelbrot=size=960x540:rate=25:start_scale=0.5,trim=duration=2", "sine=frequency=220:duration=2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One run: CPU seconds and digests by case."""

    cpu_s: dict[str, float]
    digests: dict[str, Digests]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One thing to run of each commit, and the cases it is the measure of."""

    cases: tuple[str, ...]
    run: Callable[[Tree], Done]


def programs(folder: Path, binary: str, near: Sequence[Path], *, share: float = 1.0) -> tuple[Program, ...]:
    """All of them. Clips are made in `folder`, but one that is cut from a shared clip, if one of `near` has those."""
    clips = {f"encode-{name}": _made(folder / f"{name}.mp4", *sources, binary) for name, sources in MADE.items()}
    if shared := next((place / SHARED for place in near if (place / SHARED).is_file()), None):
        del clips["encode-drawing"]
        clips["encode-cups"] = cut(shared, folder, SHARED_S, binary)
    encodes = [Program(cases=(name,), run=_encode_of(name, clip)) for name, clip in clips.items()]
    return (*encodes, Program(cases=("sessions", "viewers", "signing", "packaging"), run=_playlists_of(share)))


@contextmanager
def on_one_core() -> Iterator[None]:
    """This process and all it starts run on one core, the last of those it may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(tree: Tree) -> dict[str, str]:
    """What makes Python take the modules of this commit, and do the same each time."""
    return {"PYTHONPATH": str(tree.folder), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def _made(path: Path, picture: str, sound: str, binary: str) -> Path:
    command = [
        *(binary, "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    subprocess.run(command, check=True, timeout=LIMIT_S)
    return path


def _encode_of(case: str, clip: Path) -> Callable[[Tree], Done]:
    def run(tree: Tree) -> Done:
        with tempfile.TemporaryDirectory(prefix="kadr-gate-") as folder:
            out = Path(folder) / "out"
            command = (sys.executable, "-m", "kadr", "encode", str(clip), "--out", str(out), "--json")
            cost, _ = metered.run([command], tree.folder, limit_s=LIMIT_S, more=environment(tree))
            return Done(cpu_s={case: cost.cpu_s}, digests={case: digests(out)})

    return run


def digests(folder: Path) -> Digests:
    """The SHA-256 of every file below the folder, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _playlists_of(share: float) -> Callable[[Tree], Done]:
    def run(tree: Tree) -> Done:
        own = playlists_program(tree)
        command = (sys.executable, "-P", str(own), "--share", str(share))
        _, printed = metered.run([command], tree.folder, limit_s=LIMIT_S, more=environment(tree))
        found = json.loads(printed)
        return Done(cpu_s=found["cpu_s"], digests={case: {case: one} for case, one in found["digests"].items()})

    return run


def playlists_program(tree: Tree) -> Path:
    """The commit's own, which fits what it measures; ours where it has none."""
    ours = Path(playlists.__file__)
    own = tree.folder / "benchmarks" / "gate" / ours.name
    return own if own.is_file() else ours
