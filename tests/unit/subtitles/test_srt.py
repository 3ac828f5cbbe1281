"""subtitles.formats.srt_writer, and that SRT and WebVTT of one track say the same to other readers: pysubs2 and
webvtt-py.

pysubs2 takes a last line of digits for the number of the next cue, a line with two times for a timing, and clamps at
100 hours; the tracks are made without those. Neither oracle takes WebVTT's entities away, so that is done here.
"""

import html
import io
import random

import pysubs2
import pytest
import webvtt

from core.media.encoded import Cue
from presets.caption import caption_profile
from subtitles.cues.build import cues
from subtitles.cues.words import Word
from subtitles.formats.caption_reader import read
from subtitles.formats.srt_writer import GUARD, srt
from subtitles.formats.vtt_writer import whole

TRACKS = 300
VOCABULARY = [
    "the",
    "bowl",
    "clay.",
    "R&D",
    "5<6",
    "a>b",
    "<i>x</i>",
    "-->",
    "{\\an8}up",
    "日本語",
    "été",
    "и",
    "«да»",
    "&amp;",
    "NOTE",
    "WEBVTT",
    "STYLE",
    "12",
    "00:01",
    '"quoted"',
    "it's",
    "100%",
    "\u200fשלום",
    "x" * 45,
    "👍🏽",
    "<v",
    "</b>",
    "--",
    "...",
]
Row = tuple[int, int, str]


def track(seed: int) -> list[Cue]:
    """Cues of generated words in any of the profiles, hours into a title."""
    dice = random.Random(seed)
    at_ms, words = dice.choice([0, 1, 59_999, 3_600_000, 80_000_000]), list[Word]()
    for _ in range(dice.randint(1, 40)):
        lasts_ms = dice.randint(30, 900)
        words.append(Word(start_ms=at_ms, end_ms=at_ms + lasts_ms, text=dice.choice(VOCABULARY)))
        at_ms += lasts_ms + dice.choice([0, 0, 0, 250, 1500])
    words.append(Word(start_ms=at_ms, end_ms=at_ms + 400, text="end."))
    name, language = dice.choice(["standard", "lecture", "short-vertical"]), dice.choice(["en", "ja", "ru", "ko"])
    return cues(words, caption_profile(name, language))


def plain(found: list[Cue]) -> list[Row]:
    return [(cue.start_ms, cue.end_ms, html.unescape(cue.text)) for cue in found]


def by_pysubs2(text: str, kind: str) -> list[Row]:
    """Its texts as they are in the file."""
    found = pysubs2.SSAFile.from_string(text, format_=kind, keep_html_tags=True)
    return [(line.start, line.end, line.text.replace("\\N", "\n")) for line in found]


def by_webvtt(text: str, kind: str) -> list[Row]:
    found = webvtt.from_buffer(io.StringIO(text), format=kind)
    return [(_ms(caption.start), _ms(caption.end), caption.raw_text) for caption in found]


def _ms(timestamp: str) -> int:
    hours, minutes, seconds = timestamp.replace(",", ".").split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + int(seconds.replace(".", ""))


def unguarded(rows: list[Row]) -> list[Row]:
    return [(start, end, text.replace(GUARD, "")) for start, end, text in rows]


def unescaped(rows: list[Row]) -> list[Row]:
    return [(start, end, html.unescape(text)) for start, end, text in rows]


def test_tracks_read_the_same_in_both_formats_by_both_oracles() -> None:
    for seed in range(TRACKS):
        made = track(seed)
        expected = plain(made)
        as_srt, as_vtt = srt(made), whole(made)
        assert unguarded(by_pysubs2(as_srt, "srt")) == expected, seed
        assert unguarded(by_webvtt(as_srt, "srt")) == expected, seed
        assert unescaped(by_pysubs2(as_vtt, "vtt")) == expected, seed
        assert unescaped(by_webvtt(as_vtt, "vtt")) == expected, seed


def test_tracks_come_back_through_our_own_strict_reader() -> None:
    for seed in range(TRACKS):
        made = track(seed)
        assert read(whole(made)) == made, seed
        assert unguarded(plain(read(srt(made)))) == plain(made), seed
        assert srt(read(whole(made))) == srt(made), seed


def test_what_the_oracles_write_of_ours_is_read_by_us() -> None:
    """The other way round: pysubs2 writes both formats from our SRT, webvtt-py writes our WebVTT again."""
    for seed in range(0, TRACKS, 5):
        made = [cue for cue in track(seed) if "{" not in cue.text and "&" not in cue.text]  # pysubs2's own markup
        if not made:
            continue
        parsed = pysubs2.SSAFile.from_string(srt(made), format_="srt")
        assert plain(read(parsed.to_string("srt"))) == plain(made), seed
        assert plain(read(parsed.to_string("vtt"))) == plain(made), seed
        assert plain(read(webvtt.from_string(whole(made)).content)) == plain(made), seed


def test_the_form_of_srt() -> None:
    made = [
        Cue(start_ms=3_723_004, end_ms=3_725_000, text="Later"),
        Cue(start_ms=500, end_ms=2_000, text="Two\nlines &amp; more", settings="line:0", id="x"),
    ]
    assert srt(made) == (
        "1\n00:00:00,500 --> 00:00:02,000\nTwo\nlines & more\n\n2\n01:02:03,004 --> 01:02:05,000\nLater\n\n"
    )
    assert srt([]) == ""


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<v Ann>Hello <i.loud>there</i></v>", "Hello <i>there</i>"),
        ("<00:01.000>word <c.red>by</c> word<lang en>!</lang>", "word by word!"),
        ("<b>bold</b> and <u>under</u>", "<b>bold</b> and <u>under</u>"),
        ("1 &lt; 2 &gt; 0", "1 < 2 > 0"),
        ("&lt;b&gt;plain&lt;/b&gt;", f"<{GUARD}b>plain<{GUARD}/b>"),
        ("a --&gt; b", f"a --{GUARD}> b"),
        ("{\\an8}top", f"{{{GUARD}\\an8}}top"),
        ("unfinished <i", "unfinished"),
        ("empty\n\n  \nlines", "empty\nlines"),
        ("a&#10;b", "a b"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_webvtt_text_as_srt(payload: str, expected: str) -> None:
    assert srt([Cue(start_ms=0, end_ms=1000, text=payload)]) == f"1\n00:00:00,000 --> 00:00:01,000\n{expected}\n\n"


def test_a_cue_without_text_would_be_no_cue_in_srt() -> None:
    found = [Cue(start_ms=0, end_ms=1000, text="<v Ann></v>"), Cue(start_ms=1000, end_ms=2000, text="Said")]
    assert srt(found).startswith("1\n00:00:01,000 --> ")
