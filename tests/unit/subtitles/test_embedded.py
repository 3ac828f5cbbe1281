"""subtitles.embedded.read and closed_captions: what lies in an upload becomes plain cues on the title's timeline."""

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from subtitles.embedded import closed_captions
from subtitles.embedded.ass_events import Event, cues, plain
from subtitles.embedded.closed_captions import Screen
from subtitles.embedded.read import tracks_of
from subtitles.embedded.read_child import embedded
from subtitles.formats import caption_reader, vtt_writer
from tests.media import FFMPEG, generate, shared

LINE = "0,0,Default,,0,0,0,,"
RATE = 30
FRAME_MS = 1000 / RATE


@pytest.mark.parametrize(
    ("styled", "text", "at_top"),
    [
        ("Hello", "Hello", False),
        ("{\\i1}Hello{\\i0} there", "Hello there", False),
        ("One\\NTwo\\nThree", "One\nTwo\nThree", False),
        ("{\\an8}Above", "Above", True),
        ("{\\a6}Six is no position at the top of old files", "Six is no position at the top of old files", False),
        ("Non\\hbreaking", "Non breaking", False),
        ("a, comma, b", "a, comma, b", False),
        ("{\\p1}m 0 0 l 100 0 100 100{\\p0}After", "After", False),
        ("{\\p4}m 0 0 l 100 0", "", False),
        ("{\\pos(10,20)\\c&HFFFFFF&}Placed", "Placed", False),
        ("bell\x07 and \x1b[31m", "bell  and  [31m", False),
        ("\\N \\N", "", False),
        ("unclosed {brace", "unclosed {brace", False),
    ],
)
def test_styles_go(styled: str, text: str, at_top: bool) -> None:
    assert plain(LINE + styled) == (text, at_top)


def test_what_is_no_dialogue_line_is_no_text() -> None:
    assert plain("0,0,Default,,0,0,0") == ("", False)


def test_no_cue_is_larger_than_a_screen() -> None:
    text, _ = plain(LINE + "\\N".join(["x" * 400] * 50))
    assert len(text) <= 1000
    assert text.count("\n") < 8


def event(start_ms: int, end_ms: int | None, text: str) -> Event:
    return Event(start_ms=start_ms, end_ms=end_ms, dialogue=LINE + text)


def test_only_what_is_in_the_title() -> None:
    made = cues(
        [
            event(-2000, -500, "before"),
            event(-500, 700, "into it"),
            event(9000, 12_000, "out of it"),
            event(10_000, 11_000, "after"),
            event(3000, 3000, "no time"),
        ],
        10_000,
    )
    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in made] == [
        (0, 700, "into it"),
        (9000, 10_000, "out of it"),
    ]


def test_an_end_nobody_tells() -> None:
    made = cues([event(9000, None, "last"), event(1000, None, "first"), event(2000, None, "second")], 60_000)
    assert [(cue.start_ms, cue.end_ms) for cue in made] == [(1000, 2000), (2000, 7000), (9000, 14_000)]


def test_the_same_twice_is_one_cue() -> None:
    assert len(cues([event(0, 900, "{\\b1}Glow"), event(0, 900, "Glow")], 1000)) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        "</v><script>alert(1)</script>",
        "00:00:01.000 --> 99:00:00.000",
        "a\\N\\NWEBVTT\\N\\N00:00.000 --> 00:09.000\\Nforged",
        "&lt;img src=x onerror=1&gt; <img src=x>",
        "NOTE\\NSTYLE\\N::cue { background: url(http://h.test/) }",
        "\u2028\u2029\ufeffx\x00y",
    ],
)
def test_hostile_text_stays_text(hostile: str) -> None:
    """As our own reader and writer, and so every player, take it: one cue, no markup."""
    made = cues([event(0, 900, hostile)], 1000)
    read = caption_reader.cues(vtt_writer.whole(made).encode())
    assert [(cue.start_ms, cue.end_ms) for cue in read] == [(0, 900)]
    assert "<" not in read[0].text
    assert "-->" not in read[0].text


def test_a_cue_of_an_hour_is_cut_to_what_is_read_again() -> None:
    made = cues([event(0, 3_600_000, "long")], 7_200_000)
    assert caption_reader.cues(vtt_writer.whole(made).encode())[0].end_ms == 600_000


