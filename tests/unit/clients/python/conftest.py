"""A small server in place of Kadr, a client of it, and attempts and polls that follow each other at once."""

from collections.abc import AsyncIterator

import pytest

from kadr_client import Kadr, assets, backoff
from tests.small_kadr import KEY, SmallKadr, small_kadr


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    monkeypatch.setattr(backoff, "MOST_S", 0.01)
    monkeypatch.setattr(assets, "FIRST_POLL_S", 0.01)


@pytest.fixture
async def server() -> AsyncIterator[SmallKadr]:
    async with small_kadr() as running:
        yield running


@pytest.fixture
async def kadr(server: SmallKadr) -> AsyncIterator[Kadr]:
    async with Kadr(server.url, KEY) as client:
        yield client
