"""Choosing a poster of real files, through the sandbox: times, pixels, fallbacks, and what a profile changes."""

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.sandbox.child import ChildRunner
from kadr.commands import posters as command
from tests.media import generate, shared
from tests.selection import some
from thumbnails.posters.selection import Candidate, Selection, select
from thumbnails.reading.reader import Reader
from thumbnails.reading.video_facts import VideoFacts
from transcode.probe.probe import probe
from workers.video_facts import video_facts

SCENE = "mandelbrot=size=640x360:rate=24"


@pytest.fixture(scope="module")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


async def pictured(file: Path, work_dir: Path, runner: ChildRunner) -> VideoFacts:
    source, _ = await probe(file, work_dir, runner, max_pixels=50_000_000, max_duration_s=3600)
    video = video_facts(source)
    assert video is not None
    return video


async def chosen(
    file: Path, work_dir: Path, runner: ChildRunner, profile: str = "general"
) -> tuple[VideoFacts, Selection]:
    video = await pictured(file, work_dir, runner)
    return video, await select(file, video, profile, work_dir, runner)


def pixels(one: Candidate, work_dir: Path) -> np.ndarray:
    return np.fromfile(work_dir / one.file, np.uint8).reshape(one.height, one.width, 3)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(cv2.absdiff(a, b).mean())


# The reader


async def test_any_time_gives_the_very_frame(tmp_path: Path, runner: ChildRunner) -> None:
    """Frames are told apart by the number burnt into them; which is which, a plain decode from the start tells."""
    file = shared("core/tears_of_steel_1080p2997_8s_frame_marks.mp4")
    video = await pictured(file, tmp_path, runner)
    numbers = (3, 100, 37, 38, 239)
    with av.open(str(file)) as opened:
        told = {
            number: cv2.resize(frame.to_ndarray(format="bgr24"), (640, 360), interpolation=cv2.INTER_AREA)
            for number, frame in enumerate(opened.decode(video=0))
            if any(abs(number - one) <= 1 for one in numbers)
        }
    assert set(numbers) <= told.keys()
    with Reader(file, video) as reader:
        for number in numbers:
            # A little before the next frame, the frame of this number is shown.
            frame = reader.at((number + Fraction(9, 10)) / video.frame_rate, 640)
            assert frame is not None
            assert frame.time_s == number / video.frame_rate
            beside = {at: difference(frame.pixels, pixels) for at, pixels in told.items() if abs(at - number) <= 1}
            assert min(beside, key=beside.__getitem__) == number, beside


@pytest.mark.parametrize(
    ("name", "size"),
    some(
        [
            ("core/phone_rot270_720p30_5s.mp4", (1280, 720)),
            ("hdr/hlg_hevc10_1080p60_iphone_8frames.mov", (1920, 1080)),
            ("odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", (1080, 1920)),
            ("odd/one_frame_sar_16_9.mp4", (480, 1138)),
        ],
        ["core/phone_rot270_720p30_5s.mp4", "odd/mpeg2_1080i50_hdv_anamorphic_1s.mov"],
    ),
)
async def test_upright_with_square_pixels(
    name: str, size: tuple[int, int], tmp_path: Path, runner: ChildRunner
) -> None:
    file = shared(name)
    video = await pictured(file, tmp_path, runner)
    with Reader(file, video) as reader:
        frame = reader.at(Fraction(0), 4000)
        assert frame is not None
        assert frame.pixels.shape[:2] == size
        small = reader.at(Fraction(0), 200)
        assert small is not None
        assert small.pixels.shape[1] == 200


async def test_decoding_on_and_seeking_show_the_same_frames(clip: Path, tmp_path: Path, runner: ChildRunner) -> None:
    video = await pictured(clip, tmp_path, runner)
    with Reader(clip, video) as reader:
        every = list(reader.between(video.start_s, video.end_s, 64))
        assert len(every) == video.frames
    with Reader(clip, video) as reader:
        keys = reader.keyframe_times()
        assert [frame.time_s for frame in reader.keyframes(keys, 64)] == keys
        for number in (100, 20, 21, 22, 150, 5):
            frame = reader.at(every[number].time_s, 64)
            assert frame is not None
            assert frame.time_s == every[number].time_s
            assert difference(frame.pixels, every[number].pixels) == 0


