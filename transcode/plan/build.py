"""Source + options -> EncodePlan: every decision about an encode as one value, each with its reason. Pure, no I/O.

The number of frames and the segment cuts are decided here. The upload's own timeline starts at its earliest video or
audio frame.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count

from core.errors import Rejected
from core.media.crop import CropPath, centred
from presets.codec import codec_preset
from presets.ladder import SHORTEST_SIDE
from presets.profile import AUDIO_ONLY_NAMES, Profile, profile
from presets.rung import Codec
from transcode.encode.cutters import AAC_FRAME_SAMPLES
from transcode.plan import audio as audio_tracks
from transcode.plan import grid, passthrough
from transcode.plan.encode_plan import (
    AUDIO_RATE_HZ,
    VERSION,
    Decision,
    EncodePlan,
    Options,
    Passthrough,
    VideoPlan,
)
from transcode.plan.passthrough import PassthroughTrack
from transcode.plan.rungs import VideoRung, rungs, within_upload
from transcode.plan.upright import Upright, describe_path, upright_rungs, upright_window
from transcode.probe.source import INDEXED, Index, Source, VideoTrack

HALF_RATE_ABOVE = 30  # frames a second: above it, small rungs get every second frame
FIRST_RUNG_SIDE = 360  # pixels: largest short side of the rung that is published first
WIDE_GAMUTS = ("bt2020", "smpte431", "smpte432")  # BT.2020, DCI-P3, Display P3
SEEKABLE = ("mp4", "matroska", "mpegts")  # containers in which seeking is accurate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The part of the upload that becomes the title, in seconds on the upload's timeline."""

    start_s: Fraction
    end_s: Fraction
    trimmed: bool  # as the owner asked

    @property
    def duration_s(self) -> Fraction:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ladder:
    """The rungs of a title from the largest down, and the vertical crop window where it is reframed."""

    rungs: tuple[VideoRung, ...]
    half_rate_at: int  # rungs up to this short side show every second frame; 0: none do
    window: Upright | None
    crop: CropPath | None
    window_reason: str  # empty where no reframing was requested


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cutting:
    """Frame count, segment cuts and rungs once it is known whether the upload's own video track is delivered."""

    frames: int
    cuts: tuple[int, ...]
    rungs: tuple[VideoRung, ...]
    passthrough: Passthrough | None


def build_plan(
    source: Source, index: Index | None, options: Options | None = None, crop: CropPath | None = None
) -> EncodePlan:
    """Plan the encode of `source`. `crop` places the window of a reframed title; None centres it.

    Raises Rejected: dimensions, no_audio, no_video, trim.
    """
    options = options or Options()
    preset = profile(options.profile)
    span = _trim(source, options)
    if not preset.video:
        return _audio_only(source, preset, options, span)
    if source.video is None:
        raise Rejected(
            "no_video",
            "The file has no video track.",
            f"Upload a file with a video track, or choose the profile {' or '.join(AUDIO_ONLY_NAMES)}.",
        )
    return _with_video(source, source.video, index, preset, options, span, crop)


def _trim(source: Source, options: Options) -> _Span:
    end_s = source.duration_s if options.end_s is None else min(options.end_s, source.duration_s)
    if not 0 <= options.start_s < end_s:
        raise Rejected(
            "trim",
            f"From {float(options.start_s):g} s to {float(end_s):g} s nothing of the title remains.",
            f"Give a start below {float(source.duration_s):g} s and an end after it.",
        )
    return _Span(start_s=options.start_s, end_s=end_s, trimmed=options.start_s > 0 or options.end_s is not None)


