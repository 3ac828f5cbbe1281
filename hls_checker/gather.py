"""Read a multivariant playlist and everything below it, as facts for the rules.

In: the URL of a multivariant playlist. Out: `Title`. A missing or broken file is recorded in `unread` and left out, so
that the rest is still checked; only a multivariant playlist that cannot be read is an error (CannotCheck).
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from hls_checker import aes, boxes, dash, playlist, vtt
from hls_checker.boxes import BoxFault, Init
from hls_checker.decode import decode
from hls_checker.errors import CheckError
from hls_checker.facts import Answer, Dash, Decoded, Segment, Steering, Title, Track, Unread
from hls_checker.fetch import CannotRead, CheckLimits, Files, files
from hls_checker.listed import Entry, Key, Map, Media, Multivariant, SegmentLine
from hls_checker.playlist import NotAPlaylist

MANIFEST_NAME = "manifest.mpd"
Progress = Callable[[int, int], None]  # files read, files known of
T = TypeVar("T")


class CannotCheck(CheckError):
    """The multivariant playlist cannot be read."""


@dataclass(slots=True)
class _Reading:
    """State of one check: answers, failures, and keys and init segments that are read once."""

    files: Files
    on_progress: Progress
    folder: Path | None = None  # where media is kept to be decoded
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

    def keep(self, line: Map | SegmentLine, body: bytes) -> None:
        """Keep the bytes of an init segment or a segment, where they are to be decoded."""
        if self.folder is not None:
            self.kept(line).write_bytes(body)

    def kept(self, line: Map | SegmentLine) -> Path:
        """The file in which `keep` stores the bytes of an init segment or a segment."""
        assert self.folder is not None  # noqa: S101 - asked for only where something is kept
        return self.folder / hashlib.sha256(f"{line.url} {line.span}".encode()).hexdigest()

    def missing(self, url: str, rule: str, what: str) -> None:
        self.unread.append(Unread(url=url, rule=rule, what=what))


async def gather(
    url: str,
    *,
    dash_url: str | None = None,
    limits: CheckLimits | None = None,
    decoding: bool = False,
    on_progress: Progress = lambda _read, _known: None,
) -> Title:
    """Read the multivariant playlist at `url`, everything below it, and the DASH manifest beside it or at `dash_url`.

    `on_progress` is called after each file. With `decoding` every track is decoded, too. Raises CannotCheck.
    """
    limits = limits or CheckLimits()
    try:
        with tempfile.TemporaryDirectory(prefix="kadr-check-") as folder:
            async with asyncio.timeout(limits.total_s), files(url, limits) as opened:
                reading = _Reading(opened, on_progress, Path(folder) if decoding else None)
                return await _title(reading, url, dash_url)
    except TimeoutError as exc:
        raise CannotCheck(f"{url}: not all of it came within {limits.total_s:g} s") from exc


async def _title(reading: _Reading, url: str, dash_url: str | None) -> Title:
    try:
        multivariant = await _read_playlist(reading, url, {})
    except (CannotRead, NotAPlaylist) as exc:
        raise CannotCheck(f"{url}: {exc}") from exc
    if not isinstance(multivariant, Multivariant):
        raise CannotCheck(f"{url}: this is a media playlist; give the URL of the multivariant one")
    roles = _roles(multivariant)
    reading.expect(len(roles))
    read = await _all(_media(reading, each, multivariant) for each in roles)
    media = {each: listed for each, listed in zip(roles, read, strict=True) if listed is not None}
    played = [each for each in media if roles[each] != "iframes"]
    reading.expect(sum(len(media[each].segments) for each in played))
    tracks = dict(
        zip(played, await _all(_track(reading, each, roles[each], media[each]) for each in played), strict=True)
    )
    seen = {segment.line.url: segment for track in tracks.values() for segment in track.segments}
    for each in media:
        if roles[each] == "iframes":
            tracks[each] = await _iframes(reading, each, media[each], seen)
    return Title(
        multivariant=multivariant,
        tracks=tracks,
        ranges=await _ranges(reading, tracks),
        steering=await _steering(reading, multivariant),
        dash=await _dash(reading, dash_url or urljoin(url, MANIFEST_NAME), tracks, demanded=dash_url is not None),
        answers=reading.answers,
        unread=tuple(reading.unread),
    )


def _roles(multivariant: Multivariant) -> dict[str, str]:
    """{URL: role} of each media playlist; one that is listed twice has its first role."""
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
    """Run all coroutines concurrently; results in their order. `Files` limits the requests."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]


