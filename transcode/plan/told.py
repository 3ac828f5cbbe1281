"""What an owner is told about the rungs of a title: which there are and why, and which were left out. Pure.

In: the plan that was encoded. Out: JSON values for the summary of its revision, with codes that pages have texts for
(studio/texts, `made.why.`).
"""

from typing import Any

from transcode.plan.encode_plan import EncodePlan

LEFT_OUT = "left_out"
USUAL = "usual"  # nothing was measured: it is there in every title
FIXED = "fixed"  # the fixed ladder was asked for, or measuring is for H.264 alone
UPLOADED = "uploaded"  # the upload's own track
WHY = ("first", "top", "capped", "lowest", "between", USUAL, FIXED, UPLOADED)


def told_rungs(plan: EncodePlan) -> dict[str, Any]:
    """{"rungs": {id: {"why", "vmaf"}}, "left_out": [{"id", "instead"}]}; the last decision about a rung counts."""
    about = {one.rung: one for one in plan.decisions if one.rung is not None}
    rungs: dict[str, Any] = {rung.id: {"why": FIXED, "vmaf": None} for rung in plan.rungs}
    left_out = []
    for rung, decision in about.items():
        if decision.code == LEFT_OUT:
            left_out.append({"id": rung, "instead": decision.instead})
        else:
            rungs[rung] = {"why": decision.code, "vmaf": decision.vmaf}
    if plan.passthrough is not None and plan.passthrough.lasting:
        rungs[plan.passthrough.rung.id] = {"why": UPLOADED, "vmaf": None}
    return {"rungs": rungs, "left_out": left_out}
