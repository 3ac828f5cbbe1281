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
from transcode.plan.watermark import ImageType, Position, Watermark, WatermarkFile, image_type

SOURCE = PurePosixPath("/in/clip.mp4")
MARK = WatermarkFile(path=PurePosixPath("/in/mark.png"), type=ImageType(media_type="image/png", demuxer="png_pipe"))
LIMITS = ("-max_pixels", "67108864", "-max_streams", "512")
PINNED = ["-copyts", *LIMITS, "-protocol_whitelist", "file,pipe"]
INPUT = ["ffmpeg", "-f", "mov", *PINNED, "-i", "file:/in/clip.mp4"]
PARAMS = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=limited"


def fitted(size: int, usual: str, relative: str) -> str:
    """A side of frames within `size`: all of it for the usual shape, given as a fraction."""
    own = f"(if(between(sar\\,0.1\\,10)\\,dar\\,a)/({usual}))"
    shown = f"min(1\\,{relative}{own})*{size}"
    return f"if(lt(abs({own}-1)\\,0.02)\\,{size}\\,max(2\\,2*round({shown}/2)))"


def one_form(width: int, height: int, usual: str = "16/9", matrix: str = "bt709") -> str:
    """The graph that decoded SDR frames go through first, in words of ffmpeg."""
    return (
        f"[0:0]scale={fitted(width, usual, '')}:{fitted(height, usual, '1/')}:eval=frame:flags=bicubic:"
        f"in_color_matrix={matrix}:in_range=auto:out_color_matrix=bt709:out_range=limited[s0];"
        f"[s0]format=yuv420p[s1];[s1]pad={width}:{height}:2*trunc((ow-iw)/4):2*trunc((oh-ih)/4):eval=frame[s2];"
        "[s2]setsar=1[s3];[s3]tpad=stop=-1:stop_mode=clone[s4]"
    )


def at_rate(rate: str, frames: int, start: str = "0") -> str:
    """The graph that gives frames of the title's rate, after `one_form`."""
    return f"[s4]null[s5];[s5]fps=fps={rate}:start_time={start}[s6];[s6]trim=end_frame={frames + 8}[s7]"


def counted(frames: int, numbers: str = "N") -> str:
    return f"[s7]null[s8];[s8]trim=end_frame={frames}[s9];[s9]setpts={numbers}[s10];[s10]{PARAMS}[s11]"


GRAPHS_1080 = (
    one_form(1920, 1080),
    at_rate("30000/1001", 210),
    f"{counted(210)};"
    "[s11]split=2[s12][s13];[s13]scale=1280:720:flags=bicubic[s14];"
    "[s14]split=2[s15][s16];[s16]scale=960:540:flags=bicubic[s17];"
    "[s17]split=2[s18][s19];[s19]scale=768:432:flags=bicubic[s20];"
    "[s20]split=2[s21][s22];[s22]scale=640:360:flags=bicubic[s23];"
    "[s23]split=2[s24][s25];[s25]scale=416:234:flags=bicubic[s26]",
)
GRAPHS_PORTRAIT = (
    one_form(360, 640, "9/16"),
    at_rate("30000/1001", 210),
    f"{counted(210)};[s11]split=2[s12][s13];[s13]scale=234:416:flags=bicubic[s14]",
)
GRAPHS_HDR_INTERLACED = (
    "[0:0]bwdif=deint=interlaced:mode=send_frame[s0];"
    f"[s0]zscale=f=bicubic:h={fitted(200, '8/5', '1/')}:w={fitted(320, '8/5', '')}[s1];"
    "[s1]zscale=npl=203:t=linear[s2];[s2]format=gbrpf32le[s3];[s3]zscale=p=bt709[s4];"
    "[s4]tonemap=mobius:desat=0[s5];[s5]zscale=m=bt709:r=tv:t=bt709[s6];"
    "[s6]format=yuv420p[s7];[s7]pad=320:200:2*trunc((ow-iw)/4):2*trunc((oh-ih)/4):eval=frame[s8];[s8]setsar=1[s9];"
    "[s9]tpad=stop=-1:stop_mode=clone[s10]",
    "[s10]null[s11];[s11]fps=fps=30000/1001:start_time=0[s12];[s12]trim=end_frame=218[s13]",
    f"[s13]null[s14];[s14]trim=end_frame=210[s15];[s15]setpts=N[s16];[s16]{PARAMS}[s17]",
)
GRAPHS_CHUNK = (
    one_form(320, 200, "8/5"),
    at_rate("30000/1001", 900, "36.036000000"),
    counted(900, "N+1080"),
)
GRAPHS_HALVED = (
    one_form(960, 540),
    at_rate("50/1", 800),
    f"{counted(800)};[s11]split=2[s12][s13];[s13]scale=416:234:flags=bicubic[s14];[s14]framestep=2[s15]",
)
GRAPHS_MARKED = (
    one_form(320, 200, "8/5"),
    at_rate("30000/1001", 150, "2.002000000"),
    "[s7]null[s8];"
    "[1]scale=38:-1:flags=bicubic[s9];[s9]format=yuva420p[s10];[s10]colorchannelmixer=aa=0.8[s11];"
    "[s8][s11]overlay=eof_action=repeat:format=yuv420:x=W-w-4:y=H-h-4[s12];"
    f"[s12]trim=end_frame=150[s13];[s13]setpts=N[s14];[s14]{PARAMS}[s15]",
)
ALIGNED = (
    "[0:1]aresample=48000[s0];[s0]aformat=channel_layouts=stereo:sample_fmts=fltp[s1];[s1]apad[s2]",
    "[s2]anull[s3];[s3]aresample=48000:async=1:first_pts=0:min_hard_comp=0.01[s4];",
)
# What an effort means is tuned in presets/codecs.yaml, and held by tests of its own.
X264 = codec_preset(Codec.H264)
PRESET, CRF = X264.efforts[Effort.BALANCED].preset, str(X264.efforts[Effort.BALANCED].crf)
PARAMETERS = ":".join(f"{key}={value}" for key, value in X264.parameters.items())
GLOBAL = [
    *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"),
    *("-progress", "pipe:1", "-stats_period", "0.25", "-max_alloc", "1073741824", "-y"),
]


