"""EncodePlan -> argv of ffmpeg runs. Pure. ffmpeg-python builds the graphs.

One run encodes all rungs of a chunk: one decode, one set of filters, a cascade of scalings. Audio is a separate run for
the whole title, because AAC encoded in chunks has gaps. Every output is a fragmented MP4 (CMAF, one fragment per GOP,
timestamps on the title's timeline, no edit list), which transcode.encode.cutters checks and cuts.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import ffmpeg

from core.media.upload_limits import INPUT_LIMITS, PROGRAM_LIMITS
from presets.codec import codec_preset, cut_times
from transcode.encode.crop_filters import upright_filters
from transcode.encode.cutters import AUDIO_OFFSET_S
from transcode.plan.encode_plan import AUDIO_RATE_HZ, AudioPlan, EncodePlan, VideoPlan
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import Watermark
from transcode.probe.sniff import DEMUXERS

PEAK = 0.891  # -1 dBTP: headroom for the overshoot of lossy audio coding
# cmaf + frag_discont: signed composition offsets and the given timestamps, so that no edit list is needed.
MOVFLAGS = "+cmaf+frag_keyframe+frag_discont"
_OVERLAY_AT = {
    "top-left": ("{m}", "{m}"),
    "top-right": ("W-w-{m}", "{m}"),
    "bottom-left": ("{m}", "H-h-{m}"),
    "bottom-right": ("W-w-{m}", "H-h-{m}"),
    "center": ("(W-w)/2", "(H-h)/2"),
}


def output_file(rendition: str) -> str:
    """File name that a run writes a rendition to, in its working directory."""
    return f"{rendition}.mp4"


def video_argv(
    plan: EncodePlan,
    binary: str,
    source: PurePath,
    *,
    first: int,
    end: int,
    rungs: Sequence[VideoRung],
    watermark: PurePath | None = None,
    threads: int | None = None,
) -> list[str]:
    """argv that writes `output_file` of each of `rungs`, frames `first`..`end` of the title, in the working directory.

    Progress goes to stdout as key=value lines; messages go to stderr, each with its level and its component's name.
    """
    upload = input_from(plan, source, first)
    mark = ffmpeg.input(f"file:{watermark}", **INPUT_LIMITS) if watermark else None
    video = prepared(plan, upload, first=first, end=end, size=(rungs[0].width, rungs[0].height), mark=mark)
    outputs = []
    for number, rung in enumerate(rungs):
        if number:
            # A cascade: each rung is scaled from the one above it, so that the source is read at full size once.
            video = video.filter("scale", rung.width, rung.height, flags="bicubic")
        rung_video = video
        if number + 1 < len(rungs):
            branches = video.filter_multi_output("split", 2)
            rung_video, video = branches[0], branches[1]
        if rung.frame_step > 1:
            rung_video = rung_video.filter("framestep", rung.frame_step)
        outputs.append(
            ffmpeg.output(rung_video, output_file(rung.id), **_encoder_options(plan, rung, first, end, threads))
        )
    return _compile(outputs, binary)


def input_from(plan: EncodePlan, source: PurePath, first: int) -> Any:
    """ffmpeg input that reads the upload from a little before frame `first`, with its own timestamps."""
    seek_s = plan.start_s + first / plan.frame_rate - plan.seek_back_s
    if seek_s <= 0:
        return _input(plan, source)
    # The seek only decides where reading begins; the filter graph selects the first frame.
    return _input(plan, source, ss=f"{int(seek_s * 1000) / 1000:.3f}", noaccurate_seek=None)


def _input(plan: EncodePlan, source: PurePath, **options: Any) -> Any:
    if plan.video and plan.video.retimed:
        options["r"] = rational(plan.frame_rate)
    else:
        # The file's own timestamps, less the plan's origin. Otherwise a run that reads only one track takes that
        # track's start for the file's, and audio and video go out of sync.
        options["copyts"] = None
        if plan.origin_s:
            options["itsoffset"] = f"{-float(plan.origin_s):.6f}"
    return ffmpeg.input(
        f"file:{source}",
        format=DEMUXERS[plan.container],
        **INPUT_LIMITS,
        **cropping(plan),
        **options,
    )


def cropping(plan: EncodePlan) -> dict[str, str]:
    """Options of an input for what the container crops, which ffmpeg cuts off by itself."""
    return {"apply_cropping": "codec"} if plan.video and plan.video.keep_margin else {}


def prepared(plan: EncodePlan, opened: Any, *, first: int, end: int, size: tuple[int, int], mark: Any = None) -> Any:
    """Filters that run once for all rungs: deinterlacing, frame rate, vertical crop, tone mapping, scaling, colour,
    watermark. Their output has exactly end - first frames.

    Rotation is ffmpeg's own autorotate, which runs before this graph.
    """
    video_plan = plan.video
    assert video_plan is not None  # noqa: S101 - a plan without video has no rungs
    video = opened[str(video_plan.index)]
    if video_plan.deinterlace:
        video = video.filter("bwdif", mode="send_frame", deint="interlaced")
    start = plan.start_s + first / plan.frame_rate
    # start_time repeats the first frame where audio starts earlier, and drops frames that a seek read too early.
    video = video.filter("fps", fps=rational(plan.frame_rate), start_time=_seconds(start))

    def convert(part: Any, part_size: tuple[int, int]) -> Any:
        return _to_sdr(part, video_plan, part_size).filter("format", "yuv420p").filter("setsar", 1)

    if video_plan.crop:
        span_s = (start, plan.start_s + end / plan.frame_rate)
        video = upright_filters(
            video, video_plan.crop, plan.frame_rate, span_s, size, convert, odd_pixels=video_plan.crop_odd_pixels
        )
    else:
        video = convert(video, size)
    if mark is not None and video_plan.watermark:
        video = _with_watermark(video, mark, video_plan.watermark, size)
    video = video.filter("tpad", stop_mode="clone", stop=-1).filter("trim", end_frame=end - first)
    # Timestamps are frame numbers of the whole title, so that chunks join without an offset.
    video = video.filter("setpts", f"N+{first}" if first else "N")
    return video.filter("setparams", range="limited", color_primaries="bt709", color_trc="bt709", colorspace="bt709")


def _to_sdr(video: Any, video_plan: VideoPlan, size: tuple[int, int]) -> Any:
    """The video converted to SDR BT.709 in limited range, scaled to `size` (width, height)."""
    if video_plan.tone_map:
        return (
            video.filter("zscale", w=size[0], h=size[1], f="bicubic")
            .filter("zscale", t="linear", npl=203)
            .filter("format", "gbrpf32le")
            .filter("zscale", p="bt709")
            .filter("tonemap", "mobius", desat=0)
            .filter("zscale", t="bt709", m="bt709", r="tv")
        )
    return video.filter(
        "scale",
        size[0],
        size[1],
        flags="bicubic",
        in_color_matrix=video_plan.from_matrix,
        in_range="full" if video_plan.from_full_range else "limited",
        out_color_matrix="bt709",
        out_range="limited",
    )


def _with_watermark(video: Any, mark: Any, watermark: Watermark, size: tuple[int, int]) -> Any:
    """`video` with the owner's image over every frame; its margin is a fiftieth of the short side of `size`."""
    width = max(2, round(size[0] * watermark.width_share))
    image = mark.filter("scale", width, -1, flags="bicubic").filter("format", "yuva420p")
    image = image.filter("colorchannelmixer", aa=watermark.opacity)
    x, y = (at.format(m=max(2, min(size) // 50)) for at in _OVERLAY_AT[watermark.position])
    return ffmpeg.overlay(video, image, x=x, y=y, eof_action="repeat", format="yuv420")


def _encoder_options(plan: EncodePlan, rung: VideoRung, first: int, end: int, threads: int | None) -> dict[str, Any]:
    options = codec_preset(plan.codec).encoder_options(
        plan.effort,
        gop_frames=plan.gop_frames // rung.frame_step,
        cap_bps=rung.maxrate_bps,
        preset=plan.preset,
        crf=rung.crf,
        more=dict(plan.encoder_options),
    )
    if threads:
        options["threads"] = threads
    cuts = [cut for cut in plan.cuts if first <= cut < end]
    if any((cut - first) % plan.gop_frames for cut in cuts):
        options["force_key_frames"] = cut_times(cuts, plan.frame_rate)
    return {
        **options,
        "fps_mode": "passthrough",
        "map_metadata": -1,
        "map_chapters": -1,
        "video_track_timescale": plan.timescale,
        "f": "mp4",
        "movflags": MOVFLAGS,
        # Fragments are written as soon as they are complete: the first rung is published while it is encoded.
        "flush_packets": 1,
    }


def audio_argv(
    plan: EncodePlan, binary: str, source: PurePath, audio: AudioPlan, *, copy: bool = False, gain_db: float = 0.0
) -> list[str]:
    """argv that writes one audio rendition of the whole title as `output_file(audio.id)`, AUDIO_OFFSET_S late."""
    upload = _input(plan, source)
    return _compile([_audio_output(plan, upload[str(audio.index)], audio, copy=copy, gain_db=gain_db)], binary)


def _audio_output(plan: EncodePlan, track: Any, audio: AudioPlan, *, copy: bool, gain_db: float) -> Any:
    container_options = {
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
        "movflags": MOVFLAGS,
        "frag_duration": 1_000_000,
        "flush_packets": 1,
        "output_ts_offset": AUDIO_OFFSET_S,
    }
    if copy:
        return ffmpeg.output(track, output_file(audio.id), **{"c:a": "copy"}, **container_options)
    track = resampled(track, plan)
    if gain_db:
        track = track.filter("volume", f"{gain_db:.2f}dB").filter("alimiter", limit=PEAK, level=0, latency=1)
    samples = round(plan.duration_s * AUDIO_RATE_HZ)
    track = track.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
    return ffmpeg.output(track, output_file(audio.id), **{"c:a": "aac", "b:a": plan.audio_bps}, **container_options)


def resampled(track: Any, plan: EncodePlan) -> Any:
    """The track as 48 kHz stereo, aligned to the title's timeline."""
    # async=1 fills gaps and cuts overlaps of 10 ms and more; first_pts=0 begins with the video.
    track = track.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "min_hard_comp": 0.01, "first_pts": 0})
    track = track.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    if plan.first_frame:
        track = track.filter("atrim", start_sample=round(plan.start_s * AUDIO_RATE_HZ)).filter("asetpts", "N/SR/TB")
    return track


def loudness_argv(plan: EncodePlan, binary: str, source: PurePath, audio: AudioPlan) -> list[str]:
    """argv that measures the loudness of one track by EBU R128; the summary is at the end of stderr."""
    upload = _input(plan, source)
    track = resampled(upload[str(audio.index)], plan).filter("atrim", end_sample=round(plan.duration_s * AUDIO_RATE_HZ))
    track = track.filter("ebur128", peak="true", framelog="quiet")
    argv: list[str] = (
        ffmpeg.output(track, "-", f="null")
        .global_args("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", *PROGRAM_LIMITS)
        .compile(cmd=binary)
    )
    return argv


def remux_argv(plan: EncodePlan, binary: str, source: PurePath, *, copy_audio: bool) -> list[str]:
    """argv that copies the upload's video track and first audio track; without `copy_audio` audio becomes AAC."""
    passthrough = plan.passthrough
    assert passthrough is not None and plan.video is not None  # noqa: S101 - called only for a plan with passthrough
    upload = input_from(plan, source, 0)
    outputs = [
        ffmpeg.output(
            upload[str(plan.video.index)],
            output_file(passthrough.rung.id),
            **{
                "c:v": "copy",
                "map_metadata": -1,
                "map_chapters": -1,
                "video_track_timescale": plan.timescale,
                "f": "mp4",
                "movflags": MOVFLAGS,
            },
        )
    ]
    if plan.audio:
        audio = plan.audio[0]
        outputs.append(_audio_output(plan, upload[str(audio.index)], audio, copy=copy_audio, gain_db=0.0))
    return _compile(outputs, binary)


def _compile(outputs: Sequence[Any], binary: str) -> list[str]:
    merged = ffmpeg.merge_outputs(*outputs).global_args(
        "-hide_banner",
        "-nostdin",
        "-nostats",
        "-loglevel",
        "level+warning",
        "-progress",
        "pipe:1",
        "-stats_period",
        "0.25",
        *PROGRAM_LIMITS,
    )
    argv: list[str] = merged.overwrite_output().compile(cmd=binary)
    return argv


def rational(value: Fraction) -> str:
    """The value as ffmpeg reads rationals: "30000/1001"."""
    return f"{value.numerator}/{value.denominator}"


def _seconds(value: Fraction) -> str | int:
    """Seconds for a filter that takes decimals only, exact to a nanosecond."""
    return int(value) if value.denominator == 1 else f"{float(value):.9f}"
