"""What the OpenAPI documents of API and origin have in common: where they are kept, how they are served, texts."""

from aiohttp import web

# Built when the application is created: it takes 80 ms.
DOCUMENT = web.AppKey("openapi_document", bytes)
_HEADERS = {"Cache-Control": "max-age=300", "Content-Type": "application/json; charset=utf-8"}


def served(request: web.Request) -> web.Response:
    """The response with the document of the application."""
    return web.Response(body=request.app[DOCUMENT], headers=_HEADERS)


def sentences(docstring: str | None) -> tuple[str, str]:
    """(the first sentence, everything after it) of a docstring, each in one line."""
    text = " ".join((docstring or "").split())
    first, _, rest = text.partition(". ")
    return f"{first.removesuffix('.')}.", rest
