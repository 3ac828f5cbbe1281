"""Published renditions -> progressive files to download: which ones, the ffmpeg run of each, and whether it is right.

No frame is encoded again. In: one rendition of pictures and one of sound, each as a file of its init segment and
segments. Out: an MP4 or M4A that begins with its index. Refuses (WrongOutput) a file that lacks a picture, is longer or
shorter than what it is made of, or whose last GOP does not decode.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePath

from core.media.encoded import Rendition, RenditionKind
from core.media.mp4_boxes import BoxFault, boxes
from core.sandbox.child import Limits
from core.settings import GIB, MIB
from core.storage.digest import digest
from transcode.encode.ffmpeg_run import FfmpegContext, run
from transcode.encode.fragments import WrongOutput
from transcode.probe.probe import probe
from transcode.probe.source import Source

HIGH, LOW, AUDIO = "high.mp4", "low.mp4", "audio.m4a"
NAMES = (HIGH, LOW, AUDIO)
LARGEST_SHORT_SIDE = 1080  # what every phone and every messenger plays
LOW_SHORT_SIDE = 360
Progress = Callable[[float], None]
SOUND_FRAME_S = Fraction(1024, 44_100)  # the longest frame of AAC there is here


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file to make. `picture` or `sound` may be missing, not both."""

    name: str
    video: Rendition | None
    audio: Rendition | None

    @property
    def sources(self) -> tuple[Rendition, ...]:
        return tuple(rendition for rendition in (self.video, self.audio) if rendition is not None)

    @property
    def duration_s(self) -> Fraction:
        return max(rendition.duration_s for rendition in self.sources)

    @property
    def of(self) -> str:
        """Names the bytes it is made of: with the same bytes it need not be made again."""
        blobs = [[r.init.sha256, *(segment.blob.sha256 for segment in r.segments)] for r in self.sources]
        return digest({"name": self.name, "blobs": blobs})


def choose(renditions: Sequence[Rendition]) -> tuple[StaticFile, ...]:
    """The largest rung that plays everywhere, the one nearest to 360 lines if that is another, and the first sound."""
    pictures = [rendition for rendition in renditions if rendition.kind is RenditionKind.VIDEO]
    pictures = [rendition for rendition in pictures if rendition.codec.startswith("avc1")] or pictures
    sound = next((rendition for rendition in renditions if rendition.kind is RenditionKind.AUDIO), None)
    files = []
    if pictures:
        fitting = [rendition for rendition in pictures if _short_side(rendition) <= LARGEST_SHORT_SIDE]
        fitting = fitting or [min(pictures, key=_short_side)]
        high = max(fitting, key=lambda rendition: (_short_side(rendition), rendition.average_bandwidth_bps))
        low = min(fitting, key=lambda rendition: (abs(_short_side(rendition) - LOW_SHORT_SIDE), rendition.size_bytes))
        files.append(StaticFile(name=HIGH, video=high, audio=sound))
        if low is not high:
            files.append(StaticFile(name=LOW, video=low, audio=sound))
    if sound is not None:
        files.append(StaticFile(name=AUDIO, video=None, audio=sound))
    return tuple(files)


def _short_side(rendition: Rendition) -> int:
    return min(rendition.width or 0, rendition.height or 0)


