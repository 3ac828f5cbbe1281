"""A provisional revision that grows: segments are stored and listed while the encode that makes them goes on.

Used by first_rung and first_sound. The revision becomes playable with the first segment of the last rendition it waits
for (core.db.provisional).
"""

import asyncio
from collections.abc import Awaitable, Callable

from core.concurrency import cancel_and_wait
from core.db import provisional
from core.db.postgres import Connection
from core.db.provisional import Facts
from core.media.encoded import Encoded, Rendition
from core.model import RevisionId
from transcode.encode.cutters import ByteRange
from transcode.encode.renditions import EncodedFiles
from transcode.plan.encode_plan import EncodePlan
from workers import artifacts
from workers.engine.contract import ClaimedStep, WorkerContext


def provisional_id(plan: EncodePlan) -> RevisionId:
    """The id of the provisional revision of a plan: named by the plan, because its bytes are not known yet."""
    return RevisionId(plan.digest()[:20])


def facts_of(plan: EncodePlan) -> Facts:
    """What the listing says from the start: the target duration, the title's duration, the renditions it waits for."""
    frames = max(end - start for start, end in zip(plan.cuts, [*plan.cuts[1:], plan.frames], strict=True))
    return Facts(
        target_s=max(1, round(frames / plan.frame_rate)),
        duration_s=plan.duration_s,
        awaited=tuple(filter(None, (plan.first_rung, plan.audio[0].id if plan.audio else None))),
    )


class ProvisionalListing:
    """Stores the segments of one step and appends them to the provisional revision, numbered from `first_number`."""

    def __init__(self, worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan, first_number: int) -> None:
        self._worker = worker
        self._claimed = claimed
        self._next_number = first_number
        self._revision = provisional_id(plan)
        self._queue: asyncio.Queue[tuple[Rendition, list[ByteRange]] | None] = asyncio.Queue()
        self._stored: set[str] = set()
        self._facts = facts_of(plan)

    def add(self, rendition: Rendition, pieces: list[ByteRange]) -> None:
        """Queue finished segments for upload and listing."""
        self._queue.put_nowait((rendition, pieces))

    async def list_while(self, encode: Awaitable[EncodedFiles]) -> EncodedFiles:
        """Await the encode; everything it adds is stored and listed before this returns. Raises LeaseLost."""
        lister = asyncio.ensure_future(self._append_queued())
        try:
            files = await encode
            self._queue.put_nowait(None)
            await lister
        finally:
            await cancel_and_wait([lister])
        if not self._stored:  # a stream that is copied is complete at once and adds nothing on the way
            await self._append(files.encoded.renditions[0], list(files.pieces))
        return files

    async def _append_queued(self) -> None:
        while (entry := await self._queue.get()) is not None:
            await self._append(*entry)

    async def _append(self, rendition: Rendition, pieces: list[ByteRange]) -> None:
        new = [piece for piece in pieces if piece.blob.sha256 not in self._stored]
        await artifacts.store_pieces(self._worker, self._claimed.asset.id, Encoded(renditions=(rendition,)), new)
        self._stored |= {piece.blob.sha256 for piece in new}
        await provisional.append(
            self._worker.pool, self._claimed.step, self._revision, self._facts, rendition, self._next_number
        )
        self._next_number += len(rendition.segments)

    def end(self, rendition: str) -> Callable[[Connection], Awaitable[None]]:
        """Transaction callback that marks this rendition's provisional listing as ended."""

        async def on_commit(connection: Connection) -> None:
            await provisional.end(connection, self._claimed.asset.id, self._revision, rendition)

        return on_commit
