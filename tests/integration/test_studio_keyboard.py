"""From a file to a page of one's own by keyboard alone; what has the focus can always be seen."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browsers import Visit, visiting
from tests.catalogue import asset_of, clip_file
from tests.stack import Stack
from tests.studio_pages import DESK, PHONE, wrong
from tests.waiting import until

pytestmark = pytest.mark.browser
MOST_TABS = 60
# What has the focus, wherever it is nested: which it is, in the order of the page, and how it looks.
FOCUSED = """() => {
  let one = document.activeElement;
  const outer = one;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  const shown = one.closest(".drop") ?? one;  // a field for files is its label
  const {outlineStyle, outlineWidth} = getComputedStyle(shown);
  const {top, bottom, left, right, width, height} = shown.getBoundingClientRect();
  return {
    name: (one.ariaLabel || one.labels?.[0]?.textContent || one.textContent || one.name || "").trim(),
    tag: one.localName,
    id: one.id,
    field: one.name ?? "",
    at: [...document.querySelectorAll("*")].indexOf(outer),
    outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    inView: width > 0 && right > 0 && left < innerWidth
      && Math.min(bottom, innerHeight) - Math.max(top, 0) >= Math.min(height, 40),
  };
}"""


@dataclass(slots=True)
class Keyboard:
    """Somebody who has no mouse. `unseen` are elements whose focus could not be seen, `odd` those out of order."""

    visit: Visit
    unseen: list[Any] = field(default_factory=list)
    odd: list[Any] = field(default_factory=list)
    tabs: int = 0

    async def tab_to(self, *, name: str = "", **wanted: str) -> None:
        """Press Tab until the focus is on what is called so, or has these ids or names of fields."""
        before = -1
        for _ in range(MOST_TABS):
            await self.visit.page.keyboard.press("Tab")
            self.tabs += 1
            here = await self.visit.page.evaluate(FOCUSED)
            if here is None:  # beyond the last one: the browser's own
                before = -1
                continue
            if not (here["outlined"] and here["inView"]):
                self.unseen.append(here)
            if here["at"] < before:
                self.odd.append(here)
            before = here["at"]
            if (not name or here["name"] == name) and wanted.items() <= here.items():
                return
        raise AssertionError(f"no Tab leads to {name or wanted}")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.visit.page.keyboard.press(key)

    async def write(self, text: str) -> None:
        """In place of what the field holds."""
        await self.press("Control+A")
        await self.visit.page.keyboard.type(text)


@pytest.mark.acceptance("one title through the whole studio, by keyboard, at two widths")
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_the_whole_way_by_keyboard(browser: Browser, stack: Stack, size: tuple[int, int]) -> None:
    async with visiting(browser, *size) as visit:
        hands, page = Keyboard(visit), visit.page
        await page.goto(f"{stack.endpoints['api']}/studio/")
        await hands.tab_to(field="key")
        await hands.write(stack.endpoints["api_key"])
        await hands.press("Enter")
        await page.wait_for_url(re.compile(r"/studio/$"))
        await hands.tab_to(name="Upload")
        await hands.press("Enter")
        await page.wait_for_url(re.compile(r"/studio/upload$"))

        await hands.tab_to(id="files")
        async with page.expect_file_chooser() as chooser:
            await hands.press("Space")
        await (await chooser.value).set_files(clip_file("scenes"))
        # One that was sent before is asked about; either way there is a button to the page of the title at its end.
        again = page.locator(".uploads li button", has_text="Upload again")
        opens = page.locator(".uploads li a.button")
        await again.or_(opens).first.wait_for()
        if await again.count():
            await hands.tab_to(name=await again.get_attribute("aria-label") or "")
            await hands.press("Enter")
        await opens.wait_for()
        asset_id = str(await page.locator(".uploads li").get_attribute("data-asset-id"))
        await stack.wait(asset_id, "ready")
        made = await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"], within_s=240)
        await hands.tab_to(name="Open")
        await hands.press("Enter")
        await page.wait_for_url(re.compile(asset_id))

        await page.locator(".posters input").nth(1).wait_for()
        await hands.tab_to(field="candidate")
        await hands.press("ArrowRight")
        await hands.tab_to(name="Use this poster")
        await hands.press("Enter")
        await page.locator("#poster [role=status]", has_text="Saved").wait_for()
        await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"] != made["poster_url"])

        await hands.tab_to(field="title")
        await hands.write("Red, green and something to look at")
        await hands.press("Enter")
        await page.get_by_role("heading", name="Red, green and something to look at").wait_for()
        await hands.tab_to(name="Library")
        await hands.press("Enter")
        await page.locator(f"li[data-asset-id={asset_id}]", has_text="Red, green and something").wait_for()
        await hands.tab_to(name="Русский")
        await hands.press("Enter")
        await page.get_by_role("heading", name="Библиотека").wait_for()
        assert hands.tabs > 20
        assert (hands.unseen, hands.odd) == ([], [])
        assert wrong(visit) == []
