"""How much memory the media children of this worker may use at once. What does not fit waits; nothing is refused."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.settings import GIB, MIB
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.rungs import VideoRung

FRAMES_AT_FULL_SIZE = 60  # decoder's, filters' and between them
FRAMES_PER_RUNG = 90  # references, lookahead and threads of one encoder
BASE_BYTES = 150 * MIB


class MemoryBudget:
    """Bytes that the media programs of this worker may use at once; at least 1 GiB."""

    def __init__(self, total_bytes: int) -> None:
        self._total = max(total_bytes, GIB)
        self._free = self._total
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait until this many bytes are free, and take them for the body. More than all of it is all of it, alone."""
        taken = min(size_bytes, self._total)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            async with self._changed:
                self._free += taken
                self._changed.notify_all()


def encode_bytes(plan: EncodePlan, rungs: tuple[VideoRung, ...], source_pixels: int) -> int:
    """Bytes of memory that one run of these rungs takes, about: measured 0.6 GB for six rungs of 1080p."""
    deep = 4 if plan.video and plan.video.tone_map else 1  # floating point planes
    whole = FRAMES_AT_FULL_SIZE * source_pixels * 3 // 2 * deep
    return BASE_BYTES + whole + sum(FRAMES_PER_RUNG * rung.width * rung.height * 3 // 2 for rung in rungs)


def half_of_memory() -> int:
    """Half of this machine's memory in bytes: the rest is for PostgreSQL, the page cache and other programs."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