def test_of_the_programs_answer() -> None:
    answer = {
        "tracks": [
            {
                "index": 2,
                "codec": "ass",
                "language": "ger",
                "title": "T",
                "hearing_impaired": True,
                "forced": False,
                "events": e,
            }
            for e in ([[0, 500, LINE + "Ja"]], [[9000, 9500, LINE + "nach dem Ende"]])
        ],
        "pictures": [["hdmv_pgs_subtitle", "eng"]],
    }
    one = tracks_of(answer, 1000)
    assert [(t.index, t.language, t.captions, [c.text for c in t.cues]) for t in one.tracks] == [
        (2, "ger", True, ["Ja"])
    ]
    assert one.pictures == (("hdmv_pgs_subtitle", "eng"),)


def odd(byte: int) -> int:
    """With the parity bit of CEA-608."""
    return byte if byte.bit_count() % 2 else byte | 0x80


def pop_on(text: str) -> list[tuple[int, int]]:
    """Load it off screen, in row 15, and show it."""
    padded = text + "\0" * (len(text) % 2)
    letters = [(ord(a), ord(b)) for a, b in zip(padded[::2], padded[1::2], strict=True)]
    return [(0x14, 0x20), (0x14, 0x20), (0x14, 0x2E), (0x14, 0x2E), (0x14, 0x70), (0x14, 0x70), *letters] + [
        (0x14, 0x2F)
    ] * 2


def roll_up(text: str) -> list[tuple[int, int]]:
    """Letter by letter into the lowest of two rows, the other one goes up."""
    padded = text + "\0" * (len(text) % 2)
    letters = [(ord(a), ord(b)) for a, b in zip(padded[::2], padded[1::2], strict=True)]
    return [(0x14, 0x25), (0x14, 0x25), (0x14, 0x2D), (0x14, 0x2D), (0x14, 0x70), (0x14, 0x70), *letters]


ERASE = [(0x14, 0x2C)] * 2


def schedule(*wanted: tuple[int, list[tuple[int, int]]]) -> dict[int, tuple[int, int]]:
    """{number of the picture: its pair}."""
    return {first + n: pair for first, said in wanted for n, pair in enumerate(said)}


def user_data(pair: tuple[int, int]) -> bytes:
    """ATSC A/53 user data with the pair of field 1, and an empty one of field 2."""
    triples = bytes((0xFC, odd(pair[0]), odd(pair[1]), 0xFD, 0x80, 0x80))
    return b"GA94\x03" + bytes((0x40 | 2, 0xFF)) + triples + b"\xff"


def captioned(path: Path, pairs: dict[int, tuple[int, int]], seconds: int) -> None:
    """H.264 with B pictures, which are not sent in the order they are shown, and a caption with each picture."""
    clear = path.with_name("clear.mkv")
    generate(clear, f"testsrc2=size=128x72:rate={RATE}:duration={seconds}", None, "-bf", "2", "-g", "30")
    with av.open(str(clear)) as opened, av.open(str(path), "w") as written:
        stream = opened.streams.video[0]
        copy = written.add_stream_from_template(stream)
        for packet in opened.demux(stream):
            if packet.pts is None:
                continue
            number = round(packet.pts * packet.time_base * RATE)
            payload = b"\xb5\x00\x31" + user_data(pairs.get(number, (0, 0)))
            nal = b"\x06\x04" + bytes((len(payload),)) + payload + b"\x80"
            new = av.Packet(len(nal).to_bytes(4, "big") + nal + bytes(packet))
            new.pts, new.dts, new.time_base = packet.pts, packet.dts, packet.time_base
            new.duration, new.is_keyframe, new.stream = packet.duration, packet.is_keyframe, copy
            written.mux(new)


def told(track: dict[str, Any]) -> Sequence[tuple[int, int, str]]:
    return [(start, end, plain(dialogue)[0]) for start, end, dialogue in track["events"]]


def near(times: Sequence[tuple[int, int, str]], wanted: Sequence[tuple[float, float, str]]) -> None:
    assert [text for _, _, text in times] == [text for _, _, text in wanted]
    for (start, end, _), (begin, until, _) in zip(times, wanted, strict=True):
        assert abs(start - begin) <= 2 * FRAME_MS, times
        assert abs(end - until) <= 2 * FRAME_MS, times


def test_captions_in_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "captioned.mkv"
    hello, bye = pop_on("HELLO"), pop_on("GOOD BYE")
    captioned(path, schedule((15, hello), (60, bye), (120, ERASE)), 6)
    answer = embedded(str(path), "matroska", Fraction(0), 0)
    (track,) = answer["tracks"]
    assert (track["codec"], track["hearing_impaired"], answer["pictures"]) == ("eia_608", True, [])
    # Shown from their last pair on.
    shown = [(first + len(said) - 1) * FRAME_MS for first, said in ((15, hello), (60, bye))]
    near(told(track), [(shown[0], shown[1], "HELLO"), (shown[1], 120 * FRAME_MS, "GOOD BYE")])


