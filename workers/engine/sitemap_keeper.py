"""Keeps the entries of the sitemap up to date: which file names which listed title, how large it is there.

Triggers of the database note each asset whose page may have changed. A new entry goes into the newest file until that
is full; it stays in its file when its title changes, is unlisted and listed again, so that one change touches one file.
Only where a file has grown too large does an entry move to the newest one.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from core.db import listed, outbox
from core.db.listed import Entry, ListedTitle, PartChange, PartState
from core.db.postgres import Pool
from core.event_types import ListingChanged
from seo import sitemap
from seo.sitemap import MOST_BYTES, MOST_ENTRIES
from seo.video_page import Sites, of_listed

AT_ONCE = 2000  # assets of a transaction
TOO_LARGE = MOST_BYTES * 5 // 4  # where an entry that grows leaves its file
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # all are as long


async def keep(pool: Pool, sites: Sites) -> int:
    """Bring all entries up to date; how many assets were looked at."""
    looked_at = 0
    while changed := await _round(pool, sites):
        looked_at += changed
    return looked_at


async def _round(pool: Pool, sites: Sites) -> int:
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('kadr.sitemap'))"):
            return 0
        changed = await listed.take_changed(connection, AT_ONCE)
        if not changed:
            return 0
        before = await listed.entries(connection, changed)
        now_listed = [_wanted(sites, title) for title in await listed.titles(connection, changed)]
        ended = _ended(now_listed, before)
        wanted = [one for one in now_listed if not _is_kept(one, before.get(one.asset_id))]
        files = Files(await listed.states(connection, {entry.part for entry in before.values()}))
        kept = [*placed(wanted, before, files), *taken(ended, files)]
        if kept:
            await listed.keep(connection, kept, files.changes())
            await outbox.add_all(connection, ((one.owner_id, one.asset_id, _event(one)) for one in kept))
    return len(changed)


def _event(one: Entry) -> ListingChanged:
    return ListingChanged(listed=one.is_listed, url=one.url)


def _is_kept(one: Entry, old: Entry | None) -> bool:
    """Whether the sitemap names the title already, and its page says the same."""
    return old is not None and old.is_listed and old.version == one.version


def _wanted(sites: Sites, title: ListedTitle) -> Entry:
    """The entry of a listed title, in no file yet."""
    page = of_listed(sites, title)
    text = sitemap.entry(page, _SOME_TIME).encode()
    return Entry(
        asset_id=title.asset_id,
        owner_id=title.owner_id,
        part=0,
        url=page.canonical(),
        version=hashlib.sha256(text + f"{title.revision_id} {title.chapters_version}".encode()).hexdigest()[:16],
        bytes=len(text),
        is_listed=True,
        expires_at=title.expires_at,
    )


class Files:
    """The files of the sitemap while entries are placed. `states`: those that may change, and the newest one, last."""

    def __init__(self, states: Sequence[PartState]) -> None:
        self._newest = states[-1].number
        self._entries = {state.number: state.entries for state in states}
        self._bytes = {state.number: state.bytes for state in states}
        self._changes: dict[int, PartChange] = {}

    def place(self, size: int) -> int:
        """The number of the file that takes an entry of `size` bytes: the newest, or one more where that is full."""
        if self._entries[self._newest] >= MOST_ENTRIES or self._bytes[self._newest] + size > MOST_BYTES:
            self._newest += 1
            self._entries[self._newest] = self._bytes[self._newest] = 0
        self._change(self._newest, entries=1, size=size, listed=1)
        return self._newest

    def put(self, number: int, size: int) -> int:
        """The number of the file that takes an entry that was in file `number`: that one, where it is not too large."""
        if self._bytes[number] + size > TOO_LARGE:
            return self.place(size)
        self._change(number, size=size, listed=1)
        return number

    def take(self, number: int, size: int) -> None:
        """An entry of `size` bytes is not in its file any more."""
        self._change(number, size=-size, listed=-1)

    def changes(self) -> list[PartChange]:
        """By how much each file changes."""
        return list(self._changes.values())

    def _change(self, number: int, *, entries: int = 0, size: int, listed: int) -> None:
        self._entries[number] += entries
        self._bytes[number] += size
        old = self._changes.get(number, PartChange(number=number, entries=0, bytes=0, listed=0))
        self._changes[number] = PartChange(
            number=number, entries=old.entries + entries, bytes=old.bytes + size, listed=old.listed + listed
        )


def placed(wanted: Iterable[Entry], before: Mapping[str, Entry], files: Files) -> list[Entry]:
    """The entries of listed titles in their files: each where it was, a new one in the newest."""
    kept = []
    for one in wanted:
        old = before.get(one.asset_id)
        if old is not None and old.is_listed:
            files.take(old.part, old.bytes)
        kept.append(replace(one, part=files.place(one.bytes) if old is None else files.put(old.part, one.bytes)))
    return kept


def taken(ended: Iterable[Entry], files: Files) -> list[Entry]:
    """The entries of titles that are listed no more. They keep their place."""
    kept = []
    for old in ended:
        files.take(old.part, old.bytes)
        kept.append(replace(old, is_listed=False))
    return kept


def _ended(now_listed: Iterable[Entry], before: Mapping[str, Entry]) -> list[Entry]:
    still = {one.asset_id for one in now_listed}
    return [old for old in before.values() if old.is_listed and old.asset_id not in still]
