"""benchmarks.transcode.peers: the exact words of what others would run."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import pytest

from benchmarks.transcode.peers import Clip, mediacms, peertube, peertube_bps, prepared, shaka, tuned

CLIP = Clip(
    path=PurePosixPath("/in/clip.mp4"),
    seconds=Fraction(10),
    video_start_s=Fraction(0),
    width=960,
    height=540,
    frame_rate=Fraction(50),
    bit_rate_bps=8_000_000,
    video_index=0,
    audio_index=1,
    audio_codec="opus",
    audio_channels=2,
    interlaced=False,
    hdr=False,
    matrix="bt709",
    full_range=False,
)
OPENED = ("ffmpeg", "-v", "error", "-nostdin", "-y", "-i", "file:/in/clip.mp4")
TAGS = "setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
SCALE = "flags=bicubic:in_color_matrix=bt709:in_range=limited:out_color_matrix=bt709:out_range=limited"
AAC = ("-c:a", "aac", "-b:a", "128000", "-ac", "2")


def hls(folder: str) -> tuple[str, ...]:
    return (
        *("-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"),
        *("-hls_segment_filename", f"{folder}/%05d.m4s", f"{folder}/index.m3u8"),
    )


def apple(name: str, cap_bps: int, gop: int) -> tuple[str, ...]:
    return (
        *("-map", f"[{name}]", "-c:v", "libx264", "-preset", "fast", "-crf", "23"),
        *("-maxrate", str(cap_bps), "-bufsize", str(2 * cap_bps), "-profile:v", "high"),
        *("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-flags", "+cgop", *hls(name)),
    )


def test_a_is_one_cascade_with_slow_small_rungs_and_sound_once() -> None:
    graph = (
        f"[0:0]fps=50:start_time=0,scale=960:540:{SCALE},format=yuv420p,setsar=1,{TAGS},split[v540][s0];"
        "[s0]fps=25:start_time=0,scale=768:432:flags=bicubic,split[v432][s1];"
        "[s1]scale=640:360:flags=bicubic,split[v360][s2];"
        "[s2]scale=416:234:flags=bicubic[v234]"
    )
    job = tuned(CLIP, "ffmpeg")
    assert job.commands == (
        (
            *OPENED,
            *("-filter_complex", graph),
            *apple("v540", 2_000_000, 100),
            *apple("v432", 1_100_000, 50),
            *apple("v360", 365_000, 50),
            *apple("v234", 145_000, 50),
            *("-map", "0:1", *AAC, "-ar", "48000", *hls("audio")),
        ),
    )
    assert job.folders == ("v540", "v432", "v360", "v234", "audio")
    assert job.outputs == tuple(f"{folder}/index.m3u8" for folder in job.folders)


def test_a_takes_another_preset_and_no_sound() -> None:
    job = tuned(replace(CLIP, audio_index=None), "ffmpeg", "veryfast")
    assert job.commands[0].count("veryfast") == 4
    assert "aac" not in job.commands[0]
    assert "audio" not in job.folders


@pytest.mark.parametrize(
    ("width", "height", "folders"),
    [
        (3840, 2160, ["v1080", "v720", "v540", "v432", "v360", "v234"]),
        (720, 1280, ["v720", "v540", "v432", "v360", "v234"]),
        (640, 480, ["v480", "v432", "v360", "v234"]),
        (320, 181, ["v180"]),
    ],
)
def test_a_never_upscales(width: int, height: int, folders: list[str]) -> None:
    assert list(tuned(replace(CLIP, width=width, height=height, audio_index=None), "ffmpeg").folders) == folders


def test_b_is_a_process_for_each_size() -> None:
    # 0.12 bits x 854x480 x 50, 0.15 x 640x360 x 50, 0.17 x 426x240 x 50
    targets = {480: (854, 2_459_520), 360: (640, 1_728_000), 240: (426, 869_040)}
    assert peertube(CLIP, "ffmpeg").commands == tuple(
        (
            *OPENED,
            *("-map", "0:0", "-vf", f"scale=w={width}:h={side}", "-c:v", "libx264", "-preset", "veryfast"),
            *("-crf", "23", "-maxrate", str(target), "-bufsize", str(2 * target), "-b_strategy", "1", "-bf", "16"),
            *("-pix_fmt", "yuv420p", "-r", "50", "-g", "100", "-map", "0:1", *AAC),
            *("-movflags", "faststart", f"{side}.mp4"),
        )
        for side, (width, target) in targets.items()
    )


def test_b_copies_stereo_aac_and_stays_near_the_source() -> None:
    copied = peertube(replace(CLIP, audio_codec="aac"), "ffmpeg").commands[0]
    assert copied[copied.index("-c:a") + 1] == "copy"
    surround = peertube(replace(CLIP, audio_codec="aac", audio_channels=6), "ffmpeg").commands[0]
    assert surround[surround.index("-c:a") + 1] == "aac"
    assert peertube_bps(replace(CLIP, bit_rate_bps=1_000_000), 480) == 1_300_000
    assert peertube_bps(replace(CLIP, bit_rate_bps=1), 480) == 854 * 480  # 0.02 bits a pixel, 50 times a second
    assert peertube_bps(replace(CLIP, bit_rate_bps=0), 480) == 2_459_520


def test_c_is_a_process_for_each_height_at_a_whole_rate() -> None:
    job = mediacms(replace(CLIP, frame_rate=Fraction(30000, 1001)), "ffmpeg")
    assert job.outputs == ("480.mp4", "360.mp4", "240.mp4")
    assert job.commands[0] == (
        *OPENED,
        *("-map", "0:0", "-filter:v", "scale=-2:480,fps=fps=30", "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-preset", "medium", "-crf", "23", "-maxrate", "1500000", "-bufsize", "1500000"),
        *("-profile:v", "main", "-force_key_frames", "expr:gte(t,n_forced*4)"),
        *("-x264-params", "keyint=240:keyint_min=120", "-map", "0:1", *AAC, "-movflags", "+faststart", "480.mp4"),
    )


def test_c_gives_fast_pictures_more() -> None:
    full = replace(CLIP, width=1920, height=1080, frame_rate=Fraction(60))
    rates = [command[command.index("-maxrate") + 1] for command in mediacms(full, "ffmpeg").commands]
    assert rates == ["11250000", "5250000", "1500000", "750000", "450000"]


def test_d_is_told_by_two_files() -> None:
    job = shaka(replace(CLIP, width=1280, height=720), "shaka-streamer")
    assert job.commands == (
        ("shaka-streamer", "-i", "input.yaml", "-p", "pipeline.yaml", "-o", "out", "--use-system-binaries"),
    )
    texts = {name: json.loads(text) for name, text in job.texts}
    assert texts["input.yaml"] == {
        "inputs": [
            {"name": "/in/clip.mp4", "media_type": "video"},
            {"name": "/in/clip.mp4", "media_type": "audio", "language": "und"},
        ]
    }
    assert texts["pipeline.yaml"]["resolutions"] == ["720p-hfr", "480p", "360p", "240p"]
    assert texts["pipeline.yaml"]["manifest_format"] == ["hls"]


@pytest.mark.parametrize(
    ("changed", "filters"),
    [
        ({}, f"fps=50:start_time=0,fps=25,scale=640:360:{SCALE},format=yuv420p,setsar=1,{TAGS}"),
        ({"frame_rate": Fraction(25)}, f"fps=25:start_time=0,scale=640:360:{SCALE},format=yuv420p,setsar=1,{TAGS}"),
        (
            {"interlaced": True, "matrix": "bt601", "full_range": True},
            "bwdif=mode=send_frame:deint=interlaced,fps=50:start_time=0,fps=25,scale=640:360:flags=bicubic:"
            "in_color_matrix=bt601:in_range=full:out_color_matrix=bt709:out_range=limited,"
            f"format=yuv420p,setsar=1,{TAGS}",
        ),
        (
            {"hdr": True, "frame_rate": Fraction(30)},
            "fps=25:start_time=0,zscale=w=640:h=360:f=bicubic,zscale=t=linear:npl=203,format=gbrpf32le,"
            "zscale=p=bt709,tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv,"
            f"format=yuv420p,setsar=1,{TAGS}",
        ),
    ],
)
def test_the_source_is_prepared_as_upright_sdr(changed: dict[str, Any], filters: str) -> None:
    assert prepared(replace(CLIP, **changed), 640, 360, Fraction(25)) == filters