async def _read_playlist(reading: _Reading, url: str, variables: Mapping[str, str]) -> Multivariant | Media:
    body, answer = await reading.files.read(url)
    reading.answers[url] = answer
    reading.done()
    try:
        return playlist.read(body.decode("utf-8"), url, variables)
    except UnicodeDecodeError as exc:
        raise NotAPlaylist("it is no UTF-8") from exc


async def _media(reading: _Reading, url: str, multivariant: Multivariant) -> Media | None:
    try:
        media = await _read_playlist(reading, url, multivariant.variables)
    except (CannotRead, NotAPlaylist) as exc:
        reading.missing(url, "reach", f"{exc}")
        return None
    if isinstance(media, Multivariant):
        reading.missing(url, "syntax", "a media playlist belongs here, this is a multivariant one")
        return None
    return media


async def _track(reading: _Reading, url: str, role: str, media: Media) -> Track:
    segments = await _all(_segment(reading, line, role) for line in media.segments)
    track = Track(url=url, role=role, media=media, segments=tuple(segments))
    return replace(track, decoded=await _decoded(reading, track)) if reading.folder else track


async def _decoded(reading: _Reading, track: Track) -> Decoded | None:
    """The decoded track; None where it is text, encrypted, not whole, or has more than one init segment."""
    lines = [segment.line for segment in track.segments]
    maps = list(dict.fromkeys(line.map for line in lines))
    entry = track.init.entry if track.init else None
    if track.kind == "text" or not track.whole or len(maps) != 1 or maps[0] is None or entry is None or entry.protected:
        return None
    kept = [reading.kept(maps[0]), *(reading.kept(line) for line in lines)]
    decoded = await decode(kept, kept[0].with_suffix(".mp4"))
    for file in kept[1:]:
        file.unlink(missing_ok=True)
    return decoded


async def _segment(reading: _Reading, line: SegmentLine, role: str) -> Segment:
    init = await _init(reading, line.map) if line.map else None
    span_bytes = line.span.end - line.span.start if line.span else 0
    try:
        body, answer = await reading.files.read(line.url, line.span)
        reading.answers[line.url] = answer
        body = await _plain(reading, body, line.key, line.number)
        reading.keep(line, body)
    except CannotRead as exc:
        reading.missing(line.url, "reach", f"{exc}")
        return Segment(line=line, size_bytes=span_bytes, init=init)
    finally:
        reading.done()
    if role == "SUBTITLES" and line.map is None:
        return Segment(line=line, size_bytes=len(body), text=vtt.read(body.decode("utf-8", "replace")))
    if init is None:
        return Segment(line=line, size_bytes=answer.size_bytes)
    try:
        # Sizes are of what travels; bytes are looked into as they play.
        media = boxes.media_segment(body, init)
        return Segment(line=line, size_bytes=span_bytes or answer.size_bytes, init=init, media=media)
    except BoxFault as exc:
        reading.missing(line.url, "boxes", f"{exc}")
        return Segment(line=line, size_bytes=span_bytes or answer.size_bytes, init=init)


async def _init(reading: _Reading, init_map: Map) -> Init | None:
    """The init segment of a map, read once for all segments; None where it cannot be read."""

    async def read() -> Init | None:
        try:
            body, reading.answers[init_map.url] = await reading.files.read(init_map.url, init_map.span)
            body = await _plain(reading, body, init_map.key, 0)
            reading.keep(init_map, body)
            return boxes.init_segment(body)
        except (CannotRead, BoxFault) as exc:
            reading.missing(init_map.url, "boxes" if isinstance(exc, BoxFault) else "reach", f"{exc}")
            return None

    if init_map not in reading.inits:
        reading.inits[init_map] = asyncio.create_task(read())
    return await reading.inits[init_map]


