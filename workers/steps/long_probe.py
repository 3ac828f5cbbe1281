"""long_probe: as probe, of a file that is large or that a quick probe did not get through."""

from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.steps.probe import read_facts


async def long_probe(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Read the facts of the source and queue its plan, in all the time that its size allows."""
    return await read_facts(worker, claimed, quick=False)
