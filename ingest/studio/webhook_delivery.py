"""The page of one delivery of a webhook: what was sent, every attempt and its answer, and a button to send it again."""

import json
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from core.db.webhook_deliveries import Attempt
from core.http.problems import Problem
from ingest import webhook_endpoints as api
from ingest.bodies.webhooks import Redelivery
from ingest.studio import shell, webhook_words
from ingest.studio.page import language
from studio.texts import Text

routes = web.RouteTableDef()
_PATH = "/studio/webhooks/{endpoint_id}/deliveries/{event_id}"


@routes.get(_PATH)
async def show(request: web.Request) -> web.Response:
    """The page."""
    return await _page(request)


@routes.post(_PATH)
async def again(request: web.Request) -> web.Response:
    """Send the event again, at once."""
    delivery, _, _ = await api.delivery_of(request, await api.endpoint_of(request))
    try:
        await api.redelivered(request, Redelivery(event_id=delivery.event_id))
    except Problem as exc:
        return await _page(request, problem=shell.refused(request, exc), status=exc.status)
    raise web.HTTPSeeOther(f"{request.path}?again=1")


async def _page(request: web.Request, *, problem: str | None = None, status: int = 200) -> web.Response:
    endpoint, text = await api.endpoint_of(request), shell.texts(request)
    delivery, event, attempts = await api.delivery_of(request, endpoint)
    row = webhook_words.row(delivery, datetime.now(UTC), language(request), text)
    return shell.show(
        request,
        "webhook_delivery.html",
        status=status,
        title=row.event,
        endpoint=endpoint,
        row=row,
        headers_sent=api.sent_headers(event, attempts),
        body=json.dumps(event.envelope(), indent=2, ensure_ascii=False),
        attempts=[_shown(one, language(request), text) for one in reversed(attempts)],
        problem=problem,
        again=request.query.get("again"),
    )


def _shown(attempt: Attempt, language: str, text: Text) -> dict[str, Any]:
    """An attempt in words."""
    return {
        "at": webhook_words.moment(attempt.at),
        "words": webhook_words.answered(attempt, language, text),
        "is_taken": attempt.error is None,
        "answer": attempt.answer,
    }
