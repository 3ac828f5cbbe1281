"""Source + options -> EncodePlan: every decision about an encode as one value, each with its reason. Pure, no I/O.

How many frames there are and where they are cut is decided here. Times on the upload's own timeline start at its
earliest picture or sound.
"""

from dataclasses import replace
from fractions import Fraction

from core.crop import CropPath, centred
from core.errors import Rejected
from presets.codec import codec_preset
from presets.ladder import SHORTEST_SIDE
from presets.profile import Profile, profile
from presets.rung import Codec
from transcode import grid, passthrough, sounds
from transcode.cut import AAC_FRAME_SAMPLES
from transcode.encode_plan import AUDIO_RATE_HZ, VERSION, Decision, EncodePlan, Options, Passthrough, Picture
from transcode.reframe import Upright, told, upright, upright_rungs
from transcode.rungs import VideoRung, rungs
from transcode.source import INDEXED, Index, Source, VideoTrack

HALF_RATE_ABOVE = 30  # frames a second: small rungs show every second frame of anything faster
SEEKABLE = ("mp4", "matroska", "mpegts")  # where a seek finds the picture it was asked for


def plan(
    source: Source, index: Index | None, options: Options | None = None, crop: CropPath | None = None
) -> EncodePlan:
    """Decide. `crop` is where the window of a picture made upright is to be; None: in the middle.

    Raises Rejected: dimensions, no_video, trim.
    """
    options = options or Options()
    wanted = profile(options.profile)
    start_s, end_s = _trim(source, options)
    if not wanted.video:
        return _sound_only(source, wanted, options, start_s, end_s)
    if source.video is None:
        raise Rejected(
            "no_video",
            "The file has no video track.",
            "Upload a file with a picture track, or choose the profile audio-only.",
        )
    return _with_picture(source, source.video, index, wanted, options, start_s, end_s, crop)


def _trim(source: Source, options: Options) -> tuple[Fraction, Fraction]:
    end_s = source.duration_s if options.end_s is None else min(options.end_s, source.duration_s)
    if not 0 <= options.start_s < end_s:
        raise Rejected(
            "trim",
            f"From {float(options.start_s):g} s to {float(end_s):g} s nothing of the title is left.",
            f"Give a start below {float(source.duration_s):g} s and an end after it.",
        )
    return options.start_s, end_s


