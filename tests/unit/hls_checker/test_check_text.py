"""What kadr check reads: playlists, WebVTT and boxes, exact; and whatever comes, only the errors it promises."""

import re
import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls_checker import boxes, dash, playlist, vtt
from hls_checker.attributes import attributes
from hls_checker.boxes import BoxFault
from hls_checker.dash import NotAManifest
from hls_checker.listed import Key, Map, Media, Multivariant, Span
from hls_checker.playlist import NotAPlaylist
from hls_checker.sample_entry import Entry, sample_entry


@pytest.mark.parametrize(
    ("text", "found", "wrong"),
    [
        ('URI="a,b=c",BYTERANGE="1@0"', {"URI": "a,b=c", "BYTERANGE": "1@0"}, []),
        ("URI=a", {}, ["URI=a is not written as a quoted string", "URI is missing"]),
        ('URI="a', {}, ["the attributes cannot be read from 'URI=\"a' on", "URI is missing"]),
        ('URI="a", BYTERANGE="1@0"', {"URI": "a"}, ["' BYTERANGE' is no attribute of EXT-X-MAP"]),
        ('URI="a",URI="b"', {"URI": "a"}, ["URI is said twice"]),
        ('URI="a",', {"URI": "a"}, ["a comma stands after the last attribute"]),
        ('URI="a",,', {"URI": "a"}, ["a comma stands where an attribute is expected"]),
        ('URI="a",X-OWN=1', {"URI": "a", "X-OWN": "1"}, []),
    ],
)
def test_attributes(text: str, found: dict[str, str], wrong: list[str]) -> None:
    assert attributes("EXT-X-MAP", text) == (found, wrong)


def media(*lines: str, url: str = "https://a.example/v/index.m3u8") -> Media:
    read = playlist.read("\n".join(["#EXTM3U", "#EXT-X-VERSION:8", "#EXT-X-TARGETDURATION:4", *lines, ""]), url)
    assert isinstance(read, Media)
    return read


def wrong(*lines: str) -> list[str]:
    return [problem.what for problem in media(*lines).problems]


def test_a_media_playlist() -> None:
    read = media(
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-MEDIA-SEQUENCE:7",
        '#EXT-X-MAP:URI="i.mp4",BYTERANGE="9@0"',
        '#EXT-X-KEY:METHOD=AES-128,URI="/key",IV=0x0A',
        "#EXTINF:4.004,",
        "#EXT-X-BYTERANGE:10@9",
        "a.mp4",
        "#EXT-X-KEY:METHOD=NONE",
        "#EXTINF:2,",
        "#EXT-X-BYTERANGE:20",
        "a.mp4",
        "#EXT-X-ENDLIST",
    )
    assert read.problems == ()
    assert (read.kind, read.ended, read.target_s, read.duration_s) == ("VOD", True, 4, Fraction("6.004"))
    one, two = read.segments
    assert (one.url, one.span, one.number) == ("https://a.example/v/a.mp4", Span(start=9, end=19), 7)
    assert one.key == Key(method="AES-128", url="https://a.example/key", iv=10)
    assert (two.span, two.key, two.number) == (Span(start=19, end=39), None, 8)
    assert two.map == Map(url="https://a.example/v/i.mp4", span=Span(start=0, end=9), key=None)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("#EXTINF:4", "a"), ["#EXTINF:4 has no comma behind its time"]),
        (("#EXTINF:four,", "a"), ["#EXTINF:four, is no time"]),
        (("#EXTINF:-4,", "a"), ["#EXTINF:-4, is no time"]),
        (("a",), ["a URI without #EXTINF or #EXT-X-STREAM-INF before it"]),
        (("#EXTINF:4,",), ["no URI follows the last #EXTINF"]),
        (("#EXTINF:4,", "#EXTINF:4,", "a"), ["no URI stands between two #EXTINF"]),
        (("#EXTINF:4,", "#EXT-X-BYTERANGE:5", "a"), ["#EXT-X-BYTERANGE:5 is not LENGTH@OFFSET"]),
        (("#EXTINF:4, ", "a"), ["blanks stand at the begin or the end of the line"]),
        (("#EXT-X-PLAYLIST-TYPE:LIVE",), ["#EXT-X-PLAYLIST-TYPE:LIVE is neither VOD nor EVENT"]),
        (("#EXT-X-MEDIA-SEQUENCE:-1",), ["#EXT-X-MEDIA-SEQUENCE:-1 is no whole number"]),
        (('#EXT-X-MAP:URI="i",BYTERANGE="9"',), ["BYTERANGE='9' is not LENGTH@OFFSET"]),
        (('#EXT-X-DEFINE:NAME="a"',), ["it is one of NAME with VALUE, IMPORT, and QUERYPARAM"]),
        (('#EXT-X-DEFINE:IMPORT="a"',), ["there is no value for the variable a"]),
    ],
)
def test_a_line_that_is_wrong(lines: tuple[str, ...], told: list[str]) -> None:
    assert wrong(*lines) == told


