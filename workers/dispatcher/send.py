"""One attempt: an event as a signed POST to an endpoint, and how that ended.

The address is judged when its socket is made, by the guard that watches downloads from input_url. Redirects are not
followed. Of the answer the first KiB is kept.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from core.db.outbox import Event
from core.db.webhook_deliveries import Attempt
from core.errors import Rejected
from core.http.public_fetch import Guard, parsed
from core.tokens import webhook_signature
from workers.dispatcher import retries

AGENT = "Kadr-Webhooks"
ANSWER_KEPT_BYTES = 1024
ANSWER_READ_BYTES = 64 * 1024  # what is longer ends the connection
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How an attempt ended, and what the server has asked for."""

    attempt: Attempt
    throttled_until: datetime | None = None

    @property
    def is_taken(self) -> bool:
        return self.attempt.error is None

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it is there no more."""
        return self.attempt.status == GONE


async def send(
    session: aiohttp.ClientSession, guard: Guard, url: str, secrets: Sequence[str], event: Event, timeout_s: float
) -> Sent:
    """POST the event once. Never raises for what the other side does."""
    body = json.dumps(event.envelope(), ensure_ascii=False, separators=(",", ":")).encode()
    now, began = datetime.now(UTC), time.monotonic()
    guard.passed = guard.refused = False
    signed = webhook_signature.headers(secrets, event.id, int(now.timestamp()), body)
    status: int | None = None
    answer, until = "", None
    try:
        async with asyncio.timeout(timeout_s):
            target = guard.check(parsed(url))
            status, answer, until = await _post(session, target, body, signed)
        error = _error_of(status)
    except TimeoutError:
        error = "timeout"
    except Rejected:
        error = "refused_address"
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        error = _error_in(exc, guard)
    attempt = Attempt(
        at=now,
        duration_ms=round((time.monotonic() - began) * 1000),
        status=status,
        error=error,
        answer=answer,
        request={name: value for name, value in signed.items() if name != "webhook-signature"},
    )
    return Sent(attempt=attempt, throttled_until=until)


async def _post(
    session: aiohttp.ClientSession, target: URL, body: bytes, signed: dict[str, str]
) -> tuple[int, str, datetime | None]:
    headers = {"Content-Type": "application/json", "User-Agent": AGENT, **signed}
    async with session.post(target, data=body, headers=headers, allow_redirects=False) as answer:
        text = await _beginning(answer)
        return answer.status, text, retries.throttled_until(datetime.now(UTC), answer.status, answer.headers)


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The first KiB of a body as text. The rest is read, so that the connection serves again, up to a bound."""
    kept, size = bytearray(), 0
    async for block in answer.content.iter_chunked(ANSWER_KEPT_BYTES):
        kept += block[: ANSWER_KEPT_BYTES - len(kept)]
        size += len(block)
        if size > ANSWER_READ_BYTES:
            answer.close()
            break
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
