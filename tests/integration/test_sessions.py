"""Playback sessions over HTTP: whom a token admits, how a session goes on, ends, and is taken away."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests import runs
from tests.catalogue import Titles
from tests.stack import PLAIN, Stack
from tests.waiting import unix_s, until_time
from tests.web import fetch, json_of, refused

WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class Title:
    """A ready signed asset."""

    asset_id: str
    playback_id: str


@pytest.fixture(scope="module")
async def signed(title: Titles) -> Title:
    asset = await title("signed")
    return Title(asset["id"], asset["playback_ids"][0]["id"])


async def token(stack: Stack, title: Title, **wanted: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/playback_ids/{title.playback_id}/token", json=wanted)
    assert status == 201, body
    return body["data"]


def leave(url: str) -> str:
    return url.replace("index.m3u8", "leave")


async def until(url: str, status: int, code: str) -> None:
    """Within a few seconds every start of this session is refused, or served."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while (answer := await fetch(url)).status != status:
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.1)
    assert not code or json.loads(answer.body)["code"] == code


async def a_file(url: str) -> str:
    """The first media playlist below a session's."""
    answer = await fetch(url)
    assert answer.status == 200, answer
    line = next(line for line in answer.body.decode().splitlines() if line and not line.startswith("#"))
    return urljoin(url, line)


# Whom a token admits


async def test_a_domain(stack: Stack, signed: Title) -> None:
    url = (await token(stack, signed, domain="*.example.org"))["url"]
    assert (await fetch(url, Referer="https://shop.example.org/p/1")).status == 200
    assert (await fetch(url, Origin="https://shop.example.org")).status == 200
    refused(await fetch(url, Referer="https://example.com/"), 403, "domain_refused")
    refused(await fetch(url), 403, "domain_refused")
    # What a page says of itself counts before what it was opened from.
    refused(await fetch(url, Origin="null", Referer="https://shop.example.org/"), 403, "domain_refused")


async def test_an_address(stack: Stack, signed: Title) -> None:
    assert (await fetch((await token(stack, signed, ip="127.0.0.0/8"))["url"])).status == 200
    url = (await token(stack, signed, ip="203.0.113.7"))["url"]
    refused(await fetch(url), 403, "ip_refused")
    refused(await fetch(url, X_Forwarded_For="203.0.113.7"), 403, "ip_refused")  # nobody trusts this one


async def test_a_country_is_not_believed_of_just_anybody(stack: Stack, signed: Title) -> None:
    url = (await token(stack, signed, country="SE"))["url"]
    refused(await fetch(url, CF_IPCountry="SE"), 403, "country_refused")


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"ip": "x"}, "/ip"),
        ({"ip": "10.0.0.0/99"}, "/ip"),
        ({"domain": "https://example.org"}, "/domain"),
        ({"country": "sweden"}, "/country"),
        ({"viewer": "with space"}, "/viewer"),
        ({"max_sessions": 2}, ""),
        ({"viewer": "v", "max_sessions": 0}, "/max_sessions"),
    ],
)
async def test_limits_that_mean_nothing_are_refused(
    stack: Stack, signed: Title, wanted: dict[str, Any], pointer: str
) -> None:
    status, problem = await stack.api("POST", f"/v1/playback_ids/{signed.playback_id}/token", json=wanted)
    assert (status, problem["code"], problem.get("pointer", "")) == (422, "invalid", pointer), problem


# How many at once


async def test_a_viewer_watches_on_so_many_devices(stack: Stack, signed: Title) -> None:
    wanted = {"viewer": "u-seats", "max_sessions": 2}
    first, second, third = [await token(stack, signed, **wanted) for _ in range(3)]
    for made in (first, second, first):
        assert (await fetch(made["url"])).status == 200, "the same session is counted once"
    refused(await fetch(third["url"]), 403, "too_many_sessions")
    other = await token(stack, signed, viewer="u-other", max_sessions=1)
    assert (await fetch(other["url"])).status == 200
    assert (await fetch(leave(second["url"]), "POST")).status == 204
    assert (await fetch(third["url"])).status == 200
    refused(await fetch(second["url"]), 403, "too_many_sessions")
    refused(await fetch(leave(third["url"][:-1]), "POST"), 403, "token_refused")


# Going on after a pause


async def test_a_session_is_renewed_after_its_token_has_expired(stack: Stack, signed: Title) -> None:
    made = await token(stack, signed, ttl_s=1, viewer="u-pause")
    answer = await fetch(made["url"].replace("index.m3u8", "session"))
    assert answer.headers["Cache-Control"] == "private, no-store"
    session = json_of(answer)["data"]
    assert session["session"] == made["session"]
    assert session["playlist_url"] == made["url"]
    assert unix_s(session["expires_at"]) > time.time() + session["duration_s"] + 3600, (
        "an hour's pause needs no renewal"
    )
    await until_time(unix_s(made["expires_at"]) + 1)
    refused(await fetch(made["url"]), 403, "token_expired")
    assert (await fetch(await a_file(session["renewal_url"]))).status == 200
    again = json_of(await fetch(session["renewal_url"].replace("index.m3u8", "session")))["data"]
    assert again["session"] == made["session"], "still the same one"


