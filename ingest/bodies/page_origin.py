"""Origins of pages in requests, such as https://shop.example.org. Pure.

In: an origin as people write it. Out: as browsers send it. Refused: paths, patterns, and http, but on a developer's own
machine.
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from core.http.web_origin import is_loopback, origin_of
from ingest.bodies.domain import domain_name

MAX_ORIGINS = 20
_MAX_CHARS = 300
_EXAMPLES = ["https://shop.example.org", "http://localhost:3000"]
_PATTERN = r"^(https://[^\s/?#@*]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)/?$"


def page_origin(value: str) -> str:
    """The origin as browsers write it. Raises PydanticCustomError for anything else."""
    try:
        parts = urlsplit(value)
        host, port = domain_name(parts.hostname or ""), parts.port
    except ValueError as exc:  # which a PydanticCustomError is, too
        raise _refused() from exc
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not secure or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or "*" in host:
        raise _refused()
    name = f"[{host}]" if ":" in host else host
    return origin_of(f"{parts.scheme}://{name}" + ("" if port is None else f":{port}"))


def _refused() -> PydanticCustomError:
    return PydanticCustomError(
        "form",
        "must be an https origin without path, for example {example}, or http on localhost",
        {"example": _EXAMPLES[0]},
    )


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


PageOrigin = Annotated[
    str,
    StringConstraints(max_length=_MAX_CHARS),
    AfterValidator(page_origin),
    WithJsonSchema({"type": "string", "maxLength": _MAX_CHARS, "pattern": _PATTERN, "examples": _EXAMPLES}),
]
PageOrigins = Annotated[list[PageOrigin], Field(max_length=MAX_ORIGINS, examples=[_EXAMPLES]), AfterValidator(_unique)]
ORIGINS_TEXT = (
    f"Origins of the pages that may use it, at most {MAX_ORIGINS}: https, or http on localhost. Empty: no page; apps, "
    "which send no Origin, may"
)
