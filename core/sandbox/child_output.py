"""Output of a running program: read to its end as it comes, kept within bounds, split into lines.

A flood on either stream never blocks the program and never grows the memory of the worker.
"""

import asyncio
import os
import re
from collections.abc import Callable, Iterable

STDERR_TAIL_BYTES = 16 * 1024
STDERR_LINE_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
_ENDLESS_NUMBER = re.compile(rb'"\s*[-+0-9._/]{1,64}[eE]\+?[0-9_]{4,}\s*"')


class TooMuch(Exception):
    """The program wrote more to stdout than is allowed."""


def has_endless_number(stdout: bytes | bytearray) -> bool:
    """Whether a JSON text has a string such as "1e1000000000": as a Fraction it takes hours, and all memory.

    A program that an upload has taken over could write one; nothing that Kadr starts writes an exponent of four digits.
    """
    return _ENDLESS_NUMBER.search(stdout) is not None


class Lines:
    """Splits a stream at \\n and \\r: asyncio's StreamReader raises on long lines and does not split at \\r."""

    def __init__(self, longest: int, whole: bool) -> None:
        self._longest = longest
        self._whole = whole  # a line over the bound: raise TooMuch, or pass it in pieces
        self._open: list[bytes] = []
        self._open_bytes = 0

    def feed(self, chunk: bytes) -> Iterable[str]:
        *ended, rest = chunk.replace(b"\r", b"\n").split(b"\n")
        for piece in ended:
            self._open.append(piece)
            yield from self.finish()
        if rest:
            self._open.append(rest)
            self._open_bytes += len(rest)
            if self._open_bytes > self._longest:
                if self._whole:
                    raise TooMuch(f"wrote a line of more than {self._longest} bytes to stdout")
                yield from self.finish()

    def finish(self) -> Iterable[str]:
        line = b"".join(self._open)
        self._open.clear()
        self._open_bytes = 0
        if line:
            yield line.decode(errors="replace")


class Stdout:
    """Collects stdout up to a bound, or passes its lines to a callback."""

    def __init__(self, limit: int, on_line: Callable[[str], None] | None) -> None:
        self.kept = bytearray()
        self._limit = limit
        self._on_line = on_line
        self._lines = Lines(limit, whole=True)

    def take(self, chunk: bytes) -> None:
        if self._on_line:
            for line in self._lines.feed(chunk):
                self._on_line(line)
        elif len(self.kept) + len(chunk) > self._limit:
            raise TooMuch(f"wrote more than {self._limit} bytes to stdout")
        else:
            self.kept += chunk

    def finish(self) -> None:
        for line in self._lines.finish():
            if self._on_line:
                self._on_line(line)


class Stderr:
    """Keeps the last part of stderr and passes its lines to a callback."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._kept = bytearray()
        self._on_line = on_line
        self._lines = Lines(STDERR_LINE_BYTES, whole=False)

    def take(self, chunk: bytes) -> None:
        self._kept += chunk
        if len(self._kept) > 4 * STDERR_TAIL_BYTES:
            del self._kept[:-STDERR_TAIL_BYTES]
        if self._on_line:
            for line in self._lines.feed(chunk):
                self._on_line(line)

    def finish(self) -> None:
        for line in self._lines.finish():
            if self._on_line:
                self._on_line(line)

    def tail(self) -> str:
        return self._kept[-STDERR_TAIL_BYTES:].decode(errors="replace")


class Pipe:
    """Reads one pipe to its end as soon as anything is in it, so that a flood never blocks the program."""

    def __init__(self, fd: int, take: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._take = take
        self.closed: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._ready)

    def _ready(self) -> None:
        try:
            chunk = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        if chunk:
            self._take(chunk)
        else:
            self.close()

    def close(self) -> None:
        if not self.closed.done():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.closed.set_result(None)
