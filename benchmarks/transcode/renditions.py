"""What an encode left in a folder -> its renditions, each as one file with measured facts.

In: the playlists and MP4 files a `Job` names. A multivariant playlist stands for its media playlists; a media playlist
for its init segment and segments, joined byte for byte. Rates come from packets, not from what playlists claim.
Refuses a playlist that lists a file that is not there, and a rendition without frames.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote

import av

from core.errors import KadrError
from transcode.probe import timing

WINDOW_S = 6  # the peak rate is over segments of this length
# ISO/IEC 23091-2 MatrixCoefficients
MATRICES = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 9: "bt2020", 10: "bt2020"}
_URI = re.compile(r'URI="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One video rendition. `average_bps` and `peak_bps` are of its video packets alone."""

    name: str
    file: Path
    digest: str
    width: int
    height: int
    frame_rate: Fraction
    frames: int
    matrix: str | None  # "bt709", "bt601" or "bt2020"; None where the stream does not say
    average_bps: float
    peak_bps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """All an encode made. `bytes` is every media file, sound and headers included, playlists not."""

    renditions: tuple[Rendition, ...]
    bytes: int
    audio_bps: float  # of the richest sound, which is heard beside each picture


def read(folder: Path, named: Iterable[str], joined: Path) -> Output:
    """Measure what `named` stands for; joined files go into the folder `joined`. Raises KadrError."""
    sources: dict[str, list[Path]] = {}
    for name in named:
        for file in _media_lists(folder / name):
            sources[str(file.relative_to(folder))] = _parts(file)
    parts = {part for files in sources.values() for part in files}
    missing = sorted(str(part) for part in parts if not part.is_file())
    if missing:
        raise KadrError(f"{missing[0]} is listed and not there")
    videos, sounds = [], [0.0]
    for name, files in sources.items():
        target = joined / (re.sub(r"\W", "_", name) + ".mp4")
        target.write_bytes(b"".join(file.read_bytes() for file in files))
        video, audio_bps = _measure(name, target)
        sounds.append(audio_bps)
        if video is not None:
            videos.append(video)
    if not videos:
        raise KadrError(f"{folder} holds no video rendition")
    videos.sort(key=lambda one: (-one.width * one.height, -one.average_bps))
    return Output(renditions=tuple(videos), bytes=sum(part.stat().st_size for part in parts), audio_bps=max(sounds))


def _media_lists(file: Path) -> list[Path]:
    """The media playlists of a multivariant one; any other file stands for itself."""
    if file.suffix != ".m3u8":
        return [file]
    lines = file.read_text().splitlines()
    if not any(line.startswith("#EXT-X-STREAM-INF") for line in lines):
        return [file]
    found = [line for line in lines if line and not line.startswith("#")]
    for line in lines:
        uri = _URI.search(line)
        if line.startswith("#EXT-X-MEDIA:") and uri and "TYPE=SUBTITLES" not in line:
            found.append(uri[1])
    return [file.parent / unquote(name) for name in dict.fromkeys(found)]


def _parts(file: Path) -> list[Path]:
    """Init segment and segments in order, each file once where segments are byte ranges of it."""
    if file.suffix != ".m3u8":
        return [file]
    names = []
    for line in file.read_text().splitlines():
        uri = _URI.search(line)
        if line.startswith("#EXT-X-MAP") and uri:
            names.append(uri[1])
        elif line and not line.startswith("#"):
            names.append(line)
    return [file.parent / unquote(name) for name in dict.fromkeys(names)]


def _measure(name: str, file: Path) -> tuple[Rendition | None, float]:
    """(the rendition, None where there is no picture; bits/s of its sound, 0 where there is none)."""
    with av.open(str(file)) as opened:
        video = opened.streams.video[0] if opened.streams.video else None
        audio = opened.streams.audio[0] if opened.streams.audio else None
        ticks: list[int] = []
        sizes: list[tuple[float, int]] = []
        audio_bytes, audio_end_s = 0, 0.0
        for packet in opened.demux():
            if packet.pts is None or packet.size == 0:
                continue
            if packet.stream is video:
                ticks.append(packet.pts)
                sizes.append((float(packet.pts * packet.time_base), packet.size))
            elif packet.stream is audio:
                audio_bytes += packet.size
                audio_end_s = max(audio_end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        audio_bps = audio_bytes * 8 / audio_end_s if audio_end_s else 0.0
        if video is None:
            return None, audio_bps
        if not ticks:
            raise KadrError(f"{name} holds no frame")
        if video.time_base is None:
            raise KadrError(f"{name} has no time base")
        rate, _ = timing.frame_rate(sorted(ticks), video.time_base, video.average_rate, video.guessed_rate)
        average, peak = rates(sizes, float(1 / rate))
        return (
            Rendition(
                name=name,
                file=file,
                digest=hashlib.sha256(file.read_bytes()).hexdigest(),
                width=video.width,
                height=video.height,
                frame_rate=rate,
                frames=len(ticks),
                matrix=MATRICES.get(int(video.codec_context.colorspace)),
                average_bps=average,
                peak_bps=peak,
            ),
            audio_bps,
        )


def rates(sizes: list[tuple[float, int]], frame_s: float) -> tuple[float, float]:
    """(average, peak) bits/s of (time in s, bytes) packets; the peak is over windows of WINDOW_S, or of all that is."""
    first = min(at for at, _ in sizes)
    length_s = max(at for at, _ in sizes) - first + frame_s
    average = sum(size for _, size in sizes) * 8 / length_s
    windows: dict[int, int] = {}
    for at, size in sizes:
        windows[int((at - first) / WINDOW_S)] = windows.get(int((at - first) / WINDOW_S), 0) + size
    # A short last window says little about what a player must fetch in a row.
    whole = [total for number, total in windows.items() if (number + 1) * WINDOW_S <= length_s + frame_s]
    return average, max([average, *(total * 8 / WINDOW_S for total in whole)])
