"""EncodePlan -> argv of ffmpeg runs. Pure. ffmpeg-python builds the graphs.

One run encodes all rungs of a chunk: one decode, one set of filters, a cascade of scalings. Audio is a separate run for
the whole title, because AAC encoded in chunks has gaps. Every output is a fragmented MP4 (CMAF, one fragment per GOP,
timestamps on the title's timeline, no edit list), which transcode.encode.cutters checks and cuts.

Filters are in several graphs (transcode.encode.graphs). ffmpeg rebuilds a graph when the size, format, colours, sample
rate or channels of its input change, and filters that count start again: so the first graph of a track only converts,
to one form, and what counts frames or samples comes after it.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import PurePath
from typing import Any

import ffmpeg

from core.media.upload_limits import INPUT_LIMITS, PROGRAM_LIMITS
from presets.codec import codec_preset, cut_times
from transcode.encode.convert import converted, crop_converted, one_side, stereo
from transcode.encode.crop_filters import upright_filters
from transcode.encode.cutters import AUDIO_OFFSET_S
from transcode.encode.graphs import next_graph, separate_graphs
from transcode.plan.encode_plan import AUDIO_RATE_HZ, AudioPlan, EncodePlan
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import Watermark, WatermarkFile
from transcode.probe.sniff import DEMUXERS

LOOKAHEAD_FRAMES = 8  # more than any filter waits for before it gives out a frame
PEAK = 0.891  # -1 dBTP: headroom for the overshoot of lossy audio coding
# cmaf + frag_discont: signed composition offsets and the given timestamps, so that no edit list is needed.
MOVFLAGS = "+cmaf+frag_keyframe+frag_discont"
# In MPEG-TS a PES packet has a time for its first frame of sound only. The others (without a position in the file) get
# theirs from the demuxer, by the sample rate that the track had at first: without these, ffmpeg counts decoded samples.
_STATED_TIMES = {"bsf:a": r"setts=ts=if(gt(N\,0)*lt(POS\,0)\,NOPTS\,TS)"}
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
    watermark: WatermarkFile | None = None,
    threads: int | None = None,
) -> list[str]:
    """argv that writes `output_file` of each of `rungs`, frames `first`..`end` of the title, in the working directory.

    Progress goes to stdout as key=value lines; messages go to stderr, each with its level and its component's name.
    """
    upload = input_from(plan, source, first)
    mark = ffmpeg.input(f"file:{watermark.path}", format=watermark.type.demuxer, **INPUT_LIMITS) if watermark else None
    size = (rungs[0].width, rungs[0].height)
    # Without end, as the next graph is not told of one; the last frame stands where audio ends later.
    video = next_graph(in_one_form(plan, upload, size).filter("tpad", stop_mode="clone", stop=-1))
    video = prepared(plan, video, first=first, end=end, size=size, mark=mark)
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


def input_from(plan: EncodePlan, source: PurePath, first: int, **more: Any) -> Any:
    """ffmpeg input that reads the upload from a little before frame `first`, with its own timestamps.

    `more`: further options of the input.
    """
    seek_s = plan.start_s + first / plan.frame_rate - plan.seek_back_s
    options: dict[str, Any] = dict(more)
    if plan.video and plan.video.changes and plan.container == "mpegts":
        # What ffmpeg has found out of a track's shape beforehand it holds against each frame's own.
        options |= {"probesize": 32, "analyzeduration": 0}
    if seek_s > 0:
        # The seek only decides where reading begins; the filter graph selects the first frame.
        options |= {"ss": f"{int(seek_s * 1000) / 1000:.3f}", "noaccurate_seek": None}
    return _input(plan, source, **options)


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


def _decoded_sound(plan: EncodePlan) -> dict[str, str]:
    """Options of an input whose sound is decoded. Not for copied sound: a muxer needs a time for each packet."""
    return _STATED_TIMES if plan.container == "mpegts" else {}


def cropping(plan: EncodePlan) -> dict[str, str]:
    """Options of an input for what the container crops, which ffmpeg cuts off by itself."""
    return {"apply_cropping": "codec"} if plan.video and plan.video.keep_margin else {}


def in_one_form(plan: EncodePlan, opened: Any, size: tuple[int, int]) -> Any:
    """The video track deinterlaced, and in one form: size, pixel format and colours stay, whatever the upload does.

    Rotation is ffmpeg's own autorotate, which runs before this graph.
    """
    assert plan.video is not None  # noqa: S101 - a plan without video has no rungs
    video = opened[str(plan.video.index)]
    if plan.video.deinterlace:
        video = video.filter("bwdif", mode="send_frame", deint="interlaced")
    return converted(video, plan.video, size)


def prepared(plan: EncodePlan, video: Any, *, first: int, end: int, size: tuple[int, int], mark: Any = None) -> Any:
    """Filters that run once for all rungs: frame rate, vertical crop, watermark, and exactly end - first frames.

    `video` is what `in_one_form` made, with no end.
    """
    assert plan.video is not None  # noqa: S101 - see in_one_form
    start = plan.start_s + first / plan.frame_rate
    # start_time repeats the first frame where audio starts earlier, and drops frames that a seek read too early.
    video = video.filter("fps", fps=rational(plan.frame_rate), start_time=_seconds(start))
    # A frame that stands for long is repeated all at once: as references here, but one by one in the next graph.
    video = next_graph(video.filter("trim", end_frame=end - first + LOOKAHEAD_FRAMES))
    if plan.video.crop:
        span_s = (start, plan.start_s + end / plan.frame_rate)
        video = upright_filters(
            video,
            plan.video.crop,
            plan.frame_rate,
            span_s,
            size,
            partial(crop_converted, plan.video),
            odd_pixels=plan.video.crop_odd_pixels,
        )
    if mark is not None and plan.video.watermark:
        video = _with_watermark(video, mark, plan.video.watermark, size)
    video = video.filter("trim", end_frame=end - first)
    # Timestamps are frame numbers of the whole title, so that chunks join without an offset.
    video = video.filter("setpts", f"N+{first}" if first else "N")
    return video.filter("setparams", range="limited", color_primaries="bt709", color_trc="bt709", colorspace="bt709")


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
    plan: EncodePlan,
    binary: str,
    source: PurePath,
    audio: AudioPlan,
    *,
    copy: bool = False,
    decode: bool = False,
    gain_db: float = 0.0,
) -> list[str]:
    """argv that writes one audio rendition of the whole title as `output_file(audio.id)`, AUDIO_OFFSET_S late.

    With `decode` a track that is copied is decoded beside it, so that its decoder's complaints are heard.
    """
    upload = _input(plan, source, **({} if copy else _decoded_sound(plan)))
    outputs = [_audio_output(plan, upload, audio, copy=copy, gain_db=gain_db)]
    return _compile([*outputs, *([_decoded(upload, audio)] if copy and decode else [])], binary)


def _decoded(opened: Any, audio: AudioPlan) -> Any:
    """The track decoded and thrown away."""
    return ffmpeg.output(opened[str(audio.index)], "-", f="null")


def _audio_output(plan: EncodePlan, opened: Any, audio: AudioPlan, *, copy: bool, gain_db: float) -> Any:
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
        return ffmpeg.output(opened[str(audio.index)], output_file(audio.id), **{"c:a": "copy"}, **container_options)
    track = on_timeline(opened, plan, audio)
    if gain_db:
        track = track.filter("volume", f"{gain_db:.2f}dB").filter("alimiter", limit=PEAK, level=0, latency=1)
    samples = round(plan.duration_s * AUDIO_RATE_HZ)
    track = track.filter("atrim", end_sample=samples)
    return ffmpeg.output(track, output_file(audio.id), **{"c:a": "aac", "b:a": plan.audio_bps}, **container_options)


def on_timeline(opened: Any, plan: EncodePlan, audio: AudioPlan) -> Any:
    """The track as 48 kHz stereo, aligned to the title's timeline; two mono tracks as left and right."""
    if audio.right is None:
        # Silence without end, as the next graph is not told of one.
        form = stereo(opened[str(audio.index)], audio.channels, audio.layout)
        track = _gapless(next_graph(form.filter("apad"), "anull"), audio.long_gaps_s)
    else:
        # Cameras record both in one form from start to end: one graph does.
        sides = [_gapless(one_side(opened[str(index)]), audio.long_gaps_s) for index in (audio.index, audio.right)]
        track = ffmpeg.filter(sides, "join", inputs=2, channel_layout="stereo").filter("apad")
    if plan.first_frame:
        track = track.filter("atrim", start_sample=round(plan.start_s * AUDIO_RATE_HZ)).filter("asetpts", "N/SR/TB")
    return track


