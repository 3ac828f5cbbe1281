"""A real browser for tests: the watch page, or a page with hls.js and Shaka Player, and what goes wrong in either."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page

from benchmarks.harness.browser import CHROMIUM as CHROMIUM
from studio import MODULES
from tests import runs

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
)
SHAKA = MODULES / "shaka-player" / "dist" / "shaka-player.compiled.js"
HLS = MODULES / "hls.js" / "dist" / "hls.min.js"
VIDEO = "document.querySelector('video')"
WITHIN_MS = 30_000
# Keeps every error event of hls.js, and of the element, from its first moment on.
LISTEN = """
window.hlsErrors = [];
window.playerErrors = [];
document.addEventListener("kadr-error", ({detail}) => playerErrors.push(detail), true);
let player;
Object.defineProperty(window, "kadrPlayer", {
  get: () => player,
  set(made) {
    player = made;
    made.on(Hls.Events.ERROR, (_, {type, details, fatal, buffer}) => hlsErrors.push({type, details, fatal, buffer}));
  },
});
"""
# `dry`: it waits with nothing left to play. A wait with frames at hand is this machine's, not ours.
WATCH = """
window.seen = {began: null, dry: [], waits: 0};
const ahead = (video) => {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(i))
      return video.buffered.end(i) - video.currentTime;
  }
  return 0;
};
window.noteWait = (video) => {
  if (seen.began === null || video.seeking || video.ended || video.duration - video.currentTime < 0.5) return;
  seen.waits += 1;
  if (ahead(video) < 0.5) seen.dry.push({at: video.currentTime, ahead: ahead(video)});
};
document.addEventListener("playing", ({target}) => { seen.began ??= target.currentTime; }, true);
document.addEventListener("waiting", ({target}) => noteWait(target), true);
"""
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<video width="320" height="180"></video>
<script src="/hls.js"></script><script src="/shaka.js"></script><script>
const video = document.querySelector("video");
window.open = {
  hls(url, config = {}) {
    window.kadrPlayer = new Hls(config);
    kadrPlayer.loadSource(url);
    kadrPlayer.attachMedia(video);
  },
  async shaka(url) {
    shaka.polyfill.installAll();
    window.shakaPlayer = new shaka.Player();
    window.shakaErrors = [];
    shakaPlayer.addEventListener("error", ({detail}) => shakaErrors.push([detail.code, String(detail.data)]));
    // It holds the video by its speed, which the video itself does not call waiting.
    shakaPlayer.addEventListener("buffering", ({buffering}) => { if (buffering) noteWait(video); });
    await shakaPlayer.attach(video);
    await shakaPlayer.load(url);
  },
};
</script>"""


@dataclass  # no slots: Playwright keeps a mark of its own on whoever listens
class Visit:
    """A page and everything in it that went wrong."""

    page: Page
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.set_default_timeout(WITHIN_MS * runs.patience())
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.failure} {request.url}"))
        self.page.on("response", self._response)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text} {message.location.get('url')}")

    def _response(self, response: Any) -> None:
        self.asked.append(response.url)
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    async def of_video(self, what: str) -> Any:
        return await self.page.evaluate(f"document.querySelector('video').{what}")

    async def until(self, condition: str, within_s: float = WITHIN_MS / 1000) -> None:
        """Asked from outside: the page's policy forbids what wait_for_function does inside."""
        deadline = time.monotonic() + within_s * runs.patience()
        while not await self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"not in time: {condition}; {self.problems}"
            await asyncio.sleep(0.05)

    async def until_asked(self, part: str) -> None:
        """Until something was answered whose URL has this part: a picture comes after what says that it is shown."""
        deadline = time.monotonic() + WITHIN_MS / 1000 * runs.patience()
        while not any(part in url for url in self.asked):
            assert time.monotonic() < deadline, f"never asked for: {part}; {self.asked}"
            await asyncio.sleep(0.05)

    async def fatal_errors(self) -> list[Any]:
        errors: list[Any] = await self.page.evaluate("[...hlsErrors.filter(({fatal}) => fatal), ...playerErrors]")
        return errors

    async def watch(self, url: str | None = None) -> None:
        """Open a page with <kadr-player> and press its button; returns when the first picture is there."""
        if url is not None:
            await self.page.goto(url)
        await self.page.locator("kadr-player .start").click()
        await self.until("document.querySelector('video').readyState >= 2")


@asynccontextmanager
async def visiting(browser: Browser, width: int = 400, height: int = 300) -> AsyncIterator[Visit]:
    """A fresh page, without cookies or cache, that counts what goes wrong and when it runs dry."""
    context = await browser.new_context(viewport={"width": width, "height": height})
    await context.add_init_script(LISTEN)
    await context.add_init_script(WATCH)
    made = Visit(await context.new_page())
    made.listen()
    try:
        yield made
    finally:
        await context.close()


@asynccontextmanager
async def serving_pages(pages: dict[str, str], host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The base URL of a server, on another origin than Kadr's, that has these HTML pages by path."""
    app = web.Application()

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=pages[request.path], content_type="text/html")

    app.add_routes([web.get(path, page) for path in pages])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_two_players() -> AsyncIterator[str]:
    """The URL of a page with both players and no policy of its own, on another origin than the media."""
    app = web.Application()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(request: web.Request) -> web.FileResponse:
        return web.FileResponse(HLS if request.path == "/hls.js" else SHAKA)

    app.add_routes([web.get("/", page), web.get("/hls.js", script), web.get("/shaka.js", script)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def hls_errors(visit: Visit) -> list[Any]:
    errors: list[Any] = await visit.page.evaluate("hlsErrors")
    return errors


def machine_was_late(error: Any) -> bool:
    """hls.js calls it a stall, too, when a busy machine does not get to show what is in the buffer."""
    return bool(error["details"] == "bufferStalledError" and error["buffer"] > 0.5)
