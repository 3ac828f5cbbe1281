"""The page of a webhook endpoint: its settings, its secret, a test, and the log of what was sent.

Each form is answered by the API's own handler, or by what that calls, and leads back to the page. A secret stands in
the answer to the form that has made it, and nowhere else.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from core.db import webhook_deliveries
from core.db.webhook_deliveries import DeliveryState
from core.db.webhook_endpoints import Endpoint
from core.http.problems import Problem, from_validation
from ingest import webhook_endpoints as api
from ingest.bodies.webhooks import DeliveriesQuery, Redelivery, WebhookEndpointChanges
from ingest.context import CONTEXT
from ingest.studio import shell, webhook_form, webhook_words
from ingest.studio.page import language

routes = web.RouteTableDef()
LIST = "/studio/webhooks"
_PATH = f"{LIST}/{{endpoint_id}}"
_EVENT = re.compile(r"ev_[0-9a-z]{26}")
STATES = tuple(state.value for state in DeliveryState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A form that was refused: its name, what was written, and what is wrong, by field ("": with none of them)."""

    form: str = ""
    status: int = 200
    written: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


NOTHING = Refused()


@routes.get(_PATH)
async def show(request: web.Request) -> web.Response:
    """The page of an endpoint."""
    return await show_page(request, await api.endpoint_of(request))


@routes.post(f"{_PATH}/{{form:settings|switch|rotate|test|again}}")
async def change(request: web.Request) -> web.Response:
    """Do what a form asks for."""
    name = request.match_info["form"]
    try:
        return await _FORMS[name](request)
    except (ValidationError, Problem) as exc:
        return await show_page(request, await api.endpoint_of(request), await refusal(request, name, exc))


async def _settings(request: web.Request) -> web.Response:
    fields = webhook_form.settings(await form_of(request))
    await api.changed(request, WebhookEndpointChanges.model_validate(fields))
    raise _back(request, "saved=settings#settings")


async def _switch(request: web.Request) -> web.Response:
    await api.change(request)
    raise _back(request, "saved=switch")


async def _rotate(request: web.Request) -> web.Response:
    made = shell.data_of(await api.rotate(request))
    return await show_page(request, await api.endpoint_of(request), secret=made["secret"])


async def _test(request: web.Request) -> web.Response:
    sent = shell.data_of(await api.test(request))
    raise _back(request, f"test={sent['event_id']}#test")


async def _again(request: web.Request) -> web.Response:
    body = Redelivery.model_validate(webhook_form.redelivery(await form_of(request)))
    raise _back(request, f"again={(await api.redelivered(request, body)).count}#log")


_FORMS: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {
    "settings": _settings,
    "switch": _switch,
    "rotate": _rotate,
    "test": _test,
    "again": _again,
}


@routes.post(f"{_PATH}/delete")
async def delete(request: web.Request) -> web.Response:
    """Ask whether the endpoint is to be deleted, and delete it once that was confirmed."""
    endpoint = await api.endpoint_of(request)
    if (await request.post()).get("confirmed") != "yes":
        title, back = shell.texts(request)("webhooks.delete_title"), f"{LIST}/{endpoint.id}"
        return shell.show(request, "webhook_delete.html", title=title, endpoint=endpoint, back=back, path=back)
    await api.delete(request)
    raise web.HTTPSeeOther(f"{LIST}?deleted=1")


async def form_of(request: web.Request) -> dict[str, list[str]]:
    """Every value of each field of the form that was sent."""
    form = await request.post()
    return {name: [str(value) for value in form.getall(name)] for name in form}


async def refusal(request: web.Request, name: str, exc: ValidationError | Problem) -> Refused:
    """Why the form of the request was refused, in words."""
    problem = exc if isinstance(exc, Problem) else from_validation(exc)
    form = await form_of(request)
    written = webhook_form.settings(form) if name == "settings" else {key: values[-1] for key, values in form.items()}
    wrong = shell.refused_by_field(request, problem)
    return Refused(form=name, status=problem.status, written=written, wrong=wrong)


async def show_page(
    request: web.Request, endpoint: Endpoint, refused: Refused = NOTHING, *, secret: str | None = None
) -> web.Response:
    """The page of this endpoint. `secret`: one that was made just now."""
    now, text = datetime.now(UTC), shell.texts(request)
    fields = {"url": endpoint.url, "types": endpoint.types, "description": endpoint.description, "from": ""}
    fields |= refused.written
    sent, again = request.query.get("test", ""), request.query.get("again", "")
    log = await _log(request, endpoint, now)
    return shell.show(
        request,
        "webhook.html",
        status=422 if log["log_problem"] else refused.status,
        title=endpoint.description or endpoint.url,
        path=f"{LIST}/{endpoint.id}",
        endpoint=webhook_words.endpoint(endpoint, now, text),
        secret=secret,
        secrets=[(webhook_words.moment(one.created_at), _ending(one.expires_at)) for one in endpoint.secrets],
        fields=fields,
        groups=webhook_form.groups(fields["types"], text),
        form=refused.form,
        wrong=refused.wrong,
        saved=request.query.get("saved"),
        again=again if again.isdecimal() else None,
        states=STATES,
        is_tested=_EVENT.fullmatch(sent) is not None,
        tested=await _tested(request, endpoint, sent, now),
        **log,
    )


def _ending(expires_at: datetime | None) -> str | None:
    return None if expires_at is None else webhook_words.moment(expires_at)


async def _tested(request: web.Request, endpoint: Endpoint, event_id: str, now: datetime) -> webhook_words.Row | None:
    """The delivery of a test; None until a dispatcher has taken it from the outbox, or where there is none."""
    if _EVENT.fullmatch(event_id) is None:
        return None
    found = await webhook_deliveries.of_event(request.app[CONTEXT].pool, endpoint.id, event_id)
    return None if found is None else webhook_words.row(found[0], now, language(request), shell.texts(request))


async def _log(request: web.Request, endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    """The page of the log that the query asks for. A wrong query is told, and finds nothing."""
    given = {name: value for name in ("state", "cursor") if (value := request.query.get(name))}
    shown: dict[str, Any] = {"state": given.get("state", ""), "is_first": "cursor" not in given, "log_problem": None}
    try:
        rows, following = await api.listed(request, endpoint, DeliveriesQuery.model_validate(given))
    except ValidationError as exc:
        return {**shown, "log": [], "following": None, "log_problem": shell.refused(request, from_validation(exc))}
    text, words = shell.texts(request), language(request)
    return {**shown, "log": [webhook_words.row(one, now, words, text) for one in rows], "following": following}


def _back(request: web.Request, query: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(f"{LIST}/{request.match_info['endpoint_id']}?{query}")
