"""Sizes, bit rates and other numbers as people of a language write and read them, with units from its texts. Pure."""

import re

from studio.texts import Text

_COMMA = frozenset(("ru",))
_BY_COMMAS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_BY_SPACES = re.compile(r"(?<=\d)[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}](?=\d{3}(?!\d))")


def number(value: float, language: str, digits: int = 1) -> str:
    """At most so many digits after the separator of the language, without zeros at the end."""
    written = f"{value:.{digits}f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return written.replace(".", ",") if language in _COMMA else written


def grouped(value: float, language: str, digits: int) -> str:
    """1234.5 -> "1,234.50" with two digits: thousands apart, as the language does it, and that many digits."""
    written = f"{value:,.{digits}f}"
    return written.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",") if language in _COMMA else written


def parsed(text: str, language: str) -> float:
    """The number that somebody has written: "2,000,000" and "2 000 000" are two million.

    A comma before three digits parts thousands, but where the language has a comma before decimals. Raises ValueError.
    """
    written = _BY_SPACES.sub("", text.strip())
    if language not in _COMMA and _BY_COMMAS.fullmatch(written):
        return float(written.replace(",", ""))
    return float(written.replace(",", "."))


def size(size_bytes: int, language: str, text: Text) -> str:
    """1_753_098 -> "1.8 MB"; units of a thousand, as phones count."""
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= least:
            return text(f"unit.{unit}", n=number(size_bytes / least, language))
    return text("unit.B", n=str(size_bytes))


def bit_rate(bps: int, language: str, text: Text) -> str:
    """870_698 -> "871 kb/s", 2_800_000 -> "2.8 Mb/s"."""
    if bps >= 10**6:
        return text("unit.mbps", n=number(bps / 10**6, language))
    return text("unit.kbps", n=number(bps / 1000, language, 0))


def time_taken(seconds: float, language: str, text: Text) -> str:
    """3.79 -> "3.8 s", 200 -> "3.3 min"."""
    if seconds >= 120:
        return text("unit.min", n=number(seconds / 60, language))
    return text("unit.s", n=number(seconds, language, 1 if seconds < 10 else 0))


def brief_time(milliseconds: int, language: str, text: Text) -> str:
    """34 -> "34 ms", 1204 -> "1.2 s"."""
    if milliseconds < 1000:
        return text("unit.ms", n=str(milliseconds))
    return time_taken(milliseconds / 1000, language, text)
