"""A page with hls.js, Shaka Player and dash.js on a server of its own, and what a viewer sees in it.

In: a browser, which player, a URL, how far it may fetch ahead. Out: a `Viewing` to wait on and to ask.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, CDPSession, Page, Request

from studio import FOLDER, MODULES
from tests import runs

PAGE = Path(__file__).with_name("page.html")
KEPT_CUES = FOLDER / "player" / "kept_cues.ts"
SCRIPTS = {
    "hls.js": MODULES / "hls.js" / "dist" / "hls.min.js",
    "shaka.js": MODULES / "shaka-player" / "dist" / "shaka-player.compiled.js",
    "dash.js": MODULES / "dashjs" / "dist" / "modern" / "umd" / "dash.all.min.js",
}
WITHIN_S = 60.0


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The page's URL, on another origin than any media."""
    app = web.Application()

    async def page(_: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def script(request: web.Request) -> web.FileResponse:
        return web.FileResponse(SCRIPTS[request.match_info["name"]])

    async def kept_cues(_: web.Request) -> web.Response:
        return web.Response(text=await asyncio.to_thread(as_script, KEPT_CUES), content_type="text/javascript")

    app.add_routes([web.get("/", page), web.get("/kept_cues.js", kept_cues), web.get("/{name}", script)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


def as_script(module: Path) -> str:
    """A TypeScript module as a script whose exports are in the global `kadr`."""
    (bundler,) = (MODULES / "@esbuild").glob("*/bin/esbuild")
    arguments = (str(module), "--bundle", "--format=iife", "--global-name=kadr")
    return subprocess.run([bundler, *arguments], check=True, capture_output=True, text=True).stdout


@dataclass
class Viewing:
    """One player on a page of its own, and everything it has asked for."""

    page: Page
    network: CDPSession
    asked: list[str] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # asked for, and no answer or a bad one

    def listen(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", lambda answer: (self.got if answer.ok else self.lost).append(answer.url))

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # given up by the player itself: for a seek, or a better rung
            self.lost.append(request.url)

    async def of_video(self, what: str) -> Any:
        return await self.page.evaluate(f"video.{what}")

    async def seen(self, what: str) -> Any:
        return await self.page.evaluate(f"seen.{what}")

    async def until(self, condition: str, within_s: float = WITHIN_S) -> None:
        deadline = time.monotonic() + within_s * runs.patience()
        while not await self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"not in time: {condition}; {await self.told()}"
            await asyncio.sleep(0.05)

    async def told(self) -> str:
        """For whoever reads why a test failed."""
        state = (
            "[video.currentTime, ahead(), video.readyState, video.error?.message, seen.errors, seen.dry, seen.heights]"
        )
        return f"{await self.page.evaluate(state)} lost: {self.lost} last: {self.got[-6:]}"

    async def limit_network(self, bits_per_s: float) -> None:
        """As slow as this from now on."""
        limits = {"offline": False, "latency": 0, "downloadThroughput": bits_per_s / 8, "uploadThroughput": -1}
        await self.network.send("Network.emulateNetworkConditions", limits)

    def segments(self, urls: list[str]) -> list[str]:
        return [url for url in urls if url.endswith(".m4s")]


@asynccontextmanager
async def viewing(browser: Browser, page_url: str) -> AsyncIterator[Viewing]:
    """A page where nothing is open yet."""
    context = await browser.new_context(viewport={"width": 400, "height": 300})
    page = await context.new_page()
    network = await context.new_cdp_session(page)
    await network.send("Network.enable")
    await page.goto(page_url)
    viewer = Viewing(page, network)
    viewer.listen()
    yield viewer
    await context.close()


async def play(viewer: Viewing, player: str, url: str, ahead_s: float) -> None:
    """Open and press play."""
    await viewer.page.evaluate("([player, url, ahead]) => open(player, url, ahead)", [player, url, ahead_s])
    await viewer.until("video.readyState >= 3")
    await viewer.of_video("play()")
