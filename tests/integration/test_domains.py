"""Which pages may play a title, and who: its allowed domains and its policy, changed while it is published."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.catalogue import Titles
from tests.stack import PLAIN, Stack
from tests.waiting import until
from tests.web import Answer, fetch, json_of, refused

SHOP, NEWS = "https://shop.example.org", "https://news.example.org"
AT_ONCE_S = 2.0
BEGINNINGS = ("index.m3u8", "manifest.mpd", "session")


@pytest.fixture(scope="module")
async def own(stack: Stack, tiny: Path) -> AsyncIterator[Any]:
    """A ready public asset that these tests may change, one after the other."""
    asset = await stack.wait(await stack.upload(tiny, allowed_domains=["shop.example.org"], **PLAIN), "ready")
    yield asset
    await change(stack, asset, policy="public", allowed_domains=[])  # the run ends with a check of all titles


async def change(stack: Stack, asset: Any, **changes: Any) -> Any:
    status, body = await stack.api("PATCH", f"/v1/assets/{asset['id']}", json=changes)
    assert status == 200, body
    return body["data"]


def play_url(asset: Any, name: str = "index.m3u8") -> str:
    return str(asset["playback_url"]).partition("?")[0].replace("index.m3u8", name)


async def token(stack: Stack, asset: Any, **wanted: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/playback_ids/{asset['playback_ids'][0]['id']}/token", json=wanted)
    assert status == 201, body
    return body["data"]


async def a_file(url: str, **headers: str) -> str:
    """The first media playlist of a session."""
    answer = await fetch(url, **headers)
    assert answer.status == 200, answer
    return urljoin(url, next(line for line in answer.body.decode().splitlines() if line and line[0] != "#"))


async def at_once(read: Callable[[], Awaitable[Answer]], status: int) -> Answer:
    """What is answered once the origin has seen a change, which it does within two seconds."""
    return await until(read, lambda answer: answer.status == status, within_s=AT_ONCE_S)


async def test_a_title_is_played_on_pages_of_its_domains_only(stack: Stack, own: Any) -> None:
    await change(stack, own, policy="public", allowed_domains=["shop.example.org"])
    refused(await at_once(lambda: fetch(play_url(own)), 403), 403, "domain_refused")
    for name in BEGINNINGS:
        url = play_url(own, name)
        # Sessions share the playlist: the page is looked at first.
        assert (await fetch(url, Origin=SHOP)).status == 200
        assert (await fetch(url, Referer=f"{SHOP}:8443/p/42")).status == 200
        for headers in ({"Origin": NEWS}, {"Referer": f"{NEWS}/{SHOP}"}, {"Origin": "null", "Referer": SHOP}, {}):
            answer = await fetch(url, **headers)
            refused(answer, 403, "domain_refused")
            assert b'"hint"' in answer.body
    refused(await fetch(play_url(own, "high.mp4"), Origin=NEWS), 403, "domain_refused")
    refused(await fetch(play_url(own, "high.mp4"), Origin=SHOP), 404, "not_found")  # none were asked for
    refused(await fetch(play_url(own, "chapters.json"), Origin=NEWS), 404, "not_found")  # words are for everybody
    assert (await fetch(await a_file(play_url(own), Origin=SHOP))).status == 200, "its session has begun"


async def test_other_domains_take_effect_at_once(stack: Stack, own: Any) -> None:
    for domains, status in ((["*.example.org"], 200), (["example.org"], 403), ([], 200)):
        assert (await change(stack, own, policy="public", allowed_domains=domains))["allowed_domains"] == domains
        await at_once(lambda: fetch(play_url(own), Origin=NEWS), status)
    assert (await fetch(play_url(own))).status == 200


async def test_a_session_goes_on_on_its_page_and_on_no_other(stack: Stack, own: Any) -> None:
    await change(stack, own, policy="public", allowed_domains=["*.example.org"])
    refused(await at_once(lambda: fetch(play_url(own)), 403), 403, "domain_refused")
    session = json_of(await fetch(play_url(own, "session"), Origin=SHOP))["data"]
    for url in (session["renewal_url"], session["renewal_url"].replace("index.m3u8", "session")):
        assert (await fetch(url, Origin=SHOP)).status == 200
        refused(await fetch(url, Origin=NEWS), 403, "domain_refused")
        refused(await fetch(url), 403, "domain_refused")
    # A token of the application is for one page, too, once its session has begun there.
    made = await token(stack, own, domain="*.example.org")
    begun = json_of(await fetch(made["url"].replace("index.m3u8", "session"), Referer=f"{SHOP}/"))["data"]
    assert (await fetch(begun["renewal_url"], Referer=f"{SHOP}/")).status == 200
    refused(await fetch(begun["renewal_url"], Referer=f"{NEWS}/"), 403, "domain_refused")


async def test_a_title_that_becomes_signed_needs_a_token_at_once(stack: Stack, own: Any) -> None:
    await change(stack, own, policy="public", allowed_domains=[])
    await at_once(lambda: fetch(play_url(own)), 200)
    file = await a_file(play_url(own))
    begun = json_of(await fetch(play_url(own, "session")))["data"]
    signed = await change(stack, own, policy="signed")
    assert [one["policy"] for one in signed["playback_ids"]] == ["signed"]
    assert "?token=" in signed["playback_url"]
    refused(await at_once(lambda: fetch(play_url(own)), 403), 403, "token_missing")
    refused(await fetch(begun["renewal_url"]), 403, "token_missing")
    assert (await fetch(file)).status == 200, "what was handed out plays until its token expires"
    assert (await fetch((await token(stack, own))["url"])).status == 200
    await change(stack, own, policy="public")
    await at_once(lambda: fetch(play_url(own)), 200)


async def test_a_clip_is_played_where_its_original_is(stack: Stack, own: Any) -> None:
    """Where no domains are given for it."""
    await change(stack, own, policy="public", allowed_domains=["shop.example.org"])
    wanted = {"clip_of": own["id"], "start_s": 0, "end_s": 1, **PLAIN}
    for given, domains in (({}, ["shop.example.org"]), ({"allowed_domains": []}, [])):
        status, body = await stack.api("POST", "/v1/assets", json={**wanted, **given})
        assert (status, body["data"]["allowed_domains"]) == (202, domains)
        assert (await stack.api("DELETE", f"/v1/assets/{body['data']['id']}"))[0] == 204


async def test_every_url_of_a_token_answers(stack: Stack, title: Titles) -> None:
    made = await token(stack, await title("public"), viewer="u-urls")
    urls = [made[name] for name in ("url", "dash_url", "watch_url", "poster_url", "storyboard_url")]
    assert [url for url in [*urls, made["embed_url"]] if f"token={made['token']}" not in url] == []
    assert [(await fetch(url)).status for url in urls] == [200] * len(urls)
