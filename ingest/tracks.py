"""Routes of an asset's tracks: subtitles and captions (uploaded, generated or translated) and audio in other languages.

Uploaded text is parsed here and refused with the line at fault; a worker publishes the change. Generating a track never
overwrites text that a person has edited, unless the request says so.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from core.db import assets, tracks
from core.db.assets import Asset
from core.db.postgres import Connection
from core.db.tracks import QueuedStep, Track, TrackId, TrackKind, TrackSource
from core.errors import Rejected
from core.event_types import TrackChanged, TrackReady, TrackRemoved
from core.http.problems import Problem
from core.http.request_bodies import roomy
from core.model import AssetId, StepKind
from core.storage import keys
from core.storage.artifact_store import ArtifactStore
from ingest.assets import check_input_url, requested_asset
from ingest.bodies import responses
from ingest.bodies.track_requests import NewTrack, TrackAgain, TrackQuery, TrackText
from ingest.context import CONTEXT, Context, answer, body_of, ident, not_found, once, owner_of, query_of
from ingest.openapi import operation
from subtitles.formats import caption_reader, cue_times, srt_writer, vtt_writer
from subtitles.translation.pairs import may_translate, primary_language

routes = web.RouteTableDef()
MAX_BODY_BYTES = 4 * 1024 * 1024
TEXT_TYPE = "text/vtt"


@routes.get("/v1/assets/{asset_id}/tracks")
@operation(responses.TrackShape, listing=True, errors=(404,))
async def listed(request: web.Request) -> web.Response:
    """List the tracks of an asset in the order they were added."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    rows = await tracks.of_asset(context.pool, asset.id)
    return answer([_shown(track).model_dump(mode="json") for track in rows], next_cursor=None)


@routes.post("/v1/assets/{asset_id}/tracks")
@operation(responses.TrackShape, status=201, body=NewTrack, errors=(404, 409), idempotent=True)
@roomy(MAX_BODY_BYTES)
async def add(request: web.Request) -> web.Response:
    """Add subtitles from WebVTT or SRT, generate or translate them, or add audio in another language."""
    return _answer(await added(request, await body_of(request, NewTrack)), status=201)