async def _plain(reading: _Reading, body: bytes, key: Key | None, number: int) -> bytes:
    """The decrypted bytes of a segment. Raises CannotRead where the key is missing or does not fit."""
    if key is None or key.method != "AES-128" or key.url is None:
        return body
    if key.url not in reading.keys:
        reading.keys[key.url] = asyncio.create_task(_key(reading, key.url))
    try:
        return aes.plain(body, await reading.keys[key.url], number if key.iv is None else key.iv)
    except ValueError as exc:
        raise CannotRead(f"its key does not open it: {exc}") from exc


async def _key(reading: _Reading, url: str) -> bytes:
    body, reading.answers[url] = await reading.files.read(url)
    if len(body) != aes.KEY_BYTES:
        raise CannotRead(f"its key has {len(body)} bytes, not {aes.KEY_BYTES}")
    return body


async def _iframes(reading: _Reading, url: str, media: Media, seen: dict[str, Segment]) -> Track:
    """Over the files that were read already; a file that only this playlist names is read whole."""
    alone = {line.url: line for line in media.segments if line.url not in seen}
    whole_files = [replace(line, span=None) for line in alone.values()]
    reading.expect(len(whole_files))
    for segment in await _all(_segment(reading, line, "iframes") for line in whole_files):
        seen[segment.line.url] = segment
    segments = []
    for line in media.segments:
        whole = seen[line.url]
        size = line.span.end - line.span.start if line.span else whole.size_bytes
        init = await _init(reading, line.map) if line.map else None
        segments.append(Segment(line=line, size_bytes=size, init=init, media=whole.media))
    return Track(url=url, role="iframes", media=media, segments=tuple(segments))


async def _ranges(reading: _Reading, tracks: dict[str, Track]) -> dict[str, Answer]:
    """How the first byte range of each I-frame playlist is answered."""
    answers = {}
    for track in tracks.values():
        line = next((s.line for s in track.segments if s.line.span), None) if track.role == "iframes" else None
        if line is not None and not line.url.startswith("file:"):
            try:
                _, answers[track.url] = await reading.files.read(line.url, line.span)
            except CannotRead as exc:
                reading.missing(line.url, "reach", f"{exc}")
    return answers


async def _steering(reading: _Reading, multivariant: Multivariant) -> Steering | None:
    """Asked as players ask, with the pathway they are on."""
    entry = multivariant.steering
    if entry is None or entry.url is None or entry.url.startswith("file:"):
        return None
    parts = urlsplit(entry.url)
    query = urlencode({"_HLS_pathway": entry["PATHWAY-ID"] or ".", "_HLS_throughput": 5_000_000})
    url = urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))
    try:
        body, answer = await reading.files.read(url)
    except CannotRead as exc:
        reading.missing(entry.url, "steering", f"{exc}")
        return None
    return Steering(answer=answer, body=body.decode("utf-8", "replace"))


async def _dash(reading: _Reading, url: str, tracks: dict[str, Track], *, demanded: bool) -> Dash | None:
    """The manifest beside the playlist, where there is one; or the one of `dash_url`."""
    try:
        body, answer = await reading.files.read(url)
    except CannotRead as exc:
        if demanded:
            reading.missing(url, "reach", f"{exc}")
        return None
    if not demanded and b"<MPD" not in body:  # some sites answer 200 for any path
        return None
    reading.answers[url] = answer
    try:
        read = dash.read(body.decode("utf-8", "replace"), url)
    except dash.NotAManifest as exc:
        reading.missing(url, "dash", f"{exc}")
        return None
    listed = {url for track in read.tracks for url, _ in track.segments} | {track.init_url for track in read.tracks}
    # What HLS lists too is known to exist, or reported as missing already.
    unknown = sorted(listed - set(reading.answers) - {unread.url for unread in reading.unread})
    there = await _all(reading.files.exists(each) for each in unknown)
    missing = tuple(each for each, exists in zip(unknown, there, strict=True) if not exists)
    return Dash(url=url, duration_s=read.duration_s, tracks=read.tracks, missing=missing)
