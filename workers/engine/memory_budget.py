"""How much memory the media children of this worker may use at once. What does not fit waits; nothing is refused."""

import os

from core.concurrency import Budget
from core.settings import GIB, MIB
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.rungs import VideoRung

FRAMES_AT_FULL_SIZE = 60  # decoder's, filters' and between them
FRAMES_PER_RUNG = 90  # references, lookahead and threads of one encoder
BASE_BYTES = 150 * MIB


class MemoryBudget(Budget):
    """Bytes that the media programs of this worker may use at once; at least 1 GiB."""

    def __init__(self, total_bytes: int) -> None:
        super().__init__(max(total_bytes, GIB))


def encode_bytes(plan: EncodePlan, rungs: tuple[VideoRung, ...], source_pixels: int) -> int:
    """Bytes of memory that one run of these rungs takes, about: measured 0.6 GB for six rungs of 1080p."""
    deep = 4 if plan.video and plan.video.tone_map else 1  # floating point planes
    whole = FRAMES_AT_FULL_SIZE * source_pixels * 3 // 2 * deep
    return BASE_BYTES + whole + sum(FRAMES_PER_RUNG * rung.width * rung.height * 3 // 2 for rung in rungs)


def half_of_memory() -> int:
    """Half of this machine's memory in bytes: the rest is for PostgreSQL, the page cache and other programs."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
