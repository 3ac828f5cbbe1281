"""The captions editor in a real browser: by keyboard alone, drafts, two people, thousands of captions, a phone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browsers import Visit, visiting
from tests.catalogue import clip_file
from tests.stack import PLAIN, Stack
from tests.studio import enter
from tests.waiting import until

pytestmark = pytest.mark.browser
PHONE, DESK = (390, 844), (1280, 800)
TEXT = """WEBVTT

00:00:00.000 --> 00:00:02.000
Helo and welcom

00:00:03.000 --> 00:00:05.000
to this worksop

00:00:06.000 --> 00:00:08.000
about a worksop
"""
MANY, FEW = 3000, 30
TEXTS, FOCUSED = ".cue textarea", "document.activeElement"
# What a keystroke takes, with everything drawn; the middle of many, in milliseconds.
TYPING = """(index) => {
  const field = document.querySelectorAll(".cue textarea")[index];
  field.focus();
  const times = Array.from({ length: 40 }, () => {
    const before = performance.now();
    field.value += "x";
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    document.body.offsetHeight;
    return performance.now() - before;
  });
  return times.sort((one, other) => one - other)[20];
}"""
# Through the whole list: the most rows that were drawn at once, and how often none was in sight.
SCROLLING = """async () => {
  let [most, empty] = [0, 0];
  for (let step = 1; step <= 20; step += 1) {
    scrollTo(0, (document.documentElement.scrollHeight * step) / 21);
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const rows = [...document.querySelectorAll(".cue")].map((row) => row.getBoundingClientRect());
    most = Math.max(most, rows.length);
    empty += !rows.some(({ top, bottom }) => top < innerHeight / 2 && bottom > innerHeight / 2);
  }
  return [most, empty];
}"""


@pytest.fixture(scope="module")
async def asset_id(stack: Stack) -> str:
    """A title whose tracks these tests make and change."""
    made: str = (await stack.wait(await stack.upload(clip_file("tiny"), **PLAIN), "ready"))["id"]
    return made


@pytest.fixture
async def desk(browser: Browser, stack: Stack) -> AsyncIterator[Visit]:
    async with visiting(browser, *DESK) as made:
        await enter(made, stack)
        yield made


class Track:
    """Captions of a title in the API, and their page in the studio."""

    def __init__(self, stack: Stack, asset_id: str, made: Any) -> None:
        self.stack = stack
        self.made = made
        self.path = f"/v1/assets/{asset_id}/tracks/{made['id']}"
        self.page = f"{stack.endpoints['api']}/studio/assets/{asset_id}/captions/{made['id']}"

    @classmethod
    async def add(cls, stack: Stack, asset_id: str, text: str = TEXT) -> "Track":
        track = {"kind": "subtitles", "language": "en", "text": text}
        status, made = await stack.api("POST", f"/v1/assets/{asset_id}/tracks", json=track)
        assert status == 201, made
        return cls(stack, asset_id, made["data"])

    async def read(self) -> Any:
        return (await self.stack.api("GET", self.path))[1]["data"]

    async def change(self, text: str) -> None:
        """As somebody else would, meanwhile."""
        headers = {"If-Match": (await self.read())["etag"]}
        status, answer = await self.stack.api("PUT", self.path, json={"text": text}, headers=headers)
        assert status == 200, answer


async def opened(visit: Visit, track: Track) -> Page:
    await visit.page.goto(track.page)
    await visit.page.locator(TEXTS).first.wait_for()
    return visit.page


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def texts(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(f"[...document.querySelectorAll('{TEXTS}')].map(({{ value }}) => value)")
    return found


async def tab_to(page: Page, selector: str, most: int = 40) -> None:
    """As somebody without a mouse gets there."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate(f"{FOCUSED}.matches({selector!r})"):
            return
    pytest.fail(f"{most} tabs do not lead to {selector}")


