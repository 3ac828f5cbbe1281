"""plan: facts -> the encode to do."""

from core.model import StepKind
from transcode.plan import plan as decide
from transcode.plan import plan_to_json
from transcode.source import from_json
from workers.stage import Assignment, Outcome, Tools


async def plan(tools: Tools, work: Assignment) -> Outcome:
    decided = plan_to_json(decide(from_json(work.step.input["facts"])))
    return Outcome(output=decided, then=((StepKind.ENCODE, {"source": work.step.input["source"], "plan": decided}),))