def _with_video(
    source: Source,
    video: VideoTrack,
    index: Index | None,
    preset: Profile,
    options: Options,
    span: _Span,
    crop: CropPath | None,
) -> EncodePlan:
    _check_size(video)
    rate, step = _frame_rate(video, preset)
    ladder = _ladder(video, preset, options, span, crop, halved=step > 1)
    # All rungs have the same duration, so half-rate rungs need an even number of frames.
    frames = max(step, round(span.duration_s * rate / step) * step)
    gop_frames = max(step, round(preset.gop_s * rate / step) * step)
    segment_frames = gop_frames * preset.gops_per_segment
    track, passthrough_reason = passthrough.decide(
        source, video, index, ladder.rungs[0], rate=rate, altered=_altered(options, span, ladder), codec=options.codec
    )
    if track is None or not (track.lasting and options.ladder == "smart"):
        # A track that may be delivered for good is first compared with its encode, or turns out to be unfit: then
        # `within_own_track` caps them.
        capped = within_upload(ladder.rungs, video.bit_rate_bps, video.codec, options.codec)
        ladder = replace(ladder, rungs=capped)
    cutting = _cut(video, options, ladder, track, frames, segment_frames, rate)
    shortest_chunk_s, chunk_reason = _shortest_chunk(source, video, options)
    shown_frames = max(1, min(cutting.frames, int((video.start_s + video.duration_s - span.start_s) * rate)))
    chunks = _chunks(cutting.cuts, shown_frames, rate, shortest_chunk_s)
    audio = audio_tracks.audio_plans(source, span.duration_s, trimmed=span.trimmed)
    encoder = codec_preset(options.codec).efforts[options.effort]
    return EncodePlan(
        version=VERSION,
        container=source.container,
        origin_s=source.origin_s,
        video=_video_plan(source, video, options, ladder, rate),
        frame_rate=rate,
        frames=cutting.frames,
        first_frame=round(span.start_s * rate),
        seek_back_s=_seek_back(source, video),
        gop_frames=gop_frames,
        segment_frames=segment_frames,
        cuts=cutting.cuts,
        shortest_chunk_s=shortest_chunk_s,
        shown_frames=shown_frames,
        chunks=chunks,
        half_rate_at=ladder.half_rate_at,
        rungs=cutting.rungs,
        first_rung=None if cutting.passthrough else _first_rung(cutting.rungs),
        audio=audio,
        audio_bps=preset.audio_bps,
        codec=options.codec,
        preset=options.preset or encoder.preset,
        encoder_options=tuple(sorted(preset.encoder_options.get(options.codec, {}).items())),
        passthrough=cutting.passthrough,
        smart=options.ladder == "smart" and options.codec is Codec.H264,
        effort=options.effort,
        decisions=(
            Decision(what=f"{rate} frames a second", why=_rate_reason(video, rate)),
            *_ladder_decisions(video, ladder),
            Decision(what="passthrough" if cutting.passthrough else "no passthrough", why=passthrough_reason),
            Decision(what=f"{len(chunks)} chunk{'s' * (len(chunks) > 1)}", why=chunk_reason),
            Decision(what=f"{len(audio)} audio renditions", why=audio_tracks.reason(source, audio)),
        ),
    )


def _audio_only(source: Source, preset: Profile, options: Options, span: _Span) -> EncodePlan:
    """A plan without video: its frames are AAC frames."""
    if not source.audio:
        raise Rejected("no_audio", "The file has no audio that can be decoded.", "Upload a file with an audio track.")
    rate = Fraction(AUDIO_RATE_HZ, AAC_FRAME_SAMPLES)
    frames = max(1, round(span.duration_s * rate))
    segment_frames = round(preset.segment_s * rate)
    return EncodePlan(
        version=VERSION,
        container=source.container,
        origin_s=source.origin_s,
        video=None,
        frame_rate=rate,
        frames=frames,
        first_frame=round(span.start_s * rate),
        seek_back_s=Fraction(0),
        gop_frames=segment_frames,
        segment_frames=segment_frames,
        cuts=grid.regular_cuts(frames, segment_frames, rate),
        shortest_chunk_s=None,
        shown_frames=frames,
        chunks=(0,),
        half_rate_at=0,
        rungs=(),
        first_rung=None,
        audio=audio_tracks.audio_plans(source, span.duration_s, trimmed=span.trimmed),
        audio_bps=preset.audio_bps,
        codec=options.codec,
        preset="",
        encoder_options=(),
        passthrough=None,
        smart=False,
        effort=options.effort,
        decisions=(Decision(what="audio only", why=f"the profile {preset.name} has no video"),),
    )


def _check_size(video: VideoTrack) -> None:
    if min(video.shown_width, video.shown_height) < SHORTEST_SIDE:
        raise Rejected(
            "dimensions",
            f"The video is {video.shown_width}x{video.shown_height}.",
            f"The short side must be at least {SHORTEST_SIDE} pixels.",
        )


def _frame_rate(video: VideoTrack, preset: Profile) -> tuple[Fraction, int]:
    """(frames per second of the title, frame step of its small rungs: 2 or 1)."""
    rate = video.frame_rate
    while rate > preset.fastest_rate:
        rate /= 2
    # Of a very slow one frames are repeated, so that a GOP has the length it should.
    rate = next(rate * times for times in count(1) if _fits_segments(rate * times, preset))
    return rate, 2 if rate > HALF_RATE_ABOVE else 1


