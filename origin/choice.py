"""Which picture a viewer is shown while it is being found out which one is clicked, and what came of it.

The page that shows a title asks here instead of for the poster, shows the picture of the answer, and reports what the
viewer did with the token it was given. Where no experiment runs, or it cannot be read, the answer is the poster that is
shown anyhow, and there is nothing to report.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from aiohttp import web

from core import db, experiments
from core.experiments import Event, Experiment, Standing, State
from core.model import AssetId
from core.pictures import Pictures, Poster
from core.problems import Problem
from origin import impression_counts, impression_token, sessions
from origin.context import CONTEXT, Context
from origin.fresh import Fresh
from origin.impression_counts import Impressions
from origin.impression_token import Impression, ImpressionExpired, ImpressionRefused
from origin.sessions import Visitor
from thumbnails import clicks

routes = web.RouteTableDef()
IMPRESSIONS = web.AppKey("impressions", Impressions)
STANDINGS: web.AppKey[Fresh[AssetId, Standing | None]] = web.AppKey("standings")
FRESH_S = 1.0
READ_WITHIN_S = 2.0  # a page waits for its picture: rather the poster than nothing
MOST_EVENTS = 32
_VIEWER = re.compile(r"[!-~]{1,200}", re.ASCII)
_UNREADABLE = (asyncpg.PostgresError, *db.UNAVAILABLE)


async def counting(app: web.Application) -> AsyncIterator[None]:
    """What the routes below need, for as long as the door is open. After what makes CONTEXT."""
    pool = app[CONTEXT].pool

    async def read(asset_id: AssetId) -> Standing | None:
        return await experiments.settled(pool, asset_id)

    async with impression_counts.opened(pool) as counts:
        app[IMPRESSIONS] = counts
        app[STANDINGS] = Fresh(read, fresh_s=FRESH_S, kept=10_000)
        yield


@routes.get("/image/{playback_id}/choice")
async def choice(request: web.Request) -> web.Response:
    """The picture for `viewer`: the same for the life of a batch, with the probability it was drawn with."""
    visitor = await sessions.visitor_of(request)
    viewer = _viewer(request, visitor)
    context, asset_id = request.app[CONTEXT], visitor.published.asset_id
    found = await context.pictures.get(asset_id)
    if found is None or found.poster is None:
        raise Problem(
            404, "not_found", "There is no such picture.", hint="It may be being made: try again in a moment."
        )
    experiment = await _running(request.app[STANDINGS], asset_id)
    drawn = None if experiment is None or found.chosen else _drawn(context, request, found, experiment, viewer)
    shown = drawn or {
        "candidate": _candidate(found),
        "url": _url(context, request, "poster", found.poster),
        "propensity": 1.0,
        "impression": None,
    }
    return web.json_response({"data": shown}, headers={"Cache-Control": "private, no-store"})


@routes.post("/image/events")
async def events(request: web.Request) -> web.Response:
    """`[{impression, event, watched_s?}]`, as application/json or, for a beacon, as text/plain."""
    try:
        told = json.loads(await request.read())
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "not_json", "The body is not JSON.") from exc
    if not isinstance(told, list) or len(told) > MOST_EVENTS:
        raise Problem(422, "invalid", f"The body is a list of at most {MOST_EVENTS} events.")
    context, counts, now = request.app[CONTEXT], request.app[IMPRESSIONS], time.time()
    reports = [_report(context, one, at, now) for at, one in enumerate(told)]
    taken, refused = 0, []
    for at, report in enumerate(reports):
        if isinstance(report, ImpressionRefused):
            code = "impression_expired" if isinstance(report, ImpressionExpired) else "impression_refused"
            refused.append({"index": at, "code": code})
            continue
        impression, event = report
        taken += 1
        if event is not None:
            counts.reported(impression, event)
    return web.json_response(
        {"data": {"taken": taken, "refused": refused}}, status=202, headers={"Cache-Control": "private, no-store"}
    )


def _report(context: Context, told: Any, at: int, now: float) -> tuple[Impression, Event | None] | ImpressionRefused:
    """What is told, or why it is not believed; None as the event is one that counts for nothing. Raises Problem."""
    if not isinstance(told, dict) or not isinstance(token := told.get("impression"), str):
        raise Problem(422, "invalid", "An event names its impression.", pointer=f"/{at}/impression")
    try:
        event = Event(str(told.get("event")))
    except ValueError as exc:
        names = ", ".join(Event)
        raise Problem(422, "invalid", f"event is one of {names}.", pointer=f"/{at}/event") from exc
    watched_s = told.get("watched_s", 0)
    if isinstance(watched_s, bool) or not isinstance(watched_s, int | float):
        raise Problem(422, "invalid", "watched_s is a number of seconds.", pointer=f"/{at}/watched_s")
    try:
        impression = impression_token.verify(token, context.playback_keys, now)
    except ImpressionRefused as exc:
        return exc
    too_short = event is Event.WATCHED and not watched_s >= clicks.WATCHED_S
    return impression, None if too_short else event


async def _running(standings: Fresh[AssetId, Standing | None], asset_id: AssetId) -> Experiment | None:
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            standing = await standings.get(asset_id)
    except _UNREADABLE:  # said once by impression_counts, not by each viewer
        return None
    return standing.experiment if standing is not None and standing.state is State.RUNNING else None


def _drawn(
    context: Context, request: web.Request, found: Pictures, experiment: Experiment, viewer: str
) -> dict[str, Any] | None:
    """None where the drawn picture is not there any more: others were found a moment ago."""
    draw = clicks.draw(experiment.salt, experiment.batch, viewer)
    arm = experiment.arms[clicks.shown_to(draw.place, [arm.share for arm in experiment.arms])]
    listed = found.album.candidates if found.album else ()
    candidate = next((one for one in listed if one.id == arm.candidate), None)
    if candidate is None:
        return None
    impression = Impression(
        experiment_id=experiment.id,
        id=draw.impression,
        candidate=arm.candidate,
        batch=experiment.batch,
        propensity=arm.share,
        expires_at=int(time.time()) + impression_token.LIVES_S,
    )
    return {
        "candidate": arm.candidate,
        "url": _url(context, request, arm.candidate, candidate.poster),
        "propensity": arm.share,
        "impression": impression_token.sign(impression, context.playback_keys),
    }


def _candidate(found: Pictures) -> str | None:
    """Which one the poster is; None for a moment or a picture that a person chose."""
    if found.chosen is not None:
        return found.chosen.candidate
    return found.album.candidates[0].id if found.album and found.album.candidates else None


def _url(context: Context, request: web.Request, name: str, poster: Poster) -> str:
    """For good: it names the version. With the token it was asked with, where there was one."""
    token = request.query.get("token")
    query = f"?v={poster.version}" + (f"&token={token}" if token else "")
    return f"{context.settings.origin_base}/image/{request.match_info['playback_id']}/{name}.jpg{query}"


def _viewer(request: web.Request, visitor: Visitor) -> str:
    """As the playback token names who watches, else as the page says. Raises Problem(422)."""
    if visitor.claims is not None and visitor.claims.limits.viewer is not None:
        return visitor.claims.limits.viewer
    viewer = request.query.get("viewer", "")
    if not _VIEWER.fullmatch(viewer):
        raise Problem(422, "invalid", "viewer is your own name for who looks: 1 to 200 visible characters.")
    return viewer
