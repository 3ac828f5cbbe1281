"""Uploads whose pictures or sound change on the way, stand still or stop: whole in every rendition, measured.

What changes: size, shape, range, pixel format, sample rate, number of channels. The generated clips say themselves what
must be seen and heard at each second, as those of ../shared/media/found do.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.frames import Made, Samples, ffmpeg, lumas, make, planned, rgb709, samples
from tests.frames import frames as pictures
from tests.media import FFMPEG, shared
from tests.selection import MORE_VALUES, some
from transcode.encode.argv import audio_argv, video_argv

RATE_HZ = 48_000
MIB = 1024 * 1024


def pitch(sound: Samples, second: float) -> int:
    """The loudest tone of the half second in the middle of a second, in Hz, within 4."""
    part = sound[round((second + 0.25) * RATE_HZ) : round((second + 0.75) * RATE_HZ)]
    return round(int(np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)))))) / 0.5)


def check_whole(made: Made, count: int) -> None:
    """Every rung decodes to `count` frames of its own size."""
    for rung in made.plan.rungs:
        shown = list(pictures(made.file(rung.id)))
        assert len(shown) == count // rung.frame_step, rung.id
        assert {pixels.shape for _, pixels in shown} == {(rung.height * 3 // 2, rung.width)}


def stepped(path: Path, parts: list[tuple[str, str]], *joined: str) -> Path:
    """Parts of 2 s of a grey that is lighter each second (64 + 20 a second), joined byte by byte or packet by packet.

    Each part: its size, and filters that change its form. It begins 1 s late: with decode times below 0 it would be
    moved, and overlap the one after it.
    """
    files = []
    for number, (size, form) in enumerate(parts):
        file = path.with_name(f"part{number}{path.suffix}")
        lighter = f"geq=lum='64+20*floor({2 * number}+T)':cb=128:cr=128"
        grey = f"color=black:size={size}:rate=25:duration=2,format=yuv420p,{lighter},format=yuv420p"
        ffmpeg("-f", "lavfi", "-i", f"{grey},{form}", *joined, "-output_ts_offset", str(2 * number + 1), str(file))
        files.append(file)
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    return path


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-f", "mpegts")


FORMS = {
    "smaller": ([("128x72", "null"), ("96x54", "null"), ("128x72", "null")], H264),
    "other chroma": ([("128x72", "null"), ("128x72", "format=yuv422p"), ("128x72", "null")], H264),
    "deeper": ([("128x72", "null"), ("128x72", "format=yuv420p10le"), ("64x36", "null")], H264),
    "MPEG-2": ([("128x72", "null"), ("64x36", "null"), ("192x108", "null")], ("-c:v", "mpeg2video", "-f", "mpegts")),
    "HEVC": ([("128x72", "null"), ("96x54", "null")], ("-c:v", "libx265", "-preset", "ultrafast", "-f", "mpegts")),
}


@pytest.mark.parametrize("change", some(FORMS, ("smaller", "other chroma"), MORE_VALUES))
async def test_a_change_of_form_loses_nothing(tmp_path: Path, change: str) -> None:
    parts, encoder = FORMS[change]
    made = await make(stepped(tmp_path / "in.ts", parts, *encoder), tmp_path / "out")
    check_whole(made, 50 * len(parts))
    seen = [float(luma.mean()) for _, luma in lumas(made.file(made.top))]
    assert seen == pytest.approx([64 + 20 * (number // 25) for number in range(50 * len(parts))], abs=4)


async def test_another_shape_gets_bars(tmp_path: Path) -> None:
    """4:3 after 16:9: as high, and black on both sides; nothing is stretched."""
    parts = [("160x90", "null"), ("120x90", "null")]
    made = await make(stepped(tmp_path / "in.ts", parts, *H264), tmp_path / "out")
    check_whole(made, 100)
    *_, (_, last) = lumas(made.file(made.top))
    assert last.shape == (90, 160)
    assert last[:, 24:136].mean() == pytest.approx(64 + 60, abs=4)
    assert max(last[:, :14].mean(), last[:, 146:].mean()) < 20


SOUNDS = {
    "rate": (("48000", "2"), ("44100", "2")),
    "rate and channels": (("44100", "1"), ("48000", "6")),
    "lower rate": (("22050", "2"), ("48000", "1")),
    "channels": (("48000", "6"), ("48000", "2")),
}


@pytest.mark.parametrize("change", some(SOUNDS, ("rate", "rate and channels"), MORE_VALUES))
async def test_sound_that_changes_is_heard_in_time(tmp_path: Path, change: str) -> None:
    files = []
    for number, (rate_hz, channels) in enumerate(SOUNDS[change]):
        tone = f"aevalsrc=exprs='0.5*sin(2*PI*(300+100*floor(t+{3 * number}))*t)':sample_rate={rate_hz}:duration=3"
        file = tmp_path / f"part{number}.ts"
        ffmpeg(
            *("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=25:duration=3", "-f", "lavfi", "-i", tone),
            *(*H264, "-c:a", "aac", "-ac", channels, "-output_ts_offset", str(3 * number + 1), str(file)),
        )
        files.append(file)
    upload = tmp_path / "in.ts"
    upload.write_bytes(b"".join(file.read_bytes() for file in files))
    made = await make(upload, tmp_path / "out", rungs=())
    heard = samples(made.file("a1"))[0]
    assert [pitch(heard, second) for second in range(6)] == pytest.approx([300 + 100 * n for n in range(6)], abs=4)


async def test_a_picture_that_stands_for_long_takes_no_memory(tmp_path: Path) -> None:
    """Ten minutes without a frame, and without sound, between two seconds of each: 500 MB of small pictures."""
    upload = tmp_path / "in.mkv"
    gap = "+gte(T\\,2)*600/TB"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=4", "-f", "lavfi", "-i", "sine=duration=4"),
        *("-vf", f"setpts=PTS{gap}", "-af", f"asetpts=PTS{gap}", "-fps_mode", "vfr"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(upload)),
    )
    made, _, _ = await planned(upload, tmp_path / "out")
    runs = (
        video_argv(made, FFMPEG, upload, first=0, end=made.frames, rungs=made.rungs),
        audio_argv(made, FFMPEG, upload, made.audio[0]),
    )
    for argv in runs:
        most = memory_of(argv, tmp_path)
        assert most < 300 * MIB, f"{most / MIB:.0f} MiB"
    assert sum(1 for _ in pictures(tmp_path / f"{made.rungs[-1].id}.mp4")) == 6_040
    # The sound is written 10 s late, as decode times cannot be negative.
    heard = samples(tmp_path / "a1.mp4")[0]
    assert [pitch(heard, second) for second in (10.5, 612.5)] == pytest.approx([440, 440], abs=4)


def memory_of(argv: list[str], folder: Path) -> int:
    """Run it in the folder; the most memory it took, in bytes."""
    # From a small process: the kernel counts what the one that starts a program has as the program's.
    small = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)"
    told = "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{small}; {told}", *argv], cwd=folder, check=True, capture_output=True
    )
    return int(done.stdout) * 1024


@pytest.mark.parametrize("channels", some((9, 20, 24, 3), (9,), MORE_VALUES))
async def test_any_number_of_channels_is_heard_on_both_sides(tmp_path: Path, channels: int) -> None:
    """The same tone on every channel."""
    upload = tmp_path / "in.mkv"
    at = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = np.repeat((9000 * np.sin(2 * np.pi * 500 * at)).astype("<i2")[:, None], channels, axis=1)
    ffmpeg(
        *("-f", "s16le", "-ar", str(RATE_HZ), "-ac", str(channels), "-i", "-"),
        *("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=25:duration=2"),
        *("-map", "1", "-map", "0", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le", str(upload)),
        stdin=tone.tobytes(),
    )
    made = await make(upload, tmp_path / "out", rungs=())
    left, right = samples(made.file("a1"))
    assert [pitch(left, 0.5), pitch(right, 0.5)] == pytest.approx([500, 500], abs=4)


# The clips that other projects' bug reports led to


CHANGES = ("reschange_vp8.webm", "reschange_h264.ts", "reschange_h264.mp4", "range_change.ts")


@pytest.mark.parametrize("name", some(CHANGES, ("reschange_vp8.webm", "range_change.ts")))
async def test_found_changes_of_the_picture(tmp_path: Path, name: str) -> None:
    clip = shared(f"found/{name}")
    made = await make(clip, tmp_path / "out")
    check_whole(made, made.plan.frames)
    assert made.plan.frames in (200, 300, 301)


async def test_found_shape_that_changes(tmp_path: Path) -> None:
    """4:3 fills the picture; 16:9 is fitted into it, with black above and below."""
    made = await make(shared("found/sar_change.ts"), tmp_path / "out", rungs=("v234",))
    seen = [luma for _, luma in lumas(made.file("v234"))]
    assert [luma.shape for luma in seen] == [(234, 312)] * 200
    bars = [max(luma[:26].mean(), luma[-26:].mean()) < 20 for luma in seen]
    assert bars == [False] * 100 + [True] * 100
    assert seen[150][34:-34].mean() > 60


async def test_found_wide_gamut(tmp_path: Path) -> None:
    """Pure colours stay pure, and grey stays grey."""
    made = await make(shared("found/bt2020_sdr.mp4"), tmp_path / "out")
    (_, first), *_ = pictures(made.file(made.top))
    height, width = first.shape[0] * 2 // 3, first.shape[1]
    colours = rgb709(first)
    seen = [colours[height * y // 4, width * x // 4] for y, x in ((1, 1), (1, 3), (3, 1), (3, 3))]
    wanted = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)]
    assert np.abs(np.array(seen) - np.array(wanted)).max() <= 4, seen


async def test_found_sides_of_a_camera(tmp_path: Path) -> None:
    made = await make(shared("found/dual_mono.mov"), tmp_path / "out", rungs=())
    left, right = samples(made.file("a1"))
    assert [pitch(left, 3), pitch(right, 3)] == pytest.approx([500, 900], abs=4)


@pytest.mark.parametrize(
    ("name", "tones"),
    some([("latm.ts", range(300, 1500, 100)), ("ambisonic.mp4", [500] * 12)], ("latm.ts", "ambisonic.mp4")),
)
async def test_found_sound(tmp_path: Path, name: str, tones: list[int]) -> None:
    made = await make(shared(f"found/{name}"), tmp_path / "out", rungs=())
    heard = samples(made.file("a1"))[0]
    assert [pitch(heard, second) for second in range(12)] == pytest.approx(list(tones), abs=6)


async def test_found_change_of_the_sample_rate(tmp_path: Path) -> None:
    made = await make(shared("found/aud_48k_44k.ts"), tmp_path / "out", rungs=())
    heard = samples(made.file("a1"))[0]
    assert [pitch(heard, second) for second in range(12)] == pytest.approx([500] * 6 + [900] * 6, abs=4)


async def test_found_one_picture(tmp_path: Path) -> None:
    made = await make(shared("found/one_picture_360_30s.mp4"), tmp_path / "out", rungs=("v234",))
    check_whole(made, round(30 * made.plan.frame_rate))
    assert float(made.plan.duration_s) == pytest.approx(30, abs=0.1)
