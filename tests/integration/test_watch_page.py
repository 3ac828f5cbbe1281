"""The watch page in a real browser: it plays to the end, tells what is wrong, waits for what is not ready."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import cv2
import numpy as np
import pytest
from playwright.async_api import Browser

from tests.browsers import VIDEO, Visit, visiting
from tests.catalogue import HTML_TITLE, LESSON_STARTS, Titles
from tests.stack import PLAIN, Stack

pytestmark = pytest.mark.browser
RANGE = "document.querySelector('kadr-player').shadowRoot.querySelector('media-time-range')"


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    async with visiting(browser, 1280, 720) as made:
        yield made


@pytest.fixture(scope="module")
async def ready(title: Titles) -> Any:
    """Public, with a title that is HTML, and with its pictures."""
    return await title("public")


async def is_colourful(visit: Visit, path: Path) -> None:
    """The picture is that of testsrc2: bars of strong colours from edge to edge."""
    await visit.page.locator("kadr-player").screenshot(path=path)
    picture = cv2.imread(str(path))
    assert picture is not None
    height, width = picture.shape[:2]
    assert width > 600
    assert height > 300
    picture = picture[: height * 8 // 10]  # the rest may be under the control bar
    hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV))
    assert value.mean() > 150, "black"
    assert saturation.mean() > 150, "grey"
    # The middle of each bar, over most of the height: what moves across does not count.
    middles = [width * (2 * bar + 1) // 12 for bar in range(6)]
    bars = {round(float(np.median(hue[height // 10 : height * 7 // 10, at - 20 : at + 20])) / 30) % 6 for at in middles}
    assert bars == set(range(6)), f"the six bars are red, green, yellow, blue, magenta and cyan: {bars}"


async def test_it_plays_to_its_end(visit: Visit, ready: Any, tmp_path: Path) -> None:
    answer = await visit.page.goto(ready["watch_url"])
    assert answer is not None
    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, no-store"
    await visit.page.locator("kadr-player .start").wait_for()
    assert await visit.of_video("paused"), "nothing plays before somebody wants it to"
    assert not any("/play/" in url for url in visit.asked), "and no session begins"

    await visit.watch()
    await visit.until(f"{VIDEO}.currentTime > 2")
    await is_colourful(visit, tmp_path / "video.png")
    await visit.until(f"{VIDEO}.ended")
    assert await visit.of_video("currentTime") == pytest.approx(ready["duration_s"], abs=0.1)
    quality = await visit.page.evaluate(f"{VIDEO}.getVideoPlaybackQuality().totalVideoFrames")
    assert quality > 100

    assert (await visit.of_video("videoWidth"), await visit.of_video("videoHeight")) in ((640, 360), (416, 234))
    assert await visit.page.locator("[role=alert]").is_hidden()
    assert await visit.fatal_errors() == []
    assert visit.problems == []
    segments = [url for url in visit.asked if ".m4s" in url]
    assert len(segments) == len({url.partition("?")[0] for url in segments}) == 4, "two of sound, two of picture"
    assert all("?CMCD=" in url for url in segments)
    here = ready["watch_url"].partition("/watch")[0]
    assert all(url.startswith((here, "blob:", "data:")) for url in visit.asked)


async def test_seeking_goes_on_from_there(visit: Visit, ready: Any) -> None:
    await visit.watch(ready["watch_url"])
    await visit.page.evaluate(f"{VIDEO}.currentTime = 6.3")
    await visit.until(f"{VIDEO}.ended")
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_a_link_may_say_where_to_start(visit: Visit, ready: Any) -> None:
    await visit.watch(f"{ready['watch_url']}?t=4.5")
    assert 4.4 < await visit.of_video("currentTime") < 6.5


async def test_seeking_shows_pictures(visit: Visit, ready: Any) -> None:
    """The tile of the time under the pointer, and the poster before anything plays."""
    await visit.page.goto(ready["watch_url"])
    await visit.until_asked("/poster.jpg")
    await visit.watch()
    await visit.of_video("pause()")
    await visit.until(f"[...{VIDEO}.textTracks].find(({{label}}) => label === 'thumbnails')?.cues?.length === 4")
    bar = await visit.page.locator("media-time-range").bounding_box()
    assert bar is not None
    assert bar["width"] > 1000, "the time line is as wide as the player"
    for share, tile in ((0.2, "0 0 160 90"), (0.9, "480 0 160 90")):  # the first and the last one
        await visit.page.mouse.move(bar["x"] + share * bar["width"], bar["y"] + bar["height"] / 2)
        shown = f"{RANGE}.getAttribute('mediapreviewtime')"
        await visit.until(f"Math.abs({shown} - {share * ready['duration_s']}) < 0.5")
        thumbnail = f"{RANGE}.shadowRoot.querySelector('media-preview-thumbnail')"
        await visit.until(f"{thumbnail}.getAttribute('mediapreviewcoords') === '{tile}'")
    await visit.until_asked("/sheet-0.jpg")
    assert visit.problems == []


async def test_seeking_names_the_chapter(visit: Visit, title: Titles) -> None:
    made = await title("lesson")
    await visit.watch(made["watch_url"])
    await visit.of_video("pause()")
    chapters = f"[...{VIDEO}.textTracks].find(({{kind}}) => kind === 'chapters')"
    await visit.until(f"{chapters}?.cues?.length === 3")
    bar = await visit.page.locator("media-time-range").bounding_box()
    assert bar is not None
    middle = (LESSON_STARTS[1] + LESSON_STARTS[2]) / 2000 / made["duration_s"]
    await visit.page.mouse.move(bar["x"] + middle * bar["width"], bar["y"] + bar["height"] / 2)
    named = f"{RANGE}.shadowRoot.querySelector('media-preview-chapter-display')"
    await visit.until(f"{named}.shadowRoot.textContent.includes({chapters}.cues[1].text)")
    # The menu of chapters goes to one.
    await visit.page.get_by_role("button", name="Chapters").click()
    await visit.page.get_by_role("menuitem").nth(1).click()
    await visit.until(f"Math.abs({VIDEO}.currentTime - {LESSON_STARTS[1] / 1000}) < 1")
    assert visit.problems == []


async def test_the_next_visit_resumes_until_the_end_was_seen(visit: Visit, title: Titles) -> None:
    made = await title("lesson")
    await visit.watch(made["watch_url"])
    await visit.page.evaluate(f"{VIDEO}.currentTime = 15")
    await visit.until(f"!{VIDEO}.seeking && {VIDEO}.currentTime >= 15")
    await visit.of_video("pause()")
    left_at = await visit.of_video("currentTime")
    await visit.watch(made["watch_url"])
    assert left_at - 0.5 <= await visit.of_video("currentTime") < left_at + 3
    notice = visit.page.locator("kadr-player .notice")
    assert "0:1" in await notice.inner_text()
    await notice.get_by_role("button").click()
    await visit.until(f"{VIDEO}.currentTime < 3")

    # Where the link says where to start, that is meant; with `consent=none` nothing is read or stored.
    await visit.page.evaluate(f"{VIDEO}.currentTime = 15")
    await visit.until(f"!{VIDEO}.seeking")
    await visit.watch(f"{made['watch_url']}&t=2")
    assert await visit.of_video("currentTime") < 5
    await visit.page.evaluate(f"{VIDEO}.currentTime = 15")
    await visit.until(f"!{VIDEO}.seeking")
    await visit.of_video("pause()")
    stored = await visit.page.evaluate("JSON.stringify(localStorage)")
    assert "15" in stored
    await visit.watch(f"{made['watch_url']}&consent=none")
    assert await visit.of_video("currentTime") < 3
    await visit.page.evaluate(f"{VIDEO}.currentTime = 20")
    await visit.until(f"!{VIDEO}.seeking")
    assert await visit.page.evaluate("JSON.stringify(localStorage)") == stored

    await visit.watch(made["watch_url"])
    await visit.page.evaluate(f"{VIDEO}.currentTime = {made['duration_s'] - 0.5}")
    await visit.until(f"{VIDEO}.ended")
    await visit.watch(made["watch_url"])
    assert await visit.of_video("currentTime") < 3, "who has seen it all begins again"
    assert await visit.fatal_errors() == []


async def test_the_title_is_text(visit: Visit, ready: Any) -> None:
    await visit.page.goto(ready["watch_url"])
    assert await visit.page.locator("h1").inner_text() == HTML_TITLE
    assert await visit.page.title() == f"{HTML_TITLE} · Kadr"
    assert await visit.page.locator("h1 b").count() == 0
    content = await visit.page.content()
    assert "&lt;b&gt;" in content
    assert HTML_TITLE not in content
    assert await visit.page.get_by_role("button", name=HTML_TITLE).count() == 1


async def test_a_signed_video_needs_its_token(visit: Visit, title: Titles) -> None:
    asset = await title("signed")
    page = visit.page
    for url in (asset["watch_url"].partition("?")[0], f"{asset['watch_url']}0"):
        answer = await page.goto(url)
        assert answer is not None
        assert answer.status == 403
        words = await page.locator("[role=alert]").inner_text()
        assert "page" in words
        assert "token" not in words, "a viewer knows no tokens"
        assert "Secret" not in await page.content(), "the title is for those who may watch"
        assert await page.locator("video").count() == 0
    visit.problems.clear()
    await visit.watch(asset["watch_url"])
    assert await page.locator("h1").inner_text() == "Secret lesson"
    await visit.until(f"{VIDEO}.currentTime > 0.5")
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_an_unknown_id_is_a_page_too(visit: Visit, stack: Stack) -> None:
    answer = await visit.page.goto(f"{stack.endpoints['origin']}/watch/pb_nothing?lang=ru")
    assert answer is not None
    assert answer.status == 404
    assert await visit.page.locator("[role=alert]").inner_text() == "Такого видео нет."
    assert await visit.page.locator("html").get_attribute("lang") == "ru"


async def test_what_is_not_ready_is_waited_for(visit: Visit, stack: Stack, tiny: Path) -> None:
    size = tiny.stat().st_size
    status, created = await stack.api("POST", "/v1/uploads", json={"filename": tiny.name, "size_bytes": size, **PLAIN})
    assert status == 201
    upload = created["data"]
    _, shown = await stack.api("GET", f"/v1/assets/{upload['asset_id']}")
    answer = await visit.page.goto(f"{stack.endpoints['origin']}/watch/{shown['data']['playback_ids'][0]['id']}")
    assert answer is not None
    assert answer.status == 200
    assert await visit.page.locator("video").count() == 0
    assert await visit.page.locator("main p").first.inner_text()

    async with aiohttp.ClientSession() as session:
        with tiny.open("rb") as body:
            async with session.put(upload["parts"][0]["url"], data=body) as put:
                assert put.status == 200
    assert (await stack.api("POST", f"/v1/uploads/{upload['id']}/complete"))[0] == 202
    # Nobody touches the page: it becomes the player.
    await visit.page.wait_for_selector("video")
    await visit.watch()
    await visit.until(f"{VIDEO}.currentTime > 0.5")
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_what_failed_is_not_waited_for(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no video" * 100)
    asset = await stack.wait(await stack.upload(junk), "errored")
    await visit.page.goto(f"{stack.endpoints['origin']}/watch/{asset['playback_ids'][0]['id']}")
    words = await visit.page.locator("[role=alert]").inner_text()
    assert "could not be prepared" in words
    assert await visit.page.locator("script[src$='/reload.js']").count() == 0


async def test_the_form_leads_to_a_video(visit: Visit, stack: Stack, ready: Any) -> None:
    await visit.page.goto(f"{stack.endpoints['origin']}/watch")
    await visit.page.fill("input[name=id]", f" {ready['playback_ids'][0]['id']} ")
    async with visit.page.expect_navigation():
        await visit.page.click("button")
    assert visit.page.url == ready["watch_url"]
    await visit.watch()
    assert visit.problems == []


async def test_a_session_whose_files_have_expired_is_renewed(visit: Visit, ready: Any) -> None:
    """As after a long pause: every file is refused until the page has begun its session anew, once."""
    renewed: list[str] = []

    async def refuse(route: Any) -> None:
        if renewed:
            await route.continue_()
        else:
            await route.fulfill(status=403, body='{"code": "token_expired"}')

    visit.page.on("request", lambda made: renewed.append(made.url) if "index.m3u8?token=" in made.url else None)
    await visit.page.route("**/s/**", refuse)
    await visit.watch(ready["watch_url"])
    assert len(renewed) == 1
    assert await visit.page.locator("[role=alert]").is_hidden()


async def test_a_session_that_is_refused_midway_is_told(visit: Visit, ready: Any) -> None:
    """Delivery tokens that have expired, old and new: every file below the session's path is 403."""
    await visit.page.route("**/s/**", lambda route: route.fulfill(status=403, body="{}"))
    await visit.page.goto(ready["watch_url"])
    await visit.page.locator("kadr-player .start").click()
    alert = visit.page.locator("[role=alert]")
    await alert.wait_for(state="visible")
    assert "expired" in await alert.inner_text()
    # One button, which begins again.
    await visit.page.unroute("**/s/**")
    await alert.get_by_role("button").click()
    await visit.until(f"{VIDEO}.currentTime > 0.5")
    assert await alert.is_hidden()