async def test_by_keyboard_alone(desk: Visit, stack: Stack, asset_id: str) -> None:
    track = await Track.add(stack, asset_id)
    page = await opened(desk, track)
    await tab_to(page, TEXTS)
    await press(page, "Control+End", "Backspace")
    await page.keyboard.type("me to all of you")
    assert await page.evaluate(f"{FOCUSED}.value") == "Helo and welcome to all of you"

    # Split behind "Helo and", and the time with it.
    await press(page, "Home", *("ArrowRight",) * 8, "Alt+Enter")
    assert await texts(page) == ["Helo and", "welcome to all of you", "to this worksop", "about a worksop"]
    starts = await page.evaluate("[...document.querySelectorAll('.time[data-edge=start]')].map(({ value }) => value)")
    assert starts == ["00:00.000", "00:00.552", "00:03.000", "00:06.000"], "8 of 29 characters of two seconds"

    # From one to the next, and merged; then both steps are undone and done again.
    await press(page, "Alt+ArrowDown", "Alt+J")
    assert (await texts(page))[2] == "to this worksop\nabout a worksop"
    await press(page, "Control+z")
    assert len(await texts(page)) == 4
    await press(page, "Control+z")
    assert (await texts(page))[0] == "Helo and welcome to all of you"
    await press(page, "Control+Shift+Z", "Control+Shift+Z", "Control+z")
    assert len(await texts(page)) == 4

    # A time, a tenth of a second at once.
    await press(page, "Escape", "Home")
    await tab_to(page, ".time[data-edge=end]", 3)
    await press(page, "ArrowDown", "ArrowDown")
    assert await page.evaluate(f"{FOCUSED}.value") == "00:00.268"
    assert "Too short: 0.27 s; at least 0.83 s." in await page.locator(".cue").first.inner_text()
    await press(page, "Escape", "End", "Alt+PageDown")
    assert await page.evaluate(f"{FOCUSED}.value") == "Helo and", "the only one with a mark"

    # Found and replaced: all at once, and undone at once.
    await press(page, "Control+f")
    await page.keyboard.type("worksop")
    await press(page, "Tab")
    await page.keyboard.type("workshop")
    await tab_to(page, "[data-act=replace_all]")
    await press(page, "Enter")
    assert (await texts(page))[2:] == ["to this workshop", "about a workshop"]
    await press(page, "Escape", "Control+z")
    assert (await texts(page))[2:] == ["to this worksop", "about a worksop"]
    await press(page, "Control+Shift+Z")

    await tab_to(page, "input[name=reviewed]")
    await press(page, "Space", "Control+s")
    await page.get_by_role("status").filter(has_text="Saved.").wait_for()
    stored = await track.read()
    assert stored["reviewed"] is True
    assert stored["text"].split("\n\n")[1:] == [
        "00:00:00.000 --> 00:00:00.268\nHelo and",
        "00:00:00.552 --> 00:00:02.000\nwelcome to all of you",
        "00:00:03.000 --> 00:00:05.000\nto this workshop",
        "00:00:06.000 --> 00:00:08.000\nabout a workshop\n",
    ]
    assert desk.problems == []


async def test_a_draft_outlives_a_reload_and_can_be_thrown_away(desk: Visit, stack: Stack, asset_id: str) -> None:
    track = await Track.add(stack, asset_id)
    page = await opened(desk, track)
    await page.locator(TEXTS).first.fill("Hello")
    page = await opened(desk, track)
    assert (await texts(page))[0] == "Hello"
    await page.get_by_role("status").filter(has_text="not saved yet").wait_for()
    assert "Helo" in (await track.read())["text"]
    await page.get_by_role("button", name="Discard the draft").click()
    assert (await texts(page))[0] == "Helo and welcom"
    page = await opened(desk, track)
    assert (await texts(page))[0] == "Helo and welcom"
    assert await page.get_by_role("button", name="Discard the draft").count() == 0


async def test_two_people_at_once(desk: Visit, stack: Stack, asset_id: str) -> None:
    """Both versions are side by side; nothing is stored before somebody has chosen."""
    track = await Track.add(stack, asset_id)
    page = await opened(desk, track)
    await page.locator(TEXTS).nth(0).fill("Hello and welcome")
    await page.locator(TEXTS).nth(1).fill("to my workshop")
    theirs = TEXT.replace("to this worksop", "to our workshop").replace("about a", "on a")
    await track.change(theirs)
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("heading", name="Somebody else has changed these captions").wait_for()
    assert (await track.read())["text"] == theirs
    sides = page.locator(".difference")
    marked = [await one.locator("mark").all_inner_texts() for one in await sides.all()]
    assert marked == [["Hello and welcome", "Helo and welcom"], ["my", "our"], ["about", "on"]]
    chosen = [await one.locator(":checked").input_value() for one in await sides.all()]
    assert chosen == ["mine", "mine", "theirs"], "who has not touched a caption takes the other's"
    await sides.nth(1).get_by_text("Take theirs").click()
    await page.get_by_role("button", name="Save with these choices").click()
    await page.get_by_role("status").filter(has_text="Saved.").wait_for()
    wanted = ["Hello and welcome", "to our workshop", "on a worksop"]
    assert await texts(page) == wanted
    assert [block.partition("\n")[2].strip() for block in (await track.read())["text"].split("\n\n")[1:]] == wanted
    assert [one for one in desk.problems if "412" not in one] == []


