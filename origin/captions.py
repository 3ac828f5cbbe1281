"""What is said in a title, for its players: chapters, and where a phrase is said.

Out of the captions that are published, so a correction of those corrects both.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web

from core import keys
from core.errors import ObjectMissing
from core.media import Blob, Cue
from core.model import Policy
from core.problems import Problem
from origin import sessions
from origin.context import CONTEXT, Context
from origin.files import compressed
from origin.sessions import Visitor
from packager import captions, vtt
from packager.revision import VTT_TYPE, File, Manifest
from subtitles.chapters import as_cues, chapters
from subtitles.search import search

routes = web.RouteTableDef()
KEPT = 64
LONGEST_PHRASE = 200


@routes.get("/play/{playback_id}/chapters.{extension:vtt|json}")
async def listed(request: web.Request) -> web.Response:
    """Where the topic changes: WebVTT for players, JSON for everybody else. Empty where there is nothing to divide."""
    visitor, manifest, language, text = await _spoken(request)
    cues = await _cues(request.app[CONTEXT], visitor, text)
    found = await asyncio.to_thread(chapters, cues, round(manifest.duration_s * 1000))
    if request.match_info["extension"] == "vtt":
        return _answer(request, visitor, vtt.whole(as_cues(found)), VTT_TYPE)
    told = [{"start": one.start_ms / 1000, "end": one.end_ms / 1000, "title": one.title} for one in found]
    return _answer(request, visitor, json.dumps({"language": language, "chapters": told}), "application/json")


@routes.get("/play/{playback_id}/search")
async def find(request: web.Request) -> web.Response:
    """The moments where `q` is said; case, accents and marks do not count."""
    sought = request.query.get("q", "")
    if not 0 < len(sought) <= LONGEST_PHRASE:
        raise Problem(422, "invalid", f"q is what to look for, of at most {LONGEST_PHRASE} characters.")
    visitor, _, language, text = await _spoken(request)
    cues = await _cues(request.app[CONTEXT], visitor, text)
    found = await asyncio.to_thread(search, cues, sought)
    told = [{"start": one.start_ms / 1000, "end": one.end_ms / 1000, "text": one.text} for one in found]
    return _answer(request, visitor, json.dumps({"language": language, "found": told}), "application/json")


async def _spoken(request: web.Request) -> tuple[Visitor, Manifest, str, Blob]:
    """The captions in `language`, or else the first. Raises Problem, also where there are none."""
    context, visitor = request.app[CONTEXT], await sessions.visitor_of(request)
    try:
        manifest = await context.manifests.get(visitor.published.asset_id, sessions.revision_of(visitor))
    except ObjectMissing as exc:  # still growing: its first revision has no manifest
        raise Problem(404, "not_ready", "The video is not ready yet.", hint="Try again in a moment.") from exc
    wanted = request.query.get("language", "").partition("-")[0]
    for track in manifest.subtitles:
        if track.whole is not None and wanted in ("", track.language.partition("-")[0]):
            return visitor, manifest, track.language, track.whole
    raise Problem(404, "not_found", "This video has no such captions.")


async def _cues(context: Context, visitor: Visitor, blob: Blob) -> Sequence[Cue]:
    key = keys.media_object(visitor.published.asset_id, blob.sha256)
    file = File(key=key, size_bytes=blob.size_bytes, sha256=blob.sha256, type=VTT_TYPE)
    try:
        async with context.cache.opened(file) as opened:
            body = os.pread(opened, blob.size_bytes, 0)
    except ObjectMissing as exc:  # the asset was deleted while its manifest was kept here
        raise Problem(410, "gone", "This video is no longer shown.") from exc
    return await asyncio.to_thread(_read, body)


@lru_cache(maxsize=KEPT)
def _read(body: bytes) -> tuple[Cue, ...]:
    return tuple(captions.cues(body))


def _answer(request: web.Request, visitor: Visitor, text: str, kind: str) -> web.Response:
    whom = "public" if visitor.published.policy is Policy.PUBLIC else "private"
    headers = {"Content-Type": kind, "Cache-Control": f"{whom}, max-age=60, stale-while-revalidate=600"}
    return compressed(request, text.encode(), headers)
