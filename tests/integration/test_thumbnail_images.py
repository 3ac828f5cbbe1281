"""Storyboards, previews, stills, poster sets and owners' pictures, made in the real sandbox of real files.

What is right is taken from the upload's own decoded frames. In generated clips the brightness is the time.
"""

import asyncio
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from core.errors import Rejected
from core.sandbox.child import ChildRunner
from tests.frames import psnr
from tests.media import generate, shared
from tests.selection import MORE_VALUES, some
from thumbnails.images import make, storyboard
from thumbnails.images.image_files import PosterSet, Storyboard, TitleImages
from thumbnails.images.make import PosterPixels
from thumbnails.posters.selection import select
from thumbnails.reading.video_facts import VideoFacts
from thumbnails.uploaded import image_header
from transcode.probe.probe import probe
from workers.video_facts import video_facts

Pixels = npt.NDArray[np.uint8]
BRIGHTNESS_PER_S = 5
# Each kind of file and each orientation is in make test at least once.
SOME_ORIENTED = {("jpg", 1), ("jpg", 6), ("png", 3), ("webp", 8), ("avif", 6)}
ORIENTED = {1: 0, 3: 2, 6: 3, 8: 1}  # EXIF orientation -> quarter turns anticlockwise to show it


async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


async def known(file: Path, folder: Path) -> tuple[VideoFacts, Fraction]:
    """(what thumbnails is told, the title's duration)."""
    work = folder / "probe"
    work.mkdir(exist_ok=True)
    source, _ = await probe(file, work, await runner(), max_pixels=8192 * 8192, max_duration_s=36_000)
    picture = video_facts(source)
    assert picture is not None
    return picture, source.duration_s


async def made(file: Path, folder: Path, *, moment_s: Fraction | None = None, board: bool = True) -> TitleImages:
    picture, duration_s = await known(file, folder)
    work = folder / "work"
    work.mkdir()
    return await make.make_all(
        file, picture, work, await runner(), duration_s=duration_s if board else None, moment_s=moment_s
    )


def read(path: Path) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels.astype(np.uint8)


def tiles(found: TitleImages) -> list[Pixels]:
    """Every tile as a player cuts it, by the WebVTT's own words."""
    assert found.storyboard is not None, found.skipped
    sheets = {file.name: read(file.path) for file in found.storyboard.files}
    cut = []
    for line in storyboard.webvtt(found.storyboard.plan).splitlines():
        if "#xywh=" in line:
            name, region = line.split("#xywh=")
            x, y, width, height = map(int, region.split(","))
            cut.append(sheets[name][y : y + height, x : x + width])
            assert cut[-1].shape == (height, width, 3)
    return cut


def shown_at(file: Path, time_s: Fraction) -> Pixels:
    """By plain decoding from the start: the last frame at or before this time of the file."""
    with av.open(str(file)) as opened:
        last: Any = None
        for frame in opened.decode(video=0):
            if last is not None and frame.pts * frame.time_base > time_s:
                break
            last = frame
    return last.to_ndarray(format="bgr24")  # type: ignore[no-any-return]


def clock(path: Path, seconds: int, *encoder: str) -> None:
    level = f"16+{BRIGHTNESS_PER_S}*T"
    generate(path, f"color=black:s=320x180:r=10:d={seconds},geq=lum='{level}':cb=128:cr=128", None, *encoder)


def told_s(tile: Pixels) -> float:
    """The time that a tile of such a clip shows."""
    return float(tile.mean()) * 219 / 255 / BRIGHTNESS_PER_S


# Storyboards


@pytest.mark.parametrize("gop", some([10, 35, 400], [35]))
async def test_every_tile_shows_its_own_time(tmp_path: Path, gop: int) -> None:
    file = tmp_path / "clock.mp4"
    clock(file, 40, "-g", str(gop), "-sc_threshold", "0", "-bf", "2")
    found = await made(file, tmp_path)
    assert found.storyboard is not None
    assert len(found.storyboard.plan.tiles) == len(found.storyboard.times_s) == 20
    for tile, pixels, time_s in zip(found.storyboard.plan.tiles, tiles(found), found.storyboard.times_s, strict=True):
        assert told_s(pixels) == pytest.approx(float(time_s), abs=0.25)
        assert told_s(pixels) == pytest.approx(float(tile.middle_s), abs=2.3)
    assert len(set(found.storyboard.times_s)) >= (20 if gop != 35 else 12)


