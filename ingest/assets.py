"""Assets: show, list; playback ids and tokens."""

import re
import time
from datetime import datetime
from fractions import Fraction
from typing import Any

from aiohttp import web

from core import assets, playback, playback_token, sql
from core.assets import Asset
from core.model import AssetStatus, PlaybackId, Policy
from core.playback_token import Claims
from core.problems import Problem
from ingest.context import CONTEXT, Context, answer, body_of, not_found, owner_of
from ingest.schemas import NewPlaybackId, NewToken

routes = web.RouteTableDef()
_STEPS = sql.load("steps")
# How much of an asset's way each kind of step is.
_WEIGHTS = {"accept": 0.1, "probe": 0.05, "plan": 0.0, "encode": 0.8, "publish": 0.05}
MAX_PAGE = 100


@routes.get("/v1/assets")
async def page(request: web.Request) -> web.Response:
    """Newest first; `next_cursor` goes into `cursor` of the next call."""
    context = request.app[CONTEXT]
    raw = request.query.get("limit", "20")
    if not re.fullmatch(r"[0-9]{1,4}", raw) or not 1 <= int(raw) <= MAX_PAGE:
        raise Problem(422, "invalid", f"limit is a number from 1 to {MAX_PAGE}.", pointer="/limit")
    limit, after = int(raw), request.query.get("cursor")
    if after is not None and not re.fullmatch(r"as_[0-9a-z]+", after):
        raise Problem(422, "invalid", "cursor is the next_cursor of the page before.", pointer="/cursor")
    found = await assets.page(context.pool, owner_of(request), after, limit + 1)
    cursor = found[limit - 1].id if len(found) > limit else None
    return answer([await _shown(context, asset) for asset in found[:limit]], next_cursor=cursor)


@routes.get("/v1/assets/{asset_id}")
async def show(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    return answer(await _shown(context, await _asset(request)))


@routes.post("/v1/assets/{asset_id}/playback_ids")
async def add_playback_id(request: web.Request) -> web.Response:
    """One more way to the same asset, public or signed."""
    wanted = await body_of(request, NewPlaybackId)
    asset = await _asset(request)
    async with request.app[CONTEXT].pool.acquire() as connection:
        playback_id = await playback.insert(connection, asset.id, wanted.policy)
    return answer({"id": playback_id, "policy": wanted.policy.value}, status=201)


@routes.post("/v1/playback_ids/{playback_id}/token")
async def token(request: web.Request) -> web.Response:
    """A signed playback URL for a session of its own."""
    context, playback_id = request.app[CONTEXT], request.match_info["playback_id"]
    wanted = await body_of(request, NewToken)
    if await playback.policy_of_owner(context.pool, playback_id, owner_of(request)) is None:
        raise not_found("playback id")
    ttl_s = wanted.ttl_s or context.settings.playback_token_ttl_s
    claims, signed = _sign(context, PlaybackId(playback_id), ttl_s)
    shown = {"token": signed, "url": _play_url(context, playback_id, signed), "expires_at": claims.expires_at}
    return answer(shown, status=201)


def _sign(context: Context, playback_id: PlaybackId, ttl_s: int) -> tuple[Claims, str]:
    claims = Claims(playback_id=playback_id, session=playback_token.new_session(), expires_at=int(time.time()) + ttl_s)
    return claims, playback_token.sign(claims, context.playback_keys)


def _play_url(context: Context, playback_id: str, signed: str | None) -> str:
    return f"{context.settings.origin_base}/play/{playback_id}/index.m3u8" + (f"?token={signed}" if signed else "")


async def _asset(request: web.Request) -> Asset:
    asset = await assets.of_owner(request.app[CONTEXT].pool, request.match_info["asset_id"], owner_of(request))
    if asset is None:
        raise not_found("asset")
    return asset


async def _shown(context: Context, asset: Asset) -> dict[str, Any]:
    """The asset as its owner sees it."""
    steps = await context.pool.fetch(_STEPS["of_asset"], asset.id)
    ids = await playback.of_asset(context.pool, asset.id)
    source, summary = asset.source, asset.summary or {}
    video = source["video"] if source else None
    url = watch = None
    if asset.revision_id and ids:
        first, policy = ids[0]
        signed = _sign(context, first, context.settings.playback_token_ttl_s)[1] if policy is Policy.SIGNED else None
        url = _play_url(context, first, signed)
        watch = f"{context.settings.origin_base}/watch/{first}" + (f"?token={signed}" if signed else "")
    return {
        "id": asset.id,
        "status": asset.status.value,
        "progress": _progress(asset, steps),
        "steps": [
            {"kind": s["kind"], "state": s["state"], "progress": round(s["progress"], 3), "attempts": s["attempts"]}
            for s in steps
        ],
        "title": asset.title,
        "ref": {"type": asset.ref_type, "id": asset.ref_id} if asset.ref_type else None,
        "policy": asset.policy.value,
        "language": asset.language,
        "duration_s": summary.get("duration_s"),
        "aspect_ratio": _aspect(video) if video else None,
        "source": source,
        "renditions": summary.get("renditions", []),
        "tracks": [],
        "playback_ids": [{"id": playback_id, "policy": policy.value} for playback_id, policy in ids],
        "playback_url": url,
        "watch_url": watch,
        "warnings": asset.warnings,
        "error": asset.error,
        "timings": _timings(asset),
        "created_at": asset.created_at.isoformat(),
    }


def _aspect(video: dict[str, Any]) -> str:
    """In lowest terms, as in "16:9"."""
    ratio = Fraction(video["shown_width"], video["shown_height"])
    return f"{ratio.numerator}:{ratio.denominator}"


def _progress(asset: Asset, steps: list[Any]) -> float:
    """0..1 over all steps."""
    if asset.status is AssetStatus.READY:
        return 1.0
    done: float = sum(_WEIGHTS.get(step["kind"], 0.0) * step["progress"] for step in steps)
    return round(done, 3)


def _timings(asset: Asset) -> dict[str, float | None]:
    """Seconds from the moment the upload completed."""

    def since(moment: datetime | None) -> float | None:
        if moment is None or asset.uploaded_at is None:
            return None
        return round((moment - asset.uploaded_at).total_seconds(), 3)

    return {
        "accepted_s": since(asset.accepted_at),
        "playable_s": since(asset.playable_at),
        "ready_s": since(asset.ready_at),
    }
