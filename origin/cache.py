"""Files of revisions, read from storage once however many ask, and kept on disk within a bound.

In: `File` (key, size, hash). Out: an open descriptor for as long as it is used, its bytes checked against size and
SHA-256. Refuses what storage sends otherwise (Transient). Where the disk is full or may not be written to, a file is
held in memory while it is being sent, and not kept. Files larger than `largest_bytes` are not for this cache.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core import metrics
from core.errors import Transient
from core.logs import Log
from core.settings import MIB
from core.storage import Storage
from origin.shelf import Shelf
from packager.revision import File

_LOG = Log("cache")
LARGEST_BYTES = 64 * MIB  # also what one file may take of memory where there is no disk
FILLS = 32  # at once: each is a connection to storage, which has 64, and perhaps a file in memory
FILL_S = 30.0
SLOWEST_BYTES_PER_S = 512 * 1024
RESCAN_S = 120.0
READ_BYTES = MIB


@dataclass(slots=True)
class _Fill:
    """One read of storage and who waits for it or sends from it."""

    reading: asyncio.Task[int]
    users: int = 0


class Cache:
    """One per process; the folder may be shared."""

    def __init__(self, storage: Storage, bucket: str, folder: Path, limit_bytes: int) -> None:
        self._storage = storage
        self._bucket = bucket
        self._shelf = Shelf(folder, limit_bytes)
        self.largest_bytes = min(LARGEST_BYTES, limit_bytes // 8)
        self._fills: dict[str, _Fill] = {}
        self._turns = asyncio.Semaphore(FILLS)
        self._told = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Learns what an earlier run has left, then now and then what other processes do."""
        await self._rescan()

        async def go_on() -> None:
            while True:
                await asyncio.sleep(RESCAN_S)
                await self._rescan()

        rescanning = asyncio.create_task(go_on())
        try:
            yield
        finally:
            fills = [fill.reading for fill in self._fills.values()]
            for task in (rescanning, *fills):
                task.cancel()
            await asyncio.gather(rescanning, *fills, return_exceptions=True)

    @asynccontextmanager
    async def opened(self, file: File) -> AsyncIterator[int]:
        """A descriptor of the whole file; read it by offsets, others may share it. Raises ObjectMissing, Transient."""
        found = self._on_shelf(file)
        if found is not None and found[1]:
            try:
                yield found[0]
            finally:
                os.close(found[0])
            return
        fill = self._fills.get(file.sha256)
        if fill is None or (fill.reading.done() and _failed(fill.reading)):
            reading = asyncio.create_task(self._recheck(file, found[0]) if found else self._filled(file))
            fill = self._fills[file.sha256] = _Fill(reading)
            reading.add_done_callback(lambda _: self._left(file.sha256, fill))
        elif found is not None:
            os.close(found[0])
        fill.users += 1
        try:
            # One viewer leaving must not cancel the read the others wait for.
            yield await asyncio.shield(fill.reading)
        finally:
            fill.users -= 1
            self._left(file.sha256, fill)

    def _left(self, name: str, fill: _Fill) -> None:
        """Close with the last; called when the read ends and when a user leaves."""
        if fill.users or not fill.reading.done():
            return
        if self._fills.get(name) is fill:
            del self._fills[name]
            if not _failed(fill.reading):
                os.close(fill.reading.result())

    def _on_shelf(self, file: File) -> tuple[int, bool] | None:
        try:
            return self._shelf.open(file.sha256, file.size_bytes)
        except OSError as exc:
            self._no_disk(exc)
            return None

    async def _recheck(self, file: File, opened: int) -> int:
        """A file of an earlier run, or of another process: a crash of the machine can leave one half written."""
        with ExitStack() as undo:
            undo.callback(os.close, opened)
            if await asyncio.to_thread(_sha256, opened) == file.sha256:
                self._shelf.checked(file.sha256)
                undo.pop_all()
                return opened
        _LOG.warning("cache.damaged", sha256=file.sha256)
        with suppress(OSError):
            self._shelf.drop(file.sha256)
        return await self._filled(file)

    async def _filled(self, file: File) -> int:
        async with self._turns:
            metrics.BYTES.labels("filled").inc(file.size_bytes)
            part = self._shelf.part()
            try:
                opened = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except OSError as exc:
                self._no_disk(exc)
                return await self._in_memory(file)
            with ExitStack() as undo:
                undo.callback(_remove, part)
                undo.callback(os.close, opened)
                try:
                    await self._read(file, part)
                    self._shelf.add(part, file.sha256, file.size_bytes)
                except OSError as exc:
                    self._no_disk(exc)
                    undo.close()  # before it is read again: a full disk is what it may be about
                    return await self._in_memory(file)
                undo.pop_all()
            return opened

    async def _in_memory(self, file: File) -> int:
        opened = os.memfd_create("kadr-file", os.MFD_CLOEXEC)
        with ExitStack() as undo:
            undo.callback(os.close, opened)
            await self._read(file, Path(f"/proc/self/fd/{opened}"))
            undo.pop_all()
        return opened

    async def _read(self, file: File, path: Path) -> None:
        try:
            async with asyncio.timeout(FILL_S + file.size_bytes / SLOWEST_BYTES_PER_S):
                found = await self._storage.download(self._bucket, file.key, path)
        except TimeoutError as exc:
            raise Transient(f"get {file.key}: too slow") from exc
        if found != file.sha256:
            raise Transient(f"get {file.key}: these are not the bytes of the manifest")

    async def _rescan(self) -> None:
        try:
            self._shelf.learn(await asyncio.to_thread(self._shelf.scan))
        except OSError as exc:
            self._no_disk(exc)

    def _no_disk(self, exc: OSError) -> None:
        """Told once: from now on it is slower, and goes on."""
        if not self._told:
            self._told = True
            _LOG.warning("cache.no_disk", folder=str(self._shelf.folder), error=repr(exc))


def _failed(reading: asyncio.Task[int]) -> bool:
    return reading.cancelled() or reading.exception() is not None


def _remove(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _sha256(opened: int) -> str:
    seen, at = hashlib.sha256(), 0
    while block := os.pread(opened, READ_BYTES, at):
        seen.update(block)
        at += len(block)
    return seen.hexdigest()