async def session_of(url: str) -> Any:
    """What `/session` says, asked with the token of a playlist's URL."""
    answer = await fetch(url.replace("index.m3u8", "session"))
    assert answer.status == 200, answer
    return json_of(answer)["data"]


async def test_no_chain_of_renewals_moves_the_end_of_a_session(stack: Stack, signed: Title) -> None:
    made = await token(stack, signed, ttl_s=3, session_s=7)
    # Others have been given a playlist whose files live longer: sessions share it, but not with this one.
    assert (await fetch((await token(stack, signed))["url"])).status == 200
    first = await session_of(made["url"])
    assert unix_s(made["expires_at"]) - 3 + 7 <= unix_s(first["renew_until"]) <= time.time() + 7
    seen, files = first, [await a_file(made["url"])]
    await until_time(int(time.time()) + 1)  # from here on a renewal that moved the end would show
    for _ in range(3):
        files.append(await a_file(seen["renewal_url"]))
        seen = await session_of(seen["renewal_url"])
        assert (seen["renew_until"], seen["expires_at"]) == (first["renew_until"], first["renew_until"])
    for file in files:
        assert (await fetch(file)).status == 200
    await until_time(unix_s(first["renew_until"]) + 1)
    for file in files:
        refused(await fetch(file), 403, "token_expired")
    for url in (first["renewal_url"], seen["renewal_url"]):
        refused(await fetch(url), 403, "token_expired")
        refused(await fetch(url.replace("index.m3u8", "session")), 403, "token_expired")


async def test_a_viewer_who_paused_goes_on_and_the_end_stays(stack: Stack, signed: Title) -> None:
    first = await session_of((await token(stack, signed, ttl_s=60))["url"])
    assert unix_s(first["renew_until"]) > unix_s(first["expires_at"]) > time.time() + 3600, "longer than the pause"
    await until_time(int(time.time()) + 2)
    again = await session_of(first["renewal_url"])
    assert again["renew_until"] == first["renew_until"]
    assert (await fetch(await a_file(again["renewal_url"]))).status == 200


@pytest.mark.parametrize("session_s", [0, -1, 86_401, "soon"])
async def test_a_session_is_not_longer_than_the_server_allows(stack: Stack, signed: Title, session_s: Any) -> None:
    wanted = {"session_s": session_s}
    status, problem = await stack.api("POST", f"/v1/playback_ids/{signed.playback_id}/token", json=wanted)
    assert (status, problem["code"], problem["pointer"]) == (422, "invalid", "/session_s")


# Taking away


async def test_a_revoked_session_does_not_start_again(stack: Stack, signed: Title) -> None:
    made, other = await token(stack, signed), await token(stack, signed)
    session = json_of(await fetch(made["url"].replace("index.m3u8", "session")))["data"]
    path = f"/v1/playback_ids/{signed.playback_id}/revocations"
    status, body = await stack.api("POST", path, json={"session": made["session"]})
    assert (status, body["data"]["session"]) == (201, made["session"])
    await until(made["url"], 403, "revoked")
    refused(await fetch(session["renewal_url"]), 403, "revoked")
    assert (await fetch(other["url"])).status == 200


async def test_a_revoked_viewer_starts_nothing(stack: Stack, signed: Title) -> None:
    made = [await token(stack, signed, viewer="u-gone") for _ in range(2)]
    other = await token(stack, signed, viewer="u-stays")
    path = f"/v1/playback_ids/{signed.playback_id}/revocations"
    assert (await stack.api("POST", path, json={"viewer": "u-gone"}))[0] == 201
    for one in made:
        await until(one["url"], 403, "revoked")
    assert (await fetch(other["url"])).status == 200
    for nobody in ({}, {"viewer": "a", "session": "0" * 16}, {"session": "x"}):
        assert (await stack.api("POST", path, json=nobody))[0] == 422
    assert (await stack.api("POST", "/v1/playback_ids/pb_0/revocations", json={"viewer": "a"}))[0] == 404


async def test_what_is_taken_down_can_come_back_and_what_is_deleted_is_gone_for_good(stack: Stack, tiny: Path) -> None:
    asset = await stack.wait(await stack.upload(tiny, policy="signed", **PLAIN), "ready")
    own = Title(asset["id"], asset["playback_ids"][0]["id"])
    url = (await token(stack, own))["url"]
    file = await a_file(url)
    path = f"/v1/assets/{own.asset_id}/takedown"
    status, body = await stack.api("POST", path)
    assert status == 202
    assert body["data"]["taken_down_at"]
    assert (body["data"]["playback_url"], body["data"]["watch_url"]) == (None, None)
    await until(url, 410, "gone")
    await until(file, 410, "gone")
    assert (await stack.api("POST", path))[0] == 202, "a second time changes nothing"
    status, body = await stack.api("DELETE", path)
    assert (status, body["data"]["taken_down_at"]) == (200, None)
    await until(url, 200, "")
    await until(file, 200, "")
    steps = [step for step in body["data"]["steps"] if step["kind"] == "purge"]
    assert len(steps) == 1
    assert body["data"]["error"] is None

    assert (await stack.api("DELETE", f"/v1/assets/{own.asset_id}"))[0] == 204
    await until(url, 410, "gone")
    await until(file, 410, "gone")
