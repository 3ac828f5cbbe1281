"""transcode.encode.downloads: which progressive files are made, by which words, and that a wrong one is found out."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import av
import pytest

from core.errors import ToolFailed
from core.media.encoded import Blob, Encoded, Keyframe, Rendition, RenditionKind, Segment
from core.model import AssetId
from origin.delivery.downloads import attachment
from packager.revision import Download, build_revision, manifest_from_bytes, summary
from presets.rung import Codec
from tests.frames import Made, beeping, beeps, bench, flashes, frames, make, marked, marks, remuxed
from tests.selection import MORE_VALUES, some
from transcode.encode import downloads
from transcode.encode.downloads import StaticFile, choose, end_argv, static_argv
from transcode.encode.fragments import WrongOutput
from transcode.plan.encode_plan import Options
from transcode.probe.probe import probe
from workers.steps.downloads import downloads_still_valid

RATE = Fraction(30000, 1001)
LIMITS: dict[str, Any] = {"max_pixels": 10_000_000, "max_duration_s": 3600}


def blob(content: str) -> Blob:
    return Blob(sha256=hashlib.sha256(content.encode()).hexdigest(), size_bytes=len(content) * 1000)


def rendition(
    name: str, kind: RenditionKind = RenditionKind.VIDEO, size: tuple[int, int] | None = None, **more: Any
) -> Rendition:
    width, height = size or (None, None)
    told = {"codec": "avc1.64001f", "frame_rate": RATE} if kind is RenditionKind.VIDEO else {"codec": "mp4a.40.2"}
    segments = [Segment(blob=blob(f"{name} {number}"), duration=180_180) for number in range(2)]
    given = {"timescale": 30_000, "init": blob(f"{name} init"), "segments": tuple(segments), **told, **more}
    return Rendition(id=name, kind=kind, width=width, height=height, **given)


def rungs(*sizes: tuple[int, int], **more: Any) -> list[Rendition]:
    return [rendition(f"v{min(size)}", size=size, **more) for size in sizes]


SOUND = rendition("a1", RenditionKind.AUDIO)
UHD, FHD, HD = (3840, 2160), (1920, 1080), (1280, 720)
SD, SMALL, TINY = (854, 480), (640, 360), (416, 234)


def chosen(renditions: Sequence[Rendition]) -> dict[str, tuple[str, ...]]:
    return {file.name: tuple(source.id for source in file.sources) for file in choose(renditions)}


@pytest.mark.parametrize(
    ("sizes", "high", "low"),
    [
        pytest.param([UHD, FHD, HD, SMALL, TINY], "v1080", "v360", id="nothing above 1080"),
        pytest.param([HD, SD, TINY], "v720", "v480", id="480 is nearer to 360 than 234"),
        pytest.param([(1080, 1920), (360, 640)], "v1080", "v360", id="portrait"),
        pytest.param([SMALL], "v360", None, id="one rung is one file"),
        pytest.param([UHD], "v2160", None, id="nothing smaller is there"),
    ],
)
def test_which_files(sizes: list[tuple[int, int]], high: str, low: str | None) -> None:
    expected = {"high.mp4": (high, "a1"), **({"low.mp4": (low, "a1")} if low else {}), "audio.m4a": ("a1",)}
    assert chosen([*rungs(*sizes), SOUND, rendition("a2", RenditionKind.AUDIO)]) == expected


def test_without_sound_or_picture() -> None:
    assert chosen(rungs(HD, SMALL)) == {"high.mp4": ("v720",), "low.mp4": ("v360",)}
    assert chosen([SOUND]) == {"audio.m4a": ("a1",)}
    assert choose([]) == ()


def test_h264_goes_before_what_fewer_play() -> None:
    hevc = rendition("v1080", size=FHD, codec="hvc1.2.4.L120.90")
    assert chosen([hevc, *rungs(HD)])["high.mp4"] == ("v720",)
    assert chosen([hevc])["high.mp4"] == ("v1080",)


def test_they_stay_for_as_long_as_their_media_does() -> None:
    own = [*rungs(HD, SMALL), SOUND]
    made = [Download(name=file.name, blob=blob(file.name), of=file.of) for file in choose(own)]
    dub = rendition("d0123456789", RenditionKind.AUDIO)
    assert downloads_still_valid([*own, dub], made) == tuple(made)
    assert downloads_still_valid([replace(SOUND, language="de"), *own[:2]], made) == tuple(made), (
        "what is said of a track is not it"
    )
    other_sound = replace(SOUND, segments=SOUND.segments[:1])
    assert downloads_still_valid([*own[:2], other_sound], made) == ()
    other_low = replace(own[1], init=blob("x"))
    assert [entry.name for entry in downloads_still_valid([own[0], other_low, SOUND], made)] == [
        "high.mp4",
        "audio.m4a",
    ]
    newer = replace(made[0], blob=blob("newer"))
    assert downloads_still_valid(own, [*made, newer])[0] == newer


def test_a_revision_lists_and_serves_them() -> None:
    own = [*rungs(HD), SOUND]
    made = [
        Download(name="high.mp4", blob=blob("high"), of="x", width=1280, height=720),
        Download(name="audio.m4a", blob=blob("audio"), of="y"),
    ]
    plain, new = (
        build_revision(AssetId("as_1"), Encoded(renditions=tuple(own)), downloads=them) for them in ([], made)
    )
    assert new.id != plain.id
    assert manifest_from_bytes(new.body) == new.manifest
    added = {path: file for path, file in new.manifest.files.items() if path not in plain.manifest.files}
    assert {path: (file.type, file.sha256) for path, file in added.items()} == {
        "downloads/high.mp4": ("video/mp4", blob("high").sha256),
        "downloads/audio.m4a": ("audio/mp4", blob("audio").sha256),
    }
    assert summary(new.manifest)["downloads"] == [
        {"name": "high.mp4", "bytes": 4000, "width": 1280, "height": 720},
        {"name": "audio.m4a", "bytes": 5000, "width": None, "height": None},
    ]
    # Manifests of before say nothing of downloads.
    old = json.loads(plain.body)
    assert old.pop("downloads") == []
    assert manifest_from_bytes(json.dumps(old).encode()) == plain.manifest


START = "-hide_banner -nostdin -nostats -loglevel level+warning -progress pipe:1 -y"
COPY = "-c copy -map_metadata -1 -map_chapters -1 -fflags +bitexact"


def test_argv_of_a_film() -> None:
    (high, _) = choose([*rungs(HD), SOUND])
    argv = static_argv("ffmpeg", high, [PurePosixPath("/w/v.mp4"), PurePosixPath("/w/a.mp4")], "high.mp4")
    assert (
        argv
        == (
            f"ffmpeg {START} -f mov -protocol_whitelist file -i file:/w/v.mp4 -f mov -protocol_whitelist file"
            f" -i file:/w/a.mp4 -map 0:0 -map 1:0 {COPY} -video_track_timescale 30000 -movflags +faststart -f mp4"
            " file:high.mp4"
        ).split()
    )


def test_argv_of_sound() -> None:
    (audio,) = choose([SOUND])
    argv = static_argv("ffmpeg", audio, [PurePosixPath("/w/a.mp4")], "audio.m4a")
    assert (
        argv
        == (
            f"ffmpeg {START} -f mov -protocol_whitelist file -i file:/w/a.mp4 -map 0:0 {COPY} -movflags +faststart"
            " -f ipod file:audio.m4a"
        ).split()
    )


def test_argv_that_decodes_the_end() -> None:
    """Two segments of 180 pictures; the last keyframe stands 60 pictures before the end, and half a one is added."""
    keyframes = tuple(Keyframe(offset=0, size_bytes=1, duration=60_060) for _ in range(3))
    (high, _) = choose([rendition("v720", size=HD), SOUND])
    assert high.video is not None
    last = replace(high.video.segments[1], keyframes=keyframes)
    keyed = replace(high, video=replace(high.video, segments=(high.video.segments[0], last)))
    argv, pictures = end_argv("ffmpeg", keyed, PurePosixPath("/w/high.mp4"))
    assert pictures == 60
    assert argv[argv.index("-ss") + 1] == "9.993316"  # 299.5 pictures of 1001/30000 s
    assert end_argv("ffmpeg", high, PurePosixPath("/w/high.mp4"))[1] == 180, "not knowing keyframes: the last segment"


# Real files


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Five seconds that flash and beep, encoded as every title is, with pictures that are decoded before they show."""
    folder = tmp_path_factory.mktemp("made")
    encoded = await make(beeping(folder / "clip.mp4", 5), folder / "work", Options(preset="veryfast"))
    with av.open(str(encoded.file(encoded.top))) as opened:
        assert any(packet.pts != packet.dts for packet in opened.demux(video=0) if packet.pts is not None)
    return encoded


