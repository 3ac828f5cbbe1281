"""One sandboxed ffmpeg run over an upload: reports progress, counts decode errors, classifies failures.

Raises Rejected(corrupt) when the upload cannot be decoded; ToolFailed and its subclasses are failures on our side.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from core.errors import Rejected, ToolFailed, ToolKilled, ToolTimedOut
from core.media.upload_limits import MOST_PIXELS
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits
from core.settings import GIB

# "[h264 @ 0x55d0] [error] ..." and "[dec:h264 @ 0x55d0] [error] ...": errors logged by decoders and demuxers
_DECODE_ERROR = re.compile(r"^\[(?P<part>[\w:/.,]+) @ [^\]]*\] \[(?:error|fatal)\]")
_UNDECODABLE = re.compile(
    r"Invalid data found|Error while decoding|decode error rate|Decode error rate|Cannot determine format of input"
    r"|does not contain any stream|Output file is empty|received no packets|Nothing was written"
)
_TOO_LARGE = re.compile(r"Picture size (?P<size>\d+x\d+) exceeds specified max pixel count")
_LOCAL_FAILURE = re.compile(r"No space left|Cannot allocate memory|Permission denied|Resource temporarily unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class FfmpegContext:
    """What every ffmpeg run needs: writable folder, sandbox runner, binary, niceness and threads."""

    work_dir: Path
    runner: ChildRunner
    binary: str
    nice: int = niceness.BACKGROUND
    threads: int | None = None  # per encoder; None: the encoder decides

    def below(self, name: str) -> "FfmpegContext":
        """The same with a new folder of this name in the work folder as its own."""
        folder = self.work_dir / name
        folder.mkdir()
        return replace(self, work_dir=folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class FfmpegResult:
    """A successful run. `damaged`: decoders reported errors; `stderr_tail`: the last of its messages."""

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
) -> FfmpegResult:
    """Run ffmpeg. `work_s`, seconds of media times renditions, sets the time limit; `frames` is 100 % of the progress.

    `on_tick` is called a few times a second, to read what has been written so far. Raises Rejected, ToolFailed.
    """
    errors = 0

    def progress(line: str) -> None:
        key, _, value = line.partition("=")
        if key == "frame" and frames and value.strip().isdigit():
            on_progress(min(1.0, int(value) / frames))
        if key == "progress" and on_tick is not None:
            on_tick()

    def count_error(line: str) -> None:
        nonlocal errors
        if too_large := _TOO_LARGE.search(line):
            raise Rejected(
                "dimensions",
                f"The video has a frame of {too_large['size']} pixels, other than its first frames.",
                f"At most {MOST_PIXELS} pixels are decoded. Export the video again with one size throughout.",
            )
        errors += _DECODE_ERROR.match(line) is not None

    # Slower than a tenth of real time per rendition counts as hung.
    limit_s = int(120 + 10 * work_s)
    try:
        finished = await context.runner.run(
            argv,
            work_dir=context.work_dir,
            readable=readable,
            limits=Limits(wall_s=limit_s, cpu_s=limit_s * 4, memory_bytes=memory_bytes, file_bytes=200 * GIB),
            on_stdout_line=progress,
            on_stderr_line=count_error,
            nice=context.nice,
        )
    except (ToolKilled, ToolTimedOut):
        raise
    except ToolFailed as exc:
        if _UNDECODABLE.search(exc.stderr_tail) and not _LOCAL_FAILURE.search(exc.stderr_tail):
            raise Rejected(
                "corrupt",
                "The video cannot be decoded.",
                "Check that the file plays on your device, export it again as MP4 (H.264 + AAC) and upload that.",
            ) from exc
        raise
    return FfmpegResult(damaged=errors > 0, stderr_tail=finished.stderr_tail)
