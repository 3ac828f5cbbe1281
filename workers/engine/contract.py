"""What the function of a step is given and what it answers. Shared by all steps; their order is not in here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.db.assets import Asset
from core.db.postgres import Connection, Pool
from core.db.steps import Step
from core.errors import ObjectMissing, Rejected
from core.model import StepKind
from core.sandbox.child import ChildRunner
from core.settings import Settings
from core.storage import keys
from core.storage.artifact_store import ArtifactStore
from core.storage.s3 import Storage
from presets.rung import Codec
from workers.engine.memory_budget import MemoryBudget
from workers.engine.sources import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What a worker has, made once at its start and shared by its steps."""

    settings: Settings
    pool: Pool
    storage: Storage
    runner: ChildRunner
    sources: Sources
    ffmpeg: str  # path of the binary
    ffmpeg_version: str
    codecs: frozenset[Codec]  # that this ffmpeg encodes to
    memory: MemoryBudget

    @property
    def artifacts(self) -> ArtifactStore:
        """Objects of the media bucket by their hash."""
        return ArtifactStore(storage=self.storage, bucket=self.settings.media_bucket)

    async def local_copy(self, key: str, sha256: str) -> Path:
        """An object of the media bucket as a file on this machine, whose bytes have this hash (hex).

        Downloaded only where it is not here yet. Raises ObjectMissing, and Transient where the bytes are others.
        """
        return await self.sources.fetch(self.storage, self.settings.media_bucket, key, sha256)

    async def local_upload(self, asset: Asset, sha256: str) -> Path:
        """An accepted upload of the asset as a file on this machine. Raises Rejected(no_source) where it is deleted."""
        try:
            return await self.local_copy(keys.source(asset.id, sha256), sha256)
        except ObjectMissing as exc:
            raise Rejected(
                "no_source", "The uploaded file is no longer stored.", "Upload the file again as a new source."
            ) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedStep:
    """A step this worker holds the lease of: its asset, a private empty folder, and where to report progress (0..1)."""

    step: Step
    asset: Asset
    work_dir: Path
    progress: Callable[[float], None]


NextStep = tuple[StepKind, dict[str, Any]]  # a step to queue in the same run, and its input


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step achieved.

    `on_commit` runs in the transaction that ends the step, which also queues `next_steps`; `after_commit` runs after
    it, and its failure is only logged. `warnings` are (code, message) pairs for the owner. `encoded_s`: how long the
    renditions are that it made, all together.
    """

    output: dict[str, Any] = field(default_factory=dict)
    on_commit: Callable[[Connection], Awaitable[None]] | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    after_commit: Callable[[], Awaitable[None]] | None = None
    encoded_s: float = 0.0


class Stage(Protocol):
    """Does the work of one kind of step and writes nothing to PostgreSQL. Raises Rejected, Transient or ToolFailed."""

    async def __call__(self, worker: WorkerContext, claimed: ClaimedStep, /) -> Outcome: ...
