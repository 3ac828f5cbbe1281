"""Which part of an encode is the last one: it owes the publication, in the transaction that ends it."""

from collections import Counter

from core import steps
from core.db import Connection
from core.model import AssetId, StepKind
from workers.publish import PARTS
from workers.stage import Then


async def fan_in(connection: Connection, asset_id: AssetId, run: str) -> tuple[Then, ...]:
    """The publication, once the analysis and all the parts it counted are done; else nothing."""
    await steps.lock_asset(connection, asset_id)
    done = await steps.done_of_run(connection, asset_id, run, PARTS | {StepKind.ANALYSE})
    analysed = next((step.output for step in done if step.kind is StepKind.ANALYSE), None)
    if analysed is None:
        return ()
    counted = Counter(step.kind.value for step in done)
    if any(counted[kind] < wanted for kind, wanted in analysed["parts"].items()):
        return ()
    return ((StepKind.PUBLISH, {"plan": analysed["plan"]}),)
