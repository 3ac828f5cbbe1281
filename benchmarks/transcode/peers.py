"""How others would encode the same clip: argv of good and common practice, for the same ffmpeg binary. Pure.

In: `Clip`, what an operator knows of a file before starting. Out: `Job`, the commands to run one after the other in an
empty folder, and what they leave there. Nothing is run here. A clip without a picture is refused where a Clip is made.

A  one tuned command: one decode, Apple's ladder, cascaded scaling, capped CRF, HLS with fMP4 segments, sound once.
B  PeerTube's default profile: a process for each rendition, veryfast, maxrate T, bufsize 2T, T from pixels and rate.
C  MediaCMS: a process for each rendition, medium, CRF 23, maxrate = bufsize = 1.5T, T from a table.
D  shaka-streamer with its default bit rates, started as its users do, but with our ffmpeg.

B and C leave MP4 files. Both products cut them into segments afterwards; that step is not counted, in their favour.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from core.errors import ConfigError
from presets.ladder import DEFAULT, Rung, cap_between
from transcode.probe.source import Source

GOP_S, SEGMENT_S = 2, 6
FASTEST_RATE = Fraction(60)
SLOW_SIDE, SLOW_RATE = 480, Fraction(30)  # Apple's table: the small rungs have at most 30 frames a second
AUDIO_BPS = 128_000
COMMON_SIDES = (1080, 720, 480, 360, 240)  # what B, C and D make, down from the source's own size
# Bits per pixel by short side: PeerTube, core-utils/videos/bitrate, "average" and "min limit".
PEERTUBE_BITS = {1080: Fraction(10, 100), 720: Fraction(11, 100), 480: Fraction(12, 100), 360: Fraction(15, 100)}
PEERTUBE_BITS_BELOW, PEERTUBE_FEWEST_BITS = Fraction(17, 100), Fraction(2, 100)
# kb/s by height: MediaCMS, files/helpers, H.264 at up to 30 frames a second, and above.
MEDIACMS_KBPS = {1080: 4500, 720: 2500, 480: 1000, 360: 500, 240: 300}
MEDIACMS_FAST_KBPS = {**MEDIACMS_KBPS, 1080: 7500, 720: 3500}
MEDIACMS_KEYFRAME_S = 4
SHAKA_FAST_SIDES = (1080, 720)  # have a "-hfr" sibling for more than 30 frames a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What is known of a file. Sizes are displayed pixels; `frame_rate` is the one its usual frame distance means."""

    path: PurePath
    seconds: Fraction
    video_start_s: Fraction  # start of the video: above 0 where audio starts first
    width: int
    height: int
    frame_rate: Fraction
    bit_rate_bps: int
    video_index: int
    audio_index: int | None
    audio_codec: str
    audio_channels: int
    interlaced: bool
    hdr: bool
    matrix: str  # "bt709", "bt601" or "bt2020"
    full_range: bool

    @property
    def short_side(self) -> int:
        return min(self.width, self.height)

    @property
    def rate(self) -> Fraction:
        """What anybody delivers: halved until it is at most 60."""
        rate = self.frame_rate
        while rate > FASTEST_RATE:
            rate /= 2
        return rate

    def sized(self, short_side: int) -> tuple[int, int]:
        """Even (width, height) with this short side, never above the source's own."""
        side = max(2, short_side - short_side % 2)
        long = max(2, round(side * Fraction(max(self.width, self.height), self.short_side) / 2) * 2)
        return (long, side) if self.width >= self.height else (side, long)


def clip_of(path: PurePath, source: Source) -> Clip:
    """The clip of a probed file. Raises ConfigError for one without video: it has no ladder to compare."""
    video = source.video
    if video is None:
        raise ConfigError(f"{path}: has no video track")
    sound = source.audio[0] if source.audio else None
    return Clip(
        path=path,
        seconds=source.duration_s,
        video_start_s=video.start_s,
        width=video.shown_width,
        height=video.shown_height,
        frame_rate=video.frame_rate,
        bit_rate_bps=video.bit_rate_bps,
        video_index=video.index,
        audio_index=sound.index if sound else None,
        audio_codec=sound.codec if sound else "",
        audio_channels=sound.channels if sound else 0,
        interlaced=video.interlaced,
        hdr=video.is_hdr,
        matrix=_matrix(video.matrix, min(video.width, video.height)),
        full_range=video.full_range,
    )


