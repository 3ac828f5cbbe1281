"""A URL -> everything that is below it, as facts for the rules.

In: the URL of a multivariant playlist. Out: `Title`. A file that is missing or broken is told and left out, so that the
rest is still checked; only without the first playlist there is nothing to check (CannotCheck).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from core.errors import KadrError
from kadr.check import aes, boxes, dash, playlist, vtt
from kadr.check.boxes import BoxFault, Init
from kadr.check.facts import Answer, Dash, Segment, Steering, Title, Track, Unread
from kadr.check.fetch import CannotRead, Files, Limits, files
from kadr.check.listed import Entry, Key, Map, Media, Multivariant, SegmentLine
from kadr.check.playlist import NotAPlaylist

MANIFEST_NAME = "manifest.mpd"
Progress = Callable[[int, int], None]  # files read, files known of
T = TypeVar("T")


class CannotCheck(KadrError):
    """There is no multivariant playlist to begin with; says why."""


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    files: Files
    on_progress: Progress
    answers: dict[str, Answer] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    keys: dict[str, asyncio.Task[bytes]] = field(default_factory=dict)
    inits: dict[Map, asyncio.Task[Init | None]] = field(default_factory=dict)
    read: int = 0
    known: int = 1

    def expect(self, count: int) -> None:
        self.known += count

    def done(self) -> None:
        self.read += 1
        self.on_progress(self.read, self.known)

    def missing(self, url: str, rule: str, what: str) -> None:
        self.unread.append(Unread(url=url, rule=rule, what=what))


async def gather(url: str, *, dash_url: str | None, limits: Limits, on_progress: Progress) -> Title:
    """Raises CannotCheck."""
    try:
        async with asyncio.timeout(limits.total_s), files(url, limits) as opened:
            return await _title(_Found(opened, on_progress), url, dash_url)
    except TimeoutError as exc:
        raise CannotCheck(f"{url}: not all of it came within {limits.total_s:g} s") from exc


async def _title(found: _Found, url: str, dash_url: str | None) -> Title:
    try:
        multivariant = await _read_playlist(found, url, {})
    except (CannotRead, NotAPlaylist) as exc:
        raise CannotCheck(f"{url}: {exc}") from exc
    if not isinstance(multivariant, Multivariant):
        raise CannotCheck(f"{url}: this is a media playlist; give the URL of the multivariant one")
    roles = _roles(multivariant)
    found.expect(len(roles))
    read = await _all(_media(found, each, multivariant) for each in roles)
    media = {each: listed for each, listed in zip(roles, read, strict=True) if listed is not None}
    played = [each for each in media if roles[each] != "iframes"]
    found.expect(sum(len(media[each].segments) for each in played))
    tracks = dict(
        zip(played, await _all(_track(found, each, roles[each], media[each]) for each in played), strict=True)
    )
    seen = {segment.line.url: segment for track in tracks.values() for segment in track.segments}
    for each in media:
        if roles[each] == "iframes":
            tracks[each] = await _iframes(found, each, media[each], seen)
    return Title(
        multivariant=multivariant,
        tracks=tracks,
        ranges=await _ranges(found, tracks),
        steering=await _steering(found, multivariant),
        dash=await _dash(found, dash_url or urljoin(url, MANIFEST_NAME), tracks, demanded=dash_url is not None),
        answers=found.answers,
        unread=tuple(found.unread),
    )


def _roles(multivariant: Multivariant) -> dict[str, str]:
    """What each media playlist is named for; one that is named twice is read once, as what it is first."""
    named: list[tuple[Entry, str]] = [
        *((entry, entry["TYPE"]) for entry in multivariant.renditions),
        *((entry, "variant") for entry in multivariant.variants),
        *((entry, "iframes") for entry in multivariant.iframe_variants),
    ]
    roles: dict[str, str] = {}
    for entry, role in named:
        if entry.url is not None:
            roles.setdefault(entry.url, role)
    return roles


async def _all(work: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """All at once, in their order. The limits are in Files."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]


async def _read_playlist(found: _Found, url: str, variables: Mapping[str, str]) -> Multivariant | Media:
    body, answer = await found.files.read(url)
    found.answers[url] = answer
    found.done()
    try:
        return playlist.read(body.decode("utf-8"), url, variables)
    except UnicodeDecodeError as exc:
        raise NotAPlaylist("it is no UTF-8") from exc


async def _media(found: _Found, url: str, multivariant: Multivariant) -> Media | None:
    try:
        media = await _read_playlist(found, url, multivariant.variables)
    except (CannotRead, NotAPlaylist) as exc:
        found.missing(url, "reach", f"{exc}")
        return None
    if isinstance(media, Multivariant):
        found.missing(url, "syntax", "a media playlist belongs here, this is a multivariant one")
        return None
    return media


async def _track(found: _Found, url: str, role: str, media: Media) -> Track:
    segments = await _all(_segment(found, line, role) for line in media.segments)
    return Track(url=url, role=role, media=media, segments=tuple(segments))