def static_argv(binary: str, static: StaticFile, tracks: Sequence[PurePath], to: str) -> list[str]:
    """argv that puts the tracks of `static.sources` into one file, as they are."""
    argv = [binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1", "-y"]
    for track in tracks:
        # Each track begins at 0. libav sees pictures whose composition times are signed some frames later, and shifts
        # every input to its own first time again: no -copyts here, it would keep the delay.
        argv += ["-f", "mov", "-protocol_whitelist", "file", "-i", f"file:{track}"]
    for number in range(len(tracks)):
        argv += ["-map", f"{number}:0"]
    argv += ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
    if static.video is not None:
        argv += ["-video_track_timescale", str(static.video.timescale)]
    # The index goes to the front, so that it plays and can be sought in before it has arrived.
    return [*argv, "-movflags", "+faststart", "-f", "ipod" if static.video is None else "mp4", f"file:{to}"]


async def make(
    context: FfmpegContext,
    static: StaticFile,
    tracks: Sequence[Path],
    *,
    max_pixels: int,
    max_duration_s: int,
    on_progress: Progress = lambda _: None,
) -> Path:
    """The file, checked, in the context's folder. Raises WrongOutput, Rejected or ToolFailed."""
    output = context.work_dir / static.name
    frames = _frames(static.video) if static.video else 0
    await run(
        context,
        static_argv(context.binary, static, tracks, static.name),
        readable=list(tracks),
        work_s=static.duration_s,
        frames=frames,
        on_progress=on_progress,
    )
    if not await asyncio.to_thread(_index_first, output):
        raise WrongOutput(f"{static.name}: its index is not in front")
    source, _ = await probe(
        output, context.work_dir, context.runner, max_pixels=max_pixels, max_duration_s=max_duration_s
    )
    check(static, source)
    await _decode_end(context, static, output)
    return output


def check(static: StaticFile, source: Source) -> None:
    """Raises WrongOutput where it is not all of what it was made of."""
    if static.video is not None:
        video, frames = source.video, _frames(static.video)
        if video is None or video.frames != frames:
            raise WrongOutput(f"{static.name}: {video.frames if video else 'no'} pictures of {frames}")
        frame_s = static.video.duration_s / frames
        if abs(video.start_s + video.duration_s - static.video.duration_s) >= frame_s:
            raise WrongOutput(f"{static.name}: pictures for {float(video.duration_s):.3f} s")
    elif source.video is not None:
        raise WrongOutput(f"{static.name}: a picture where only sound was wanted")
    if static.audio is not None:
        sounds = source.audio
        if len(sounds) != 1 or abs(sounds[0].start_s + sounds[0].duration_s - static.audio.duration_s) > SOUND_FRAME_S:
            raise WrongOutput(f"{static.name}: its sound does not end where the title's does")
    elif source.audio:
        raise WrongOutput(f"{static.name}: sound where there was none")


def _frames(picture: Rendition) -> int:
    """Number of frames of a video rendition, which has a constant frame rate."""
    return round(picture.duration_s * (picture.frame_rate or 0))


def _last_gop_frames(picture: Rendition) -> int:
    """Of the last segment where it is not known which of its pictures stand alone."""
    last = picture.segments[-1]
    ticks = last.keyframes[-1].duration if last.keyframes else last.duration
    return max(1, round(Fraction(ticks, picture.timescale) * (picture.frame_rate or 0)))


def end_argv(binary: str, static: StaticFile, file: PurePath) -> tuple[list[str], int]:
    """argv that decodes the last GOP, or the last seconds of sound, a line for each frame; and how many pictures."""
    pictures, back_s = 0, Fraction(2)
    if static.video is not None:
        pictures = _last_gop_frames(static.video)
        # Half a picture early: what is sought is then never rounded to after the keyframe.
        back_s = (pictures + Fraction(1, 2)) / (static.video.frame_rate or 1)
    from_s = (static.video or static.sources[0]).duration_s - back_s
    argv = [binary, "-hide_banner", "-nostdin", "-v", "error", "-xerror", "-f", "mov", "-protocol_whitelist", "file"]
    if from_s > 0:
        argv += ["-ss", f"{math.floor(from_s * 1_000_000) / 1_000_000:.6f}"]
    argv += ["-i", f"file:{file}", "-map", "0", "-fps_mode", "passthrough"]
    # At 16 pixels a side, because only the decoder is on trial.
    return [*argv, "-s", "16x16", "-sws_flags", "fast_bilinear", "-f", "framecrc", "-"], pictures


async def _decode_end(context: FfmpegContext, static: StaticFile, file: Path) -> None:
    argv, pictures = end_argv(context.binary, static, file)
    seen: Counter[int] = Counter()

    def line(text: str) -> None:
        number = text.partition(",")[0].strip()
        if number.isdigit():
            seen[int(number)] += 1

    finished = await context.runner.run(
        argv,
        work_dir=context.work_dir,
        readable=[file],
        limits=Limits(wall_s=120, cpu_s=480, memory_bytes=8 * GIB, file_bytes=MIB),
        on_stdout_line=line,
        nice=context.nice,
    )
    if static.video is not None and seen[0] != pictures:
        raise WrongOutput(f"{static.name}: {seen[0]} pictures of its last {pictures} decode")
    if static.audio is not None and not seen[len(static.sources) - 1]:
        raise WrongOutput(f"{static.name}: the end of its sound does not decode")
    if finished.stderr_tail.strip():
        raise WrongOutput(f"{static.name} does not decode cleanly: {finished.stderr_tail[-400:]}")


def _index_first(file: Path) -> bool:
    """Whether `moov` stands before `mdat` (ISO/IEC 14496-12, 8.1.1)."""
    with file.open("rb") as opened:
        try:
            kinds = (box.kind for box in boxes(opened, 0, file.stat().st_size, top_level=True))
            return next((kind for kind in kinds if kind in (b"moov", b"mdat")), None) == b"moov"
        except BoxFault as exc:
            raise WrongOutput(f"{file.name}: {exc}") from exc
