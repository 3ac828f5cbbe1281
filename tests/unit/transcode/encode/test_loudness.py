"""transcode.encode.loudness: the gain for what was measured, and what a real measurement says."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.child import ChildRunner
from tests.media import FFMPEG, generate
from tests.sources import source
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.loudness import gain_for, measured
from transcode.encode.renditions import encode_audio
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import Options


@pytest.mark.parametrize(
    ("lufs", "gain"),
    [
        (-16.0, 0.0),
        (-17.0, 0.0),  # within 1 LU nothing is touched
        (-15.0, 0.0),
        (-17.1, 1.1),
        (-14.9, -1.1),
        (-23.0, 7.0),
        (-6.5, -9.5),
        (-31.0, 15.0),
        (-45.0, 15.0),  # more would be hiss
        (-60.0, 0.0),  # silence stays silence
        (-70.0, 0.0),
        (float("-inf"), 0.0),
        (float("nan"), 0.0),
    ],
)
def test_gain(lufs: float, gain: float) -> None:
    assert gain_for(lufs) == gain


@given(st.floats(min_value=-100, max_value=20, allow_nan=False))
def test_a_gain_never_passes_the_target(lufs: float) -> None:
    gain = gain_for(lufs)
    assert gain <= 15
    if gain:
        assert abs(lufs + gain + 16) <= abs(lufs + 16)
        assert lufs + gain <= -15.99


@pytest.fixture(scope="module")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


@pytest.mark.parametrize(
    ("sound", "gain"),
    [
        # A sine of full scale at 1 kHz on both sides is 0 LUFS, on one of two -3 (ITU-R BS.1770).
        ("sin(2*PI*1000*t)*0.1|sin(2*PI*1000*t)*0.1", 4.0),
        ("sin(2*PI*1000*t)*0.5|sin(2*PI*1000*t)*0.5", -10.0),
        ("sin(2*PI*1000*t)*0.158|sin(2*PI*1000*t)*0.158", 0.0),
        ("0|0", 0.0),
    ],
    ids=["quiet", "loud", "right", "silent"],
)
async def test_a_real_title(runner: ChildRunner, tmp_path: Path, sound: str, gain: float) -> None:
    upload = tmp_path / "in.mp4"
    generate(upload, "testsrc2=size=64x64:rate=25:duration=4", f"aevalsrc={sound}:sample_rate=48000:duration=4")
    made = build_plan(source(width=64, height=64, frame_rate=Fraction(25), duration_s=Fraction(4)), None)
    bench = FfmpegContext(work_dir=tmp_path, runner=runner, binary=FFMPEG)
    assert (await measured(made, bench, upload, made.audio[0])).gain_db == pytest.approx(gain, abs=0.3)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(("gain", "at_limit"), [(0.5, 0.0), (8.0, 0.9)])
async def test_how_much_is_at_the_limit(
    runner: ChildRunner, tmp_path: Path, sides: int, gain: float, at_limit: float
) -> None:
    """Of a mono track as much as of a stereo track, though stereo takes 3 dB off it."""
    upload = tmp_path / "in.mkv"
    wave = "|".join([f"max(-1,min(1,sin(2*PI*220*t)*{gain}))"] * sides)
    sound = f"aevalsrc='{wave}':sample_rate=48000:duration=2"
    generate(upload, "testsrc2=size=64x64:rate=25:duration=2", sound, "-c:a", "pcm_s16le")
    made = build_plan(source(width=64, height=64, frame_rate=Fraction(25), duration_s=Fraction(2)), None)
    bench = FfmpegContext(work_dir=tmp_path, runner=runner, binary=FFMPEG)
    plan = replace(made, container="matroska")
    signs = (await measured(plan, bench, upload, replace(made.audio[0], channels=sides))).signs
    assert signs is not None
    assert signs.at_limit == pytest.approx(at_limit, abs=0.03)


async def test_only_what_is_kept_is_measured(runner: ChildRunner, tmp_path: Path) -> None:
    """A loud second half that is cut off says nothing about the first."""
    upload = tmp_path / "in.mp4"
    level = "(0.1+0.8*gte(t,4))"
    generate(
        upload,
        "testsrc2=size=64x64:rate=25:duration=8",
        f"aevalsrc='sin(2*PI*1000*t)*{level}|sin(2*PI*1000*t)*{level}':sample_rate=48000:duration=8",
    )
    facts = source(width=64, height=64, frame_rate=Fraction(25), duration_s=Fraction(8))
    bench = FfmpegContext(work_dir=tmp_path, runner=runner, binary=FFMPEG)
    first = build_plan(facts, None, Options(end_s=Fraction(4)))
    second = build_plan(facts, None, Options(start_s=Fraction(4)))
    assert (await measured(first, bench, upload, first.audio[0])).gain_db == pytest.approx(4.0, abs=0.3)
    assert (await measured(second, bench, upload, second.audio[0])).gain_db == pytest.approx(-15.1, abs=0.3)


async def test_a_track_that_does_not_decode_is_not_copied(runner: ChildRunner, tmp_path: Path) -> None:
    """A packet of it was overwritten on somebody's disk: players stop there, an encode fills the gap."""
    upload = tmp_path / "in.mp4"
    sound = "aevalsrc=sin(2*PI*1000*t)*0.158|sin(2*PI*1000*t)*0.158:sample_rate=48000:duration=2"
    generate(upload, "testsrc2=size=64x64:rate=25:duration=2", sound)
    made = build_plan(source(width=64, height=64, frame_rate=Fraction(25), duration_s=Fraction(2)), None)
    audio = replace(made.audio[0], copyable=True)
    bench = FfmpegContext(work_dir=tmp_path, runner=runner, binary=FFMPEG)
    assert not (await measured(made, bench, upload, audio)).damaged
    with av.open(str(upload)) as opened:
        packets = [packet for packet in opened.demux(audio=0) if packet.size]
        middle = packets[len(packets) // 2]
        where, size = middle.pos, middle.size
    with upload.open("r+b") as file:
        file.seek(where or 0)
        file.write(b"\x77" * size)
    found = await measured(made, bench, upload, audio)
    assert (found.gain_db, found.damaged) == (0.0, True)
    for name, level in (("whole", True), ("first", False)):
        part = await encode_audio(made, bench.below(name), upload, audio, level=level)
        assert part.damaged
        with av.open(str(next((tmp_path / name).glob("a1*")))) as opened:
            assert sum(frame.samples for frame in opened.decode(audio=0)) >= 2 * 48_000
