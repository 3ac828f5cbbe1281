"""Chapters of a title and search in what is said, out of its published captions."""

import re
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest

from tests.catalogue import LESSON_STARTS, Titles
from tests.web import Answer, fetch, json_of, refused

WITHIN_S = 60


@pytest.fixture(scope="module")
async def asset(title: Titles) -> Any:
    """Some minutes of next to nothing to see, in which three things are spoken of; and when each begins."""
    return await title("lesson"), LESSON_STARTS


async def at(asset: Any, name: str, query: str = "") -> Answer:
    url = asset["playback_url"]
    return await fetch(f"{urljoin(url, name)}?{urlsplit(url).query}{query}")


async def test_chapters_begin_where_the_topic_changes(asset: Any) -> None:
    title, starts = asset
    told = json_of(await at(title, "chapters.json"))
    assert told["language"] == "en"
    assert [one["start"] * 1000 for one in told["chapters"]] == starts
    assert told["chapters"][-1]["end"] == title["duration_s"]
    text = await at(title, "chapters.vtt")
    assert text.headers["Content-Type"] == "text/vtt"
    assert text.headers["Cache-Control"].startswith("private, max-age=60")
    cues = re.findall(r"^(\S+) --> (\S+)\n(.+)$", text.body.decode(), re.MULTILINE)
    assert [title for *_, title in cues] == [one["title"] for one in told["chapters"]]


async def test_what_is_said_is_found(asset: Any) -> None:
    title, starts = asset
    found = json_of(await at(title, "search", f"&q={quote('the GALAXY holds')}"))["found"]
    assert found
    assert all(starts[1] / 1000 <= one["start"] < starts[2] / 1000 for one in found)
    assert json_of(await at(title, "search", "&q=submarine"))["found"] == []
    refused(await at(title, "search"), 422, "invalid")
    refused(await at(title, "search", "&q=" + "x" * 300), 422, "invalid")
    refused(await at(title, "search", "&q=x&language=fr"), 404, "not_found")


async def test_only_for_who_may_watch(asset: Any) -> None:
    title, _ = asset
    for name in ("chapters.vtt", "chapters.json", "search?q=stars"):
        refused(await fetch(urljoin(title["playback_url"], name)), 403, "token_missing")


async def test_a_title_without_captions_has_none(title: Titles) -> None:
    made = await title("signed")
    refused(await at(made, "chapters.vtt"), 404, "not_found")
