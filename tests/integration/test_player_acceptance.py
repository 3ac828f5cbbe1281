"""What takes a player longer than a walk: a pause beyond its files, a network that is gone, every page under axe."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.async_api import Browser, Page

from studio import MODULES
from tests import runs
from tests.browsers import CHROMIUM, VIDEO, Visit, serving_pages, visiting
from tests.catalogue import Titles
from tests.media import generate
from tests.stack import PLAIN, Stack
from tests.waiting import until
from tests.web import fetch, json_of, refused

AXE = MODULES / "axe-core" / "axe.min.js"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LONG_S, SLACK_S = 75, 5
UNSEEN = 1e-4  # a layout shift of less than a pixel; 0.1 is what Core Web Vitals call good
HOSTILE = "</script><script>hacked=1</script><img src=x onerror=hacked=1>"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (make test does)"),
]
# Notes each picture that is shown, by its time in the title, from the first one on.
NOTE_PICTURES = f"""
window.pictures = [];
const note = (_, {{mediaTime}}) => {{
  pictures.push(mediaTime);
  {VIDEO}.requestVideoFrameCallback(note);
}};
{VIDEO}.requestVideoFrameCallback(note);
"""


@pytest.fixture(scope="module")
async def brief_files(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack whose delivery tokens run out seconds after the length of a title."""
    stack = Stack(tmp_path_factory.mktemp("brief") / "home", env={"KADR_DELIVERY_SLACK_S": str(SLACK_S)})
    await stack.start()
    try:
        yield stack
    finally:
        assert await stack.stop() == 0
    assert list(stack.programs()) == [], "kadr up left programs behind"


