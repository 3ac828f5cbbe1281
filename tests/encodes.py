"""Real encodes of 8.4 s through the real commands, for tests of what is cut from them."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from tests.media import FFMPEG, generate
from tests.sources import source
from transcode.encode.argv import audio_argv, video_argv
from transcode.encode.cutters import AudioCutter, ByteRange, Cut, VideoCutter, VideoGrid
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.rungs import VideoRung

BEEPS_S = (1.0, 5.95, 7.5)  # the second one spans the end of the first segment
FRAMES = 251


def grid_of(made: EncodePlan, rung: VideoRung, chunk: int = 0, **changed: int | tuple[int, ...]) -> VideoGrid:
    """What the rung's file of a chunk must hold."""
    first, end = made.chunk(chunk)
    step = rung.frame_step
    grid = VideoGrid(
        first=first // step,
        end=end // step,
        cuts=tuple(cut // step for cut in made.cuts),
        frame_ticks=made.frame_ticks * step,
        timescale=made.timescale,
        gop=made.gop_frames // step,
    )
    return replace(grid, **changed)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Encodes:
    """Finished ffmpeg runs: `video` and `sound` are their files."""

    plan: EncodePlan
    folder: Path

    @property
    def video(self) -> Path:
        return self.folder / "v64.mp4"

    @property
    def sound(self) -> Path:
        return self.folder / "a1.mp4"

    def file(self, kind: str) -> Path:
        return self.video if kind == "video" else self.sound

    def cutter(self, kind: str, path: Path, **changed: int | tuple[int, ...]) -> VideoCutter | AudioCutter:
        if kind == "video":
            return VideoCutter(path, grid_of(self.plan, self.plan.rungs[0], **changed))
        return AudioCutter(path, duration_s=self.plan.duration_s, cuts_s=self.plan.cuts_s)

    def cut(self, kind: str, path: Path | None = None, **changed: int | tuple[int, ...]) -> Cut:
        return self.cutter(kind, path or self.file(kind), **changed).finish()


def encoded(folder: Path) -> Encodes:
    """8.4 s at 29.97 fps with three beeps, through the real commands."""
    beeps = "+".join(f"between(t,{at},{at + 0.1})" for at in BEEPS_S)
    sound = f"aevalsrc=exprs='0.8*sin(2*PI*1000*t)*({beeps})':sample_rate=48000:duration=9"
    upload = folder / "in.mov"
    generate(upload, "testsrc2=size=112x64:rate=30000/1001:duration=9", sound, "-c:a", "pcm_s16le")
    made = build_plan(source(width=112, height=64, duration_s=FRAMES * Fraction(1001, 30_000)), None)
    made = replace(made, preset="veryfast")
    ran(video_argv(made, FFMPEG, upload, first=0, end=made.frames, rungs=made.rungs), folder)
    ran(audio_argv(made, FFMPEG, upload, made.audio[0]), folder)
    return Encodes(plan=made, folder=folder)


def ran(argv: Sequence[str], folder: Path) -> None:
    subprocess.run(argv, check=True, cwd=folder, capture_output=True, timeout=60)


def body_of(piece: ByteRange) -> bytes:
    return piece.path.read_bytes()[piece.offset : piece.offset + piece.blob.size_bytes]


def content(cut: Cut) -> list[bytes]:
    """init, segment, segment, ..."""
    return [body_of(piece) for piece in (cut.init, *(piece for piece, _ in cut.segments))]


def patched(body: bytes, box: str, at: int, value: bytes) -> bytes:
    """`value` over what is there, `at` bytes after the head of the first box of this name (its name is at -4)."""
    where = body.index(box.encode()) + 4 + at
    return body[:where] + value + body[where + len(value) :]
