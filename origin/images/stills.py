"""The frame of a published title at any time, decoded in the sandbox. The only part of the origin that decodes media.

In: an asset, a revision, a time, a width. Out: the bytes of an image. Bounded: two child programs at a time, a short
queue that is fair to titles and addresses, a few widths, and the latest frames are held in memory. Raises CacheBusy
where the queue is full.
"""

import asyncio
import os
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

from core.caching.refreshing_cache import RefreshingCache
from core.media.encoded import Blob, Rendition, RenditionKind
from core.model import AssetId, RevisionId
from core.sandbox.child import ChildRunner
from core.storage import keys
from origin.delivery.disk_cache import DiskCache
from origin.delivery.manifests import Manifests
from origin.images.fair_queue import FairQueue
from packager.revision import SEGMENT_TYPE, File, Manifest
from thumbnails.images import make
from thumbnails.reading.rendition_facts import video_of_rendition

WIDTHS = (160, 320, 480, 640, 960, 1280, 1920)
CONCURRENT, MAX_QUEUED = 2, 16  # the latter of one title, those that are being made included
MAX_WAITING, MAX_PER_ADDRESS = 64, 8
MAX_BYTES = 64 * 1024 * 1024
STEP_S = Fraction(1, 100)  # frames closer than this are taken to be the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """One frame of one revision as an image. Provisional revisions of two assets may share an id."""

    asset_id: AssetId
    revision_id: RevisionId
    time_s: Fraction
    width: int
    kind: str  # "jpg", "webp"


def nearest_still(
    asset_id: AssetId, revision_id: RevisionId, manifest: Manifest, time_s: Fraction, width: int | None, kind: str
) -> Still | None:
    """The still that can be made and is nearest to the request; None for a title without a video track. Pure."""
    top = max(_videos(manifest), key=lambda video: video.width or 0, default=None)
    if top is None or top.frame_rate is None:
        return None
    last_s = max(Fraction(0), top.duration_s - 1 / top.frame_rate)
    nearest_s = min(time_s // STEP_S * STEP_S, last_s)
    top_width = top.width or WIDTHS[-1]
    nearest_width = next((offered for offered in WIDTHS if offered >= (width or top_width)), WIDTHS[-1])
    return Still(
        asset_id=asset_id,
        revision_id=revision_id,
        time_s=nearest_s,
        width=min(nearest_width, top_width),
        kind=kind,
    )


def _videos(manifest: Manifest) -> list[Rendition]:
    return [rendition for rendition in manifest.renditions if rendition.kind is RenditionKind.VIDEO]


class Stills:
    """Makes stills, each once for many viewers. `runner` finds the sandbox, when the first still is made."""

    def __init__(
        self, disk_cache: DiskCache, manifests: Manifests, runner: Callable[[], Coroutine[Any, Any, ChildRunner]]
    ) -> None:
        self._disk_cache = disk_cache
        self._manifests = manifests
        self._detect_runner = runner
        self._runner: ChildRunner | None = None
        self._queue = FairQueue(
            slots=CONCURRENT,
            waiting=MAX_WAITING,
            per_title=MAX_QUEUED - CONCURRENT,
            per_address=MAX_PER_ADDRESS,
        )
        self._asked_by: dict[Still, str | None] = {}  # the address of the first who asked for what is not made yet
        self._images: RefreshingCache[Still, bytes] = RefreshingCache(
            self._make_in_turn, name="stills", weigh=len, max_weight=MAX_BYTES
        )

    async def get(self, still: Still, address: str | None = None) -> bytes:
        """The image. Raises CacheBusy, Rejected where no frame can be read, ObjectMissing and Transient."""
        self._asked_by.setdefault(still, address)
        try:
            return await self._images.get(still)
        finally:
            self._asked_by.pop(still, None)

    def forget(self, assets: Collection[AssetId]) -> None:
        """Drop the images of these assets."""
        self._images.forget(lambda still: still.asset_id in assets)

    async def close(self) -> None:
        """End the child programs that run."""
        await self._images.close()

    async def _make_in_turn(self, still: Still) -> bytes:
        async with self._queue.turn(still.asset_id, self._asked_by.get(still)):
            return await self._make(still)

    async def _make(self, still: Still) -> bytes:
        if self._runner is None:
            self._runner = await self._detect_runner()
        manifest = await self._manifests.get((still.asset_id, still.revision_id))
        with tempfile.TemporaryDirectory(prefix="kadr-still-") as name:
            folder = Path(name)
            rendition = _rendition(manifest, still.width)
            file = folder / "segment.mp4"
            start_s = await self._write_segment(still.asset_id, rendition, still.time_s, file)
            source = video_of_rendition(rendition, start_s)
            work_dir = folder / "made"
            work_dir.mkdir()
            image = await make.still(
                file, source, still.time_s, work_dir, self._runner, width=still.width, kind=still.kind
            )
            return await asyncio.to_thread(image.file.path.read_bytes)

    async def _write_segment(self, asset_id: AssetId, rendition: Rendition, time_s: Fraction, file: Path) -> Fraction:
        """Write the init segment and the segment that shows `time_s` to `file`; the segment's start in seconds."""
        starts = list(accumulate((segment.duration for segment in rendition.segments), initial=0))[:-1]
        at = bisect_right(starts, time_s * rendition.timescale) - 1
        with file.open("wb") as joined:
            for blob in (rendition.init, rendition.segments[at].blob):
                async with self._disk_cache.opened(_file(asset_id, blob)) as descriptor:
                    await asyncio.to_thread(_copy, descriptor, joined.fileno(), blob.size_bytes)
        return Fraction(starts[at], rendition.timescale)


def _rendition(manifest: Manifest, width: int) -> Rendition:
    """The narrowest video that is at least `width` wide, else the widest: the fewest pixels to decode."""
    by_width = sorted(_videos(manifest), key=lambda video: video.width or 0)
    return next((video for video in by_width if (video.width or 0) >= width), by_width[-1])


def _file(asset_id: AssetId, blob: Blob) -> File:
    key = keys.media_object(asset_id, blob.sha256)
    return File(key=key, size_bytes=blob.size_bytes, sha256=blob.sha256, type=SEGMENT_TYPE)


def _copy(descriptor: int, into: int, size_bytes: int) -> None:
    at = 0
    while at < size_bytes:
        at += os.sendfile(into, descriptor, at, size_bytes - at)