def _gapless(track: Any, long_gaps_s: Sequence[Fraction]) -> Any:
    """`track` from the timeline's zero on, with silence in its gaps. `long_gaps_s`: where gaps end that are long."""
    if not long_gaps_s:
        return _filled(track)
    # aresample holds all the silence of a gap in memory; apad makes it as it is read. So a part ends a moment before a
    # long gap does, and is padded to that length.
    splits_s = [at - Fraction(1, 2) for at in long_gaps_s]
    starts = [0, *(round(at * AUDIO_RATE_HZ) for at in splits_s)]
    parts = track.filter_multi_output("asegment", timestamps="|".join(f"{float(at):.6f}" for at in splits_s))
    pieces = []
    for number, start in enumerate(starts):
        piece = parts[number]
        if start:
            piece = piece.filter("asetpts", f"PTS-{start}/SR/TB")
        piece = _filled(piece)
        if number + 1 < len(starts):
            samples = starts[number + 1] - start
            piece = piece.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
        pieces.append(piece)
    return ffmpeg.concat(*pieces, v=0, a=1)


def _filled(track: Any) -> Any:
    # async=1 fills gaps and cuts overlaps of 10 ms and more; first_pts=0 begins with the video.
    return track.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "min_hard_comp": 0.01, "first_pts": 0})


