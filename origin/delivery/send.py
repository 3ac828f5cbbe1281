"""The answer for one immutable file or one text: headers, conditions and ranges, and the bytes.

In: a request and what it is for. Out: the answer, sent. Text travels gzipped where the client accepts it; media is sent
from the disk cache by sendfile, or from storage as it arrives where the file is too large for the cache. A client that
leaves, or one that takes almost nothing for long, ends its own answer and nothing else.

Measured, requests a second of CPU time of the server, on the loop of asyncio (sendfile / read and write), Python 3.11:
100 KB 12,700 / 6,900; 512 KB 9,300 / 2,900; 2 MB 3,800 / 1,100; nginx 29,000, 6,400, 3,400. aiohttp's FileResponse
reaches a quarter to a half of it: a thread for every request, and its ETag is not of the content. uvloop has no
sendfile; it was 7 % faster with playlists and three times slower with segments of 2 MB, so the loop is asyncio's own.
"""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from io import FileIO
from types import MappingProxyType

from aiohttp import web

from core.caching.refreshing_cache import RefreshingCache
from core.errors import KadrError
from core.telemetry import metrics
from core.telemetry.logs import Log
from origin.cdn.cdns import OWN_ID
from origin.context import CONTEXT, CORS
from origin.delivery import ranges
from origin.delivery.disk_cache import DiskCache
from origin.delivery.ranges import Unsatisfiable
from packager.revision import PLAYLIST_TYPE, File

_LOG = Log("origin")
PRIVATE = "private, no-store"
_YEAR_S = 365 * 86_400
# Text, which travels gzipped where the client accepts it [Apple 10.1].
TEXT_TYPES = frozenset({PLAYLIST_TYPE, "application/dash+xml", "text/vtt"})
PATIENCE_S = 30.0
SLOWEST_BYTES_PER_S = 8 * 1024  # a viewer slower than this cannot even listen
GZIPPED_BYTES = 32 * 1024 * 1024  # of gzipped files held in memory
GZIPPED_TEXTS = 512  # of texts written for sessions
INLINE_GZIP_BYTES = 16 * 1024  # up to here gzip takes less than handing it to a thread is worth
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
TO_CDNS = "cdn"  # the pathway of what caches read that know the origin lock


def lasting(shared_s: int | None) -> str:
    """The Cache-Control of what never changes at its URL: browsers keep it for a year.

    Shared caches ask again after `shared_s`, which a 304 answers, and so lose what was deleted or taken down. None: it
    is one viewer's, and they do not store it.
    """
    scope, shared = ("private", "") if shared_s is None else ("public", f" s-maxage={shared_s},")
    return f"{scope}, max-age={_YEAR_S},{shared} immutable"


def gzipped_files(disk_cache: DiskCache) -> RefreshingCache[File, bytes]:
    """A cache of text files as they travel. Its `get` raises ObjectMissing and Transient."""

    async def read(file: File) -> bytes:
        async with disk_cache.opened(file) as descriptor:
            return await asyncio.to_thread(lambda: _gzip(os.pread(descriptor, file.size_bytes, 0)))

    return RefreshingCache(read, name="gzipped", weigh=len, max_weight=GZIPPED_BYTES)


async def send_text(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """A text that was written for this request, gzipped where the client accepts it."""
    answer_headers = {**headers, "Vary": "Accept-Encoding"}
    if ranges.takes_gzip(request.headers.get("Accept-Encoding", "")):
        answer_headers["Content-Encoding"] = "gzip"
        large = len(body) > INLINE_GZIP_BYTES
        body = await asyncio.to_thread(_gzip, body) if large else _gzip_small(body)
    return web.Response(body=body, headers=answer_headers)


def _gzip(body: bytes) -> bytes:
    """The same bytes each time, so that one ETag names them."""
    return gzip.compress(body, compresslevel=6, mtime=0)


# Sessions that share a playlist share its gzipped form, too.
_gzip_small = lru_cache(maxsize=GZIPPED_TEXTS)(_gzip)


async def send_file(
    request: web.Request, file: File, more: Mapping[str, str] = _NO_HEADERS, *, provisional: bool = False
) -> web.StreamResponse:
    """One immutable file: whole, in part (Range), unchanged (If-None-Match) or its headers alone (HEAD).

    `more` adds headers, or replaces the usual ones. Texts of a `provisional` revision may change: they are not stored.
    Raises ObjectMissing and Transient.
    """
    context, sent = request.app[CONTEXT], request.headers
    kept = lasting(context.settings.shared_cache_s)
    if file.type in TEXT_TYPES:
        return await _send_text_file(request, file, more, PRIVATE if provisional else kept)
    etag = f'"{file.sha256[:32]}"'
    headers = {
        **CORS,
        "Content-Type": file.type,
        "Cache-Control": kept,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        **more,
    }
    if ranges.known(sent.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=headers)
    span = ranges.span(sent.get("Range", ""), file.size_bytes, sent.get("If-Range"), etag)
    if isinstance(span, Unsatisfiable):
        return web.Response(
            status=416, headers={**headers, "Content-Range": f"bytes */{file.size_bytes}", "Cache-Control": "no-store"}
        )
    status, (first, last) = (206, span) if span else (200, (0, file.size_bytes - 1))
    if span:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size_bytes}"
    count = last - first + 1
    headers["Content-Length"] = str(count)
    if request.method == "HEAD":
        return web.Response(status=status, headers=headers)
    metrics.EGRESS.labels(_pathway(request)).inc(count)
    if file.size_bytes > context.disk_cache.largest_bytes:
        blocks = context.storage.stream(context.settings.media_bucket, file.key, first, last)
        return await _send_blocks(request, status, headers, blocks, count)
    async with context.disk_cache.opened(file) as descriptor:
        return await _send_descriptor(request, status, headers, descriptor, first, count)


