"""How much memory the media children of this worker may use at once. What does not fit waits; nothing is refused."""

from core.concurrency import Budget
from core.sandbox.machine import available_bytes
from core.settings import MIB
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.rungs import VideoRung

FRAMES_AT_FULL_SIZE = 60  # decoder's, filters' and between them
FRAMES_PER_RUNG = 90  # references, lookahead and threads of one encoder
BASE_BYTES = 150 * MIB
REPEAT_BYTES = 1024  # of a frame that is shown again: a reference to it
LEAST_BYTES = 256 * MIB


class MemoryBudget(Budget):
    """Bytes that the media programs of this worker may use at once; at least LEAST_BYTES."""

    def __init__(self, total_bytes: int) -> None:
        super().__init__(max(total_bytes, LEAST_BYTES))


def encode_bytes(plan: EncodePlan, rungs: tuple[VideoRung, ...], source_pixels: int) -> int:
    """Bytes of memory that one run of these rungs takes, about: measured 0.6 GB for six rungs of 1080p."""
    deep = 4 if plan.video and plan.video.tone_map else 1  # floating point planes
    whole = FRAMES_AT_FULL_SIZE * source_pixels * 3 // 2 * deep
    # A frame may stand for a whole chunk: its repetitions are made at once.
    repeats = REPEAT_BYTES * max(end - first for first, end in map(plan.chunk, range(len(plan.chunks))))
    return BASE_BYTES + whole + repeats + sum(FRAMES_PER_RUNG * rung.width * rung.height * 3 // 2 for rung in rungs)


def half_of_memory() -> int:
    """Half of the memory that this worker may use, in bytes: the rest is for the page cache and other programs."""
    return available_bytes() // 2
