"""The watch page as search engines and people without scripts see it, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browsers import visiting
from tests.catalogue import LESSON_CUES, Titles, asset_of
from tests.stack import PLAIN, Stack
from tests.waiting import until

pytestmark = pytest.mark.browser
# The address of the picture that the browser counts as the largest it has painted, and of the first it has asked for.
PAINTED = """new Promise((resolve) => new PerformanceObserver((list) => {
  const { url, element } = list.getEntries().findLast(({ url }) => url) ?? {};
  if (!url) return; // a text was painted before
  const first = performance.getEntriesByType("resource").find(({ name }) => name.includes("/image/"));
  resolve([url, element?.localName, first?.name]);
}).observe({ type: "largest-contentful-paint", buffered: true }))"""


@pytest.fixture(scope="module")
async def described(stack: Stack, tiny: Path) -> Any:
    """A listed title with a description and tags."""
    about = {"description": "Bars.\nAnd a tone.", "tags": ["bars"], "listed": True}
    asset_id = await stack.upload(tiny, **PLAIN, title="Test picture", **about)
    await stack.wait(asset_id, "ready")
    return await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"])


async def test_without_scripts_the_page_says_what_it_has(browser: Browser, described: Any, title: Titles) -> None:
    lesson = await title("lesson")
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    await page.goto(described["watch_url"])
    assert await page.locator("h1").inner_text() == "Test picture"
    assert await page.locator("main > p").all_inner_texts() == ["Bars.", "And a tone."]
    poster = await page.locator("video").get_attribute("poster")
    assert poster is not None
    assert await page.locator("video").is_visible()
    assert (await page.request.get(poster)).headers["content-type"] == "image/jpeg"
    await page.get_by_role("link", name="bars").click()
    assert await page.locator("h1").inner_text() == "Videos about bars"
    await page.get_by_role("link", name="Test picture").first.click()
    assert page.url == described["watch_url"]

    await page.goto(lesson["watch_url"])
    assert await page.locator(".chapters li").count() == 3
    await page.get_by_text("Transcript").click()
    first = LESSON_CUES[0].text.split()[0]
    assert first in await page.locator("details p").inner_text()
    await page.locator(".chapters a").nth(1).click()
    assert "t=" in page.url
    assert await page.locator("kadr-player").get_attribute("start-time") is not None
    await context.close()


async def test_the_poster_is_the_first_picture_and_the_largest(browser: Browser, described: Any) -> None:
    async with visiting(browser, 390, 844) as visit:
        await visit.page.goto(described["watch_url"])
        painted, element, first = await visit.page.evaluate(PAINTED)
        assert painted == first
        assert "/poster.jpg" in first
        assert element in ("video", "img")
        assert visit.problems == []
