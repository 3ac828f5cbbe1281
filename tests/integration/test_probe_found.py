"""The sandboxed probe on files that other projects got wrong: what is taken for the title, and what is said of the
rest."""

import struct
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from core.errors import Rejected
from core.sandbox.child import ChildRunner
from tests.frames import frames, make, psnr, rgb709
from tests.media import FFMPEG, generate, shared
from thumbnails.reading.reader import Reader
from transcode.probe.probe import probe
from transcode.probe.source import Crop, Source
from workers.video_facts import video_facts

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25")


@pytest.fixture(scope="module")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


async def read(file: Path, work_dir: Path, runner: ChildRunner) -> Source:
    source, _ = await probe(file, work_dir, runner, max_pixels=50_000_000, max_duration_s=12 * 3600)
    return source


def ffmpeg(*options: str) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-y", *options], check=True, timeout=60)


def lavfi(*sources: str) -> list[str]:
    return [word for one in sources for word in ("-f", "lavfi", "-i", one)]


@pytest.mark.parametrize(
    ("name", "video_changes", "audio_changes"),
    [
        ("reschange_h264.mp4", 2, 0),
        ("reschange_h264.ts", 2, 0),
        ("reschange_vp8.webm", 2, 0),
        ("range_change.ts", 1, 0),
        ("sar_change.ts", 1, 0),
        ("aud_48k_44k.ts", 0, 1),
        ("clap.mp4", 0, 0),
    ],
)
async def test_changes_inside_a_track(
    name: str, video_changes: int, audio_changes: int, tmp_path: Path, runner: ChildRunner
) -> None:
    source = await read(shared(f"found/{name}"), tmp_path, runner)
    assert source.video is not None
    assert source.video.parameter_changes == video_changes
    assert sum(track.parameter_changes for track in source.audio) == audio_changes


async def test_the_crop_of_a_container(tmp_path: Path, runner: ChildRunner) -> None:
    video = (await read(shared("found/clap.mp4"), tmp_path, runner)).video
    assert video is not None
    assert video.crop == Crop(top=60, bottom=60)
    assert (video.width, video.height, video.shown_width, video.shown_height) == (640, 240, 640, 240)


@pytest.mark.parametrize("size", [188, 192, 204])
async def test_a_transport_stream_cut_at_any_byte(size: int, tmp_path: Path, runner: ChildRunner) -> None:
    whole, path = tmp_path / "whole.ts", tmp_path / "cut.ts"
    generate(whole, "testsrc2=size=64x64:rate=25:duration=4", "sine=duration=4", "-g", "25")
    body = whole.read_bytes()
    packets = (body[at : at + 188] for at in range(0, len(body), 188))
    path.write_bytes(b"".join(bytes(4 * (size == 192)) + one + bytes(16 * (size == 204)) for one in packets)[5_001:])
    source = await read(path, tmp_path, runner)
    assert source.video is not None
    assert source.video.frames in (75, 100), "from the first whole GOP on"
    assert [track.codec for track in source.audio] == ["aac"]


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [("320x180", "640x360", 1), ("640x360", "320x180", 0)],
    ids=["the second is larger", "the first is larger"],
)
async def test_programmes_are_not_mixed(
    first: str, second: str, chosen: int, tmp_path: Path, runner: ChildRunner
) -> None:
    path = tmp_path / "two.ts"
    pictures = (f"testsrc2=size={size}:rate=25:duration=1" for size in (first, second))
    sounds = ("sine=300:duration=1", "sine=900:duration=1", "sine=1200:duration=1")
    programmes = ("-program", "program_num=1:st=0:st=2:st=3", "-program", "program_num=2:st=1:st=4")
    maps = [word for number in range(5) for word in ("-map", f"{number}")]
    ffmpeg(*lavfi(*pictures, *sounds), *maps, *X264, "-c:a", "aac", *programmes, str(path))
    source = await read(path, tmp_path, runner)
    assert source.video is not None
    own = ((0, 1, 2), (3, 4))[chosen]  # as the muxer orders them
    assert (source.video.index, *(track.index for track in source.audio)) == own
    assert source.programme == own
    ((code, message),) = source.warnings
    assert code == "programmes_left_out"
    assert f"2 programmes; only the one with the largest picture is shown ({3 - len(own[1:])} audio" in message


async def test_one_programme_is_not_worth_a_warning(tmp_path: Path, runner: ChildRunner) -> None:
    generate(tmp_path / "one.ts", "testsrc2=size=64x64:rate=25:duration=1", "sine=duration=1")
    assert (await read(tmp_path / "one.ts", tmp_path, runner)).warnings == ()


@pytest.mark.parametrize("cover", [("-frames:v", "1"), ("-r", "1")], ids=["one picture", "a picture a second"])
@pytest.mark.parametrize("first", [True, False], ids=["before the film", "behind it"])
async def test_a_larger_picture_is_not_the_film(
    cover: Sequence[str], first: bool, tmp_path: Path, runner: ChildRunner
) -> None:
    film, picture, path = tmp_path / "film.mp4", tmp_path / "picture.mov", tmp_path / "both.mov"
    generate(film, "testsrc2=size=64x64:rate=25:duration=3")
    ffmpeg(*lavfi("testsrc2=size=640x360:rate=25:duration=3"), *cover, "-c:v", "mjpeg", str(picture))
    maps = ("-map", "1", "-map", "0") if first else ("-map", "0", "-map", "1")
    ffmpeg("-i", str(film), "-i", str(picture), *maps, "-c", "copy", str(path))
    video = (await read(path, tmp_path, runner)).video
    assert video is not None
    assert (video.codec, video.width, video.frames) == ("h264", 64, 75)


