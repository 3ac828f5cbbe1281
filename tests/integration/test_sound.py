"""Sound of real encodes: in time with the picture, copied byte for byte where it may be, as loud as its neighbours.

Clips flash and beep at every whole second, so that what a viewer sees and hears says itself how far apart they are.
ITU-R BT.1359: 20 ms is far below what anyone notices; half of that is asked for here.
"""

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.frames import Made, Samples, beeping, beeps, ffmpeg, flashes, make, remuxed, samples
from tests.media import shared
from tests.selection import MORE_VALUES, some
from transcode.plan.encode_plan import Options

IN_TIME_S = 0.010


def check_together(made: Made, flashed: list[float], beeped: list[float], *, within_s: float = IN_TIME_S) -> None:
    """The picture to the frame, the sound within the limit."""
    seen, heard = flashes(made.file(made.top)), beeps(made.file("a1"))
    assert seen == pytest.approx(flashed, abs=1e-6)
    assert len(heard) == len(beeped), heard
    off = [at - wanted for at, wanted in zip(heard, beeped, strict=True)]
    assert max(map(abs, off)) <= within_s, f"late by {[round(1000 * late, 1) for late in off]} ms"


def seconds(first: float, count: int) -> list[float]:
    return [first + number for number in range(count)]


def packets(path: Path) -> list[bytes]:
    """Coded frames of sound as they lie in the file."""
    with av.open(str(path)) as opened:
        return [bytes(packet) for packet in opened.demux(audio=0) if packet.size]