async def added(request: web.Request, body: NewTrack) -> Track:
    """Add a track to the asset of the path. Raises Problem."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    if body.input_url is not None:
        check_input_url(context, body.input_url)
    text = None if body.text is None else await _web_vtt(asset, body.text)
    language = body.spoken or asset.language  # only generated tracks may omit it
    to_make = body.to_make(language)
    queued: list[QueuedStep] = []

    async def make(connection: Connection) -> str:
        await _check_origin(context, connection, asset, body)
        made = await _store(context, connection, asset.id, text) if text is not None else None
        if made is not None and body.forced:
            made["forced"] = True
        track_id = await tracks.insert(
            connection,
            asset.id,
            kind=body.kind,
            language=language,
            name=body.name,
            source=_source(body),
            wanted=to_make,
            made=made,
        )
        if made is not None:
            await _warn(connection, asset.id, made)
            queued.append((await tracks.changed(connection, asset.id, TrackReady, track_id), StepKind.REPUBLISH))
        else:
            queued.extend(await tracks.enqueue(connection, asset.id))
        return track_id

    track_id, _ = await once(request, make)
    await _hint(context, queued)
    return await _of_owner(request, track_id)


async def _check_origin(context: Context, connection: Connection, asset: Asset, body: NewTrack) -> None:
    """Raises Problem where what a track is made from is not there or has no text, or cannot be translated here."""
    if body.asset_id is not None and await assets.of_owner(connection, body.asset_id, asset.owner_id) is None:
        raise not_found("asset")
    if body.translate is None:
        return
    original = await tracks.of_owner(connection, body.translate.original, asset.id, asset.owner_id)
    if original is None or original.kind is TrackKind.AUDIO:
        raise not_found("track")
    if original.made is None:
        raise Problem(
            409, "track_not_ready", "The track to translate has no text yet.", hint="Wait until its status is ready."
        )
    target = body.translate.language
    if primary_language(original.language) == primary_language(target):
        raise Problem(
            422,
            "same_language",
            f"The track is in {original.language} already: {target} is no translation of it.",
            hint="Give another language; or PUT the track's language to change its tag.",
            pointer="/translate/language",
        )
    if not may_translate(context.settings, original.language, target):
        raise Problem(
            409,
            "no_translator",
            "Nothing here translates this pair of languages.",
            hint="Set KADR_TRANSLATION_MODEL to the folder of a model for the pair; into English a model of Whisper "
            "(KADR_WHISPER_MODEL) does, too. Or upload subtitles in this language.",
        )


def _source(body: NewTrack) -> TrackSource:
    if body.generate is not None:
        return TrackSource.GENERATED
    return TrackSource.UPLOADED if body.translate is None else TrackSource.TRANSLATED


@routes.get("/v1/assets/{asset_id}/tracks/{track_id}")
@operation(responses.TrackShape, query=TrackQuery, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """Show a track with its text as WebVTT or SRT. Send its ETag in If-Match to change it."""
    track, query = await _requested_track(request), query_of(request, TrackQuery)
    text = await text_of(request.app[CONTEXT], track)
    if text is not None and query.text_format == "srt":
        text = await asyncio.to_thread(lambda vtt: srt_writer.srt(caption_reader.read(vtt)), text)
    return _answer(track, text=text)


@routes.put("/v1/assets/{asset_id}/tracks/{track_id}")
@operation(responses.TrackShape, body=TrackText, errors=(404, 412, 428))
@roomy(MAX_BODY_BYTES)
async def write(request: web.Request) -> web.Response:
    """Replace the text, name or language of a track, or mark it as reviewed. New text counts as edited by a person."""
    context, track = request.app[CONTEXT], await _requested_track(request)
    body = await body_of(request, TrackText)
    _check_version(request, track)
    text = None
    if body.text is not None:
        if track.kind is TrackKind.AUDIO:
            raise Problem(422, "invalid", "An audio track has no text.", pointer="/text")
        text = await _web_vtt(await requested_asset(request), body.text)
    async with context.pool.acquire() as connection, connection.transaction():
        made = await _store(context, connection, track.asset_id, text) if text is not None else None
        changed = await tracks.change(
            connection, track, made=made, name=body.name, language=body.language, reviewed=body.reviewed
        )
        if changed is None:
            raise _changed_meanwhile()
        if made is not None:
            await _warn(connection, track.asset_id, made)
        event = TrackReady if changed.made is not None else TrackChanged
        step = await tracks.changed(connection, track.asset_id, event, track.id)
    await _hint(context, [(step, StepKind.REPUBLISH)])
    return _answer(changed, text=await text_of(context, changed))


@routes.post("/v1/assets/{asset_id}/tracks/{track_id}/regenerate")
@operation(responses.TrackShape, status=202, body=TrackAgain, errors=(404, 409, 412, 428))
async def regenerate(request: web.Request) -> web.Response:
    """Generate or translate a track again; the current text stays until then.

    A track that a person has edited or reviewed needs `replace` and If-Match.
    """
    context, track = request.app[CONTEXT], await _requested_track(request)
    body = await body_of(request, TrackAgain)
    to_make = _again(track, body.profile)
    if track.source is TrackSource.EDITED or track.reviewed:
        if not body.replace:
            raise Problem(
                409,
                "edited",
                "A person has edited or reviewed this track.",
                hint='Generate another track, or send {"replace": true} with its ETag in If-Match.',
            )
        _check_version(request, track)
    elif "If-Match" in request.headers:
        _check_version(request, track)
    async with context.pool.acquire() as connection, connection.transaction():
        if not await tracks.make_again(connection, track, to_make):
            raise _changed_meanwhile()
        queued = await tracks.enqueue(connection, track.asset_id)
    await _hint(context, queued)
    return _answer(await _of_owner(request, track.id), status=202)


def _again(track: Track, profile: str | None) -> dict[str, Any]:
    """What a worker has to make again. Raises Problem(409) for a track that was not generated or translated."""
    for source in ("generate", "translate"):
        if track.wanted and source in track.wanted:
            if track.is_awaited:
                raise Problem(409, "busy", "The track is being generated.", hint="Wait until its status is ready.")
            before = track.wanted[source]
            return {**track.wanted, source: {**before, "profile": profile or before.get("profile")}}
    raise Problem(
        409, "not_generated", "This track was not generated.", hint="Generate a new track: POST to the asset's tracks."
    )


@routes.delete("/v1/assets/{asset_id}/tracks/{track_id}")
@operation(None, status=204, errors=(404, 412))
async def remove(request: web.Request) -> web.Response:
    """Remove a track; the next revision no longer has it."""
    context, track = request.app[CONTEXT], await _requested_track(request)
    if "If-Match" in request.headers:
        _check_version(request, track)
    async with context.pool.acquire() as connection, connection.transaction():
        if not await tracks.remove(connection, track):
            raise _changed_meanwhile()
        step = await tracks.changed(connection, track.asset_id, TrackRemoved, track.id)
    await _hint(context, [(step, StepKind.REPUBLISH)])
    return web.Response(status=204)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """Captions as WebVTT, and by how many hours their times were moved."""

    web_vtt: bytes
    moved_hours: int


async def _web_vtt(asset: Asset, text: str) -> _Text:
    """The text as WebVTT, its times fitted to the title.

    Raises Problem(422) for text that is not WebVTT or SRT, or lies outside the title. Where the title's length is not
    known yet, its publication fits the times.
    """
    duration_s, hours = (asset.summary or {}).get("duration_s"), 0
    try:
        cues = await asyncio.to_thread(caption_reader.uploaded, text.encode())
        if duration_s is not None and not asset.provisional:
            cues, hours = cue_times.fitted(cues, round(duration_s * 1000))
    except Rejected as exc:
        raise Problem(422, exc.code, str(exc), hint=exc.hint, pointer="/text") from exc
    return _Text(web_vtt=vtt_writer.whole(cues).encode(), moved_hours=hours)


async def _store(context: Context, connection: Connection, asset_id: AssetId, text: _Text) -> dict[str, Any]:
    """Store the text; what the track is made of. The asset stays locked, so that the text is not garbage meanwhile."""
    await tracks.lock(connection, asset_id)
    artifacts = ArtifactStore(storage=context.storage, bucket=context.settings.media_bucket)
    stored = await artifacts.put(asset_id, text.web_vtt, TEXT_TYPE)
    warnings = []
    if text.moved_hours:
        warnings = [{"code": cue_times.MOVED, "message": cue_times.moved_message(text.moved_hours)}]
    return {"text": stored.sha256, "warnings": warnings}


async def _warn(connection: Connection, asset_id: AssetId, made: dict[str, Any]) -> None:
    for warning in made["warnings"]:
        await assets.warn(connection, asset_id, warning["code"], warning["message"])


async def text_of(context: Context, track: Track) -> str | None:
    """The text of a track as WebVTT; None where it has none. Raises ObjectMissing and Transient."""
    sha256 = (track.made or {}).get("text")
    if sha256 is None:
        return None
    body = await context.storage.get(context.settings.media_bucket, keys.media_object(track.asset_id, sha256))
    return body.decode()


def _check_version(request: web.Request, track: Track) -> None:
    """Raises Problem(428) without If-Match, and Problem(412) where its ETag is not the current one."""
    etag = request.headers.get("If-Match")
    if etag is None and request.path.startswith("/studio/"):
        etag = request.query.get("etag")  # a form sends no headers of its own
    if etag is None:
        raise Problem(
            428,
            "if_match_missing",
            "The If-Match header is required.",
            hint="GET the track and send its ETag in If-Match.",
        )
    if etag.strip() not in (_etag(track), "*"):
        raise _changed_meanwhile()


def _changed_meanwhile() -> Problem:
    return Problem(
        412,
        "changed",
        "The track has changed since it was read.",
        hint="GET it again and apply your change to the new text.",
    )


async def _hint(context: Context, queued: list[QueuedStep]) -> None:
    await context.hint([(step, kind) for step, kind in queued if step])


async def _requested_track(request: web.Request) -> Track:
    return await _of_owner(request, ident(request, "track_id", "track"))


async def _of_owner(request: web.Request, track_id: str) -> Track:
    asset_id = ident(request, "asset_id", "asset")
    track = await tracks.of_owner(request.app[CONTEXT].pool, TrackId(track_id), asset_id, owner_of(request))
    if track is None:
        raise not_found("track")
    return track


def _etag(track: Track) -> str:
    return f'"{track.version}"'


def _shown(track: Track, text: str | None = None) -> responses.TrackShape:
    return responses.TrackShape(
        id=track.id,
        kind=track.kind,
        language=track.language,
        language_probability=track.language_probability,
        name=track.name,
        forced=track.forced,
        status=track.status,
        progress=None if track.progress is None else round(track.progress, 3),
        source=track.source,
        generated=track.generated,
        model=track.model,
        reviewed=track.reviewed,
        etag=_etag(track),
        warnings=[responses.Warned.model_validate(warning) for warning in track.warnings],
        doubtful=[responses.Doubtful.model_validate(doubt) for doubt in track.doubtful],
        error=responses.Failure.model_validate(track.error) if track.error else None,
        text=text,
        updated_at=track.updated_at,
    )


async def requested_with_text(request: web.Request) -> tuple[responses.TrackShape, str | None]:
    """The track of the path as the API shows it, with its text as WebVTT; and the caption profile it was made by.

    Raises Problem(404).
    """
    track = await _requested_track(request)
    wanted = track.wanted or {}
    made_by = wanted.get("generate") or wanted.get("translate") or {}
    return _shown(track, await text_of(request.app[CONTEXT], track)), made_by.get("profile")


def _answer(track: Track, *, status: int = 200, text: str | None = None) -> web.Response:
    response = answer(_shown(track, text), status=status)
    response.headers["ETag"] = _etag(track)
    return response
