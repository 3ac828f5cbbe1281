"""The index of the disk cache: files named by asset and SHA-256, rebuilt after a restart, dropped by least recent use.

In: open, add, rescan. Out: file descriptors. A file's mtime is when it was last used, so that other processes and the
next run know the order, too. Several processes may share the folder: each counts the others' files when it rescans.
A file that is missing is a cache miss; every other OSError is raised to the caller.
"""

import os
import re
import time
from collections import OrderedDict
from collections.abc import Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from core.model import AssetId

TOUCH_S = 60.0  # a file's time of last use is written to the disk at most this often
ABANDONED_S = 3600.0  # a partial file older than this has no process that still writes it
_NAME = re.compile(r"(?:(?P<asset>as_[0-9a-z]+)\.)?[0-9a-f]{64}")


@dataclass(slots=True)
class _IndexEntry:
    size_bytes: int
    used_at: float  # by any process, as far as this one knows
    touched_at: float  # the time of last use that is on the disk
    verified: bool  # hashed by this process; files of an earlier run or a crash are not


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file of the folder as a scan saw it. `used_at` is its mtime in Unix seconds."""

    name: str
    size_bytes: int
    used_at: float


class DiskCacheIndex:
    """At most `limit_bytes` of files in `folder`, the least recently used dropped first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self._limit_bytes = limit_bytes
        self._entries: OrderedDict[str, _IndexEntry] = OrderedDict()
        self._bytes = 0
        self._parts = 0

    def scan(self) -> list[ScannedFile]:
        """The files of the folder, the least recently used first. Blocks; deletes abandoned parts."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    if _NAME.fullmatch(entry.name):
                        files.append(ScannedFile(entry.name, status.st_size, status.st_mtime))
                    elif entry.name.endswith(".part") and time.time() - status.st_mtime > ABANDONED_S:
                        Path(entry.path).unlink()
                except FileNotFoundError:
                    continue
        return sorted(files, key=lambda file: file.used_at)

    def replace(self, files: list[ScannedFile], since: float) -> None:
        """Index exactly these files of a scan that began at `since`, and drop what exceeds the limit.

        Files that were added since then stay indexed, verified files stay verified, and a use that is not on the disk
        yet still counts.
        """
        entries = {file.name: _scanned(file, self._entries.get(file.name)) for file in files}
        for name, old in self._entries.items():
            if name not in entries and old.used_at >= since:
                entries[name] = old
        self._entries = OrderedDict(sorted(entries.items(), key=lambda item: item[1].used_at))
        self._bytes = sum(entry.size_bytes for entry in entries.values())
        self._evict()

    def open(self, name: str, size_bytes: int) -> tuple[int, bool] | None:
        """(descriptor, whether this process has verified its hash), or None where no file of that size is there."""
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._forget(name)
            return None
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            if os.fstat(descriptor).st_size != size_bytes:
                self.drop(name)
                return None
            verified = self._use(name, size_bytes, descriptor)
            undo.pop_all()
            return descriptor, verified

    def _use(self, name: str, size_bytes: int, descriptor: int) -> bool:
        """Note a use of a file; whether it is verified."""
        entry = self._entries.get(name)
        if entry is None:  # added by another process
            entry = self._entries[name] = _IndexEntry(size_bytes, 0.0, 0.0, verified=False)
            self._bytes += size_bytes
            self._evict(keep=name)
        self._entries.move_to_end(name)
        entry.used_at = now = time.time()
        if now - entry.touched_at > TOUCH_S:
            entry.touched_at = now
            with suppress(OSError):  # a disk that has become read-only can still be read
                os.utime(descriptor)
        return entry.verified

    def mark_verified(self, name: str) -> None:
        """Record that the file's bytes match its name, so that they are not hashed again by this process."""
        if (entry := self._entries.get(name)) is not None:
            entry.verified = True

    def part(self) -> Path:
        """A unique path in the folder for a file that is being written."""
        self._parts += 1
        return self.folder / f"{os.getpid()}-{self._parts}.part"

    def add(self, part: Path, name: str, size_bytes: int) -> None:
        """Move a complete, verified file from `part` to its place, and drop others where the limit is exceeded."""
        part.rename(self.folder / name)
        self._forget(name)
        now = time.time()
        self._entries[name] = _IndexEntry(size_bytes, now, now, verified=True)
        self._bytes += size_bytes
        self._evict(keep=name)

    def drop(self, name: str) -> None:
        """Delete a file. Descriptors that are open stay readable."""
        (self.folder / name).unlink(missing_ok=True)
        self._forget(name)

    def assets(self) -> set[AssetId]:
        """The assets of which there are files."""
        found = (_NAME.fullmatch(name) for name in self._entries)
        return {AssetId(parts["asset"]) for parts in found if parts and parts["asset"]}

    def drop_assets(self, assets: Collection[AssetId]) -> None:
        """Delete every file of these assets. Descriptors that are open stay readable."""
        for name in [name for name in self._entries if name.partition(".")[0] in assets]:
            self.drop(name)

    def _forget(self, name: str) -> None:
        if (entry := self._entries.pop(name, None)) is not None:
            self._bytes -= entry.size_bytes

    def _evict(self, keep: str | None = None) -> None:
        while self._bytes > self._limit_bytes and self._entries:
            oldest = next(iter(self._entries))
            if oldest == keep:
                return
            self.drop(oldest)


def _scanned(file: ScannedFile, old: _IndexEntry | None) -> _IndexEntry:
    if old is None:
        return _IndexEntry(file.size_bytes, file.used_at, file.used_at, verified=False)
    verified = old.verified and old.size_bytes == file.size_bytes
    return _IndexEntry(file.size_bytes, max(old.used_at, file.used_at), file.used_at, verified)