def _matrix(named: str, coded_short_side: int) -> str:
    if named.startswith("bt2020"):
        return "bt2020"
    if named in ("itu601", "smpte170m", "fcc", "bt470bg"):
        return "bt601"
    # Unsaid: what players assume, too. SD is BT.601, HD is BT.709.
    return "bt709" if named in ("itu709", "bt709") or coded_short_side >= 720 else "bt601"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Commands for an empty folder. `outputs` are playlists or MP4 files in it, `texts` are files to write first."""

    commands: tuple[tuple[str, ...], ...]
    outputs: tuple[str, ...]
    folders: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


def prepared(clip: Clip, width: int, height: int, rate: Fraction) -> str:
    """The filters that turn the source into upright SDR BT.709 of this size and rate. ffmpeg rotates before them."""
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if clip.interlaced else []
    # start_time=0: where the picture starts after the sound, its first frame stands from 0 on.
    whole = (clip.rate / rate).denominator == 1
    filters.append(f"fps={clip.rate if whole else rate}:start_time=0")
    if whole and rate != clip.rate:
        # By way of the usual rate: of a variable one, halving its even frames shows the same frames to everybody.
        filters.append(f"fps={rate}")
    if clip.hdr:
        filters += [
            f"zscale=w={width}:h={height}:f=bicubic",
            "zscale=t=linear:npl=203",
            "format=gbrpf32le",
            "zscale=p=bt709",
            "tonemap=mobius:desat=0",
            "zscale=t=bt709:m=bt709:r=tv",
        ]
    else:
        measured = f"in_color_matrix={clip.matrix}:in_range={'full' if clip.full_range else 'limited'}"
        filters.append(f"scale={width}:{height}:flags=bicubic:{measured}:out_color_matrix=bt709:out_range=limited")
    tags = "setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    return ",".join([*filters, "format=yuv420p", "setsar=1", tags])


def apple_rungs(clip: Clip) -> tuple[Rung, ...]:
    """Apple's ladder up to the source; a source between two rungs gets one of its own size on top."""
    chosen = [rung for rung in DEFAULT if rung.short_side <= clip.short_side]
    own = clip.short_side - clip.short_side % 2
    if own < DEFAULT[0].short_side and (not chosen or chosen[0].short_side != own):
        chosen.insert(0, Rung(short_side=own, cap_bps=cap_between(own)))
    return tuple(chosen)


def tuned(clip: Clip, binary: str, preset: str = "fast") -> Job:
    """A: one command, as a good operator would write it."""
    rungs = apple_rungs(clip)
    rates = [min(clip.rate, _slow(clip.rate)) if rung.short_side <= SLOW_SIDE else clip.rate for rung in rungs]
    names = [f"v{rung.short_side}" for rung in rungs]
    argv = [*_opened(clip, binary), "-filter_complex", _cascade(clip, rungs, rates)]
    for name, rung, rate in zip(names, rungs, rates, strict=True):
        gop = str(max(1, round(GOP_S * rate)))
        argv += ["-map", f"[{name}]", *_x264(preset, 23, rung.cap_bps, 2 * rung.cap_bps), "-profile:v", "high"]
        argv += ["-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags", "+cgop", *_hls(name)]
    if clip.audio_index is not None:
        argv += ["-map", f"0:{clip.audio_index}", "-c:a", "aac", "-b:a", str(AUDIO_BPS), "-ac", "2", "-ar", "48000"]
        argv += _hls("audio")
    folders = (*names, *(("audio",) if clip.audio_index is not None else ()))
    return Job(
        commands=(tuple(argv),), outputs=tuple(f"{folder}/index.m3u8" for folder in folders), folders=tuple(folders)
    )


def _slow(rate: Fraction) -> Fraction:
    return rate / 2 if rate > SLOW_RATE else rate


def _cascade(clip: Clip, rungs: tuple[Rung, ...], rates: list[Fraction]) -> str:
    """Each rung is scaled from the one above it; labels are the rungs' names."""
    chains, before = [], f"[0:{clip.video_index}]"
    rate = rates[0]
    for number, rung in enumerate(rungs):
        width, height = clip.sized(rung.short_side)
        work = f"scale={width}:{height}:flags=bicubic" if number else prepared(clip, width, height, rate)
        if rates[number] != rate:
            rate = rates[number]
            work = f"fps={rate}:start_time=0,{work}"
        mine, below = f"[v{rung.short_side}]", f"[s{number}]"
        last = number + 1 == len(rungs)
        chains.append(f"{before}{work}{mine}" if last else f"{before}{work},split{mine}{below}")
        before = below
    return ";".join(chains)


def peertube(clip: Clip, binary: str) -> Job:
    """B: the default VOD profile. AAC that is stereo already is copied, as PeerTube does."""
    commands = []
    sides = _common_sides(clip)
    for side in sides:
        width, height = clip.sized(side)
        target = peertube_bps(clip, side)
        gop = str(max(1, round(2 * clip.rate)))
        argv = [*_opened(clip, binary), "-map", f"0:{clip.video_index}", "-vf", f"scale=w={width}:h={height}"]
        argv += [*_x264("veryfast", 23, target, 2 * target), "-b_strategy", "1", "-bf", "16", "-pix_fmt", "yuv420p"]
        argv += ["-r", str(clip.rate), "-g", gop]
        copied = clip.audio_codec == "aac" and clip.audio_channels <= 2
        argv += _audio(clip, ["-c:a", "copy"] if copied else ["-c:a", "aac", "-b:a", str(AUDIO_BPS), "-ac", "2"])
        commands.append((*argv, "-movflags", "faststart", f"{side}.mp4"))
    return Job(commands=tuple(commands), outputs=tuple(f"{side}.mp4" for side in sides))


