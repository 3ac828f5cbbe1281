"""Published renditions -> progressive files to download: which ones, the ffmpeg run of each, and whether it is right.

Nothing is re-encoded. In: a video and an audio rendition, each as one file of its init segment and segments. Out: an
MP4 or M4A with its index in front. Refuses (WrongOutput) a file that lacks a frame, is longer or shorter than its
renditions, or whose last GOP does not decode.
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
LONGEST_AAC_FRAME_S = Fraction(1024, 44_100)  # the longest AAC frame: 1024 samples at the lowest rate accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A progressive file to write. One of `video` and `audio` may be None, not both."""

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
        """Digest of the source segments: a published file with the same digest need not be written again."""
        blobs = [[r.init.sha256, *(segment.blob.sha256 for segment in r.segments)] for r in self.sources]
        return digest({"name": self.name, "blobs": blobs})


def choose(renditions: Sequence[Rendition]) -> tuple[StaticFile, ...]:
    """The downloads of a title: its largest rung up to 1080p, its rung nearest to 360p if another, its first audio."""
    videos = [rendition for rendition in renditions if rendition.kind is RenditionKind.VIDEO]
    videos = [rendition for rendition in videos if rendition.codec.startswith("avc1")] or videos
    audio = next((rendition for rendition in renditions if rendition.kind is RenditionKind.AUDIO), None)
    files = []
    if videos:
        playable = [rendition for rendition in videos if _short_side(rendition) <= LARGEST_SHORT_SIDE]
        playable = playable or [min(videos, key=_short_side)]
        high = max(playable, key=lambda rendition: (_short_side(rendition), rendition.average_bandwidth_bps))
        low = min(playable, key=lambda rendition: (abs(_short_side(rendition) - LOW_SHORT_SIDE), rendition.size_bytes))
        files.append(StaticFile(name=HIGH, video=high, audio=audio))
        if low is not high:
            files.append(StaticFile(name=LOW, video=low, audio=audio))
    if audio is not None:
        files.append(StaticFile(name=AUDIO, video=None, audio=audio))
    return tuple(files)


def _short_side(rendition: Rendition) -> int:
    return min(rendition.width or 0, rendition.height or 0)