def graphs(*texts: str) -> list[str]:
    return [word for text in texts for word in ("-filter_complex", text)]


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
        *graphs(*GRAPHS_1080),
        *rung("[s12]", 6_000_000, "v1080.mp4"),
        *rung("[s15]", 3_000_000, "v720.mp4"),
        *rung("[s18]", 2_000_000, "v540.mp4"),
        *rung("[s21]", 1_100_000, "v432.mp4"),
        *rung("[s24]", 365_000, "v360.mp4"),
        *rung("[s26]", 145_000, "v234.mp4"),
        *GLOBAL,
    ]


def test_a_rotated_one_is_made_as_it_is_shown() -> None:
    """ffmpeg turns it before the graph; nothing else may turn it again."""
    made = build_plan(source(width=640, height=360, rotation=90, shown_width=360, shown_height=640), None)
    assert argv(made) == [
        *INPUT,
        *graphs(*GRAPHS_PORTRAIT),
        *rung("[s12]", 365_000, "v360.mp4"),
        *rung("[s14]", 145_000, "v234.mp4"),
        *GLOBAL,
    ]


def test_hdr_and_interlaced() -> None:
    made = build_plan(source(width=320, height=200, transfer="smpte2084", interlaced=True), None)
    assert argv(made) == [
        *INPUT,
        *graphs(*GRAPHS_HDR_INTERLACED),
        *rung("[s17]", 145_000, "v200.mp4"),
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
            *LIMITS,
            "-noaccurate_seek",
            "-protocol_whitelist",
            "file,pipe",
        ),
        *("-ss", "34.996", "-i", "file:/in/clip.mp4"),
        *graphs(*GRAPHS_CHUNK),
        *rung("[s11]", 145_000, "v200.mp4", threads=2),
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
        *graphs(*GRAPHS_HALVED),
        *rung("[s12]", 2_000_000, "v540.mp4", gop=100, timescale=50_000, forced=forced),
        *rung("[s15]", 145_000, "v234.mp4", gop=50, timescale=50_000, forced=forced),
        *GLOBAL,
    ]


def test_pictures_whose_times_cannot_be_true_are_shown_one_after_the_other() -> None:
    """600 pictures in 7 s of a track that says 29.97 frames a second."""
    made = build_plan(source(width=320, height=200, frames=600), None)
    pinned = [word for word in INPUT if word != "-copyts"]
    assert argv(made)[: len(pinned) + 2] == [*pinned[:-2], "-r", "30000/1001", *pinned[-2:]]
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
            *LIMITS,
            "-noaccurate_seek",
            "-protocol_whitelist",
            "file,pipe",
        ),
        *("-ss", "0.962", "-i", "file:/in/clip.mp4"),
        *("-f", "png_pipe", *LIMITS, "-protocol_whitelist", "file,pipe", "-i", "file:/in/mark.png"),
        *graphs(*GRAPHS_MARKED),
        *rung("[s15]", 145_000, "v200.mp4"),
        *GLOBAL,
    ]


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", "png_pipe"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "jpeg_pipe"),
        (b"RIFF\x24\0\0\0WEBP", "webp_pipe"),
        (b"RIFF\x24\0\0\0WAVE", None),
        (b"#EXTM3U\nhttp", None),
        (b"\0\0\0\x1cftypisom", None),
        (b"", None),
    ],
)
def test_ffmpeg_does_not_guess_what_a_watermark_is(head: bytes, demuxer: str | None) -> None:
    kind = image_type(head)
    assert (kind and kind.demuxer) == demuxer
    if kind is not None:
        made = build_plan(source(), None, Options(watermark=Watermark(sha256="ab")))
        words = argv(made, watermark=WatermarkFile(path=MARK.path, type=kind))
        before = words[: words.index("file:/in/mark.png")]
        assert before[len(before) - before[::-1].index("-f")] == demuxer


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
    graph = " ".join(argv(build_plan(source(), None, Options(watermark=mark)), watermark=MARK))
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


