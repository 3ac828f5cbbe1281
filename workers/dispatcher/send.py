"""One attempt: an event as a signed POST to an endpoint, and how that ended.

The address is judged when its socket is made, by the guard that watches downloads from input_url. Redirects are not
followed. The status decides: a body that breaks off or does not end changes nothing. Its first KiB is kept.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from core.db.outbox import Event
from core.db.webhook_deliveries import Attempt
from core.errors import Rejected
from core.http.public_fetch import Guard, parsed
from core.telemetry import spans, trace
from core.tokens import webhook_signature
from workers.dispatcher import retries

BODY_KEPT_BYTES = 1024
BODY_READ_BYTES = 64 * 1024  # what is longer ends the connection
BODY_S = 3.0
GONE = 410
AWAY = frozenset({"timeout", "connection", "tls", "name_not_found", "not_http"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How an attempt ended. `pause_s`: for how long the server wants no requests; None: it has not said so."""

    attempt: Attempt
    pause_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        return self.attempt.error is None

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it no longer exists."""
        return self.attempt.status == GONE

    @property
    def is_away(self) -> bool:
        """Whether nobody answered as HTTP servers do: the next request would fail as well."""
        return self.attempt.error in AWAY


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    status: int
    pause_s: float | None
    beginning: str


async def send(
    session: aiohttp.ClientSession, guard: Guard, url: str, secrets: Sequence[str], event: Event, timeout_s: float
) -> Sent:
    """POST the event once, as a span of a trace of its own. Never raises for what the other side does."""
    with trace.following(trace.new()), spans.span("POST webhook", event=event.id, asset=event.asset_id or ""):
        sent = await _attempted(session, guard, url, secrets, event, timeout_s)
        spans.note(failed=sent.attempt.error, status=sent.attempt.status or 0)
        return sent


async def _attempted(
    session: aiohttp.ClientSession, guard: Guard, url: str, secrets: Sequence[str], event: Event, timeout_s: float
) -> Sent:
    body = event.body()
    now, began = datetime.now(UTC), time.monotonic()
    signed = webhook_signature.headers(secrets, event.id, int(now.timestamp()), body)
    guard.passed = guard.refused = False
    response: _Response | None = None
    try:
        response = await _post(session, guard, url, body, signed, timeout_s)
        error = _error_of(response.status)
    except TimeoutError:
        error = "timeout"
    except Rejected:
        error = "refused_address"
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        error = _error_in(exc, guard)
    attempt = Attempt(
        at=now,
        duration_ms=round((time.monotonic() - began) * 1000),
        status=response.status if response else None,
        error=error,
        answer=response.beginning if response else "",
    )
    return Sent(attempt=attempt, pause_s=response.pause_s if response else None)


async def _post(
    session: aiohttp.ClientSession, guard: Guard, url: str, body: bytes, signed: dict[str, str], timeout_s: float
) -> _Response:
    headers = {**webhook_signature.FIXED_HEADERS, **signed}
    async with asyncio.timeout(timeout_s):
        target = guard.check(parsed(url))
        answer = await session.post(target, data=body, headers=headers, allow_redirects=False)
    async with answer:
        return _Response(
            status=answer.status,
            pause_s=retries.requested_pause_s(datetime.now(UTC), answer.status, answer.headers),
            beginning=await _beginning(answer),
        )


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The first KiB of a body as text. The rest is read, so that the connection serves again, up to a bound."""
    kept, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_S):
            async for block in answer.content.iter_chunked(BODY_KEPT_BYTES):
                kept += block[: BODY_KEPT_BYTES - len(kept)]
                size += len(block)
                if size > BODY_READ_BYTES:
                    answer.close()
                    break
    except (aiohttp.ClientError, OSError, ValueError):  # TimeoutError is an OSError
        answer.close()
    return kept.decode("utf-8", "replace").replace("\0", "\ufffd")


def _error_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    return "redirect" if 300 <= status < 400 else "status"


def _error_in(exc: Exception, guard: Guard) -> str:
    if guard.refused and not guard.passed:
        return "refused_address"
    match exc:
        case aiohttp.ClientConnectorDNSError():
            return "name_not_found"
        case aiohttp.ClientSSLError():
            return "tls"
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL() | ValueError():
            return "not_http"
        case _:
            return "connection"
