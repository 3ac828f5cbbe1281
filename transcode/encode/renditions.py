"""Plan -> renditions on local disk: the video of a chunk, the audio of a title, or the upload's own tracks, copied.

Each call is one ffmpeg run in the sandbox and a verification of its output. `on_segments` is called with finished
segments while the run is still going on.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from core.errors import Rejected, ToolFailed
from core.media.advice import SoundSigns
from core.media.encoded import Encoded, Rendition, RenditionKind, Segment
from core.media.upload_limits import PROGRAM_LIMITS, input_words
from core.settings import GIB
from transcode.encode import loudness, verify
from transcode.encode.argv import audio_argv, output_file, remux_argv, video_argv
from transcode.encode.cutters import AudioCutter, ByteRange, Cut, VideoCutter, VideoGrid
from transcode.encode.ffmpeg_run import FfmpegContext, run
from transcode.encode.fragments import WrongOutput
from transcode.plan.encode_plan import AudioPlan, EncodePlan
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import HEAD_BYTES, ImageType, WatermarkFile, image_type

# A rendition with only the segments completed since the last call, and the byte ranges of its init and segments.
OnSegments = Callable[[Rendition, list[ByteRange]], None]
_PartialRendition = partial[Rendition]
PROVISIONAL_MAY_LACK_FRAMES = 50  # AAC frames, about a second, that may be missing at its end
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFiles:
    """An encode and the local byte ranges of its segments; `damaged`: decoders reported errors.

    `sound`: what the upload's track has shown, where its loudness was measured.
    """

    encoded: Encoded
    pieces: tuple[ByteRange, ...]
    damaged: bool
    sound: SoundSigns | None = None


async def encode_video(
    plan: EncodePlan,
    context: FfmpegContext,
    source: Path,
    *,
    chunk: int,
    rungs: Sequence[VideoRung],
    watermark: Path | None = None,
    on_progress: Progress = lambda _: None,
    on_segments: OnSegments | None = None,
) -> EncodedFiles:
    """Encode `rungs` of one chunk. Raises Rejected (corrupt, watermark_refused), WrongOutput, ToolFailed."""
    first, end = plan.chunk(chunk)
    mark = await asyncio.to_thread(_watermark_file, watermark) if watermark else None
    argv = video_argv(
        plan, context.binary, source, first=first, end=end, rungs=rungs, watermark=mark, threads=context.threads
    )
    cutters = {
        rung.id: VideoCutter(context.work_dir / output_file(rung.id), _grid(plan, rung, first, end)) for rung in rungs
    }
    partials = {rung.id: _video_rendition(plan, rung) for rung in rungs}
    tick = _ticker([(partials[rung], cutter) for rung, cutter in cutters.items()], on_segments)
    try:
        result = await run(
            context,
            argv,
            readable=[source, *([watermark] if watermark else [])],
            work_s=(end - first) / plan.frame_rate * len(rungs) + plan.seek_back_s,
            frames=end - first,
            memory_bytes=(12 if plan.video and plan.video.tone_map else 8) * GIB,
            on_progress=on_progress,
            on_tick=tick,
        )
    except Rejected as exc:
        if watermark is not None and mark is not None and not await _decodes(context, watermark, mark.type):
            raise _watermark_refused() from exc
        raise
    if tick is not None:
        tick()
    cuts = {rung: await asyncio.to_thread(cutter.finish) for rung, cutter in cutters.items()}
    await verify.gops(context, [cutter.gops()[-1:] for cutter in cutters.values()])
    return _files([_rendition(partials[rung], cut) for rung, cut in cuts.items()], list(cuts.values()), result.damaged)


def _watermark_file(image: Path) -> WatermarkFile:
    """The image with its type, which ffmpeg is not to guess. Raises Rejected."""
    with image.open("rb") as opened:
        kind = image_type(opened.read(HEAD_BYTES))
    if kind is None:
        raise _watermark_refused()
    return WatermarkFile(path=image, type=kind)


def _watermark_refused() -> Rejected:
    return Rejected("watermark_refused", "The watermark is not an image that can be read.", "Give a PNG, JPEG or WebP.")


async def _decodes(context: FfmpegContext, image: Path, kind: ImageType) -> bool:
    """Whether ffmpeg can decode the image on its own; then a failed encode is due to the upload."""
    argv = [context.binary, "-hide_banner", "-nostdin", "-v", "error", *PROGRAM_LIMITS, *input_words()]
    argv += ["-f", kind.demuxer, "-i", f"file:{image}", "-frames:v", "1", "-f", "null", "-"]
    try:
        await run(context, argv, readable=[image], work_s=Fraction(1), frames=1)
    except Rejected:
        return False
    return True


async def encode_audio(
    plan: EncodePlan,
    context: FfmpegContext,
    source: Path,
    audio: AudioPlan,
    *,
    level: bool = True,
    on_segments: OnSegments | None = None,
) -> EncodedFiles:
    """Encode one audio rendition of the whole title; with `level` its loudness is measured and normalised.

    A suitable AAC track that decodes in full and needs no gain is copied. Raises Rejected, WrongOutput, ToolFailed.
    """
    gain_db, decodes = 0.0, not level
    sound: SoundSigns | None = None
    if level:
        # Where the loudness cannot be measured, the track keeps its own; whether it can be decoded, the encode tells.
        with suppress(ToolFailed, Rejected):
            found = await loudness.measured(plan, context, source, audio)
            gain_db, decodes, sound = found.gain_db, not found.damaged, found.signs
    if audio.copyable and decodes and not gain_db:
        try:
            copied = await _copy_audio(plan, context, source, audio, decode=not level)
            return replace(copied, sound=sound)
        except WrongOutput:
            pass  # it does not decode, or its frames have wrong timestamps: encoding corrects that
    argv = audio_argv(plan, context.binary, source, audio, gain_db=gain_db)
    cutter = AudioCutter(context.work_dir / output_file(audio.id), duration_s=plan.duration_s, cuts_s=plan.cuts_s)
    tick = _ticker([(_audio_rendition(audio, copied=False), cutter)], on_segments)
    result = await run(context, argv, readable=[source], work_s=plan.duration_s, frames=0, on_tick=tick)
    if tick is not None:
        tick()
    cut = await asyncio.to_thread(cutter.finish)
    made = _files([_rendition(_audio_rendition(audio, copied=False), cut)], [cut], result.damaged)
    return replace(made, sound=sound)


async def _copy_audio(
    plan: EncodePlan, context: FfmpegContext, source: Path, audio: AudioPlan, *, decode: bool
) -> EncodedFiles:
    """The track as it is. With `decode` raises WrongOutput where its decoder complains."""
    argv = audio_argv(plan, context.binary, source, audio, copy=True, decode=decode)
    cutter = AudioCutter(context.work_dir / output_file(audio.id), duration_s=plan.duration_s, cuts_s=plan.cuts_s)
    result = await run(context, argv, readable=[source], work_s=plan.duration_s, frames=0)
    if decode and result.damaged:
        raise WrongOutput("the copied track does not decode cleanly")
    cut = await asyncio.to_thread(cutter.finish)
    return _files([_rendition(_audio_rendition(audio, copied=True), cut)], [cut], result.damaged)


async def remux(plan: EncodePlan, context: FfmpegContext, source: Path, *, cuts: tuple[int, ...]) -> EncodedFiles:
    """Copy the upload's video track, cut at `cuts`, and its first audio track. Raises WrongOutput."""
    passthrough = plan.passthrough
    if passthrough is None:
        raise WrongOutput("no passthrough was planned")
    copy_audio = bool(plan.audio) and plan.audio[0].copyable_for_now
    try:
        return await _remux(plan, context, source, passthrough.rung, cuts, copy_audio=copy_audio)
    except WrongOutput:
        if not copy_audio:
            raise
        return await _remux(plan, context, source, passthrough.rung, cuts, copy_audio=False)


