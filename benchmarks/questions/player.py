"""How soon does a viewer see the first picture in Kadr's player, beside plain hls.js on the same title?

One title, published by a stack of the benchmark's own, opened again and again by one Chromium in fresh contexts with
empty caches, the players in turn. Times in ms, from three beginnings to the first picture (requestVideoFrameCallback):

page:  from opening the page; the button is pressed as soon as it is there. Both load everything they need.
click: from the click, on a page that has been open for --idle seconds. hls.js is loaded by then, Kadr's player is not:
       it loads with the click.
hover: the same, where the pointer has been over the player for --hover ms, as a person's is.

Needs Playwright and Chromium (make test-setup installs the first).
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from benchmarks.harness.browser import FIRST_PICTURE, NOTE_CLICK, chromium
from benchmarks.harness.client import published
from benchmarks.harness.clips import read_clip
from benchmarks.harness.local_site import served
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import running
from studio import MODULES

BEGINNINGS = ("page", "click", "hover")
# The least page with hls.js: as its README has it, and a button.
PLAIN = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<video playsinline width="1280" height="720" poster="{poster}"></video>
<script src="/hls.js"></script>
<button class="start" style="position: absolute; left: 600px; top: 340px">Play</button>
<script>
document.querySelector(".start").addEventListener("click", () => {{
  const video = document.querySelector("video"), hls = new Hls();
  hls.loadSource("{playlist}");
  hls.attachMedia(video);
  video.play();
}});
</script>"""


@asynccontextmanager
async def plain_page(asset: dict[str, Any]) -> AsyncIterator[str]:
    """The URL of a page with hls.js alone, on another origin than the title."""
    app = web.Application()
    text = PLAIN.format(playlist=asset["playback_url"], poster=asset["poster_url"])

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    async def script(_: web.Request) -> web.Response:
        body = (MODULES / "hls.js" / "dist" / "hls.min.js").read_bytes()
        response = web.Response(body=body, content_type="text/javascript")
        response.enable_compression()
        return response

    app.add_routes([web.get("/", page), web.get("/hls.js", script)])
    async with served(app) as site:
        yield f"{site}/"


async def one_start(browser: Any, url: str, beginning: str, options: argparse.Namespace) -> float:
    """Milliseconds from the beginning to the first picture."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = await context.new_page()
        await page.add_init_script(NOTE_CLICK)
        await page.goto(url, wait_until="commit" if beginning == "page" else "load")
        button = page.locator(".start")
        await button.wait_for()
        if beginning != "page":
            await asyncio.sleep(options.idle)
        if beginning == "hover":
            await button.hover()
            await asyncio.sleep(options.hover / 1000)
        seen = asyncio.create_task(page.evaluate(FIRST_PICTURE))
        await button.click()
        first: float = await seen
        return first if beginning == "page" else first - float(await page.evaluate("clicked"))
    finally:
        await context.close()


async def compare(name: str, content: bytes, options: argparse.Namespace) -> dict[str, Any]:
    """Every beginning, the players in turn."""
    times: dict[tuple[str, str], list[float]] = {}
    async with running(workers=1) as stack:
        asset = await published(stack.api, name, content)
        async with plain_page(asset) as plain, chromium() as browser:
            players = {"kadr": asset["watch_url"], "hls.js": plain}
            for number in range(options.repeat + 1):
                for beginning in BEGINNINGS:
                    for player, url in players.items():
                        took = await one_start(browser, url, beginning, options)
                        if number:  # the first round warms the servers' caches
                            times.setdefault((beginning, player), []).append(took)
    rows = [
        {
            "from": beginning,
            "player": player,
            "p50_ms": round(statistics.median(took)),
            "all_ms": [round(t) for t in took],
        }
        for (beginning, player), took in times.items()
    ]
    medians = {key: statistics.median(took) for key, took in times.items()}
    ratios = {one: round(medians[one, "kadr"] / medians[one, "hls.js"], 3) for one in BEGINNINGS}
    return {
        **{"benchmark": "player", "repeat": options.repeat, "idle_s": options.idle, "hover_ms": options.hover},
        **{"origin": urlsplit(asset["watch_url"]).netloc, "runs": rows, "ratios": ratios},
    }


def table(result: dict[str, Any]) -> str:
    lines = [f"{'from':<6} {'player':<7} {'p50 ms':>7}  all, ms"]
    lines += [f"{row['from']:<6} {row['player']:<7} {row['p50_ms']:>7}  {row['all_ms']}" for row in result["runs"]]
    lines += [f"from {one}: kadr / hls.js = {ratio:.2f}" for one, ratio in result["ratios"].items()]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench player", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, help="MP4 or MOV to publish (default: a generated clip, 10 s of 720p)")
    parser.add_argument(
        "--repeat", type=int, default=10, help="starts of each player from each beginning (default: 10)"
    )
    parser.add_argument("--idle", type=float, default=1.0, help="seconds a page is open before the click (default: 1)")
    parser.add_argument("--hover", type=float, default=200.0, help="ms of the pointer over the player (default: 200)")
    options = parser.parse_args(argv)
    if options.repeat < 1:
        parser.error("repeat is at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        name, content = read_clip(options.clip, Path(folder))
    result = asyncio.run(compare(name, content, options))
    report(table(result), result, machine)
    return 0
