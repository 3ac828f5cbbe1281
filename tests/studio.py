"""A browser in the studio, as far as HTTP shows it: forms, a cookie, and the page that a request comes from."""

import json
import re
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
from yarl import URL

from core.db import owners, postgres
from core.model import OwnerId
from core.settings import Settings
from tests.browsers import Visit
from tests.stack import Stack

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `body` is parsed where it is JSON, and text otherwise."""

    status: int
    headers: Any
    body: Any


async def send(
    base: str,
    method: str,
    path: str,
    *,
    cookie: str | None = None,
    key: str | None = None,
    form: dict[str, str] | None = None,
    headers: dict[str, str] = OWN_PAGE,
    **more: Any,
) -> Answer:
    """One request, redirects not followed. `cookie`: `name=value`; `key`: an API key or an upload token."""
    sent = dict(headers)
    if form is not None:
        more["data"] = form
    if cookie is not None:
        sent["Cookie"] = cookie
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.request(method, URL(base + path, encoded=True), headers=sent, allow_redirects=False, **more) as answer,
    ):
        text = await answer.text()
        is_json = bool(text) and "json" in answer.content_type
        return Answer(status=answer.status, headers=answer.headers, body=json.loads(text) if is_json else text)


async def sign_in(base: str, **form: str) -> str:
    """Sign in by `key=` or `link=`; the cookie as a browser sends it back."""
    answer = await send(base, "POST", "/studio/sign-in", form=form)
    assert (answer.status, answer.headers["Location"]) == (303, "/studio/"), answer.body
    return cookie_of(answer)


async def enter(visit: Visit, stack: Stack) -> None:
    """Sign in with a real browser, by the API key on the page that asks for it."""
    await visit.page.goto(f"{stack.endpoints['api']}/studio/")
    await visit.page.locator("input[name=key]").fill(stack.endpoints["api_key"])
    await visit.page.locator("form button").first.click()
    await visit.page.wait_for_url(re.compile(r"/studio/(library|upload)?$"))


def cookie_of(answer: Answer) -> str:
    """`name=value` of the one cookie that an answer sets."""
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    return f"{morsel.key}={morsel.value}"


async def new_owner(pool: postgres.Pool, name: str, key: str) -> OwnerId:
    """An owner with this API key."""
    await owners.ensure(pool, OwnerId(f"ow_{name}"), f"Owner {name}", key)
    return OwnerId(f"ow_{name}")


def settings_of(stack: Stack) -> Settings:
    """Where the stack's database is."""
    return Settings.model_validate({"database_url": stack.endpoints["database_url"], "database_pool": 2})
