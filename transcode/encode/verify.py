"""Test decode of encoder output: the last GOP of every rendition, in one ffmpeg run."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from core.sandbox.child import Limits
from core.settings import GIB, MIB
from transcode.encode.cutters import GopBytes
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.fragments import WrongOutput


async def last_gops(context: FfmpegContext, gops: Sequence[GopBytes]) -> None:
    """Decode these GOPs. Raises WrongOutput naming a file with missing frames, or when a decoder reports an error."""
    argv = [context.binary, "-hide_banner", "-nostdin", "-v", "error", "-xerror"]
    files = []
    for number, gop in enumerate(gops):
        files.append(context.work_dir / f"gop{number}.mp4")
        _extract(gop, files[-1])
        argv += ["-f", "mov", "-protocol_whitelist", "file", "-i", f"file:{files[-1]}"]
    for number in range(len(gops)):
        argv += ["-map", f"{number}:v"]
    # One line per decoded frame; scaled to 16x16, because only decoding is tested.
    argv += ["-fps_mode", "passthrough", "-s", "16x16", "-sws_flags", "fast_bilinear", "-f", "framecrc", "-"]
    limit_s = int(60 + sum(gop.frames for gop in gops) * Fraction(1, 5))
    decoded: Counter[str] = Counter()

    def count_frame(text: str) -> None:
        if not text.startswith("#"):
            decoded[text.partition(",")[0].strip()] += 1

    finished = await context.runner.run(
        argv,
        work_dir=context.work_dir,
        readable=files,
        limits=Limits(wall_s=limit_s, cpu_s=limit_s * 4, memory_bytes=8 * GIB, file_bytes=MIB),
        on_stdout_line=count_frame,
        nice=context.nice,
    )
    for number, gop in enumerate(gops):
        if decoded[str(number)] != gop.frames:
            raise WrongOutput(f"{gop.path.name}: {decoded[str(number)]} frames of its last {gop.frames} decode")
    if finished.stderr_tail.strip():
        raise WrongOutput(f"a rendition does not decode cleanly: {finished.stderr_tail[-400:]}")
    for file in files:
        file.unlink()


def _extract(gop: GopBytes, to: Path) -> None:
    with gop.path.open("rb") as file:
        head = file.read(gop.init_size)
        file.seek(gop.offset)
        to.write_bytes(head + file.read(gop.size))
