"""The frame of a published title at any time, decoded in the sandbox. Nothing else in this door decodes anything.

In: a manifest, a time, a width. Out: the bytes of an image. Bounded: two programs at a time, a short queue, a few
widths, and what was made lately is kept. Refuses what does not fit into the queue with `Busy`.
"""

import asyncio
import os
import tempfile
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

from core import keys
from core.child import ChildRunner
from core.errors import KadrError
from core.media import Blob, Kind, Rendition
from core.model import AssetId
from origin.cache import Cache
from packager.revision import SEGMENT_TYPE, File, Manifest
from thumbnails import images_make
from thumbnails.of_rendition import video_of_rendition

WIDTHS = (160, 320, 480, 640, 960, 1280, 1920)
AT_ONCE, QUEUED = 2, 16
KEPT_BYTES = 64 * 1024 * 1024
STEP_S = Fraction(1, 100)  # nobody tells frames apart that are nearer


class Busy(KadrError):
    """Too many pictures are being made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One picture of one revision, as it is kept. Provisional revisions of two assets may share an id."""

    asset_id: AssetId
    revision_id: str
    time_s: Fraction
    width: int
    kind: str  # "jpg", "webp"


def wanted(
    asset_id: AssetId, revision_id: str, manifest: Manifest, time_s: Fraction, width: int | None, kind: str
) -> Wanted | None:
    """What comes nearest and can be had; None for a title without a picture. Pure."""
    top = max(_videos(manifest), key=lambda one: one.width or 0, default=None)
    if top is None or top.frame_rate is None:
        return None
    last_s = max(Fraction(0), top.duration_s - 1 / top.frame_rate)
    near_s = min(time_s // STEP_S * STEP_S, last_s)
    most = top.width or WIDTHS[-1]
    fitting = next((one for one in WIDTHS if one >= (width or most)), WIDTHS[-1])
    return Wanted(asset_id=asset_id, revision_id=revision_id, time_s=near_s, width=min(fitting, most), kind=kind)


def _videos(manifest: Manifest) -> list[Rendition]:
    return [one for one in manifest.renditions if one.kind is Kind.VIDEO]


class Stills:
    """Many asking for the same picture have it made once."""

    def __init__(self, cache: Cache, runner: Callable[[], Coroutine[Any, Any, ChildRunner]]) -> None:
        self._cache = cache
        self._detect = runner
        self._runner: ChildRunner | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._making: dict[Wanted, asyncio.Task[bytes]] = {}
        self._made: OrderedDict[Wanted, bytes] = OrderedDict()
        self._bytes = 0

    async def get(self, manifest: Manifest, picture: Wanted) -> bytes:
        """Raises Busy, Rejected where no frame can be read, ObjectMissing and Transient."""
        if (kept := self._made.get(picture)) is not None:
            self._made.move_to_end(picture)
            return kept
        making = self._making.get(picture)
        if making is None:
            if len(self._making) >= QUEUED:
                raise Busy
            making = self._making[picture] = asyncio.create_task(self._make(manifest, picture))
            making.add_done_callback(lambda done: self._ended(picture, done))
        # One viewer leaving must not cancel what the others wait for.
        return await asyncio.shield(making)

    def _ended(self, picture: Wanted, done: asyncio.Task[bytes]) -> None:
        del self._making[picture]
        if done.cancelled() or done.exception() is not None:
            return
        self._made[picture] = done.result()
        self._bytes += len(done.result())
        while self._bytes > KEPT_BYTES:
            _, oldest = self._made.popitem(last=False)
            self._bytes -= len(oldest)

    async def _make(self, manifest: Manifest, picture: Wanted) -> bytes:
        async with self._turns:
            if self._runner is None:
                self._runner = await self._detect()
            with tempfile.TemporaryDirectory(prefix="kadr-still-") as name:
                folder = Path(name)
                rendition = _rendition(manifest, picture.width)
                file = folder / "segment.mp4"
                start_s = await self._join(picture.asset_id, rendition, picture.time_s, file)
                known = video_of_rendition(rendition, start_s)
                work_dir = folder / "made"
                work_dir.mkdir()
                still = await images_make.still(
                    file, known, picture.time_s, work_dir, self._runner, width=picture.width, kind=picture.kind
                )
                return await asyncio.to_thread(still.file.path.read_bytes)

    async def _join(self, asset_id: AssetId, rendition: Rendition, time_s: Fraction, file: Path) -> Fraction:
        """The init segment and the segment that shows the time, and when that begins."""
        starts = list(accumulate((one.duration for one in rendition.segments), initial=0))[:-1]
        at = bisect_right(starts, time_s * rendition.timescale) - 1
        with file.open("wb") as joined:
            for blob in (rendition.init, rendition.segments[at].blob):
                async with self._cache.opened(_file(asset_id, blob)) as opened:
                    await asyncio.to_thread(_copy, opened, joined.fileno(), blob.size_bytes)
        return Fraction(starts[at], rendition.timescale)


def _rendition(manifest: Manifest, width: int) -> Rendition:
    """The smallest that is as wide, else the largest: the fewest pixels to decode."""
    by_width = sorted(_videos(manifest), key=lambda one: one.width or 0)
    return next((one for one in by_width if (one.width or 0) >= width), by_width[-1])


def _file(asset_id: AssetId, blob: Blob) -> File:
    key = keys.media_object(asset_id, blob.sha256)
    return File(key=key, size_bytes=blob.size_bytes, sha256=blob.sha256, type=SEGMENT_TYPE)


def _copy(opened: int, into: int, size_bytes: int) -> None:
    at = 0
    while at < size_bytes:
        at += os.sendfile(into, opened, at, size_bytes - at)