def _fits_segments(rate: Fraction, preset: Profile) -> bool:
    """Whether a segment of whole GOPs of whole frames is no longer than it may be."""
    gop_frames = round(preset.gop_s * rate)
    return gop_frames > 0 and gop_frames * preset.gops_per_segment <= (preset.segment_s + grid.SCRAP_S) * rate


def _ladder(
    video: VideoTrack, preset: Profile, options: Options, span: _Span, crop: CropPath | None, *, halved: bool
) -> _Ladder:
    window, window_reason = upright_window(video, preset, options.reframe)
    half_rate_at = preset.fast_above_side if halved else 0
    chosen = rungs(
        window.width if window else video.shown_width,
        window.height if window else video.shown_height,
        preset.ladders.get(options.codec, preset.ladders[Codec.H264]),
        crf=codec_preset(options.codec).efforts[options.effort].crf,
        half_rate_at=half_rate_at,
    )
    return _Ladder(
        rungs=upright_rungs(chosen, window) if window else chosen,
        half_rate_at=half_rate_at,
        window=window,
        crop=(crop or centred(window.share, span.start_s, span.end_s)) if window else None,
        window_reason=window_reason,
    )


def _cut(
    video: VideoTrack,
    options: Options,
    ladder: _Ladder,
    track: PassthroughTrack | None,
    frames: int,
    segment_frames: int,
    rate: Fraction,
) -> _Cutting:
    """Cut the title into segments: every `segment_frames`, or at the keyframes of a video track kept for good."""
    if track is None:
        cuts = grid.regular_cuts(frames, segment_frames, rate)
        return _Cutting(frames=frames, cuts=cuts, rungs=ladder.rungs, passthrough=None)
    lasting = options.ladder == "smart" and track.lasting
    # A temporary passthrough is cut at its own keyframes; the ladder follows them only if it is kept.
    cuts = track.cuts if lasting else grid.regular_cuts(track.frames, segment_frames, rate)
    rungs = ladder.rungs
    if any(cut % 2 for cut in (*cuts, track.frames)):
        rungs = tuple(replace(rung, frame_step=1) for rung in rungs)
    copied = Passthrough(rung=replace(rungs[0], frame_step=1), bps=video.bit_rate_bps, lasting=lasting)
    return _Cutting(frames=track.frames, cuts=cuts, rungs=rungs, passthrough=copied)


def _video_plan(source: Source, video: VideoTrack, options: Options, ladder: _Ladder, rate: Fraction) -> VideoPlan:
    return VideoPlan(
        index=video.index,
        deinterlace=video.interlaced,
        tone_map=video.is_hdr,
        from_matrix=_matrix(video.matrix, video.coded_short_side),
        retimed=rate == video.frame_rate and _retimed(video),
        watermark=options.watermark,
        crop=ladder.crop,
        crop_odd_pixels=ladder.window is not None and video.bit_depth == 8,
        size=(video.height, video.width) if video.rotation in (90, 270) else (video.width, video.height),
        aspect=Fraction(video.shown_width, video.shown_height),
        primaries=_wide_primaries(video),
        keep_margin=video.overscan,
        # Of several programmes, streams have their numbers only once all have been read.
        changes=video.parameter_changes > 0 and "programmes_left_out" not in dict(source.warnings),
    )


def _first_rung(rungs: tuple[VideoRung, ...]) -> str:
    """Id of the rung that is encoded and published before the others."""
    return next((rung for rung in rungs if rung.short_side <= FIRST_RUNG_SIDE), rungs[-1]).id


def _altered(options: Options, span: _Span, ladder: _Ladder) -> str:
    """A change of the video that needs an encode, as a clause; empty where there is none."""
    if ladder.window:
        return "it is reframed to vertical"
    if options.watermark:
        return "a watermark is drawn on it"
    return "it is trimmed" if span.trimmed else ""


def _rate_reason(video: VideoTrack, rate: Fraction) -> str:
    if rate > video.frame_rate:
        return f"the upload has {video.frame_rate}, too few for segments of a usual length: frames are repeated"
    if rate < video.frame_rate:
        return f"the upload has {video.frame_rate}, more than the profile's fastest: every second frame is kept"
    return "the upload's rate varies; at this one its motion stays smooth" if video.variable else "as in the upload"