def test_decoded_sound_of_a_transport_stream_is_timed_by_its_samples() -> None:
    """By the times of PES packets alone. Copied sound keeps a time for each packet."""
    made = build_plan(source(), None)
    stream = replace(made, container="mpegts")
    track = made.audio[0]
    for words in (
        audio_argv(stream, "ffmpeg", SOURCE, track),
        loudness_argv(stream, "ffmpeg", SOURCE, track),
    ):
        assert value(words[: words.index("-i")], "-bsf:a") == r"setts=ts=if(gt(N\,0)*lt(POS\,0)\,NOPTS\,TS)"
    assert "-bsf:a" not in audio_argv(stream, "ffmpeg", SOURCE, track, copy=True)
    assert "-bsf:a" not in audio_argv(made, "ffmpeg", SOURCE, track)


def test_one_rung_needs_no_split() -> None:
    words = argv(build_plan(source(width=320, height=200, frame_rate=Fraction(25)), None))
    assert "split" not in " ".join(words)
    assert value(words, "-g") == "50"


@pytest.mark.parametrize(
    ("video", "part"),
    [
        ({"primaries": "bt2020"}, "zscale=f=bicubic:"),
        ({"matrix": "smpte170m"}, "in_color_matrix=bt601"),
        ({"matrix": "bt2020_ncl"}, "in_color_matrix=bt2020"),
        ({"frame_rate": Fraction(120)}, "fps=fps=60/1:"),
        ({"index": 3}, "[0:3]scale"),
    ],
)
def test_what_the_source_changes_in_the_graph(video: dict[str, Any], part: str) -> None:
    assert part in " ".join(argv(build_plan(source(**video), None)))
    assert part not in " ".join(argv(build_plan(source(), None)))


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
        *graphs(ALIGNED[0], ALIGNED[1] + "[s4]atrim=end_sample=336336[s5]"),
        *written("[s5]", "-b:a", "128000", "-c:a", "aac"),
        *GLOBAL,
    ]


def test_sound_with_gain_keeps_under_its_peak() -> None:
    made = build_plan(source(), None)
    graph = (
        f"{ALIGNED[1]}[s4]volume=-3.50dB[s5];[s5]alimiter=latency=1:level=0:limit=0.891[s6];"
        "[s6]atrim=end_sample=336336[s7]"
    )
    assert audio_argv(made, "ffmpeg", SOURCE, made.audio[0], gain_db=-3.5) == [
        *INPUT,
        *graphs(ALIGNED[0], graph),
        *written("[s7]", "-b:a", "128000", "-c:a", "aac"),
        *GLOBAL,
    ]


def test_sound_of_a_trimmed_title() -> None:
    made = build_plan(source(), None, Options(start_s=Fraction(2), end_s=Fraction(5)))
    graph = f"{ALIGNED[1]}[s4]atrim=start_sample=96096[s5];[s5]asetpts=N/SR/TB[s6];[s6]atrim=end_sample=144144[s7]"
    words = audio_argv(made, "ffmpeg", SOURCE, made.audio[0])
    assert words[words.index("-filter_complex") :][:4] == graphs(ALIGNED[0], graph)
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
        *graphs(
            ALIGNED[0],
            f"{ALIGNED[1]}[s4]atrim=end_sample=336336[s5];[s5]ebur128=framelog=quiet:peak=true[s6];[s6]volumedetect[s7]",
        ),
        *("-map", "[s7]", "-f", "null", "-"),
        *("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-max_alloc", "1073741824"),
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
        *("-map", "0:1", "-f", "null", "-"),
        *GLOBAL,
    ]
    graph = f"{ALIGNED[1]}[s4]atrim=end_sample=960960[s5]"
    assert remux_argv(made, "ffmpeg", SOURCE, copy_audio=False) == [
        *INPUT,
        *graphs(ALIGNED[0], graph),
        *THROUGH,
        *written("[s5]", "-b:a", "128000", "-c:a", "aac"),
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
