"""subtitles.formats.vtt_writer and subtitles.formats.caption_reader: cues become segments that cover a title; uploads
become cues, or say where they are wrong. Clauses: RFC is 8216bis; W3C is "WebVTT: The Web Video Text Tracks Format"."""

import hashlib
import io
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Rejected
from core.media.encoded import Cue
from core.media.timestamps import cue_timestamp
from subtitles.formats import vtt_writer
from subtitles.formats.caption_reader import LONGEST_CUE_MS, cues, read, uploaded

HEAD = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"


def cue(start_ms: int, end_ms: int, text: str = "Hello", **more: str) -> Cue:
    return Cue(start_ms=start_ms, end_ms=end_ms, text=text, **more)


@st.composite
def some_cues(draw: st.DrawFn) -> list[Cue]:
    """Any times, overlapping too, of plain words."""
    words = st.text("abcxyz ", min_size=1, max_size=12).map(str.strip).filter(bool)
    found = []
    for _ in range(draw(st.integers(0, 12))):
        start_ms = draw(st.integers(0, 200_000))
        found.append(cue(start_ms, start_ms + draw(st.integers(1, 120_000)), draw(words)))
    return found


def seen(text: str) -> list[tuple[int, int, str]]:
    """Start, end and text of the cues another reader finds."""
    with av.open(io.BytesIO(text.encode()), format="webvtt") as opened:
        packets = [packet for packet in opened.demux() if packet.size]
    return [(packet.pts, packet.pts + packet.duration, bytes(packet).decode().strip()) for packet in packets]


def test_segments_of_a_title() -> None:
    """RFC 3.1.4: each segment has the header with its X-TIMESTAMP-MAP, also an empty one; a cue that spans segments is
    in each, with the times of the whole."""
    some = [
        cue(1_500, 4_000, "First\nof two lines", settings="line:0 align:start", id="7"),
        cue(29_000, 31_000, "Across"),
        cue(119_000, 130_000, "Last"),
        cue(125_000, 126_000, "After the end"),
    ]
    across = "00:00:29.000 --> 00:00:31.000\nAcross\n"
    last = "00:01:59.000 --> 00:02:10.000\nLast\n"
    assert vtt_writer.segments(some, 120_500) == [
        (f"{HEAD}\n7\n00:00:01.500 --> 00:00:04.000 line:0 align:start\nFirst\nof two lines\n\n{across}", 30_000),
        (f"{HEAD}\n{across}", 30_000),
        (HEAD, 30_000),
        (f"{HEAD}\n{last}", 30_000),
        (f"{HEAD}\n{last}", 500),
    ]


@given(some_cues(), st.integers(1, 200_000))
def test_segments_cover_the_title_and_lose_nothing(some: list[Cue], duration_ms: int) -> None:
    made = vtt_writer.segments(some, duration_ms)
    assert sum(length for _, length in made) == duration_ms
    assert all(0 < length <= vtt_writer.SEGMENT_MS for _, length in made)
    at = 0
    for text, length in made:
        assert text.startswith(HEAD)
        end = at + length
        shown = {(c.start_ms, c.end_ms, c.text) for c in some if c.start_ms < end and c.end_ms > at}
        assert set(seen(text)) == shown
        at += length


@given(some_cues())
def test_what_is_written_is_read_back(some: list[Cue]) -> None:
    assert read(vtt_writer.whole(some)) == sorted(some, key=lambda one: (one.start_ms, one.end_ms))


@given(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.text(st.characters(codec="utf-8"), max_size=10),
    st.text(st.characters(codec="utf-8"), max_size=10),
)
def test_no_text_ends_its_cue(text: str, settings: str, name: str) -> None:
    """W3C 4.1: cue text holds neither an arrow nor an empty line; what follows it stays a cue of its own."""
    odd = cue(0, 1_000, text, settings=settings, id=name)
    lines = vtt_writer.whole([odd, cue(2_000, 3_000)]).split("\n")
    assert [line[:29] for line in lines if "-->" in line] == [
        "00:00:00.000 --> 00:00:01.000",
        "00:00:02.000 --> 00:00:03.000",
    ]
    assert lines[-4:] == ["", "00:00:02.000 --> 00:00:03.000", "Hello", ""]