async def _remux(
    plan: EncodePlan, context: FfmpegContext, source: Path, rung: VideoRung, cuts: tuple[int, ...], *, copy_audio: bool
) -> EncodedFiles:
    argv = remux_argv(plan, context.binary, source, copy_audio=copy_audio)
    result = await run(context, argv, readable=[source], work_s=plan.duration_s, frames=plan.frames)
    if copy_audio and result.damaged:
        raise WrongOutput("the copied sound does not decode cleanly")
    grid = replace(_grid(plan, rung, 0, plan.frames), cuts=cuts, gop=0)
    video_cutter = VideoCutter(context.work_dir / output_file(rung.id), grid)
    all_cuts = [await asyncio.to_thread(video_cutter.finish)]
    renditions = [_rendition(_video_rendition(plan, rung, passthrough=True), all_cuts[0])]
    if plan.audio:
        cuts_s = tuple(at / plan.frame_rate for at in cuts)
        audio = plan.audio[0]
        cutter = AudioCutter(
            context.work_dir / output_file(audio.id),
            duration_s=plan.duration_s,
            cuts_s=cuts_s,
            may_lack_frames=PROVISIONAL_MAY_LACK_FRAMES,
        )
        all_cuts.append(await asyncio.to_thread(cutter.finish))
        renditions.append(_rendition(_audio_rendition(audio, copied=copy_audio), all_cuts[-1]))
    most_frames = round(verify.WHOLE_S * plan.frame_rate)
    await verify.gops(context, [verify.spread(video_cutter.gops(), most_frames)])
    return _files(renditions, all_cuts, result.damaged)


