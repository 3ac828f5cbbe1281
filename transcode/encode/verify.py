"""Test decodes of what is about to be published: of an encode the last GOP, of a copied track in proportion to its
length.

An encoder that has come to its end has made what it says; a track that somebody else encoded may hold anything.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from core.errors import ToolFailed, ToolKilled, ToolTimedOut
from core.media.upload_limits import PROGRAM_LIMITS, input_words
from core.sandbox.child import Limits
from core.settings import GIB, MIB
from transcode.encode.cutters import GopBytes
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.fragments import WrongOutput
from transcode.plan.encode_plan import EncodePlan
from transcode.probe.sniff import DEMUXERS

WHOLE_S = 60  # a copied track up to this length is decoded in full at once; of a longer one this much, all over it
# One line per decoded frame; scaled to 16x16, because only decoding is tested.
_COUNTING = ("-fps_mode", "passthrough", "-s", "16x16", "-sws_flags", "fast_bilinear", "-f", "framecrc", "-")
_STRICT = ("-hide_banner", "-nostdin", "-v", "error", "-xerror", *PROGRAM_LIMITS)


async def gops(context: FfmpegContext, renditions: Sequence[Sequence[GopBytes]]) -> None:
    """Decode these GOPs of each rendition, in one run. Raises WrongOutput naming a file with missing frames, or when a
    decoder reports an error."""
    argv = [context.binary, *_STRICT]
    files = []
    for number, some in enumerate(renditions):
        files.append(context.work_dir / f"gops{number}.mp4")
        _extract(some, files[-1])
        argv += ["-f", "mov", *input_words(), "-i", f"file:{files[-1]}"]
    for number in range(len(renditions)):
        argv += ["-map", f"{number}:v"]
    expected = [sum(gop.frames for gop in some) for some in renditions]
    decoded, said = await _decode(context, [*argv, *_COUNTING], files, sum(expected))
    for number, some in enumerate(renditions):
        if decoded[number] != expected[number]:
            raise WrongOutput(f"{some[0].path.name}: {decoded[number]} frames of {expected[number]} decode")
    if said:
        raise WrongOutput(f"a rendition does not decode cleanly: {said}")
    for file in files:
        file.unlink()


def spread(all_gops: Sequence[GopBytes], most_frames: int) -> Sequence[GopBytes]:
    """All GOPs where they have at most `most_frames` frames; else some all over the track, the first and last too."""
    total = sum(gop.frames for gop in all_gops)
    if total <= most_frames:
        return all_gops
    count = max(2, len(all_gops) * most_frames // total)
    return [all_gops[number * (len(all_gops) - 1) // (count - 1)] for number in range(count)]


async def whole_track(context: FfmpegContext, plan: EncodePlan, source: Path) -> None:
    """Decode the upload's own video track from end to end. Raises WrongOutput where that reports any error."""
    assert plan.video is not None  # noqa: S101 - only a plan with video copies a track
    argv = [context.binary, *_STRICT, "-f", DEMUXERS[plan.container], *input_words(), "-i", f"file:{source}"]
    argv += ["-map", f"0:{plan.video.index}", *_COUNTING]
    decoded, said = await _decode(context, argv, [source], plan.frames)
    if said or decoded[0] != plan.frames:
        raise WrongOutput(f"the upload's track: {decoded[0]} frames of {plan.frames} decode: {said}")


async def _decode(context: FfmpegContext, argv: list[str], files: list[Path], frames: int) -> tuple[Counter[int], str]:
    """(frames of each output stream, what decoders said). Raises WrongOutput where decoding was given up."""
    limit_s = int(60 + frames * Fraction(1, 5))
    decoded: Counter[int] = Counter()

    def count_frame(text: str) -> None:
        if not text.startswith("#"):
            decoded[int(text.partition(",")[0])] += 1

    try:
        finished = await context.runner.run(
            argv,
            work_dir=context.work_dir,
            readable=files,
            limits=Limits(wall_s=limit_s, cpu_s=limit_s * 4, memory_bytes=8 * GIB, file_bytes=MIB),
            on_stdout_line=count_frame,
            nice=context.nice,
        )
    except (ToolKilled, ToolTimedOut):
        raise
    except ToolFailed as exc:  # -xerror: the first error of a decoder ends the run
        raise WrongOutput(f"it does not decode: {exc.stderr_tail[-400:].strip()}") from exc
    return decoded, finished.stderr_tail[-400:].strip()


def _extract(some: Sequence[GopBytes], to: Path) -> None:
    """The init segment and these GOPs as one file."""
    with some[0].path.open("rb") as file, to.open("wb") as out:
        out.write(file.read(some[0].init_size))
        for gop in some:
            file.seek(gop.offset)
            out.write(file.read(gop.size))
