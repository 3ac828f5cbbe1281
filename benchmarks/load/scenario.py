"""What is requested, and how often: players begin sessions, applications read the API and begin uploads. No work for
workers.

In: an API. Out: `Scenario`, the same for `kadr bench load` and for Locust.
"""

import asyncio
import json
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp

from benchmarks.harness import client
from benchmarks.harness.client import Api
from benchmarks.harness.clips import small_clip, unlike
from benchmarks.harness.open_loop import Call
from core.errors import KadrError

# Per cent of the requests. Sessions and playlists are the origin's, the others the API's.
MIX = {"session": 35.0, "playlist": 35.0, "asset": 15.0, "list": 5.0, "upload": 5.0, "create": 2.5, "abort": 2.5}
OF_ORIGIN = ("session", "playlist")
NAME = "kadr bench load"
REF = "kadr-bench:load"  # by which all that is made here is found again, and nothing else
OPEN_UPLOADS = 20
MIB_40 = 40 * 1024 * 1024  # three parts of the default size
UPLOAD = {"filename": "load.mp4", "title": NAME, "ref": REF, "size_bytes": MIB_40}
SESSIONS_WITH_PLAYLISTS = 10  # of each title


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """URLs of each kind. It implements benchmarks.harness.open_loop.Traffic."""

    api: Api
    urls: Mapping[str, Sequence[str]]

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(MIX)

    def calls(self, process: int, random_numbers: random.Random) -> "ScenarioCalls":
        return ScenarioCalls(self, random_numbers)


class ScenarioCalls:
    """Requests by chance. An abort is of an upload that the same process has begun; without one, one is begun."""

    def __init__(self, scenario: Scenario, random_numbers: random.Random) -> None:
        self._scenario = scenario
        self._random = random_numbers
        self._kinds, self._weights = tuple(MIX), tuple(MIX.values())
        self._open: list[str] = []

    def next(self) -> Call:
        kind = self._random.choices(self._kinds, self._weights)[0]
        api = self._scenario.api
        if kind in OF_ORIGIN:
            return Call(kind=kind, method="GET", url=self._random.choice(self._scenario.urls[kind]))
        if kind == "abort" and self._open:
            url = f"{api.url}/v1/uploads/{self._open.pop(0)}"
            return Call(kind=kind, method="DELETE", url=url, status=204, headers=api.headers)
        if kind in ("abort", "create"):
            url = f"{api.url}/v1/uploads"
            return Call(kind="create", method="POST", url=url, status=201, headers=api.headers, body=UPLOAD)
        return Call(kind=kind, method="GET", url=self._random.choice(self._scenario.urls[kind]), headers=api.headers)

    def answered(self, call: Call, body: bytes) -> None:
        if call.kind == "create":
            self._open.append(json.loads(body)["data"]["id"])


async def prepare(api: Api, titles: int, tokens: int) -> Scenario:
    """Publish signed titles of two seconds, and make so many playback tokens and some open uploads."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        content = await asyncio.to_thread(small_clip, Path(folder))
    async with aiohttp.ClientSession() as session:
        sent = [
            await client.send(session, api, "load.mp4", unlike(content), policy="signed", title=NAME, ref=REF)
            for _ in range(titles)
        ]
        for one in sent:
            await client.complete(session, api, one)
        assets = [await client.ready(session, api, one) for one in sent]
        sessions = [await _token(session, api, assets[number % titles]) for number in range(tokens)]
        with_playlists = sessions[: SESSIONS_WITH_PLAYLISTS * titles]
        playlists = [url for begun in with_playlists for url in await _playlists(session, begun)]
        uploads = [await api.call(session, "POST", "/v1/uploads", UPLOAD) for _ in range(OPEN_UPLOADS)]
    return Scenario(
        api=api,
        urls={
            "session": sessions,
            "playlist": playlists,
            "asset": [f"{api.url}/v1/assets/{one.asset_id}" for one in sent],
            "list": [f"{api.url}/v1/assets", f"{api.url}/v1/assets?limit=50"],
            "upload": [f"{api.url}/v1/uploads/{upload['id']}" for upload in uploads],
        },
    )


async def _token(session: aiohttp.ClientSession, api: Api, asset: Mapping[str, Any]) -> str:
    playback_id = asset["playback_ids"][0]["id"]
    url: str = (await api.call(session, "POST", f"/v1/playback_ids/{playback_id}/token", {"ttl_s": 86_400}))["url"]
    return url


async def _playlists(session: aiohttp.ClientSession, url: str) -> list[str]:
    """The media playlists of a session."""
    async with session.get(url) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise KadrError(f"GET {url.partition('?')[0]}: {answer.status}")
    return [urljoin(url, uri) for uri in re.findall(r"^(?!#)(\S+)$", text, re.MULTILINE)]


async def clean_up(api: Api) -> None:
    """Delete everything that the scenario has made, what was begun and not aborted, too."""
    async with aiohttp.ClientSession() as session:
        while found := await api.call(session, "GET", f"/v1/assets?limit=100&ref={REF}"):
            for asset in found:
                await api.call(session, "DELETE", f"/v1/assets/{asset['id']}")
