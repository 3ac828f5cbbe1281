"""`kadr listen`: print events as they happen, and send each on to a program on this machine, signed as a webhook.

For developers whose machine Kadr cannot reach: the events are asked for, over the feed of the API. Events go to stdout,
one a line, with what the program has answered; everything else goes to stderr.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from core.errors import ConfigError
from core.tokens import webhook_signature
from kadr.commands.api_client import Target, connect
from kadr_client import Event, KadrError

TIMEOUT_S = 15.0  # as the dispatcher of webhooks has it
STARTING_S, AGAIN_S = 30.0, 0.5  # of a program that is being started
USER_AGENT = "Kadr-Webhooks"


async def listen(
    target: Target, *, types: Sequence[str], last: int | None, forward: str | None, secret: str | None
) -> int:
    """Print events until Ctrl-C. `last`: begin with so many that have happened already.

    Raises CannotIngest where the API does not answer from the beginning, or refuses; ConfigError for a URL or a secret
    that is none. A connection that is lost later is waited for.
    """
    receiver = None if forward is None else _Receiver.of(forward, secret)
    async with connect(target) as kadr, aiohttp.ClientSession() as session:
        after = None if last is not None else "now"
        async for event in kadr.events(after=after, last=last, types=types, on_lost=_say_lost):
            line = f"{event['created_at']}  {event['type']}  {event['object']['id']}  {event['id']}"
            print(line, end="", flush=True)
            print(f"  {await receiver.send(session, event)}" if receiver else "", flush=True)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Receiver:
    """The program that events are sent on to."""

    url: str
    secret: str

    @classmethod
    def of(cls, url: str, secret: str | None) -> "_Receiver":
        """Make and show a secret where none is given. Raises ConfigError."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(f"--forward {url}: must be a URL, for example http://localhost:8000/webhooks")
        if secret is None:
            secret = webhook_signature.new_secret()
            _say(f"events are signed with the secret {secret}")
        try:
            webhook_signature.key_of(secret)
        except ValueError as exc:
            raise ConfigError(f"--secret: {exc}") from exc
        return cls(url=url, secret=secret)

    async def send(self, session: aiohttp.ClientSession, event: Event) -> str:
        """POST an event; what was answered and after how long, in a few words.

        A program that is being started, where nobody accepts connections yet, is waited for, up to STARTING_S.
        """
        until = time.monotonic() + STARTING_S
        while (said := await self._send(session, event)) is None:
            if time.monotonic() > until:
                return f"-> nothing accepts connections at {self.url}"
            await asyncio.sleep(AGAIN_S)
        return said

    async def _send(self, session: aiohttp.ClientSession, event: Event) -> str | None:
        """The same, once; None where the connection was refused."""
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **webhook_signature.headers([self.secret], event["id"], int(time.time()), body),
        }
        began_at = time.monotonic()
        try:
            async with session.post(
                self.url,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                allow_redirects=False,
            ) as answer:
                await answer.read()
                said = f"{answer.status} {answer.reason or ''}".strip()
        except TimeoutError:
            said = "no answer"
        except aiohttp.ClientConnectorError as exc:
            if isinstance(exc.os_error, ConnectionRefusedError):
                return None
            said = f"no answer: {exc}"
        except aiohttp.ClientError as exc:
            said = f"no answer: {exc}"
        return f"-> {said} in {1000 * (time.monotonic() - began_at):.0f} ms"


def _say_lost(error: KadrError, wait_s: float) -> None:
    _say(f"{error.detail.rstrip('.')}. Trying again in {wait_s:.0f} s")


def _say(line: str) -> None:
    print(f"kadr listen: {line}", file=sys.stderr, flush=True)
