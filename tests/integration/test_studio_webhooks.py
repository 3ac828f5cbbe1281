"""The studio's pages about webhooks, by HTTP: forms without scripts, and a receiver that verifies what comes."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from core.settings import Settings
from ingest.app import create
from studio.texts import catalogue
from tests import lone
from tests.stack import Stack, as_owner
from tests.studio import Answer, enter, send, sign_in
from tests.studio_pages import HOSTILE, HOSTILE_IMAGE, PHONE, watching, wrong
from tests.waiting import until
from tests.webhooks import Receiver

RUSSIAN, ENGLISH = catalogue("ru"), catalogue("en")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")
PAGES = "/studio/webhooks"
Call = Callable[..., Awaitable[Answer]]
TWICE = """[1, 2].map(() => document.querySelector("#switch form")
  .dispatchEvent(new SubmitEvent("submit", {bubbles: true, cancelable: true})))"""


@pytest.fixture
async def stack(stack: Stack) -> Stack:
    return await as_owner(stack, "hookpages")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running


async def browser_of(stack: Stack) -> Call:
    """Sends a form (pairs of names and values), or gets a page, signed in as this owner."""
    base = stack.endpoints["api"]
    cookie = await sign_in(base, key=stack.endpoints["api_key"])

    async def call(path: str, *form: tuple[str, str], language: str = "en", post: bool = False) -> Answer:
        method, more = ("POST", {"data": form}) if form or post else ("GET", {})
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", "Accept-Language": language}
        return await send(base, method, path, cookie=cookie, headers=headers, **more)

    return call


async def added(call: Call, url: str) -> tuple[str, str]:
    """(path of its page, secret) of a new endpoint for all events."""
    answer = await call(PAGES, ("url", url), ("types", "*"), ("description", ""))
    assert answer.status == 200, answer.body
    (path,) = set(re.findall(rf"{PAGES}/we_[0-9a-z]+(?=/settings)", answer.body))
    return path, SECRET.findall(answer.body)[0]


async def read_until(call: Call, path: str, words: str) -> str:
    """The page once it has these words."""

    async def body() -> str:
        return str((await call(path)).body)

    return await until(body, lambda shown: words in shown)


async def test_an_endpoint_is_added_tried_and_changed(stack: Stack, receiver: Receiver) -> None:
    call = await browser_of(stack)
    empty = await call(PAGES)
    assert ENGLISH["webhooks.what"] in empty.body
    assert "docs/events.md" in empty.body
    path, secret = await added(call, f"{receiver.url}/hook")
    receiver.secrets["/hook"] = secret
    assert [SECRET.findall((await call(page)).body) for page in (path, PAGES)] == [[], []], "it is shown once"

    tested = await call(f"{path}/test", post=True)
    assert tested.status == 303
    shown = await read_until(call, tested.headers["Location"].partition("#")[0], "answered 200 in")
    assert [event["type"] for event in receiver.events("/hook")] == ["webhook_endpoint.test"]
    assert f"{path}/deliveries/{receiver.events('/hook')[0]['id']}" in shown

    changes = (("url", f"{receiver.url}/other"), ("types", "video.asset.ready"), ("description", "Orders"))
    assert (await call(f"{path}/settings", *changes)).headers["Location"] == f"{path}?saved=settings#settings"
    _, stored = await stack.api("GET", f"/v1/webhook_endpoints/{path.rpartition('/')[2]}")
    assert (stored["data"]["url"], stored["data"]["types"], stored["data"]["description"]) == (
        *(f"{receiver.url}/other", ["video.asset.ready"]),
        "Orders",
    )
    assert "Video ready" in (await call(PAGES)).body

    rotated = await call(f"{path}/rotate", post=True)
    assert rotated.headers["Cache-Control"] == "no-store"
    (new,) = SECRET.findall(rotated.body)
    assert new != secret
    refused = await call(f"{path}/rotate", post=True, language="ru")
    assert (refused.status, SECRET.findall(refused.body)) == (409, [])
    assert RUSSIAN["code.rotation_in_progress"] in refused.body
    (newest,) = SECRET.findall((await call(f"{path}/rotate", ("force", "true"))).body)
    assert newest not in (secret, new)

    asked = await call(f"{path}/delete", post=True)
    assert ENGLISH["webhooks.delete_warning"] in asked.body
    assert (await call(path)).status == 200
    assert (await call(f"{path}/delete", ("confirmed", "yes"))).headers["Location"] == f"{PAGES}?deleted=1"
    assert (await call(path)).status == 404


async def test_a_dead_letter_that_is_sent_again_by_hand_arrives(stack: Stack, receiver: Receiver) -> None:
    call = await browser_of(stack)
    path, secret = await added(call, f"{receiver.url}/hook")
    receiver.secrets["/hook"], receiver.status = secret, 500
    tested = await call(f"{path}/test", post=True)
    await read_until(call, tested.headers["Location"].partition("#")[0], "refused with 500 in")
    event_id = re.findall("ev_[0-9a-z]+", tested.headers["Location"])[0]

    # Switched off, what waits is dead, and nothing more is sent.
    await call(f"{path}/switch", ("enabled", "false"))
    assert event_id in (await call(f"{path}?state=dead")).body
    assert event_id not in (await call(f"{path}?state=delivered")).body
    details = f"{path}/deliveries/{event_id}"
    for form in (details, f"{path}/test"):
        off = await call(form, post=True)
        assert (off.status, ENGLISH["code.webhook_disabled"] in off.body) == (409, True)

    receiver.status = 200
    assert (await call(f"{path}/switch", ("enabled", "true"))).status == 303
    assert (await call(details, post=True)).headers["Location"] == f"{details}?again=1"
    shown = await read_until(call, details, ENGLISH["webhooks.state.delivered"])
    assert [event["id"] for event in receiver.events("/hook")] == [event_id]
    assert "refused with 500" in shown, "every attempt stays"
    assert "&#34;type&#34;: &#34;webhook_endpoint.test&#34;" in shown
    assert "webhook-timestamp" in shown
    assert "webhook-signature" not in shown

    assert (await call(f"{path}/again", ("dead", "true"))).headers["Location"] == f"{path}?again=0#log"


async def test_what_happens_to_an_asset_leads_to_its_page(stack: Stack, receiver: Receiver) -> None:
    call = await browser_of(stack)
    path, _ = await added(call, f"{receiver.url}/hook")
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    status, upload = await stack.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 3})
    assert status == 201
    link = f'<a href="/studio/assets/{upload["data"]["asset_id"]}">{upload["data"]["id"]}</a>'
    shown = await read_until(call, path, link)
    assert ENGLISH["event.video.upload.created"] in shown
    # Since then, all of it again.
    await until(lambda: asyncio.sleep(0, receiver.events("/hook")), lambda events: len(events) == 2)
    assert (await call(f"{path}/again", ("from", since))).headers["Location"] == f"{path}?again=2#log"
    await until(lambda: asyncio.sleep(0, receiver.events("/hook")), lambda events: len(events) == 4)


async def test_what_is_wrong_stands_at_its_field(stack: Stack) -> None:
    call = await browser_of(stack)

    async def faults(path: str, *form: tuple[str, str]) -> tuple[int, dict[str, str], str]:
        answer = await call(path, *form, language="ru")
        found = dict(re.findall(r'role="alert" id="wrong-(\w+)">([^<]+)<', answer.body))
        return answer.status, found, answer.body

    status, wrong, body = await faults(PAGES, ("url", "shop.example"), ("description", "Заказы"))
    assert (status, wrong) == (*(422, {"url": RUSSIAN["studio.wrong.url"], "types": RUSSIAN["studio.wrong.types"]}),)
    assert 'value="Заказы"' in body, "what was written stays"
    private = (("url", "https://10.0.0.1/hook"), ("types", "video.track.ready"), ("description", ""))
    assert (await faults(PAGES, *private))[:2] == (422, {"url": RUSSIAN["code.webhook_url_refused"]})

    path, _ = await added(call, "https://shop.example/hook")
    status, wrong, body = await faults(f"{path}/settings", *private)
    assert (status, wrong) == (422, {"url": RUSSIAN["code.webhook_url_refused"]})
    assert 'value="video.track.ready" checked' in body
    assert (await faults(f"{path}/again", ("from", "yesterday")))[:2] == (422, {"from": RUSSIAN["studio.wrong.from"]})
    assert (await faults(f"{path}?state=lost"))[0] == 422


async def test_another_owner_finds_nothing(stack: Stack, receiver: Receiver) -> None:
    path, _ = await added(await browser_of(stack), f"{receiver.url}/hook")
    other = await browser_of(await as_owner(stack, "hookpages2"))
    answers = [await other(path), await other(f"{path}/deliveries/ev_1")]
    for form in ("settings", "switch", "rotate", "test", "again", "delete", "deliveries/ev_1"):
        fields = (("url", receiver.url), ("types", "*"), ("enabled", "false"), ("dead", "true"), ("confirmed", "yes"))
        wanted = {"settings": fields[:2], "switch": fields[2:3], "again": fields[3:4], "delete": fields[4:]}
        answers.append(await other(f"{path}/{form}", *wanted.get(form, ()), post=True))
    assert [answer.status for answer in answers] == [404] * 9
    assert "we_" not in (await other(PAGES)).body
    assert (await stack.api("GET", f"/v1/webhook_endpoints/{path.rpartition('/')[2]}"))[0] == 200


@pytest.mark.browser
async def test_on_a_phone(browser: Browser, stack: Stack, receiver: Receiver) -> None:
    """A form is sent once, an answer comes by itself, and what a server answers runs nowhere."""
    receiver.text = HOSTILE
    async with watching(browser, *PHONE) as watched:
        page = watched.visit.page
        await enter(watched.visit, stack)
        await page.goto(f"{stack.endpoints['api']}{PAGES}")
        await page.locator("input[name=url]").fill(f"{receiver.url}/hook")
        await page.locator("input[name=description]").fill(HOSTILE_IMAGE)
        await page.get_by_label("All events").uncheck()
        await page.get_by_label("Video ready").check()
        await page.get_by_role("button", name="Add a webhook").click()
        await page.get_by_role("button", name="Copy: Secret").wait_for()
        await page.wait_for_function("location.pathname.includes('/we_')")
        first = await page.locator("#new-secret input").input_value()
        assert await page.evaluate(TWICE) == [True, False], "a double click sends a form once"
        await page.get_by_role("button", name="Make a new secret").click()
        await page.locator("#secret li", has_text="signs until").wait_for()
        receiver.secrets["/hook"] = await page.locator("#new-secret input").input_value()
        assert receiver.secrets["/hook"] not in ("", first)
        await watched.look()

        await page.get_by_role("button", name="Send a test").click()
        await page.locator("#answer a", has_text="Delivered").click()
        assert await page.locator("#attempts pre").inner_text() == HOSTILE
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], "nothing to scroll sideways"
        await watched.look()
        assert (watched.dialogs, watched.violations, watched.attributes) == ([], [], [])
        assert wrong(watched.visit) == []


async def test_an_installation_without_keys_says_so(stack: Stack) -> None:
    cookie = await sign_in(stack.endpoints["api"], key=stack.endpoints["api_key"])
    env: dict[str, Any] = {name.removeprefix("KADR_").lower(): value for name, value in lone.servers_env(stack).items()}
    async with TestServer(create(Settings.model_validate(env | {"metrics_port": 0}))) as server:
        answer = await send(str(server.make_url("")), "GET", PAGES, cookie=cookie)
    assert answer.status == 200
    assert ENGLISH["webhooks.unavailable"] in answer.body
    assert "KADR_WEBHOOK_KEYS" in answer.body
    assert "<form" not in answer.body
