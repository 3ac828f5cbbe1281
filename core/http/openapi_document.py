"""What the documents that describe API, origin and events have in common: where they are kept, how they are served."""

from aiohttp import web

# Built when the application is created: it takes 80 ms.
DOCUMENT = web.AppKey("openapi_document", bytes)
EVENTS = web.AppKey("asyncapi_document", bytes)
_HEADERS = {"Cache-Control": "max-age=300", "Content-Type": "application/json; charset=utf-8"}


def served(request: web.Request, document: web.AppKey[bytes] = DOCUMENT) -> web.Response:
    """The response with this document of the application."""
    return web.Response(body=request.app[document], headers=_HEADERS)


def sentences(docstring: str | None) -> tuple[str, str]:
    """(the first sentence, everything after it) of a docstring, each in one line."""
    text = " ".join((docstring or "").split())
    first, _, rest = text.partition(". ")
    return f"{first.removesuffix('.')}.", rest