def test_captions_that_roll_up(tmp_path: Path) -> None:
    path = tmp_path / "captioned.mkv"
    captioned(path, schedule((15, roll_up("ONE")), (60, roll_up("TWO")), (120, ERASE)), 6)
    (track,) = embedded(str(path), "matroska", Fraction(0), 0)["tracks"]
    times = told(track)
    assert [text for _, _, text in times] == ["ONE", "ONE\nTWO"]
    assert 14.9 * FRAME_MS <= times[0][0] <= 25 * FRAME_MS
    assert times[0][1] == times[1][0]
    assert abs(times[1][1] - 120 * FRAME_MS) <= 2 * FRAME_MS


def test_captions_that_nothing_ends(tmp_path: Path) -> None:
    path = tmp_path / "captioned.mkv"
    captioned(path, schedule((15, pop_on("HELLO"))), 2)
    (track,) = embedded(str(path), "matroska", Fraction(0), 0)["tracks"]
    ((start, end, text),) = told(track)
    assert text == "HELLO"
    assert end - start == pytest.approx(closed_captions.LAST_MS, abs=2 * FRAME_MS)


SCC = """Scenarist_SCC V1.0

00:00:01:00\t9420 9420 942e 942e 9470 9470 c845 4c4c 4f80 942f 942f

00:00:03:00\t9420 9420 942e 942e 9470 9470 c2d9 4580 942f 942f

00:00:05:00\t942c 942c
"""


def test_captions_in_a_track_of_their_own(tmp_path: Path) -> None:
    """As QuickTime has them (c608)."""
    (tmp_path / "said.scc").write_text(SCC)
    clear, path = tmp_path / "clear.mov", tmp_path / "captioned.mov"
    generate(clear, "testsrc2=size=64x64:rate=25:duration=7")
    inputs = ("-i", str(clear), "-f", "scc", "-i", str(tmp_path / "said.scc"))
    copied = ("-map", "0:v", "-map", "1:s", "-c", "copy")
    subprocess.run([FFMPEG, "-v", "error", *inputs, *copied, str(path)], check=True, timeout=60)
    (track,) = embedded(str(path), "mov", Fraction(0), 0)["tracks"]
    assert track["codec"] == "eia_608"
    near([told(track)[0]], [(1000, 3000, "HELLO")])
    assert told(track)[1][0::2] == (3000, "BYE")


def test_pairs_of_a_packet() -> None:
    said = user_data((0x14, 0x20))
    assert closed_captions.pairs(b"\0\0\x01\xb2" + said, "mpeg2video") == bytes((0xFC, 0x94, 0x20))
    assert closed_captions.pairs(b"\0\0\x01\xb2" + user_data((0, 0)), "mpeg2video") == b""
    # A byte is put in after two zeros, in H.264 only.
    zeros = b"GA94\x03" + bytes((0x40 | 2, 0xFF, 0xF9, 0, 0, 3, 1, 0xFC, 0x94, 0x2C))
    assert closed_captions.pairs(zeros, "h264") == b""
    escaped = b"GA94\x03" + bytes((0x40 | 2, 0xFF, 0xF9, 0, 0, 3, 0xFC, 0x94, 0x2C, 0xFF))
    assert closed_captions.pairs(escaped, "h264") == bytes((0xFC, 0x94, 0x2C))


@pytest.mark.parametrize("cut", range(len(user_data((0x14, 0x20)))))
def test_a_packet_that_ends_early(cut: int) -> None:
    assert closed_captions.pairs(user_data((0x14, 0x20))[:cut], "h264") in (b"", bytes((0xFC, 0x94, 0x20)))


def test_screens_become_events() -> None:
    begun = [Screen(at_ms=100, dialogue="0,x"), Screen(at_ms=900, dialogue="1,")]
    ended = [Screen(at_ms=900, dialogue="0,x"), Screen(at_ms=3000, dialogue="1,y")]
    assert [(e.start_ms, e.end_ms) for e in closed_captions.events(begun, ended, 0)] == [(100, 900), (900, 3000)]


def test_an_upload_without_subtitles(clip: Path) -> None:
    assert embedded(str(clip), "mov", Fraction(0), 0) == {"tracks": [], "pictures": [], "left_out": 0}


def test_a_file_that_ends_early(tmp_path: Path) -> None:
    whole = shared("odd/m4v_two_movtext_subs_vfr_7s.m4v").read_bytes()
    (tmp_path / "cut.m4v").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(av.FFmpegError):
        embedded(str(tmp_path / "cut.m4v"), "mov", Fraction(0), 0)  # its index is at the end
