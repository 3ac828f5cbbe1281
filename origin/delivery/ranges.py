"""What the headers of a request ask of one file: which bytes, in which coding, unless it is unchanged. Pure.

In: header values. Out: plain values. Ranges that are not served, such as several at once, are ignored (RFC 9110, 14.2).
"""

import re

# More digits than any file has bytes: int() refuses thousands of them.
_RANGE = re.compile(r"bytes=(?:([0-9]{1,20})-([0-9]{0,20})|-([0-9]{1,20}))")
_REFUSED_WEIGHT = re.compile(r"q=0(\.0*)?")


class Unsatisfiable:
    """No byte of the file is in the requested range."""


def span(requested: str, size: int, if_range: str | None, etag: str) -> tuple[int, int] | Unsatisfiable | None:
    """(first, last) requested byte. None for the whole file: no range, one not served, or one of another version."""
    match = _RANGE.fullmatch(requested)
    if match is None or (if_range is not None and if_range != etag):
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return (max(0, size - int(suffix)), size - 1) if int(suffix) else Unsatisfiable()
    if last and int(last) < int(first):
        return None  # not a range at all (RFC 9110, 14.1.1)
    return (int(first), min(int(last), size - 1) if last else size - 1) if int(first) < size else Unsatisfiable()


def known(if_none_match: str, etag: str) -> bool:
    """Whether the client has this version, by weak comparison of ETags (RFC 9110, 13.1.2)."""
    if not if_none_match:
        return False
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return if_none_match.strip() == "*" or etag in tags


def takes_gzip(accept_encoding: str) -> bool:
    """Whether Accept-Encoding names gzip with a weight above 0."""
    for item in accept_encoding.split(","):
        coding, _, weight = item.replace(" ", "").lower().partition(";")
        if coding == "gzip":
            return _REFUSED_WEIGHT.fullmatch(weight) is None
    return False
