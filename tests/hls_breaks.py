"""How one thing in the title of tests.hls_titles is broken, and the rules that a checker must then name."""

import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from tests.hls_titles import SOUNDS, VIDEOS, on_two_pathways

Break = Callable[[Path], None]


def edit(name: str, pattern: str, new: str, count: int = 1) -> Break:
    """Another text in place of what the pattern finds, which must be there."""

    def apply(folder: Path) -> None:
        text, times = re.subn(pattern, new, (folder / name).read_text(), count=count)
        assert times, f"{name} has no {pattern}"
        (folder / name).write_text(text)

    return apply


def scaled(attribute: str, by: float, line: str = "v480") -> Break:
    """A rate of the variant of this name, times `by`."""

    def apply(folder: Path) -> None:
        lines = (folder / "index.m3u8").read_text().split("\n")
        at = next(n for n, text in enumerate(lines) if re.match(rf'#EXT-X-STREAM.*ID="{line}"', text))
        lines[at] = re.sub(rf"([:,]){attribute}=(\d+)", lambda m: f"{m[1]}{attribute}={int(int(m[2]) * by)}", lines[at])
        (folder / "index.m3u8").write_text("\n".join(lines))

    return apply


def together(*breaks: Break) -> Break:
    def apply(folder: Path) -> None:
        for each in breaks:
            each(folder)

    return apply


def patch(name: str, change: Callable[[bytearray], None]) -> Break:
    def apply(folder: Path) -> None:
        body = bytearray((folder / name).read_bytes())
        before = bytes(body)
        change(body)
        assert body != before
        (folder / name).write_bytes(body)

    return apply