def static_argv(binary: str, static: StaticFile, tracks: Sequence[PurePath], to: str) -> list[str]:
    """argv that muxes the files `tracks`, one for each of `static.sources`, into the file `to` without re-encoding."""
    argv = [binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1", "-y"]
    for track in tracks:
        # Each track begins at 0. libav reads signed composition offsets as a delay of some frames and shifts every
        # input back to its own first timestamp; -copyts would keep the delay.
        argv += ["-f", "mov", "-protocol_whitelist", "file", "-i", f"file:{track}"]
    for number in range(len(tracks)):
        argv += ["-map", f"{number}:0"]
    argv += ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
    if static.video is not None:
        argv += ["-video_track_timescale", str(static.video.timescale)]
    # The index goes to the front, so that playback and seeking work while the file is downloading.
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
    """Write and verify the file in the context's folder. Raises WrongOutput, Rejected or ToolFailed."""
    output = context.work_dir / static.name
    frames = _frame_count(static.video) if static.video else 0
    await run(
        context,
        static_argv(context.binary, static, tracks, static.name),
        readable=list(tracks),
        work_s=static.duration_s,
        frames=frames,
        on_progress=on_progress,
    )
    if not await asyncio.to_thread(_starts_with_index, output):
        raise WrongOutput(f"{static.name}: its index is not at the front")
    source, _ = await probe(
        output, context.work_dir, context.runner, max_pixels=max_pixels, max_duration_s=max_duration_s
    )
    check(static, source)
    await _decode_end(context, static, output)
    return output


def check(static: StaticFile, source: Source) -> None:
    """Compare a probed download with its renditions: tracks, frames, durations. Raises WrongOutput."""
    if static.video is not None:
        video, frames = source.video, _frame_count(static.video)
        if video is None or video.frames != frames:
            raise WrongOutput(f"{static.name}: {video.frames if video else 'no'} frames of {frames}")
        frame_s = static.video.duration_s / frames
        if abs(video.start_s + video.duration_s - static.video.duration_s) >= frame_s:
            raise WrongOutput(f"{static.name}: {float(video.duration_s):.3f} s of video")
    elif source.video is not None:
        raise WrongOutput(f"{static.name}: a video track in an audio-only file")
    if static.audio is not None:
        tracks = source.audio
        if (
            len(tracks) != 1
            or abs(tracks[0].start_s + tracks[0].duration_s - static.audio.duration_s) > LONGEST_AAC_FRAME_S
        ):
            raise WrongOutput(f"{static.name}: its audio does not end with the title")
    elif source.audio:
        raise WrongOutput(f"{static.name}: an audio track, though the title has none")


def _frame_count(video: Rendition) -> int:
    """Number of frames of a video rendition, which has a constant frame rate."""
    return round(video.duration_s * (video.frame_rate or 0))


def _last_gop_frames(video: Rendition) -> int:
    """Number of frames in the last GOP; in the last segment where its keyframes are unknown."""
    last = video.segments[-1]
    ticks = last.keyframes[-1].duration if last.keyframes else last.duration
    return max(1, round(Fraction(ticks, video.timescale) * (video.frame_rate or 0)))


def end_argv(binary: str, static: StaticFile, file: PurePath) -> tuple[list[str], int]:
    """(argv that decodes the last GOP, or the last seconds of audio; frames in that GOP). Prints a line per frame."""
    frames, back_s = 0, Fraction(2)
    if static.video is not None:
        frames = _last_gop_frames(static.video)
        # Half a frame early, so that rounding never seeks past the keyframe.
        back_s = (frames + Fraction(1, 2)) / (static.video.frame_rate or 1)
    from_s = (static.video or static.sources[0]).duration_s - back_s
    argv = [binary, "-hide_banner", "-nostdin", "-v", "error", "-xerror", "-f", "mov", "-protocol_whitelist", "file"]
    if from_s > 0:
        argv += ["-ss", f"{math.floor(from_s * 1_000_000) / 1_000_000:.6f}"]
    argv += ["-i", f"file:{file}", "-map", "0", "-fps_mode", "passthrough"]
    # Scaled to 16x16, because only decoding is tested.
    return [*argv, "-s", "16x16", "-sws_flags", "fast_bilinear", "-f", "framecrc", "-"], frames


async def _decode_end(context: FfmpegContext, static: StaticFile, file: Path) -> None:
    argv, frames = end_argv(context.binary, static, file)
    decoded: Counter[int] = Counter()

    def count_frame(text: str) -> None:
        number = text.partition(",")[0].strip()
        if number.isdigit():
            decoded[int(number)] += 1

    finished = await context.runner.run(
        argv,
        work_dir=context.work_dir,
        readable=[file],
        limits=Limits(wall_s=120, cpu_s=480, memory_bytes=8 * GIB, file_bytes=MIB),
        on_stdout_line=count_frame,
        nice=context.nice,
    )
    if static.video is not None and decoded[0] != frames:
        raise WrongOutput(f"{static.name}: {decoded[0]} of its last {frames} frames decode")
    if static.audio is not None and not decoded[len(static.sources) - 1]:
        raise WrongOutput(f"{static.name}: the end of its audio does not decode")
    if finished.stderr_tail.strip():
        raise WrongOutput(f"{static.name} does not decode cleanly: {finished.stderr_tail[-400:]}")


def _starts_with_index(file: Path) -> bool:
    """Whether `moov` stands before `mdat` (ISO/IEC 14496-12, 8.1.1)."""
    with file.open("rb") as contents:
        try:
            kinds = (box.kind for box in boxes(contents, 0, file.stat().st_size, top_level=True))
            return next((kind for kind in kinds if kind in (b"moov", b"mdat")), None) == b"moov"
        except BoxFault as exc:
            raise WrongOutput(f"{file.name}: {exc}") from exc
