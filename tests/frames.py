"""Real encodes and their measure: what tests of pictures and sound share.

In: a file and wishes. Out: what the real encoder made of it, one playable file per rendition, and what is in them:
frame numbers, times, pixels, beeps. Marked clips carry their frame number as two rows of blocks, the second inverted:
each frame says itself which one it is, after any encode.
"""

import io
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from core.media.encoded import Blob, Encoded, Rendition
from core.sandbox.child import ChildRunner
from tests.media import FFMPEG
from transcode.encode import renditions as transcoder
from transcode.encode.ffmpeg_run import FfmpegContext
from transcode.encode.fragments import Fragment, FragmentReader
from transcode.encode.join import join
from transcode.encode.renditions import EncodedFiles
from transcode.plan import grid
from transcode.plan.build import build_plan, on_regular_grid
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.plan.passthrough import SEGMENT_S
from transcode.probe.probe import probe
from transcode.probe.source import Index, Source

Pixels = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.float32]
MARK_BITS = 16
BEEP_S = 0.1
_RUNNERS: list[ChildRunner] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of one file."""

    source: Source
    plan: EncodePlan
    encoded: Encoded
    parts: tuple[EncodedFiles, ...]
    folder: Path

    def rendition(self, name: str) -> Rendition:
        return next(one for one in self.encoded.renditions if one.id == name)

    def file(self, name: str) -> Path:
        """One rendition as a player gets it: its init segment and all segments after each other."""
        path = self.folder / f"{name}.mp4"
        if not path.exists():
            wanted = self.rendition(name)
            path.write_bytes(b"".join(self.bytes_of(blob.sha256) for blob in (wanted.init, *segments(wanted))))
        return path

    def bytes_of(self, sha256: str) -> bytes:
        piece = next(piece for part in self.parts for piece in part.pieces if piece.blob.sha256 == sha256)
        with piece.path.open("rb") as file:
            file.seek(piece.offset)
            return file.read(piece.blob.size_bytes)

    @property
    def top(self) -> str:
        return self.plan.rungs[0].id


def segments(rendition: Rendition) -> list[Blob]:
    return [segment.blob for segment in rendition.segments]


async def bench(folder: Path) -> FfmpegContext:
    folder.mkdir(parents=True)
    return FfmpegContext(work_dir=folder, runner=(await _detected()).apart(), binary=FFMPEG, nice=0)


async def _detected() -> ChildRunner:
    """What this machine's sandbox can do, tried once per process: each trial starts a program."""
    if not _RUNNERS:
        _RUNNERS.append(await ChildRunner.detect("best-effort"))
    return _RUNNERS[0]


async def planned(file: Path, folder: Path, options: Options | None = None) -> tuple[EncodePlan, Source, Index | None]:
    """Quick to encode unless the options say otherwise, and nothing measured first."""
    options = options or Options()
    options = replace(options, ladder="apple", preset=options.preset or "ultrafast")
    at = await bench(folder / "probe")
    source, index = await probe(file, at.work_dir, at.runner, max_pixels=8192 * 8192, max_duration_s=36_000)
    return build_plan(source, index, options), source, index


async def make(
    file: Path,
    folder: Path,
    options: Options | None = None,
    *,
    rungs: Sequence[str] | None = None,
    chunks: tuple[int, ...] | None = None,
    level: bool = True,
    watermark: Path | None = None,
    decided_before: tuple[EncodePlan, Source, Index | None] | None = None,
) -> Made:
    """Encode all pictures and sounds of `file`; `chunks` and `rungs` instead of the plan's own; () is no picture.

    decided_before: what `planned` said of it with these options, so that it is not probed again.
    """
    whole, source, _ = decided_before or await planned(file, folder, options)
    decided = on_regular_grid(whole)
    if rungs is not None:
        decided = replace(decided, rungs=tuple(rung for rung in decided.rungs if rung.id in rungs))
    decided = replace(decided, chunks=decided.chunks if chunks is None else chunks)
    parts = []
    for number in range(len(decided.chunks) if decided.rungs else 0):
        at = await bench(folder / f"chunk{number}")
        parts.append(
            await transcoder.encode_video(decided, at, file, chunk=number, rungs=decided.rungs, watermark=watermark)
        )
    parts += [
        await transcoder.encode_audio(decided, await bench(folder / sound.id), file, sound, level=level)
        for sound in decided.audio
    ]
    encoded = join(decided, [part.encoded for part in parts])
    return Made(source=source, plan=decided, encoded=encoded, parts=tuple(parts), folder=folder)