def without(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def shifted(ticks: int, times: int = -1) -> Callable[[bytearray], None]:
    """The decode times of the first fragments, or of all, `ticks` later."""

    def change(body: bytearray) -> None:
        at, left = body.find(b"tfdt"), times
        while at >= 0 and left:
            wide = body[at + 4] == 1
            kind = ">Q" if wide else ">I"
            (time,) = struct.unpack_from(kind, body, at + 8)
            struct.pack_into(kind, body, at + 8, time + ticks)
            at, left = body.find(b"tfdt", at + 4), left - 1

    return change


def no_sync(body: bytearray) -> None:
    """The first sample's own flags say that it is no sync sample (ISO/IEC 14496-12, 8.8.3.1)."""
    at = body.index(b"trun") + 4
    assert int.from_bytes(body[at : at + 4], "big") & 4, "a run with flags of its first sample"
    struct.pack_into(">I", body, at + 12, 0x01010000)


def no_idr(body: bytearray) -> None:
    """The first slice is of type 1 instead of 5."""
    at = body.index(b"mdat") + 4
    while body[at + 4] & 31 != 5:
        at += 4 + struct.unpack_from(">I", body, at)[0]
    body[at + 4] = body[at + 4] & ~31 | 1


def other_profile(body: bytearray) -> None:
    body[body.index(b"avcC") + 5] = 100


def opus(body: bytearray) -> None:
    at = body.index(b"mp4a")
    body[at : at + 4] = b"Opus"


def edited(body: bytearray) -> None:
    """An empty edts at the end of the track."""
    for kind in (b"moov", b"trak"):
        at = body.index(kind) - 4
        size = struct.unpack_from(">I", body, at)[0]
        struct.pack_into(">I", body, at, size + 8)
    body[at + size : at + size] = struct.pack(">I4s", 8, b"edts")


def padded(body: bytearray) -> None:
    body += struct.pack(">I4s", 2000, b"free") + bytes(1992)


def cut_off(body: bytearray) -> None:
    del body[-100:]


ALL_PLAYLISTS = [f"{name}/index.m3u8" for name in (*VIDEOS, *SOUNDS)]
V480 = r"(#EXT-X-STREAM-INF[^\n]*854x480[^\n]*)\n"
BREAKS: dict[str, tuple[Break, set[str]]] = {
    # playlists as text
    "an attribute twice": (edit("index.m3u8", "RESOLUTION=854x480", r"\g<0>,\g<0>"), {"syntax"}),
    "an attribute without quotes": (
        edit("index.m3u8", 'GROUP-ID="text"', "GROUP-ID=TEXT"),
        {"syntax", "rfc-4.4.6.2.1"},
    ),
    "a comma too much": (edit("index.m3u8", "(DEFAULT=YES),", r"\1,,"), {"syntax"}),
    "an attribute nobody knows": (edit("index.m3u8", "DEFAULT=YES", r"COLOUR=RED,\g<0>"), {"unknown"}),
    "a tag nobody knows": (edit("v234/index.m3u8", "#EXT-X-MAP", r"#EXT-X-COLOUR:RED\n\g<0>"), {"unknown"}),
    "a tag twice": (edit("v234/index.m3u8", "#EXT-X-TARGET.*", r"\g<0>\n\g<0>"), {"syntax"}),
    "a version too low": (edit("v234/index.m3u8", "VERSION:7", "VERSION:5"), {"syntax"}),
    "no target duration": (edit("a1/index.m3u8", "#EXT-X-TARGET.*\n", ""), {"syntax", "8.2", "7.7", "rfc-4.4.3.1"}),
    "a variable without value": (edit("index.m3u8", 'NAME="Deutsch"', 'NAME="{$name}"'), {"syntax"}),
    "a multivariant playlist below": (lambda f: shutil.copy(f / "index.m3u8", f / "a2/index.m3u8"), {"syntax", "dash"}),
    # what is there
    "a missing segment": (without("v234/1.m4s"), {"reach"}),
    "a missing init segment": (without("a1/init.mp4"), {"reach"}),
    "a missing playlist": (without("s1/index.m3u8"), {"reach"}),
    "a segment cut off": (patch("v234/1.m4s", cut_off), {"boxes"}),
    "no EXT-X-MAP": (edit("v234/index.m3u8", "#EXT-X-MAP.*\n", ""), {"8.20"}),
    "no playlist type": (edit("v234/index.m3u8", "#EXT-X-PLAYLIST-TYPE.*\n", ""), {"8.6"}),
    "no end": (edit("v234/index.m3u8", "#EXT-X-ENDLIST\n", ""), {"8.6"}),
    # times
    "a segment less": (edit("v234/index.m3u8", "#EXTINF:2.*\n.*\n", ""), {"8.7", "cuts", "dash"}),
    "sound a second late": (
        together(*(patch(f"a1/{n}.m4s", shifted(48_000)) for n in range(3))),
        {"8.7"},
    ),
    "another target duration": (edit("a1/index.m3u8", "DURATION:4", "DURATION:5"), {"8.2"}),
    "segments over the target": (
        together(*(edit(name, "DURATION:4", "DURATION:3") for name in ALL_PLAYLISTS)),
        {"7.7", "rfc-4.4.3.1"},
    ),
    "EXTINFs off by 50 ms": (edit("v234/index.m3u8", "EXTINF:4.000", "EXTINF:4.050"), {"8.1"}),
    "EXTINFs that drift": (edit("v234/index.m3u8", "EXTINF:4.000", "EXTINF:4.025", 2), {"8.1"}),
    "a tfdt one tick late": (patch("v234/1.m4s", shifted(1, 1)), {"7.3"}),
    "a segment at the place of another": (
        lambda f: shutil.copy(f / "v234/0.m4s", f / "v234/1.m4s") and None,
        {"7.3", "6.10"},
    ),
    # media
    "no sync sample": (patch("v234/1.m4s", no_sync), {"7.4", "6.10"}),
    "no IDR picture": (patch("v234/1.m4s", no_idr), {"7.4"}),
    "an edit list": (patch("v234/init.mp4", edited), {"edit-list"}),
    "sound in the pictures": (edit("index.m3u8", ',URI="a2/index.m3u8"', ""), {"separate", "dash"}),
    # variants
    "another codec": (edit("index.m3u8", 'CODECS="avc1.42C01E,', 'CODECS="avc1.640028,'), {"9.1"}),
    "a codec less": (edit("index.m3u8", ",mp4a.40.2", ""), {"9.1"}),
    "no codecs": (edit("index.m3u8", 'CODECS="avc1.42C01E,mp4a.40.2",', ""), {"9.1"}),
    "another profile in the media": (patch("v234/init.mp4", other_profile), {"9.1", "6.1", "dash"}),
    "another size": (edit("index.m3u8", "854x480", "852x480"), {"9.2"}),
    "no bandwidth": (edit("index.m3u8", r"INF:BANDWIDTH=\d+", "INF:BANDWIDTH=0"), {"9.13", "9.14", "1.27"}),
    "no average": (edit("index.m3u8", r"AVERAGE-BANDWIDTH=\d+,", ""), {"9.14"}),
    "another frame rate": (edit("index.m3u8", "FRAME-RATE=25.000", "FRAME-RATE=24.975"), {"9.15"}),
    "no frame rate": (edit("index.m3u8", "FRAME-RATE=25.000,", ""), {"9.15"}),
    "another range": (edit("index.m3u8", "RESOLUTION=854x480", r"\g<0>,VIDEO-RANGE=PQ"), {"9.16"}),
    "one large variant": (
        together(edit("index.m3u8", "#EXT-X-STREAM[^\n]*416x234[^\n]*\n.*\n", ""), without("manifest.mpd")),
        {"9.9"},
    ),
    "no AAC": (together(*(patch(f"{name}/init.mp4", opus) for name in SOUNDS)), {"2.3", "9.1", "dash"}),
    "no language": (edit("index.m3u8", 'LANGUAGE="de",', ""), {"8.10"}),
    "no such language": (edit("index.m3u8", 'LANGUAGE="de"', 'LANGUAGE="deutsch!"'), {"8.10"}),
    "a name twice": (edit("index.m3u8", "Deutsch", "English"), {"rfc-4.4.6.1.1"}),
    "two defaults": (edit("index.m3u8", "DEFAULT=NO", "DEFAULT=YES"), {"rfc-4.4.6.1.1"}),
    "no such group": (edit("index.m3u8", 'AUDIO="sound"', 'AUDIO="noise"'), {"rfc-4.4.6.2.1", "9.1"}),
    "no word on captions": (edit("index.m3u8", "CLOSED-CAPTIONS=NONE,", ""), {"closed-captions"}),
    "an id twice": (edit("index.m3u8", 'ID="v234"', 'ID="v480"'), {"stable-id"}),
    "no id": (edit("index.m3u8", ',STABLE-VARIANT-ID="v234"', ""), {"stable-id"}),
    "no independent segments": (edit("index.m3u8", "#EXT-X-INDEP.*\n", ""), {"independent"}),
    "the small one first": (
        edit("index.m3u8", V480 + r"(.*)\n(#EXT-X-I[^\n]*)\n([^\n]*)\n(.*)\n", r"\4\n\5\n\1\n\2\n\3\n"),
        {"first-variant"},
    ),
    # rates
    "a peak too high": (scaled("BANDWIDTH", 1.12), {"1.27"}),
    "a peak too low": (scaled("BANDWIDTH", 0.88), {"1.27", "9.14"}),
    "an average too high": (together(scaled("AVERAGE-BANDWIDTH", 1.12), scaled("BANDWIDTH", 1.0999)), {"1.26", "9.14"}),
    "an average too low": (scaled("AVERAGE-BANDWIDTH", 0.88), {"1.26"}),
    "a peak of twice the average": (scaled("AVERAGE-BANDWIDTH", 0.45), {"1.26", "peak"}),
    "I-frames said to be small": (edit("index.m3u8", r"(I-FRAME-STREAM-INF:BANDWIDTH=)\d+", r"\g<1>1000"), {"1.27"}),
    # I-frames
    "no I-frames": (edit("index.m3u8", "#EXT-X-I-FRAME.*\n", "", 2), {"6.1"}),
    "I-frames without size": (edit("index.m3u8", r"(I-FRAME.*),RESOLUTION=[^,]*", r"\1"), {"6.1"}),
    "not I-frames only": (edit("v234/iframes.m3u8", "#EXT-X-I-FRAMES-ONLY\n", ""), {"6.1"}),
    "a range beside its moof": (edit("v234/iframes.m3u8", "@0", "@1"), {"6.10"}),
    "half an I-frame": (edit("v234/iframes.m3u8", r"BYTERANGE:\d+@0", "BYTERANGE:600@0"), {"6.10"}),
    "an I-frame less": (edit("v234/iframes.m3u8", "#EXTINF.*\n.*\n.*\n(#EXT-X-END)", r"\1"), {"iframe-times"}),
    # subtitles
    "no time map": (edit("s1/1.vtt", "X-TIMESTAMP.*\n", ""), {"5.3"}),
    "no header": (edit("s1/1.vtt", "WEBVTT", "SUBTITLES"), {"webvtt"}),
    "a cue lost where it goes on": (edit("s1/1.vtt", "(?s)00:00:03.500.*", ""), {"subtitles-span"}),
    "a cue clipped": (edit("s1/1.vtt", "00:00:03.500", "00:00:04.000"), {"subtitles-span"}),
    "subtitles that end early": (edit("s1/index.m3u8", "#EXTINF:2.*\n.*\n", ""), {"subtitles-cover"}),
    # DASH
    "another timeline": (edit("manifest.mpd", 'd="192000"', 'd="180000"'), {"dash"}),
    "a timeline that is cut elsewhere": (
        edit("manifest.mpd", '<S d="192000"/><S d="192000"/>', '<S d="182000"/><S d="202000"/>'),
        {"dash"},
    ),
    "a segment that is not there": (edit("manifest.mpd", '(v480".*?)startNumber="0"', r'\1startNumber="1"'), {"dash"}),
    "a representation less": (edit("manifest.mpd", "<Adapt.*a2.*\n", ""), {"dash"}),
    "another duration": (edit("manifest.mpd", "PT10S", "PT11S"), {"dash"}),
    "other codecs": (edit("manifest.mpd", "mp4a.40.2", "mp4a.40.5"), {"dash"}),
    "entities": (edit("manifest.mpd", "<MPD", '<!DOCTYPE a [<!ENTITY b "c">]>\n<MPD'), {"dash"}),
    # pathways
    "a pathway without a variant": (
        together(on_two_pathways, edit("index.m3u8", '#EXT-X-STREAM[^\n]*416x234[^\n]*ID="b"\n.*\n', "")),
        {"pathways"},
    ),
    "a pathway with other bytes": (together(on_two_pathways, patch("b/v234/0.m4s", padded)), {"pathways"}),
    "a pathway in other words": (
        together(on_two_pathways, edit("index.m3u8", r'(sound-b".*?)NAME="Deutsch"', r'\1NAME="German"')),
        {"pathways"},
    ),
}
