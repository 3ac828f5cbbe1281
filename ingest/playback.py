"""Routes of playback ids, their tokens and revocations."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from core.db import assets, playback_ids, revocations
from core.db.postgres import Connection
from core.http.problems import Problem
from core.model import PlaybackId
from ingest.bodies import responses
from ingest.bodies.picture_urls import PictureUrls, of_pictures
from ingest.bodies.playback_requests import LONGEST_TOKEN_S, NewPlaybackId, NewRevocation, NewToken
from ingest.context import CONTEXT, answer, body_of, ident, not_found, once, owner_of
from ingest.openapi import operation
from ingest.play_urls import embed_url, play_url, sign, watch_url
from packager.encryption import Encryption, encryption_from_json

routes = web.RouteTableDef()


@routes.post("/v1/assets/{asset_id}/playback_ids")
@operation(responses.PlaybackIdShape, status=201, body=NewPlaybackId, errors=(404,), idempotent=True)
async def add(request: web.Request) -> web.Response:
    """Add a public or signed playback id to an asset."""
    context, owner = request.app[CONTEXT], owner_of(request)
    body = await body_of(request, NewPlaybackId)
    asset = await assets.of_owner(context.pool, ident(request, "asset_id", "asset"), owner)
    if asset is None:
        raise not_found("asset")
    playback_id, _ = await once(request, lambda connection: playback_ids.insert(connection, asset.id, body.policy))
    return answer(responses.PlaybackIdShape(id=playback_id, policy=body.policy), status=201)


@routes.delete("/v1/assets/{asset_id}/playback_ids/{playback_id}")
@operation(None, status=204, errors=(404,))
async def remove(request: web.Request) -> web.Response:
    """Remove a playback id: no new session starts with it, and current ones end when their delivery token expires."""
    context, asset_id = request.app[CONTEXT], ident(request, "asset_id", "asset")
    playback_id = ident(request, "playback_id", "playback id")
    if not await playback_ids.remove(context.pool, playback_id, asset_id, owner_of(request)):
        raise not_found("playback id")
    return web.Response(status=204)


@routes.post("/v1/playback_ids/{playback_id}/token")
@operation(responses.Token, status=201, body=NewToken, errors=(404,))
async def token(request: web.Request) -> web.Response:
    """Create a token for a new session, and every URL that a page needs to play the title with it.

    All URLs carry the same token, so that a page can show the player and its pictures in one session.
    """
    context, playback_id = request.app[CONTEXT], PlaybackId(ident(request, "playback_id", "playback id"))
    body = await body_of(request, NewToken)
    title = await playback_ids.of_owner(context.pool, playback_id, owner_of(request))
    if title is None:
        raise not_found("playback id")
    ttl_s = body.ttl_s or context.settings.playback_token_ttl_s
    longest_s = context.settings.renewal_s
    if body.session_s is not None and body.session_s > longest_s:
        raise Problem(422, "invalid", f"A session lasts at most {longest_s} seconds here.", pointer="/session_s")
    claims, signed = sign(context, playback_id, ttl_s, body.limits(), body.session_s)
    has_dash = encryption_from_json(title.options) is Encryption.NONE
    pictures = of_pictures(title.pictures, PictureUrls(context, playback_id, signed))
    shape = responses.Token(
        token=signed,
        url=play_url(context, playback_id, signed),
        dash_url=play_url(context, playback_id, signed, "manifest.mpd") if has_dash else None,
        watch_url=watch_url(context, playback_id, signed),
        embed_url=embed_url(context, playback_id, signed),
        poster_url=pictures["poster_url"],
        storyboard_url=pictures["storyboard_url"],
        session=claims.session,
        expires_at=datetime.fromtimestamp(claims.expires_at, UTC),
    )
    return answer(shape, status=201)


@routes.post("/v1/playback_ids/{playback_id}/revocations")
@operation(responses.Revocation, status=201, body=NewRevocation, errors=(404,), idempotent=True)
async def revoke(request: web.Request) -> web.Response:
    """Revoke a session, or all sessions of a viewer: they can be neither started nor renewed.

    What plays now ends when its delivery token expires; only a takedown stops it at once.
    """
    context, playback_id = request.app[CONTEXT], PlaybackId(ident(request, "playback_id", "playback id"))
    owner, body = owner_of(request), await body_of(request, NewRevocation)
    if await playback_ids.of_owner(context.pool, playback_id, owner) is None:
        raise not_found("playback id")
    if body.session is not None:
        subject = revocations.session(playback_id, body.session)
    else:
        subject = revocations.viewer(owner, body.viewer or "")
    now = datetime.now(UTC)
    until = now + timedelta(seconds=max(LONGEST_TOKEN_S, context.settings.renewal_s))

    async def make(connection: Connection) -> str:
        await revocations.insert(connection, subject, until)
        return playback_id

    await once(request, make)
    await revocations.announce(context.redis, subject, until.timestamp(), now.timestamp())
    return answer(responses.Revocation(session=body.session, viewer=body.viewer, until=until), status=201)