async def test_tiles_of_a_film_are_the_frames_they_say(tmp_path: Path) -> None:
    file = shared("core/tears_of_steel_1080p2997_8s_frame_marks.mp4")
    found = await made(file, tmp_path)
    assert found.storyboard is not None
    picture, _ = await known(file, tmp_path)
    for pixels, time_s in list(zip(tiles(found), found.storyboard.times_s, strict=True))[::2]:
        own_frame = cv2.resize(shown_at(file, time_s + picture.origin_s), (160, 90), interpolation=cv2.INTER_AREA)
        assert psnr(pixels, own_frame.astype(np.uint8)) > 27


async def test_more_than_one_sheet(tmp_path: Path) -> None:
    file = tmp_path / "long.mp4"
    generate(file, "testsrc2=size=160x90:rate=2:duration=1130", None, "-g", "8")
    found = await made(file, tmp_path)
    assert found.storyboard is not None
    assert [(sheet.width, sheet.height) for sheet in found.storyboard.files] == [(1600, 900), (1600, 180)]
    assert len(tiles(found)) == 113
    assert list(found.storyboard.times_s) == sorted(found.storyboard.times_s)


@pytest.mark.parametrize(
    ("name", "tile"),
    some(
        [
            ("core/phone_rot270_720p30_5s.mp4", (90, 160)),
            ("hdr/hlg_hevc10_1080p_rot90_editlist_2.5s.mp4", (90, 160)),
            ("odd/mpeg2_1080i50_hdv_anamorphic_1s.mov", (160, 90)),
            ("odd/m4v_two_movtext_subs_vfr_7s.m4v", None),
            ("odd/product_joyrides_ad_720p24_19s_opus.ts", (160, 90)),
            ("odd/screencast_jupyter_1616x1568_30fps_73s.mp4", (160, 156)),
        ],
        ["hdr/hlg_hevc10_1080p_rot90_editlist_2.5s.mp4", "odd/mpeg2_1080i50_hdv_anamorphic_1s.mov"],
    ),
)
async def test_odd_titles_have_whole_storyboards(tmp_path: Path, name: str, tile: tuple[int, int] | None) -> None:
    found = await made(shared(name), tmp_path)
    cut = tiles(found)
    assert found.storyboard is not None
    assert len(cut) == len(found.storyboard.plan.tiles)
    if tile is not None:
        assert (cut[0].shape[1], cut[0].shape[0]) == tile
    assert max(one.std() for one in cut) > 10, "something is to be seen"


