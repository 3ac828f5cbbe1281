"""Files of a CDN's log, plain or gzipped, read line by line: memory does not grow with the file.

In: a path. Out: what the file is (`described`), which part of it is new (`uncounted`), and what that part has in it
(`tallied`). A last line without its end is not read: its file is still being written, or was cut off.
"""

import gzip
import hashlib
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any

from core.db.usage import Counted, LogFile, Tally
from core.errors import KadrError
from kadr.delivery_logs.formats import LogFormat, MalformedLine

MAX_LINE_BYTES = 256 * 1024
MOST_TALLIES = 20_000  # in memory at once
MOST_NAMED = 10
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as bytes without its end; `number` from 1, `begin` and `end` in the unpacked file, its end included."""

    number: int
    begin: int
    end: int
    text: bytes
    is_whole: bool = True

    @property
    def is_comment(self) -> bool:
        return self.text.startswith(b"#")


@dataclass(slots=True)
class Result:
    """What was read: requests that were counted, lines that could not be, and the first of them by number."""

    requests: int = 0
    bytes: int = 0
    malformed: int = 0
    named: list[tuple[int, str]] = field(default_factory=list)

    def name(self, number: int, reason: str) -> None:
        self.malformed += 1
        if len(self.named) < MOST_NAMED:
            self.named.append((number, reason))


def lines(path: Path) -> Iterator[Line]:
    """All lines of a file. Raises KadrError for one that cannot be read to its end."""
    number = at = 0
    try:
        with _opened(path) as stream:
            while block := stream.readline(MAX_LINE_BYTES):
                number, begin = number + 1, at
                at += len(block)
                ends = text = block
                while not ends.endswith(b"\n") and (ends := stream.readline(MAX_LINE_BYTES)):  # longer than any request
                    at += len(ends)
                is_whole = ends.endswith(b"\n")
                yield Line(number=number, begin=begin, end=at, text=text.rstrip(b"\r\n"), is_whole=is_whole)
    except (OSError, EOFError, zlib.error) as exc:
        raise KadrError(f"{path}: cannot be read to its end ({exc}); nothing of it was counted") from exc


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def described(path: Path) -> LogFile:
    """What tells this file from others. Raises KadrError for one without a line that could be a request's.

    It is read again to be counted, so it has to be a file.
    """
    if path.exists() and not path.is_file():
        raise KadrError(f"{path}: is no file; what comes from a pipe has to be written into one first")
    whole, size = hashlib.sha256(), 0
    head = tail = b""
    for line in lines(path):
        if not line.is_whole:
            break
        whole.update(line.text + b"\n")
        size = line.end
        if line.text and not line.is_comment:
            head, tail = head or line.text, line.text
    if not head:
        raise KadrError(f"{path}: there is no whole line of a request in it")
    return LogFile(
        digest=whole.digest(),
        size_bytes=size,
        head=hashlib.sha256(head).digest(),
        tail=hashlib.sha256(tail).digest(),
    )


def uncounted(path: Path, log: LogFile, counted: Sequence[Counted], *, grows: bool = False) -> tuple[int, int]:
    """From where to where the file is new, in bytes: it may begin or end with logs that were counted.

    A log in ascending order grows at its end, one in descending order at its beginning. With `grows`, of which no two
    lines are alike, raises KadrError for a file that has a request of another one and is not what became of it: its
    older copy, or one in which lines were added between others. Their requests would count twice.
    """
    begins: defaultdict[int, set[bytes]] = defaultdict(set)  # digests by where they end
    ends: defaultdict[int, set[bytes]] = defaultdict(set)  # and by where they would begin
    for one in counted:
        if one.same_head:
            begins[one.size_bytes].add(one.digest)
        if one.same_tail:
            ends[log.size_bytes - one.size_bytes].add(one.digest)
    found: set[bytes] = set()
    so_far = hashlib.sha256()
    since: dict[int, Any] = {}
    new_begin, new_end = 0, log.size_bytes
    for line in lines(path):
        if line.end > log.size_bytes:
            break
        if line.begin in ends:
            since[line.begin] = hashlib.sha256()
        for digest in (so_far, *since.values()):
            digest.update(line.text + b"\n")
        if line.end in begins and so_far.digest() in begins[line.end]:
            new_begin = line.end
            found.add(so_far.digest())
    for begin, digest in since.items():
        if digest.digest() in ends[begin]:
            new_end = min(new_end, max(begin, new_begin))
            found.add(digest.digest())
    if grows and any(one.digest not in found for one in counted):
        raise KadrError(
            f"{path}: has a request that was counted from another copy of this log, which is longer or has other lines"
            " before or after it; nothing of this one was counted"
        )
    return new_begin, new_end


def head_at(path: Path, begin: int) -> bytes | None:
    """The digest of the first request that is not before `begin`; None without one."""
    for line in lines(path):
        if line.begin >= begin and line.is_whole and line.text and not line.is_comment:
            return hashlib.sha256(line.text).digest()
    return None


def continued(path: Path, begin: int, counted: Sequence[Counted]) -> int:
    """Where the longest of these logs ends that stands whole in the file from `begin` on; `begin` where none does."""
    ends: defaultdict[int, set[bytes]] = defaultdict(set)
    for one in counted:
        ends[begin + one.size_bytes].add(one.digest)
    found, so_far = begin, hashlib.sha256()
    for line in lines(path):
        if line.end > max(ends, default=0):
            break
        if line.begin >= begin:
            so_far.update(line.text + b"\n")
            if line.end in ends and so_far.digest() in ends[line.end]:
                found = line.end
    return found


def tallied(
    path: Path, log_format: LogFormat, span: tuple[int, int], result: Result
) -> Iterator[dict[tuple[date, str], Tally]]:
    """The requests of a part of the file by day and asset, at most MOST_TALLIES at a time; adds to `result`."""
    tallies: dict[tuple[date, str], Tally] = {}
    for line in lines(path):
        text = line.text.decode("utf-8", "replace")
        if line.is_comment:
            log_format.comment(text)
            continue
        if not text or line.begin < span[0] or (line.begin >= span[1] and line.is_whole):
            continue
        if not line.is_whole:
            result.name(line.number, "it has no end: import the file again once it is complete")
            continue
        try:
            delivery = log_format.delivery(text)
        except MalformedLine as exc:
            result.name(line.number, str(exc))
            continue
        tally = tallies.setdefault((delivery.day, delivery.asset_id), Tally())
        tally.requests += 1
        tally.errors += delivery.is_error
        tally.bytes += delivery.bytes
        result.requests += 1
        result.bytes += delivery.bytes
        if len(tallies) >= MOST_TALLIES:
            yield tallies
            tallies = {}
    yield tallies
