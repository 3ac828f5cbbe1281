"""Chapters of a title, and search in what is said in it, for its players.

Both are made from the published captions, so that correcting those corrects both; chapters that the owner has given
come before those.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from core.db.playback_ids import Published
from core.http.problems import Problem
from core.media.encoded import Blob
from core.model import AssetId, Policy, RevisionId
from origin import access
from origin.context import CONTEXT, Context
from origin.delivery.transcripts import Transcript, TranscriptKey
from origin.playback import sessions
from origin.playback.sessions import Visitor
from packager.revision import VTT_TYPE, Manifest
from subtitles.cues import own_chapters
from subtitles.cues.chapters import Chapter, as_cues
from subtitles.formats import vtt_writer

routes = web.RouteTableDef()
MAX_PHRASE_CHARS = 200
MAX_TEXT_CHARS = 500  # of one match: a cue may hold a whole book, and 200 matches are answered


@routes.get("/play/{playback_id}/chapters.{extension:vtt|json}")
async def show_chapters(request: web.Request) -> web.Response:
    """Where the topic changes: WebVTT for players, JSON for everything else. Empty for a title without chapters."""
    visitor = await sessions.visitor_of(request)
    language, found = await _chapters(request, visitor)
    if request.match_info["extension"] == "vtt":
        return _answer(visitor, vtt_writer.whole(as_cues(found)), VTT_TYPE)
    chapters = [
        {"start": chapter.start_ms / 1000, "end": chapter.end_ms / 1000, "title": chapter.title} for chapter in found
    ]
    return _answer(visitor, json.dumps({"language": language, "chapters": chapters}), "application/json")


@routes.get("/play/{playback_id}/search")
async def search(request: web.Request) -> web.Response:
    """The moments where the phrase `q` is said; case, accents and marks are ignored."""
    phrase = request.query.get("q", "")
    if not 0 < len(phrase) <= MAX_PHRASE_CHARS:
        detail = f"q must be the phrase to search for, of at most {MAX_PHRASE_CHARS} characters."
        raise Problem(422, "invalid", detail, hint="As in ?q=first+words.")
    visitor = await sessions.visitor_of(request)
    language, transcript = await _transcript(request, visitor)
    matches = [
        {"start": match.start_ms / 1000, "end": match.end_ms / 1000, "text": match.text[:MAX_TEXT_CHARS]}
        for match in transcript.index.find(phrase)
    ]
    return _answer(visitor, json.dumps({"language": language, "found": matches}), "application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said in a title, and its chapters, in order. No transcript of a title without captions."""

    transcript: Transcript | None
    chapters: Sequence[Chapter]


NOTHING = Said(transcript=None, chapters=())


async def of_title(context: Context, published: Published, revision_id: RevisionId) -> Said:
    """By its first captions, and its owner's own chapters before those. Raises KadrError where they cannot be read."""
    asset_id = published.asset_id
    manifest = await context.manifests.get((asset_id, revision_id))
    found = _caption_file(manifest, "")
    transcript = None if found is None else await _read(context, asset_id, manifest, found[1])
    own = await _own_chapters(context, published, float(manifest.duration_s))
    return Said(transcript=transcript, chapters=own or (transcript.chapters if transcript else ()))


async def _chapters(request: web.Request, visitor: Visitor) -> tuple[str | None, Sequence[Chapter]]:
    """(language, chapters): the owner's own, whose language nobody has said, or else those of the captions."""
    context, published = request.app[CONTEXT], visitor.published
    if published.chapters_version is None:
        language, transcript = await _transcript(request, visitor)
        return language, transcript.chapters
    with access.missing_is_removed():
        content = await sessions.content_of(context, visitor, sessions.revision_of(visitor))
    return None, await _own_chapters(context, published, content.duration_s)


async def _own_chapters(context: Context, published: Published, duration_s: float) -> Sequence[Chapter]:
    """The owner's own chapters; none where the owner has given none."""
    if published.chapters_version is None:
        return ()
    given = await context.own_chapters.get((published.asset_id, published.chapters_version))
    return own_chapters.whole(given, round(duration_s * 1000))


async def _transcript(request: web.Request, visitor: Visitor) -> tuple[str, Transcript]:
    """The captions in the `language` of the query, or the first ones. Raises Problem, also where there are none."""
    context = request.app[CONTEXT]
    asset_id = visitor.published.asset_id
    manifest = await access.ready_manifest(context, asset_id, sessions.revision_of(visitor))
    found = _caption_file(manifest, request.query.get("language", ""))
    if found is None:
        raise Problem(404, "not_found", "This video has no such captions.", hint="Its asset lists its tracks.")
    language, blob = found
    with access.missing_is_removed():
        return language, await _read(context, asset_id, manifest, blob)


async def _read(context: Context, asset_id: AssetId, manifest: Manifest, blob: Blob) -> Transcript:
    key = TranscriptKey(asset_id=asset_id, blob=blob, duration_s=manifest.duration_s)
    return await context.transcripts.get(key)


def _caption_file(manifest: Manifest, language: str) -> tuple[str, Blob] | None:
    """(language, file) of the first captions in that language; regions are ignored. None where there are none."""
    primary = language.partition("-")[0]
    for track in manifest.subtitles:
        if track.whole is not None and not track.forced and primary in ("", track.language.partition("-")[0]):
            return track.language, track.whole
    return None


def _answer(visitor: Visitor, text: str, content_type: str) -> web.Response:
    scope = "public" if visitor.published.policy is Policy.PUBLIC else "private"
    headers = {"Content-Type": content_type, "Cache-Control": f"{scope}, max-age=60"}
    return web.Response(body=text.encode(), headers=headers)