def test_timestamps() -> None:
    """W3C 4.1: two or more digits of hours."""
    assert [cue_timestamp(at) for at in (0, 59_999, 3_600_000, 360_000_001)] == [
        "00:00:00.000",
        "00:00:59.999",
        "01:00:00.000",
        "100:00:00.001",
    ]


def test_a_track_with_its_files() -> None:
    made = vtt_writer.track([cue(0, 31_000)], id="s1", language="en", name="English", duration_s=Fraction(60_060, 1001))
    segments = made.subtitles.segments
    assert [segment.duration for segment in segments] == [30_000, 30_000]
    assert made.subtitles.whole is not None
    for blob in (*(segment.blob for segment in segments), made.subtitles.whole):
        body = made.files[blob.sha256]
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (blob.sha256, blob.size_bytes)
    assert made.files[made.subtitles.whole.sha256] == b"WEBVTT\n\n00:00:00.000 --> 00:00:31.000\nHello\n"


def test_a_track_without_a_word() -> None:
    """Silence: nothing to say, in every segment."""
    made = vtt_writer.track([], id="s1", language="en", name="English", duration_s=Fraction(61), machine_generated=True)
    assert [segment.duration for segment in made.subtitles.segments] == [30_000, 30_000, 1_000]
    assert set(made.files.values()) == {HEAD.encode(), b"WEBVTT\n"}
    assert read("WEBVTT\n") == []


WEBVTT = """WEBVTT - a title
RenditionKind: captions
Language: en

NOTE
made by hand, 2 people

STYLE
::cue { color: yellow }

REGION
id:fred
width:40%

intro
00:01.000 --> 00:04.000 region:fred line:-1 position:10%,line-left align:start unknown:1
<v Anna>Tom &amp; I</v>
- second line

00:00:02.500\t-->\t00:00:03.000   size:80%
Over the one before
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_webvtt_upload(line_end: str, mark: bytes) -> None:
    """W3C 4.1: any of three line ends, an optional BOM; notes, styles and regions are no cues; cues may overlap."""
    assert cues(mark + WEBVTT.replace("\n", line_end).encode()) == [
        cue(
            1_000,
            4_000,
            "<v Anna>Tom &amp; I</v>\n- second line",
            settings="line:-1 position:10%,line-left align:start",
            id="intro",
        ),
        cue(2_500, 3_000, "Over the one before", settings="size:80%"),
    ]


SRT = """1
00:00:05,000 --> 00:00:06,500
<I>Later</I> <font color="#fff">& louder</font>, 1 < 2

2
00:00:01,000 --> 00:00:04,000  X1:100 X2:200 Y1:10 Y2:20
{\\an8}On top
{\\i1}of it

3
0:0:7.500 --> 00:00:08.250
A point, and no zeros

4
00:00:09,000 --> 00:00:10,000

"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_srt_upload(line_end: str, mark: bytes) -> None:
    """Commas or points; in the order of time; fonts go, text is escaped as WebVTT wants it; without text no cue."""
    assert cues(mark + SRT.replace("\n", line_end).encode()) == [
        cue(1_000, 4_000, "On top\nof it", settings="line:0"),
        cue(5_000, 6_500, "<i>Later</i> &amp; louder, 1 &lt; 2"),
        cue(7_500, 8_250, "A point, and no zeros"),
    ]


def test_srt_without_numbers() -> None:
    assert read("00:00:01,000 --> 00:00:02,000\n2024\n\n00:00:03,000 --> 00:00:04,000\nB") == [
        cue(1_000, 2_000, "2024"),
        cue(3_000, 4_000, "B"),
    ]


