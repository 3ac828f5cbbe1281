"""A wide picture made upright: the real search in the sandbox, real encodes, and what is then in the picture.

The clips are drawn here: a magenta ball with a face of black and white on a calm background, which every frame tells
where it is.
"""

import asyncio
import json
import math
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.media.crop import CropKind, CropPath, Reframe
from tests.frames import Pixels, bench
from tests.media import FFMPEG, generate, shared
from tests.selection import MORE_VALUES, some
from tests.stack import Stack
from thumbnails.reframe.find_crop import CropResult, find_crop
from thumbnails.reframe.shot_path import FASTEST
from transcode.encode import renditions as transcoder
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.probe.probe import probe
from transcode.probe.source import Index, Source
from workers.reframe_request import reframe_request

WIDE, HIGH, RATE = 640, 360, 25
SHORT = Options(profile="short-vertical", ladder="apple", preset="ultrafast")
Places = Callable[[float], Sequence[float]]  # a share of the shot -> where balls are, in shares of the width


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    frames: int
    places: Places
    colour: tuple[int, int, int] = (90, 80, 60)  # of the background


STANDS = Shot(frames=60, places=lambda _: (0.2,))
GOES = Shot(frames=100, places=lambda at: (0.25 + 0.5 * at,), colour=(40, 90, 40))
SWINGS = Shot(frames=200, places=lambda at: (0.5 - 0.3 * math.cos(4 * math.pi * at),), colour=(80, 70, 120))
APART = Shot(frames=75, places=lambda _: (0.12, 0.88), colour=(120, 120, 60))


