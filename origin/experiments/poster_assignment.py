"""Poster experiments: which candidate a viewer is shown, and the report of what the viewer did.

A page requests the assignment instead of the poster, shows the candidate of the answer, and reports events with the
impression token it got. Where no experiment runs, or it cannot be read, the answer is the current poster without a
token, and there is nothing to report. Nor is there of a viewer whose name no playback token says.
"""

import asyncio
import json
import re
import time
from typing import Any

import asyncpg
from aiohttp import web

from core.db import postgres
from core.db.experiments import Event, Experiment, State
from core.db.pictures import Pictures, Poster
from core.http.problems import Problem
from core.model import AssetId
from origin.context import CONTEXT, Context
from origin.experiments import impression_token
from origin.experiments.impression_token import Impression, ImpressionExpired, ImpressionRefused
from origin.playback import sessions
from origin.playback.sessions import Visitor
from thumbnails.experiments import assignment as clicks

routes = web.RouteTableDef()
READ_TIMEOUT_S = 2.0  # a page waits for its image: after this it gets the current poster
MAX_EVENTS = 32
_VIEWER = re.compile(r"[!-~]{1,200}", re.ASCII)
_UNREADABLE = (asyncpg.PostgresError, *postgres.UNAVAILABLE)


@routes.get("/image/{playback_id}/choice")
async def assigned_poster(request: web.Request) -> web.Response:
    """The candidate for `viewer`, the same for the whole batch, with the probability with which it was drawn."""
    visitor = await sessions.visitor_of(request)
    viewer, is_signed = _viewer(request, visitor)
    context, asset_id = request.app[CONTEXT], visitor.published.asset_id
    pictures = await context.pictures.get(asset_id)
    if pictures is None or pictures.poster is None:
        raise Problem(
            404, "not_found", "There is no poster yet.", hint="It may still be in the making: try again later."
        )
    experiment = await _running_experiment(context, asset_id)
    drawn = None
    if experiment is not None and not pictures.chosen:
        drawn = _draw(context, request, pictures, experiment, viewer, is_signed)
    assignment = drawn or {
        "candidate": _candidate(pictures),
        "url": _url(context, request, "poster", pictures.poster),
        "propensity": 1.0,
        "impression": None,
    }
    return web.json_response({"data": assignment}, headers={"Cache-Control": "private, no-store"})


@routes.post("/image/events")
async def events(request: web.Request) -> web.Response:
    """Count `[{impression, event, watched_s?}]`, sent as application/json or, by a beacon, as text/plain."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "not_json", "The body is not JSON.") from exc
    if not isinstance(body, list) or len(body) > MAX_EVENTS:
        raise Problem(422, "invalid", f"The body must be a list of at most {MAX_EVENTS} events.")
    context, now = request.app[CONTEXT], time.time()
    reports = [_report(context, item, at, now) for at, item in enumerate(body)]
    taken, refused = 0, []
    for at, report in enumerate(reports):
        if isinstance(report, ImpressionRefused):
            code = "impression_expired" if isinstance(report, ImpressionExpired) else "impression_refused"
            refused.append({"index": at, "code": code})
            continue
        impression, event = report
        taken += 1
        if event is not None:
            context.impressions.reported(impression, event)
    return web.json_response(
        {"data": {"taken": taken, "refused": refused}}, status=202, headers={"Cache-Control": "private, no-store"}
    )


def _report(context: Context, item: Any, at: int, now: float) -> tuple[Impression, Event | None] | ImpressionRefused:
    """One event of the body, or why its token is refused. The event is None where it was watched too briefly to count.

    `at` is its place in the body. Raises Problem(422) for another form.
    """
    if not isinstance(item, dict) or not isinstance(token := item.get("impression"), str):
        raise Problem(422, "invalid", "An event must carry its impression token.", pointer=f"/{at}/impression")
    try:
        event = Event(str(item.get("event")))
    except ValueError as exc:
        names = ", ".join(Event)
        raise Problem(422, "invalid", f"event must be one of {names}.", pointer=f"/{at}/event") from exc
    watched_s = item.get("watched_s", 0)
    if isinstance(watched_s, bool) or not isinstance(watched_s, int | float):
        raise Problem(422, "invalid", "watched_s must be a number of seconds.", pointer=f"/{at}/watched_s")
    try:
        impression = impression_token.verify(token, context.playback_keys, now)
    except ImpressionRefused as exc:
        return exc
    too_short = event is Event.WATCHED and not watched_s >= clicks.WATCHED_S
    return impression, None if too_short else event


async def _running_experiment(context: Context, asset_id: AssetId) -> Experiment | None:
    """None also where it cannot be read in time; impression_counts logs the outage, once."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            standing = await context.experiments.get(asset_id)
    except _UNREADABLE:
        return None
    return standing.experiment if standing is not None and standing.state is State.RUNNING else None


def _draw(
    context: Context, request: web.Request, pictures: Pictures, experiment: Experiment, viewer: str, is_signed: bool
) -> dict[str, Any] | None:
    """The viewer's assignment; None where the drawn candidate was replaced a moment ago."""
    draw = clicks.draw(experiment.salt, experiment.batch, viewer)
    arm = experiment.arms[clicks.shown_to(draw.place, [arm.share for arm in experiment.arms])]
    candidates = pictures.album.candidates if pictures.album else ()
    candidate = next((listed for listed in candidates if listed.id == arm.candidate), None)
    if candidate is None:
        return None
    impression = Impression(
        experiment_id=experiment.id,
        id=draw.impression,
        candidate=arm.candidate,
        batch=experiment.batch,
        propensity=arm.share,
        expires_at=int(time.time()) + impression_token.LIFETIME_S,
    )
    return {
        "candidate": arm.candidate,
        "url": _url(context, request, arm.candidate, candidate.poster),
        "propensity": arm.share,
        # Names that a page makes up would let anybody be thousands of viewers: they see a candidate and do not count.
        "impression": impression_token.sign(impression, context.playback_keys) if is_signed else None,
    }


def _candidate(pictures: Pictures) -> str | None:
    """The id of the candidate that is the poster; None where the poster is a frame or an image that a person chose."""
    if pictures.chosen is not None:
        return pictures.chosen.candidate
    return pictures.album.candidates[0].id if pictures.album and pictures.album.candidates else None


def _url(context: Context, request: web.Request, name: str, poster: Poster) -> str:
    """The URL of this version of an image, with the token of the request where there is one."""
    token = request.query.get("token")
    query = f"?v={poster.version}" + (f"&token={token}" if token else "")
    return f"{context.settings.origin_base}/image/{request.match_info['playback_id']}/{name}.jpg{query}"


def _viewer(request: web.Request, visitor: Visitor) -> tuple[str, bool]:
    """The viewer's name, and whether the playback token says it or only the page. Raises Problem(422)."""
    if visitor.claims is not None and visitor.claims.limits.viewer is not None:
        return visitor.claims.limits.viewer, True
    viewer = request.query.get("viewer", "")
    if not _VIEWER.fullmatch(viewer):
        raise Problem(422, "invalid", "viewer must be your own name for the viewer: 1 to 200 visible characters.")
    return viewer, False
