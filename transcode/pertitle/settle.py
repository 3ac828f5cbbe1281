"""A plan and what was measured of its title -> the plan that is encoded. Pure."""

from dataclasses import replace

from transcode.pertitle.analyse import Analysis, model
from transcode.pertitle.model import choose
from transcode.plan.build import on_regular_grid
from transcode.plan.encode_plan import Decision, EncodePlan


def settle(plan: EncodePlan, analysis: Analysis) -> EncodePlan:
    """Rungs nobody can tell apart dropped, each other one with the CRF and cap this title needs.

    The upload's own track stays the top rung only if it costs no more to deliver than its encode would.
    """
    keep = frozenset((plan.first_rung,)) if plan.first_rung else frozenset()
    ladder = choose(plan.rungs, model(analysis, plan), plan.effort, keep)
    why = [
        Decision(
            what="analysis",
            why=analysis.skipped
            or f"{len(analysis.starts_s)} samples of {float(analysis.sample_s):.2f} s at {len(analysis.points)} "
            f"settings, {analysis.cpu_s:.1f} CPU s",
        )
    ]
    through, top = plan.passthrough, ladder.choices[0]
    if through is not None and through.lasting:
        spared = through.bps <= top.predicted_bps
        costs = f"{through.bps // 1000} kb/s, its encode about {top.predicted_bps // 1000} kb/s"
        why.append(Decision(what="passthrough kept" if spared else "passthrough only until ready", why=costs))
        if not spared:
            plan = on_regular_grid(plan)
    by_id = {rung.id: rung for rung in plan.rungs}
    rungs = []
    for choice in ladder.choices:
        if plan.passthrough is not None and plan.passthrough.lasting and choice.rung_id == plan.passthrough.rung.id:
            continue
        rungs.append(replace(by_id[choice.rung_id], crf=choice.crf, maxrate_bps=choice.maxrate_bps))
        reason = f"{choice.reason}; about {choice.predicted_bps // 1000} kb/s, VMAF {choice.predicted_vmaf:.1f}"
        why.append(Decision(what=f"{choice.rung_id} at CRF {choice.crf:g}", why=reason))
    why += [Decision(what=f"no {dropped.rung_id}", why=dropped.reason) for dropped in ladder.dropped]
    return replace(plan, rungs=tuple(rungs), smart=False, decisions=(*plan.decisions, *why))
