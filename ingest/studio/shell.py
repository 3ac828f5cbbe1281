"""A page of the studio for somebody who has signed in: inside its header, and with what pages need beside it."""

import json
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from core.http.problems import Fault, Problem
from core.settings import Settings
from ingest.context import CONTEXT
from ingest.studio import page
from ingest.studio.session import signed_in
from studio.texts import Text, catalogue, text_in


def show(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    player: bool = False,
    path: str | None = None,
    **values: Any,
) -> web.Response:
    """The rendered template of studio/templates/studio/. `player`: the page has a player, which loads more.

    `path`: where the page is found again, if not where it was asked for, as a form's answer.
    """
    session, settings = signed_in(request), request.app[CONTEXT].settings
    return page.page(
        request,
        f"studio/{template}",
        status=status,
        policy=policy(settings, player=player),
        path=path or request.path,
        settings=settings,
        owner_name=session.owner_name,
        **values,
    )


def texts(request: web.Request) -> Text:
    """The texts of the page's language."""
    return text_in(page.language(request))


def texts_of(request: web.Request, beginnings: tuple[str, ...]) -> str:
    """The texts whose keys begin so, as JSON for a script of the page."""
    known = catalogue(page.language(request))
    return json.dumps({key: text for key, text in known.items() if key.startswith(beginnings)})


def data_of(response: web.StreamResponse) -> Any:
    """The data in the answer of one of the API's handlers."""
    if not isinstance(response, web.Response):
        raise TypeError(response)
    return json.loads(response.text or "")["data"]


def refused(request: web.Request, problem: Problem) -> str:
    """What a problem means, in the page's language: of a field that has a text of its own, or of the code.

    Its own words, which are English, where there is neither.
    """
    told = " ".join(filter(None, (str(problem), problem.hint)))
    return _words(request, Fault(pointer=problem.pointer or "", code=problem.code, detail=told))


def refused_by_field(request: web.Request, problem: Problem) -> dict[str, str]:
    """What is wrong with each field, by its name, as `refused` says it; what is about none of them has the name ""."""
    whole = Fault(pointer=problem.pointer or "", code=problem.code, detail=str(problem))
    return {_field(fault): _words(request, fault) for fault in reversed(problem.faults or (whole,))}


def _words(request: web.Request, fault: Fault) -> str:
    known = catalogue(page.language(request))
    if fault.code == "invalid" and (words := known.get(f"studio.wrong.{_field(fault)}")):
        return words
    return known.get(f"code.{fault.code}", fault.detail)


def _field(fault: Fault) -> str:
    return fault.pointer.removeprefix("/").partition("/")[0]


def policy(settings: Settings, *, player: bool) -> dict[str, str]:
    """Scripts are our own; uploads go to storage; pictures and media come from the origin and, by TLS, from CDNs."""
    origin, storage = _origin(settings.origin_base), _origin(settings.s3_presign_base)
    media = f"'self' {origin} https: blob: data:"
    return {
        "script-src": f"'self' {origin}" if player else "'self'",
        # The controls of the player bring their styles in their own markup.
        "style-src": "'self' 'unsafe-inline'" if player else "'self'",
        "connect-src": f"'self' {storage} {origin} https:",
        "img-src": media,
        "media-src": media,
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
