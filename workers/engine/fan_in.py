"""Which part of an encode is the last one: it queues the publication, in the transaction that ends it."""

from collections import Counter

from core.db import steps
from core.db.postgres import Connection
from core.model import AssetId, StepKind
from core.step_kinds import ENCODE_PARTS
from workers.engine.contract import NextStep

COUNTED = ENCODE_PARTS | {StepKind.ANALYSE}  # whichever of these ends last queues the publication


async def fan_in(connection: Connection, asset_id: AssetId, run: str) -> tuple[NextStep, ...]:
    """The publication, once the analysis and all the parts it counted are done; else nothing."""
    await steps.lock_asset(connection, asset_id)
    done = await steps.done_of_run(connection, asset_id, run, COUNTED)
    analysed = next((step.output for step in done if step.kind is StepKind.ANALYSE), None)
    if analysed is None:
        return ()
    counts = Counter(step.kind.value for step in done)
    if any(counts[kind] < expected for kind, expected in analysed["parts"].items()):
        return ()
    return ((StepKind.PUBLISH, {"plan": analysed["plan"]}),)
