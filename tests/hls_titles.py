"""An HLS title with real media and hand-written playlists, and ways to break one thing in it.

The playlists are written here: the checker is not to learn from our own packager.
"""

import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.frames import ffmpeg

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


def on_two_pathways(folder: Path) -> None:
    """The same title below a/ and b/."""
    for name in "ab":
        for part in (*VIDEOS, *SOUNDS, "s1"):
            shutil.copytree(folder / part, folder / name / part)
    (folder / "manifest.mpd").unlink()
    (folder / "index.m3u8").write_text(multivariant(folder, (("a", "a/"), ("b", "b/"))))
