"""transcode.encode.ffmpeg_run: what ffmpeg's messages mean for the upload."""

from fractions import Fraction
from pathlib import Path

import pytest

from core.errors import Rejected
from core.sandbox.child import ChildRunner
from tests.media import FFMPEG, generate
from transcode.encode.ffmpeg_run import FfmpegContext, run


async def test_a_frame_larger_than_the_limit_is_the_files_fault(tmp_path: Path) -> None:
    clip, work = tmp_path / "clip.mp4", tmp_path / "work"
    generate(clip, "testsrc2=size=64x64:rate=25:duration=0.2")
    work.mkdir()
    context = FfmpegContext(work_dir=work, runner=await ChildRunner.detect("best-effort"), binary=FFMPEG, nice=0)
    limited = ["-loglevel", "level+warning", "-max_pixels", "4095", "-i", str(clip), "-f", "null", "-"]
    with pytest.raises(Rejected, match="a frame of 64x64 pixels") as refused:
        await run(context, [FFMPEG, *limited], readable=[clip], work_s=Fraction(1), frames=5)
    assert refused.value.code == "dimensions"
