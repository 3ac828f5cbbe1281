"""A plan and the analysis of its title -> the plan that is encoded. Pure."""

from dataclasses import replace

from transcode.pertitle.analyse import Analysis, model
from transcode.pertitle.model import choose
from transcode.plan.build import on_regular_grid, within_own_track
from transcode.plan.encode_plan import Decision, EncodePlan
from transcode.plan.told import LEFT_OUT, USUAL


def apply_analysis(plan: EncodePlan, analysis: Analysis) -> EncodePlan:
    """The plan without redundant rungs, and with the CRF and cap that this title needs on the others.

    The upload's own video track remains the top rung only if its bit rate is no higher than an encode's would be.
    Whether it remains or not, no other rung is then held to more than it has. A title of which nothing was measured
    keeps every rung.
    """
    if not analysis.points:
        return _unmeasured(plan, analysis.skipped or "")
    keep = frozenset((plan.first_rung,)) if plan.first_rung else frozenset()
    ladder = choose(plan.rungs, model(analysis, plan), plan.effort, keep)
    decisions = [
        Decision(
            what="analysis",
            why=f"{len(analysis.starts_s)} samples of {float(analysis.sample_s):.2f} s at {len(analysis.points)} "
            f"settings, {analysis.cpu_s:.1f} CPU s",
        )
    ]
    passthrough, top = plan.passthrough, ladder.choices[0]
    if passthrough is not None and passthrough.lasting:
        keeps_passthrough = passthrough.bps <= top.predicted_bps
        comparison = f"{passthrough.bps // 1000} kb/s, its encode about {top.predicted_bps // 1000} kb/s"
        decisions.append(_about_passthrough(comparison, keeps=keeps_passthrough))
        plan = within_own_track(plan) if keeps_passthrough else on_regular_grid(plan)
        ladder = choose(plan.rungs, model(analysis, plan), plan.effort, keep)
    by_id = {rung.id: rung for rung in plan.rungs}
    rungs = []
    for choice in ladder.choices:
        if plan.passthrough is not None and plan.passthrough.lasting and choice.rung_id == plan.passthrough.rung.id:
            continue
        rungs.append(replace(by_id[choice.rung_id], crf=choice.crf, maxrate_bps=choice.maxrate_bps))
        reason = f"{choice.reason}; about {choice.predicted_bps // 1000} kb/s, VMAF {choice.predicted_vmaf:.1f}"
        decisions.append(
            Decision(
                what=f"{choice.rung_id} at CRF {choice.crf:g}",
                why=reason,
                rung=choice.rung_id,
                code=choice.code,
                vmaf=choice.predicted_vmaf,
            )
        )
    decisions += [
        Decision(what=f"no {one.rung_id}", why=one.reason, rung=one.rung_id, code=LEFT_OUT, instead=one.instead)
        for one in ladder.dropped
    ]
    return replace(plan, rungs=tuple(rungs), smart=False, decisions=(*plan.decisions, *decisions))


def _unmeasured(plan: EncodePlan, why: str) -> EncodePlan:
    passthrough, rungs, decisions = plan.passthrough, plan.rungs, [Decision(what="not measured", why=why)]
    if passthrough is not None and passthrough.lasting:
        cap_bps = rungs[0].cap_bps
        keeps_passthrough = passthrough.bps <= cap_bps
        comparison = f"{passthrough.bps // 1000} kb/s, its encode at most {cap_bps // 1000} kb/s"
        decisions.append(_about_passthrough(comparison, keeps=keeps_passthrough))
        plan = within_own_track(plan) if keeps_passthrough else on_regular_grid(plan)
        rungs = tuple(rung for rung in plan.rungs if not keeps_passthrough or rung.id != passthrough.rung.id)
    decisions += [
        Decision(what=f"{rung.id} at CRF {rung.crf:g}", why="as in every title", rung=rung.id, code=USUAL)
        for rung in rungs
    ]
    return replace(plan, rungs=rungs, smart=False, decisions=(*plan.decisions, *decisions))


def _about_passthrough(comparison: str, *, keeps: bool) -> Decision:
    return Decision(what="passthrough kept" if keeps else "passthrough only until ready", why=comparison)
