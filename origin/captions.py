"""What is said in a title, for its players: chapters, and where a phrase is said.

Out of the captions that are published, so a correction of those corrects both. Each text is read once and kept, with
its chapters: the watch page asks on every load.
"""

import asyncio
import json
import os
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction

from aiohttp import web

from core import keys
from core.errors import ObjectMissing
from core.media import Blob
from core.model import AssetId, Policy
from core.problems import Problem
from origin import sessions
from origin.cache import Cache
from origin.context import CONTEXT
from origin.sessions import Visitor
from packager import captions, vtt
from packager.revision import VTT_TYPE, File, Manifest
from subtitles.chapters import Chapter, as_cues, chapters
from subtitles.search import Index

routes = web.RouteTableDef()
KEPT_BYTES = 16 * 1024 * 1024  # of texts; what is made of one takes some times as much
READ_AT_ONCE = 2
LONGEST_PHRASE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One text of captions, made ready."""

    index: Index
    chapters: list[Chapter]


class Texts:
    """Captions by their hash, the least recently asked for thrown away. Many asking for one have it read once."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._turns = asyncio.Semaphore(READ_AT_ONCE)
        self._kept: OrderedDict[str, tuple[int, asyncio.Task[Spoken]]] = OrderedDict()
        self._bytes = 0

    async def get(self, asset_id: AssetId, blob: Blob, duration_s: Fraction) -> Spoken:
        """Raises ObjectMissing and Transient."""
        name = f"{blob.sha256} {duration_s}"
        if name not in self._kept:
            self._kept[name] = blob.size_bytes, asyncio.create_task(self._read(asset_id, blob, duration_s))
            self._bytes += blob.size_bytes
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                _, (size, _) = self._kept.popitem(last=False)
                self._bytes -= size
        self._kept.move_to_end(name)
        reading = self._kept[name][1]
        try:
            # One viewer leaving must not cancel the read the others wait for.
            return await asyncio.shield(reading)
        finally:
            self._forget_failed(name, reading)

    def _forget_failed(self, name: str, reading: asyncio.Task[Spoken]) -> None:
        kept = self._kept.get(name)
        failed = reading.done() and (reading.cancelled() or reading.exception() is not None)
        if failed and kept is not None and kept[1] is reading:
            del self._kept[name]
            self._bytes -= kept[0]

    async def _read(self, asset_id: AssetId, blob: Blob, duration_s: Fraction) -> Spoken:
        key = keys.media_object(asset_id, blob.sha256)
        file = File(key=key, size_bytes=blob.size_bytes, sha256=blob.sha256, type=VTT_TYPE)
        async with self._turns:
            async with self._cache.opened(file) as opened:
                body = os.pread(opened, blob.size_bytes, 0)
            return await asyncio.to_thread(_spoken, body, round(duration_s * 1000))


def _spoken(body: bytes, duration_ms: int) -> Spoken:
    cues = captions.cues(body)
    return Spoken(index=Index(cues), chapters=chapters(cues, duration_ms))


TEXTS = web.AppKey("texts", Texts)


@routes.get("/play/{playback_id}/chapters.{extension:vtt|json}")
async def listed(request: web.Request) -> web.Response:
    """Where the topic changes: WebVTT for players, JSON for everybody else. Empty where there is nothing to divide."""
    visitor, language, spoken = await _asked(request)
    if request.match_info["extension"] == "vtt":
        return _answer(visitor, vtt.whole(as_cues(spoken.chapters)), VTT_TYPE)
    told = [{"start": one.start_ms / 1000, "end": one.end_ms / 1000, "title": one.title} for one in spoken.chapters]
    return _answer(visitor, json.dumps({"language": language, "chapters": told}), "application/json")


@routes.get("/play/{playback_id}/search")
async def find(request: web.Request) -> web.Response:
    """The moments where `q` is said; case, accents and marks do not count."""
    sought = request.query.get("q", "")
    if not 0 < len(sought) <= LONGEST_PHRASE:
        told = f"q is what to look for, of at most {LONGEST_PHRASE} characters."
        raise Problem(422, "invalid", told, hint="As in ?q=first+words.")
    visitor, language, spoken = await _asked(request)
    found = spoken.index.find(sought)
    told_found = [{"start": one.start_ms / 1000, "end": one.end_ms / 1000, "text": one.text} for one in found]
    return _answer(visitor, json.dumps({"language": language, "found": told_found}), "application/json")


async def _asked(request: web.Request) -> tuple[Visitor, str, Spoken]:
    """The captions in `language`, or else the first. Raises Problem, also where there are none."""
    context, visitor = request.app[CONTEXT], await sessions.visitor_of(request)
    asset_id = visitor.published.asset_id
    try:
        manifest = await context.manifests.get(asset_id, sessions.revision_of(visitor))
    except ObjectMissing as exc:  # still growing: its first revision has no manifest
        raise Problem(404, "not_ready", "The video is not ready yet.", hint="Try again in a moment.") from exc
    language, blob = _text(manifest, request.query.get("language", ""))
    try:
        return visitor, language, await request.app[TEXTS].get(asset_id, blob, manifest.duration_s)
    except ObjectMissing as exc:  # the asset was deleted while its manifest was kept here
        raise Problem(410, "gone", "This video is no longer shown.") from exc


def _text(manifest: Manifest, language: str) -> tuple[str, Blob]:
    wanted = language.partition("-")[0]
    for track in manifest.subtitles:
        if track.whole is not None and wanted in ("", track.language.partition("-")[0]):
            return track.language, track.whole
    raise Problem(404, "not_found", "This video has no such captions.", hint="Its asset lists the tracks there are.")


def _answer(visitor: Visitor, text: str, kind: str) -> web.Response:
    whom = "public" if visitor.published.policy is Policy.PUBLIC else "private"
    return web.Response(body=text.encode(), headers={"Content-Type": kind, "Cache-Control": f"{whom}, max-age=60"})
