"""A real NATS server with JetStream for tests: start, kill, pause; users with credentials; and what a stream holds."""

import asyncio
import base64
import binascii
import hashlib
import json
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from core.tether import tethered
from tests.waiting import until

SERVER = shutil.which("nats-server")
needed = pytest.mark.skipif(SERVER is None, reason="nats-server is not installed on this machine")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@dataclass
class NatsServer:
    """A server on a free port, whose streams lie in `folder`. `config`: more of its configuration."""

    folder: Path
    config: str = ""
    jetstream: bool = True
    port: int = field(default_factory=_free_port)
    program: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, with what it has stored before."""
        assert SERVER is not None
        self.folder.mkdir(exist_ok=True)
        store = f"jetstream {{ store_dir: {json.dumps(str(self.folder))}, max_file: 2GB }}\n" if self.jetstream else ""
        (self.folder / "nats.conf").write_text(f"listen: 127.0.0.1:{self.port}\n{store}{self.config}")
        with (self.folder / "server.log").open("ab") as log:
            self.program = await asyncio.create_subprocess_exec(
                *tethered((SERVER, "-c", str(self.folder / "nats.conf")), signal.SIGKILL), stdout=log, stderr=log
            )
        await until(self._answers)

    async def _answers(self) -> bool:
        assert self.program is not None
        assert self.program.returncode is None, (self.folder / "server.log").read_text()
        with socket.socket() as opened:
            return opened.connect_ex(("127.0.0.1", self.port)) == 0

    def send(self, number: signal.Signals) -> None:
        assert self.program is not None
        self.program.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL, also while it is stopped."""
        if self.program is not None and self.program.returncode is None:
            self.send(signal.SIGKILL)
            await self.program.wait()

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[Client]:
        """Somebody else's connection to it."""
        client = await nats.connect(self.url, **options)
        try:
            yield client
        finally:
            await client.close()


async def count(jetstream: JetStreamContext, stream: str = "KADR_EVENTS") -> int:
    """How many messages a stream holds; 0 where there is none."""
    try:
        found = await jetstream.stream_info(stream)
    except nats.js.errors.NotFoundError:
        return 0
    return found.state.messages


async def messages(jetstream: JetStreamContext, stream: str = "KADR_EVENTS") -> list[Msg]:
    """All messages of a stream, in its order."""
    wanted = await count(jetstream, stream)
    subscription = await jetstream.subscribe(">", stream=stream, ordered_consumer=True)
    found = [await subscription.next_msg(timeout=30) for _ in range(wanted)]
    await subscription.unsubscribe()
    return found


KINDS = {"O": 14 << 3, "A": 0, "U": 20 << 3}  # the five bits that make a written key begin with this letter
SEED = 18 << 3


class Key:
    """A key of NATS: an operator's, an account's or a user's. Written as NATS writes them, and signs tokens."""

    def __init__(self, kind: str) -> None:
        self._kind = KINDS[kind]
        self._key = Ed25519PrivateKey.generate()

    @property
    def public(self) -> str:
        return _checked(bytes([self._kind]) + self._key.public_key().public_bytes_raw())

    @property
    def seed(self) -> str:
        head = bytes([SEED | self._kind >> 5, (self._kind & 31) << 3])
        return _checked(head + self._key.private_bytes_raw())

    def token(self, subject: "Key", name: str, kind: str, **claims: Any) -> str:
        """A token for another key, signed by this one."""
        body = {"iat": 1, "iss": self.public, "sub": subject.public, "name": name}
        body["nats"] = {"type": kind, "version": 2, **claims}
        body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
        parts = [_url64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, body)]
        return ".".join([*parts, _url64(self._key.sign(".".join(parts).encode()))])


def _checked(content: bytes) -> str:
    crc = binascii.crc_hqx(content, 0).to_bytes(2, "little")
    return base64.b32encode(content + crc).decode().rstrip("=")


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def with_accounts() -> tuple[str, str]:
    """(configuration of a server that knows users by tokens only, a credentials file of one of them)."""
    operator, account, user, system = Key("O"), Key("A"), Key("U"), Key("A")
    unlimited = {"subs": -1, "data": -1, "payload": -1}
    limits = {**unlimited, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
    stored = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    issued = operator.token(account, "media", "account", limits={**limits, **stored})
    also = operator.token(system, "system", "account", limits=limits)
    config = (
        f"operator: {operator.token(operator, 'op', 'operator')}\n"
        f"system_account: {system.public}\n"
        f"resolver: MEMORY\nresolver_preload: {{ {account.public}: {issued}, {system.public}: {also} }}\n"
    )
    token = account.token(user, "kadr", "user", **unlimited)
    credentials = (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\nNKEY Seed printed below.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    return config, credentials
