"""Lines of the logs of CDNs, each a request that was answered. Pure.

In: lines in the order of their file. Out: day, bytes, whether it was an error, and the asset where the URL names one.
Every request counts, of bots and with HEAD, too: CDNs bill what they have sent. Raises MalformedLine with a reason.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol
from urllib.parse import unquote

# Wherever it is in the path: some CDNs have their token before it.
_ASSET = re.compile(r"/v/(as_[0-9a-z]{1,64})/[0-9a-f]+/")
MOST_BYTES = 10**12  # of one request: no CDN sends a file as large
_FIRST, _LAST = date(2010, 1, 1), date(2100, 1, 1)


class MalformedLine(ValueError):
    """A line that cannot be counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request. `asset_id` is "" where the URL names none."""

    day: date
    bytes: int
    is_error: bool
    asset_id: str


class LogFormat(Protocol):
    """Reads the lines of one file. `comment` is told of lines that begin with #, those that are not counted, too.

    `GROWS`: a log is one file for a long time, and each of its lines names its request: no two are alike.
    """

    GROWS: bool

    def comment(self, line: str) -> None: ...
    def delivery(self, line: str) -> Delivery: ...


class CloudFront:
    """Standard logs of CloudFront: fields between tabs, in the order that the line `#Fields:` names.

    That line may name any fields in any order, as version 2 of these logs lets one choose. Needed are cs-uri-stem,
    sc-bytes, sc-status, and date, timestamp or timestamp(ms).
    """

    GROWS = False
    NEEDED = ("cs-uri-stem", "sc-bytes", "sc-status")
    DAYS: Mapping[str, Callable[[str], date]] = {
        "date": date.fromisoformat,
        "timestamp": lambda text: _day(int(text)),
        "timestamp(ms)": lambda text: _day(int(text) / 1000),
    }

    def __init__(self) -> None:
        self._fields: dict[str, int] = {}

    def comment(self, line: str) -> None:
        if not line.startswith("#Fields:"):
            return
        names = line.removeprefix("#Fields:").split()
        self._fields = {name: number for number, name in enumerate(names)}

    def delivery(self, line: str) -> Delivery:
        if not self._fields:
            raise MalformedLine("no line #Fields: before it says which field is which")
        day_field = next((name for name in self.DAYS if name in self._fields), None)
        missing = [name for name in self.NEEDED if name not in self._fields]
        if missing or day_field is None:
            raise MalformedLine(f"#Fields: names no {(missing or ['date'])[0]}")
        values = line.split("\t")
        if len(values) != len(self._fields):
            raise MalformedLine(f"it has {len(values)} fields, #Fields: names {len(self._fields)}")

        def of(name: str) -> str:
            return values[self._fields[name]]

        return _delivery(
            lambda: self.DAYS[day_field](of(day_field)), of("sc-bytes"), of("sc-status"), unquote(of("cs-uri-stem"))
        )


class Bunny:
    """Logs of bunny.net: twelve fields between bars.

    Cache status, status, milliseconds, bytes, pull zone, address, referrer, URL, edge, user agent, request id, country.
    The first four cannot contain a bar. Where a later one does, the request counts, and its asset is not known.
    """

    GROWS = True
    FIELDS = 12
    URL = 7

    def comment(self, line: str) -> None:
        """It has none."""

    def delivery(self, line: str) -> Delivery:
        values = line.split("|")
        if len(values) < self.FIELDS:
            raise MalformedLine(f"it has {len(values)} fields, not {self.FIELDS}")
        url = values[self.URL] if len(values) == self.FIELDS else ""
        return _delivery(lambda: _day(int(values[2]) / 1000), values[3], values[1], unquote(url.partition("?")[0]))


FORMATS: Mapping[str, Callable[[], LogFormat]] = {"cloudfront": CloudFront, "bunny": Bunny}


def _day(unix_s: float) -> date:
    return datetime.fromtimestamp(unix_s, UTC).date()


def _delivery(day_of: Callable[[], date], size: str, status: str, path: str) -> Delivery:
    """Raises MalformedLine for what is no day, no size or no status."""
    try:
        day = day_of()
    except (ValueError, OverflowError, OSError) as exc:
        raise MalformedLine("its time cannot be read") from exc
    if not _FIRST < day < _LAST:
        raise MalformedLine(f"its time is in {day.year}")
    if not (size.isascii() and size.isdigit() and len(size) <= 20 and int(size) <= MOST_BYTES):
        raise MalformedLine(f"{size[:20]!r} is no number of bytes")
    if not (status.isascii() and status.isdigit() and len(status) <= 3):
        raise MalformedLine(f"{status[:20]!r} is no status")
    asset = _ASSET.search(path)
    return Delivery(day=day, bytes=int(size), is_error=int(status) >= 400, asset_id=asset[1] if asset else "")