def _ladder_decisions(video: VideoTrack, ladder: _Ladder) -> list[Decision]:
    """The decisions about the rungs and about reframing, for people."""
    window = ladder.window
    size = f"{window.width}x{window.height}" if window else f"{video.shown_width}x{video.shown_height}"
    reason = f"the video is shown at {size} and never scaled up"
    if halved := [rung.id for rung in ladder.rungs if rung.frame_step > 1]:
        reason += f"; {', '.join(halved)} show every second frame"
    names = ", ".join(rung.id for rung in ladder.rungs)
    decisions = [Decision(what=f"{len(ladder.rungs)} rungs: {names}", why=reason)]
    if window and ladder.crop:
        reason = f"{ladder.window_reason}; {describe_path(ladder.crop)}"
        decisions.append(Decision(what=f"vertical, {window.width}x{window.height}", why=reason))
    elif ladder.window_reason:
        decisions.append(Decision(what="not reframed", why=ladder.window_reason))
    return decisions


def _shortest_chunk(source: Source, video: VideoTrack, options: Options) -> tuple[Fraction | None, str]:
    """(least seconds of a chunk, reason); None where the title is encoded in one piece."""
    if options.chunk_s is None:
        return None, "one piece was requested"
    if source.damaged or source.container not in SEEKABLE or _retimed(video):
        return None, "seeking in this file is unreliable"
    shortest_s = max(Fraction(options.chunk_s), grid.GOPS_PER_CHUNK * video.longest_gop_s)
    return shortest_s, f"each at least {float(shortest_s):.1f} s"


def _chunks(cuts: tuple[int, ...], frames: int, rate: Fraction, shortest_s: Fraction | None) -> tuple[int, ...]:
    return (0,) if shortest_s is None else grid.chunks(cuts, frames, rate, shortest_s)


def _retimed(video: VideoTrack) -> bool:
    """Whether the timestamps are unusable: half of the frames or more would never be shown."""
    return video.frames / video.frame_rate > 2 * video.duration_s


def on_regular_grid(plan: EncodePlan) -> EncodePlan:
    """The same encode without the upload's own video track, and so without cuts at its keyframes."""
    frames, rungs = plan.frames, within_own_track(plan).rungs
    if plan.half_rate_at and frames > 1:
        # As it would have been without the track: small rungs show every second frame of an even count.
        frames += frames % 2
        rungs = tuple(replace(r, frame_step=2 if r.short_side <= plan.half_rate_at else 1) for r in rungs)
    cuts = grid.regular_cuts(frames, plan.segment_frames, plan.frame_rate)
    chunks = _chunks(cuts, plan.shown_frames, plan.frame_rate, plan.shortest_chunk_s)
    return replace(plan, passthrough=None, frames=frames, rungs=rungs, cuts=cuts, chunks=chunks)


def within_own_track(plan: EncodePlan) -> EncodePlan:
    """The plan with its rungs held to the upload's own video track, where they are not yet: where it was to be kept."""
    own = plan.passthrough
    if own is None or not own.lasting:
        return plan
    return replace(plan, rungs=within_upload(plan.rungs, own.bps, passthrough.CODEC, plan.codec))


def _seek_back(source: Source, video: VideoTrack) -> Fraction:
    """Seconds to read before a chunk: one for filters that look back, the longest time a frame stands, and a GOP
    where seeks miss keyframes."""
    missed_s = Fraction(0) if source.container in INDEXED else video.longest_gop_s
    return (1 + video.longest_gap_s + missed_s).limit_denominator(1000)


def _wide_primaries(video: VideoTrack) -> str:
    """The primaries of SDR whose colours look pale when they are taken for those of BT.709; else empty."""
    is_rgb = video.pixel_format.startswith(("gbr", "rgb", "bgr", "argb", "abgr"))
    return video.primaries if video.primaries in WIDE_GAMUTS and not video.is_hdr and not is_rgb else ""


def _matrix(matrix: str, coded_short_side: int) -> str:
    """YCbCr matrix to convert from ("bt709", "bt601", "bt2020") for libav's name of the source's matrix."""
    if matrix in ("itu709", "bt709"):
        return "bt709"
    if matrix.startswith("bt2020"):
        return "bt2020"
    if matrix in ("itu601", "smpte170m", "fcc", "bt470bg"):
        return "bt601"
    # Unspecified: as players assume, SD is BT.601 and HD is BT.709.
    return "bt709" if coded_short_side >= 720 else "bt601"
