"""The Chromium of this machine, for tests and benchmarks that look at pages."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from core.errors import KadrError

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# To be evaluated in a page: waits for its video's next picture; when it was shown, in ms of the page's clock.
FIRST_PICTURE = """
new Promise((seen) => document.querySelector("video").requestVideoFrameCallback((now) => seen(now)))
"""
# To be run before a page's own scripts: `clicked` is when it was clicked first, in ms of the same clock.
NOTE_CLICK = "addEventListener('click', ({timeStamp}) => { window.clicked ??= timeStamp; }, true)"


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """A running browser, driven by Playwright. Raises KadrError where one of the two is missing."""
    try:
        from playwright.async_api import async_playwright
    except ImportError as exc:
        raise KadrError("Playwright is not installed: make test-setup") from exc
    if CHROMIUM is None:
        raise KadrError("There is no Chromium on this machine.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            await browser.close()
