"""The player on pages that live long: titles change, elements come and go, tokens are signed on demand."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser

from tests import runs
from tests.browsers import VIDEO, Visit, serving_pages, visiting
from tests.catalogue import Titles
from tests.stack import Stack
from tests.waiting import until
from tests.web import fetch

pytestmark = pytest.mark.browser
PLAYER = "document.querySelector('kadr-player')"
SHADOW = f"{PLAYER}.shadowRoot"
LIFE = "a page of its own: make test walks over the watch page"


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    async with visiting(browser, 1280, 720) as made:
        yield made


def page_of(stack: Stack, body: str, *, script_first: bool = True) -> str:
    """A page of somebody else with the player's script, before what is in the page or after it."""
    script = f'<script type="module" src="{stack.endpoints["origin"]}/player/1/kadr-player.js"></script>'
    parts = (script, body) if script_first else (body, script)
    return f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{"".join(parts)}'


async def token_of(stack: Stack, asset: Any, **limits: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/playback_ids/{asset['playback_ids'][0]['id']}/token", json=limits)
    assert status == 201, body
    return body["data"]


@pytest.mark.acceptance(LIFE)
async def test_another_title_takes_the_place_of_the_first(visit: Visit, stack: Stack, title: Titles) -> None:
    """As in a course that changes the attribute for the next lesson: nothing of the first is left."""
    lesson, public = await title("lesson"), await title("public")
    token = (await token_of(stack, lesson))["token"]
    ids = [one["playback_ids"][0]["id"] for one in (lesson, public)]
    async with serving_pages(
        {"/": page_of(stack, f'<kadr-player playback-id="{ids[0]}" token="{token}"></kadr-player>')}
    ) as url:
        await visit.watch(url)
        await visit.page.evaluate(
            f"window.completed = 0; {PLAYER}.addEventListener('kadr-complete', () => {{ completed += 1; }})"
        )
        await visit.until(f"{PLAYER}.watchedSeconds > 1")
        await visit.until(f"{SHADOW}.querySelectorAll('media-controller').length === 1")
        await visit.page.evaluate(
            f"(id) => {{ {PLAYER}.setAttribute('playback-id', id); {PLAYER}.removeAttribute('token'); }}", ids[1]
        )
        start = visit.page.locator("kadr-player .start")
        await start.wait_for()
        await visit.until(f"{VIDEO}.poster.includes('{ids[1]}')")
        assert await visit.page.evaluate(f"{SHADOW}.querySelectorAll('media-controller').length") == 0
        assert await visit.page.evaluate(f"{PLAYER}.watchedSeconds") == 0
        await visit.watch()
        await visit.until(f"{SHADOW}.querySelectorAll('media-controller').length === 1")
        await visit.until(f"{PLAYER}.watchedSeconds > 0.5")
        assert await visit.page.evaluate(f"{PLAYER}.duration") == pytest.approx(public["duration_s"], abs=0.1)
        texts = (
            f"[...{VIDEO}.textTracks].filter(({{kind}}) => kind !== 'metadata').map(({{cues}}) => cues?.length ?? 0)"
        )
        assert sum(await visit.page.evaluate(texts)) == 0, "the first title's captions and chapters are gone"
        assert await visit.page.evaluate("completed") == 0
        await visit.page.get_by_role("button", name="Pause").click()
        await visit.until(f"{VIDEO}.paused")
        assert await visit.fatal_errors() == []


@pytest.mark.acceptance(LIFE)
async def test_an_element_that_is_taken_out_and_put_back(visit: Visit, stack: Stack, title: Titles) -> None:
    made = await title("public")
    body = f'<div id="here"><kadr-player playback-id="{made["playback_ids"][0]["id"]}"></kadr-player></div>'
    async with serving_pages({"/": page_of(stack, body)}) as url:
        await visit.watch(url)
        await visit.until(f"{SHADOW}.querySelectorAll('media-controller').length === 1")
        await visit.page.evaluate(f"window.kept = {PLAYER}; kept.remove()")
        await visit.until("kept.media.paused && kept.shadowRoot.querySelector('media-controller') === null")
        asked = len(visit.asked)
        await visit.page.evaluate("document.querySelector('#here').append(kept)")
        await visit.until_asked("/player.json")
        await visit.watch()
        await visit.until(f"{VIDEO}.currentTime > 0.3")
        assert any("index.m3u8" in asked_for for asked_for in visit.asked[asked:])
        assert await visit.page.locator("kadr-player video").count() == 1
        assert await visit.fatal_errors() == []


@pytest.mark.acceptance(LIFE)
@pytest.mark.parametrize("script_first", [True, False])
async def test_tokens_that_are_signed_on_demand(
    visit: Visit, stack: Stack, title: Titles, *, script_first: bool
) -> None:
    """Set before the element's script has run, and after; asked again once its token has expired."""
    made = await title("signed")
    short, long = await token_of(stack, made, ttl_s=60), await token_of(stack, made)
    provider = (
        f'<kadr-player playback-id="{made["playback_ids"][0]["id"]}" loading="lazy"></kadr-player><script>'
        f"window.signed = 0; document.querySelector('kadr-player').tokenProvider = async () => "
        f"(signed += 1) > 1 ? '{long['token']}' : '{short['token']}';</script>"
    )
    async with serving_pages({"/": page_of(stack, provider, script_first=script_first)}) as url:
        # The first token is over by the time somebody plays.
        over = {"code": "token_expired"}

        def is_over(asked: str) -> bool:
            return short["token"] in asked and ("/index.m3u8" in asked or "/session" in asked)

        await visit.page.route(is_over, lambda route: route.fulfill(status=403, json=over))
        await visit.watch(url)
        await visit.until(f"{VIDEO}.currentTime > 0.3")
        assert await visit.page.evaluate("signed") == 2
        assert await visit.page.locator("[role=alert]").is_hidden()


@pytest.mark.acceptance(LIFE)
async def test_who_leaves_gives_the_seat_back(visit: Visit, stack: Stack, title: Titles) -> None:
    made = await title("signed")
    mine = await token_of(stack, made, viewer="student-9", max_sessions=1)
    other = await token_of(stack, made, viewer="student-9", max_sessions=1)
    await visit.watch(mine["watch_url"])
    assert (await fetch(other["url"])).status == 403, "one at a time"
    await visit.page.goto(f"{stack.endpoints['origin']}/watch")
    answer = await until(lambda: fetch(other["url"]), lambda answer: answer.status == 200)
    assert answer.status == 200


@pytest.mark.acceptance(LIFE)
async def test_what_goes_wrong_is_seen_in_full_screen(visit: Visit, title: Titles) -> None:
    made = await title("public")
    await visit.watch(made["watch_url"])
    await visit.page.get_by_role("button", name="full").or_(visit.page.get_by_role("button", name="fullscreen")).click()
    await visit.until("document.fullscreenElement?.localName === 'kadr-player'")
    notice = visit.page.locator("kadr-player .notice")
    await visit.of_video("pause()")
    await visit.until(f"{VIDEO}.paused")
    await visit.until(f"{SHADOW}.querySelector('media-controller').hasAttribute('mediapaused')")
    await visit.page.evaluate(f"{VIDEO}.dispatchEvent(new Event('waiting'))")
    await visit.until(f"{SHADOW}.querySelector('.notice').textContent !== ''", 20 * runs.patience())
    shown = await notice.bounding_box()
    assert shown is not None
    assert shown["height"] > 20
    top = await visit.page.evaluate(
        f"""(() => {{ const box = {SHADOW}.querySelector('.notice').getBoundingClientRect();
        return {SHADOW}.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.className; }})()"""
    )
    assert top == "notice", "nothing lies over it"


async def test_menus_by_space_and_a_quality_that_keeps_the_focus(visit: Visit, title: Titles) -> None:
    made, page = await title("public"), visit.page
    await visit.watch(made["watch_url"])
    settings = page.get_by_role("button", name="Settings")
    await settings.focus()
    await visit.of_video("pause()")
    await page.keyboard.press(" ")
    menu = page.get_by_role("menu", name="Settings")
    await menu.wait_for()
    assert await visit.of_video("paused"), "space is for the button"
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    assert await menu.is_hidden()
    focused = "document.activeElement.shadowRoot?.activeElement?.title"
    assert await page.evaluate(focused) == "Settings"
    await page.keyboard.press(" ")
    await menu.wait_for()
    assert await page.get_by_role("menuitemradio", name="360p").get_attribute("aria-checked") == "true"
    # What changes meanwhile does not close it.
    await page.evaluate(f"{VIDEO}.textTracks.dispatchEvent(new Event('change'))")
    assert await menu.is_visible()
    assert await visit.fatal_errors() == []