def _grid(plan: EncodePlan, rung: VideoRung, first: int, end: int) -> VideoGrid:
    step = rung.frame_step
    return VideoGrid(
        first=first // step,
        end=end // step,
        cuts=tuple(cut // step for cut in plan.cuts),
        frame_ticks=plan.frame_ticks * step,
        timescale=plan.timescale,
        gop=plan.gop_frames // step,
    )


def _ticker(
    cutters: list[tuple[_PartialRendition, VideoCutter | AudioCutter]], on_segments: OnSegments | None
) -> Callable[[], None] | None:
    if on_segments is None:
        return None

    def tick() -> None:
        for partial_rendition, cutter in cutters:
            if (new := cutter.poll()) and cutter.init is not None:
                so_far = partial_rendition(
                    codec=cutter.codec, timescale=cutter.timescale, init=cutter.init.blob, segments=_segments(new)
                )
                on_segments(so_far, [cutter.init, *(byte_range for byte_range, _ in new)])

    return tick


def _video_rendition(plan: EncodePlan, rung: VideoRung, *, passthrough: bool = False) -> _PartialRendition:
    """A video rendition without what only the output tells: codec, timescale, init segment and segments."""
    return partial(
        Rendition,
        id=rung.id,
        kind=RenditionKind.VIDEO,
        width=rung.width,
        height=rung.height,
        frame_rate=plan.frame_rate / rung.frame_step,
        passthrough=passthrough,
    )


def _audio_rendition(audio: AudioPlan, *, copied: bool) -> _PartialRendition:
    channels = audio.channels if copied else 2
    return partial(Rendition, id=audio.id, kind=RenditionKind.AUDIO, channels=channels, language=audio.language)


def _rendition(partial_rendition: _PartialRendition, cut: Cut) -> Rendition:
    return partial_rendition(
        codec=cut.codec, timescale=cut.timescale, init=cut.init.blob, segments=_segments(cut.segments)
    )


def _segments(cut: Sequence[tuple[ByteRange, int]]) -> tuple[Segment, ...]:
    return tuple(
        Segment(blob=byte_range.blob, duration=ticks, keyframes=byte_range.keyframes) for byte_range, ticks in cut
    )


def _files(renditions: list[Rendition], cuts: list[Cut], damaged: bool) -> EncodedFiles:
    pieces = [byte_range for cut in cuts for byte_range in (cut.init, *(segment for segment, _ in cut.segments))]
    return EncodedFiles(encoded=Encoded(renditions=tuple(renditions)), pieces=tuple(pieces), damaged=damaged)


def chunk_duration_s(plan: EncodePlan, chunk: int) -> Fraction:
    """Duration of a chunk in seconds."""
    first, end = plan.chunk(chunk)
    return (end - first) / plan.frame_rate
