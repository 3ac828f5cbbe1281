"""transcode.command: the exact words of the one ffmpeg run."""

from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath

import pytest

from tests.unit.test_plan import source
from transcode.command import encode_argv
from transcode.plan import EncodePlan, plan

SOURCE = PurePosixPath("/in/clip.mp4")
INPUT = ["ffmpeg", "-f", "mov", "-max_streams", "64", "-protocol_whitelist", "file,pipe", "-i", "file:/in/clip.mp4"]
SCALE = (
    "scale=640:360:flags=bicubic:in_color_matrix=bt709:in_range=limited:out_color_matrix=bt709:out_range=limited[s1];"
)
GRAPH = (
    "[0:0]fps=fps=30000/1001:start_time=0[s0];"
    f"[s0]{SCALE}"
    "[s1]format=yuv420p[s2];[s2]setsar=1[s3];"
    "[s3]tpad=stop=-1:stop_mode=clone[s4];[s4]trim=end_frame=210[s5];"
    "[s5]setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=limited[s6];"
    "[s6]split=2[s7][s8];[s8]scale=416:234:flags=bicubic[s9];"
    "[0:1]aresample=48000:async=1:first_pts=0[s10];"
    "[s10]aformat=channel_layouts=stereo:sample_fmts=fltp[s11];"
    "[s11]apad=whole_len=336336[s12];[s12]atrim=end_sample=336336[s13]"
)
GRAPH_SILENT_HDR_INTERLACED = (
    "[0:0]bwdif=deint=interlaced:mode=send_frame[s0];"
    "[s0]fps=fps=30000/1001:start_time=0[s1];"
    "[s1]zscale=f=bicubic:h=360:w=640[s2];"
    "[s2]zscale=npl=203:t=linear[s3];[s3]format=gbrpf32le[s4];[s4]zscale=p=bt709[s5];"
    "[s5]tonemap=mobius:desat=0[s6];[s6]zscale=m=bt709:r=tv:t=bt709[s7];"
    "[s7]format=yuv420p[s8];[s8]setsar=1[s9];"
    "[s9]tpad=stop=-1:stop_mode=clone[s10];[s10]trim=end_frame=210[s11];"
    "[s11]setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=limited[s12];"
    "[s12]split=2[s13][s14];[s14]scale=416:234:flags=bicubic[s15]"
)
AUDIO = [
    *("-map", "[s13]", "-f", "mp4", "-b:a", "128000", "-c:a", "aac", "-frag_duration", "6000000"),
    *("-map_chapters", "-1", "-map_metadata", "-1", "-movflags", "+cmaf+frag_keyframe", "audio.mp4"),
]
GLOBAL = [
    *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"),
    *("-progress", "pipe:1", "-stats_period", "0.5", "-y"),
]


def rung(pad: str, cap_bps: int, file: str) -> list[str]:
    return [
        *("-map", pad, "-f", "mp4", "-bufsize", str(2 * cap_bps), "-c:v", "libx264", "-crf", "23"),
        *("-flags", "+cgop", "-fps_mode", "passthrough", "-g", "60", "-keyint_min", "60"),
        *("-map_chapters", "-1", "-map_metadata", "-1", "-maxrate", str(cap_bps)),
        *("-movflags", "+cmaf+frag_keyframe+frag_discont", "-preset", "fast", "-profile:v", "high"),
        *("-sc_threshold", "0", "-video_track_timescale", "30000", file),
    ]


def argv(made: EncodePlan) -> list[str]:
    return encode_argv(made, "ffmpeg", SOURCE)


def graph(made: EncodePlan) -> str:
    words = argv(made)
    return words[words.index("-filter_complex") + 1]


def test_two_rungs_and_sound() -> None:
    assert argv(plan(source(width=640, height=360))) == [
        *INPUT,
        *("-filter_complex", GRAPH),
        *rung("[s7]", 365_000, "v360.mp4"),
        *rung("[s9]", 145_000, "v234.mp4"),
        *AUDIO,
        *GLOBAL,
    ]


def test_silent_hdr_interlaced() -> None:
    made = plan(source(width=640, height=360, audio=(), transfer="smpte2084", interlaced=True))
    assert argv(made) == [
        *INPUT,
        *("-filter_complex", GRAPH_SILENT_HDR_INTERLACED),
        *rung("[s13]", 365_000, "v360.mp4"),
        *rung("[s15]", 145_000, "v234.mp4"),
        *GLOBAL,
    ]


@pytest.mark.parametrize(
    ("container", "demuxer"), [("mp4", "mov"), ("matroska", "matroska"), ("mpegts", "mpegts"), ("avi", "avi")]
)
def test_the_demuxer_is_pinned(container: str, demuxer: str) -> None:
    words = argv(replace(plan(source()), container=container))
    assert words[: words.index("-i")][1:3] == ["-f", demuxer]


def test_one_rung_needs_no_split() -> None:
    made = plan(source(width=320, height=200, audio=(), frame_rate=Fraction(25)))
    assert "split" not in graph(made)
    assert argv(made)[argv(made).index("-g") + 1] == "50"


@pytest.mark.parametrize(
    ("video", "part"),
    [
        ({"full_range": True}, "in_range=full"),
        ({"matrix": "smpte170m"}, "in_color_matrix=bt601"),
        ({"matrix": "bt2020_ncl"}, "in_color_matrix=bt2020"),
        ({"frame_rate": Fraction(120)}, "fps=fps=60/1:"),
        ({"index": 3}, "[0:3]fps"),
    ],
)
def test_what_the_source_changes_in_the_graph(video: dict, part: str) -> None:
    assert part in graph(plan(source(**video)))
    assert part not in graph(plan(source()))


def test_a_hostile_name_stays_one_word() -> None:
    words = encode_argv(plan(source()), "ffmpeg", PurePosixPath("/in/concat:|-y;[0:0]'.mp4"))
    assert words[words.index("-i") + 1] == "file:/in/concat:|-y;[0:0]'.mp4"
