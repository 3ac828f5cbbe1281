"""EncodePlan -> argv of ffmpeg runs. Pure. ffmpeg-python builds the graphs.

One run makes all rungs of a chunk: one decode, one preparation, a cascade of scalings. Sound is a run of its own for
the whole title, because AAC cut into chunks leaves holes. Every output is a fragmented MP4 (CMAF, a fragment per GOP,
presentation from the chunk's own place on, no edit list), which transcode.encode.cutters checks and cuts.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import ffmpeg

from presets.codec import codec_preset, cut_times
from transcode.encode.crop_filters import upright_filters
from transcode.encode.cutters import AUDIO_OFFSET_S
from transcode.plan.encode_plan import AUDIO_RATE_HZ, AudioPlan, EncodePlan, VideoPlan
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import Watermark
from transcode.probe.sniff import DEMUXERS

PEAK = 0.891  # -1 dBTP: what lossy coding of the sound may still add
# cmaf + frag_discont: signed composition times and the times given, so that no edit list is needed.
MOVFLAGS = "+cmaf+frag_keyframe+frag_discont"
_OVERLAY_AT = {
    "top-left": ("{m}", "{m}"),
    "top-right": ("W-w-{m}", "{m}"),
    "bottom-left": ("{m}", "H-h-{m}"),
    "bottom-right": ("W-w-{m}", "H-h-{m}"),
    "center": ("(W-w)/2", "(H-h)/2"),
}


def output_file(rendition: str) -> str:
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

    Progress goes to stdout as key=value lines; problems go to stderr, each with its level and its part's name.
    """
    opened = opened_at(plan, source, first)
    mark = ffmpeg.input(f"file:{watermark}", protocol_whitelist="file,pipe") if watermark else None
    video = prepared(plan, opened, first=first, end=end, size=(rungs[0].width, rungs[0].height), mark=mark)
    outputs = []
    for number, rung in enumerate(rungs):
        if number:
            # A cascade: each rung is scaled from the one above it, so that the source is read at full size once.
            video = video.filter("scale", rung.width, rung.height, flags="bicubic")
        mine = video
        if number + 1 < len(rungs):
            pair = video.filter_multi_output("split", 2)
            mine, video = pair[0], pair[1]
        if rung.frame_step > 1:
            mine = mine.filter("framestep", rung.frame_step)
        outputs.append(ffmpeg.output(mine, output_file(rung.id), **_encoder(plan, rung, first, end, threads)))
    return _compiled(outputs, binary)


def opened_at(plan: EncodePlan, source: PurePath, first: int) -> Any:
    """The upload, read from a little before frame `first` on, its times kept."""
    seek_s = plan.start_s + first / plan.frame_rate - plan.seek_back_s
    if seek_s <= 0:
        return _opened(plan, source)
    # Only where reading begins: which frame is first, the graph says.
    return _opened(plan, source, ss=f"{int(seek_s * 1000) / 1000:.3f}", noaccurate_seek=None)


def _opened(plan: EncodePlan, source: PurePath, **options: Any) -> Any:
    if plan.video and plan.video.retimed:
        options["r"] = rational(plan.frame_rate)
    else:
        # The file's own times, less where the plan says they begin. Left alone, a run that reads one track only takes
        # that track's start for the file's, and picture and sound drift apart.
        options["copyts"] = None
        if plan.origin_s:
            options["itsoffset"] = f"{-float(plan.origin_s):.6f}"
    return ffmpeg.input(
        f"file:{source}",
        format=DEMUXERS[plan.container],
        # Only this file: nothing in it can name another one or a host.
        protocol_whitelist="file,pipe",
        max_streams=64,
        **options,
    )


def prepared(plan: EncodePlan, opened: Any, *, first: int, end: int, size: tuple[int, int], mark: Any = None) -> Any:
    """All that is done once: deinterlace, frame rate, upright window, tone-map, size, colour, watermark; exactly
    end - first frames.

    Rotation is ffmpeg's own autorotate, which runs before this graph.
    """
    look = plan.video
    assert look is not None  # noqa: S101 - a plan without video has no rungs
    video = opened[str(look.index)]
    if look.deinterlace:
        video = video.filter("bwdif", mode="send_frame", deint="interlaced")
    start = plan.start_s + first / plan.frame_rate
    # start_time repeats the first picture where the sound starts earlier, and drops what a seek read too early.
    video = video.filter("fps", fps=rational(plan.frame_rate), start_time=_seconds(start))

    def toned(part: Any, part_size: tuple[int, int]) -> Any:
        return _toned(part, look, part_size).filter("format", "yuv420p").filter("setsar", 1)

    if look.crop:
        span_s = (start, plan.start_s + end / plan.frame_rate)
        video = upright_filters(video, look.crop, plan.frame_rate, span_s, size, toned, odd_pixels=look.crop_odd_pixels)
    else:
        video = toned(video, size)
    if mark is not None and look.watermark:
        video = _marked(video, mark, look.watermark, size)
    video = video.filter("tpad", stop_mode="clone", stop=-1).filter("trim", end_frame=end - first)
    # Each chunk says itself where it belongs, in frames.
    video = video.filter("setpts", f"N+{first}" if first else "N")
    return video.filter("setparams", range="limited", color_primaries="bt709", color_trc="bt709", colorspace="bt709")