def test_variables() -> None:
    """RFC 8216bis-18, 4.4.2.3: of a value, of the multivariant playlist, and of the URL's query."""
    text = "\n".join(
        [
            "#EXTM3U",
            "#EXT-X-VERSION:11",
            '#EXT-X-DEFINE:NAME="own",VALUE="1"',
            '#EXT-X-DEFINE:IMPORT="above"',
            '#EXT-X-DEFINE:QUERYPARAM="token"',
            "#EXT-X-TARGETDURATION:4",
            "#EXTINF:4,",
            "a-{$own}-{$above}.m4s?t={$token}",
            "",
        ]
    )
    read = playlist.read(text, "https://a.example/i.m3u8?token=abc", {"above": "2"})
    assert isinstance(read, Media)
    assert (read.problems, read.segments[0].url) == ((), "https://a.example/a-1-2.m4s?t=abc")


def test_a_variant_without_its_uri() -> None:
    read = playlist.read("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\n\na\n", "https://a/")
    assert isinstance(read, Multivariant)
    assert [(p.line, p.what) for p in read.problems] == [
        (2, "no URI follows"),
        (5, "the URI of a variant stands on the line after its #EXT-X-STREAM-INF"),
    ]


def test_a_tag_of_the_other_kind() -> None:
    read = playlist.read("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXT-X-ENDLIST\n", "https://a/")
    assert "belongs in a media playlist" in read.problems[0].what


@pytest.mark.parametrize("text", ["", "<html>", "#EXTM3U8\n", "\ufeff#EXTM3U\n"])
def test_no_playlist(text: str) -> None:
    with pytest.raises(NotAPlaylist):
        playlist.read(text, "https://a/")


def test_cues() -> None:
    read = vtt.read(
        "WEBVTT - a title\r\nX-TIMESTAMP-MAP=LOCAL:00:00:01.000,MPEGTS:180000\r\n\r\n"
        "NOTE nothing\r\n\r\n1\r\n00:01.000 --> 00:02.500 align:start\r\nHello\r\nthere\r\n\r\n"
        "01:00:00.000 --> 01:00:01.000\r\nlate"
    )
    assert (read.offset_ms, read.wrong) == (1000, ())
    assert [(c.start_ms, c.end_ms, c.settings, c.text) for c in read.cues] == [
        (2000, 3500, "align:start", "Hello\nthere"),
        (3_601_000, 3_602_000, "", "late"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("00:01.000 --> 00:02.000\nA", "it does not begin with WEBVTT"),
        ("WEBVTT\n\n00:01,000 --> 00:02,000\nA", "the times cannot be read"),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\nA", "a cue ends before it begins"),
        ("WEBVTT\n\nwhat is this", "a block is no cue"),
        ("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:zero", "is no X-TIMESTAMP-MAP"),
    ],
)
def test_no_cue(text: str, told: str) -> None:
    assert told in vtt.read(text).wrong[0]


def entry(name: bytes, config: bytes, *, head: int = 78) -> Entry:
    """The sample entry with one box of configuration."""
    kind = "video" if head == 78 else "audio"
    return sample_entry(kind, name, bytes(head) + struct.pack(">I", len(config) + 4) + config)


def test_codecs() -> None:
    """The examples of RFC 6381, of ISO/IEC 14496-15 annex E, and of AV1 in ISOBMFF section 5."""
    assert entry(b"avc1", b"avcC" + bytes.fromhex("014d401fff")).codec == "avc1.4d401f"
    hevc = b"hvcC" + bytes.fromhex("01 01 60000000 B00000000000 5D") + bytes(8) + b"\x03"
    assert entry(b"hvc1", hevc).codec == "hvc1.1.6.L93.B0"
    assert entry(b"hvc1", hevc).length_bytes == 4
    assert entry(b"av01", b"av1C" + bytes([0x81, 4, 0x4C, 0])).codec == "av01.0.04M.10"
    esds = bytes.fromhex("00000000 03 16 0001 00 04 11 40 15 000000 00000000 00000000 05 02 1210")
    sound = entry(b"mp4a", b"esds" + esds, head=28)
    assert (sound.codec, sound.channels) == ("mp4a.40.2", 2)