def _with_picture(
    source: Source,
    video: VideoTrack,
    index: Index | None,
    wanted: Profile,
    options: Options,
    start_s: Fraction,
    end_s: Fraction,
    crop: CropPath | None,
) -> EncodePlan:
    if min(video.shown_width, video.shown_height) < SHORTEST_SIDE:
        raise Rejected(
            "dimensions",
            f"The picture is {video.shown_width}x{video.shown_height}.",
            f"The short side must be at least {SHORTEST_SIDE} pixels.",
        )
    codec = codec_preset(options.codec)
    rate = video.frame_rate
    while rate > wanted.fastest_rate:
        rate /= 2
    halve = rate > HALF_RATE_ABOVE
    step = 2 if halve else 1
    shown, why_upright = upright(video, wanted, options.reframe)
    ladder = rungs(
        shown.width if shown else video.shown_width,
        shown.height if shown else video.shown_height,
        wanted.ladders.get(options.codec, wanted.ladders[Codec.H264]),
        crf=codec.efforts[options.effort].crf,
        half_rate_at=wanted.fast_above_side if halve else 0,
    )
    if shown:
        crop = crop or centred(shown.share, start_s, end_s)
        ladder = upright_rungs(ladder, shown)
    # Every rung shows the same time: a halved one needs an even count.
    frames = max(step, round((end_s - start_s) * rate / step) * step)
    gop = max(step, round(wanted.gop_s * rate / step) * step)
    cuts = grid.regular_cuts(frames, gop * wanted.gops_per_segment)
    through, refused = passthrough.decide(
        source, video, index, ladder[0], rate=rate, altered=_altered(options, shown), codec=options.codec.value
    )
    decisions = [
        Decision(what=f"{rate} frames a second", why=_rate_reason(video, rate)),
        Decision(
            what=f"{len(ladder)} rungs: {', '.join(r.id for r in ladder)}", why=_ladder_reason(video, ladder, shown)
        ),
        *_upright_decisions(shown, crop, why_upright),
    ]
    lasting = False
    if through is not None:
        frames = through.frames
        lasting = options.ladder == "smart" and through.lasting
        # What is shown first is cut at its own keyframes; the ladder follows only if it stays.
        cuts = through.cuts if lasting else grid.regular_cuts(frames, gop * wanted.gops_per_segment)
        if any(cut % 2 for cut in (*cuts, frames)):
            ladder = tuple(replace(rung, frame_step=1) for rung in ladder)
    decisions.append(Decision(what="passthrough" if through else "no passthrough", why=refused))
    shortest_chunk_s, why_chunks = _shortest_chunk(source, video, options)
    shown_frames = max(1, min(frames, int((video.start_s + video.duration_s - start_s) * rate)))
    chunks = _chunks(cuts, shown_frames, rate, shortest_chunk_s)
    decisions.append(Decision(what=f"{len(chunks)} chunk{'s' * (len(chunks) > 1)}", why=why_chunks))
    heard = sounds.sounds(source, end_s - start_s, trimmed=start_s > 0 or options.end_s is not None)
    decisions.append(Decision(what=f"{len(heard)} sound renditions", why=sounds.reason(source, heard)))
    first = next((rung for rung in ladder if rung.short_side <= 360), ladder[-1])
    return EncodePlan(
        version=VERSION,
        container=source.container,
        origin_s=source.origin_s,
        picture=Picture(
            index=video.index,
            deinterlace=video.interlaced,
            tone_map=video.is_hdr,
            from_matrix=_matrix(video.matrix, min(video.width, video.height)),
            from_full_range=video.full_range,
            retimed=rate == video.frame_rate and _retimed(video),
            watermark=options.watermark,
            crop=crop if shown else None,
            crop_odd_pixels=shown is not None and video.bit_depth == 8,
        ),
        frame_rate=rate,
        frames=frames,
        first_frame=round(start_s * rate),
        seek_back_s=_seek_back(source, video),
        gop_frames=gop,
        segment_frames=gop * wanted.gops_per_segment,
        cuts=cuts,
        shortest_chunk_s=shortest_chunk_s,
        shown_frames=shown_frames,
        chunks=chunks,
        half_rate_at=wanted.fast_above_side if halve else 0,
        rungs=ladder,
        first_rung=None if through else first.id,
        sounds=heard,
        audio_bps=wanted.audio_bps,
        codec=options.codec,
        preset=options.preset or codec.efforts[options.effort].preset,
        encoder_options=tuple(sorted(wanted.encoder_options.get(options.codec, {}).items())),
        passthrough=Passthrough(rung=replace(ladder[0], frame_step=1), bps=video.bit_rate_bps, lasting=lasting)
        if through
        else None,
        smart=options.ladder == "smart" and options.codec is Codec.H264,
        effort=options.effort,
        decisions=tuple(decisions),
    )


def _sound_only(source: Source, wanted: Profile, options: Options, start_s: Fraction, end_s: Fraction) -> EncodePlan:
    if not source.audio:
        raise Rejected("no_audio", "The file has no sound that can be decoded.", "Upload a file with a sound track.")
    rate = Fraction(AUDIO_RATE_HZ, AAC_FRAME_SAMPLES)
    frames = max(1, round((end_s - start_s) * rate))
    segment = round(wanted.gop_s * wanted.gops_per_segment * rate)
    return EncodePlan(
        version=VERSION,
        container=source.container,
        origin_s=source.origin_s,
        picture=None,
        frame_rate=rate,
        frames=frames,
        first_frame=round(start_s * rate),
        seek_back_s=Fraction(0),
        gop_frames=segment,
        segment_frames=segment,
        cuts=grid.regular_cuts(frames, segment),
        shortest_chunk_s=None,
        shown_frames=frames,
        chunks=(0,),
        half_rate_at=0,
        rungs=(),
        first_rung=None,
        sounds=sounds.sounds(source, end_s - start_s, trimmed=start_s > 0 or options.end_s is not None),
        audio_bps=wanted.audio_bps,
        codec=options.codec,
        preset="",
        encoder_options=(),
        passthrough=None,
        smart=False,
        effort=options.effort,
        decisions=(Decision(what="sound only", why=f"the profile {wanted.name} has no picture"),),
    )


