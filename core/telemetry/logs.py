"""JSON logs: one line per event, with a name and fields. Callers log ids, never URLs, tokens or other secrets.

What libraries log, and what stands in exceptions, is not ours to choose: secrets are cut out of every line.
"""

import json
import logging
import re
import sys
import time
from contextvars import ContextVar
from typing import Any

from core.telemetry import trace

_FIELDS = "kadr_fields"
_CUT = "[secret]"
# What a secret looks like, wherever it stands. Keys of three letters or none (a password) are found by what is before.
_SECRETS = re.compile(
    r"(?P<header>(?:authorization|x-kadr-origin-lock|cookie)\W{1,6}(?:(?:bearer|basic)\s+)?)[^\s'\"\\,]+"
    r"|(?P<scheme>\bbearer\s+)[^\s'\"\\,]+"
    r"|(?P<parameter>\b[\w-]*(?:token|signature|credential|secret|password|hdnts|verify|policy)=)[^\s&'\"\\,/]+"
    r"|(?P<user>\w://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)"
    r"|(?P<query>\bhttps?://[^\s?'\"]+\?)[^\s'\"]+"
    r"|\b[0-9A-Za-z]+\.[\w-]+={0,2}\.[0-9a-f]{64}\b"  # signed tokens, of sessions and of delivery
    r"|\b[0-9A-Za-z]+\.[0-9]{9,}\.[\w-]{22}\b"  # of the edge
    r"|\b(?:ss|sl|ut)_[\w-]{43}(?![\w-])"  # of the studio, its sign-in links and uploads
    r"|\bwhsec_[0-9A-Za-z+/]{32,}={0,2}"  # that sign webhooks
    r"|\b[\w-]{4,}\.(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{20,}",  # API keys
    re.IGNORECASE,
)
# The id of the HTTP request being answered (core.http.request_id); every line written meanwhile carries it.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)


def without_secrets(text: str) -> str:
    """The text with every secret in it cut out; what says which kind it was stays. Pure."""
    return _SECRETS.sub(lambda found: "".join(filter(None, found.groups())) + _CUT, text)


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time, level, logger, event, the fields of the event, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **({"request_id": request_id} if (request_id := REQUEST_ID.get()) else {}),
            **({"trace": followed} if (followed := trace.current()) else {}),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_secrets(json.dumps(line, default=str, ensure_ascii=False))


def configure(level: str) -> None:
    """Send every log record of this program to stderr as one JSON line."""
    sink = logging.StreamHandler(sys.stderr)
    sink.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[sink], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    for chatty in ("botocore", "aiobotocore", "aioboto3", "arq"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class Log:
    """A logger with structured fields: `Log("worker").info("step.claimed", step=..., asset=...)`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"kadr.{name}")

    def _emit(self, level: int, event: str, fields: dict[str, Any], exc: BaseException | None = None) -> None:
        self._logger.log(level, event, extra={_FIELDS: fields}, exc_info=exc)

    def info(self, event: str, **fields: Any) -> None:
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, exc: BaseException | None = None, **fields: Any) -> None:
        self._emit(logging.ERROR, event, fields, exc)