def _toned(video: Any, look: VideoPlan, size: tuple[int, int]) -> Any:
    """The video converted to SDR BT.709 in limited range, scaled to `size` (width, height)."""
    if look.tone_map:
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
        in_color_matrix=look.from_matrix,
        in_range="full" if look.from_full_range else "limited",
        out_color_matrix="bt709",
        out_range="limited",
    )


def _marked(video: Any, mark: Any, watermark: Watermark, size: tuple[int, int]) -> Any:
    """The owner's image over every frame; its margin is a fiftieth of the picture's short side."""
    width = max(2, round(size[0] * watermark.width_share))
    image = mark.filter("scale", width, -1, flags="bicubic").filter("format", "yuva420p")
    image = image.filter("colorchannelmixer", aa=watermark.opacity)
    x, y = (at.format(m=max(2, min(size) // 50)) for at in _OVERLAY_AT[watermark.position])
    return ffmpeg.overlay(video, image, x=x, y=y, eof_action="repeat", format="yuv420")


def _encoder(plan: EncodePlan, rung: VideoRung, first: int, end: int, threads: int | None) -> dict[str, Any]:
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
    own = [cut for cut in plan.cuts if first <= cut < end]
    if any((cut - first) % plan.gop_frames for cut in own):
        options["force_key_frames"] = cut_times(own, plan.frame_rate)
    return {
        **options,
        "fps_mode": "passthrough",
        "map_metadata": -1,
        "map_chapters": -1,
        "video_track_timescale": plan.timescale,
        "f": "mp4",
        "movflags": MOVFLAGS,
        # Fragments leave as soon as they are whole: the first rung is shown while it is made.
        "flush_packets": 1,
    }


def audio_argv(
    plan: EncodePlan, binary: str, source: PurePath, sound: AudioPlan, *, copy: bool = False, gain_db: float = 0.0
) -> list[str]:
    """argv that writes one audio rendition of the whole title, SOUND_OFFSET_S late, as `output_file(sound.id)`."""
    whole = _opened(plan, source)
    return _compiled([_sound_output(plan, whole[str(sound.index)], sound, copy=copy, gain_db=gain_db)], binary)


def _sound_output(plan: EncodePlan, track: Any, sound: AudioPlan, *, copy: bool, gain_db: float) -> Any:
    written = {
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
        "movflags": MOVFLAGS,
        "frag_duration": 1_000_000,
        "flush_packets": 1,
        "output_ts_offset": AUDIO_OFFSET_S,
    }
    if copy:
        return ffmpeg.output(track, output_file(sound.id), **{"c:a": "copy"}, **written)
    track = levelled(track, plan)
    if gain_db:
        track = track.filter("volume", f"{gain_db:.2f}dB").filter("alimiter", limit=PEAK, level=0, latency=1)
    samples = round(plan.duration_s * AUDIO_RATE_HZ)
    track = track.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
    return ffmpeg.output(track, output_file(sound.id), **{"c:a": "aac", "b:a": plan.audio_bps}, **written)


def levelled(track: Any, plan: EncodePlan) -> Any:
    """Stereo at 48 kHz on the title's own clock."""
    # async=1 fills holes and cuts overlaps of 10 ms and more; first_pts=0 begins with the picture.
    track = track.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "min_hard_comp": 0.01, "first_pts": 0})
    track = track.filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
    if plan.first_frame:
        track = track.filter("atrim", start_sample=round(plan.start_s * AUDIO_RATE_HZ)).filter("asetpts", "N/SR/TB")
    return track


def loudness_argv(plan: EncodePlan, binary: str, source: PurePath, sound: AudioPlan) -> list[str]:
    """argv that measures one track by EBU R128; the summary is the end of stderr."""
    whole = _opened(plan, source)
    track = levelled(whole[str(sound.index)], plan).filter("atrim", end_sample=round(plan.duration_s * AUDIO_RATE_HZ))
    track = track.filter("ebur128", peak="true", framelog="quiet")
    argv: list[str] = (
        ffmpeg.output(track, "-", f="null")
        .global_args("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info")
        .compile(cmd=binary)
    )
    return argv


def remux_argv(plan: EncodePlan, binary: str, source: PurePath, *, copy_sound: bool) -> list[str]:
    """argv that writes the upload's own video track, and the first audio track, as they are (or the sound as AAC)."""
    through = plan.passthrough
    assert through is not None and plan.video is not None  # noqa: S101 - asked only where it was planned
    opened = opened_at(plan, source, 0)
    outputs = [
        ffmpeg.output(
            opened[str(plan.video.index)],
            output_file(through.rung.id),
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
        sound = plan.audio[0]
        outputs.append(_sound_output(plan, opened[str(sound.index)], sound, copy=copy_sound, gain_db=0.0))
    return _compiled(outputs, binary)


def _compiled(outputs: Sequence[Any], binary: str) -> list[str]:
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
    )
    argv: list[str] = merged.overwrite_output().compile(cmd=binary)
    return argv


def rational(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _seconds(value: Fraction) -> str | int:
    """For a filter that takes decimal seconds: exact to a nanosecond."""
    return int(value) if value.denominator == 1 else f"{float(value):.9f}"
