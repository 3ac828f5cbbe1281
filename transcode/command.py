"""EncodePlan -> the argv of one ffmpeg run: one decode, every rung, the sound once. Pure.

ffmpeg-python builds the graph. Each rung becomes one fragmented MP4 (CMAF, a fragment per GOP, presentation from 0, no
edit list), which transcode.fmp4 cuts.
"""

from fractions import Fraction
from pathlib import PurePath
from typing import Any

import ffmpeg

from transcode.plan import AUDIO_BPS, AUDIO_RATE_HZ, EncodePlan, VideoRung
from transcode.sniff import DEMUXERS

AUDIO_FILE = "audio.mp4"


def rung_file(rung: VideoRung) -> str:
    return f"{rung.id}.mp4"


def encode_argv(plan: EncodePlan, binary: str, source: PurePath) -> list[str]:
    """argv that writes `rung_file` of every rung and AUDIO_FILE into the working directory.

    Progress goes to stdout as key=value lines; problems go to stderr, each with its level and its part's name.
    """
    opened = ffmpeg.input(
        f"file:{source}",
        format=DEMUXERS[plan.container],
        # Only this file: nothing in it can name another one or a host.
        protocol_whitelist="file,pipe",
        max_streams=64,
    )
    outputs = [*_video_outputs(plan, opened)]
    if plan.audio:
        outputs.append(_audio_output(plan, opened[str(plan.audio.index)]))
    merged = ffmpeg.merge_outputs(*outputs).global_args(
        "-hide_banner",
        "-nostdin",
        "-nostats",
        "-loglevel",
        "level+warning",
        "-progress",
        "pipe:1",
        "-stats_period",
        "0.5",
    )
    argv: list[str] = merged.overwrite_output().compile(cmd=binary)
    return argv


def _video_outputs(plan: EncodePlan, opened: Any) -> list[Any]:
    """A cascade: each rung is scaled from the one above it, so that the source is read at full size once."""
    picture = _prepared(plan, opened[str(plan.video_index)])
    outputs = []
    for number, rung in enumerate(plan.rungs):
        if number:
            picture = picture.filter("scale", rung.width, rung.height, flags="bicubic")
        if number + 1 < len(plan.rungs):
            pair = picture.filter_multi_output("split", 2)
            mine, picture = pair[0], pair[1]
        else:
            mine = picture
        outputs.append(ffmpeg.output(mine, rung_file(rung), **_x264(plan, rung)))
    return outputs


def _prepared(plan: EncodePlan, picture: Any) -> Any:
    """Everything that is done once: deinterlace, frame rate, tone-map, size, colour; then exactly plan.frames frames.

    Rotation is ffmpeg's own autorotate, which runs before this graph.
    """
    if plan.deinterlace:
        picture = picture.filter("bwdif", mode="send_frame", deint="interlaced")
    # start_time=0 repeats the first picture where the sound starts earlier.
    picture = picture.filter("fps", fps=_rational(plan.frame_rate), start_time=0)
    top = plan.rungs[0]
    if plan.tone_map:
        picture = (
            picture.filter("zscale", w=top.width, h=top.height, f="bicubic")
            .filter("zscale", t="linear", npl=203)
            .filter("format", "gbrpf32le")
            .filter("zscale", p="bt709")
            .filter("tonemap", "mobius", desat=0)
            .filter("zscale", t="bt709", m="bt709", r="tv")
        )
    else:
        picture = picture.filter(
            "scale",
            top.width,
            top.height,
            flags="bicubic",
            in_color_matrix=plan.from_matrix,
            in_range="full" if plan.from_full_range else "limited",
            out_color_matrix="bt709",
            out_range="limited",
        )
    return (
        picture.filter("format", "yuv420p")
        .filter("setsar", 1)
        .filter("tpad", stop_mode="clone", stop=-1)
        .filter("trim", end_frame=plan.frames)
        .filter("setparams", range="limited", color_primaries="bt709", color_trc="bt709", colorspace="bt709")
    )


def _x264(plan: EncodePlan, rung: VideoRung) -> dict[str, Any]:
    return {
        "c:v": "libx264",
        "preset": plan.preset,
        "crf": plan.crf,
        "maxrate": rung.cap_bps,
        "bufsize": rung.cap_bps * 2,
        "profile:v": "high",
        # An IDR exactly every GOP: no extra ones at scene cuts, none moved.
        "g": plan.gop_frames,
        "keyint_min": plan.gop_frames,
        "sc_threshold": 0,
        "flags": "+cgop",
        "fps_mode": "passthrough",
        "map_metadata": -1,
        "map_chapters": -1,
        "video_track_timescale": plan.timescale,
        "f": "mp4",
        # cmaf + frag_discont: signed composition times, so that the first frame is shown at 0 without an edit list.
        "movflags": "+cmaf+frag_keyframe+frag_discont",
    }


def _audio_output(plan: EncodePlan, sound: Any) -> Any:
    samples = round(plan.duration_s * AUDIO_RATE_HZ)
    sound = (
        # async=1 fills holes and cuts overlaps; first_pts=0 keeps it in time with a picture that starts earlier.
        sound.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="fltp", channel_layouts="stereo")
        .filter("apad", whole_len=samples)
        .filter("atrim", end_sample=samples)
    )
    return ffmpeg.output(
        sound,
        AUDIO_FILE,
        **{
            "c:a": "aac",
            "b:a": AUDIO_BPS,
            "map_metadata": -1,
            "map_chapters": -1,
            "f": "mp4",
            "movflags": "+cmaf+frag_keyframe",
            "frag_duration": 6_000_000,
        },
    )


def _rational(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
