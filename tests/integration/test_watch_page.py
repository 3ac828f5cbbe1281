"""The watch page in a real browser: it plays to the end, tells what is wrong, waits for what is not ready."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import cv2
import numpy as np
import pytest
from playwright.async_api import Browser

from tests.browsers import Visit, visiting
from tests.catalogue import HTML_TITLE, LESSON_STARTS, Titles
from tests.stack import PLAIN, Stack

pytestmark = pytest.mark.browser


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
    await visit.page.locator("video").screenshot(path=path)
    picture = cv2.imread(str(path))
    assert picture is not None
    height, width = picture.shape[:2]
    assert width > 600
    assert height > 300
    hue, saturation, value = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV))
    assert value.mean() > 150, "black"
    assert saturation.mean() > 150, "grey"
    # The middle of each bar, over most of the height: what moves across and the controls below do not count.
    middles = [width * (2 * bar + 1) // 12 for bar in range(6)]
    bars = {round(float(np.median(hue[height // 10 : height * 8 // 10, at - 20 : at + 20])) / 30) % 6 for at in middles}
    assert bars == set(range(6)), f"the six bars are red, green, yellow, blue, magenta and cyan: {bars}"


async def test_it_plays_to_its_end(visit: Visit, ready: Any, tmp_path: Path) -> None:
    answer = await visit.page.goto(ready["watch_url"])
    assert answer is not None
    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, no-store"
    await visit.until("document.querySelector('video').readyState >= 3")
    assert await visit.of_video("currentTime") == 0, "nothing plays before somebody wants it to"

    await visit.of_video("play()")
    await visit.until("document.querySelector('video').currentTime > 2")
    await visit.page.screenshot(path=tmp_path / "page.png")
    await is_colourful(visit, tmp_path / "video.png")
    await visit.until("document.querySelector('video').ended")
    assert await visit.of_video("currentTime") == pytest.approx(ready["duration_s"], abs=0.1)
    quality = await visit.page.evaluate("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames")
    assert quality > 100

    assert (await visit.of_video("videoWidth"), await visit.of_video("videoHeight")) in ((640, 360), (416, 234))
    facts = await visit.page.locator(".facts").text_content()
    assert re.fullmatch(r"(640 × 360|416 × 234) · \d+\.\d Mb/s", facts or "")
    assert await visit.page.locator(".error").is_hidden()
    assert await visit.fatal_errors() == []
    assert visit.problems == []
    segments = [url for url in visit.asked if url.endswith(".m4s")]
    assert len(segments) == len(set(segments)) == 4, "two of sound, two of picture, each once"
    assert all(url.startswith((ready["watch_url"].partition("/watch")[0], "blob:")) for url in visit.asked)


async def test_seeking_goes_on_from_there(visit: Visit, ready: Any) -> None:
    await visit.page.goto(ready["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    await visit.page.evaluate("document.querySelector('video').currentTime = 6.3")
    await visit.of_video("play()")
    await visit.until("document.querySelector('video').ended")
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_seeking_shows_pictures(visit: Visit, ready: Any) -> None:
    """The tile of the time under the pointer, and the poster before anything plays."""
    await visit.page.goto(ready["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    await visit.until("document.querySelector('video').textTracks[0].cues?.length === 4")
    bar = await visit.page.locator("media-time-range").bounding_box()
    assert bar is not None
    for share, tile in ((0.2, "0 0 160 90"), (0.9, "480 0 160 90")):  # the first and the last one
        await visit.page.mouse.move(bar["x"] + share * bar["width"], bar["y"] + bar["height"] / 2)
        shown = "document.querySelector('media-controller').getAttribute('mediapreviewtime')"
        await visit.until(f"Math.abs({shown} - {share * ready['duration_s']}) < 0.5")
        thumbnail = "document.querySelector('media-time-range').shadowRoot.querySelector('media-preview-thumbnail')"
        await visit.until(f"{thumbnail}.getAttribute('mediapreviewcoords') === '{tile}'")
    await visit.until_asked("/sheet-0.jpg")
    await visit.until_asked("/poster.jpg")
    assert visit.problems == []


async def test_seeking_names_the_chapter(visit: Visit, title: Titles) -> None:
    made = await title("lesson")
    await visit.page.goto(made["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    chapters = "[...document.querySelector('video').textTracks].find(({kind}) => kind === 'chapters')"
    await visit.until(f"{chapters}?.cues?.length === 3")
    bar = await visit.page.locator("media-time-range").bounding_box()
    assert bar is not None
    middle = (LESSON_STARTS[1] + LESSON_STARTS[2]) / 2000 / made["duration_s"]
    await visit.page.mouse.move(bar["x"] + middle * bar["width"], bar["y"] + bar["height"] / 2)
    named = "document.querySelector('media-time-range').shadowRoot.querySelector('media-preview-chapter-display')"
    await visit.until(f"{named}.shadowRoot.textContent.includes({chapters}.cues[1].text)")
    assert visit.problems == []


async def test_a_reload_resumes_until_the_end_was_seen(visit: Visit, ready: Any) -> None:
    page = visit.page
    await page.goto(ready["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    await visit.of_video("play()")
    await visit.until("document.querySelector('video').currentTime > 1.5")
    left_at = await visit.of_video("currentTime")
    await page.reload()
    await visit.until("document.querySelector('video').readyState >= 3")
    assert left_at - 0.01 <= await visit.of_video("currentTime") < left_at + 1

    # A position somebody chose counts without playing, the beginning too.
    for chosen in (4.5, 0):
        await page.evaluate(f"document.querySelector('video').currentTime = {chosen}")
        await visit.until("!document.querySelector('video').seeking")
        await page.reload()
        await visit.until("document.querySelector('video').readyState >= 3")
        assert await visit.of_video("currentTime") == pytest.approx(chosen, abs=0.01)

    await page.evaluate("document.querySelector('video').currentTime = 6.3")
    await visit.of_video("play()")
    await visit.until("document.querySelector('video').ended")
    await page.reload()
    await visit.until("document.querySelector('video').readyState >= 3")
    assert await visit.of_video("currentTime") == 0, "who has seen it all begins again"
    assert await visit.fatal_errors() == []


async def test_each_video_has_a_position_of_its_own(visit: Visit, stack: Stack, ready: Any) -> None:
    status, made = await stack.api("POST", f"/v1/assets/{ready['id']}/playback_ids", json={"policy": "public"})
    assert status == 201, made
    await visit.page.goto(ready["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    await visit.page.evaluate("document.querySelector('video').currentTime = 3")
    await visit.until("!document.querySelector('video').seeking")
    await visit.page.goto(f"{stack.endpoints['origin']}/watch/{made['data']['id']}")
    await visit.until("document.querySelector('video').readyState >= 3")
    assert await visit.of_video("currentTime") == 0
    await visit.page.goto(ready["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    assert await visit.of_video("currentTime") == pytest.approx(3, abs=0.01)


async def test_the_title_is_text(visit: Visit, ready: Any) -> None:
    await visit.page.goto(ready["watch_url"])
    assert await visit.page.locator("h1").inner_text() == HTML_TITLE
    assert await visit.page.title() == f"{HTML_TITLE} · Kadr"
    assert await visit.page.locator("h1 b").count() == 0
    content = await visit.page.content()
    assert "&lt;b&gt;" in content
    assert HTML_TITLE not in content


async def test_a_signed_video_needs_its_token(visit: Visit, title: Titles) -> None:
    asset = await title("signed")
    page = visit.page
    for url in (asset["watch_url"].partition("?")[0], f"{asset['watch_url']}0"):
        answer = await page.goto(url)
        assert answer is not None
        assert answer.status == 403
        words = await page.locator("[role=alert]").inner_text()
        assert "token" in words or "link" in words
        assert "Secret" not in await page.content(), "the title is for those who may watch"
        assert await page.locator("video").count() == 0
    visit.problems.clear()
    await page.goto(asset["watch_url"])
    assert await page.locator("h1").inner_text() == "Secret lesson"
    await visit.of_video("play()")
    await visit.until("document.querySelector('video').currentTime > 0.5")
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_an_unknown_id_is_a_page_too(visit: Visit, stack: Stack) -> None:
    answer = await visit.page.goto(f"{stack.endpoints['origin']}/watch/pb_nothing")
    assert answer is not None
    assert answer.status == 404
    assert await visit.page.locator("[role=alert]").inner_text()


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
    await visit.of_video("play()")
    await visit.until("document.querySelector('video').currentTime > 0.5")
    assert await visit.fatal_errors() == []
    assert visit.problems == []


async def test_what_failed_is_not_waited_for(visit: Visit, stack: Stack, tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no video" * 100)
    asset = await stack.wait(await stack.upload(junk), "errored")
    await visit.page.goto(f"{stack.endpoints['origin']}/watch/{asset['playback_ids'][0]['id']}")
    words = await visit.page.locator("[role=alert]").inner_text()
    assert "when it is ready" not in words, "it never will be"
    assert await visit.page.locator("meta[http-equiv=refresh]").count() == 0


async def test_the_form_leads_to_a_video(visit: Visit, stack: Stack, ready: Any) -> None:
    await visit.page.goto(f"{stack.endpoints['origin']}/watch")
    await visit.page.fill("input[name=id]", ready["playback_ids"][0]["id"])
    async with visit.page.expect_navigation():
        await visit.page.click("button")
    assert visit.page.url == ready["watch_url"]
    await visit.until("document.querySelector('video').readyState >= 3")
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
    await visit.page.goto(ready["watch_url"])
    await visit.until("document.querySelector('video').readyState >= 3")
    assert len(renewed) == 1
    assert await visit.page.locator(".error").is_hidden()


async def test_a_session_that_is_refused_midway_is_told(visit: Visit, ready: Any) -> None:
    """A delivery token that has expired: every file below the session's path is 403."""
    await visit.page.route("**/s/**", lambda route: route.fulfill(status=403, body="{}"))
    await visit.page.goto(ready["watch_url"])
    alert = visit.page.locator("[role=alert]")
    await alert.wait_for(state="visible")
    assert "expired" in await alert.inner_text()