def loudness(path: Path) -> tuple[float, float]:
    """(LUFS, dBTP) by EBU R128."""
    said = ffmpeg("-i", str(path), "-map", "0:a:0", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    integrated = re.findall(r"I:\s+(-?[\d.]+|-inf) LUFS", said)[-1]
    peak = re.findall(r"Peak:\s+(-?[\d.]+|-inf) dBFS", said)[-1]
    return float(integrated), float(peak)


# In time


@pytest.mark.parametrize(
    ("name", "codec"),
    some(
        [
            ("aac.mp4", ("-c:a", "aac")),
            ("mono.mp4", ("-c:a", "aac", "-ac", "1", "-ar", "22050")),
            ("opus.mkv", ("-c:a", "libopus")),
            ("ac3.ts", ("-c:a", "ac3")),
            ("aac.ts", ("-c:a", "aac")),
            ("mp3.mp4", ("-c:a", "libmp3lame")),
            ("pcm.mov", ("-c:a", "pcm_s16le")),
        ],
        ["mono.mp4", "ac3.ts"],
    ),
)
async def test_encoded_sound_is_in_time(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    """Quiet, so that it is made louder: gain and limiter are on the way, too."""
    file = beeping(tmp_path / name, 8, *codec, volume=0.05)
    made = await make(file, tmp_path / "made")
    assert made.rendition("a1").timescale == 48_000
    assert np.abs(samples(made.file("a1"))).max() > 2 * 0.05, "made louder"
    check_together(made, seconds(0, 8), seconds(0, 8))


@pytest.mark.parametrize(
    ("name", "hz"), some([("a.mp4", 48_000), ("a.mp4", 44_100), ("a.mkv", 48_000), ("a.mov", 44_100)], ["a.mov"])
)
async def test_copied_sound_is_the_uploads_own_and_in_time(tmp_path: Path, name: str, hz: int) -> None:
    file = beeping(tmp_path / name, 14, hz=hz)
    made = await make(file, tmp_path / "made", level=False)
    own, copied = packets(file), packets(made.file("a1"))
    assert made.rendition("a1").timescale == hz
    # The encoder's priming, one frame, is gone from the beginning; all else is there, to the title's end.
    assert copied[0] == own[1]
    assert copied == own[1 : 1 + len(copied)]
    assert abs(len(copied) * 1024 / hz - 14) < 0.03
    check_together(made, seconds(0, 14), seconds(0, 14))


async def test_sound_beside_a_remuxed_picture_is_in_time(tmp_path: Path) -> None:
    file = beeping(tmp_path / "a.mp4", 14, "-bf", "2", "-g", "50")
    made = await remuxed(file, tmp_path / "made")
    copied = packets(made.file("a1"))
    assert copied == packets(file)[1 : 1 + len(copied)]
    check_together(made, seconds(0, 14), seconds(0, 14))


async def test_sound_encoded_beside_a_remuxed_picture_is_in_time(tmp_path: Path) -> None:
    file = beeping(tmp_path / "a.mp4", 14, "-c:a", "ac3", "-bf", "2", "-g", "50")
    check_together(await remuxed(file, tmp_path / "made"), seconds(0, 14), seconds(0, 14))


@pytest.mark.parametrize(
    ("name", "codec"),
    some([("a.mp4", ("-g", "500")), ("a.ts", ("-c:a", "ac3", "-g", "100")), ("a.mkv", ("-g", "500"))], ["a.ts"]),
)
async def test_trimmed_sound_is_in_time(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    file = beeping(tmp_path / name, 12, *codec)
    made = await make(file, tmp_path / "made", Options(start_s=Fraction("2.48"), end_s=Fraction("9.12")))
    assert not made.plan.audio[0].copyable
    assert made.plan.duration_s == Fraction("6.64")
    # From second 9 to the end the flash goes on.
    check_together(made, seconds(0.52, 7), seconds(0.52, 7))


@pytest.mark.parametrize("name", some(["a.mp4", "a.mkv", "a.ts"], ["a.mkv"]))
async def test_sound_that_starts_later_than_the_picture(tmp_path: Path, name: str) -> None:
    whole = beeping(tmp_path / "whole.mp4", 8, "-g", "25")
    file = tmp_path / name
    both = ("-i", str(whole), "-itsoffset", "1.5", "-i", str(whole), "-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-v", "error", *both, "-t", "8", str(file))
    made = await make(file, tmp_path / "made")
    check_together(made, seconds(0, 8), seconds(1.5, 7))
    assert np.abs(samples(made.file("a1"))[:, : int(1.4 * 48_000)]).max() < 0.01, "silence before it"


@pytest.mark.parametrize("name", some(["a.mp4", "a.mkv", "a.ts"], ["a.mp4"]))
async def test_sound_that_starts_before_the_picture(tmp_path: Path, name: str) -> None:
    whole = beeping(tmp_path / "whole.mp4", 8, "-g", "25")
    file = tmp_path / name
    both = ("-i", str(whole), "-itsoffset", "1.48", "-i", str(whole), "-map", "1:v", "-map", "0:a", "-c", "copy")
    ffmpeg("-v", "error", *both, str(file))
    made = await make(file, tmp_path / "made")
    # The first frame, a white one, stands from 0 on: its flash begins there.
    check_together(made, [0, *seconds(2.48, 7)], seconds(0, 8))


async def test_an_edit_list_is_heard_as_it_is_seen(tmp_path: Path) -> None:
    """As a phone trims: packets from a keyframe on, and the edit list says that the first 400 ms are not shown."""
    whole = beeping(tmp_path / "whole.mp4", 12, "-g", "50")
    file = tmp_path / "cut.mp4"
    ffmpeg("-v", "error", "-ss", "2.4", "-i", str(whole), "-c", "copy", str(file))
    made = await make(file, tmp_path / "made")
    check_together(made, seconds(0.6, 9), seconds(0.6, 9))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes: 30 s at 29.97 frames/s with 44.1 kHz, looped without a new encode: a small hole at each joint."""
    folder = tmp_path_factory.mktemp("long")
    once = beeping(folder / "once.mp4", 30, rate="30000/1001", hz=44_100)
    path = folder / "long.mp4"
    ffmpeg("-v", "error", "-stream_loop", "19", "-i", str(once), "-c", "copy", str(path))
    return path


@pytest.mark.acceptance("ten minutes are encoded")
async def test_ten_minutes_of_sound_are_in_time_to_their_end(tmp_path: Path, long: Path) -> None:
    made = await make(long, tmp_path / "made", chunks=(0,))
    assert made.plan.duration_s > 599
    seen, own_seen = flashes(made.file(made.top)), flashes(long)
    assert len(seen) == len(own_seen)
    assert max(abs(a - b) for a, b in zip(seen, own_seen, strict=True)) <= 1001 / 30_000 / 2
    check_heard(made, beeps(long))


async def test_ten_minutes_that_may_be_copied_are_in_time_to_their_end(tmp_path: Path, long: Path) -> None:
    check_heard(await make(long, tmp_path / "made", level=False, rungs=()), beeps(long))


def check_heard(made: Made, beeped: list[float]) -> None:
    heard = beeps(made.file("a1"))
    assert len(heard) == len(beeped)
    late = [1000 * (at - wanted) for at, wanted in zip(heard, beeped, strict=True)]
    assert max(map(abs, late)) <= 20, f"{min(late):.1f} to {max(late):.1f} ms late; at the end {late[-1]:.1f}"


# What is in it


SIDES = {0: "left", 1: "right", 2: "both", 4: "left", 5: "right"}  # FL FR FC LFE SL SR


def check_downmix(own: Samples, out: Samples, channels: tuple[int, ...]) -> None:
    """What only one channel has, by tenths of a second, is heard where it belongs: the centre in both."""
    count = min(own.shape[1], out.shape[1]) // 4800
    theirs = own[:, : count * 4800].reshape(6, count, 4800).std(axis=2)
    mine = out[:, : count * 4800].reshape(2, count, 4800).std(axis=2)
    for channel in channels:
        others = np.delete(theirs, channel, axis=0).max(axis=0)
        alone = (theirs[channel] > 0.02) & (theirs[channel] > 5 * others)
        assert alone.sum() >= 5, f"channel {channel} speaks alone"
        left, right = float(mine[0, alone].mean()), float(mine[1, alone].mean())
        assert max(left, right) > theirs[channel, alone].mean() / 4, f"channel {channel} is heard"
        if SIDES[channel] == "both":
            assert left == pytest.approx(right, rel=0.1)
        else:
            assert (left > 5 * right) is (SIDES[channel] == "left")
            assert (right > 5 * left) is (SIDES[channel] == "right")


async def test_voices_that_name_their_channel_are_heard_there(tmp_path: Path) -> None:
    file = shared("audio/dolby_channel_id_voices_720p25_24s_eac3_51.ts")  # left, centre, right: nobody behind speaks
    made = await make(file, tmp_path / "made", rungs=())
    with av.open(str(file)) as opened:
        assert opened.start_time is not None
        start = round(opened.start_time / 1_000_000 * 48_000)
    check_downmix(samples(file, layout="5.1(side)")[:, start:], samples(made.file("a1")), (0, 1, 2))


async def test_all_channels_are_in_the_downmix(tmp_path: Path) -> None:
    file = tmp_path / "turns.mkv"
    turns = "|".join(f"0.4*sin(2*PI*440*t)*between(t\\,{n}\\,{n}.9)" for n in range(6))
    sound = f"aevalsrc='{turns}':s=48000:d=6:c=5.1(side)"
    picture = ("-f", "lavfi", "-i", "color=gray:size=96x54:rate=25:duration=6")
    ffmpeg("-v", "error", *picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-c:a", "ac3", str(file))
    made = await make(file, tmp_path / "made", rungs=())
    check_downmix(samples(file, layout="5.1(side)"), samples(made.file("a1")), (0, 1, 2, 4, 5))


async def test_surround_aac_of_a_film_is_there(tmp_path: Path) -> None:
    file = shared("core/bbb_1080p24_20s_aac51.mp4")
    made = await make(file, tmp_path / "made", rungs=())
    own, out = samples(file, layout="5.1").std(axis=1), samples(made.file("a1"))
    assert out.shape[0] == 2
    assert abs(out.shape[1] / 48_000 - float(made.plan.duration_s)) < 0.03
    assert out.std(axis=1).min() > own[:3].max() / 4


@pytest.mark.parametrize("layout", ["mono", "stereo"])
async def test_a_copied_track_says_how_many_channels_it_has(tmp_path: Path, layout: str) -> None:
    file = beeping(tmp_path / "a.mp4", 3, "-ac", "1" if layout == "mono" else "2")
    made = await make(file, tmp_path / "made", rungs=(), level=False)
    with av.open(str(made.file("a1"))) as opened:
        assert opened.streams.audio[0].codec_context.layout.nb_channels == made.rendition("a1").channels


# Loudness


def noisy(path: Path, lufs: float) -> Path:
    """8 s of pink noise at exactly this loudness."""
    noise = "anoisesrc=c=pink:a=0.3:seed=7:d=8:r=48000,aformat=channel_layouts=stereo"
    said = ffmpeg("-f", "lavfi", "-i", noise, "-af", "ebur128=framelog=quiet", "-f", "null", "-")
    gain = lufs - float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
    picture = ("-f", "lavfi", "-i", "color=gray:size=96x54:rate=25:duration=8")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k")
    ffmpeg("-v", "error", *picture, "-f", "lavfi", "-i", f"{noise},volume={gain:.2f}dB", *coded, str(path))
    assert loudness(path)[0] == pytest.approx(lufs, abs=0.5)
    return path


@pytest.mark.parametrize("lufs", some([-29.0, -20.0, -11.0], [-29.0, -11.0], MORE_VALUES))
async def test_a_title_becomes_as_loud_as_others(tmp_path: Path, lufs: float) -> None:
    made = await make(noisy(tmp_path / "a.mp4", lufs), tmp_path / "made", rungs=())
    integrated, peak = loudness(made.file("a1"))
    assert integrated == pytest.approx(-16, abs=1)
    assert peak <= -0.5


@pytest.mark.parametrize("lufs", some([-16.6, -15.4], [-15.4], MORE_VALUES))
async def test_within_one_lu_it_is_copied(tmp_path: Path, lufs: float) -> None:
    file = noisy(tmp_path / "a.mp4", lufs)
    made = await make(file, tmp_path / "made", rungs=())
    copied = packets(made.file("a1"))
    assert copied == packets(file)[1 : 1 + len(copied)]


async def test_silence_is_copied(tmp_path: Path) -> None:
    file = beeping(tmp_path / "a.mp4", 4, volume=0)
    made = await make(file, tmp_path / "made", rungs=())
    copied = packets(made.file("a1"))
    assert copied == packets(file)[1 : 1 + len(copied)]
    assert np.abs(samples(made.file("a1"))).max() == 0


@pytest.mark.parametrize(
    "name",
    some(
        ["core/head_vertical_hevc_1080x1920_20s.mp4", "core/sintel_trailer_720p30_16s.mp4"],
        ["core/sintel_trailer_720p30_16s.mp4"],
    ),
)
async def test_real_voices_and_films_become_as_loud_as_others(tmp_path: Path, name: str) -> None:
    file = shared(name)
    _, own_peak = loudness(file)
    made = await make(file, tmp_path / "made", rungs=())
    integrated, peak = loudness(made.file("a1"))
    assert integrated == pytest.approx(-16, abs=1)
    assert peak <= max(-0.5, own_peak), "no peak is made that was not there"


async def test_peaks_do_not_clip_when_it_is_made_louder(tmp_path: Path) -> None:
    """A murmur, with a knock near full scale each second, too short to count as loud."""
    file = tmp_path / "a.mp4"
    knock = "0.9*sin(2*PI*2000*t)*lt(mod(t\\,1)\\,0.002)"
    sound = f"aevalsrc='0.05*sin(2*PI*500*t)+{knock}|0.05*sin(2*PI*500*t)+{knock}':s=48000:d=8"
    picture = ("-f", "lavfi", "-i", "color=gray:size=96x54:rate=25:duration=8")
    ffmpeg("-v", "error", *picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-c:a", "aac", str(file))
    made = await make(file, tmp_path / "made", rungs=())
    (own, own_peak), (integrated, peak) = loudness(file), loudness(made.file("a1"))
    assert integrated > own + 1, "made louder"
    assert own_peak > -2
    assert peak <= -0.5