async def test_times_that_cannot_be_saved(desk: Visit, stack: Stack, asset_id: str) -> None:
    track = await Track.add(stack, asset_id)
    page = await opened(desk, track)
    first, second = page.locator(".cue").nth(0), page.locator(".cue").nth(1)
    await second.locator("[data-edge=start]").fill("1.5")
    await press(page, "Enter")
    assert "Cannot be saved: it begins (00:01.500) before the one above ends (00:02.000)." in await second.inner_text()
    await first.locator("[data-edge=end]").fill("soon")
    await press(page, "Control+s")
    await page.get_by_role("alert").filter(has_text="“soon” is not a time.").wait_for()
    await press(page, "Control+s")
    await page.get_by_role("alert").filter(has_text="Some times cannot be saved yet.").wait_for()
    await page.get_by_role("button", name="Go to caption 2").click()
    assert await page.evaluate(f"{FOCUSED}.value") == "00:01.500"
    await page.locator("[data-act=more]").click()
    await page.get_by_role("button", name="Edit as text").click()
    field = page.locator("textarea[name=text]")
    assert "00:00:01.500 --> 00:00:05.000\nto this worksop" in await field.input_value()
    await field.fill(TEXT.replace("00:00:03.000 -->", "00:00:03.000 ->"))
    await page.get_by_role("button", name="Back to the list").click()
    await page.get_by_role("alert").filter(has_text="Line 6 is not WebVTT").wait_for()
    await field.fill(TEXT.replace("welcom", "welcome"))
    await page.get_by_role("button", name="Back to the list").click()
    assert await page.evaluate(f"{FOCUSED}.ariaLabel") == "Caption 2", "where it was left"
    await press(page, "Control+s")
    await page.get_by_role("status").filter(has_text="Saved.").wait_for()
    assert (await track.read())["text"] == TEXT.replace("welcom", "welcome")


def lines(count: int) -> str:
    """Captions, two seconds apart."""
    times = [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in range(0, 2 * count + 2, 2)]
    cues = (f"{start}.000 --> {start[:-1]}{int(start[-1]) + 1}.500\nCaption of {start}\n" for start in times[:count])
    return "\n".join(["WEBVTT\n", *cues])


async def test_three_thousand_captions_without_lag(desk: Visit, stack: Stack, asset_id: str) -> None:
    page = await opened(desk, await Track.add(stack, asset_id, lines(FEW)))
    few_ms = await page.evaluate(TYPING, 2)
    track = await Track.add(stack, asset_id, lines(MANY))
    page = await opened(desk, track)
    assert await page.locator(".cue").count() < FEW
    many_ms = await page.evaluate(TYPING, 2)
    assert many_ms < 6 * few_ms + 4, "a hundred times as many captions do not take a hundred times as long"
    most, empty = await page.evaluate(SCROLLING)
    assert most < FEW
    assert empty == 0
    await press(page, "Escape", "End")
    assert await page.evaluate(f"{FOCUSED}.ariaLabel") == f"Caption {MANY:,}"
    await press(page, "Home", "Control+z")
    assert (await texts(page))[2] == "Caption of 00:00:04"
    await page.locator(TEXTS).first.fill("The first of many")
    await press(page, "Control+s")
    await page.get_by_role("status").filter(has_text="Saved.").wait_for()
    assert (await track.read())["text"].count("-->") == MANY


async def test_on_a_phone_the_player_stays_and_shows_what_is_typed(
    browser: Browser, stack: Stack, asset_id: str
) -> None:
    track = await Track.add(stack, asset_id, lines(FEW))
    async with visiting(browser, *PHONE) as visit:
        await enter(visit, stack)
        page = await opened(visit, track)
        await page.locator(TEXTS).first.fill("As it is typed")
        await page.locator(".cue").first.get_by_role("button", name="Play this caption").click()
        shown = "document.querySelector('kadr-player').shadowRoot.querySelector('.cues.lower')?.textContent"
        await visit.until(f"{shown} === 'As it is typed'")
        await visit.until("document.querySelector('kadr-player').paused")
        assert await page.evaluate("document.querySelector('kadr-player').currentTime") >= 1.4, "to its end"
        await page.evaluate("scrollTo(0, 3000)")
        await until(lambda: page.locator(".cue").count(), lambda count: count > 3)
        player, small = (
            await page.evaluate("document.querySelector('kadr-player').getBoundingClientRect().toJSON()"),
            await page.evaluate(
                "[...document.querySelectorAll('kadr-captions button, .cue .time')].filter((one) => one.offsetWidth)"
                ".filter((one) => one.offsetWidth < 44 || one.offsetHeight < 44).map((one) => one.outerHTML)"
            ),
        )
        assert player["top"] >= 0
        assert player["bottom"] < PHONE[1] / 2
        assert small == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
