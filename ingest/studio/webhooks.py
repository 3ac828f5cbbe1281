"""The list of webhook endpoints in the studio, and the form that adds one."""

from datetime import UTC, datetime

from aiohttp import web
from pydantic import ValidationError

from core.db import webhook_endpoints
from core.http.problems import Problem
from ingest import webhook_endpoints as api
from ingest.bodies.webhooks import NewWebhookEndpoint
from ingest.context import CONTEXT, owner_of
from ingest.studio import shell, webhook_form, webhook_words
from ingest.studio.webhook import LIST, NOTHING, Refused, form_of, refusal, show_page

routes = web.RouteTableDef()


@routes.get(LIST)
async def show(request: web.Request) -> web.Response:
    """All endpoints, and a form for another one."""
    return await _page(request)


@routes.post(LIST)
async def create(request: web.Request) -> web.Response:
    """Create an endpoint and show its page, with the secret."""
    try:
        fields = webhook_form.settings(await form_of(request))
        endpoint, secret = await api.created(request, NewWebhookEndpoint.model_validate(fields))
    except (ValidationError, Problem) as exc:
        return await _page(request, await refusal(request, "settings", exc))
    return await show_page(request, endpoint, secret=secret)


async def _page(request: web.Request, refused: Refused = NOTHING) -> web.Response:
    context, text = request.app[CONTEXT], shell.texts(request)
    now, found = datetime.now(UTC), await webhook_endpoints.of_owner(context.pool, owner_of(request))
    fields = {"url": "", "types": ["*"], "description": "", **refused.written}
    return shell.show(
        request,
        "webhooks.html",
        status=refused.status,
        title=text("webhooks.title"),
        endpoints=[webhook_words.endpoint(one, now, text) for one in found],
        is_available=bool(webhook_endpoints.sealing_keys(context.settings)),
        deleted=request.query.get("deleted"),
        fields=fields,
        groups=webhook_form.groups(fields["types"], text),
        wrong=refused.wrong,
    )