async def test_a_keyframe_that_is_none_is_not_believed(tmp_path: Path, runner: ChildRunner) -> None:
    """This file marks pictures as keyframes that cannot be decoded alone."""
    file = shared("odd/h263_amr_176x144_15s.3gp")
    video = await pictured(file, tmp_path, runner)
    with Reader(file, video) as reader:
        every = {frame.time_s: frame.pixels for frame in reader.between(video.start_s, video.end_s, 176)}
    with Reader(file, video) as reader:
        reader.keyframe_times()
        frame = reader.at(Fraction(11), 176)
        assert frame is not None
        assert difference(frame.pixels, every[frame.time_s]) == 0


# The choice


async def test_candidates_are_at_their_own_times_and_in_one_order(tmp_path: Path, runner: ChildRunner) -> None:
    file = tmp_path / "scene.mp4"
    generate(file, f"{SCENE},trim=duration=8", None, "-g", "24")
    first_dir, second_dir = tmp_path / "a", tmp_path / "b"
    first_dir.mkdir()
    second_dir.mkdir()
    video, first = await chosen(file, first_dir, runner)
    _, second = await chosen(file, second_dir, runner)
    assert first == second
    assert first.fallback is None
    assert 2 <= len(first.candidates) <= 5
    with Reader(file, video) as reader:
        for one in first.candidates:
            frame = reader.at(one.time_s, 1920)
            assert frame is not None
            assert frame.time_s == one.time_s
            assert difference(frame.pixels, pixels(one, first_dir)) == 0
            assert one.reason.endswith(".")
            assert not one.low_confidence


async def test_black_blur_and_fades_are_passed_over(tmp_path: Path, runner: ChildRunner) -> None:
    """Only from 4 to 6 s is anything good."""
    file = tmp_path / "planted.mp4"
    planted = (
        "fade=in:st=2:d=2,"
        "gblur=sigma=14:enable='gte(t,6)*lt(t,9)',"
        "drawbox=color=white:t=fill:enable='gte(t,9)*lt(t,10)',"
        "drawbox=color=black:t=fill:enable='lt(t,2)+gte(t,10)'"
    )
    generate(file, f"{SCENE},trim=duration=12,{planted}", None, "-g", "12")
    _, found = await chosen(file, tmp_path, runner)
    assert found.fallback is None
    assert found.candidates
    assert all(4 - Fraction(1, 4) <= one.time_s < 6 for one in found.candidates), found.candidates
    assert found.rejected["black"] > 0
    assert found.rejected["blurred"] > 0


async def test_a_shaking_camera_is_the_last_choice(tmp_path: Path, runner: ChildRunner) -> None:
    """Seconds in which nothing is ever still and nothing in focus: taken only because there is nothing else."""
    patches = np.random.default_rng(3).integers(30, 225, (12, 18, 3), np.uint8)
    wide = cv2.resize(patches, (900, 600), interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / "wide.png"), wide)
    around = "crop=640:360:130+40*sin(n*0.9):120+40*cos(n*0.9),gblur=sigma=2"
    file = tmp_path / "shaken.mp4"
    still = f"movie={tmp_path}/wide.png:loop=0,setpts=N/24/TB,fps=24,trim=duration=4,format=yuv444p"
    generate(file, f"{still},{around},format=yuv420p", None, "-g", "12")
    _, found = await chosen(file, tmp_path, runner)
    assert found.fallback == "all_rejected"
    assert found.rejected["shaken"] > 0
    assert "shaken" in found.candidates[0].reason
    assert found.candidates[0].low_confidence


async def test_colour_bars_before_a_film_are_passed_over(tmp_path: Path, runner: ChildRunner) -> None:
    file = tmp_path / "barred.mp4"
    joined = (
        f"smptebars=size=640x360:rate=24,trim=duration=4,format=yuv420p[a];{SCENE},trim=duration=4,format=yuv420p[b]"
    )
    generate(file, f"{joined};[a][b]concat", None, "-g", "12")
    _, found = await chosen(file, tmp_path, runner)
    assert found.rejected["test_card"] > 0
    assert all(one.time_s >= 4 for one in found.candidates), found.candidates


