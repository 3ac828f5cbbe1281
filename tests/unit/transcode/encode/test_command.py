"""transcode.encode.argv: the exact words of every ffmpeg run."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import pytest

from presets.codec import codec_preset
from presets.effort import Effort
from presets.rung import Codec
from tests.sources import NTSC, conforming, index_of, source
from transcode.encode.argv import audio_argv, loudness_argv, remux_argv, video_argv
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import Position, Watermark

SOURCE = PurePosixPath("/in/clip.mp4")
MARK = PurePosixPath("/in/mark.png")
PINNED = ["-copyts", "-max_streams", "64", "-protocol_whitelist", "file,pipe"]
INPUT = ["ffmpeg", "-f", "mov", *PINNED, "-i", "file:/in/clip.mp4"]
SDR = "in_color_matrix=bt709:in_range=limited:out_color_matrix=bt709:out_range=limited"
PARAMS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=limited"
GRAPH_1080 = (
    "[0:0]fps=fps=30000/1001:start_time=0[s0];"
    f"[s0]scale=1920:1080:flags=bicubic:{SDR}[s1];"
    "[s1]format=yuv420p[s2];[s2]setsar=1[s3];"
    "[s3]tpad=stop=-1:stop_mode=clone[s4];[s4]trim=end_frame=210[s5];[s5]setpts=N[s6];"
    f"[s6]{PARAMS}[s7];"
    "[s7]split=2[s8][s9];[s9]scale=1280:720:flags=bicubic[s10];"
    "[s10]split=2[s11][s12];[s12]scale=960:540:flags=bicubic[s13];"
    "[s13]split=2[s14][s15];[s15]scale=768:432:flags=bicubic[s16];"
    "[s16]split=2[s17][s18];[s18]scale=640:360:flags=bicubic[s19];"
    "[s19]split=2[s20][s21];[s21]scale=416:234:flags=bicubic[s22]"
)
GRAPH_PORTRAIT = (
    "[0:0]fps=fps=30000/1001:start_time=0[s0];"
    f"[s0]scale=360:640:flags=bicubic:{SDR}[s1];"
    "[s1]format=yuv420p[s2];[s2]setsar=1[s3];"
    "[s3]tpad=stop=-1:stop_mode=clone[s4];[s4]trim=end_frame=210[s5];[s5]setpts=N[s6];"
    f"[s6]{PARAMS}[s7];"
    "[s7]split=2[s8][s9];[s9]scale=234:416:flags=bicubic[s10]"
)
GRAPH_HDR_INTERLACED = (
    "[0:0]bwdif=deint=interlaced:mode=send_frame[s0];"
    "[s0]fps=fps=30000/1001:start_time=0[s1];"
    "[s1]zscale=f=bicubic:h=200:w=320[s2];"
    "[s2]zscale=npl=203:t=linear[s3];[s3]format=gbrpf32le[s4];[s4]zscale=p=bt709[s5];"
    "[s5]tonemap=mobius:desat=0[s6];[s6]zscale=m=bt709:r=tv:t=bt709[s7];"
    "[s7]format=yuv420p[s8];[s8]setsar=1[s9];"
    "[s9]tpad=stop=-1:stop_mode=clone[s10];[s10]trim=end_frame=210[s11];[s11]setpts=N[s12];"
    f"[s12]{PARAMS}[s13]"
)
GRAPH_CHUNK = (
    "[0:0]fps=fps=30000/1001:start_time=36.036000000[s0];"
    f"[s0]scale=320:200:flags=bicubic:{SDR}[s1];"
    "[s1]format=yuv420p[s2];[s2]setsar=1[s3];"
    "[s3]tpad=stop=-1:stop_mode=clone[s4];[s4]trim=end_frame=900[s5];[s5]setpts=N+1080[s6];"
    f"[s6]{PARAMS}[s7]"
)
GRAPH_HALVED = (
    "[0:0]fps=fps=50/1:start_time=0[s0];"
    f"[s0]scale=960:540:flags=bicubic:{SDR}[s1];"
    "[s1]format=yuv420p[s2];[s2]setsar=1[s3];"
    "[s3]tpad=stop=-1:stop_mode=clone[s4];[s4]trim=end_frame=800[s5];[s5]setpts=N[s6];"
    f"[s6]{PARAMS}[s7];"
    "[s7]split=2[s8][s9];[s9]scale=416:234:flags=bicubic[s10];[s10]framestep=2[s11]"
)
GRAPH_MARKED = (
    "[0:0]fps=fps=30000/1001:start_time=2.002000000[s0];"
    f"[s0]scale=320:200:flags=bicubic:{SDR}[s1];"
    "[s1]format=yuv420p[s2];[s2]setsar=1[s3];"
    "[1]scale=38:-1:flags=bicubic[s4];[s4]format=yuva420p[s5];[s5]colorchannelmixer=aa=0.8[s6];"
    "[s3][s6]overlay=eof_action=repeat:format=yuv420:x=W-w-4:y=H-h-4[s7];"
    "[s7]tpad=stop=-1:stop_mode=clone[s8];[s8]trim=end_frame=150[s9];[s9]setpts=N[s10];"
    f"[s10]{PARAMS}[s11]"
)
LEVELLED = (
    "[0:1]aresample=48000:async=1:first_pts=0:min_hard_comp=0.01[s0];"
    "[s0]aformat=channel_layouts=stereo:sample_fmts=fltp[s1];"
)
# What an effort means is tuned in presets/codecs.yaml, and held by tests of its own.
X264 = codec_preset(Codec.H264)
PRESET, CRF = X264.efforts[Effort.BALANCED].preset, str(X264.efforts[Effort.BALANCED].crf)
PARAMETERS = ":".join(f"{key}={value}" for key, value in X264.parameters.items())
GLOBAL = [
    *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"),
    *("-progress", "pipe:1", "-stats_period", "0.25", "-y"),
]


def rung(
    pad: str, cap_bps: int, file: str, *, gop: int = 60, timescale: int = 30_000, forced: str = "", threads: int = 0
) -> list[str]:
    return [
        *("-map", pad, "-f", "mp4", "-bufsize", str(2 * cap_bps), "-c:v", "libx264", "-crf", CRF),
        *("-flags", "+cgop", "-flush_packets", "1"),
        *(["-force_key_frames", forced] if forced else []),
        *("-forced-idr", "1", "-fps_mode", "passthrough", "-g", str(gop), "-keyint_min", str(gop)),
        *("-map_chapters", "-1", "-map_metadata", "-1", "-maxrate", str(cap_bps)),
        *("-movflags", "+cmaf+frag_keyframe+frag_discont", "-pix_fmt", "yuv420p", "-preset", PRESET),
        *("-profile:v", "high", "-sc_threshold", "0", *(["-threads", str(threads)] if threads else [])),
        *("-video_track_timescale", str(timescale), "-x264-params", PARAMETERS, file),
    ]


def written(pad: str, *codec: str) -> list[str]:
    """Options of a sound output; `codec` in the order of their names."""
    return [
        *("-map", pad, "-f", "mp4", *codec, "-flush_packets", "1", "-frag_duration", "1000000"),
        *("-map_chapters", "-1", "-map_metadata", "-1", "-movflags", "+cmaf+frag_keyframe+frag_discont"),
        *("-output_ts_offset", "10", "a1.mp4"),
    ]


def argv(made: EncodePlan, chunk: int = 0, rungs: Sequence[VideoRung] | None = None, **options: Any) -> list[str]:
    first, end = made.chunk(chunk)
    return video_argv(made, "ffmpeg", SOURCE, first=first, end=end, rungs=rungs or made.rungs, **options)


def value(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_an_ordinary_1080p() -> None:
    assert argv(build_plan(source(), None)) == [
        *INPUT,
        *("-filter_complex", GRAPH_1080),
        *rung("[s8]", 6_000_000, "v1080.mp4"),
        *rung("[s11]", 3_000_000, "v720.mp4"),
        *rung("[s14]", 2_000_000, "v540.mp4"),
        *rung("[s17]", 1_100_000, "v432.mp4"),
        *rung("[s20]", 365_000, "v360.mp4"),
        *rung("[s22]", 145_000, "v234.mp4"),
        *GLOBAL,
    ]


def test_a_rotated_one_is_made_as_it_is_shown() -> None:
    """ffmpeg turns it before the graph; nothing else may turn it again."""
    made = build_plan(source(width=640, height=360, rotation=90, shown_width=360, shown_height=640), None)
    assert argv(made) == [
        *INPUT,
        *("-filter_complex", GRAPH_PORTRAIT),
        *rung("[s8]", 365_000, "v360.mp4"),
        *rung("[s10]", 145_000, "v234.mp4"),
        *GLOBAL,
    ]


def test_hdr_and_interlaced() -> None:
    made = build_plan(source(width=320, height=200, transfer="smpte2084", interlaced=True), None)
    assert argv(made) == [
        *INPUT,
        *("-filter_complex", GRAPH_HDR_INTERLACED),
        *rung("[s13]", 145_000, "v200.mp4"),
        *GLOBAL,
    ]


def test_a_chunk_in_the_middle() -> None:
    """Reading starts early; which frame is first is decided by the times kept, and said again in output frames."""
    made = build_plan(source(width=320, height=200, duration_s=Fraction(100)), None)
    assert made.chunks == (0, 1080, 1980)
    assert argv(made, 1, threads=2) == [
        *(
            "ffmpeg",
            "-f",
            "mov",
            "-copyts",
            "-max_streams",
            "64",
            "-noaccurate_seek",
            "-protocol_whitelist",
            "file,pipe",
        ),
        *("-ss", "34.996", "-i", "file:/in/clip.mp4"),
        *("-filter_complex", GRAPH_CHUNK),
        *rung("[s7]", 145_000, "v200.mp4", threads=2),
        *GLOBAL,
    ]


def test_the_first_chunk_is_read_from_the_start() -> None:
    made = build_plan(source(duration_s=Fraction(100)), None)
    assert "-ss" not in argv(made, 0)
    assert value(argv(made, 2), "-ss") == "65.026", "66.066 s, less 1.04"


def test_forced_cuts_and_a_halved_rung() -> None:
    """A passthrough's cuts are off the GOP grid: pictures there are forced, on every rung at the same time, half a
    frame early so that rounding cannot reach a neighbour."""
    made = build_plan(conforming(Fraction(50), 800, level=42), index_of([0, 130, 290, 430, 600], 800))
    assert made.cuts == (0, 290, 430, 600)
    forced = "0.000000,5.790000,8.590000,11.990000"
    assert argv(made, rungs=(made.rungs[2], made.rungs[5])) == [
        *INPUT,
        *("-filter_complex", GRAPH_HALVED),
        *rung("[s8]", 2_000_000, "v540.mp4", gop=100, timescale=50_000, forced=forced),
        *rung("[s11]", 145_000, "v234.mp4", gop=50, timescale=50_000, forced=forced),
        *GLOBAL,
    ]


def test_pictures_whose_times_cannot_be_true_are_shown_one_after_the_other() -> None:
    """600 pictures in 7 s of a track that says 29.97 frames a second."""
    made = build_plan(source(width=320, height=200, frames=600), None)
    pinned = [word for word in INPUT if word != "-copyts"]
    assert argv(made)[: len(pinned) + 2] == [*pinned[:7], "-r", "30000/1001", *pinned[7:]]
    assert "-r" not in argv(build_plan(source(), None))


def test_only_cuts_of_the_chunk_are_forced() -> None:
    made = build_plan(conforming(Fraction(50), 4000, level=42), index_of(range(0, 4000, 130), 4000))
    assert made.chunks == (0, 2080)
    inside = [float(text) for text in value(argv(made, 1, made.rungs[-1:]), "-force_key_frames").split(",")]
    assert inside == [(cut - 0.5) / 50 for cut in made.cuts if cut >= 2080]


def test_cuts_on_the_gop_grid_are_not_forced() -> None:
    made = build_plan(conforming(Fraction(50), 800, level=42), index_of([0, 200, 400, 600], 800))
    assert made.cuts == (0, 200, 400, 600)
    assert "-force_key_frames" not in argv(made)


def test_a_watermark_on_a_trimmed_title() -> None:
    made = build_plan(
        source(width=320, height=200), None, Options(watermark=Watermark(sha256="ab"), start_s=Fraction(2))
    )
    assert argv(made, watermark=MARK) == [
        *(
            "ffmpeg",
            "-f",
            "mov",
            "-copyts",
            "-max_streams",
            "64",
            "-noaccurate_seek",
            "-protocol_whitelist",
            "file,pipe",
        ),
        *("-ss", "0.962", "-i", "file:/in/clip.mp4"),
        *("-protocol_whitelist", "file,pipe", "-i", "file:/in/mark.png"),
        *("-filter_complex", GRAPH_MARKED),
        *rung("[s11]", 145_000, "v200.mp4"),
        *GLOBAL,
    ]


@pytest.mark.parametrize(
    ("position", "at"),
    [
        ("top-left", "x=21:y=21"),
        ("top-right", "x=W-w-21:y=21"),
        ("bottom-left", "x=21:y=H-h-21"),
        ("center", "x=(W-w)/2:y=(H-h)/2"),
    ],
)
def test_where_the_watermark_stands(position: Position, at: str) -> None:
    mark = Watermark(sha256="ab", position=position, width_share=0.25, opacity=0.5)
    graph = value(argv(build_plan(source(), None, Options(watermark=mark)), watermark=MARK), "-filter_complex")
    assert "[1]scale=480:-1:flags=bicubic" in graph
    assert "colorchannelmixer=aa=0.5" in graph
    assert at in graph


@pytest.mark.parametrize(
    ("container", "demuxer"),
    [("mp4", "mov"), ("matroska", "matroska"), ("mpegts", "mpegts"), ("avi", "avi"), ("flac", "flac")],
)
def test_the_demuxer_is_pinned(container: str, demuxer: str) -> None:
    made = replace(build_plan(source(), None), container=container)
    for words in (argv(made), audio_argv(made, "ffmpeg", SOURCE, made.audio[0])):
        assert words[: words.index("-i")][1:3] == ["-f", demuxer]


def test_one_rung_needs_no_split() -> None:
    words = argv(build_plan(source(width=320, height=200, frame_rate=Fraction(25)), None))
    assert "split" not in value(words, "-filter_complex")
    assert value(words, "-g") == "50"


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
def test_what_the_source_changes_in_the_graph(video: dict[str, Any], part: str) -> None:
    assert part in value(argv(build_plan(source(**video), None)), "-filter_complex")
    assert part not in value(argv(build_plan(source(), None)), "-filter_complex")


@pytest.mark.parametrize(("codec", "encoder"), [(Codec.HEVC, "libx265"), (Codec.AV1, "libsvtav1")])
def test_another_codec(codec: Codec, encoder: str) -> None:
    words = argv(build_plan(source(), None, Options(codec=codec)))
    assert value(words, "-c:v") == encoder
    assert value(words, "-g") == "60"


def test_what_the_profile_and_the_rung_say_wins() -> None:
    made = build_plan(source(), None, Options(profile="lecture", preset="ultrafast"))
    top = replace(made.rungs[0], crf=21.5, maxrate_bps=1_234_000)
    words = argv(made, rungs=(top,))
    assert value(words, "-x264-params") == f"{PARAMETERS}:aq-strength=0.5"
    assert [value(words, name) for name in ("-preset", "-crf", "-maxrate", "-bufsize")] == [
        *("ultrafast", "21.5", "1234000", "2468000"),
    ]


def test_a_hostile_name_stays_one_word() -> None:
    made = build_plan(source(), None)
    hostile = PurePosixPath("/in/concat:|-y;[0:0]'.mp4")
    for words in (
        video_argv(made, "ffmpeg", hostile, first=0, end=210, rungs=made.rungs),
        audio_argv(made, "ffmpeg", hostile, made.audio[0]),
        loudness_argv(made, "ffmpeg", hostile, made.audio[0]),
    ):
        assert value(words, "-i") == "file:/in/concat:|-y;[0:0]'.mp4"


def test_sound() -> None:
    made = build_plan(source(), None)
    assert audio_argv(made, "ffmpeg", SOURCE, made.audio[0]) == [
        *INPUT,
        *("-filter_complex", LEVELLED + "[s1]apad=whole_len=336336[s2];[s2]atrim=end_sample=336336[s3]"),
        *written("[s3]", "-b:a", "128000", "-c:a", "aac"),
        *GLOBAL,
    ]


def test_sound_with_gain_keeps_under_its_peak() -> None:
    made = build_plan(source(), None)
    graph = (
        f"{LEVELLED}[s1]volume=-3.50dB[s2];[s2]alimiter=latency=1:level=0:limit=0.891[s3];"
        "[s3]apad=whole_len=336336[s4];[s4]atrim=end_sample=336336[s5]"
    )
    assert audio_argv(made, "ffmpeg", SOURCE, made.audio[0], gain_db=-3.5) == [
        *INPUT,
        *("-filter_complex", graph),
        *written("[s5]", "-b:a", "128000", "-c:a", "aac"),
        *GLOBAL,
    ]


def test_sound_of_a_trimmed_title() -> None:
    made = build_plan(source(), None, Options(start_s=Fraction(2), end_s=Fraction(5)))
    graph = (
        f"{LEVELLED}[s1]atrim=start_sample=96096[s2];[s2]asetpts=N/SR/TB[s3];"
        "[s3]apad=whole_len=144144[s4];[s4]atrim=end_sample=144144[s5]"
    )
    words = audio_argv(made, "ffmpeg", SOURCE, made.audio[0])
    assert value(words, "-filter_complex") == graph
    assert "-ss" not in words, "sound is read from the start: a seek would not be exact to a sample"


def test_sound_copied() -> None:
    made = build_plan(source(), None)
    assert audio_argv(made, "ffmpeg", SOURCE, made.audio[0], copy=True) == [
        *INPUT,
        *written("0:1", "-c:a", "copy"),
        *GLOBAL,
    ]


def test_loudness() -> None:
    made = build_plan(source(), None)
    assert loudness_argv(made, "ffmpeg", SOURCE, made.audio[0]) == [
        *INPUT,
        *("-filter_complex", LEVELLED + "[s1]atrim=end_sample=336336[s2];[s2]ebur128=framelog=quiet:peak=true[s3]"),
        *("-map", "[s3]", "-f", "null", "-"),
        *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info"),
    ]


THROUGH = [
    *("-map", "0:0", "-f", "mp4", "-c:v", "copy", "-map_chapters", "-1", "-map_metadata", "-1"),
    *("-movflags", "+cmaf+frag_keyframe+frag_discont", "-video_track_timescale", "30000", "v1080.mp4"),
]


def test_remux() -> None:
    made = build_plan(conforming(NTSC, 600), index_of([0, 150, 300, 450], 600))
    assert remux_argv(made, "ffmpeg", SOURCE, copy_audio=True) == [
        *INPUT,
        *THROUGH,
        *written("0:1", "-c:a", "copy"),
        *GLOBAL,
    ]
    graph = LEVELLED + "[s1]apad=whole_len=960960[s2];[s2]atrim=end_sample=960960[s3]"
    assert remux_argv(made, "ffmpeg", SOURCE, copy_audio=False) == [
        *INPUT,
        *("-filter_complex", graph),
        *THROUGH,
        *written("[s3]", "-b:a", "128000", "-c:a", "aac"),
        *GLOBAL,
    ]


def test_remux_of_a_silent_one() -> None:
    made = build_plan(conforming(NTSC, 600, audio=()), index_of([0, 150, 300, 450], 600))
    assert remux_argv(made, "ffmpeg", SOURCE, copy_audio=False) == [*INPUT, *THROUGH, *GLOBAL]


def test_times_are_counted_from_where_the_plan_begins() -> None:
    """A transport stream that starts at 1.4 s: the file's own clock, moved."""
    made = build_plan(replace(source(), origin_s=Fraction(7, 5)), None, Options(ladder="apple"))
    assert value(argv(made, 0), "-itsoffset") == "-1.400000"
    assert value(audio_argv(made, "ffmpeg", SOURCE, made.audio[0]), "-itsoffset") == "-1.400000"
