"""Run one encode: plan -> ffmpeg in the sandbox -> checked CMAF pieces on local disk.

Raises Rejected(corrupt) when the picture cannot be decoded; any other failure is ours and Transient.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from core.child import ChildRunner, Limits
from core.errors import Rejected, ToolFailed, ToolKilled, ToolTimedOut
from core.media import Encoded, Kind, Rendition, Segment
from core.settings import GIB
from transcode.command import AUDIO_FILE, encode_argv, rung_file
from transcode.fmp4 import Cut, Piece, cut_audio, cut_video
from transcode.plan import EncodePlan

# "[h264 @ 0x55d0] [error] ..." and "[dec:h264 @ 0x55d0] [error] ...": what decoders and demuxers complain of
_COMPLAINT = re.compile(r"^\[(?P<part>[\w:/.,]+) @ [^\]]*\] \[(?:error|fatal)\]")
_UNDECODABLE = re.compile(
    r"Invalid data found|Error while decoding|decode error rate|Decode error rate|Cannot determine format of input"
    r"|does not contain any stream|Output file is empty|received no packets|Nothing was written"
)
_OURS = re.compile(r"No space left|Cannot allocate memory|Permission denied|Resource temporarily unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFiles:
    """An encode and where its bytes lie; `damaged` when decoders complained on the way."""

    encoded: Encoded
    pieces: tuple[Piece, ...]
    damaged: bool


async def encode(
    plan: EncodePlan,
    source: Path,
    work_dir: Path,
    runner: ChildRunner,
    binary: str,
    on_progress: Callable[[float], None],
) -> EncodedFiles:
    """All rungs and the sound of `source` into `work_dir`; `on_progress` gets 0..1."""
    complaints = 0

    def progress(line: str) -> None:
        key, _, value = line.partition("=")
        if key == "frame" and value.strip().isdigit():
            on_progress(min(1.0, int(value) / plan.frames))

    def complaint(line: str) -> None:
        nonlocal complaints
        complaints += _COMPLAINT.match(line) is not None

    # Slower than a tenth of real time per rung is a hang, not an encode.
    allowed_s = int(120 + 10 * len(plan.rungs) * plan.duration_s)
    try:
        await runner.run(
            encode_argv(plan, binary, source),
            work_dir=work_dir,
            readable=[source],
            limits=Limits(
                wall_s=allowed_s,
                cpu_s=allowed_s * 4,
                memory_bytes=12 * GIB if plan.tone_map else 8 * GIB,
                file_bytes=200 * GIB,
            ),
            on_stdout_line=progress,
            on_stderr_line=complaint,
            nice=5,
        )
    except (ToolKilled, ToolTimedOut):
        raise
    except ToolFailed as exc:
        if _UNDECODABLE.search(exc.stderr_tail) and not _OURS.search(exc.stderr_tail):
            raise Rejected(
                "corrupt",
                "The video cannot be decoded.",
                "Check that the file plays on your device, export it again as MP4 (H.264 + AAC) and upload that.",
            ) from exc
        raise
    return await asyncio.to_thread(_collect, plan, work_dir, complaints > 0)


def _collect(plan: EncodePlan, work_dir: Path, damaged: bool) -> EncodedFiles:
    cuts: list[Cut] = []
    renditions: list[Rendition] = []
    for rung in plan.rungs:
        cut = cut_video(
            work_dir / rung_file(rung),
            frames=plan.frames,
            frame_ticks=plan.frame_ticks,
            timescale=plan.timescale,
            gop=plan.gop_frames,
            segment=plan.segment_frames,
        )
        bare = _rendition(rung.id, Kind.VIDEO, cut)
        renditions.append(replace(bare, width=rung.width, height=rung.height, frame_rate=plan.frame_rate))
        cuts.append(cut)
    if plan.audio:
        segment_s = plan.segment_frames / plan.frame_rate
        cut = cut_audio(work_dir / AUDIO_FILE, duration_s=plan.duration_s, segment_s=segment_s)
        renditions.append(replace(_rendition("a1", Kind.AUDIO, cut), channels=2, language=plan.audio.language))
        cuts.append(cut)
    pieces = [piece for cut in cuts for piece in (cut.init, *(segment for segment, _ in cut.segments))]
    return EncodedFiles(encoded=Encoded(renditions=tuple(renditions)), pieces=tuple(pieces), damaged=damaged)


def _rendition(name: str, kind: Kind, cut: Cut) -> Rendition:
    return Rendition(
        id=name,
        kind=kind,
        codec=cut.codec,
        timescale=cut.timescale,
        init=cut.init.blob,
        segments=tuple(Segment(blob=piece.blob, duration=ticks) for piece, ticks in cut.segments),
    )