async def _segment(found: _Found, line: SegmentLine, role: str) -> Segment:
    init = await _init(found, line.map) if line.map else None
    span_bytes = line.span.end - line.span.start if line.span else 0
    try:
        body, answer = await found.files.read(line.url, line.span)
        found.answers[line.url] = answer
        body = await _plain(found, body, line.key, line.number)
    except CannotRead as exc:
        found.missing(line.url, "reach", f"{exc}")
        return Segment(line=line, size_bytes=span_bytes, init=init)
    finally:
        found.done()
    if role == "SUBTITLES" and line.map is None:
        return Segment(line=line, size_bytes=len(body), text=vtt.read(body.decode("utf-8", "replace")))
    if init is None:
        return Segment(line=line, size_bytes=answer.size_bytes)
    try:
        # Sizes are of what travels; bytes are looked into as they play.
        media = boxes.media_segment(body, init)
        return Segment(line=line, size_bytes=span_bytes or answer.size_bytes, init=init, media=media)
    except BoxFault as exc:
        found.missing(line.url, "boxes", f"{exc}")
        return Segment(line=line, size_bytes=span_bytes or answer.size_bytes, init=init)


async def _init(found: _Found, wanted: Map) -> Init | None:
    """Read once, however many segments need it."""

    async def read() -> Init | None:
        try:
            body, found.answers[wanted.url] = await found.files.read(wanted.url, wanted.span)
            return boxes.init_segment(await _plain(found, body, wanted.key, 0))
        except (CannotRead, BoxFault) as exc:
            found.missing(wanted.url, "boxes" if isinstance(exc, BoxFault) else "reach", f"{exc}")
            return None

    if wanted not in found.inits:
        found.inits[wanted] = asyncio.create_task(read())
    return await found.inits[wanted]


async def _plain(found: _Found, body: bytes, key: Key | None, number: int) -> bytes:
    """Raises CannotRead where the key is missing or is another's."""
    if key is None or key.method != "AES-128" or key.url is None:
        return body
    if key.url not in found.keys:
        found.keys[key.url] = asyncio.create_task(_key(found, key.url))
    try:
        return aes.plain(body, await found.keys[key.url], number if key.iv is None else key.iv)
    except ValueError as exc:
        raise CannotRead(f"its key does not open it: {exc}") from exc


async def _key(found: _Found, url: str) -> bytes:
    body, found.answers[url] = await found.files.read(url)
    if len(body) != aes.KEY_BYTES:
        raise CannotRead(f"its key has {len(body)} bytes, not {aes.KEY_BYTES}")
    return body


async def _iframes(found: _Found, url: str, media: Media, seen: dict[str, Segment]) -> Track:
    """Over the files that were read already; a file that only this playlist names is read whole."""
    alone = {line.url: line for line in media.segments if line.url not in seen}
    whole_files = [replace(line, span=None) for line in alone.values()]
    found.expect(len(whole_files))
    for segment in await _all(_segment(found, line, "iframes") for line in whole_files):
        seen[segment.line.url] = segment
    segments = []
    for line in media.segments:
        whole = seen[line.url]
        size = line.span.end - line.span.start if line.span else whole.size_bytes
        init = await _init(found, line.map) if line.map else None
        segments.append(Segment(line=line, size_bytes=size, init=init, media=whole.media))
    return Track(url=url, role="iframes", media=media, segments=tuple(segments))


async def _ranges(found: _Found, tracks: dict[str, Track]) -> dict[str, Answer]:
    """How the first byte range of each I-frame playlist is answered."""
    answers = {}
    for track in tracks.values():
        line = next((s.line for s in track.segments if s.line.span), None) if track.role == "iframes" else None
        if line is not None and not line.url.startswith("file:"):
            try:
                _, answers[track.url] = await found.files.read(line.url, line.span)
            except CannotRead as exc:
                found.missing(line.url, "reach", f"{exc}")
    return answers


async def _steering(found: _Found, multivariant: Multivariant) -> Steering | None:
    """Asked as players ask, with the pathway they are on."""
    entry = multivariant.steering
    if entry is None or entry.url is None or entry.url.startswith("file:"):
        return None
    parts = urlsplit(entry.url)
    asked = urlencode({"_HLS_pathway": entry["PATHWAY-ID"] or ".", "_HLS_throughput": 5_000_000})
    url = urlunsplit(parts._replace(query=f"{parts.query}&{asked}" if parts.query else asked))
    try:
        body, answer = await found.files.read(url)
    except CannotRead as exc:
        found.missing(entry.url, "steering", f"{exc}")
        return None
    return Steering(answer=answer, body=body.decode("utf-8", "replace"))


async def _dash(found: _Found, url: str, tracks: dict[str, Track], *, demanded: bool) -> Dash | None:
    """The manifest beside the playlist, where there is one; or the one that was asked for."""
    try:
        body, answer = await found.files.read(url)
    except CannotRead as exc:
        if demanded:
            found.missing(url, "reach", f"{exc}")
        return None
    if not demanded and b"<MPD" not in body:  # some sites answer whatever is asked for
        return None
    found.answers[url] = answer
    try:
        read = dash.read(body.decode("utf-8", "replace"), url)
    except dash.NotAManifest as exc:
        found.missing(url, "dash", f"{exc}")
        return None
    listed = {url for track in read.tracks for url, _ in track.segments} | {track.init_url for track in read.tracks}
    # What HLS lists too is known to be there, or told as missing already.
    unknown = sorted(listed - set(found.answers) - {unread.url for unread in found.unread})
    there = await _all(found.files.exists(each) for each in unknown)
    missing = tuple(each for each, exists in zip(unknown, there, strict=True) if not exists)
    return Dash(url=url, duration_s=read.duration_s, tracks=read.tracks, missing=missing)
