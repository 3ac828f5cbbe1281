"""Chapters of a title and search in what is said, out of its published captions."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest

from packager.vtt import whole
from tests.media import generate
from tests.spoken import BOATS, BREAD, STARS, spoken
from tests.stack import Stack
from tests.web import Answer, fetch, json_of, refused

WITHIN_S = 60


@pytest.fixture(scope="module")
async def asset(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Five minutes of next to nothing to see, in which three things are spoken of."""
    cues, starts = spoken([BREAD, STARS, BOATS], pause_ms=6_000)
    path = tmp_path_factory.mktemp("spoken") / "lesson.mp4"
    length_s = cues[-1].end_ms // 1000 + 2
    generate(path, f"color=gray:size=320x180:rate=5:duration={length_s}")
    made = await stack.wait(await stack.upload(path, ladder="apple", effort="economy", policy="signed"), "ready")
    status, _ = await stack.api(
        "POST", f"/v1/assets/{made['id']}/tracks", json={"kind": "subtitles", "language": "en", "text": whole(cues)}
    )
    assert status == 201
    deadline = time.monotonic() + WITHIN_S
    while (answer := await at(made, "chapters.json")).status != 200:
        assert time.monotonic() < deadline, answer
        await asyncio.sleep(0.2)
    return made, starts


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


async def test_a_title_without_captions_has_none(stack: Stack, clip: Path) -> None:
    made = await stack.wait(await stack.upload(clip), "ready")
    refused(await at(made, "chapters.vtt"), 404, "not_found")