async def test_a_turned_phone_is_upright(tmp_path: Path) -> None:
    file = shared("core/phone_rot270_720p30_5s.mp4")
    found = await made(file, tmp_path)
    assert found.storyboard is not None
    stored = shown_at(file, found.storyboard.times_s[0])
    closeness = {}
    for turned in (90, 270):
        upright = cv2.resize(np.rot90(stored, -turned // 90), (90, 160), interpolation=cv2.INTER_AREA)
        closeness[turned] = psnr(tiles(found)[0], upright.astype(np.uint8))
    assert closeness[270] > 26 > closeness[90]


async def test_what_cannot_be_read_has_no_storyboard(tmp_path: Path, clip: Path) -> None:
    picture, duration_s = await known(clip, tmp_path)
    body = bytearray(clip.read_bytes())
    at = body.index(b"mdat") + 4
    size = int.from_bytes(body[at - 8 : at - 4], "big")
    body[at : at + size - 8] = bytes(size - 8)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(body)
    work = tmp_path / "work"
    work.mkdir()
    found = await make.make_all(broken, picture, work, await runner(), duration_s=duration_s, moment_s=Fraction(3))
    assert (found.storyboard, found.preview) == (None, None)
    assert set(found.skipped) == {"storyboard", "preview"}
    assert list(work.glob("*.jpg")) == []
    with pytest.raises(Rejected, match="at that time"):
        await make.still(broken, picture, Fraction(3), work, await runner())
    with pytest.raises(Rejected, match="at that time"):
        await make.poster_at(broken, picture, Fraction(3), work, await runner())


# Previews and stills


async def test_a_preview_moves_for_three_seconds(tmp_path: Path) -> None:
    file = tmp_path / "clock.mp4"
    clock(file, 20)
    found = await made(file, tmp_path, moment_s=Fraction(10), board=False)
    assert found.preview is not None, found.skipped
    assert (found.preview.start_s, found.preview.duration_s) == (Fraction(17, 2), 3)
    assert found.preview.file.media_type == "image/webp"
    body = np.frombuffer(found.preview.file.path.read_bytes(), np.uint8)
    done, animation = cv2.imdecodeanimation(body[None])
    assert done
    assert sum(animation.durations) == 3000
    assert animation.frames[0].shape[:2] == (180, 320)
    seen = [told_s(frame[:, :, :3]) for frame in animation.frames]
    assert seen[0] == pytest.approx(8.5, abs=0.3)
    # The codec leaves out what changes by a shade or two.
    assert seen[-1] == pytest.approx(11.4, abs=0.8)


async def test_one_frame_has_a_storyboard_and_no_preview(tmp_path: Path) -> None:
    found = await made(shared("odd/one_frame_sar_16_9.mp4"), tmp_path, moment_s=Fraction(0))
    assert len(tiles(found)) == 1
    assert found.preview is None
    assert "Motionless" in found.skipped["preview"]


@pytest.mark.parametrize("number", some([0, 1, 37, 150, 239], [0, 150], MORE_VALUES))
async def test_a_still_is_the_very_frame(tmp_path: Path, number: int) -> None:
    file = shared("core/tears_of_steel_1080p2997_8s_frame_marks.mp4")
    picture, _ = await known(file, tmp_path)
    time_s = number / picture.frame_rate + Fraction(1, 100)
    found = await make.still(file, picture, time_s, tmp_path, await runner(), kind="png")
    assert abs(found.time_s - number / picture.frame_rate) < Fraction(1, 500)
    own_frame = shown_at(file, found.time_s + picture.origin_s)
    assert psnr(read(found.file.path), own_frame) > 38
    assert (found.file.width, found.file.height) == (1920, 1080)


async def test_a_still_beyond_the_end_is_the_last_frame(tmp_path: Path, clip: Path) -> None:
    picture, _ = await known(clip, tmp_path)
    found = await make.still(clip, picture, Fraction(99), tmp_path, await runner(), width=200, kind="webp")
    assert found.time_s == (picture.frames - 1) / picture.frame_rate
    assert (found.file.width, found.file.height) == (200, 112)
    with pytest.raises(ValueError, match="no still"):
        await make.still(clip, picture, Fraction(1), tmp_path, await runner(), kind="gif")


# Poster sets


async def test_a_set_of_a_chosen_time(tmp_path: Path) -> None:
    file = shared("core/tears_of_steel_1080p2997_8s_frame_marks.mp4")
    picture, _ = await known(file, tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    found, time_s = await make.poster_at(file, picture, Fraction(2), work, await runner())
    assert 0 <= 2 - time_s < 1 / picture.frame_rate
    assert (found.width, found.height) == (1920, 1080)
    own_frame = cv2.resize(shown_at(file, time_s + picture.origin_s), (1280, 720), interpolation=cv2.INTER_AREA)
    assert psnr(read(work / "poster-1280.jpg"), own_frame.astype(np.uint8)) > 30
    alone = tmp_path / "alone"
    alone.mkdir()
    raw = tmp_path / "frame.raw"
    raw.write_bytes(shown_at(file, time_s + picture.origin_s).tobytes())
    same = await make.poster_set(PosterPixels(file=raw, width=1920, height=1080), alone, await runner())
    assert [file.name for file in same.files] == [file.name for file in found.files]
    assert len(same.thumbhash) == len(found.thumbhash)


async def test_all_in_one_run(tmp_path: Path, clip: Path) -> None:
    picture, duration_s = await known(clip, tmp_path)
    posters = []
    for number, time_s in enumerate((1, 4)):
        pixels = shown_at(clip, Fraction(time_s))
        raw = tmp_path / f"frame{number}.raw"
        raw.write_bytes(pixels.tobytes())
        posters.append(PosterPixels(file=raw, width=640, height=360, cropped=number == 0))
    work = tmp_path / "work"
    work.mkdir()
    found = await make.make_all(
        clip, picture, work, await runner(), posters=posters, duration_s=duration_s, moment_s=Fraction(3), avif=True
    )
    assert found.skipped == {}
    assert found.storyboard is not None
    assert found.preview is not None
    first, second = found.posters
    assert first is not None
    assert second is not None
    assert {file.shape for file in first.files} == {"full", "1x1", "9x16"}
    assert {(file.shape, file.width) for file in second.files} == {("full", 640), ("full", 320)}
    assert {file.media_type for file in second.files} == {"image/jpeg", "image/webp", "image/avif"}
    for file in (*first.files, *second.files):
        assert read(file.path).shape == (file.height, file.width, 3)
    full = next(file for file in second.files if file.name == "poster-1-640.jpg")
    assert psnr(read(full.path), shown_at(clip, Fraction(4))) > 28
    names = [path.name for path in work.iterdir()]
    assert len(names) == len(first.files) + len(second.files) + len(found.storyboard.files) + 1


async def test_memory_of_a_large_title(tmp_path: Path) -> None:
    """In a fresh program, whose children are only these."""
    file = shared("odd/bbb_2160p60_10s_vp9_lowrate.mkv")
    picture, duration_s = await known(file, tmp_path)
    raw = tmp_path / "frame.raw"
    raw.write_bytes(bytes(3840 * 2160 * 3))
    work = tmp_path / "work"
    work.mkdir()
    script = f"""
import asyncio, resource
from fractions import Fraction
from pathlib import Path
from core.sandbox.child import ChildRunner
from thumbnails.images import make
from thumbnails.reading import video_facts
async def main():
    await make.make_all(
        Path({str(file)!r}), video_facts.from_json({json.dumps(_told(picture))!r}), Path({str(work)!r}),
        await ChildRunner.detect("best-effort"), duration_s=Fraction({str(duration_s)!r}), moment_s=Fraction(4),
        posters=[make.PosterPixels(file=Path({str(raw)!r}), width=3840, height=2160)],
    )
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
asyncio.run(main())
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], check=True, capture_output=True, timeout=120
    )
    assert int(done.stdout) / 1024 < 400


def _told(picture: VideoFacts) -> Any:
    from thumbnails.reading.video_facts import to_json

    return json.loads(to_json(picture))


# An owner's picture


def drawn() -> Pixels:
    """600 x 400, another colour in each corner."""
    pixels = np.full((400, 600, 3), 200, np.uint8)
    pixels[:200, :300], pixels[:200, 300:] = (0, 0, 220), (0, 200, 0)
    pixels[200:, :300] = (220, 0, 0)
    return pixels


def exif(orientation: int) -> npt.NDArray[np.uint8]:
    body = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + bytes(6)
    return np.frombuffer(body + b"the owner's address", np.uint8)


def uploaded(path: Path, pixels: Pixels, orientation: int = 1) -> Path:
    done, body = cv2.imencodeWithMetadata(path.suffix, pixels, [cv2.IMAGE_METADATA_EXIF], [exif(orientation)])
    assert done
    path.write_bytes(body.tobytes())
    return path


async def taken(path: Path, folder: Path) -> Pixels:
    """The largest JPEG made of it."""
    found = await make.uploaded_image(path, folder, await runner())
    for file in found.files:
        assert b"address" not in file.path.read_bytes()
        assert b"<script>" not in file.path.read_bytes()
    first = next(file for file in found.files if file.media_type == "image/jpeg")
    assert first.shape == "full"
    return read(first.path)


@pytest.mark.parametrize(
    ("kind", "orientation"),
    [
        pytest.param(
            kind,
            orientation,
            marks=[] if (kind, orientation) in SOME_ORIENTED else [pytest.mark.acceptance(MORE_VALUES)],
        )
        for kind in ("jpg", "png", "webp", "avif")
        for orientation in sorted(ORIENTED)
    ],
)
async def test_own_pictures_are_upright_and_clean(tmp_path: Path, kind: str, orientation: int) -> None:
    file = uploaded(tmp_path / f"own-upload.{kind}", drawn(), orientation)
    work = tmp_path / "work"
    work.mkdir()
    pixels = await taken(file, work)
    expected = np.rot90(drawn(), ORIENTED[orientation])
    assert pixels.shape == expected.shape
    assert psnr(pixels, np.ascontiguousarray(expected)) > 24


async def test_alpha_is_flattened_on_white(tmp_path: Path) -> None:
    pixels = np.dstack((drawn(), np.full((400, 600), 255, np.uint8)))
    pixels[:200, :300, 3] = 0
    pixels[200:, 300:, 3] = 128
    for kind in ("png", "webp", "avif"):
        work = tmp_path / kind
        work.mkdir()
        shown = await taken(uploaded(tmp_path / f"clear.{kind}", pixels), work)
        assert shown[20:180, 20:280].min() > 245
        assert shown[220:380, 320:580].mean() == pytest.approx(227, abs=4)


async def test_deep_and_grey_pictures(tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"
    deep.write_bytes(cv2.imencode(".png", drawn().astype(np.uint16) * 257)[1].tobytes())
    fine = tmp_path / "fine.avif"
    ten = (drawn().astype(np.uint32) * 1023 // 255).astype(np.uint16)
    fine.write_bytes(cv2.imencode(".avif", ten, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes())
    grey = tmp_path / "grey.png"
    grey.write_bytes(cv2.imencode(".png", drawn()[:, :, 1])[1].tobytes())
    for file, expected in ((deep, drawn()), (fine, drawn()), (grey, np.repeat(drawn()[:, :, 1:2], 3, axis=2))):
        work = tmp_path / file.stem
        work.mkdir()
        assert psnr(await taken(file, work), expected) > 24


async def test_what_else_is_in_a_file_is_not_served(tmp_path: Path) -> None:
    file = uploaded(tmp_path / "both.jpg", drawn())
    file.write_bytes(file.read_bytes() + b"PK\x03\x04<html><script>alert(1)</script>")
    work = tmp_path / "work"
    work.mkdir()
    assert psnr(await taken(file, work), drawn()) > 24


def bomb() -> bytes:
    done, body = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))
    assert done
    made = bytearray(body.tobytes())
    made[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(made)


def lying() -> bytes:
    """A JPEG that says it is smaller than its picture at first, and the real size later."""
    body = cv2.imencode(".jpg", drawn())[1].tobytes()
    at = body.index(b"\xff\xc0")
    frame = bytearray(body[at : at + 19])
    frame[5:9] = b"\0\x40\0\x40"
    return body[:at] + bytes(frame) + body[at:]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GIF89a" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        cv2.imencode(".tiff", drawn())[1].tobytes(),
        cv2.imencode(".jpg", drawn())[1].tobytes()[:2000],
        cv2.imencode(".png", drawn())[1].tobytes()[:-30],
        bomb(),
        lying(),
        image_header.PNG + bytes(500),
        b"RIFF\x20\0\0\0WEBPVP8 " + bytes(60),
        b"\xff\xd8\xff\xd9",
    ],
)
async def test_hostile_pictures_are_refused(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "upload"
    file.write_bytes(body)
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(Rejected) as caught:
        await make.uploaded_image(file, work, await runner())
    assert caught.value.code == "picture_refused"
    assert caught.value.hint
    assert list(work.iterdir()) == []


async def test_too_many_bytes(tmp_path: Path) -> None:
    file = tmp_path / "upload.jpg"
    file.write_bytes(b"\xff\xd8\xff" + bytes(image_header.MOST_BYTES))
    with pytest.raises(Rejected, match="20 MB"):
        await make.uploaded_image(file, tmp_path, await runner())


async def test_an_album_is_what_its_parts_are_alone(tmp_path: Path) -> None:
    """One run, which decodes a short clip once: the same candidates, posters, tiles and preview."""
    file = tmp_path / "clip.mp4"
    shots = "testsrc2=s=320x180:r=10:d=4[a];mandelbrot=s=320x180:r=10,trim=duration=4[b];[a][b]concat"
    generate(file, shots, None, "-g", "100", "-bf", "2", "-sc_threshold", "0")
    picture, duration_s = await known(file, tmp_path)
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    selection = await select(file, picture, "product", alone, await runner())
    pixels = [PosterPixels(file=alone / one.file, width=one.width, height=one.height) for one in selection.candidates]
    best_s = selection.candidates[0].time_s
    parts = await make.make_all(
        file, picture, alone, await runner(), posters=pixels, duration_s=duration_s, moment_s=best_s
    )
    chosen, images = await make.album(file, picture, "product", together, await runner(), duration_s=duration_s)
    assert chosen == selection
    assert len(images.posters) == len(parts.posters) == len(selection.candidates) > 0
    assert images.skipped == parts.skipped == {}
    assert [hashes(one) for one in images.posters] == [hashes(one) for one in parts.posters]
    assert images.storyboard and parts.storyboard and images.preview and parts.preview
    assert hashes(images.storyboard) == hashes(parts.storyboard)
    assert (images.preview.file.sha256, images.preview.start_s) == (parts.preview.file.sha256, parts.preview.start_s)


async def test_an_album_of_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    clock(file, 3)
    picture, duration_s = await known(file, tmp_path)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(file.read_bytes()[:64] + bytes(100_000))
    work = tmp_path / "work"
    work.mkdir()
    chosen, images = await make.album(broken, picture, "general", work, await runner(), duration_s=duration_s)
    assert (chosen.candidates, chosen.fallback, images.posters) == ((), "unreadable", ())
    assert sorted(images.skipped) == ["preview", "storyboard"]


def hashes(made_of_files: PosterSet | Storyboard | None) -> list[str]:
    assert made_of_files is not None
    return [file.sha256 for file in made_of_files.files]
