"""Local copies of accepted sources, named by their hash, shared by the steps of a machine and bounded in size."""

import asyncio
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.db import sql
from core.db.postgres import Pool
from core.errors import Transient
from core.storage.s3 import Storage

_SQL = sql.load("gone")
_PARTIAL = ".partial-"
_LEFT_S = 86400


class Sources:
    """A folder of sources. A file under its final name is whole: it was renamed there after its hash was checked."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # uploads are nobody else's business, whoever made the folder
        for left in folder.glob(f"{_PARTIAL}*"):  # by a worker that was killed
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _LEFT_S:
                    left.unlink()

    def path(self, sha256: str) -> Path:
        """Where the local copy of this hash lies, if there is one."""
        return self._folder / sha256

    def scratch(self) -> Path:
        """A path in the same folder that nobody else writes to, for a file that `keep` takes over."""
        return self._folder / f"{_PARTIAL}{uuid.uuid4().hex}"

    async def keep(self, scratch: Path, sha256: str) -> Path:
        """Make a checked file the local copy of this hash, and drop the least recently used ones above the limit.

        A copy that is there already stays: the sandbox of a step that reads it now allows that very file (its inode),
        and a new one under the same name would be refused to it.
        """
        return await asyncio.to_thread(self._keep, scratch, sha256)

    def _keep(self, scratch: Path, sha256: str) -> Path:
        path = self.path(sha256)
        try:
            path.hardlink_to(scratch)
        except FileExistsError:
            if path.stat().st_size != scratch.stat().st_size:  # damaged on our disk
                scratch.replace(path)
            os.utime(path)
        except OSError:  # a file system that cannot link; of two steps at the same moment the later one's file stays
            if not path.exists() or path.stat().st_size != scratch.stat().st_size:
                scratch.replace(path)
            os.utime(path)
        scratch.unlink(missing_ok=True)
        total = 0
        for _, size, old in sorted(self._copies(), reverse=True):
            total += size
            # A source in use stays readable after unlink for whoever has it open.
            if total > self._limit_bytes and old != path:
                old.unlink(missing_ok=True)
        return path

    def _copies(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, path) of every whole copy. Other workers may remove some while we look."""
        for entry in os.scandir(self._folder):
            if not entry.name.startswith(_PARTIAL):
                with suppress(FileNotFoundError):
                    facts = entry.stat()
                    yield facts.st_atime, facts.st_size, Path(entry.path)

    async def forget_deleted(self, pool: Pool) -> None:
        """Remove the copies of sources that only deleted assets had, or that none needs any more."""
        held = await asyncio.to_thread(lambda: [path.name for _, _, path in self._copies()])
        rows = await pool.fetch(_SQL["sources_gone"], held) if held else []
        for row in rows:
            await asyncio.to_thread(self.path(row["sha256"]).unlink, missing_ok=True)

    async def fetch(self, storage: Storage, bucket: str, key: str, sha256: str) -> Path:
        """The local copy, downloaded and checked where it is not here. Raises Transient when the bytes are wrong."""
        path = self.path(sha256)
        with suppress(FileNotFoundError):
            await asyncio.to_thread(os.utime, path)  # a use; and whether it is there
            return path
        scratch = self.scratch()
        try:
            if await storage.download(bucket, key, scratch) != sha256:
                raise Transient(f"{key}: other bytes came back than were stored")
            return await self.keep(scratch, sha256)
        finally:
            await asyncio.to_thread(scratch.unlink, missing_ok=True)