@pytest.fixture(scope="module")
async def long_title(brief_files: Stack, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Longer than what a player loads ahead."""
    file = tmp_path_factory.mktemp("long") / "long.mp4"
    generate(file, f"testsrc2=size=320x180:rate=10:duration={LONG_S}", f"sine=frequency=440:duration={LONG_S}")
    asset_id = await brief_files.upload(file, policy="signed", **PLAIN)
    return await brief_files.wait(asset_id, "ready")


async def signed(stack: Stack, asset: Any, **limits: Any) -> Any:
    playback_id = asset["playback_ids"][0]["id"]
    status, body = await stack.api("POST", f"/v1/playback_ids/{playback_id}/token", json=limits)
    assert status == 201, body
    return body["data"]


async def until_expired(url: str, within_s: float = 180) -> None:
    """Until the delivery token of this file is over."""
    async with asyncio.timeout(within_s * runs.patience()):
        while (await fetch(url)).status != 403:
            await asyncio.sleep(1)


@pytest.mark.acceptance("waits for a delivery token to expire, two minutes; make test refuses files in the browser")
async def test_a_pause_beyond_its_files_goes_on_without_a_jump(
    brief_files: Stack, long_title: Any, browser: Browser
) -> None:
    async with visiting(browser, 1280, 720) as visit:
        await visit.watch((await signed(brief_files, long_title))["watch_url"])
        await visit.until(f"{VIDEO}.currentTime > 3")
        await visit.of_video("pause()")
        loaded = next(url for url in visit.asked if ".m4s" in url)
        await until_expired(loaded)
        await visit.page.evaluate(f"{VIDEO}.playbackRate = 4")
        await visit.page.evaluate(NOTE_PICTURES)
        await visit.of_video("play()")
        await visit.until(f"{VIDEO}.currentTime > {LONG_S - 10}", 90)
        pictures = await visit.page.evaluate("pictures")
        steps = np.diff(pictures)
        assert steps.min() >= -0.5, "nothing is shown again"
        assert steps.max() <= 2.5, "nothing is left out, at four times the speed"
        assert await visit.of_video("playbackRate") == 4, "the speed stays"
        sessions = [url for url in visit.asked if "/session?token=" in url]
        assert len(sessions) >= 2, "it was renewed"
        assert await visit.fatal_errors() == []


@pytest.mark.acceptance("fifteen seconds without a network")
async def test_a_network_that_was_gone_is_waited_for(brief_files: Stack, long_title: Any, browser: Browser) -> None:
    async with visiting(browser, 1280, 720) as visit:
        await visit.watch((await signed(brief_files, long_title))["watch_url"])
        await visit.until(f"{VIDEO}.currentTime > 1")
        gone_ms = await visit.page.evaluate("performance.now()")
        await visit.page.context.set_offline(True)
        await visit.page.evaluate(f"{VIDEO}.currentTime = 50")
        said = "document.querySelector('kadr-player').shadowRoot.querySelector('.notice').textContent"
        await visit.until(f"{said}.includes('network')")
        await visit.until(f"performance.now() > {gone_ms} + 15_000")
        await visit.page.context.set_offline(False)
        await visit.until(f"{VIDEO}.currentTime > 51")
        await visit.until(f"{said} === ''")
        assert await visit.fatal_errors() == []


@pytest.mark.acceptance("another refusal: make test refuses a token")
async def test_a_revoked_viewer_is_told_so(brief_files: Stack, long_title: Any, browser: Browser) -> None:
    token = await signed(brief_files, long_title, viewer="student-1")
    async with visiting(browser, 1280, 720) as visit:
        await visit.watch(token["watch_url"])
        await visit.until(f"{VIDEO}.currentTime > 0.5")
        playback_id = long_title["playback_ids"][0]["id"]
        revoked = {"viewer": "student-1"}
        status, _ = await brief_files.api("POST", f"/v1/playback_ids/{playback_id}/revocations", json=revoked)
        assert status == 201
        await until(lambda: fetch(token["url"]), lambda answer: answer.status == 403)
        # What was loaded plays on; the next file is refused, as all are once their token has expired.
        await visit.page.route("**/s/**", lambda route: route.fulfill(status=403, body="{}"))
        await visit.page.evaluate(f"{VIDEO}.currentTime = 60")
        alert = visit.page.locator("kadr-player [role=alert]")
        await alert.wait_for(state="visible")
        assert "withdrawn" in await alert.inner_text()
        assert await visit.of_video("paused")


@pytest.fixture(scope="module")
async def upright(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("upright") / "upright.mp4"
    generate(file, "testsrc2=size=180x320:rate=25:duration=3", "sine=frequency=440:duration=3")
    return await stack.wait(await stack.upload(file, title="Upright", **PLAIN), "ready")


@pytest.mark.acceptance("another shape of picture")
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
async def test_an_upright_clip_has_no_black_walls(browser: Browser, upright: Any, width: int, height: int) -> None:
    async with visiting(browser, width, height) as visit:
        await visit.page.goto(upright["watch_url"])
        player = visit.page.locator("kadr-player")
        await player.locator(".start").wait_for()
        before = await player.bounding_box()
        await visit.watch()
        after = await player.bounding_box()
        assert before == after, "nothing moves"
        assert after is not None
        assert after["width"] / after["height"] == pytest.approx(9 / 16, rel=0.02)
        assert after["height"] <= height, "all of it is visible at once"
        assert after["width"] > 300
        settings = await visit.page.get_by_role("button", name="Settings").bounding_box()
        assert settings is not None
        assert settings["x"] >= after["x"]
        assert settings["x"] + settings["width"] <= after["x"] + after["width"], "every button is in the player"


@pytest.mark.acceptance("two titles of its own; unit tests hold what templates escape")
async def test_hostile_words_and_pictures_do_nothing(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "hostile.mp4"
    generate(file, "testsrc2=size=320x180:rate=25:duration=4", "sine=frequency=440:duration=4")
    asset = await stack.wait(await stack.upload(file, title=HOSTILE, **PLAIN), "ready")
    words = f"<img src=x onerror=hacked=1><v {HOSTILE}>&lt;script&gt;hacked=1 <b>bold</b>"
    text = f"WEBVTT\n\n00:00.000 --> 00:04.000\n{words}\n"
    track = {"kind": "subtitles", "language": "en", "text": text}
    status, body = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=track)
    assert status == 201, body
    async with asyncio.timeout(30 * runs.patience()):
        while b"TYPE=SUBTITLES" not in (await fetch(asset["playback_url"])).body:
            await asyncio.sleep(0.2)
    async with visiting(browser, 1280, 720) as visit:
        await visit.page.route("**/poster.*", lambda route: route.fulfill(body=HOSTILE, content_type="image/webp"))
        await visit.watch(asset["watch_url"])
        await visit.page.get_by_role("button", name="Captions").click()
        await visit.page.get_by_role("menuitemradio").nth(1).click()
        line = visit.page.locator(".cues.lower p")
        await line.first.wait_for()
        assert "bold" in await line.first.inner_text()
        assert await visit.page.locator(".cues :is(img, script, a, iframe)").count() == 0
        assert await visit.page.evaluate("typeof hacked") == "undefined"
        assert await visit.page.locator("h1").inner_text() == HOSTILE
        assert [problem for problem in visit.problems if "poster" not in problem] == []
        assert await visit.fatal_errors() == []


# Other people's pages


async def frame_page(url: str, script: str = "") -> str:
    return (
        f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Shop</title>'
        f'<iframe id="video" src="{url}" width="640" height="360" allow="autoplay; fullscreen"></iframe>{script}'
    )


@pytest.mark.acceptance("two embedding pages: make test embeds one title")
async def test_the_page_around_it_drives_it_by_player_js(stack: Stack, title: Titles, browser: Browser) -> None:
    made = await title("public")
    embed = f"{stack.endpoints['origin']}/embed/{made['playback_ids'][0]['id']}"
    adapter = (MODULES / "player.js" / "dist" / "player-0.1.0.min.js").read_text("utf-8")
    script = f"""<script>{adapter}</script><script>
      window.told = []; const player = new playerjs.Player("video");
      player.on("ready", () => {{
        told.push("ready");
        for (const event of ["play", "pause", "ended"]) player.on(event, () => told.push(event));
        player.on("timeupdate", ({{seconds, duration}}) => {{ window.at = [seconds, duration]; }});
      }});
      const ask = (name) => new Promise((answer) => player[name](answer));
    </script>"""
    async with serving_pages({"/": await frame_page(embed, script)}) as base, visiting(browser, 800, 600) as visit:
        await visit.page.goto(base)
        await visit.until("told.includes('ready')")
        assert await visit.page.evaluate("ask('getDuration')") == pytest.approx(made["duration_s"], abs=0.1)
        assert await visit.page.evaluate("ask('getPaused')") is True
        await visit.page.evaluate("player.mute()")
        await visit.page.evaluate("player.play()")
        await visit.until("told.includes('play') && window.at?.[0] > 0.5")
        assert await visit.page.evaluate("ask('getMuted')") is True
        await visit.page.evaluate("player.setVolume(40)")
        assert await visit.page.evaluate("ask('getVolume')") == pytest.approx(40)
        await visit.page.evaluate("player.pause()")
        await visit.until("told.includes('pause')")
        await visit.page.evaluate("player.setCurrentTime(5)")
        await visit.until("window.at[0] > 4.9")
        assert 4.9 < await visit.page.evaluate("ask('getCurrentTime')") < 5.5
        await visit.page.evaluate("player.play()")
        await visit.until("told.includes('ended')")
        assert visit.problems == []


@pytest.mark.acceptance("every page in two themes, two languages and two widths")
@pytest.mark.parametrize("page", ["watch", "embed"])
async def test_axe_finds_nothing_serious(stack: Stack, title: Titles, browser: Browser, page: str) -> None:
    found: list[Any] = []
    for name in ("public", "lesson"):
        url = (await title(name))["watch_url"].replace("/watch/", f"/{page}/")
        for theme in ("light", "dark"):
            for language in ("en", "ru"):
                for width, height in ((1280, 720), (390, 844)):
                    context = await browser.new_context(
                        viewport={"width": width, "height": height}, color_scheme=theme, locale=language
                    )
                    opened = await context.new_page()
                    visit = Visit(opened)
                    visit.listen()
                    where = (page, name, theme, language, width)
                    await opened.goto(url)
                    await opened.locator("kadr-player .start").wait_for()
                    found += [(where, "before", *one) for one in await axe(opened)]
                    await visit.watch()
                    await visit.of_video("pause()")
                    found += [(where, "paused", *one) for one in await axe(opened)]
                    await opened.locator("kadr-player button.settings").click()
                    found += [(where, "menu", *one) for one in await axe(opened)]
                    await opened.keyboard.press("Escape")
                    await opened.keyboard.press("?")
                    await opened.locator("kadr-player dialog").wait_for()
                    found += [(where, "shortcuts", *one) for one in await axe(opened)]
                    await context.close()
    assert found == []


async def axe(page: Page) -> list[tuple[str, str, str]]:
    """(rule, impact, element) of what is serious or critical. Evaluated, as the page's policy loads no other script."""
    if await page.evaluate("typeof axe") == "undefined":
        await page.evaluate(AXE.read_text("utf-8"))
    violations = (await page.evaluate("axe.run({resultTypes: ['violations']})"))["violations"]
    return [
        (one["id"], one["impact"], json.dumps([node["target"] for node in one["nodes"]][:3]))
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.acceptance("what Chromium measures of a page")
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
async def test_the_poster_is_the_largest_element_and_nothing_moves(
    title: Titles, browser: Browser, width: int, height: int
) -> None:
    made = await title("public")
    async with visiting(browser, width, height) as visit:
        await visit.page.add_init_script(
            """
            window.largest = []; window.moved = 0;
            new PerformanceObserver((list) => largest.push(...list.getEntries().map(({url, size}) => [url, size])))
              .observe({type: "largest-contentful-paint", buffered: true});
            new PerformanceObserver((list) => { for (const {value} of list.getEntries()) moved += value; })
              .observe({type: "layout-shift", buffered: true});
            """
        )
        await visit.page.goto(made["watch_url"])
        await visit.until_asked("/poster.jpg")
        await visit.until("largest.some(([url]) => url.includes('/poster.'))")
        await visit.page.locator("kadr-player .start").wait_for()
        largest = await visit.page.evaluate("largest")
        assert "/poster." in max(largest, key=lambda one: one[1])[0]
        assert await visit.page.evaluate("moved") < UNSEEN
        await visit.watch()
        assert await visit.page.evaluate("moved") < UNSEEN


@pytest.mark.acceptance("pages of others that embed the element")
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("example", ["hero", "lesson"])
async def test_the_examples(
    stack: Stack, title: Titles, browser: Browser, example: str, width: int, height: int, tmp_path: Path
) -> None:
    made = await title("public")
    text = (EXAMPLES / f"{example}.html").read_text("utf-8")
    text = text.replace("https://video.example.com", stack.endpoints["origin"])
    text = text.replace("pb_YOUR_VIDEO", made["playback_ids"][0]["id"]).replace(' token="YOUR_TOKEN"', "")
    async with serving_pages({"/": text}) as base, visiting(browser, width, height) as visit:
        await visit.page.goto(base)
        await visit.until_asked("/poster.")
        player = visit.page.locator("kadr-player")
        await player.locator(".start").wait_for()
        await visit.page.wait_for_load_state("networkidle")
        box = await player.bounding_box()
        assert box is not None
        assert box["width"] / box["height"] == pytest.approx(16 / 9, rel=0.02)
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert await visit.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing to scroll sideways"
        shot = tmp_path / "page.png"
        await visit.page.screenshot(path=shot)
        picture = cv2.imread(str(shot))
        assert picture is not None
        x, y, w, h = (int(box[name]) for name in ("x", "y", "width", "height"))
        assert picture[y : y + h, x : x + w].std() > 30, "the poster is there"
        await visit.watch()
        if example == "lesson":
            assert "Watch" in await visit.page.locator("output").inner_text()
            await visit.page.evaluate(f"{VIDEO}.playbackRate = 2")
            await visit.until("document.querySelector('output').dataset.done === ''")
            assert "Completed" in await visit.page.locator("output").inner_text()
        assert visit.problems == []
        stored = await visit.page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
        assert stored == [], "without consent"


@pytest.mark.acceptance("asks for every attribute of a token's answer")
async def test_facts_begin_no_session(stack: Stack, title: Titles) -> None:
    """A viewer who may watch in one place at a time looks at as many pages as they like."""
    asset = await title("signed")
    token = await signed(stack, asset, viewer="student-2", max_sessions=1)
    other = await signed(stack, asset, viewer="student-2", max_sessions=1)
    playback_id = asset["playback_ids"][0]["id"]
    base = f"{stack.endpoints['origin']}/play/{playback_id}"
    for one in (token, other):
        facts = json_of(await fetch(f"{base}/player.json?token={one['token']}"))["data"]
        assert facts["title"] == "Secret lesson"
        assert facts["has_sound"] is True
        assert (await fetch(one["watch_url"])).status == 200
    assert (await fetch(f"{base}/index.m3u8?token={token['token']}")).status == 200
    refused(await fetch(f"{base}/index.m3u8?token={other['token']}"), 403, "too_many_sessions")
    assert (await fetch(f"{base}/player.json?token={other['token']}")).status == 200


@pytest.mark.acceptance("two embedding pages of other hosts: unit tests hold who is refused")
async def test_only_allowed_domains_embed_a_title(stack: Stack, browser: Browser, tiny: Path) -> None:
    """The shop is on localhost, a stranger on 127.0.0.1, where Kadr is, too: it is not among the domains either."""
    asset = await stack.wait(await stack.upload(tiny, policy="signed", allowed_domains=["localhost"], **PLAIN), "ready")
    token = await signed(stack, asset)
    page = await frame_page(token["embed_url"])
    script = f"{stack.endpoints['origin']}/player/1/kadr-player.js"
    element = (
        f'<!doctype html><script type="module" src="{script}"></script>'
        f'<kadr-player playback-id="{asset["playback_ids"][0]["id"]}" token="{token["token"]}"></kadr-player>'
    )
    pages = {"/": page, "/element": element}
    async with serving_pages(pages, "localhost") as shop, serving_pages(pages) as stranger:
        async with visiting(browser, 800, 600) as visit:
            await visit.page.goto(shop)
            frame = visit.page.frame_locator("#video")
            await frame.locator("kadr-player .start").click()
            inside = next(one for one in visit.page.frames if "/embed/" in one.url)
            async with asyncio.timeout(30 * runs.patience()):
                while not await inside.evaluate(f"{VIDEO}.currentTime > 0.5"):
                    await asyncio.sleep(0.05)
            assert visit.problems == []
            await visit.watch(f"{shop}element")
            assert await visit.fatal_errors() == []
        async with visiting(browser, 800, 600) as visit:
            await visit.page.goto(stranger)
            await visit.until_asked("/embed/")
            assert await visit.page.frame_locator("#video").locator("kadr-player").count() == 0
            assert any("frame-ancestors" in problem or "403" in problem for problem in visit.problems)
            await visit.page.goto(f"{stranger}element")
            alert = visit.page.locator("kadr-player [role=alert]")
            await alert.wait_for(state="visible")
            assert "may not be played on this page" in await alert.inner_text()
    # Each of the two ways alone.
    allowed, other = f"{shop}lesson", f"{stranger}lesson"
    answer = await fetch(token["embed_url"], Referer=allowed)
    assert answer.status == 200
    assert "frame-ancestors localhost:*" in answer.headers["Content-Security-Policy"]
    assert (await fetch(token["embed_url"], Referer=other)).status == 403
    assert (await fetch(token["embed_url"])).status == 403
    assert (await fetch(token["watch_url"])).status == 403, "the watch page is a page of this server"
