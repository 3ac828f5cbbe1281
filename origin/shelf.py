"""The folder of the disk cache: files named by their SHA-256, found again after a restart, the oldest thrown away.

In: open, add, rescan. Out: file descriptors. A file's mtime is when it was last used, so that other processes and the
next run know the order, too. Several processes may share the folder: each counts the others' files when it rescans.
Every OSError is the caller's to judge, but for a file that is gone: that is a miss.
"""

import os
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

TOUCH_S = 60.0  # a use is written to the disk at most so often
ABANDONED_S = 3600.0  # a part this old has no process that fills it
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class _Book:
    size_bytes: int
    touched_at: float
    checked: bool  # hashed by this process; what an earlier run or a crash left is not


@dataclass(frozen=True, slots=True)
class Found:
    """One file as a scan saw it."""

    name: str
    size_bytes: int
    used_at: float


class Shelf:
    """At most `limit_bytes` of files, the least recently used thrown away first."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self._limit_bytes = limit_bytes
        self._books: OrderedDict[str, _Book] = OrderedDict()
        self._bytes = 0
        self._parts = 0

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def scan(self) -> list[Found]:
        """What lies there, the least recently used first. Makes the folder; removes parts nobody fills. Slow."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    facts = entry.stat(follow_symlinks=False)
                    if _NAME.fullmatch(entry.name):
                        found.append(Found(entry.name, facts.st_size, facts.st_mtime))
                    elif entry.name.endswith(".part") and time.time() - facts.st_mtime > ABANDONED_S:
                        Path(entry.path).unlink()
                except FileNotFoundError:
                    continue
        return sorted(found, key=lambda one: one.used_at)

    def learn(self, found: list[Found]) -> None:
        """Count exactly these, and throw away what is too much. What was checked stays checked."""
        before, self._books, self._bytes = self._books, OrderedDict(), 0
        for one in found:
            old = before.get(one.name)
            checked = old is not None and old.checked and old.size_bytes == one.size_bytes
            self._books[one.name] = _Book(one.size_bytes, one.used_at, checked)
            self._bytes += one.size_bytes
        for name, old in before.items():
            # Added or used since the scan began: as new as anything.
            if old.touched_at >= (found[-1].used_at if found else 0.0):
                if name not in self._books:
                    self._books[name] = old
                    self._bytes += old.size_bytes
                self._books.move_to_end(name)
        self._throw_away()

    def open(self, name: str, size_bytes: int) -> tuple[int, bool] | None:
        """(descriptor, whether this process has checked its hash), or None where it is not there in that size."""
        try:
            opened = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._forget(name)
            return None
        if os.fstat(opened).st_size != size_bytes:
            os.close(opened)
            self.drop(name)
            return None
        book = self._books.get(name)
        if book is None:  # another process has put it there
            book = self._books[name] = _Book(size_bytes, 0.0, False)
            self._bytes += size_bytes
            self._throw_away(but=name)
        self._books.move_to_end(name)
        now = time.time()
        if now - book.touched_at > TOUCH_S:
            book.touched_at = now
            os.utime(opened)
        return opened, book.checked

    def checked(self, name: str) -> None:
        """Its bytes are what its name says."""
        if (book := self._books.get(name)) is not None:
            book.checked = True

    def part(self) -> Path:
        """A name of its own for a file to be filled."""
        self._parts += 1
        return self.folder / f"{os.getpid()}-{self._parts}.part"

    def add(self, part: Path, name: str, size_bytes: int) -> None:
        """A whole, checked file takes its place; the oldest make room."""
        part.rename(self.folder / name)
        self._forget(name)
        self._books[name] = _Book(size_bytes, time.time(), True)
        self._bytes += size_bytes
        self._throw_away(but=name)

    def drop(self, name: str) -> None:
        """Remove it; who reads it reads on."""
        (self.folder / name).unlink(missing_ok=True)
        self._forget(name)

    def _forget(self, name: str) -> None:
        if (book := self._books.pop(name, None)) is not None:
            self._bytes -= book.size_bytes

    def _throw_away(self, but: str | None = None) -> None:
        while self._bytes > self._limit_bytes and self._books:
            oldest = next(iter(self._books))
            if oldest == but:
                return
            self.drop(oldest)
