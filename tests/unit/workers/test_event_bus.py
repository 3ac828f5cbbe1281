"""Settings of the event bus: what cannot be is told before anything is connected, and shows no secret."""

import sys
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr

from core.db.postgres import Pool
from core.errors import ConfigError
from core.settings import Settings
from workers import dispatcher
from workers.dispatcher import event_bus
from workers.dispatcher.nats_credentials import Credentials

# An example of the documentation of NATS: the seed of a user, and the public key that belongs to it, in hex.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "ef4e44524b72e440f96dae7bba237c6666a40701cb1365a42244f84e7a67dab1"
FILE = (
    "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n"
    f"-----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------\n"
)


async def run(url: str, credentials: Path | None = None) -> None:
    await event_bus.run(Settings(nats_url=SecretStr(url), nats_credentials=credentials), cast("Pool", None))


@pytest.mark.parametrize(
    "url",
    [
        *("nats://", "http://kadr:secret@bus:4222", "bus:4222", "nats://kadr:secret@bus:port", "nats://bus:0"),
        *("nats://bus:99999", "nats://bus/path", "nats://[bus", ","),
    ],
)
async def test_a_url_that_names_no_server(url: str) -> None:
    with pytest.raises(ConfigError, match="KADR_NATS_URL") as refused:
        await run(url)
    assert "secret" not in str(refused.value)


async def test_the_second_server_is_looked_at_too() -> None:
    with pytest.raises(ConfigError, match="server 2"):
        await run("nats://one:4222,two:4222")


def test_a_credentials_file(tmp_path: Path) -> None:
    file = tmp_path / "kadr.creds"
    file.write_text(FILE)
    read = Credentials.read(file)
    assert read.token() == b"eyJ0.eyJq.c2ln"
    key = read.key.public_key()
    assert isinstance(key, Ed25519PublicKey)
    assert key.public_bytes_raw().hex() == PUBLIC


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        FILE.replace("NATS USER JWT", "NATS ACCOUNT JWT"),
        FILE.replace(SEED, SEED[:-1] + "X"),
        FILE.replace(SEED, SEED[:-4]),
        FILE.replace(SEED, "SU!"),
        FILE.replace(SEED, "SAACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"),
    ],
    ids=["no file", "empty", "no token", "another letter", "too short", "no base32", "an account's"],
)
async def test_what_is_no_credentials_file(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "kadr.creds"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=r"KADR_NATS_CREDENTIALS=.*kadr\.creds") as refused:
        await run("nats://bus", file)
    assert SEED[5:20] not in str(refused.value)


async def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "workers.dispatcher.jetstream", raising=False)
    monkeypatch.delattr(dispatcher, "jetstream", raising=False)
    monkeypatch.setitem(sys.modules, "nats.aio.client", None)
    with pytest.raises(ConfigError, match=r"install kadr\[nats\]"):
        await run("nats://bus")