def test_boxes_of_a_real_segment(sound_title: Path) -> None:
    init = boxes.init_segment((sound_title / "v234/init.mp4").read_bytes())
    assert (init.kind, init.timescale, init.shown_width, init.entry.codec) == ("video", 25_000, 416, "avc1.42c00d")
    media = boxes.media_segment((sound_title / "v234/1.m4s").read_bytes(), init)
    assert [(f.samples, f.decode_time, f.duration) for f in media.fragments] == [
        (50, 100_000, 50_000),
        (50, 150_000, 50_000),
    ]
    assert media.key_picture is True


@given(data=st.data())
def test_damage_is_a_box_fault(sound_title: Path, data: st.DataObject) -> None:
    body = (sound_title / "v234/init.mp4").read_bytes()
    init = boxes.init_segment(body)
    segment = (sound_title / "v234/1.m4s").read_bytes()[:3000]
    for whole, read in ((body, boxes.init_segment), (segment, lambda b: boxes.media_segment(b, init))):
        at = data.draw(st.integers(0, min(len(whole), 900) - 1))
        torn = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 : data.draw(st.integers(at, 3000))]
        try:
            read(torn)
        except BoxFault as exc:
            assert str(exc)


TAGS = ("#EXTINF:", "#EXT-X-STREAM-INF:", "#EXT-X-MAP:", "#EXT-X-KEY:", "#EXT-X-BYTERANGE:", "#EXT-X-DEFINE:")
VALUE = st.text('=,"@:0129.AZURIBYTENGAMEVL', max_size=30)
LINE = st.one_of(st.text(max_size=30), st.builds(str.__add__, st.sampled_from(TAGS), VALUE))


@given(st.lists(LINE, max_size=8))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    text = "\n".join(["#EXTM3U", *lines])
    read = playlist.read(text, "https://a.example/")
    assert all(1 <= problem.line <= len(text.split("\n")) for problem in read.problems)
    vtt.read(text)
    with pytest.raises(NotAManifest):
        dash.read(text, "https://a.example/")


@pytest.mark.parametrize(
    ("mpd", "told"),
    [
        ("<MPD/>", "not a static MPD"),
        ('<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"/>', "not a static MPD"),
        ('<!DOCTYPE x><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>', "it declares entities"),
        (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation id="a"><SegmentTemplate '
            'media="" initialization=""><SegmentTimeline><S d="1" r="999999999"/></SegmentTimeline></SegmentTemplate>'
            "</Representation></AdaptationSet></Period></MPD>",
            "repeated 999999999 times",
        ),
    ],
)
def test_no_manifest(mpd: str, told: str) -> None:
    with pytest.raises(NotAManifest, match=re.escape(told)):
        dash.read(mpd, "https://a.example/")


def test_names_of_dash_segments() -> None:
    """ISO/IEC 23009-1, 5.3.9.4.4: numbers with a width, times, and a dollar of its own."""
    mpd = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT1H2M3.5S"><BaseURL>b/</BaseURL>'
        '<Period><AdaptationSet codecs="c"><SegmentTemplate timescale="10" media="$RepresentationID$/$Number%05d$-'
        '$Time$$$.m4s" initialization="$RepresentationID$/i.mp4"><SegmentTimeline><S t="5" d="20" r="1"/><S d="7"/>'
        '</SegmentTimeline></SegmentTemplate><Representation id="v1"/></AdaptationSet></Period></MPD>'
    )
    read = dash.read(mpd, "https://a.example/x/m.mpd")
    assert read.duration_s == Fraction("3723.5")
    assert (read.tracks[0].codecs, read.tracks[0].init_url) == ("c", "https://a.example/x/b/v1/i.mp4")
    assert read.tracks[0].segments == (
        ("https://a.example/x/b/v1/00001-5$.m4s", Fraction(2)),
        ("https://a.example/x/b/v1/00002-25$.m4s", Fraction(2)),
        ("https://a.example/x/b/v1/00003-45$.m4s", Fraction(7, 10)),
    )
