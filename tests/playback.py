"""Play an asset as a player would: every variant and the sound, decoded to the end through the origin."""

import asyncio
import re
import time
from typing import Any
from urllib.parse import urljoin

import aiohttp

from tests.media import FFMPEG
from tests.published import faults


def media_uris(multivariant: str) -> list[str]:
    """Of every playlist of pictures or sound, as written; not of keyframes or texts."""
    found = re.findall(r'^(?!#)(\S+)$|^#EXT-X-MEDIA:TYPE=AUDIO,.*URI="([^"]+)"', multivariant, re.MULTILINE)
    return [variant or sound for variant, sound in found]


async def check_playback(asset: dict[str, Any]) -> None:
    """No rule is broken; every rendition decodes to its last frame without an error, and all last equally long."""
    assert (
        await faults(asset["playback_url"], dash_url=asset["playback_url"].replace("index.m3u8", "manifest.mpd")) == []
    )
    urls = await _listed(asset)
    times = [await _decode(url) for url in urls]
    assert max(times) - min(times) < 0.05, times


async def _listed(asset: dict[str, Any]) -> list[str]:
    """Of every rendition. For a second after a flip a viewer may be led to what was published before."""
    deadline = time.monotonic() + 5
    while True:
        async with aiohttp.ClientSession() as session, session.get(asset["playback_url"]) as answer:
            assert answer.status == 200
            urls = [urljoin(asset["playback_url"], uri) for uri in media_uris(await answer.text())]
        if len(urls) == len(asset["renditions"]):
            return urls
        assert time.monotonic() < deadline, urls
        await asyncio.sleep(0.2)


async def _decode(url: str) -> float:
    """Seconds of what ffmpeg decoded from this media playlist."""
    decoding = await asyncio.create_subprocess_exec(
        *(FFMPEG, "-v", "error", "-progress", "pipe:1", "-nostdin", "-i", url, "-f", "null", "-"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    progress, complaints = await asyncio.wait_for(decoding.communicate(), 300)
    assert decoding.returncode == 0
    assert complaints == b"", complaints.decode()
    played = re.findall(rb"out_time_us=(\d+)", progress)
    assert played
    return int(played[-1]) / 1e6
