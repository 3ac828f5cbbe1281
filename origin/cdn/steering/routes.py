"""The steering endpoint, which a player requests every TTL.

In: `/by/{token}/steer/{session}`, or `/steer/{session}`, with `_HLS_pathway` and `_HLS_throughput`, or `_DASH_pathway`
and `_DASH_throughput`. Out: a steering list. Never 429: hls.js does not recover from that. 410 only where the operator
ended steering. Malformed reports of a player are ignored, as are those of a session without its token; they never make
a request fail.
"""

import json
import re
from collections.abc import Callable

from aiohttp import web

from core.http.problems import Problem
from origin.cdn.steering.decide import Decision
from origin.cdn.steering.state import Steering

routes = web.RouteTableDef()
STEERING = web.AppKey("steering", Steering)
# The country of a request's viewer, in two capitals, where it is known for certain. Optional.
CountryOf = Callable[[web.Request], str | None]
COUNTRY_OF: web.AppKey[CountryOf] = web.AppKey("steering_country_of")
STEERING_LIST = "application/vnd.apple.steering-list"
# The session that a token in the URL is signed for, and what the viewer's address counts as; None for any other token.
# Optional: without it every session is believed, whatever others there are.
ReporterOf = Callable[[web.Request, str], tuple[str, str] | None]
REPORTER_OF: web.AppKey[ReporterOf] = web.AppKey("steering_reporter_of")
_SESSION = re.compile(r"[0-9a-f]{16}")
_WHOLE = re.compile(r"[0-9]{1,12}")


@routes.get("/steer/{session}")
@routes.get("/by/{token}/steer/{session}")
async def steer(request: web.Request) -> web.Response:
    """The order of pathways for a session. 404 for a malformed session id, 410 where steering was ended.

    What the player reports counts only where an origin has signed the session, as it does in playlists.
    """
    session = request.match_info["session"]
    if _SESSION.fullmatch(session) is None:
        raise Problem(404, "not_found", "There is no such session.")
    steering = request.app[STEERING]
    if steering.known.ended:
        raise Problem(410, "steering_ended", "Steering has been ended.")
    dash = "dash" in request.query or "_DASH_pathway" in request.query
    current = _take_report(steering, request, _reporter(request, session), "_DASH" if dash else "_HLS")
    decision = steering.decide(session, region=_country(request), current=current)
    body = json.dumps(steering_list(session, decision, dash=dash), separators=(",", ":"))
    return web.Response(
        body=body.encode(), headers={"Content-Type": STEERING_LIST, "Cache-Control": "private, no-store"}
    )


def steering_list(session: str, decision: Decision, *, dash: bool = False) -> dict[str, object]:
    """The steering manifest. HLS: rfc8216bis, 7.2. DASH: ETSI TS 103 998, and the order's name in its first version."""
    order = list(decision.pathways)
    return {
        "VERSION": 1,
        "TTL": decision.ttl_s,
        "RELOAD-URI": f"{session}?dash=1" if dash else session,  # relative to the list itself
        "PATHWAY-PRIORITY": order,
        **({"SERVICE-LOCATION-PRIORITY": order} if dash else {}),
    }


def _reporter(request: web.Request, session: str) -> tuple[str, str] | None:
    """The session and address whose reports count; None where they do not."""
    reporter_of = request.app.get(REPORTER_OF)
    if reporter_of is None:
        return session, session
    reporter = reporter_of(request, request.match_info.get("token", ""))
    return reporter if reporter is not None and reporter[0] == session else None


def _take_report(steering: Steering, request: web.Request, reporter: tuple[str, str] | None, prefix: str) -> str | None:
    """Count the player's report; the pathway it plays from now. DASH lists all it has used, the latest one last."""
    pathways = _listed(request.query.get(f"{prefix}_pathway", ""))
    throughputs = _listed(request.query.get(f"{prefix}_throughput", ""))
    if not pathways or pathways[-1] not in steering.cdns.ids:
        return None
    if reporter is None:
        return pathways[-1]
    steering.seen(reporter[0], pathways[-1], reporter[1])
    if len(pathways) == len(throughputs):
        for pathway, throughput in zip(pathways, throughputs, strict=True):
            if _WHOLE.fullmatch(throughput) and steering.counts(pathway, *reporter):
                steering.reported_throughput(pathway, int(throughput))
    return pathways[-1]


def _listed(value: str) -> list[str]:
    """The items of `a,b`, quoted (AVPlayer, dash.js) or not (hls.js)."""
    return [item for item in value.strip('"').split(",") if item][:16]


def _country(request: web.Request) -> str:
    country_of = request.app.get(COUNTRY_OF)
    return (country_of(request) or "") if country_of is not None else ""