def test_srt_means_what_another_reader_reads() -> None:
    with av.open(io.BytesIO(SRT.encode()), format="srt") as opened:
        times = [(packet.pts, packet.pts + packet.duration) for packet in opened.demux() if packet.size]
    assert [(one.start_ms, one.end_ms) for one in read(SRT)] == sorted(times)[:3]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        pytest.param("WEBVTT\n\n00:01.000 -> 00:02.000\nA\n", 4, "expected here", id="arrow"),
        pytest.param("WEBVTT\n\nA\n\n00:01.000 --> 00:02.000\nB", 3, "expected here", id="stray text"),
        pytest.param("WEBVTT\n\n00:01,000 --> 00:02,000\nA", 3, "expected here", id="commas in WebVTT"),
        pytest.param("WEBVTT\n\n00:61.000 --> 00:62.000\nA", 3, "expected here", id="61 seconds"),
        pytest.param("WEBVTT\n\n00:02.000 --> 00:01.000\nA", 3, "ends before it begins", id="backwards"),
        pytest.param("WEBVTT\n\n00:02.000 --> 00:02.000\nA", 3, "ends before it begins", id="no time at all"),
        pytest.param("WEBVTT\n00:01.000 --> 00:02.000\nA", 2, "empty line is missing", id="no line after the header"),
        pytest.param(
            "WEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\nA\r\n00:03.000 --> 00:04.000\r\nB",
            5,
            "empty line is missing",
            id="no line between cues",
        ),
        pytest.param("WEBVTT\n\nNOTE x\n00:01.000 --> 00:02.000\nA", 4, "empty line is missing", id="cue in a note"),
        pytest.param("WEBVTT\n\n00:01.000 --> 00:11:00.000\nA", 3, "more than 10 minutes", id="very long"),
        pytest.param("1\n00:00:01,000\nA", 2, "expected here", id="SRT without an end"),
        pytest.param(
            "1\n00:00:01,000 --> 00:00:02,000\nA\n\nB\n", 5, "expected here", id="SRT with a hole in its text"
        ),
        pytest.param("1\n00:00:01,5 --> 00:00:02,000\nA", 2, "expected here", id="5 or 500 ms"),
        pytest.param("1", 1, "expected here", id="a number"),
        pytest.param("WEBVTTX\n\n00:01.000 --> 00:02.000\nA", 1, "expected here", id="another header"),
        pytest.param("<?xml version='1.0'?><tt/>", 1, "expected here", id="TTML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(Rejected, match=told) as caught:
        read(text)
    assert caught.value.code == "not_captions"
    assert str(caught.value).startswith(f"Line {line}: ")
    assert f"line {line}," in caught.value.hint


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(Rejected, match="not UTF-8") as caught:
        cues("1\n00:00:01,000 --> 00:00:02,000\nGrüße\n".encode("latin-1"))
    assert (caught.value.code, "line 3" in caught.value.hint) == ("not_captions", True)
    with pytest.raises(Rejected, match="not UTF-8"):
        cues("WEBVTT\n".encode("utf-16"))


@pytest.mark.parametrize(
    "text",
    [
        "\ufffd\ufffd",
        "\ufffd\ufffd \ufffd, 5 \ufffd!",
        "<i>\ufffd</i>",
        "\u200b\u2060",
        "\0\0",
        "- \ufffd\ufffd\ufffd\n- \ufffd",
    ],
)
def test_captions_whose_letters_are_lost_are_refused_at_the_door_alone(text: str) -> None:
    body = f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n".encode()
    with pytest.raises(Rejected, match="letters were lost") as refused:
        uploaded(body)
    assert (refused.value.code, "UTF-8" in refused.value.hint) == ("not_captions", True)
    assert cues(body), "what was taken before can still be published"


@pytest.mark.parametrize("text", ["Gr\ufffd\ufffde", "\u266a \u266a", "...", "\ufffd\ufffd and so on", "สวัสดี", "7"])
def test_captions_with_a_damaged_letter_are_taken(text: str) -> None:
    assert uploaded(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n".encode())


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_an_empty_file_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="no caption"):
        read(text)


@given(
    st.text(st.sampled_from("WEBVT NOTE\n\r\0-->:.,0123456789<>&{}\\ix\ufeff"), max_size=200) | st.text(max_size=200)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    for start in ("", "WEBVTT\n\n", "1\n00:00:01,000 --> 00:00:02,000\n"):
        try:
            found = read(start + text)
        except Rejected as exc:
            assert (exc.code, bool(exc.hint)) == ("not_captions", True)
        else:
            assert all(0 <= one.start_ms < one.end_ms <= one.start_ms + LONGEST_CUE_MS for one in found)
            assert read(vtt_writer.whole(found)) == found, "what was understood stays what it is"