def _upright_decisions(shown: Upright | None, crop: CropPath | None, why: str) -> list[Decision]:
    if shown and crop:
        return [Decision(what=f"upright, {shown.width}x{shown.height}", why=f"{why}; {told(crop)}")]
    return [Decision(what="not made upright", why=why)] if why else []


def _altered(options: Options, shown: Upright | None) -> str:
    """What is to be changed in the picture, which nobody can do without encoding it."""
    if shown:
        return "it is made upright"
    if options.watermark:
        return "a watermark is drawn on it"
    return "it is trimmed" if options.start_s > 0 or options.end_s is not None else ""


def _rate_reason(video: VideoTrack, rate: Fraction) -> str:
    if rate != video.frame_rate:
        return f"the upload has {video.frame_rate}, more than the profile's fastest: every second frame is kept"
    return "the upload's rate varies; this keeps its smooth parts smooth" if video.variable else "as the upload"


def _ladder_reason(video: VideoTrack, ladder: tuple[VideoRung, ...], shown: Upright | None) -> str:
    size = f"{shown.width}x{shown.height}" if shown else f"{video.shown_width}x{video.shown_height}"
    why = f"the picture is shown at {size} and never enlarged"
    if any(rung.frame_step > 1 for rung in ladder):
        why += f"; {', '.join(r.id for r in ladder if r.frame_step > 1)} show every second frame"
    return why


def _shortest_chunk(source: Source, video: VideoTrack, options: Options) -> tuple[Fraction | None, str]:
    if options.chunk_s is None:
        return None, "asked for one piece"
    if source.damaged or source.container not in SEEKABLE or _retimed(video):
        return None, "a seek in this file cannot be trusted"
    shortest_s = max(Fraction(options.chunk_s), grid.GOPS_PER_CHUNK * video.longest_gop_s)
    return shortest_s, f"each at least {float(shortest_s):.1f} s"


def _chunks(cuts: tuple[int, ...], frames: int, rate: Fraction, shortest_s: Fraction | None) -> tuple[int, ...]:
    return (0,) if shortest_s is None else grid.chunks(cuts, frames, rate, shortest_s)


def _retimed(video: VideoTrack) -> bool:
    """Half of the pictures or more would never be seen at the times they claim."""
    return video.frames / video.frame_rate > 2 * video.duration_s


def on_regular_grid(planned: EncodePlan) -> EncodePlan:
    """The same encode without the upload's own picture track, and so without its cuts."""
    frames, rungs = planned.frames, planned.rungs
    if planned.half_rate_at and frames > 1:
        # As it would have been without the track: small rungs show every second frame of an even count.
        frames += frames % 2
        rungs = tuple(replace(r, frame_step=2 if r.short_side <= planned.half_rate_at else 1) for r in rungs)
    cuts = grid.regular_cuts(frames, planned.segment_frames)
    chunks = _chunks(cuts, planned.shown_frames, planned.frame_rate, planned.shortest_chunk_s)
    return replace(planned, passthrough=None, frames=frames, rungs=rungs, cuts=cuts, chunks=chunks)


def _seek_back(source: Source, video: VideoTrack) -> Fraction:
    """A second for filters that look back, the longest time a picture stands, and a GOP where seeks miss keyframes."""
    missed = Fraction(0) if source.container in INDEXED else video.longest_gop_s
    return (1 + video.longest_gap_s + missed).limit_denominator(1000)


def _matrix(named: str, coded_short_side: int) -> str:
    if named in ("itu709", "bt709"):
        return "bt709"
    if named.startswith("bt2020"):
        return "bt2020"
    if named in ("itu601", "smpte170m", "fcc", "bt470bg"):
        return "bt601"
    # Unsaid: what players assume, too. SD is BT.601, HD is BT.709.
    return "bt709" if coded_short_side >= 720 else "bt601"
