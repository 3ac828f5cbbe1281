"""Kadr's public API for commands: one JSON call after another, patient with an API that restarts.

In: KADR_API_URL and KADR_API_KEY, or what `kadr up` has left in its home. Refuses by CannotIngest, with the problem
that the API has answered.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Self, TypeVar
from uuid import uuid4

import aiohttp

from core.errors import ConfigError, KadrError
from kadr.error_text import CannotIngest

TRIES = 5
AWAY_S = 120.0  # a release, or a machine that starts anew
LONGEST_PAUSE_S = 5.0
AWAY = frozenset({502, 503, 504})  # of a proxy with nobody behind it, of an API without its database
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The base URL of the API, and an API key."""

    api: str
    api_key: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Target":
        """From KADR_API_URL and KADR_API_KEY, else from endpoints.json in KADR_HOME (.kadr). Raises ConfigError."""
        if url := environ.get("KADR_API_URL"):
            key = environ.get("KADR_API_KEY")
            if not key:
                raise ConfigError("KADR_API_KEY is not set; KADR_API_URL requires it")
            return cls(api=url.rstrip("/"), api_key=key)
        home = Path(environ.get("KADR_HOME", ".kadr"))
        try:
            endpoints = json.loads((home / "endpoints.json").read_text("utf-8"))
        except FileNotFoundError as exc:
            raise ConfigError(
                f"no endpoints.json in {home}: start `kadr up` there,"
                " or set KADR_HOME, or KADR_API_URL and KADR_API_KEY"
            ) from exc
        return cls(api=endpoints["api"], api_key=environ.get("KADR_API_KEY") or endpoints["api_key"])


class NotNow(KadrError):
    """A call has failed and may be made again. `away`: nobody was there who could have done it."""

    def __init__(self, message: str, *, away: bool, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.away = away
        self.problem = problem

    @classmethod
    def answered(cls, status: int, message: str, problem: dict[str, Any] | None = None) -> Self:
        return cls(message, away=status in AWAY, problem=problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what may pass is tried again: a failure a few times, and somebody who is away for two minutes."""

    tries: int = TRIES
    away_s: float = AWAY_S
    pause_s: float = 0.5  # before the second try; twice as long before each further one

    async def until_done(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """The result of `call`, which is made again after a pause when it raises NotNow. Raises the last NotNow."""
        give_up_at = monotonic() + self.away_s
        attempt = 0
        while True:
            attempt += 1
            try:
                return await call()
            except NotNow as exc:
                worth_it = monotonic() < give_up_at if exc.away else attempt < self.tries
                if not worth_it:
                    raise
            await asyncio.sleep(min(self.pause_s * 2 ** (attempt - 1), LONGEST_PAUSE_S))


class Api:
    """Authenticated JSON calls. What fails for the moment is tried again; what creates has a key, and creates once."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, patience: Patience | None = None) -> None:
        self._session = session
        self._target = target
        self._patience = patience or Patience()
        self._has_answered = False

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The `data` of the answer; None where it has no body. Raises CannotIngest."""
        return (await self.answer(method, path, body)).get("data")

    async def answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole answer; {} where it has no body. Raises CannotIngest with the code, detail and hint of the API.

        An API that has answered before is waited for; one that never did is not there, or has another address.
        """
        headers = {"Authorization": f"Bearer {self._target.api_key}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())

        async def once() -> dict[str, Any]:
            return await self._once(method, path, body, headers)

        try:
            return await self._patience.until_done(once)
        except NotNow as exc:
            raise CannotIngest(str(exc), exc.problem) from exc

    async def _once(
        self, method: str, path: str, body: dict[str, Any] | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """One call. Raises NotNow, and CannotIngest for a refusal."""
        url = f"{self._target.api}{path}"
        try:
            async with self._session.request(method, url, json=body, headers=headers) as answer:
                self._has_answered = True
                if answer.status < 400:
                    content: dict[str, Any] = {} if answer.status == 204 else await answer.json()
                    return content
                problem = await _problem(answer)
        except (aiohttp.ClientError, TimeoutError) as exc:
            message = f"{self._target.api} does not answer ({exc})"
            raise NotNow(message, away=True) if self._has_answered else CannotIngest(message) from exc
        message = f"{problem.get('code')}: {problem.get('detail')} {problem.get('hint', '')}".strip()
        if answer.status < 500:
            raise CannotIngest(message, problem)
        raise NotNow.answered(answer.status, message, problem)


async def _problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """The problem in an error answer (RFC 9457), or one made of its status where there is none."""
    try:
        problem: dict[str, Any] = json.loads(await answer.text())
    except ValueError:
        problem = {"code": f"http_{answer.status}", "detail": answer.reason}
    return problem
