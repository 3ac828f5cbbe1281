"""Clips to put through: a real file, or one made here; each time with bytes of its own, so that no cache knows it."""

import os
import struct
import subprocess
from pathlib import Path

from core.errors import ConfigError
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary


def read_clip(clip: Path | None, folder: Path) -> tuple[str, bytes]:
    """(name, content) of the given file, or of 10 s of 1280x720 at 30 fps with sound, made in `folder`."""
    if clip is None:
        clip = folder / "made.mp4"
        _make(clip)
    try:
        return clip.name, clip.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{clip}: {exc.strerror}") from exc


def small_clip(folder: Path) -> bytes:
    """2 s of 320x180 with sound: one rung, as quick to encode as a real upload can be."""
    path = folder / "small.mp4"
    command = [
        *(ffmpeg_binary(Settings.load()), "-v", "error", "-y"),
        *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=2"),
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    subprocess.run(command, check=True, timeout=120)
    return path.read_bytes()


def unlike(content: bytes) -> bytes:
    """The same MP4 or MOV with another hash: a `free` box of random bytes at its end (ISO/IEC 14496-12, 8.1.2)."""
    if content[4:8] not in (b"ftyp", b"moov", b"mdat", b"free", b"wide"):
        raise ConfigError("give an MP4 or MOV: other containers cannot be made different without changing the media")
    return content + struct.pack(">I4s", 24, b"free") + os.urandom(16)


def _make(path: Path) -> None:
    """Moving test picture with noise, which costs an encoder something, and a tone."""
    picture = "testsrc2=size=1280x720:rate=30:duration=10,noise=alls=4:allf=t"
    command = [
        *(ffmpeg_binary(Settings.load()), "-v", "error", "-y"),
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440:duration=10"),
        *("-c:v", "libx264", "-preset", "veryfast", "-b:v", "6M", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    subprocess.run(command, check=True, timeout=120)
