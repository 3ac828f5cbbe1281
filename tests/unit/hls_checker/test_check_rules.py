"""kadr check: rules that need another title than the sound one, and what our own encodes say to all of them."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from core.media.crop import Reframe
from core.model import AssetId
from hls_checker import rules
from hls_checker.facts import Answer, Title
from hls_checker.fetch import CheckLimits
from hls_checker.gather import gather
from hls_checker.rules import delivery, times
from hls_checker.rules.rule import Book
from packager import revision
from tests.frames import Made, make
from tests.hls_breaks import edit
from tests.media import generate
from tests.published import faults
from transcode.plan.encode_plan import Options

KEY = bytes(range(16))


async def read(folder: Path) -> Title:
    url = (folder / "index.m3u8").as_uri()
    return await gather(url, dash_url=None, limits=CheckLimits(), on_progress=lambda *_: None)


def broken(book: Book, number: str, title: Title) -> list[tuple[str, str]]:
    """What one rule alone finds."""
    return [found for rule in book if rule.number == number for found in rule.broken(title)]


async def test_short_segments(sound_title: Path) -> None:
    """As if the clock ran twice as fast: fine in a clip, not in a title of minutes."""
    sound = await read(sound_title)
    assert broken(times.RULES, "target", sound) == []
    clip, tracks = {}, {}
    for url, track in sound.tracks.items():
        halved = [
            replace(segment, init=segment.init and replace(segment.init, timescale=segment.init.timescale * 2))
            for segment in track.segments
        ]
        clip[url] = replace(track, segments=tuple(halved))
        tracks[url] = replace(track, segments=tuple(halved * 20))
    assert broken(times.RULES, "target", replace(sound, tracks=clip)) == []
    told = broken(times.RULES, "target", replace(sound, tracks=tracks))
    assert "its longest segment but the last has 2.000 s" in [what for _, what in told]
    assert len(told) == 4


def retimed(sound: Title, *, by: Fraction, last_by: Fraction) -> Title:
    """The title as if the clock ran that much slower, and in its last segments yet another way."""
    tracks = {}
    for url, track in sound.tracks.items():
        segments = [
            replace(
                segment,
                init=segment.init
                and replace(segment.init, timescale=round(segment.init.timescale / (last_by if last else by))),
            )
            for segment, last in ((each, each is track.segments[-1]) for each in track.segments)
        ]
        tracks[url] = replace(track, segments=tuple(segments))
    return replace(sound, tracks=tracks)


async def test_long_segments(sound_title: Path) -> None:
    sound = await read(sound_title)
    slow = retimed(sound, by=Fraction(2), last_by=Fraction(1))
    told = [what for _, what in broken(times.RULES, "target", slow)]
    assert len(told) == 4
    assert "its longest segment has 8.000 s: players wait for it, and change late" in told


async def test_a_last_segment_of_next_to_nothing(sound_title: Path) -> None:
    sound = await read(sound_title)
    assert broken(times.RULES, "scrap", sound) == []
    scrap = retimed(sound, by=Fraction(1), last_by=Fraction(1, 20))
    told = broken(times.RULES, "scrap", scrap)
    assert len(told) == 4
    assert all("a request for next to nothing" in what for _, what in told)
    alone = {url: replace(track, segments=track.segments[-1:]) for url, track in scrap.tracks.items()}
    assert broken(times.RULES, "scrap", replace(scrap, tracks=alone)) == []


def test_without_tls(sound_title: Path) -> None:
    def at(*urls: str) -> list[str]:
        answers = {url: Answer(url=url, status=200, headers={}, redirected=False, size_bytes=1) for url in urls}
        whole = Title(multivariant=None, tracks={}, answers=answers)  # type: ignore[arg-type]
        return [url for url, _ in broken(delivery.RULES, "12.1", whole)]

    assert at("https://a.example/i", "http://127.0.0.1:1/i", "http://[::1]/i", "http://localhost/i") == []
    assert at("http://a.example/i", "http://a.example/j", "http://10.0.0.1/i") == [
        "http://10.0.0.1/",
        "http://a.example/",
    ]


async def test_names_show_no_token(sound_title: Path) -> None:
    sound = await read(sound_title)
    url = "https://b.example/s/k1.99.secret/v/as_1/ff/v234/0.m4s?sig=secret"
    assert sound.name(url) == "b.example/v234/0.m4s"
    assert sound.name(sound.multivariant.url) == "index.m3u8"


def encrypt(folder: Path, number: int) -> None:
    """One segment of v234 under AES-128, its initialization vector its number (RFC 8216bis-18, 5.2)."""
    path, padder = folder / f"v234/{number}.m4s", PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES128(KEY), modes.CBC(number.to_bytes(16, "big"))).encryptor()
    padded = padder.update(path.read_bytes()) + padder.finalize()
    path.write_bytes(encryptor.update(padded) + encryptor.finalize())


async def test_encrypted_segments_are_looked_into(title: Path) -> None:
    for number in range(3):
        encrypt(title, number)
    (title / "key").write_bytes(KEY)
    edit("v234/index.m3u8", "#EXTINF", r'#EXT-X-KEY:METHOD=AES-128,URI="../key"\n#EXTINF')(title)
    assert await faults((title / "index.m3u8").as_uri()) == []
    (title / "key").write_bytes(bytes(16))
    told = await faults((title / "index.m3u8").as_uri())
    # A wrong key gives a wrong end of a file nearly always, and nonsense in it always.
    assert {line.split()[0] for line in told} <= {"reach", "boxes"}
    assert len(told) == 3
    (title / "key").unlink()
    told = await faults((title / "index.m3u8").as_uri())
    assert [line for line in told if "it is not there" in line]


def write(made: Made, out: Path) -> Path:
    """As `kadr encode` writes a revision; its playlist."""
    new = revision.build_revision(AssetId("as_none"), made.encoded)
    for path, file in new.manifest.files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(new.texts[file.key] if file.key in new.texts else made.bytes_of(file.sha256))
    return out / "index.m3u8"


async def test_our_own_encode(tmp_path: Path) -> None:
    """Two segments of 2 s and a bit at 29.97, two rungs, with sound: no rule is broken."""
    clip = tmp_path / "in.mp4"
    generate(clip, "testsrc2=size=854x480:rate=30000/1001:duration=4.6", "sine=duration=4.6")
    short = Options(profile="short-vertical", reframe=Reframe.NONE)
    index = write(await make(clip, tmp_path / "made", short), tmp_path / "out")
    assert await faults(index.as_uri()) == []
    checked = await read(index.parent)
    assert len(list(checked.of_kind("video"))) >= 2
    assert checked.dash is not None
    assert list(checked.iframes)


async def test_a_rule_has_one_number_and_a_sentence() -> None:
    numbers = [rule.number for rule in rules.ALL]
    assert len(set(numbers)) == len(numbers)
    assert all(rule.sentence and not rule.sentence.endswith(".") for rule in rules.ALL)
