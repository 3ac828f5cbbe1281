"""Files whose times start again, jump or stray, probed and really encoded: everything is there, and in its place."""

from pathlib import Path

import pytest

from core.sandbox.child import ChildRunner
from tests.frames import Made, beeping, beeps, ffmpeg, flashes, make
from tests.media import shared
from tests.playback import check_playback
from tests.selection import some
from tests.stack import Stack
from transcode.probe.probe import Probed, probe_title

LENGTH = 3  # seconds of a part
PACKET = 188
AWAY = 5 * 3600 * 90_000  # ticks of a PES time stamp
JOIN_S = 0.15  # that a join may add, where sound is longer than pictures


async def probed(file: Path, folder: Path) -> Probed:
    folder.mkdir()
    runner = await ChildRunner.detect("best-effort")
    return await probe_title(file, folder, runner, max_pixels=50_000_000, max_duration_s=36_000)


async def encoded(file: Path, folder: Path) -> tuple[Probed, Made]:
    title = await probed(file, folder / "probed")
    return title, await make(title.file, folder / "made", level=False)


def clock(path: Path, offset_s: int) -> Path:
    """A recording of LENGTH seconds that begins at some time of the day."""
    return beeping(path, LENGTH, "-g", "25", "-output_ts_offset", f"{offset_s}", "-f", "mpegts")


@pytest.mark.parametrize(
    ("name", "offsets_s", "said"),
    some(
        [
            ("reset", (0, 0), "times start again"),
            ("an hour's hole", (0, 3600), "a hole without any picture or sound was closed"),
            ("back by an hour", (7200, 3600), "a hole"),  # as a clock that has come round after 26.5 hours
            ("three parts", (3600, 0, 7200), "times start again, a hole"),
        ],
        ["reset", "an hour's hole"],
    ),
)
async def test_parts(name: str, offsets_s: tuple[int, ...], said: str, tmp_path: Path) -> None:
    file = tmp_path / f"{len(name)}.ts"
    parts = [clock(tmp_path / f"part{number}.ts", at).read_bytes() for number, at in enumerate(offsets_s)]
    file.write_bytes(b"".join(parts))
    title, made = await encoded(file, tmp_path)
    assert title.mended
    assert [code for code, _ in title.source.warnings] == ["times_mended"]
    assert said in title.source.warnings[0][1]
    count = LENGTH * len(parts)
    assert count <= float(title.source.duration_s) < count + JOIN_S * len(parts)
    lit, heard = flashes(made.file(made.top)), beeps(made.file("a1"))
    for found in (lit, heard):
        assert len(found) == count, found
        assert all(abs(at - number) < JOIN_S * len(parts) for number, at in enumerate(found)), found
    assert all(abs(light - beep) < 0.06 for light, beep in zip(lit, heard, strict=True)), (lit, heard)


def stray(body: bytes, track: int, number: int) -> bytes:
    """The stream with the times of the `number`th PES packet of a PID moved by hours (ISO/IEC 13818-1, 2.4.3.7)."""
    changed = bytearray(body)
    seen = 0
    for at in range(0, len(body), PACKET):
        pid = int.from_bytes(body[at + 1 : at + 3]) & 0x1FFF
        if pid != track or not body[at + 1] & 0x40:
            continue
        seen += 1
        if seen == number:
            pes = at + 4 + (1 + body[at + 4] if body[at + 3] & 0x20 else 0)
            both = body[pes + 7] >> 6
            for field in (pes + 9, pes + 14)[: 2 if both == 3 else 1]:
                changed[field : field + 5] = moved(body[field : field + 5])
            return bytes(changed)
    raise AssertionError("no such packet")


def moved(field: bytes) -> bytes:
    value = (field[0] >> 1 & 7) << 30 | field[1] << 22 | field[2] >> 1 << 15 | field[3] << 7 | field[4] >> 1
    value += AWAY
    return bytes(
        (
            field[0] & 0xF1 | (value >> 30 & 7) << 1,
            value >> 22 & 255,
            (value >> 15 & 127) << 1 | 1,
            value >> 7 & 255,
            (value & 127) << 1 | 1,
        )
    )


@pytest.mark.parametrize(
    ("track", "number"),
    [
        pytest.param(0x100, 40, id="of a picture"),
        pytest.param(0x101, 8, id="of sound", marks=pytest.mark.acceptance("more members of a kind")),
        pytest.param(
            0x100,
            3 * LENGTH,
            id="of a picture at the beginning",
            marks=pytest.mark.acceptance("more members of a kind"),
        ),
    ],
)
async def test_the_time_of_one_packet(track: int, number: int, tmp_path: Path) -> None:
    file = tmp_path / "stray.ts"
    file.write_bytes(stray(clock(tmp_path / "good.ts", 0).read_bytes(), track, number))
    title, made = await encoded(file, tmp_path)
    assert [code for code, _ in title.source.warnings] == ["times_mended"]
    assert LENGTH <= float(title.source.duration_s) < LENGTH + JOIN_S
    for found in (flashes(made.file(made.top)), beeps(made.file("a1"))):
        assert len(found) == LENGTH, found
        assert all(abs(at - number) < 0.06 for number, at in enumerate(found)), found


@pytest.mark.parametrize("name", ["ts_cat_reset.ts", "ts_cat_hour_gap.ts"])
async def test_shared_ones(name: str, tmp_path: Path) -> None:
    title = await probed(shared(f"found/{name}"), tmp_path / "probed")
    assert title.mended
    assert title.source.video is not None
    assert title.source.video.frames >= 200
    assert 8 <= float(title.source.duration_s) < 9.2
    assert not title.source.damaged


async def test_good_times_are_read_from_the_upload_itself(tmp_path: Path) -> None:
    file = clock(tmp_path / "good.ts", 50_000)
    title = await probed(file, tmp_path / "probed")
    assert (title.mended, title.file, title.source.warnings) == (False, file, ())


async def test_a_mended_copy_is_the_source_of_the_title(stack: Stack, tmp_path: Path) -> None:
    """Through the whole pipeline: every step reads the copy, and none the upload."""
    file = tmp_path / "reset.ts"
    file.write_bytes(clock(tmp_path / "one.ts", 0).read_bytes() * 2)
    asset = await stack.wait(await stack.upload(file), within_s=180)
    assert asset["status"] == "ready", asset["error"]
    assert [warning["code"] for warning in asset["warnings"]] == ["times_mended"]
    assert 2 * LENGTH <= asset["duration_s"] < 2 * LENGTH + 2 * JOIN_S
    await check_playback(asset)


@pytest.mark.parametrize("muxer", ["mp4", "matroska"])
async def test_a_mended_copy_keeps_the_container(muxer: str, tmp_path: Path) -> None:
    """Fragments recorded twice from zero in one file, as a recorder that restarts leaves them."""
    one, file = tmp_path / "one", tmp_path / "two"
    options = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof") if muxer == "mp4" else ("-live", "1")
    clip = beeping(tmp_path / "clip.mp4", 2, "-g", "25")
    ffmpeg("-v", "error", "-i", str(clip), "-c", "copy", *options, "-f", muxer, str(one))
    body = one.read_bytes()
    first = body.index(b"moof") - 4 if muxer == "mp4" else body.index(b"\x1f\x43\xb6\x75")
    file.write_bytes(body + body[first:])
    title = await probed(file, tmp_path / "probed")
    assert title.source.container == muxer
    assert title.source.video is not None
    assert title.source.video.frames in (50, 100), "either both, or what libav itself makes of it"
    assert title.mended is (title.source.video.frames == 100 and bool(title.source.warnings))
