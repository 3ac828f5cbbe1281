"""Forms of dates and durations, and texts as they are compared. Pure."""

import re
from datetime import UTC, datetime

_ISO = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)
_DURATION = re.compile(r"P(?=\d|T\d)(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
ELLIPSES = ("…", "...")


def w3c(text: str) -> datetime | None:
    """A date of W3C's profile of ISO 8601, in which every time has an offset; None for what is none."""
    return iso(text) if has_offset(text) or "T" not in text else None


def iso(text: str) -> datetime | None:
    """A date of ISO 8601, at its beginning, in UTC where it says nothing else; None for what is none."""
    if _ISO.fullmatch(text) is None:
        return None
    try:
        read = datetime.fromisoformat(text + "-01-01"[3 * (len(text) == 7) :] if len(text) < 10 else text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def has_offset(text: str) -> bool:
    """Whether a time says where it is."""
    return "T" in text and (text.endswith("Z") or re.search(r"[+-]\d\d:\d\d$", text) is not None)


def duration_s(text: str) -> float | None:
    """Seconds of an ISO 8601 duration in days, hours, minutes and seconds; None for what is none."""
    parts = _DURATION.fullmatch(text)
    if parts is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds


def line(text: str) -> str:
    """In one line, with single spaces."""
    return " ".join(text.split())


def same_text(one: str, other: str) -> bool:
    """Whether they say the same: one of them may be cut, which shows at its end."""
    shorter, longer = sorted((line(one), line(other)), key=len)
    for ellipsis in ELLIPSES:
        if shorter.endswith(ellipsis) and not longer.endswith(ellipsis):
            return longer.startswith(shorter.removesuffix(ellipsis).rstrip())
    return shorter == longer or _both_cut(shorter, longer)


def _both_cut(shorter: str, longer: str) -> bool:
    is_cut = shorter.endswith(ELLIPSES) and longer.endswith(ELLIPSES)
    return is_cut and longer.startswith(shorter.rstrip("….").rstrip())