def _pathway(request: web.Request) -> str:
    """The pathway that these bytes are sent on."""
    return TO_CDNS if request.path.startswith("/v/") else request.app[CONTEXT].pathways.own_id or OWN_ID


async def _send_text_file(
    request: web.Request, file: File, more: Mapping[str, str], cache_control: str
) -> web.StreamResponse:
    """A playlist or captions, whole: gzip and byte ranges do not go together."""
    context, gzipped = request.app[CONTEXT], ranges.takes_gzip(request.headers.get("Accept-Encoding", ""))
    etag = f'"{file.sha256[:32]}{"-gz" if gzipped else ""}"'
    headers = {
        **CORS,
        "Content-Type": file.type,
        "Cache-Control": cache_control,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
        **more,
    }
    if ranges.known(request.headers.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=headers)
    if gzipped:
        return web.Response(body=await context.gzipped.get(file), headers={**headers, "Content-Encoding": "gzip"})
    async with context.disk_cache.opened(file) as descriptor:
        body = await asyncio.to_thread(os.pread, descriptor, file.size_bytes, 0)
    return web.Response(body=body, headers=headers)


async def _send_descriptor(
    request: web.Request, status: int, headers: Mapping[str, str], descriptor: int, first: int, count: int
) -> web.StreamResponse:
    """`count` bytes from `first` of a descriptor, whose own position may be shared and means nothing."""
    response = web.StreamResponse(status=status, headers=headers)
    try:
        async with asyncio.timeout(PATIENCE_S + count / SLOWEST_BYTES_PER_S):
            await response.prepare(request)
            transport = request.transport
            if transport is None or transport.is_closing():
                return response
            if transport.get_extra_info("sslcontext") is None and not transport.get_write_buffer_size():
                # What fits into the socket at once, often everything, needs no registration with the loop.
                sent = _write_to_socket(transport, descriptor, first, count)
                first, count = first + sent, count - sent
            if count:
                with FileIO(descriptor, closefd=False) as file:
                    await asyncio.get_running_loop().sendfile(transport, file, first, count)
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        _abort(request)
    return response


def _write_to_socket(transport: asyncio.Transport, descriptor: int, first: int, count: int) -> int:
    """Bytes that the socket took without waiting."""
    try:
        return os.sendfile(transport.get_extra_info("socket").fileno(), descriptor, first, count)
    except BlockingIOError:
        return 0


async def _send_blocks(
    request: web.Request, status: int, headers: Mapping[str, str], blocks: AsyncIterator[bytes], count: int
) -> web.StreamResponse:
    """`count` bytes as they come. Raises what the first block raises; after that the status has been sent."""
    block = await anext(blocks, b"")
    response = web.StreamResponse(status=status, headers=headers)
    try:
        async with asyncio.timeout(PATIENCE_S + count / SLOWEST_BYTES_PER_S):
            await response.prepare(request)
            while block:
                await response.write(block)
                block = await anext(blocks, b"")
            await response.write_eof()
    except KadrError as exc:
        _LOG.warning("send.cut_off", error=str(exc))
        _abort(request)
    except (ConnectionError, TimeoutError):
        _abort(request)
    return response


def _abort(request: web.Request) -> None:
    """Close the connection, so that a body that is too short does not look complete."""
    if request.transport is not None:
        request.transport.abort()