def draw(path: Path, *shots: Shot, options: Sequence[str] = ()) -> Path:
    """The film of these shots."""
    argv = [*(FFMPEG, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDE}x{HIGH}")]
    argv += ["-r", str(RATE), "-i", "-", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-g", "25"]
    argv += ["-pix_fmt", "yuv420p", *options, str(path)]
    rng = np.random.default_rng(7)
    pictures = []
    for shot in shots:
        slope = np.linspace(0.8, 1.2, WIDE)[None, :, None] * np.array(shot.colour)[None, None, :]
        calm = np.clip(slope + rng.normal(0, 1.5, (HIGH, WIDE, 1)), 0, 255).astype(np.uint8)
        for number in range(shot.frames):
            picture = calm.copy()
            for x in shot.places(number / shot.frames):
                _ball(picture, round(x * WIDE))
            pictures.append(picture.tobytes())
    subprocess.run(argv, input=b"".join(pictures), check=True, timeout=60)
    return path


def _ball(picture: Pixels, x: int) -> None:
    y, size = HIGH // 2, 34
    cv2.circle(picture, (x, y), size, (255, 0, 255), -1)
    for eye in (-12, 12):
        cv2.circle(picture, (x + eye, y - 8), 6, (255, 255, 255), -1)
        cv2.circle(picture, (x + eye, y - 8), 3, (0, 0, 0), -1)
    cv2.ellipse(picture, (x, y + 12), (14, 6), 0, 0, 180, (0, 0, 0), 3)


def ball(picture: Pixels) -> float | None:
    """Where the ball is, as a share of the picture's width."""
    blue, green, red = (picture[..., plane].astype(int) for plane in range(3))
    found = np.argwhere((red - green > 90) & (blue - green > 90))
    return float(found[:, 1].mean()) / picture.shape[1] if len(found) > 60 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    source: Source
    index: Index | None
    plan: EncodePlan
    found: CropResult

    @property
    def path(self) -> CropPath:
        assert self.found.centred is None
        return self.found.path


async def look(file: Path, folder: Path, options: Options = SHORT) -> Looked:
    """As the pipeline does it: plan, look, plan again."""
    at = await bench(folder / "look")
    source, index = await probe(file, at.work_dir, at.runner, max_pixels=8192 * 8192, max_duration_s=36_000)
    wide = reframe_request(source, build_plan(source, index, options))
    assert wide is not None
    found = await find_crop(file, wide, at.work_dir, at.runner)
    return Looked(source=source, index=index, plan=build_plan(source, index, options, found.path), found=found)


async def encoded(looked: Looked, file: Path, folder: Path, rung: int = 0) -> list[Pixels]:
    """The decoded frames of one rung, all chunks after each other."""
    pictures: list[Pixels] = []
    for number in range(len(looked.plan.chunks)):
        at = await bench(folder / f"chunk{number}")
        await transcoder.encode_video(looked.plan, at, file, chunk=number, rungs=(looked.plan.rungs[rung],))
        pictures += decoded(at.work_dir / f"{looked.plan.rungs[rung].id}.mp4")
    return pictures


def decoded(file: Path) -> list[Pixels]:
    with av.open(str(file)) as opened:
        return [frame.to_ndarray(format="bgr24") for frame in opened.decode(video=0)]


def places(*shots: Shot) -> list[Sequence[float]]:
    return [shot.places(number / shot.frames) for shot in shots for number in range(shot.frames)]


async def test_the_window_follows_what_moves_and_keeps_its_limits(tmp_path: Path) -> None:
    shots = (STANDS, GOES, SWINGS, APART)
    looked = await look(draw(tmp_path / "film.mp4", *shots), tmp_path)
    path, share = looked.path, float(looked.path.share)
    assert [shot.kind for shot in path.shots] == [CropKind.STILL, CropKind.PAN, CropKind.TRACK, CropKind.PAD]
    starts = [sum(shot.frames for shot in shots[:number]) for number in range(len(shots))]
    assert [shot.start_s * RATE for shot in path.shots] == starts, "a cut is at its very frame"
    inside = [
        path.left(Fraction(number, RATE)) <= xs[0] <= path.left(Fraction(number, RATE)) + share
        for number, xs in enumerate(places(*shots[:3]))
    ]
    assert sum(inside) >= 0.95 * len(inside)
    for shot in path.shots:
        for a, b in pairwise(shot.keys):
            assert abs(b.x - a.x) / float(b.time_s - a.time_s) <= FASTEST + 1e-3
    lefts = {path.left(Fraction(number, RATE)) for number in range(STANDS.frames)}
    assert len(lefts) == 1, "a still window does not move"
    assert abs(lefts.pop() + share / 2 - 0.2) < 0.03


async def test_what_is_encoded_shows_it_in_the_middle(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", STANDS, GOES, APART)
    looked = await look(file, tmp_path)
    top = looked.plan.rungs[0]
    assert (top.width, top.height) == (202, 360)
    pictures = await encoded(looked, file, tmp_path)
    assert len(pictures) == looked.plan.frames == 235
    assert pictures[0].shape == (360, 202, 3)
    cropped = [ball(picture) for picture in pictures[:160]]
    assert all(at is not None and 0.25 < at < 0.75 for at in cropped)
    for picture in (pictures[160], pictures[-1]):  # padded: both balls, small, over a blurred enlargement
        strip = picture[(360 - 114) // 2 : (360 + 114) // 2]
        halves = [ball(half) for half in (strip[:, :101], strip[:, 101:])]
        assert halves[0] is not None and halves[1] is not None
        assert abs(halves[0] / 2 - 0.12) < 0.03
        assert abs(0.5 + halves[1] / 2 - 0.88) < 0.03
        assert picture[:80].std() < 30, "behind it nothing has edges"


async def test_chunks_show_the_same_window_as_one_piece(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", SWINGS, APART, STANDS)
    looked = await look(file, tmp_path, replace(SHORT, chunk_s=None))
    assert {shot.kind for shot in looked.path.shots} == {CropKind.TRACK, CropKind.PAD, CropKind.STILL}
    whole = await encoded(looked, file, tmp_path / "whole")
    # Cuts of the plan are 2 s apart: the first join is in the moving shot, the others in the padded one and after it.
    chunked = replace(looked, plan=replace(looked.plan, chunks=(0, 100, 250, 300)))
    joined = await encoded(chunked, file, tmp_path / "chunked")
    assert len(whole) == len(joined) == 335
    for one, other in zip(whole, joined, strict=True):
        assert cv2.PSNR(one, other) > 30
    for join in (100, 101, 250, 300):
        a, b = ball(whole[join]), ball(joined[join])
        assert (a is None) == (b is None)
        assert a is None or b is None or abs(a - b) < 0.005


async def test_the_first_rung_is_the_same_picture(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", GOES)
    looked = await look(file, tmp_path)
    assert looked.plan.first_rung == looked.plan.rungs[-1].id
    small = await encoded(looked, file, tmp_path / "first", rung=-1)
    large = await encoded(looked, file, tmp_path / "large")
    assert small
    for one, other in zip(small, large, strict=True):
        at, there = ball(one), ball(other)
        assert at is not None and there is not None and abs(at - there) < 0.01


async def test_a_trimmed_title_keeps_the_uploads_times(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", STANDS, GOES)
    looked = await look(file, tmp_path, replace(SHORT, start_s=Fraction(2), end_s=Fraction(5)))
    assert [shot.start_s for shot in looked.path.shots] == [2, Fraction(60, RATE)]
    pictures = await encoded(looked, file, tmp_path)
    assert len(pictures) == 75
    assert all((at := ball(picture)) is not None and 0.2 < at < 0.8 for picture in pictures)


async def test_rotated_files_and_those_that_start_late(tmp_path: Path) -> None:
    upside_down = tmp_path / "turned.mp4"
    drawn = draw(tmp_path / "film.ts", STANDS, GOES, options=["-muxdelay", "3", "-bf", "0"])
    _turn(drawn, upside_down)
    for file, where in ((drawn, 0.2), (upside_down, 0.8)):
        looked = await look(file, tmp_path / file.suffix)
        first = looked.path.shots[0]
        assert first.kind is CropKind.STILL
        assert abs(first.keys[0].x - where) < 0.04
        assert [shot.start_s for shot in looked.path.shots] == [0, Fraction(60, RATE)]
        pictures = await encoded(looked, file, tmp_path / f"out{file.suffix}")
        assert all((at := ball(picture)) is not None and 0.2 < at < 0.8 for picture in pictures)


def _turn(file: Path, out: Path) -> None:
    argv = [FFMPEG, "-v", "error", "-display_rotation", "180", "-i", str(file), "-c", "copy", str(out)]
    subprocess.run(argv, check=True, timeout=60)


async def test_upright_sources_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "tall.mp4"
    generate(file, "testsrc2=size=202x360:rate=25:duration=1")
    at = await bench(tmp_path / "probe")
    source, index = await probe(file, at.work_dir, at.runner, max_pixels=10**8, max_duration_s=100)
    assert len(Reframe) > 1
    for wish in Reframe:
        made = build_plan(source, index, replace(SHORT, reframe=wish))
        assert reframe_request(source, made) is None
        assert made.video is not None and made.video.crop is None
        assert (made.rungs[0].width, made.rungs[0].height) == (202, 360)


async def test_what_cannot_be_looked_at_is_centred_and_says_so(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", STANDS)
    looked = await look(file, tmp_path)
    wide = reframe_request(looked.source, looked.plan)
    assert wide is not None
    at = await bench(tmp_path / "again")
    cut_off = tmp_path / "cut.mp4"
    cut_off.write_bytes(file.read_bytes()[:2000])
    found = await find_crop(cut_off, wide, at.work_dir, at.runner)
    assert found.centred
    assert [(shot.kind, shot.keys[0].x) for shot in found.path.shots] == [(CropKind.STILL, 0.5)]
    found = await find_crop(file, replace(wide, end_s=Fraction(10_000)), at.work_dir, at.runner)
    assert found.centred == "it lasts longer than 3600 s"


def kadr(*words: str | Path) -> str:
    """Standard output of the command line."""
    argv = [str(Path(__file__).parents[2] / ".venv/bin/kadr"), *map(str, words)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=300).stdout


def test_the_command_line_says_what_it_decides_and_does_it(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", STANDS, APART)
    told = kadr("plan", file, "--profile", "short-vertical")
    assert "vertical, 202x360: the profile short-vertical is for vertical clips; 2 shots: 1 still, 1 pad" in told
    out = tmp_path / "out"
    words = ("--profile", "short-vertical", "--effort", "economy", "--json")
    summary = json.loads(kadr("encode", file, "--out", out, *words))
    assert any(one.startswith("vertical, 202x360") for one in summary["decisions"])
    assert "RESOLUTION=202x360" in (out / "index.m3u8").read_text()


@pytest.mark.acceptance(MORE_VALUES)
def test_the_command_line_says_why_nothing_is_made_upright(tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", STANDS, APART)
    assert "not reframed: not requested" in kadr("plan", file, "--profile", "short-vertical", "--reframe", "none")
    assert "upright" not in kadr("plan", file)


DEEP = ("hdr/hdr10_av1_1080p60_mdcv_clli_1s.mp4", "odd/vp9_10bit_426x240_3s.webm")


@pytest.mark.parametrize("name", some(DEEP, ["odd/vp9_10bit_426x240_3s.webm"]))
async def test_deep_pictures_keep_their_colours(tmp_path: Path, name: str) -> None:
    file = shared(name)
    looked = await look(file, tmp_path)
    asked = replace(SHORT, reframe=Reframe.NONE)
    plain = replace(looked, plan=build_plan(looked.source, looked.index, asked))
    rung = -1
    narrow, wide = [await encoded(one, file, tmp_path / f"{n}", rung) for n, one in enumerate((looked, plain))]
    assert len(narrow) * looked.plan.rungs[rung].frame_step == looked.plan.frames
    step_s = looked.plan.rungs[rung].frame_step / looked.plan.frame_rate
    cropped = [n for n in range(len(narrow)) if looked.path.shot(n * step_s).kind is not CropKind.PAD]
    # Not the very last: WebM rounds a cut's time to a millisecond, and so past the frame's own.
    for number in (cropped[0], cropped[len(cropped) // 2], cropped[-2]):
        columns = wide[number].shape[1]
        left = round(looked.path.left(number * step_s) * columns)
        part = wide[number][:, left : left + round(float(looked.path.share) * columns)]
        small = [cv2.resize(one, (27, 48), interpolation=cv2.INTER_AREA) for one in (narrow[number], part)]
        assert cv2.PSNR(*small) > 30


def played(url: str, *options: str) -> list[Pixels]:
    """Some frames of what plays."""
    argv = [FFMPEG, "-v", "error", "-i", url, "-vf", "fps=5,scale=202:360", "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    out = subprocess.run([*argv[:3], *options, *argv[3:]], check=True, capture_output=True, timeout=60).stdout
    return list(np.frombuffer(out, np.uint8).reshape(-1, 360, 202, 3))


async def test_through_the_pipeline_what_is_shown_first_is_upright_too(stack: Stack, tmp_path: Path) -> None:
    file = draw(tmp_path / "film.mp4", STANDS, GOES)
    wishes = {"profile": "short-vertical", "effort": "economy", "ladder": "apple"}
    asset_id = await stack.upload(file, **wishes)
    first = await stack.wait(asset_id, "playable", "ready", "errored")
    assert first["status"] != "errored", first
    ready = await stack.wait(asset_id)
    assert ready["warnings"] == [{"code": "no_audio", "message": "The video has no sound."}]
    sizes = [(one["width"], one["height"]) for one in ready["renditions"] if one["kind"] == "video"]
    assert sizes == [(202, 360)]
    for asset in (first, ready):
        pictures = await asyncio.to_thread(played, asset["playback_url"])
        assert pictures
        assert all((at := ball(picture)) is not None and 0.2 < at < 0.8 for picture in pictures)
    status, answer = await stack.api("POST", f"/v1/assets/{asset_id}/reprocess", json={"reframe": "none"})
    assert status == 202, answer
    again = await stack.wait(asset_id, "ready", "errored")
    assert again["status"] == "ready"
    # The checker of all that is left at the end wants segments of 6 s, which this profile has not.
    assert (await stack.api("DELETE", f"/v1/assets/{asset_id}"))[0] == 204


async def test_a_wish_that_is_none_is_refused(stack: Stack) -> None:
    body = {"filename": "a.mp4", "size_bytes": 3, "reframe": "sideways"}
    status, problem = await stack.api("POST", "/v1/uploads", json=body)
    assert status == 422
    assert problem["pointer"] == "/reframe"