def peertube_bps(clip: Clip, side: int) -> int:
    """T: by pixels and frame rate, at most 1.3 x the source's own rate, at least 0.02 bits a pixel."""
    width, height = clip.sized(side)
    bits = next((found for at, found in PEERTUBE_BITS.items() if at <= side), PEERTUBE_BITS_BELOW)
    usual = width * height * clip.rate * bits
    capped = min(usual, clip.bit_rate_bps * Fraction(13, 10)) if clip.bit_rate_bps else usual
    return int(max(capped, width * height * clip.rate * PEERTUBE_FEWEST_BITS))


def mediacms(clip: Clip, binary: str) -> Job:
    """C: sizes go by height, whatever the shape; the frame rate is rounded up to a whole number."""
    rate = min(90, -(-clip.frame_rate.numerator // clip.frame_rate.denominator))
    table = MEDIACMS_KBPS if clip.frame_rate <= 30 else MEDIACMS_FAST_KBPS
    heights = [height for height in COMMON_SIDES if height <= clip.height or height in (240, 360)]
    commands = []
    for height in heights:
        rate_bps = table[height] * 1500
        argv = [
            *_opened(clip, binary),
            "-map",
            f"0:{clip.video_index}",
            "-filter:v",
            f"scale=-2:{height},fps=fps={rate}",
        ]
        argv += ["-pix_fmt", "yuv420p", *_x264("medium", 23, rate_bps, rate_bps), "-profile:v", "main"]
        argv += ["-force_key_frames", f"expr:gte(t,n_forced*{MEDIACMS_KEYFRAME_S})"]
        argv += ["-x264-params", f"keyint={rate * MEDIACMS_KEYFRAME_S * 2}:keyint_min={rate * MEDIACMS_KEYFRAME_S}"]
        argv += _audio(clip, ["-c:a", "aac", "-b:a", str(AUDIO_BPS), "-ac", "2"])
        commands.append((*argv, "-movflags", "+faststart", f"{height}.mp4"))
    return Job(commands=tuple(commands), outputs=tuple(f"{height}.mp4" for height in heights))


def shaka(clip: Clip, program: str) -> Job:
    """D: `program` is its command line. It finds ffmpeg on the PATH. YAML takes JSON, so that is what is written."""
    fast = clip.frame_rate > 30
    sides = _common_sides(clip)
    names = [f"{side}p-hfr" if fast and side in SHAKA_FAST_SIDES else f"{side}p" for side in sides]
    inputs: list[dict[str, object]] = [{"name": str(clip.path), "media_type": "video"}]
    if clip.audio_index is not None:
        inputs.append({"name": str(clip.path), "media_type": "audio", "language": "und"})
    pipeline = {
        "streaming_mode": "vod",
        "quiet": True,
        "resolutions": names,
        "channel_layouts": ["stereo"],
        "audio_codecs": ["aac"],
        "video_codecs": ["h264"],
        "manifest_format": ["hls"],
        "hls_output": "index.m3u8",
        "segment_size": SEGMENT_S,
        "segment_per_file": True,
    }
    command = (program, "-i", "input.yaml", "-p", "pipeline.yaml", "-o", "out", "--use-system-binaries")
    texts = (("input.yaml", json.dumps({"inputs": inputs})), ("pipeline.yaml", json.dumps(pipeline)))
    return Job(commands=(command,), outputs=("out/index.m3u8",), texts=texts)


def _common_sides(clip: Clip) -> list[int]:
    return [side for side in COMMON_SIDES if side <= clip.short_side] or [COMMON_SIDES[-1]]


def _opened(clip: Clip, binary: str) -> list[str]:
    return [binary, "-v", "error", "-nostdin", "-y", "-i", f"file:{clip.path}"]


def _x264(preset: str, crf: int, maxrate_bps: int, bufsize_bits: int) -> list[str]:
    rate = ["-maxrate", str(maxrate_bps), "-bufsize", str(bufsize_bits)]
    return ["-c:v", "libx264", "-preset", preset, "-crf", str(crf), *rate]


def _audio(clip: Clip, options: list[str]) -> list[str]:
    return [] if clip.audio_index is None else ["-map", f"0:{clip.audio_index}", *options]


def _hls(folder: str) -> list[str]:
    segments = ["-hls_segment_type", "fmp4", "-hls_segment_filename", f"{folder}/%05d.m4s"]
    listed = ["-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod"]
    return ["-f", "hls", *listed, *segments, f"{folder}/index.m3u8"]
