"""What a step is given and what it answers. Shared by the steps; no order in here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.assets import Asset
from core.child import ChildRunner
from core.db import Connection, Pool
from core.model import StepKind
from core.settings import Settings
from core.steps import Step
from core.storage import Storage
from presets.rung import Codec
from workers.budget import MemoryBudget
from workers.sources import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a worker has, made once at its start."""

    settings: Settings
    pool: Pool
    storage: Storage
    runner: ChildRunner
    sources: Sources
    ffmpeg: str
    ffmpeg_version: str
    codecs: frozenset[Codec]  # that this ffmpeg encodes to
    memory: MemoryBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One claimed step: its asset, a private empty folder, and where to tell progress (0..1)."""

    step: Step
    asset: Asset
    work_dir: Path
    progress: Callable[[float], None]


Then = tuple[StepKind, dict[str, Any]]  # a step that follows, and its input


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step achieved. `effect` runs in the transaction that ends the step, `afterwards` after its commit."""

    output: dict[str, Any] = field(default_factory=dict)
    effect: Callable[[Connection], Awaitable[None]] | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    then: tuple[Then, ...] = ()
    part: bool = False  # of an encode: the last part to end owes the publication
    afterwards: Callable[[], Awaitable[None]] | None = None


class Stage(Protocol):
    """Does the work of one kind of step and writes nothing to PostgreSQL. Raises Rejected, Transient or ToolFailed."""

    async def __call__(self, tools: Tools, work: Assignment) -> Outcome: ...
