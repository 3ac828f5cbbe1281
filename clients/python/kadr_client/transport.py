"""Authenticated JSON calls of Kadr's API, repeated while it is out of reach or asks for patience."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from kadr_client.backoff import pause_s
from kadr_client.errors import ApiError, KadrError, NoAnswer, is_temporary
from kadr_client.sent_once import SentOnce
from kadr_client.version import __version__

CONNECT_S = 10.0
Query = Mapping[str, str | float | bool | None]


class Transport:
    """Calls of one API with one key, on one connection pool. Open from `open` to `close`."""

    def __init__(
        self, api_url: str, api_key: str, *, tries: int, tries_later: int | None = None, timeout_s: float
    ) -> None:
        """Raises ValueError for a URL or a key that cannot be meant."""
        if urlsplit(api_url).scheme not in ("http", "https"):
            raise ValueError(f"api_url {api_url!r} must begin with http:// or https://")
        if not api_key:
            raise ValueError("api_key is empty")
        self.api_url = api_url.rstrip("/")
        self.tries = tries
        self._tries_later = tries if tries_later is None else tries_later
        self.timeout_s = timeout_s
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "User-Agent": f"kadr-client/{__version__}",
        }
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, which sends no key by itself: presigned URLs are asked through it, too."""
        if self._session is None:
            raise RuntimeError("the client is not open: use `async with Kadr(...) as kadr`")
        return self._session

    async def data(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `data` of the answer of `answer`; None where it has no body."""
        return (await self.answer(method, path, body, **options)).get("data")

    async def answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
        tries: int | None = None,
    ) -> dict[str, Any]:
        """The whole JSON of the answer; {} where it has no body. Raises ApiError or NoAnswer.

        Every POST has an Idempotency-Key, by default a new one, so that a repeated one creates nothing twice.
        """
        headers = dict(self._headers)
        if method == "POST":
            headers["Idempotency-Key"] = idempotency_key or str(uuid4())
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, default=_time).encode()
        url = f"{self.api_url}{path}"
        timeout = aiohttp.ClientTimeout(total=timeout_s or self.timeout_s, sock_connect=CONNECT_S)
        failures = 0
        while True:
            try:
                async with self.session.request(
                    method,
                    url,
                    data=content,
                    params=_params(query),
                    headers=headers,
                    timeout=timeout,
                    allow_redirects=False,
                    middlewares=(SentOnce(),) if method == "DELETE" else (),
                ) as answer:
                    text = await answer.text(errors="replace")
            except (aiohttp.ClientError, TimeoutError) as exc:
                error: KadrError = NoAnswer(
                    "no_answer", f"{self.api_url} does not answer ({_words(exc)})", hint="Is Kadr running there?"
                )
                error.__cause__ = exc
                asked = None
            else:
                if answer.status < 500:
                    self.tries = self._tries_later
                if answer.status < 300:
                    return _content(text, url)
                if method == "DELETE" and answer.status == 404 and failures:
                    return {}  # an attempt whose answer was lost has done it
                error, asked = _refusal(answer, text, url), answer.headers.get("Retry-After")
            failures += 1
            if failures >= (tries or self.tries) or not is_temporary(error):
                raise error
            await asyncio.sleep(pause_s(failures, asked))


def _params(query: Query | None) -> dict[str, str]:
    """A query as text, without what is None."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


def plain(value: Any) -> Any:
    """A value as JSON gives it back: times as texts. Raises TypeError for what has no form in JSON, and ValueError."""
    return json.loads(json.dumps(value, default=_time))


def _time(value: object) -> str:
    """A datetime as JSON has it. Raises TypeError for anything else, ValueError for a time without a zone."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} has no form in JSON")
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone: use datetime.now(UTC), for example")
    return value.isoformat()


def _content(text: str, url: str) -> dict[str, Any]:
    """The JSON object of a good answer. Raises KadrError where something else than Kadr has answered."""
    if not text:
        return {}
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise KadrError("unexpected", f"{url} did not answer with JSON of Kadr.", hint="Check api_url.", status=200)
    return content


def _refusal(answer: aiohttp.ClientResponse, text: str, url: str) -> ApiError:
    """The problem in an error answer (RFC 9457), or one made of its status where it has none."""
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    known = isinstance(problem, dict) and isinstance(problem.get("code"), str)
    if not known:
        problem = {"code": f"http_{answer.status}", "detail": f"{url} answered {answer.status} {answer.reason}."}
    return ApiError(
        problem["code"],
        str(problem.get("detail", "")),
        hint=str(problem.get("hint") or ""),
        status=answer.status,
        request_id=answer.headers.get("X-Request-Id"),
        pointer=problem.get("pointer"),
        errors=problem.get("errors") or (),
    )


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
