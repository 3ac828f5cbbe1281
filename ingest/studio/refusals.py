"""What is refused below /studio/, as a page for whoever looks at it: a sentence in their language, and a way on.

In: answers of problems.middleware. Out: those that a browser would show as JSON, as pages of the same status. Scripts,
which do not ask for HTML, get the JSON.
"""

import json

from aiohttp import web

from core.http.problems import Handler
from ingest.studio import page
from studio.texts import catalogue

_JSON = "application/problem+json"
_KEPT = ("Allow", "Retry-After")


@web.middleware
async def as_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer browsers that go to an address of the studio with pages only."""
    answer = await handler(request)
    if not isinstance(answer, web.Response) or answer.content_type != _JSON or not _is_looked_at(request):
        return answer
    problem = json.loads(answer.text or "{}")
    known = catalogue(page.language(request))
    return page.page(
        request,
        "message.html",
        status=answer.status,
        headers={name: answer.headers[name] for name in _KEPT if name in answer.headers},
        title=known["studio.not_found" if answer.status == 404 else "studio.refused"],
        words=known.get(f"code.{problem['code']}", problem["detail"]),
        preparing=False,
        way_on=("/studio/library", known["studio.to_library"]),
    )


def _is_looked_at(request: web.Request) -> bool:
    return request.path.startswith("/studio/") and "text/html" in request.headers.get("Accept", "")
