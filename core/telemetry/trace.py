"""The trace id: one id in the log lines of everything that an upload leads to, from its request to its segments.

In: the `traceparent` header (W3C Trace Context), or nothing: then a new id. Out: 32 lower-case hexadecimal digits.
A header of another form is ignored, as the specification says; it could forge a log line.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "traceparent"
# Version ff is none; only versions after 00 may go on after the flags; ids of zeros are none.
_PARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<rest>-.*)?"
)
_TRACE: ContextVar[str | None] = ContextVar("trace", default=None)


def new() -> str:
    """A trace id that nobody else has."""
    return secrets.token_hex(16)


def of_header(traceparent: str) -> str | None:
    """The trace id in a `traceparent` header; None where it is not valid."""
    found = _PARENT.fullmatch(traceparent)
    if found is None or (found["version"] == "00" and found["rest"]):
        return None
    return found["trace"]


def current() -> str | None:
    """The trace of what this task does."""
    return _TRACE.get()


def follow(trace: str | None) -> None:
    """What this task does from here on belongs to this trace. None: the trace stays what it is."""
    if trace is not None:
        _TRACE.set(trace)


@contextmanager
def following(trace: str | None) -> Iterator[None]:
    """The body, and the tasks that it starts, belong to this trace; None: to no trace."""
    token = _TRACE.set(trace)
    try:
        yield
    finally:
        _TRACE.reset(token)
