"""plan: facts -> the encode to do."""

from core.model import StepKind
from presets.effort import Effort
from transcode.plan import plan as decide
from transcode.plan import plan_to_json
from transcode.source import from_json
from workers.stage import Assignment, Outcome, Tools


async def plan(tools: Tools, work: Assignment) -> Outcome:
    effort = Effort(work.step.input.get("effort", Effort.BALANCED))
    decided = plan_to_json(decide(from_json(work.step.input["facts"]), preset=effort.x264_preset))
    return Outcome(output=decided, then=((StepKind.ENCODE, {"source": work.step.input["source"], "plan": decided}),))