async def test_the_film_beside_a_cover_in_a_plain_track(tmp_path: Path, runner: ChildRunner) -> None:
    video = (await read(shared("found/cover_plain_track.mp4"), tmp_path, runner)).video
    assert video is not None
    assert (video.codec, video.width, video.frames) == ("h264", 640, 300)


async def test_a_film_that_cannot_be_decoded_is_not_replaced_by_its_cover(tmp_path: Path, runner: ChildRunner) -> None:
    film, picture, path = tmp_path / "film.mkv", tmp_path / "picture.mkv", tmp_path / "both.mkv"
    ffmpeg(*lavfi("testsrc2=size=64x64:rate=25:duration=1"), "-c:v", "wmv2", str(film))
    ffmpeg(*lavfi("testsrc2=size=640x360"), "-frames:v", "1", "-c:v", "mjpeg", str(picture))
    ffmpeg("-i", str(film), "-i", str(picture), "-map", "0", "-map", "1", "-c", "copy", str(path))
    with pytest.raises(Rejected, match="wmv2") as refused:
        await read(path, tmp_path, runner)
    assert refused.value.code == "unsupported_codec"


async def test_many_tracks_are_opened(tmp_path: Path, runner: ChildRunner) -> None:
    source = await read(shared("found/tracks_92.mp4"), tmp_path, runner)
    assert source.video is not None
    assert (source.video.frames, len(source.audio), source.duration_s) == (100, 1, Fraction(4))


async def test_tracks_beyond_the_limit_are_left_out(tmp_path: Path, runner: ChildRunner) -> None:
    one, path = tmp_path / "one.mp4", tmp_path / "many.mp4"
    generate(one, "testsrc2=size=64x64:rate=25:duration=0.2", "sine=duration=0.2")
    ffmpeg("-i", str(one), *["-map", "0:v"] * 20, *["-map", "0:a"] * 40, "-c", "copy", str(path))
    source = await read(path, tmp_path, runner)
    assert source.video is not None
    assert len(source.audio) == 32
    assert source.warnings == (
        (
            "tracks_left_out",
            "4 of 20 video tracks and 8 of 40 audio tracks are left out: there are too many.",
        ),
    )


async def test_more_tracks_than_can_be_opened_are_refused_by_the_limit(tmp_path: Path, runner: ChildRunner) -> None:
    one, path = tmp_path / "one.mp4", tmp_path / "many.mp4"
    ffmpeg(*lavfi("sine=duration=0.1"), "-c:a", "aac", str(one))
    ffmpeg("-i", str(one), *["-map", "0:a"] * 513, "-c", "copy", str(path))
    with pytest.raises(Rejected, match="more than 512 tracks, the limit") as refused:
        await read(path, tmp_path, runner)
    assert refused.value.code == "too_many_tracks"


def with_tables(body: bytes, tables: dict[bytes, bytes]) -> bytes:
    """An MP4 file whose boxes of these kinds have other contents; offsets into it must not change."""
    made = b""
    at = 0
    while at < len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        content = body[at + 8 : at + size]
        if kind in tables:
            content = tables[kind]
        elif kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            content = with_tables(content, tables)
        made += struct.pack(">I4s", len(content) + 8, kind) + content
        at += size
    return made


async def test_more_packets_than_a_file_of_its_size_has_are_refused(tmp_path: Path, runner: ChildRunner) -> None:
    one, path = tmp_path / "one.mp4", tmp_path / "bomb.mp4"
    generate(one, "testsrc2=size=64x64:rate=25:duration=0.2")
    body = one.read_bytes()
    chunks, each = 600, 1000
    at = body.index(b"mdat") + 4
    tables = {
        b"stts": struct.pack(">IIII", 0, 1, chunks * each, 512),
        b"stsz": struct.pack(">III", 0, 2, chunks * each),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, each, 1),
        b"stco": struct.pack(">II", 0, chunks) + struct.pack(">I", at) * chunks,
    }
    path.write_bytes(with_tables(body, tables))
    with pytest.raises(Rejected, match=r"more than 10\d{4} packets, the limit for its \d+ bytes") as refused:
        await read(path, tmp_path, runner)
    assert refused.value.code == "too_many_packets"


async def test_one_geometry_for_the_video_and_its_posters(tmp_path: Path, runner: ChildRunner) -> None:
    """What the container crops is in neither, and a margin that a camera marks in both."""
    made = await make(shared("found/clap.mp4"), tmp_path / "made")
    rendition = made.rendition(made.top)
    assert (rendition.width, rendition.height) == (640, 240)
    (_, encoded), *_ = frames(made.file(made.top))
    facts = video_facts(made.source)
    assert facts is not None
    with Reader(shared("found/clap.mp4"), facts) as reader:
        poster = reader.at(facts.start_s, 640)
    assert poster is not None
    assert poster.pixels.shape == (240, 640, 3)
    assert psnr(poster.pixels.mean(axis=2).astype("uint8"), rgb709(encoded).mean(axis=2).astype("uint8")) > 25
