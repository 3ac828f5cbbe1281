"""What a title's pages say of it: the watch page without scripts, oEmbed, and the markup for an owner's own page."""

import asyncio
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from tests.catalogue import HTML_TITLE, Titles, asset_of
from tests.stack import PLAIN, Stack
from tests.studio import send, sign_in
from tests.waiting import until
from tests.web import fetch


class Head(HTMLParser):
    """Collects what a page says: elements by name, with their attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def meta(self, name: str) -> str | None:
        """Content of the first <meta> of that name or property."""
        return next(
            (
                one["content"]
                for tag, one, _ in self.found
                if tag == "meta" and name in (one.get("name"), one.get("property"))
            ),
            None,
        )

    def links(self, rel: str) -> list[dict[str, str | None]]:
        """Attributes of the <link>s of that kind."""
        return [one for tag, one, _ in self.found if tag == "link" and one.get("rel") == rel]

    def json_ld(self) -> Any:
        """The structured data; None without."""
        texts = [text for tag, one, text in self.found if tag == "script" and one.get("type") == "application/ld+json"]
        return json.loads(texts[0]) if texts else None

    def text_of(self, tag: str) -> str:
        """Text of the first element of that name."""
        return next(text for name, _, text in self.found if name == tag).strip()


@pytest.fixture(scope="module")
async def made(stack: Stack, tiny: Path) -> Any:
    """A public title of this module's own, with its poster."""
    asset_id = await stack.upload(tiny, **PLAIN, title=HTML_TITLE)
    await stack.wait(asset_id, "ready")
    return await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"])


@pytest.fixture
async def asset(stack: Stack, made: Any) -> Any:
    """That title, listed and described in no way."""
    await describe(stack, made, listed=True, description="", tags=[], author=None, page_url=None, expires_at=None)
    return made


async def page_of(url: str, **headers: str) -> Head:
    answer = await fetch(url, **headers)
    assert answer.status == 200
    head = Head()
    head.feed(answer.body.decode())
    return head


async def describe(stack: Stack, asset: Any, **fields: Any) -> None:
    status, body = await stack.api("PATCH", f"/v1/assets/{asset['id']}", json=fields)
    assert status == 200, body


async def test_a_listed_title_is_described_in_one_voice(stack: Stack, asset: Any) -> None:
    await describe(
        stack, asset, listed=True, description="Bars & <i>circles</i>", tags=["bars"], author={"name": "Ann"}
    )
    page = await until(lambda: page_of(asset["watch_url"]), lambda one: one.json_ld())
    video = page.json_ld()
    here, origin = asset["watch_url"], stack.endpoints["origin"]
    assert page.meta("robots") == "index, follow, max-image-preview:large, max-snippet:-1, max-video-preview:-1"
    assert [one["href"] for one in page.links("canonical")] == [here]
    assert video["name"] == page.meta("og:title") == page.text_of("h1") == HTML_TITLE
    assert video["description"] == page.meta("og:description") == page.meta("description") == "Bars & <i>circles</i>"
    poster = f"{origin}/image/{asset['playback_ids'][0]['id']}/poster.jpg"
    video_element = next(one for tag, one, _ in page.found if tag == "video")
    assert video["thumbnailUrl"] == [poster]
    assert page.meta("og:image") == page.meta("twitter:image") == video_element["poster"] == poster
    assert re.fullmatch(r"PT\d+S", video["duration"])
    assert video["uploadDate"].startswith(asset["published_at"][:19])
    assert video["author"] == {"@type": "Person", "name": "Ann"}
    picture = await fetch(poster)
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")
    assert (await fetch(video["contentUrl"])).status == 200
    assert (await fetch(video["embedUrl"])).headers["X-Robots-Tag"] == "noindex, indexifembedded"


async def test_a_language_has_its_own_page(asset: Any) -> None:
    russian = asset["watch_url"].replace("/watch/", "/ru/watch/")
    for url, lang in ((asset["watch_url"], "en"), (russian, "ru")):
        page = await page_of(url, **{"Accept-Language": "ru"})
        assert page.found[0][1]["lang"] == lang, "by nothing but the address"
        assert [one["href"] for one in page.links("canonical")] == [asset["watch_url"]], "they differ in buttons alone"
        assert page.links("alternate") == [one for one in page.links("alternate") if "oembed" in str(one["type"])]


async def test_what_is_not_listed_is_not_described_to_engines(stack: Stack, asset: Any, title: Titles) -> None:
    await describe(stack, asset, listed=False)
    page = await until(lambda: page_of(asset["watch_url"]), lambda one: one.meta("robots") == "noindex")
    assert page.json_ld() is None
    assert page.meta("og:title") == asset["title"], "whoever has the link may share it"
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/seo")
    assert (body["data"]["listed"], body["data"]["why_unlisted"]) == (False, "by_owner")
    signed = await title("signed")
    page = await page_of(signed["watch_url"])
    assert (page.meta("robots"), page.meta("og:title"), page.links("canonical")) == ("noindex", None, [])
    refused = await fetch(signed["watch_url"].partition("?")[0])
    assert (refused.status, refused.headers["X-Robots-Tag"]) == (403, "noindex")
    assert signed["title"].encode() not in refused.body
    status, body = await stack.api("GET", f"/v1/assets/{signed['id']}/seo")
    assert (status, body["code"]) == (409, "not_public")


