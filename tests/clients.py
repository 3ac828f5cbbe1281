"""Clients that are no players, as their users have them: yt-dlp, streamlink and python-m3u8.

The first two run as programs of their own, with this project's ffmpeg and no other, without the settings and plugins of
whoever runs the tests. All that is not on this machine is sent to a proxy that does not exist: whoever looks for an
update or asks another site fails.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import m3u8

from tests import runs
from tests.media import FFMPEG
from tests.web import fetch

WITHIN_S = 120
PROGRAMS = "programs that take seconds: make test reads playlists with m3u8"
NOWHERE = "http://127.0.0.1:9"
YT_DLP = (
    *("yt_dlp", "--ignore-config", "--no-plugin-dirs", "--no-cache-dir", "--no-progress", "--downloader", "native"),
    # What it would mend after a download is looked for by ffprobe, which no wheel has.
    *("--fixup", "never", "--ffmpeg-location", FFMPEG),
)
STREAMLINK = ("streamlink", "--no-config", "--no-plugin-sideloading", "--ffmpeg-ffmpeg", FFMPEG)
ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
Tag = tuple[str, frozenset[tuple[str, str | float]]]
# None means the same (RFC 8216bis 4.4.3.2).
FIRST_SEQUENCE: Tag = ("#EXT-X-MEDIA-SEQUENCE", frozenset({("", 0.0)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """All of a file: its pictures, and when the last of picture or sound ends."""

    frames: int
    seconds: float


async def yt_dlp(folder: Path, url: str, *options: str) -> Any:
    """What it says of the title, after it has saved it in `folder` if the options do not forbid it."""
    said = await _ran(
        folder, *YT_DLP, "--dump-single-json", "--no-simulate", "--output", "title.%(ext)s", *options, url
    )
    return json.loads(said)


async def streamlink(folder: Path, *arguments: str) -> bytes:
    """What it prints."""
    return await _ran(folder, *STREAMLINK, *arguments)


async def decoded(path: Path) -> Decoded:
    """Every picture and all sound of this file. Fails where ffmpeg complains of anything."""
    argv = (FFMPEG, "-v", "error", "-progress", "pipe:1", "-nostdin", "-i", str(path))
    progress, complaints = await _communicate(*argv, "-fps_mode", "passthrough", "-f", "null", "-")
    assert complaints == b"", complaints.decode()
    return Decoded(
        frames=int(re.findall(rb"^frame=(\d+)", progress, re.MULTILINE)[-1]),
        seconds=int(re.findall(rb"^out_time_us=(\d+)", progress, re.MULTILINE)[-1]) / 1e6,
    )


async def read_by_m3u8(url: str) -> Any:
    """The playlist as m3u8 has read it. Fails where it has not kept all that is written there."""
    answer = await fetch(url)
    assert answer.status == 200, answer
    text = answer.body.decode()
    playlist = m3u8.loads(text, uri=url)
    lost = _tags(text) - _tags(playlist.dumps())
    assert set(lost) <= {FIRST_SEQUENCE}, lost
    return playlist


def _tags(text: str) -> Counter[Tag]:
    """Every line of a playlist: its tag ("" for a URI) with its attributes in any order, numbers by their value."""
    found: Counter[Tag] = Counter()
    for line in filter(None, text.splitlines()):
        tag, _, value = line.partition(":") if line.startswith("#") else ("", "", line)
        attributes = ATTRIBUTE.findall(value) if tag else []
        found[tag, frozenset((name, _value(said)) for name, said in attributes or [("", value.rstrip(","))])] += 1
    return found


def _value(said: str) -> str | float:
    return float(said) if re.fullmatch(r"\d+(\.\d+)?", said) else said


async def _ran(folder: Path, *arguments: str) -> bytes:
    """What `python -m ARGUMENTS` printed. It starts in `folder`, which is its home, too."""
    env = {
        **{"HOME": str(folder), "PATH": "", "LANG": "C.UTF-8"},
        **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), NOWHERE),
        "no_proxy": "127.0.0.1,localhost",
    }
    printed, _ = await _communicate(sys.executable, "-m", *arguments, cwd=folder, env=env)
    return printed


async def _communicate(*argv: str, **options: Any) -> tuple[bytes, bytes]:
    running = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        printed, complaints = await asyncio.wait_for(running.communicate(), WITHIN_S * runs.patience())
    except TimeoutError:
        running.kill()
        await running.wait()
        raise
    assert running.returncode == 0, (printed + complaints).decode()
    return printed, complaints
