"""Small good files of every kind that people upload, made by ffmpeg, the same bytes each time by the same ffmpeg.

Each is a second or two of a test picture, of a tone, or of both. What an ffmpeg cannot make is left out.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from core.errors import ConfigError
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary

MADE_WITHIN_S = 120
_SRT = "1\n00:00:00,100 --> 00:00:00,600\nOne\n\n2\n00:00:00,600 --> 00:00:01,100\n<i>Two</i>\n"
_X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
_HDR = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"
# Name of the file -> (test picture as size, rate and seconds; seconds of tone; options). No picture or tone: None.
# Options before a "|" are of the picture as an input.
_Recipe = tuple[tuple[str, str, float] | None, float | None, str]
RECIPES: dict[str, _Recipe] = {
    "h264_aac.mp4": (("96x64", "25", 1.2), 1.2, f"{_X264} -g 10 -c:a aac -movflags +faststart"),
    "h264_bframes_cut.mp4": (("96x64", "30000/1001", 1.2), 1.2, "-c:v libx264 -g 12 -bf 3 -c:a aac -ss 0.2"),
    "h264_fragmented.mp4": (("96x64", "25", 2), 2, f"{_X264} -g 10 -c:a aac -movflags frag_keyframe+empty_moov"),
    "h264_rgb.mp4": (("64x64", "25", 0.6), None, "-c:v libx264rgb -preset ultrafast"),
    "h264_444_odd.mp4": (("97x65", "25", 0.6), None, "-c:v libx264 -preset ultrafast -pix_fmt yuv444p"),
    "h264_5.1_text.mp4": (("96x64", "50", 1.2), 1.2, f"{_X264} -c:a aac -ac 6 -c:s mov_text"),
    "h264_vfr.mp4": (
        ("96x64", "30", 2),
        None,
        f"{_X264} -vf select='not(mod(n\\,3))+lt(mod(n\\,20)\\,7)' -fps_mode vfr",
    ),
    "h264_one_frame.mp4": (("96x64", "25", 0.04), 0.1, f"{_X264} -c:a aac"),
    "h264_slow.mp4": (("96x64", "1/2", 8), None, f"{_X264} -g 2"),
    "h264_fast.mp4": (("96x64", "240", 0.5), None, f"{_X264} -g 60"),
    "h264_rotated.mov": (("96x64", "25", 1), 1, f"-display_rotation 90 -noautorotate | {_X264} -c:a aac -ac 2"),
    "h264_portrait.mov": (("64x112", "25", 1.2), 1.2, f"{_X264} -c:a pcm_s16le"),
    "h264_pixels_16_11.mov": (("88x72", "25", 1), 1, f"{_X264} -vf setsar=16/11 -c:a alac"),
    "h264_sides.mov": (("96x64", "25", 1), 1, f"{_X264} -map 1 -map 1 -ac 1 -c:a pcm_s16le"),
    "h264_interlaced.ts": (("96x64", "25", 1), 1, "-c:v libx264 -flags +ilme+ildct -x264opts tff=1 -c:a mp2"),
    "h264_aac.ts": (("96x64", "25", 1.5), 1.5, f"{_X264} -g 12 -bsf:v h264_mp4toannexb -c:a aac"),
    "h264_programmes.ts": (
        ("96x64", "25", 1),
        1,
        f"{_X264} -c:a mp2 -map 0 -map 1 -s:v:1 64x48 -program st=0:st=1 -program st=2:st=3",
    ),
    "h264_ac3.m2ts": (("96x64", "25", 1), 1, f"{_X264} -g 12 -c:a ac3 -mpegts_m2ts_mode 1"),
    "h264_subtitles.mkv": (("96x64", "25", 1.2), 1.2, f"{_X264} -g 10 -c:a flac -c:s srt"),
    "h264_ass_chapters.mkv": (("96x64", "24000/1001", 1.2), 1.2, f"{_X264} -c:a ac3 -c:s ass -metadata title=x"),
    "h264_live.mkv": (("96x64", "25", 1.2), 1.2, f"{_X264} -g 10 -c:a libopus -f matroska -live 1"),
    "h264_mp3.avi": (("96x64", "25", 1.2), 1.2, f"{_X264} -bf 0 -c:a libmp3lame"),
    "h264_aac.flv": (("96x64", "25", 1), 1, f"{_X264} -c:a aac"),
    "hevc_10bit_hdr.mp4": (("96x64", "25", 0.8), None, f"-c:v libx265 -pix_fmt yuv420p10le {_HDR} -tag:v hvc1"),
    "hevc_eac3.ts": (("96x64", "25", 0.8), 0.8, "-c:v libx265 -preset ultrafast -c:a eac3"),
    "av1_opus.mp4": (("96x64", "25", 0.6), 0.6, "-c:v libsvtav1 -preset 12 -c:a libopus"),
    "av1_opus.webm": (("96x64", "25", 0.6), 0.6, "-c:v libsvtav1 -preset 12 -c:a libopus"),
    "vp9_opus.webm": (("96x64", "25", 1), 1, "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10 -c:a libopus"),
    "vp8_vorbis.webm": (("96x64", "25", 1), 1, "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis"),
    "mpeg4_mp3.avi": (("96x64", "25", 1.2), 1.2, "-c:v mpeg4 -bf 2 -c:a libmp3lame"),
    "msmpeg4_wav.avi": (("96x64", "25", 1), 1, "-c:v msmpeg4 -c:a pcm_s16le"),
    "mjpeg_pcm.avi": (("96x64", "15", 1), 1, "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_u8"),
    "dv.avi": (("720x576", "25", 0.12), 0.12, "-c:v dvvideo -pix_fmt yuv420p -c:a pcm_s16le -ar 48000 -ac 2"),
    "mpeg2_mp2.ts": (("96x64", "25", 1.2), 1.2, "-c:v mpeg2video -bf 2 -c:a mp2"),
    "mpeg1.mkv": (("96x64", "25", 1), 1, "-c:v mpeg1video -c:a mp2"),
    "prores_pcm.mov": (("96x64", "25", 0.4), 0.4, "-c:v prores_ks -c:a pcm_s24le"),
    "dnxhr.mov": (("256x120", "25", 0.2), 0.2, "-c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p -c:a pcm_s16be"),
    "qtrle.mov": (("96x64", "10", 0.6), None, "-c:v qtrle"),
    "ffv1_flac.mkv": (("64x48", "25", 0.4), 0.4, "-c:v ffv1 -c:a flac"),
    "h263_amr.3gp": (("176x144", "15", 1), 1, "-c:v h263 -c:a libopencore_amrnb -ar 8000 -ac 1"),
    "truehd.mkv": (("96x64", "25", 1), 1, f"{_X264} -c:a truehd -strict -2"),
    "dts.mkv": (("96x64", "25", 1), 1, f"{_X264} -c:a dca -ar 48000 -ac 2 -strict -2"),
    "mjpeg.mkv": (("96x64", "25", 0.4), None, "-c:v mjpeg -pix_fmt yuvj422p"),
    "aac.m4a": (None, 1.5, "-c:a aac"),
    "mp3.mp3": (None, 1.5, "-c:a libmp3lame -metadata title=x -id3v2_version 3"),
    "flac.flac": (None, 1, "-c:a flac"),
    "pcm.wav": (None, 0.5, "-c:a pcm_s16le"),
    "opus.ogg": (None, 1.5, "-c:a libopus"),
    "vorbis.ogg": (None, 1, "-c:a libvorbis"),
    "mpeg2.mpg": (("96x64", "25", 1), 1, "-c:v mpeg2video -c:a mp2"),
    "wmv2.asf": (("96x64", "25", 0.6), 0.6, "-c:v wmv2 -c:a wmav2"),
    "mpeg2.mxf": (("96x64", "25", 0.6), None, "-c:v mpeg2video"),
    "h264.264": (("96x64", "25", 0.4), None, _X264),
    "gif.gif": (("64x48", "10", 0.4), None, ""),
}


async def originals(folder: Path, jobs: int) -> dict[str, bytes]:
    """Every file that can be made here, by its name, in the order of RECIPES. `folder` is for the work."""
    binary = ffmpeg_binary(Settings.load())
    (folder / "cues.srt").write_text(_SRT)
    running = asyncio.Semaphore(jobs)

    async def one(name: str) -> bytes:
        async with running:
            return await _made(_command(binary, name, folder), folder / name)

    made = await asyncio.gather(*(one(name) for name in RECIPES))
    found = {name: content for name, content in zip(RECIPES, made, strict=True) if content}
    if not found:
        raise ConfigError(f"{binary} makes none of the files to begin with")
    return found


def _command(binary: str, name: str, folder: Path) -> list[str]:
    picture, tone_s, options = RECIPES[name]
    before, _, options = options.rpartition("|")
    words = [binary, "-v", "error", "-nostdin", "-y", *before.split()]
    if picture is not None:
        size, rate, seconds = picture
        words += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
    if tone_s is not None:
        words += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={tone_s}"]
    if "-c:s" in options:
        words += ["-i", str(folder / "cues.srt")]
    inputs = sum(word == "-i" for word in words)
    # With one thread, and without anything random or of the day, the bytes are the same each time.
    words += ["-map_metadata", "-1", *(word for number in range(inputs) for word in ("-map", str(number)))]
    words += [*options.split(), "-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    return [*words, "-flags:a", "+bitexact", str(folder / name)]


async def _made(command: Sequence[str], to: Path) -> bytes:
    """What the command has made; nothing where it cannot."""
    program = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(MADE_WITHIN_S):
        _, said = await program.communicate()
    if program.returncode:
        to.with_suffix(to.suffix + ".txt").write_bytes(said)
        return b""
    return await asyncio.to_thread(to.read_bytes)
