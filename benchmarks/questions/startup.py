"""What do the length of segments and the buffer cost a viewer of a short clip: startup, stalls and bytes?

One upright clip is published by a stack of the benchmark's own with segments of each length, and played in
`<kadr-player>` with each buffer over each network, all in turn, by one Chromium in fresh contexts with empty caches.

first:  ms from the click to the first picture (requestVideoFrameCallback)
behind: seconds that the clip had not been played, --watch seconds after the click: startup and stalls
bytes:  MB of media that had arrived by then, which are paid for whether they are seen or not

Needs Playwright and Chromium (make test-setup installs the first).
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from aiohttp import web

from benchmarks.harness.browser import FIRST_PICTURE, NOTE_CLICK, chromium
from benchmarks.harness.client import published
from benchmarks.harness.clips import read_clip
from benchmarks.harness.local_site import served
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import running
from core.errors import ConfigError
from presets.profile import FILE

PROFILE = "short-vertical"
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="module" src="{site}/player/1/kadr-player.js"></script>
<kadr-player playback-id="{playback_id}" buffer="{buffer_s}" loading="eager"></kadr-player>"""
# Bits a second and ms of a round trip: a phone on a good day, and on a bad one.
NETWORKS = {"10 Mbit/s, 60 ms": (10_000_000, 60), "2 Mbit/s, 150 ms": (2_000_000, 150)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One time somebody watched."""

    first_ms: float
    behind_s: float
    megabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Segment length and buffer in seconds, and the name of a network."""

    segment_s: int
    buffer_s: int
    network: str


@dataclass  # without slots: Playwright keeps something of its own on the object of a handler
class _Bytes:
    """Counts what arrives of media files, by the browser's own events."""

    media: set[str] = field(default_factory=set)
    count: int = 0

    def sent(self, event: dict[str, Any]) -> None:
        if urlsplit(event["request"]["url"]).path.endswith((".m4s", ".mp4")):
            self.media.add(event["requestId"])

    def received(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.media:
            self.count += event["dataLength"]


@asynccontextmanager
async def shop_page() -> AsyncIterator[str]:
    """The URL of a page with the player, on another origin than the title; `?site=&playback_id=&buffer_s=`."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=PAGE.format(**request.query), content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", page)])
    async with served(app) as site:
        yield f"{site}/"


async def one_start(browser: Any, url: str, network: str, options: argparse.Namespace) -> Start:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    try:
        page = await context.new_page()
        await page.add_init_script(NOTE_CLICK)
        wire, counted = await context.new_cdp_session(page), _Bytes()
        wire.on("Network.requestWillBeSent", counted.sent)
        wire.on("Network.dataReceived", counted.received)
        await wire.send("Network.enable")
        speed, latency = NETWORKS[network]
        limits = {"offline": False, "latency": latency, "downloadThroughput": speed / 8, "uploadThroughput": -1}
        await wire.send("Network.emulateNetworkConditions", limits)
        await page.goto(url)
        button = page.locator(".start")
        await button.wait_for()
        await asyncio.sleep(options.idle)
        seen = asyncio.create_task(page.evaluate(FIRST_PICTURE))
        await button.click()
        first = float(await seen) - float(await page.evaluate("clicked"))
        left = options.watch - float(await page.evaluate("performance.now() - clicked")) / 1000
        await asyncio.sleep(max(0.0, left))
        watched, played = await page.evaluate(
            "[(performance.now() - clicked) / 1000, document.querySelector('video').currentTime]"
        )
        return Start(first_ms=first, behind_s=watched - played, megabytes=counted.count / 1e6)
    finally:
        await context.close()


def presets(folder: Path, segments: Sequence[int]) -> dict[int, str]:
    """Write profiles with segments of these lengths to `folder`; their names by seconds. Raises ConfigError."""
    shipped: dict[str, Any] = yaml.safe_load(resources.files("presets").joinpath(FILE).read_text())[PROFILE]
    names, written = {}, {}
    for seconds in segments:
        gops, rest = divmod(seconds, shipped["gop_s"])
        if rest or not gops:
            raise ConfigError(f"--segments {seconds}: a segment is a multiple of {shipped['gop_s']} s")
        names[seconds] = PROFILE if gops == shipped["gops_per_segment"] else f"{PROFILE}-{seconds}s"
        written[names[seconds]] = {**shipped, "gops_per_segment": gops}
    (folder / FILE).write_text(yaml.safe_dump(written, sort_keys=False))
    return names


async def compare(name: str, content: bytes, options: argparse.Namespace) -> dict[str, Any]:
    """Every case, in turn."""
    cases = [
        Case(segment_s=segment, buffer_s=buffer, network=network)
        for network, segment, buffer in itertools.product(NETWORKS, options.segments, options.buffers)
    ]
    found: dict[Case, list[Start]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        names = presets(Path(folder), options.segments)
        async with running(workers=1, settings={"KADR_PRESETS": folder}) as stack:
            titles = {
                seconds: await published(stack.api, name, content, profile=profile)
                for seconds, profile in names.items()
            }
            async with shop_page() as shop, chromium() as browser:
                for number in range(options.repeat + 1):
                    for case in cases:
                        asset = titles[case.segment_s]
                        watch = urlsplit(asset["watch_url"])
                        url = (
                            f"{shop}?site={watch.scheme}://{watch.netloc}"
                            f"&playback_id={asset['playback_ids'][0]['id']}&buffer_s={case.buffer_s}"
                        )
                        start = await one_start(browser, url, case.network, options)
                        if number:  # the first round warms the servers' caches
                            found[case].append(start)
    return {"benchmark": "startup", "watched_s": options.watch, "runs": [_row(*one) for one in found.items()]}


def _row(case: Case, starts: Sequence[Start]) -> dict[str, Any]:
    first, behind, megabytes = (
        [round(getattr(start, what), digits) for start in starts]
        for what, digits in (("first_ms", 0), ("behind_s", 3), ("megabytes", 3))
    )
    return {
        **{"network": case.network, "segment_s": case.segment_s, "buffer_s": case.buffer_s},
        **{"first_ms": statistics.median(first), "behind_s": statistics.median(behind)},
        **{"megabytes": statistics.median(megabytes)},
        "all": {"first_ms": first, "behind_s": behind, "megabytes": megabytes},
    }


def table(result: dict[str, Any]) -> str:
    lines = [f"{'network':<18} {'segment s':>9} {'buffer s':>8} {'first ms':>8} {'behind s':>8} {'MB':>6}  first, all"]
    lines += [
        f"{row['network']:<18} {row['segment_s']:>9} {row['buffer_s']:>8} {row['first_ms']:>8.0f}"
        f" {row['behind_s']:>8.2f} {row['megabytes']:>6.2f}  {[round(one) for one in row['all']['first_ms']]}"
        for row in result["runs"]
    ]
    return "\n".join([*lines, f"behind and MB: {result['watched_s']:g} s after the click; medians"])


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench startup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, help="MP4 or MOV to publish (default: a generated clip, 10 s of 720p)")
    parser.add_argument("--segments", type=int, nargs="+", default=[2, 4], help="seconds (default: 2 4)")
    parser.add_argument("--buffers", type=int, nargs="+", default=[8, 45], help="seconds (default: 8 45)")
    parser.add_argument("--repeat", type=int, default=7, help="starts of each case (default: 7)")
    parser.add_argument("--watch", type=float, default=5.0, help="seconds from the click to the end (default: 5)")
    parser.add_argument("--idle", type=float, default=1.0, help="seconds a page is open before the click (default: 1)")
    options = parser.parse_args(argv)
    if options.repeat < 1:
        parser.error("repeat is at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        name, content = read_clip(options.clip, Path(folder))
    result = asyncio.run(compare(name, content, options))
    report(table(result), result, machine)
    return 0