async def remuxed(file: Path, folder: Path) -> Made:
    """The upload's own picture track and first sound, cut as what is shown first is."""
    decided, source, index = await planned(file, folder)
    assert decided.passthrough is not None, decided.decisions
    assert index is not None
    keyframes = [gop.frame for gop in index.gops]
    cuts = grid.keyframe_cuts(keyframes, decided.frames, decided.frame_rate, SEGMENT_S)
    part = await transcoder.remux(decided, await bench(folder / "own"), file, cuts=cuts)
    return Made(source=source, plan=replace(decided, cuts=cuts), encoded=part.encoded, parts=(part,), folder=folder)


def ffmpeg(*words: str, stdin: bytes | None = None) -> str:
    """Run it; what it said on stderr."""
    argv = [FFMPEG, "-hide_banner", "-nostats", "-y", *words]
    done = subprocess.run(argv, check=False, timeout=300, input=stdin, capture_output=True)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, said[-800:]
    return said


# Marked clips


def marked(
    path: Path, frames: int, rate: str, *encoder: str, size: tuple[int, int] = (416, 234), sound: bool = False
) -> Path:
    """A clip of numbered frames over a moving texture."""
    width, height = size
    y, x = np.arange(height), np.arange(width)
    raw = io.BytesIO()
    for number in range(frames):
        waves = np.outer(np.cos((y - number) / 11), np.sin((x + 3 * number) / 17))
        picture = (128 + 60 * waves).astype(np.uint8)
        for row, bits in enumerate((number, ~number)):
            for bit in range(MARK_BITS):
                area = picture[_block(height, 8, row), _block(width, MARK_BITS, bit)]
                area[:] = 225 if bits >> bit & 1 else 30
        raw.write(picture.tobytes())
    audio = ["-f", "lavfi", "-i", f"sine=duration={float(frames / Fraction(rate)):.6f}"] if sound else []
    opened = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", rate, "-i", "-", *audio)
    codec = encoder if "-c:v" in encoder else ("-c:v", "libx264", "-preset", "veryfast", *encoder)
    ffmpeg("-v", "error", *opened, "-pix_fmt", "yuv420p", *codec, str(path), stdin=raw.getvalue())
    return path


