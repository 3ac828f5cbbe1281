"""The player's controls in a real browser, by pointer and by keyboard, on really published titles."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator

from tests.browsers import VIDEO, Visit, visiting
from tests.catalogue import LESSON_CUES, Titles

pytestmark = pytest.mark.browser
CONTROLLER = "document.querySelector('kadr-player').shadowRoot.querySelector('media-controller')"


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    async with visiting(browser, 1280, 720) as made:
        yield made


async def box(locator: Locator) -> dict[str, float]:
    found = await locator.bounding_box()
    assert found is not None
    return dict(found)


async def test_a_walk_by_pointer(visit: Visit, title: Titles) -> None:
    made, page = await title("public"), visit.page
    await visit.watch(made["watch_url"])
    await visit.until(f"!{VIDEO}.paused")
    await page.mouse.move(640, 300)
    await page.get_by_role("button", name="Pause").click()
    await visit.until(f"{VIDEO}.paused")

    # The time line spans the player; a click on its middle goes there.
    bar = await box(page.locator("media-time-range"))
    await page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    await visit.until(f"Math.abs({VIDEO}.currentTime - {made['duration_s'] / 2}) < 0.3")

    # Quality: pinned, shown as chosen, and automatic again.
    async def choose(menu: str, item: str) -> None:
        await page.get_by_role("button", name=menu).click()
        await page.get_by_role("menuitemradio", name=item).click()

    for name, height in (("234p", 234), ("360p", 360)):
        await choose("Settings", name)
        await visit.of_video("play()")
        await page.evaluate(f"{VIDEO}.currentTime = 0")
        await visit.until(f"{VIDEO}.videoHeight === {height}")
        await page.get_by_role("button", name="Settings").click()
        assert await page.get_by_role("menuitemradio", name=name).get_attribute("aria-checked") == "true"
        await page.keyboard.press("Escape")
    await choose("Settings", "Automatic")

    await choose("Settings", "1.5×")
    assert await visit.of_video("playbackRate") == 1.5
    await page.get_by_role("button", name="full screen").or_(page.get_by_role("button", name="fullscreen")).click()
    await visit.until(f"{CONTROLLER}.hasAttribute('mediaisfullscreen')")
    await page.keyboard.press("f")
    await visit.until(f"!{CONTROLLER}.hasAttribute('mediaisfullscreen')")
    await page.get_by_role("button", name="Mute").click()
    assert await visit.of_video("muted")
    assert await page.locator(".captions").and_(page.locator("button")).is_hidden(), "there are none"
    assert await visit.fatal_errors() == []


async def test_a_walk_by_keyboard(visit: Visit, title: Titles) -> None:
    made, page = await title("public"), visit.page
    await page.goto(made["watch_url"])
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await visit.until(f"{VIDEO}.currentTime > 0.2")
    focused = "document.activeElement.shadowRoot?.activeElement"
    assert await page.evaluate(f"{focused}?.localName") == "media-play-button", "where the button was, it goes on"
    await page.keyboard.press("k")
    await visit.until(f"{VIDEO}.paused")
    await page.evaluate(f"{VIDEO}.currentTime = 1")
    await page.keyboard.press("l")
    await visit.until(f"{VIDEO}.currentTime > 6")
    await page.keyboard.press("j")
    await visit.until(f"{VIDEO}.currentTime < 1")
    await page.keyboard.press("m")
    await visit.until(f"{VIDEO}.muted")

    # Into a menu, through it, and out again: the focus comes back.
    settings = page.get_by_role("button", name="Settings")
    await settings.focus()
    await page.keyboard.press("Enter")
    menu = page.get_by_role("menu", name="Settings")
    await menu.wait_for()
    assert await page.evaluate(f"{focused}.getAttribute('aria-checked')") == "true", "on what is chosen"
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await visit.until(f"{VIDEO}.playbackRate === 2")
    assert await menu.is_hidden()
    assert await page.evaluate(f"{focused}.title") == "Settings"
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    assert await menu.is_hidden()

    # Controls stay while the focus is in them.
    await visit.of_video("play()")
    assert await page.evaluate(f"{CONTROLLER}.getAttribute('autohide')") == "-1"

    # Single letters are for the player only while it has the focus.
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("m")
    assert await visit.of_video("muted")

    await settings.focus()
    await page.keyboard.press("Shift+?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await dialog.wait_for()
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    assert await visit.fatal_errors() == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
async def test_captions_stand_above_the_bar(browser: Browser, title: Titles, width: int, height: int) -> None:
    made = await title("lesson")
    async with visiting(browser, width, height) as visit:
        page = visit.page
        await visit.watch(made["watch_url"])
        captions = page.get_by_role("button", name="Captions")
        await captions.wait_for()
        await page.mouse.move(width / 2, 100)
        await captions.click()
        await page.get_by_role("menuitemradio").nth(1).click()
        await visit.of_video("pause()")
        first = LESSON_CUES[0]
        await page.evaluate(f"{VIDEO}.currentTime = {(first.start_ms + first.end_ms) / 2000}")
        line = page.locator(".cues.lower span").first
        await line.wait_for()
        assert " ".join((await line.inner_text()).split()) == " ".join(first.text.split())
        words, bar, player = (
            await box(line),
            await box(page.locator("media-time-range")),
            await box(page.locator("kadr-player")),
        )
        assert words["y"] > player["y"]
        assert words["y"] + words["height"] <= bar["y"], "above the bar"
        assert words["x"] >= player["x"]
        assert words["x"] + words["width"] <= player["x"] + player["width"]
        assert bar["width"] > player["width"] - 40, "the time line spans the player"
        # The browser's own are not shown a second time.
        assert await page.evaluate(f"{VIDEO}.textTracks[0].mode") in ("showing", "hidden", "disabled")
        await page.keyboard.press("c")
        await line.wait_for(state="detached")
        assert await visit.fatal_errors() == []


async def test_without_consent_nothing_is_stored_and_nobody_else_is_asked(visit: Visit, title: Titles) -> None:
    made = await title("public")
    here = made["watch_url"].partition("/watch/")[0]
    await visit.page.goto(f"{here}/embed/{made['playback_ids'][0]['id']}")
    await visit.watch()
    await visit.page.evaluate(f"{VIDEO}.currentTime = 5")
    await visit.until(f"{VIDEO}.ended")
    assert all(url.startswith((f"{here}/", "blob:", "data:")) for url in visit.asked), visit.asked
    keys = "[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie].filter(Boolean)"
    assert await visit.page.evaluate(keys) == []
    assert await visit.page.context.cookies() == []
    assert await visit.page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    # Agreed to, and taken back.
    await visit.page.evaluate("document.querySelector('kadr-player').consent = 'functional'")
    await visit.page.evaluate(f"{VIDEO}.currentTime = 3")
    await visit.until("localStorage.length > 0")
    assert await visit.page.evaluate(keys) == [f"kadr:position:{made['playback_ids'][0]['id']}"]
    await visit.page.evaluate("document.querySelector('kadr-player').consent = ''")
    await visit.until("localStorage.length === 0")


async def test_completion_counts_what_was_watched(visit: Visit, title: Titles) -> None:
    made = await title("public")
    await visit.page.goto(made["watch_url"])
    player = "document.querySelector('kadr-player')"
    await visit.page.evaluate(
        f"window.completed = []; {player}.addEventListener('kadr-complete', ({{detail}}) => completed.push(detail))"
    )
    await visit.watch()
    await visit.until(f"{VIDEO}.currentTime > 1")
    await visit.page.evaluate(f"{VIDEO}.currentTime = 6")
    await visit.until(f"{VIDEO}.ended")
    assert await visit.page.evaluate("completed") == [], "a jump to the end completes nothing"
    assert 1 < await visit.page.evaluate(f"{player}.watchedSeconds") < 4
    await visit.page.evaluate(f"{VIDEO}.playbackRate = 2; {VIDEO}.currentTime = 0.5; {VIDEO}.play()")
    await visit.until("completed.length === 1")
    (detail,) = await visit.page.evaluate("completed")
    assert 0.9 * made["duration_s"] <= detail["watched_s"] <= made["duration_s"] + 0.1
    assert detail["duration_s"] == pytest.approx(made["duration_s"], abs=0.1)
