"""Files of revisions, read from storage once for many viewers, and kept on disk within a bound.

In: `File` (key, size, hash). Out: an open descriptor for as long as it is used, its bytes checked against size and
SHA-256. Other bytes than those raise Transient. Where the disk is full or cannot be written, a file is held in memory
while it is being sent, and not kept. Files larger than `largest_bytes` do not belong in this cache.

It has a single flight of its own beside core.caching.refreshing_cache: a fill is not a value to keep but a descriptor
that is shared by those who send from it, and closed with the last of them.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.concurrency import cancel_and_wait, in_background, repeat_every
from core.errors import Transient
from core.model import AssetId
from core.settings import MIB
from core.storage import keys
from core.storage.s3 import Storage
from core.telemetry import metrics
from core.telemetry.logs import Log
from origin.delivery.disk_cache_index import DiskCacheIndex
from packager.revision import File

_LOG = Log("cache")
LARGEST_BYTES = 64 * MIB  # also the most that one file may take of memory where there is no disk
CONCURRENT_FILLS = 32  # each is a connection to storage, which has 64, and perhaps a file in memory
FILL_S = 30.0
SLOWEST_BYTES_PER_S = 512 * 1024
RESCAN_S = 120.0
READ_BYTES = MIB
_HITS, _MISSES, _SHARED = (metrics.CACHE_READS.labels(result) for result in ("hit", "miss", "shared"))


@dataclass(slots=True)
class _Fill:
    """One read of storage, and how many viewers wait for it or send from its descriptor."""

    reading: asyncio.Task[int]
    users: int = 0


class DiskCache:
    """A folder of files with a limit. One instance per process; several processes may share the folder."""

    def __init__(self, storage: Storage, bucket: str, folder: Path, limit_bytes: int) -> None:
        self._storage = storage
        self._bucket = bucket
        self._index = DiskCacheIndex(folder, limit_bytes)
        self.largest_bytes = min(LARGEST_BYTES, limit_bytes // 8)
        self._fills: dict[str, _Fill] = {}
        self._slots = asyncio.Semaphore(CONCURRENT_FILLS)
        self._disk_failure_logged = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Index the folder before the body begins, and every RESCAN_S what other processes have added or deleted."""
        await self._rescan()
        try:
            async with in_background(repeat_every(RESCAN_S, self._rescan, _rescan_failed)):
                yield
        finally:
            await cancel_and_wait([fill.reading for fill in self._fills.values()])

    @asynccontextmanager
    async def opened(self, file: File) -> AsyncIterator[int]:
        """A descriptor of the whole file, to be read by offsets only: others may share it.

        Raises ObjectMissing and Transient.
        """
        name, indexed = _name(file), self._open_indexed(file)
        if indexed is not None and indexed[1]:
            _HITS.inc()
            try:
                yield indexed[0]
            finally:
                os.close(indexed[0])
            return
        fill = self._fills.get(name)
        if fill is None or (fill.reading.done() and _failed(fill.reading)):
            reading = asyncio.create_task(self._verify(file, indexed[0]) if indexed else self._fill(file))
            (_HITS if indexed else _MISSES).inc()
            fill = self._fills[name] = _Fill(reading)
            reading.add_done_callback(lambda _: self._release(name, fill))
        else:
            _SHARED.inc()
            if indexed is not None:
                os.close(indexed[0])
        fill.users += 1
        try:
            # A viewer who leaves must not cancel the read for the others.
            yield await asyncio.shield(fill.reading)
        finally:
            fill.users -= 1
            self._release(name, fill)

    @property
    def assets(self) -> set[AssetId]:
        """The assets of which files are kept."""
        return self._index.assets()

    def forget(self, assets: Collection[AssetId]) -> None:
        """Delete what is kept of these assets. What is being sent is sent to its end."""
        try:
            self._index.drop_assets(assets)
        except OSError as exc:
            self._log_disk_failure(exc)

    def _release(self, name: str, fill: _Fill) -> None:
        """Close the descriptor once the read has ended and nobody uses it; called at the end of either."""
        if fill.users or not fill.reading.done():
            return
        if self._fills.get(name) is fill:
            del self._fills[name]
            if not _failed(fill.reading):
                os.close(fill.reading.result())

    def _open_indexed(self, file: File) -> tuple[int, bool] | None:
        """(descriptor, verified) of a file that is on the disk, or None."""
        try:
            return self._index.open(_name(file), file.size_bytes)
        except OSError as exc:
            self._log_disk_failure(exc)
            return None

    async def _verify(self, file: File, descriptor: int) -> int:
        """Hash a file of an earlier run or another process, and fill it anew if a crash left it damaged."""
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            if await asyncio.to_thread(_sha256, descriptor) == file.sha256:
                self._index.mark_verified(_name(file))
                undo.pop_all()
                return descriptor
        _LOG.warning("cache.damaged", sha256=file.sha256)
        with suppress(OSError):
            self._index.drop(_name(file))
        return await self._fill(file)

    async def _fill(self, file: File) -> int:
        """Read a file from storage onto the disk, or into memory where the disk fails; its descriptor."""
        async with self._slots:
            metrics.BYTES.labels("filled").inc(file.size_bytes)
            part = self._index.part()
            try:
                descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except OSError as exc:
                self._log_disk_failure(exc)
                return await self._fill_memory(file)
            with ExitStack() as undo:
                undo.callback(_remove, part)
                undo.callback(os.close, descriptor)
                try:
                    await self._download(file, part)
                    self._index.add(part, _name(file), file.size_bytes)
                except OSError as exc:
                    self._log_disk_failure(exc)
                    undo.close()  # frees the disk before the file is read again
                    return await self._fill_memory(file)
                undo.pop_all()
            return descriptor

    async def _fill_memory(self, file: File) -> int:
        descriptor = os.memfd_create("kadr-file", os.MFD_CLOEXEC)
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            await self._download(file, Path(f"/proc/self/fd/{descriptor}"))
            undo.pop_all()
        return descriptor

    async def _download(self, file: File, path: Path) -> None:
        try:
            async with asyncio.timeout(FILL_S + file.size_bytes / SLOWEST_BYTES_PER_S):
                sha256 = await self._storage.download(self._bucket, file.key, path)
        except TimeoutError as exc:
            raise Transient(f"get {file.key}: too slow") from exc
        if sha256 != file.sha256:
            raise Transient(f"get {file.key}: the bytes do not match the hash in the manifest")
        _LOG.info("cache.filled", asset=keys.asset_of(file.key), sha256=file.sha256, bytes=file.size_bytes)

    async def _rescan(self) -> None:
        try:
            began = time.time()
            self._index.replace(await asyncio.to_thread(self._index.scan), began)
        except OSError as exc:
            self._log_disk_failure(exc)

    def _log_disk_failure(self, exc: OSError) -> None:
        """Logged once: without a disk the origin is slower, and goes on."""
        if not self._disk_failure_logged:
            self._disk_failure_logged = True
            _LOG.warning("cache.disk_failed", folder=str(self._index.folder), error=repr(exc))


def _name(file: File) -> str:
    """The name of a file in the folder: with its asset, so that it can be deleted with it."""
    asset = keys.asset_of(file.key)
    return f"{asset}.{file.sha256}" if asset else file.sha256


def _rescan_failed(exc: Exception) -> None:
    _LOG.error("cache.rescan_failed", exc)


def _failed(reading: asyncio.Task[int]) -> bool:
    return reading.cancelled() or reading.exception() is not None


def _remove(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _sha256(descriptor: int) -> str:
    digest, at = hashlib.sha256(), 0
    while block := os.pread(descriptor, READ_BYTES, at):
        digest.update(block)
        at += len(block)
    return digest.hexdigest()
