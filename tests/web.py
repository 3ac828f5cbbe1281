"""One HTTP call and what came back, for tests of the doors."""

import json
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body as it was sent, never unzipped."""

    status: int
    headers: Any
    body: bytes


async def fetch(url: str, method: str = "GET", **headers: str) -> Answer:
    """One call; the URL is sent as it stands. `If_None_Match="x"` is the header If-None-Match."""
    sent = {"Accept-Encoding": "identity", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.request(method, URL(url, encoded=True), headers=sent, allow_redirects=False) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.read())


def json_of(answer: Answer) -> Any:
    """The body of a good answer."""
    assert answer.status == 200, answer
    return json.loads(answer.body)


def refused(answer: Answer, status: int, code: str) -> None:
    """A problem that no cache keeps and every page may read."""
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code), answer
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
