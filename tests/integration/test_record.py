"""Recording on the upload page, with the camera, microphone and screen that Chromium makes up itself."""

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as BrowserGone

from studio import MODULES
from tests.browsers import ARGUMENTS, CHROMIUM, Visit
from tests.stack import Stack
from tests.studio import sign_in

pytestmark = pytest.mark.browser
AXE = MODULES / "axe-core" / "axe.min.js"
FAKE_DEVICES = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
)
PREVIEW = "document.querySelector('.preview').srcObject"
LENGTH = "document.querySelector('[data-recording] video')?.duration"
KNOWN_LENGTH = f"{LENGTH} > 0.2 && {LENGTH} !== Infinity"
KEPT = """new Promise((answer) => {
  const opening = indexedDB.open("kadr-recordings", 1);
  opening.onupgradeneeded = () => opening.transaction.abort();
  opening.onerror = () => answer(0);
  opening.onsuccess = () => {
    const chunks = opening.result.transaction("chunks").objectStore("chunks").count();
    chunks.onsuccess = () => { opening.result.close(); answer(chunks.result); };
  };
})"""


@asynccontextmanager
async def launched(*arguments: str) -> AsyncIterator[Browser]:
    """A Chromium with more arguments than that of other tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    async with async_playwright() as running:
        made = await running.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *arguments])
        yield made
        await made.close()


@pytest.fixture(scope="module")
async def recording_browser() -> AsyncIterator[Browser]:
    """With devices of its own making, and whatever it asks is answered with yes."""
    async with launched(*FAKE_DEVICES) as made:
        yield made


async def cookie_of(stack: Stack) -> Any:
    """For a browser that has signed in."""
    api = stack.endpoints["api"]
    name, _, value = (await sign_in(api, key=stack.endpoints["api_key"])).partition("=")
    return {"name": name, "value": value, "url": api}


@asynccontextmanager
async def upload_page(browser: Browser, stack: Stack, **context: Any) -> AsyncIterator[Visit]:
    """The upload page of somebody who has signed in."""
    made = await browser.new_context(**context)
    await made.add_cookies([await cookie_of(stack)])
    try:
        yield await opened(await made.new_page(), stack)
    finally:
        await made.close()


async def opened(page: Page, stack: Stack) -> Visit:
    visit = Visit(page)
    visit.listen()
    await page.goto(f"{stack.endpoints['api']}/studio/upload")
    await page.locator("kadr-recorder:not([hidden])").wait_for()
    return visit


@pytest.fixture
async def visit(recording_browser: Browser, stack: Stack) -> AsyncIterator[Visit]:
    async with upload_page(recording_browser, stack) as made:
        yield made


async def record(visit: Visit, kind: str) -> None:
    """Begin; returns when the first chunk is kept."""
    await visit.page.locator(f"[data-kind={kind}]").click()
    await visit.page.locator("[data-act=record]").click()
    await visit.until(f"{KEPT}.then((chunks) => chunks > 0)")


async def stop(visit: Visit) -> None:
    await visit.page.locator("[data-act=stop]").click()
    await visit.page.locator("[data-recording]").wait_for()


async def refuses_to_leave(visit: Visit) -> None:
    """The browser asks, and a no leaves the page as it is."""
    async with visit.page.expect_event("dialog") as asked:
        await visit.page.evaluate("setTimeout(() => location.reload())")
    dialog = await asked.value
    assert dialog.type == "beforeunload"
    await dialog.dismiss()


async def problem(visit: Visit) -> str:
    await visit.page.locator("kadr-recorder .problem").wait_for()
    return await visit.page.locator("kadr-recorder .problem").inner_text()


async def test_what_a_closed_tab_has_recorded_is_sent_later(visit: Visit, stack: Stack) -> None:
    await record(visit, "camera")
    await visit.until(f"{KEPT}.then((chunks) => chunks > 1)")
    recorded = await visit.page.evaluate(f"{PREVIEW}.getVideoTracks()[0].getSettings().width")
    context = visit.page.context
    await visit.page.close()

    visit = await opened(await context.new_page(), stack)
    row = visit.page.locator("[data-recording]")
    await row.wait_for()
    assert "not sent" in await visit.page.locator("kadr-recorder .words").inner_text()
    await visit.until(KNOWN_LENGTH)
    length_s = await visit.page.evaluate(LENGTH)
    await row.locator("input").fill("Fractions, first lesson")
    await row.locator("[data-act=send]").click()
    await visit.page.locator(".uploads li a.button").wait_for()
    asset_id = await visit.page.locator(".uploads li").get_attribute("data-asset-id")
    assert asset_id
    await visit.until(f"{KEPT}.then((chunks) => chunks === 0)")

    asset = await stack.wait(asset_id, "ready")
    assert asset["title"] == "Fractions, first lesson"
    assert abs(asset["duration_s"] - length_s) < 0.5
    assert asset["source"]["video"]["width"] == recorded
    assert [track["language"] for track in asset["source"]["audio"]] == [None], "it has sound, of no known language"
    assert asset["warnings"] == []
    await visit.page.locator("kadr-player .start").click()
    await visit.until("document.querySelector('kadr-player').media.currentTime > 0.3")
    assert visit.problems == []


async def test_pauses_are_left_out_and_discarding_is_asked_about(visit: Visit) -> None:
    page = visit.page
    await record(visit, "screen_voice")
    assert await page.title() == "● Recording · Upload · Kadr"
    await page.locator("[data-act=pause]").click()
    await page.locator("[data-act=resume]").wait_for()
    assert await page.locator(".now").inner_text() == "Paused"
    await refuses_to_leave(visit)
    assert await page.locator(".now").inner_text() == "Paused"

    await page.locator("[data-act=discard]").click()
    await page.keyboard.press("Escape")
    await page.locator("[data-act=discard]").click()
    await page.locator("dialog [value=yes]").click()
    await page.locator("[data-kind=camera]").wait_for()
    await visit.until(f"{KEPT}.then((chunks) => chunks === 0)")
    assert await page.locator("[data-recording]").count() == 0
    assert await page.locator("kadr-recorder .words").inner_text() == "The recording was discarded."
    assert visit.problems == []


ENDS = {"camera": ("camera", "The camera was disconnected"), "screen": ("screen", "Sharing the screen was ended")}


@pytest.mark.parametrize("gone", ENDS)
async def test_a_device_that_goes_ends_it_and_keeps_what_there_is(visit: Visit, gone: str) -> None:
    kind, words = ENDS[gone]
    await record(visit, kind)
    await visit.page.evaluate(f"{PREVIEW}.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    await visit.page.locator("[data-recording] video").wait_for()
    told = await visit.page.locator("kadr-recorder :is(.words, .problem:not([hidden]))").all_inner_texts()
    assert words in " ".join(told)
    await visit.page.locator("[data-act=delete]").click()
    await visit.page.locator("dialog [value=yes]").click()
    await visit.until(f"{KEPT}.then((chunks) => chunks === 0)")
    assert await visit.page.locator("[data-recording]").count() == 0


async def test_where_it_is_full_it_ends_and_loses_nothing(visit: Visit, stack: Stack) -> None:
    network = await visit.page.context.new_cdp_session(visit.page)
    quota = {"origin": stack.endpoints["api"], "quotaSize": 40_000}
    await network.send("Storage.overrideQuotaForOrigin", quota)
    await visit.page.locator("[data-kind=camera]").click()
    await visit.page.locator("[data-act=record]").click()
    assert "no room" in await problem(visit)
    await visit.until(KNOWN_LENGTH)
    await refuses_to_leave(visit)
    await visit.page.locator("[data-act=send]").click()
    await visit.page.locator(".uploads li a.button").wait_for()
    assert await visit.page.locator("[data-recording]").count() == 0


async def test_another_tab_leaves_alone_what_is_being_recorded(visit: Visit, stack: Stack) -> None:
    await record(visit, "screen")
    other = await opened(await visit.page.context.new_page(), stack)
    await other.page.locator("[data-kind=camera]").wait_for()
    await stop(visit)
    assert await other.page.locator("[data-recording]").count() == 0
    await other.page.reload()
    await other.page.locator("[data-recording]").wait_for()
    assert other.problems == []


async def test_a_browser_that_crashes_has_kept_it(stack: Stack, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    start = {"user_data_dir": tmp_path, "executable_path": CHROMIUM, "args": [*ARGUMENTS, *FAKE_DEVICES]}
    async with async_playwright() as running:
        context = await running.chromium.launch_persistent_context(**start)
        await context.add_cookies([await cookie_of(stack)])
        visit = await opened(await context.new_page(), stack)
        await record(visit, "camera")
        crash = await context.new_cdp_session(visit.page)
        with pytest.raises(BrowserGone):
            await crash.send("Browser.crash")

        again = await running.chromium.launch_persistent_context(**start)
        await again.add_cookies([await cookie_of(stack)])
        visit = await opened(await again.new_page(), stack)
        await visit.until(KNOWN_LENGTH)
        assert await visit.page.locator("[data-recording]").count() == 1
        await again.close()


async def test_without_devices_it_says_what_to_do(browser: Browser, stack: Stack) -> None:
    async with upload_page(browser, stack, locale="ru") as visit:
        await visit.page.locator("[data-kind=camera]").click()
        assert "Подключите" in await problem(visit)
        assert await visit.page.locator("[data-act=record]").is_visible() is False


async def test_without_permission_it_says_what_to_do(stack: Stack) -> None:
    async with (
        launched("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny") as browser,
        upload_page(browser, stack) as visit,
    ):
        await visit.page.locator("[data-kind=camera]").click()
        assert "site settings" in await problem(visit)
        await visit.page.locator("[data-kind=screen]").click()
        await visit.until("document.querySelector('kadr-recorder .problem').textContent.includes('Nothing is shared')")
        assert await visit.page.locator("[data-act=record]").is_visible() is False


async def test_a_silent_microphone_is_told_before_anything_is_recorded(stack: Stack, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    with wave.open(str(silence), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 48_000))
    flags = [*FAKE_DEVICES, f"--use-file-for-fake-audio-capture={silence}"]
    async with launched(*flags) as browser, upload_page(browser, stack) as visit:
        await visit.page.locator("[data-kind=camera]").click()
        await visit.page.locator("[data-act=record]").wait_for()
        assert await visit.page.locator(".silent").inner_text() == ""
        await visit.until("document.querySelector('.silent').textContent.includes('hears nothing')")
        assert await visit.page.locator("meter").evaluate("({value}) => value") == 0


async def test_where_the_browser_cannot_it_offers_nothing(browser: Browser, stack: Stack) -> None:
    async with upload_page(browser, stack) as visit:
        await visit.page.add_init_script("delete MediaDevices.prototype.getDisplayMedia")
        await visit.page.reload()
        await visit.page.locator("kadr-recorder .missing").wait_for()
        shown = visit.page.locator("[data-kind]:not([hidden])")
        assert await shown.all_inner_texts() == ["Camera and microphone"]
        await visit.page.add_init_script("delete window.MediaRecorder")
        await visit.page.reload()
        await visit.page.locator("kadr-recorder .missing").wait_for()
        assert await shown.count() == 0


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (make test does)")
@pytest.mark.parametrize(("theme", "language", "width"), [("light", "en", 1280), ("dark", "ru", 390)])
async def test_axe_finds_nothing_serious(
    recording_browser: Browser, stack: Stack, theme: Any, language: str, width: int
) -> None:
    found: dict[str, Any] = {}
    viewport: Any = {"width": width, "height": 844}
    async with upload_page(recording_browser, stack, color_scheme=theme, locale=language, viewport=viewport) as visit:

        async def look(stage: str) -> None:
            seen = await visit.page.evaluate("axe.run({resultTypes: ['violations']})")
            serious = [one for one in seen["violations"] if one["impact"] in ("serious", "critical")]
            found[stage] = [(one["id"], one["nodes"][0]["target"]) for one in serious]
            assert await visit.page.evaluate("document.documentElement.scrollWidth") <= width

        await visit.page.evaluate(AXE.read_text("utf-8"))
        await look("choosing")
        await visit.page.locator("[data-kind=camera]").click()
        await visit.page.locator("[data-act=record]").wait_for()
        await look("ready")
        await visit.page.locator("[data-act=record]").click()
        await visit.until(f"{KEPT}.then((chunks) => chunks > 0)")
        await look("recording")
        await visit.page.locator("[data-act=discard]").click()
        await look("asking")
        await visit.page.keyboard.press("Escape")
        await stop(visit)
        await look("recorded")
    assert found == {"choosing": [], "ready": [], "recording": [], "asking": [], "recorded": []}
