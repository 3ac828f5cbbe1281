"""Playback ids and the tokens that open them."""

import time
from datetime import UTC, datetime, timedelta

from aiohttp import web

from core import assets, playback, playback_token, revocations
from core.db import Connection
from core.model import PlaybackId
from core.playback_token import ANYBODY, Claims, Limits
from ingest import shapes
from ingest.context import CONTEXT, Context, answer, body_of, ident, not_found, once, owner_of
from ingest.openapi import operation
from ingest.schemas import LONGEST_TOKEN_S, NewPlaybackId, NewRevocation, NewToken

routes = web.RouteTableDef()


@routes.post("/v1/assets/{asset_id}/playback_ids")
@operation(shapes.PlaybackIdShape, status=201, body=NewPlaybackId, errors=(404,), idempotent=True)
async def add(request: web.Request) -> web.Response:
    """One more way to the same asset, public or signed."""
    context, owner = request.app[CONTEXT], owner_of(request)
    wanted = await body_of(request, NewPlaybackId)
    asset = await assets.of_owner(context.pool, ident(request, "asset_id", "asset"), owner)
    if asset is None:
        raise not_found("asset")
    made, _ = await once(request, lambda connection: playback.insert(connection, asset.id, wanted.policy))
    return answer(shapes.PlaybackIdShape(id=made, policy=wanted.policy), status=201)


@routes.delete("/v1/assets/{asset_id}/playback_ids/{playback_id}")
@operation(None, status=204, errors=(404,))
async def remove(request: web.Request) -> web.Response:
    """No new session starts with this id; sessions under way end with their delivery tokens."""
    context, asset_id = request.app[CONTEXT], ident(request, "asset_id", "asset")
    playback_id = ident(request, "playback_id", "playback id")
    if not await playback.remove(context.pool, playback_id, asset_id, owner_of(request)):
        raise not_found("playback id")
    return web.Response(status=204)


@routes.post("/v1/playback_ids/{playback_id}/token")
@operation(shapes.Token, status=201, body=NewToken, errors=(404,))
async def token(request: web.Request) -> web.Response:
    """A signed playback URL for a session of its own."""
    context, playback_id = request.app[CONTEXT], PlaybackId(ident(request, "playback_id", "playback id"))
    wanted = await body_of(request, NewToken)
    if await playback.policy_of_owner(context.pool, playback_id, owner_of(request)) is None:
        raise not_found("playback id")
    ttl_s = wanted.ttl_s or context.settings.playback_token_ttl_s
    claims, signed = sign(context, playback_id, ttl_s, wanted.limits())
    url = play_url(context, playback_id, signed)
    shape = shapes.Token(token=signed, url=url, session=claims.session, expires_at=claims.expires_at)
    return answer(shape, status=201)


@routes.post("/v1/playback_ids/{playback_id}/revocations")
@operation(shapes.Revocation, status=201, body=NewRevocation, errors=(404,), idempotent=True)
async def revoke(request: web.Request) -> web.Response:
    """No token starts or renews this session, or any of this viewer, any more. What plays now ends with its delivery
    token; only a takedown stops it at once.
    """
    context, playback_id = request.app[CONTEXT], PlaybackId(ident(request, "playback_id", "playback id"))
    owner, wanted = owner_of(request), await body_of(request, NewRevocation)
    if await playback.policy_of_owner(context.pool, playback_id, owner) is None:
        raise not_found("playback id")
    if wanted.session is not None:
        subject = revocations.session(playback_id, wanted.session)
    else:
        subject = revocations.viewer(owner, wanted.viewer or "")
    now = datetime.now(UTC)
    until = now + timedelta(seconds=max(LONGEST_TOKEN_S, context.settings.renewal_s))

    async def make(connection: Connection) -> str:
        await revocations.insert(connection, subject, until)
        return playback_id

    await once(request, make)
    await revocations.announce(context.redis, subject, until.timestamp(), now.timestamp())
    return answer(shapes.Revocation(session=wanted.session, viewer=wanted.viewer, until=until), status=201)


def sign(context: Context, playback_id: PlaybackId, ttl_s: int, limits: Limits = ANYBODY) -> tuple[Claims, str]:
    """A playback token for a new session."""
    session = playback_token.new_session()
    claims = Claims(playback_id=playback_id, session=session, expires_at=int(time.time()) + ttl_s, limits=limits)
    return claims, playback_token.sign(claims, context.playback_keys)


def play_url(context: Context, playback_id: PlaybackId, signed: str | None, name: str = "index.m3u8") -> str:
    """Where a player begins, or another file that starts a session."""
    return f"{context.settings.origin_base}/play/{playback_id}/{name}" + (f"?token={signed}" if signed else "")