async def test_chapters_and_transcript_are_in_the_page(stack: Stack, title: Titles) -> None:
    asset = await title("lesson")
    page = await page_of(asset["watch_url"])
    links = [str(one["href"]) for tag, one, _ in page.found if tag == "a" and "t=" in str(one.get("href"))]
    assert len(links) == 3
    assert all("token=" in link for link in links), "they work for this viewer"
    assert len(page.text_of("p")) > 0
    assert any(tag == "summary" for tag, _, _ in page.found)


async def test_oembed_fits_the_player_into_the_room(stack: Stack, asset: Any, title: Titles) -> None:
    signed = await title("signed")

    async def asked(**query: str | int) -> Any:
        return await fetch(f"{stack.endpoints['origin']}/oembed?{urlencode(query)}")

    answer = await asked(url=asset["watch_url"], maxwidth=300, maxheight=100)
    body = json.loads(answer.body)
    assert (body["type"], body["version"], body["title"]) == ("video", "1.0", HTML_TITLE)
    assert (body["width"], body["height"]) == (178, 100)
    frame = Head()
    frame.feed(body["html"])
    assert [(tag, one["title"]) for tag, one, _ in frame.found] == [("iframe", HTML_TITLE)]
    assert (await fetch(body["thumbnail_url"])).headers["Content-Type"] == "image/jpeg"
    xml = await asked(url=asset["watch_url"], format="xml")
    assert xml.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert ElementTree.fromstring(xml.body).findtext("title") == HTML_TITLE
    statuses = await asyncio.gather(
        asked(url=signed["watch_url"].partition("?")[0]),
        asked(url="https://elsewhere.example/watch/pb_1"),
        asked(url=asset["watch_url"], format="yaml"),
        asked(),
        asked(url=asset["watch_url"], maxwidth="wide"),
        asked(url="http://[/watch"),
    )
    assert [answer.status for answer in statuses] == [401, 404, 501, 400, 400, 404]


async def test_an_owner_pastes_it_into_a_page_of_theirs(stack: Stack, asset: Any) -> None:
    own = "https://shop.example.org/mugs?id=42"
    await describe(stack, asset, listed=True, page_url=own)
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/seo")
    markup = body["data"]
    assert (markup["canonical_url"], markup["json_ld"]["url"]) == (own, own)
    head = Head()
    head.feed(markup["head"])
    assert head.json_ld() == markup["json_ld"]
    assert [one["href"] for one in head.links("canonical")] == [own]
    frame = Head()
    frame.feed(markup["iframe"])
    assert [tag for tag, _, _ in frame.found] == ["iframe"]
    page = await until(lambda: page_of(asset["watch_url"]), lambda one: one.links("canonical")[0]["href"] == own)
    assert page.meta("og:url") == own


@pytest.mark.parametrize(
    ("text", "start"), [("90", "90"), ("90s", "90"), ("1m30s", "90"), ("1h0m1s", "3601"), ("4.5", "4.5")]
)
async def test_a_link_says_where_to_start(asset: Any, text: str, start: str | None) -> None:
    page = await page_of(f"{asset['watch_url']}?t={text}")
    player = next(one for tag, one, _ in page.found if tag == "kadr-player")
    assert player.get("start-time") == start


async def test_the_studio_says_whether_it_is_found(stack: Stack, asset: Any) -> None:
    api = stack.endpoints["api"]
    cookie = await sign_in(api, key=stack.endpoints["api_key"])
    path = f"/studio/assets/{asset['id']}"
    shown = await send(api, "GET", path, cookie=cookie)
    assert "Search engines can find this video now." in shown.body
    form = {"description": "Bars, filmed", "tags": "bars\ntest", "listed": "false", "last_day": "2036-12-31"}
    answer = await send(api, "POST", f"{path}/listing", cookie=cookie, form=form)
    assert (answer.status, answer.headers["Location"]) == (303, f"{path}?saved=listing#listing")
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    kept = {name: body["data"][name] for name in ("description", "tags", "listed", "expires_at")}
    assert kept == {
        "description": "Bars, filmed",
        "tags": ["bars", "test"],
        "listed": False,
        "expires_at": "2037-01-01T00:00:00Z",
    }
    shown = await send(api, "GET", path, cookie=cookie)
    assert "Search engines cannot find it, as you wish." in shown.body
    answer = await send(api, "POST", f"{path}/listing", cookie=cookie, form={"page_url": "javascript:alert(1)"})
    assert answer.status == 422
    assert (await send(api, "GET", "/studio/account", cookie=cookie)).status == 200
