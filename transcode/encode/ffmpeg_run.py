"""One sandboxed ffmpeg run over an upload: progress out, complaints counted, failures told apart.

Raises Rejected(corrupt) when the upload cannot be decoded; any other failure is ours (ToolFailed, Transient).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from core.errors import Rejected, ToolFailed, ToolKilled, ToolTimedOut
from core.sandbox.child import ChildRunner, Limits
from core.settings import GIB

# "[h264 @ 0x55d0] [error] ..." and "[dec:h264 @ 0x55d0] [error] ...": what decoders and demuxers complain of
_COMPLAINT = re.compile(r"^\[(?P<part>[\w:/.,]+) @ [^\]]*\] \[(?:error|fatal)\]")
_UNDECODABLE = re.compile(
    r"Invalid data found|Error while decoding|decode error rate|Decode error rate|Cannot determine format of input"
    r"|does not contain any stream|Output file is empty|received no packets|Nothing was written"
)
_OURS = re.compile(r"No space left|Cannot allocate memory|Permission denied|Resource temporarily unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class FfmpegContext:
    """What every run has: where it may write, who runs it, the binary, and how politely."""

    work_dir: Path
    runner: ChildRunner
    binary: str
    nice: int = 5
    threads: int | None = None  # of each encoder; None: as many as it likes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that ended well. `damaged`: decoders complained on the way."""

    damaged: bool
    stderr_tail: str


async def run(
    context: FfmpegContext,
    argv: Sequence[str],
    *,
    readable: Sequence[Path],
    work_s: Fraction,
    frames: int,
    memory_bytes: int = 8 * GIB,
    on_progress: Callable[[float], None] = lambda _: None,
    on_tick: Callable[[], None] | None = None,
) -> Ran:
    """Run it. `work_s` is seconds of media times renditions, which bounds the time; `frames` are what progress counts.

    `on_tick` is called a few times a second, to look at what has been written so far.
    """
    complaints = 0

    def progress(line: str) -> None:
        key, _, value = line.partition("=")
        if key == "frame" and frames and value.strip().isdigit():
            on_progress(min(1.0, int(value) / frames))
        if key == "progress" and on_tick is not None:
            on_tick()

    def complaint(line: str) -> None:
        nonlocal complaints
        complaints += _COMPLAINT.match(line) is not None

    # Slower than a tenth of real time per rendition is a hang, not an encode.
    allowed_s = int(120 + 10 * work_s)
    try:
        finished = await context.runner.run(
            argv,
            work_dir=context.work_dir,
            readable=readable,
            limits=Limits(wall_s=allowed_s, cpu_s=allowed_s * 4, memory_bytes=memory_bytes, file_bytes=200 * GIB),
            on_stdout_line=progress,
            on_stderr_line=complaint,
            nice=context.nice,
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
    return Ran(damaged=complaints > 0, stderr_tail=finished.stderr_tail)
