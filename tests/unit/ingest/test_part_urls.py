"""URLs of an upload's parts: so many at once, however many parts there are, and every part gets one in time."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.db import uploads
from core.model import UploadStatus
from core.settings import GIB, Settings
from ingest.context import Context
from ingest.uploads import URLS_AT_ONCE, shown
from tests.uploads import upload_of

UPLOAD = upload_of(20 * GIB)


class Store:
    """As much of Storage as an upload is shown by."""

    def __init__(self) -> None:
        self.signed = 0
        self.arrived: dict[int, int] = {}

    async def presign_put(self, _bucket: str, key: str, _size: int, _expires_s: int) -> str:
        self.signed += 1
        return f"https://s3.example/{key}"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()

    async def arrived_parts(*_: object) -> dict[int, int]:
        return store.arrived

    monkeypatch.setattr(uploads, "arrived_parts", arrived_parts)
    return store


def context(store: Store) -> Context:
    return cast("Context", SimpleNamespace(settings=Settings(), storage=cast("Any", store)))


async def test_a_large_reservation_signs_no_more_than_a_page(store: Store) -> None:
    """All 976 took the API 2.4 s, in which it answered nobody."""
    told = await shown(context(store), UPLOAD, empty=True)
    assert (len(told.parts), store.signed, told.next_part) == (976, URLS_AT_ONCE, URLS_AT_ONCE + 1)
    assert [bool(part.url) for part in told.parts] == [True] * URLS_AT_ONCE + [False] * (976 - URLS_AT_ONCE)


async def test_page_after_page_every_part_gets_its_url(store: Store) -> None:
    urls: dict[int, str] = {}
    next_part: int | None = 1
    while next_part is not None:
        told = await shown(context(store), UPLOAD, from_part=next_part)
        urls |= {part.number: part.url for part in told.parts if part.url}
        next_part = told.next_part
    assert sorted(urls) == list(range(1, 977))
    assert len(set(urls.values())) == 976
    assert store.signed == 976


async def test_what_has_arrived_makes_room_for_what_has_not(store: Store) -> None:
    """Who only asks again, as for an upload that was interrupted, gets everything in the end, too."""
    sizes = UPLOAD.part_sizes
    store.arrived = {number: sizes[number - 1] for number in range(1, 950)}
    told = await shown(context(store), UPLOAD)
    assert [part.number for part in told.parts if part.url] == list(range(950, 977))
    assert told.next_part is None


async def test_a_closed_upload_has_none(store: Store) -> None:
    told = await shown(context(store), replace(UPLOAD, status=UploadStatus.COMPLETED))
    assert (told.parts, told.next_part, store.signed) == ([], None, 0)
