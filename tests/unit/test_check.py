"""kadr check: a sound title has no faults; with one thing broken, the rule about that thing is told and no other.

The title is real media, but its playlists are written here: the checker is not to learn from our own packager.
"""

import json
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from tests.frames import ffmpeg
from tests.published import faults

S = 10  # seconds of the title: segments of 4, 4 and 2
RATE = 25
VIDEOS = {"v480": ("854x480", "avc1.42C01E"), "v234": ("416x234", "avc1.42C00D")}  # near 2 Mb/s first
SOUNDS = {"a1": ("en", "English"), "a2": ("de", "Deutsch")}
CUES = ((500, 2000, "one"), (3500, 5000, "a cue over two segments"), (9000, 9500, "three"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moof:
    """Where a fragment is in its segment, and where its first sample ends."""

    start: int
    size: int
    first_end: int


# A sound title


def boxes(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while at < len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        yield kind, at, at + size
        at += size


def split(file: Path, folder: Path, each: int) -> list[list[Moof]]:
    """One fragmented file -> init.mp4 and segments of `each` fragments, with where their fragments are."""
    body = file.read_bytes()
    folder.mkdir(parents=True)
    parts = [part for part in boxes(body) if part[0] in (b"moof", b"mdat")]
    first = parts[0][1]
    (folder / "init.mp4").write_bytes(body[:first])
    whole = [body[parts[n][1] : parts[n + 1][2]] for n in range(0, len(parts), 2)]
    found = []
    for number in range(0, len(whole), each):
        segment, moofs = b"", []
        for one in whole[number : number + each]:
            moof_size = struct.unpack_from(">I", one)[0]
            moofs.append(Moof(start=len(segment), size=len(one), first_end=len(segment) + moof_size + 8 + sample(one)))
            segment += one
        (folder / f"{number // each}.m4s").write_bytes(segment)
        found.append(moofs)
    return found


def sample(fragment: bytes) -> int:
    """Bytes of the first sample: in the trun after the durations, or after nothing else."""
    at = fragment.index(b"trun") + 4
    flags = int.from_bytes(fragment[at : at + 4], "big") & 0xFFFFFF
    at += 12 + (4 if flags & 4 else 0) + (4 if flags & 0x100 else 0)
    return int.from_bytes(fragment[at : at + 4], "big")


def peak_bps(folder: Path, times_s: list[Fraction]) -> Fraction:
    """Segments of 4, 4 and 2 s: any of them is a run, and so is the second with the last."""
    sizes = [(folder / f"{number}.m4s").stat().st_size * 8 for number in range(3)]
    runs = [(size, time_s) for size, time_s in zip(sizes, times_s, strict=True) if time_s >= 2]
    runs.append((sizes[1] + sizes[2], times_s[1] + times_s[2]))
    return max(size / time_s for size, time_s in runs if time_s <= 6)


def media_playlist(times_s: list[Fraction], name: str = "{}.m4s", target_s: int = 4, mapped: bool = True) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{target_s}", "#EXT-X-PLAYLIST-TYPE:VOD"]
    lines += ['#EXT-X-MAP:URI="init.mp4"'] if mapped else []
    for number, time_s in enumerate(times_s):
        lines += [f"#EXTINF:{float(time_s):.6f},", name.format(number)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def iframe_playlist(segments: list[list[Moof]]) -> str:
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:2", "#EXT-X-PLAYLIST-TYPE:VOD"]
    lines += ["#EXT-X-I-FRAMES-ONLY", '#EXT-X-MAP:URI="init.mp4"']
    for number, moofs in enumerate(segments):
        for moof in moofs:
            size = moof.first_end - moof.start
            lines += ["#EXTINF:2.000000,", f"#EXT-X-BYTERANGE:{size}@{moof.start}", f"{number}.m4s"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def vtt(start_ms: int, end_ms: int) -> str:
    lines = ["WEBVTT", "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000", ""]
    for begin, end, text in CUES:
        if begin < end_ms and end > start_ms:
            lines += [f"{stamp(begin)} --> {stamp(end)}", text, ""]
    return "\n".join(lines)


def stamp(ms: int) -> str:
    return f"00:00:{ms // 1000:02}.{ms % 1000:03}"


def multivariant(folder: Path, pathways: tuple[tuple[str, str], ...] = (("", ""),)) -> str:
    """Every variant of every (pathway, prefix)."""
    rates = json.loads((folder / "rates.json").read_text())
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for pathway, prefix in pathways:
        group = f"-{pathway}" if pathway else ""
        for name, (language, spoken) in SOUNDS.items():
            lines.append(
                f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound{group}",NAME="{spoken}",LANGUAGE="{language}",'
                f'DEFAULT={"YES" if name == "a1" else "NO"},AUTOSELECT=YES,CHANNELS="2",'
                f'URI="{prefix}{name}/index.m3u8"'
            )
        lines.append(
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text{group}",NAME="English",LANGUAGE="en",'
            f'DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="{prefix}s1/index.m3u8"'
        )
    for pathway, prefix in pathways:
        group, on = (f"-{pathway}", f',PATHWAY-ID="{pathway}"') if pathway else ("", "")
        sound = {key: max(rates[name][key] for name in SOUNDS) for key in ("peak", "average")}
        for name, (size, codec) in VIDEOS.items():
            lines += [
                f"#EXT-X-STREAM-INF:BANDWIDTH={rates[name]['peak'] + sound['peak']},"
                f"AVERAGE-BANDWIDTH={rates[name]['average'] + sound['average']},"
                f'CODECS="{codec},mp4a.40.2",RESOLUTION={size},FRAME-RATE=25.000,AUDIO="sound{group}",'
                f'SUBTITLES="text{group}",CLOSED-CAPTIONS=NONE,STABLE-VARIANT-ID="{name}"{on}',
                f"{prefix}{name}/index.m3u8",
            ]
            lines.append(
                f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={rates[name]['iframes']},"
                f'CODECS="{codec}",RESOLUTION={size},STABLE-VARIANT-ID="{name}"{on},'
                f'URI="{prefix}{name}/iframes.m3u8"'
            )
    return "\n".join([*lines, ""])


MPD = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT{seconds}S"><Period>
{sets}</Period></MPD>
"""


def manifest(codecs: dict[str, str], times_s: dict[str, list[Fraction]]) -> str:
    sets = []
    for name, codec in codecs.items():
        timeline = "".join(f'<S d="{int(time_s * 48_000)}"/>' for time_s in times_s[name])
        template = f'<SegmentTemplate timescale="48000" startNumber="0" initialization="{name}/init.mp4" '
        template += f'media="$RepresentationID$/$Number$.m4s"><SegmentTimeline>{timeline}</SegmentTimeline>'
        sets.append(
            f'<AdaptationSet><Representation id="{name}" codecs="{codec}" bandwidth="1">{template}'
            "</SegmentTemplate></Representation></AdaptationSet>\n"
        )
    return MPD.format(seconds=S, sets="".join(sets))


def publish(folder: Path) -> Path:
    """The sound title; its multivariant playlist."""
    folder.mkdir()
    rates, times = {}, {}
    moving = ("-movflags", "empty_moov+default_base_moof+frag_keyframe", "-use_editlist", "0")
    for name, (size, _) in VIDEOS.items():
        source = f"testsrc2=size={size}:rate={RATE}:duration={S},noise=alls=6"
        encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-bf", "0", "-g", "50")
        keys = ("-sc_threshold", "0", "-crf", "30", "-pix_fmt", "yuv420p", "-video_track_timescale", "25000")
        ffmpeg("-v", "error", "-f", "lavfi", "-i", source, *encoder, *keys, *moving, str(folder / f"{name}.mp4"))
        moofs = split(folder / f"{name}.mp4", folder / name, 2)
        times[name] = [Fraction(4), Fraction(4), Fraction(2)]
        (folder / name / "iframes.m3u8").write_text(iframe_playlist(moofs))
        pictures = [moof.first_end - moof.start for segment in moofs for moof in segment]
        rates[name] = {"iframes": max(pictures) * 8 // 2}
    for name in SOUNDS:
        source = f"sine=frequency=440:duration={S}:sample_rate=48000"
        cut = ("-movflags", "empty_moov+default_base_moof", "-frag_duration", str(4_000_000))
        late = ("-use_editlist", "0", "-avoid_negative_ts", "make_zero")
        ffmpeg(
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            source,
            "-c:a",
            "aac",
            "-b:a",
            "96k",
            *cut,
            *late,
            str(folder / f"{name}.mp4"),
        )
        split(folder / f"{name}.mp4", folder / name, 1)
        times[name] = [sound_s((folder / name / f"{n}.m4s").read_bytes()) for n in range(3)]
        rates[name] = {}
    for name, listed in times.items():
        total = sum((folder / name / f"{n}.m4s").stat().st_size for n in range(3)) * 8
        rates[name] |= {"peak": round(peak_bps(folder / name, listed)), "average": round(total / sum(listed))}
        (folder / name / "index.m3u8").write_text(media_playlist(listed))
        (folder / f"{name}.mp4").unlink()
    (folder / "s1").mkdir()
    for number, (start, end) in enumerate(((0, 4000), (4000, 8000), (8000, 10_000))):
        (folder / "s1" / f"{number}.vtt").write_text(vtt(start, end))
    (folder / "s1" / "index.m3u8").write_text(media_playlist(times["v234"], "{}.vtt", mapped=False))
    (folder / "rates.json").write_text(json.dumps(rates))
    codecs = {name: codec for name, (_, codec) in VIDEOS.items()} | dict.fromkeys(SOUNDS, "mp4a.40.2")
    (folder / "manifest.mpd").write_text(manifest(codecs, times))
    (folder / "index.m3u8").write_text(multivariant(folder))
    return folder / "index.m3u8"


def sound_s(segment: bytes) -> Fraction:
    """1024 samples in each frame."""
    at = segment.index(b"trun") + 8
    return Fraction(int.from_bytes(segment[at : at + 4], "big") * 1024, 48_000)


@pytest.fixture(scope="session")
def sound_title(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder; nobody writes into it."""
    return publish(tmp_path_factory.mktemp("checked") / "title").parent


@pytest.fixture
def title(sound_title: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(sound_title, tmp_path / "title"))


def on_two_pathways(folder: Path) -> None:
    """The same title below a/ and b/."""
    for name in "ab":
        for part in (*VIDEOS, *SOUNDS, "s1"):
            shutil.copytree(folder / part, folder / name / part)
    (folder / "manifest.mpd").unlink()
    (folder / "index.m3u8").write_text(multivariant(folder, (("a", "a/"), ("b", "b/"))))


# How one thing is broken

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


async def rules_told(index: Path) -> set[str]:
    return {line.split()[0] for line in await faults(index.as_uri())}


async def test_a_sound_title(sound_title: Path) -> None:
    assert await faults((sound_title / "index.m3u8").as_uri()) == []


async def test_a_sound_title_on_two_pathways(title: Path) -> None:
    on_two_pathways(title)
    assert await faults((title / "index.m3u8").as_uri()) == []


@pytest.mark.parametrize("name", BREAKS)
async def test_one_thing_broken(title: Path, name: str) -> None:
    broken, told = BREAKS[name]
    broken(title)
    assert await rules_told(title / "index.m3u8") == told, await faults((title / "index.m3u8").as_uri())