def film(made: Made) -> StaticFile:
    return StaticFile(name="high.mp4", video=made.rendition(made.top), audio=made.rendition("a1"))


def tracks(made: Made) -> list[Path]:
    return [made.file(made.top), made.file("a1")]


async def test_a_film_is_made_whole(made: Made, tmp_path: Path) -> None:
    told: list[float] = []
    at = await bench(tmp_path / "work")
    file = await downloads.make(at, film(made), tracks(made), **LIMITS, on_progress=told.append)
    found, index = await probe(file, at.work_dir, at.runner, **LIMITS)
    assert found.video is not None
    assert (found.video.frames, found.video.start_s, found.video.duration_s) == (125, Fraction(0), Fraction(5))
    assert index is not None
    assert index.constant
    assert max(told) == 1.0
    # The same pictures at the same times, and the sound with them.
    assert flashes(file) == pytest.approx(range(5), abs=1e-6)
    assert beeps(file) == pytest.approx(range(5), abs=0.010)
    same = zip(frames(file), frames(made.file(made.top)), strict=True)
    assert all(one[0] == other[0] and (one[1] == other[1]).all() for one, other in same)


@pytest.mark.parametrize(
    ("codec", "preset", "tag"),
    some([(Codec.HEVC, "ultrafast", b"hvc1"), (Codec.AV1, "12", b"av01")], [Codec.HEVC], MORE_VALUES),
)
async def test_other_codecs_keep_their_sample_entry(tmp_path: Path, codec: Codec, preset: str, tag: bytes) -> None:
    """Apple's players take no hev1."""
    options = Options(codec=codec, preset=preset)
    encoded = await make(beeping(tmp_path / "clip.mp4", 2), tmp_path / "made", options)
    file = await downloads.make(await bench(tmp_path / "work"), film(encoded), tracks(encoded), **LIMITS)
    assert tag in file.read_bytes()
    assert flashes(file) == pytest.approx(range(2), abs=1e-6)
    assert beeps(file) == pytest.approx(range(2), abs=0.010)