async def test_the_profile_changes_the_choice(tmp_path: Path, runner: ChildRunner) -> None:
    """Half a scene, half a slide."""
    words = np.full((360, 640, 3), (90, 60, 40), np.uint8)
    for row in range(4):
        at = (40, 90 + 65 * row)
        cv2.putText(words, "What every lesson needs", at, cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
    cv2.imwrite(str(tmp_path / "slide.png"), words)
    file = tmp_path / "lesson.mp4"
    slide = f"movie={tmp_path}/slide.png:loop=0,setpts=N/24/TB,fps=24,trim=duration=6,format=yuv420p"
    joined = f"{SCENE},trim=duration=6,format=yuv420p[a];{slide}[b];[a][b]concat"
    generate(file, joined, None, "-g", "12")
    (_, product), (_, lesson) = (
        await chosen(file, tmp_path, runner, "product"),
        await chosen(file, tmp_path, runner, "lecture"),
    )
    assert product.candidates[0].time_s < 6
    assert product.rejected["card"] > 0
    assert lesson.candidates[0].time_s >= 6
    assert "text" in lesson.candidates[0].reason


async def test_one_frame_is_taken_and_named(tmp_path: Path, runner: ChildRunner) -> None:
    _, found = await chosen(shared("odd/one_frame_h264_aac.mp4"), tmp_path, runner)
    assert found.fallback == "one_frame"
    assert [one.time_s for one in found.candidates] == [0]
    assert pixels(found.candidates[0], tmp_path).shape == (240, 320, 3)


async def test_all_black_is_taken_with_low_confidence(tmp_path: Path, runner: ChildRunner) -> None:
    file = tmp_path / "black.mp4"
    generate(file, "color=black:size=320x240:rate=25:duration=3")
    _, found = await chosen(file, tmp_path, runner)
    assert found.fallback == "all_rejected"
    assert found.candidates
    assert all(one.low_confidence for one in found.candidates)
    assert found.rejected == {"black": found.sampled}
    assert "black" in found.candidates[0].reason


async def test_an_unreadable_file_gives_none_and_says_so(clip: Path, tmp_path: Path, runner: ChildRunner) -> None:
    video = await pictured(clip, tmp_path, runner)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:64] + bytes(100_000))
    assert await select(broken, video, "general", tmp_path, runner) == Selection(
        candidates=(), sampled=0, rejected={}, fallback="unreadable"
    )


async def test_hdr_of_a_turned_phone_is_read_as_the_encode_shows_it(tmp_path: Path, runner: ChildRunner) -> None:
    file = shared("hdr/hlg_hevc10_1080p_rot90_editlist_2.5s.mp4")
    with Reader(file, await pictured(file, tmp_path, runner)) as reader:
        frame = reader.at(Fraction(1), 1920)
    assert frame is not None
    assert frame.pixels.shape == (1920, 1080, 3)
    assert 140 < float(frame.pixels.mean()) < 165


@pytest.mark.acceptance("every sample of a large HDR clip is mapped to SDR: make test reads one frame of it")
async def test_hdr_of_a_turned_phone_looks_like_the_encode(tmp_path: Path, runner: ChildRunner) -> None:
    _, found = await chosen(shared("hdr/hlg_hevc10_1080p_rot90_editlist_2.5s.mp4"), tmp_path, runner)
    best = pixels(found.candidates[0], tmp_path)
    assert best.shape == (1920, 1080, 3)
    # The encode's frames of this clip are 151 in the mean; taken as SDR they would be grey and darker.
    assert 140 < float(best.mean()) < 165


# The command


def test_the_command_prints_candidates(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(tiny, True, "product") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["profile"] == "product"
    assert {"time_s", "exact_time_s", "score", "signals", "reason", "low_confidence"} <= value["candidates"][0].keys()
    assert command.run(tiny, False, "product") == 0
    assert " s  " in capsys.readouterr().out


def test_the_command_names_the_fallback_of_sound_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(shared("audio/audio_only_15s.mp4"), True, "general") == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["candidates"], value["fallback"]) == ([], "no_picture")


def test_the_command_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(command.CannotRead, match="no such file"):
        command.run(tmp_path / "none.mp4", True, "general")
