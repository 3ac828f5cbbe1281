"""Which ffmpeg binary is used and what it can do, checked once at start, not in the middle of an upload."""

import re
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from core.errors import ConfigError
from core.sandbox.child import ChildRunner, Limits
from core.settings import GIB, MIB, Settings
from presets.codec import codec_preset
from presets.rung import Codec

OLDEST = (8, 1, 3)  # older ones follow playlists inside uploads (CVE-2026-107697)
ENCODERS = ("libx264", "aac")
FILTERS = (
    *("alimiter", "apad", "aresample", "atrim", "bwdif", "colorchannelmixer", "ebur128", "fps", "framestep"),
    *("overlay", "scale", "split", "tonemap", "tpad", "trim", "zscale"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FfmpegBuild:
    """An ffmpeg build that meets the requirements: the `codecs` it encodes, and whether it has libvmaf (`vmaf`)."""

    version: str
    codecs: frozenset[Codec]
    vmaf: bool


def ffmpeg_binary(settings: Settings) -> str:
    """Path of the configured ffmpeg, or of the imageio-ffmpeg wheel's. Raises ConfigError when the file is missing."""
    if settings.ffmpeg is None:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    if not settings.ffmpeg.is_file():
        raise ConfigError(f"KADR_FFMPEG={str(settings.ffmpeg)!r}: no such file")
    return str(settings.ffmpeg)


async def check(binary: str, runner: ChildRunner, work_dir: Path) -> FfmpegBuild:
    """The version and abilities of an ffmpeg binary. Raises ConfigError naming what is too old or missing."""
    limits = Limits(wall_s=20, cpu_s=20, memory_bytes=4 * GIB, file_bytes=MIB)

    async def output_of(*arguments: str) -> str:
        finished = await runner.run([binary, "-hide_banner", *arguments], work_dir=work_dir, limits=limits)
        return finished.stdout.decode(errors="replace")

    release = re.search(r"version n?(\d+)\.(\d+)(?:\.(\d+))?\S*", await output_of("-version"))
    if release is None:
        raise ConfigError(f"{binary} does not report a release version; KADR_FFMPEG must name a released ffmpeg")
    if tuple(int(part or 0) for part in release.groups()) < OLDEST:
        raise ConfigError(f"{binary} is {release[0]}; uploads need {'.'.join(map(str, OLDEST))} or newer")
    encoders, filters = _names(await output_of("-encoders")), _names(await output_of("-filters"))
    missing = [*(name for name in ENCODERS if name not in encoders), *(name for name in FILTERS if name not in filters)]
    if missing:
        raise ConfigError(f"{binary} lacks {', '.join(missing)}; use the imageio-ffmpeg wheel or a fuller build")
    return FfmpegBuild(
        version=release[0].removeprefix("version "),
        codecs=frozenset(codec for codec in Codec if codec_preset(codec).encoder in encoders),
        vmaf="libvmaf" in filters,
    )


def _names(listed: str) -> set[str]:
    """Names in the output of `ffmpeg -encoders` or `-filters`: the second column."""
    return set(re.findall(r"^ \S+ (\S+) ", listed, re.MULTILINE))
