"""What this installation's titles took to make, and how many there are: what `kadr cost --measured` begins with."""

from dataclasses import dataclass

from core.db import sql, steps
from core.db.postgres import Pool
from core.model import StepKind
from core.step_kinds import TRAITS

_SQL = sql.load("costs")
NEWEST = 5_000  # titles that are looked at: what work costs now, at a bounded cost of asking
PICTURES = frozenset((StepKind.PICTURES, StepKind.POSTER))
CAPTIONS = frozenset((StepKind.TRANSCRIBE, StepKind.TRANSLATE))
_TIDYING = frozenset((StepKind.DISCARD, StepKind.PURGE, StepKind.DELETE))
ENCODING = frozenset(TRAITS) - PICTURES - CAPTIONS - _TIDYING


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """Titles of one profile, effort, codec and class of source, summed: minutes, CPU seconds, bytes.

    CPU seconds are of `measured_min` of the `minutes`: those made by a release that counts them. `rendition_min`:
    renditions times minutes. `short_side` and `frame_rate` (as a fraction in text) are None without video.
    """

    profile: str
    effort: str
    codec: str
    short_side: int | None
    frame_rate: str | None
    titles: int
    minutes: float
    measured_min: float
    encode_cpu_s: float
    pictures_cpu_s: float
    captions_cpu_s: float
    ladder_bytes: float
    pictures_bytes: float
    source_bytes: float
    rendition_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Counts of all titles, the work of the newest, and what CDNs have delivered, by their logs.

    `delivered_days`: from the first to the last day of which there are logs, of the 30 before today (UTC), which is
    incomplete.
    """

    titles: int
    new_titles: int
    work: tuple[WorkRow, ...]
    delivered_bytes: int = 0
    delivered_days: int = 0


async def measured(pool: Pool) -> Measured:
    """Read it; of an empty installation all zero."""
    counts = await pool.fetchrow(_SQL["catalogue"])
    kinds = (steps.names(ENCODING), steps.names(PICTURES), steps.names(CAPTIONS))
    rows = await pool.fetch(_SQL["work"], NEWEST, *kinds)
    delivered = await pool.fetchrow(_SQL["delivered"])
    return Measured(
        titles=counts["titles"],
        new_titles=counts["new_titles"],
        work=tuple(WorkRow(**row) for row in rows),
        delivered_bytes=delivered["bytes"],
        delivered_days=delivered["days"],
    )