def _block(length: int, count: int, number: int) -> slice:
    return slice(length * number // count, length * (number + 1) // count)


def mark(luma: Pixels) -> int | None:
    """The number of a marked frame; None where its blocks contradict each other."""
    height, width = luma.shape
    rows = []
    for row in (0, 1):
        number = 0
        for bit in range(MARK_BITS):
            area = luma[_block(height, 8, row), _block(width, MARK_BITS, bit)]
            inner = area[area.shape[0] // 4 : -(area.shape[0] // 4), area.shape[1] // 4 : -(area.shape[1] // 4)]
            number |= int(inner.mean() > 127) << bit
        rows.append(number)
    return rows[0] if rows[0] ^ rows[1] == (1 << MARK_BITS) - 1 else None


def marks(path: Path) -> list[int | None]:
    return [mark(luma) for _, luma in lumas(path)]


# Pictures


def frames(path: Path, size: tuple[int, int] | None = None, form: str = "yuv420p") -> Iterator[tuple[Fraction, Pixels]]:
    """(seconds after the first frame, pixels) of every frame, neither rotated nor repeated."""
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        stream.thread_type = "AUTO"
        first: int | None = None
        for frame in opened.decode(stream):
            at, time_base = frame.pts, frame.time_base
            assert at is not None
            assert time_base is not None
            first = at if first is None else first
            if size or frame.format.name != form:
                width, height = size or (frame.width, frame.height)
                frame = frame.reformat(width, height, format=form, interpolation="BICUBIC")
            yield (at - first) * time_base, np.asarray(frame.to_ndarray(), np.uint8)


def times(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds after the first, as the packets say; nothing is decoded."""
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        shown = sorted(packet.pts for packet in opened.demux(stream) if packet.pts is not None)
        assert stream.time_base is not None
        return [(at - shown[0]) * stream.time_base for at in shown]


def lumas(path: Path, size: tuple[int, int] | None = None) -> Iterator[tuple[Fraction, Pixels]]:
    """As `frames`, brightness alone."""
    for at, pixels in frames(path, size):
        yield at, pixels[: pixels.shape[0] * 2 // 3]


def psnr(one: Pixels, other: Pixels) -> float:
    return float(cv2.PSNR(np.ascontiguousarray(one), np.ascontiguousarray(other)))


def rgb709(yuv: Pixels) -> npt.NDArray[np.float64]:
    """RGB, 0 to 255, of I420 pixels by the matrix and range that every output has (ITU-R BT.709, limited)."""
    return rgb(yuv, kr=0.2126, kb=0.0722, full=False)


def rgb(yuv: Pixels, *, kr: float, kb: float, full: bool) -> npt.NDArray[np.float64]:
    """RGB, 0 to 255, of I420 pixels by a matrix's two constants."""
    height, width = yuv.shape[0] * 2 // 3, yuv.shape[1]
    y = yuv[:height].astype(np.float64)
    chroma = yuv[height:].reshape(2, height // 2, width // 2).repeat(2, axis=1).repeat(2, axis=2).astype(np.float64)
    u, v = chroma[0] - 128, chroma[1] - 128
    if full:
        u, v = u / 255, v / 255
        y = y / 255
    else:
        u, v, y = u / 224, v / 224, (y - 16) / 219
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    levels: npt.NDArray[np.float64] = np.clip(np.stack([red, green, blue], axis=-1), 0, 1) * 255
    return levels


def fragments(path: Path) -> tuple[int, list[Fragment]]:
    """(timescale, fragments) as their boxes say."""
    reader = FragmentReader(path)
    found = reader.finish()
    assert reader.init is not None
    return reader.init.timescale, found


# Sound


def samples(path: Path, rate_hz: int = 48_000, layout: str = "stereo") -> Samples:
    """All channels of the first sound track from the title's time 0 on: (channels, samples). Holes are silence."""
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz)
    parts: list[tuple[int, Samples]] = []
    with av.open(str(path)) as opened:
        for frame in (*opened.decode(audio=0), None):
            for part in resampler.resample(frame):
                assert part.pts is not None
                assert part.time_base is not None
                parts.append((round(part.pts * part.time_base * rate_hz), np.asarray(part.to_ndarray(), np.float32)))
    whole = np.zeros((parts[0][1].shape[0], max(at + heard.shape[1] for at, heard in parts)), np.float32)
    for at, heard in parts:
        kept = heard[:, max(0, -at) :]
        whole[:, max(0, at) : max(0, at) + kept.shape[1]] = kept
    return whole


def beeping(path: Path, seconds: int, *options: str, rate: str = "25", volume: float = 0.5, hz: int = 48_000) -> Path:
    """A white flash and a beep at every whole second, each BEEP_S long."""
    on = f"lt(mod(t\\,1)\\,{BEEP_S})"
    light = f"color=black:size=96x54:rate={rate}:duration={seconds},drawbox=color=white:t=fill:enable='{on}'"
    beep = f"aevalsrc='{volume}*sin(2*PI*1000*t)*{on}|{volume}*sin(2*PI*1000*t)*{on}':s={hz}:d={seconds}"
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k")
    ffmpeg("-v", "error", "-f", "lavfi", "-i", light, "-f", "lavfi", "-i", beep, *codecs, *options, str(path))
    return path


def beeps(path: Path) -> list[float]:
    """Seconds at which beeps begin: half a beep before the middle of each one's energy."""
    energy = (samples(path) ** 2).sum(axis=0).reshape(-1)
    usable = energy[: len(energy) // 48 * 48].reshape(-1, 48).sum(axis=1)  # by the millisecond
    loud = usable > usable.max() / 20
    found: list[float] = []
    for start in map(int, np.flatnonzero(loud & ~np.roll(loud, 1))):
        if found and start / 1000 - found[-1] < BEEP_S * 2:
            continue
        begin = max(0, start - 30)
        weight = usable[begin : start + round(BEEP_S * 1000) + 30]
        middle = begin + float((np.arange(len(weight)) + 0.5) @ weight / weight.sum())
        found.append(middle / 1000 - BEEP_S / 2)
    return found


def flashes(path: Path) -> list[float]:
    """Seconds at which flashes begin, the first frame being 0."""
    found, before = [], False
    for at, luma in lumas(path):
        bright = bool(luma.mean() > 127)
        if bright and not before:
            found.append(float(at))
        before = bright
    return found