async def test_the_uploads_own_track(tmp_path: Path) -> None:
    """Passed through as it was, its pictures out of order."""
    clip = marked(tmp_path / "clip.mp4", 100, "30000/1001", "-g", "60", "-bf", "2", sound=True)
    own = await remuxed(clip, tmp_path / "own")
    assert own.plan.passthrough is not None
    wanted = StaticFile(name="high.mp4", video=own.rendition(own.plan.passthrough.rung.id), audio=own.rendition("a1"))
    files = [own.file(rendition.id) for rendition in wanted.sources]
    file = await downloads.make(await bench(tmp_path / "work"), wanted, files, **LIMITS)
    assert marks(file) == list(range(100))


async def test_sound_alone(made: Made, tmp_path: Path) -> None:
    at = await bench(tmp_path / "work")
    wanted = replace(film(made), name="audio.m4a", video=None)
    file = await downloads.make(at, wanted, tracks(made)[1:], **LIMITS)
    found, _ = await probe(file, at.work_dir, at.runner, **LIMITS)
    assert (found.video, len(found.audio)) == (None, 1)
    assert file.read_bytes()[8:12] == b"M4A "
    assert beeps(file) == pytest.approx(range(5), abs=0.010)


async def test_equal_tracks_make_equal_bytes(made: Made, tmp_path: Path) -> None:
    files = [
        await downloads.make(await bench(tmp_path / name), film(made), tracks(made), **LIMITS)
        for name in ("one", "two")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


async def test_a_picture_too_few_is_found_out(made: Made, tmp_path: Path) -> None:
    picture = made.rendition(made.top)
    first = replace(picture.segments[0], duration=picture.segments[0].duration + made.plan.frame_ticks)
    longer = replace(film(made), video=replace(picture, segments=(first, *picture.segments[1:])))
    with pytest.raises(WrongOutput, match="125 frames of 126"):
        await downloads.make(await bench(tmp_path / "work"), longer, tracks(made), **LIMITS)


async def test_sound_that_ends_early_is_found_out(made: Made, tmp_path: Path) -> None:
    sound = made.rendition("a1")
    first = replace(sound.segments[0], duration=sound.segments[0].duration + 4096)
    longer = replace(film(made), audio=replace(sound, segments=(first, *sound.segments[1:])))
    with pytest.raises(WrongOutput, match="its audio does not end"):
        await downloads.make(await bench(tmp_path / "work"), longer, tracks(made), **LIMITS)


async def test_a_last_gop_that_does_not_decode_is_found_out(made: Made, tmp_path: Path) -> None:
    """Noise in the last coded pictures changes no length and no count."""
    body = made.file(made.top).read_bytes()
    spoilt = body.rindex(b"mdat") + 4 + 32
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(body[:spoilt] + bytes(number * 37 % 251 for number in range(len(body) - spoilt)))
    with pytest.raises((WrongOutput, ToolFailed)) as raised:
        await downloads.make(await bench(tmp_path / "work"), film(made), [broken, tracks(made)[1]], **LIMITS)
    assert "framecrc" in getattr(raised.value, "argv", ()) or "decode" in str(raised.value), "only decoding tells"


# What it is saved as


@pytest.mark.parametrize(
    ("title", "plain", "full"),
    [
        ("My film", "My film-high.mp4", "My%20film-high.mp4"),
        ("Ünïcode", "Unicode-high.mp4", "%C3%9Cn%C3%AFcode-high.mp4"),
        ("", "pb_1-high.mp4", "pb_1-high.mp4"),
        ("日本語", "pb_1-high.mp4", "%E6%97%A5%E6%9C%AC%E8%AA%9E-high.mp4"),
        ('a"b; x=\r\nSet-Cookie: c', "a b x= Set-Cookie c-high.mp4", "a%20b%20x%3D%20Set-Cookie%20c-high.mp4"),
        ("../../etc/passwd", "etc passwd-high.mp4", "etc%20passwd-high.mp4"),
        (".profile", "profile-high.mp4", "profile-high.mp4"),
        ("bill\u202efdp.exe", "bill fdp.exe-high.mp4", "bill%20fdp.exe-high.mp4"),
    ],
)
def test_the_name_it_is_saved_under(title: str, plain: str, full: str) -> None:
    shown = attachment(title, "high.mp4", otherwise="pb_1")
    assert shown == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"


def test_a_long_title_is_cut_between_characters() -> None:
    shown = attachment("й" * 500, "low.mp4", otherwise="pb_1")
    assert shown.count("%D0%B9") == 90
    assert shown.endswith("%D0%B9-low.mp4")