def loudness_argv(plan: EncodePlan, binary: str, source: PurePath, audio: AudioPlan) -> list[str]:
    """argv that measures the loudness of one track by EBU R128 and how much of it is near full scale.

    Both summaries are at the end of stderr.
    """
    upload = _input(plan, source, **_decoded_sound(plan))
    track = on_timeline(upload, plan, audio).filter("atrim", end_sample=round(plan.duration_s * AUDIO_RATE_HZ))
    track = track.filter("ebur128", peak="true", framelog="quiet")
    if audio.channels == 1:
        track = track.filter("volume", "3.0103dB")  # stereo takes that off a mono track, and its limit with it
    track = track.filter("volumedetect")
    argv: list[str] = (
        ffmpeg.output(track, "-", f="null")
        .global_args("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", *PROGRAM_LIMITS)
        .compile(cmd=binary)
    )
    return separate_graphs(argv)


def remux_argv(plan: EncodePlan, binary: str, source: PurePath, *, copy_audio: bool) -> list[str]:
    """argv that copies the upload's video track and first audio track; without `copy_audio` audio becomes AAC."""
    passthrough = plan.passthrough
    assert passthrough is not None and plan.video is not None  # noqa: S101 - called only for a plan with passthrough
    upload = input_from(plan, source, 0, **({} if copy_audio or not plan.audio else _decoded_sound(plan)))
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
        outputs.append(_audio_output(plan, upload, audio, copy=copy_audio, gain_db=0.0))
        if copy_audio:
            outputs.append(_decoded(upload, audio))
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
    return separate_graphs(argv)


def rational(value: Fraction) -> str:
    """The value as ffmpeg reads rationals: "30000/1001"."""
    return f"{value.numerator}/{value.denominator}"


def _seconds(value: Fraction) -> str | int:
    """Seconds for a filter that takes decimals only, exact to a nanosecond."""
    return int(value) if value.denominator == 1 else f"{float(value):.9f}"
