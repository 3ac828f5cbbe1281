"""transcode.pertitle.settle: what was measured of a title becomes the plan that is encoded, and says why."""

from dataclasses import replace
from fractions import Fraction

import pytest

from presets.rung import Codec
from tests.sources import NTSC, conforming, index_of, source
from transcode.pertitle.analyse import VERSION, Analysis
from transcode.pertitle.model import Point
from transcode.pertitle.samples import encode_cpu_s, plan_samples
from transcode.pertitle.settle import apply_analysis
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options, plan_from_json, plan_to_json
from transcode.plan.rungs import within_upload
from transcode.plan.told import WHY, told_rungs


def analysis(*points: Point, skipped: str | None = None) -> Analysis:
    return Analysis(
        version=VERSION,
        points=points,
        starts_s=tuple(Fraction(n) for n in range(8)) if points else (),
        sample_s=Fraction(2),
        cpu_s=3.25,
        budget_s=10.0,
        wall_s=2.0,
        skipped=skipped,
    )


def seen(side: int, crf: float, bps: float, vmaf: float) -> Point:
    return Point(short_side=side, crf=crf, bps=bps, vmaf_mean=vmaf, vmaf_p1=vmaf - 4)


FILM = analysis(seen(1080, 24, 2_800_000, 92.0), seen(540, 26, 600_000, 72.0), seen(1080, 30, 1_350_000, 83.0))
SCREENCAST = analysis(seen(1080, 24, 150_000, 96.5), seen(540, 26, 60_000, 78.0), seen(1080, 30, 80_000, 91.0))
NOISE = analysis(seen(1080, 24, 14_000_000, 90.0), seen(540, 26, 4_000_000, 75.0))
SKIPPED = analysis(skipped="the title is too short to be worth it")


def passthrough(bps: int) -> EncodePlan:
    """An upload whose own track may stay, at a rate of `bps`; cut every 5 s."""
    return build_plan(conforming(NTSC, 3000, bit_rate_bps=bps), index_of(range(0, 3000, 150), 3000))


@pytest.mark.parametrize("found", [FILM, SCREENCAST, NOISE, SKIPPED], ids=["film", "screencast", "noise", "skipped"])
def test_each_rung_is_kept_or_dropped_with_a_reason(found: Analysis) -> None:
    before = build_plan(source(), None)
    after = apply_analysis(before, found)
    kept = [rung.id for rung in after.rungs]
    dropped = [one.what.removeprefix("no ") for one in after.decisions if one.what.startswith("no v")]
    assert sorted([*kept, *dropped]) == sorted(rung.id for rung in before.rungs)
    assert kept == [rung.id for rung in before.rungs if rung.id in kept], "from largest to smallest"
    assert kept[0] == "v1080"
    assert not after.smart
    assert after.decisions[: len(before.decisions)] == before.decisions
    assert all(decision.why for decision in after.decisions)
    told = [one.what for one in after.decisions if " at CRF " in one.what]
    assert told == [f"{rung.id} at CRF {rung.crf:g}" for rung in after.rungs]
    assert plan_from_json(plan_to_json(after)) == after


def test_rungs_get_what_the_title_needs() -> None:
    after = apply_analysis(build_plan(source(), None), SCREENCAST)
    assert [rung.id for rung in after.rungs] == ["v1080", "v360"]
    assert after.rungs[0].maxrate_bps < 1_000_000 < after.rungs[0].cap_bps
    assert after.rungs[0].crf != 23


def test_what_went_first_stays_as_it_is_being_encoded() -> None:
    before = build_plan(source(), None)
    assert before.first_rung == "v360"
    for found in (FILM, SCREENCAST, NOISE, SKIPPED):
        after = apply_analysis(before, found)
        assert after.first_rung == "v360"
        assert [rung for rung in after.rungs if rung.id == "v360"] == [before.rungs[4]]


def test_grid_sound_and_picture_are_left_alone() -> None:
    before = build_plan(source(), None)
    after = apply_analysis(before, FILM)
    assert replace(after, rungs=(), smart=True, decisions=()) == replace(before, rungs=(), decisions=())


def test_what_was_not_measured_keeps_the_usual_ladder() -> None:
    before = build_plan(source(), None)
    after = apply_analysis(before, SKIPPED)
    assert after.rungs == before.rungs
    assert ("not measured", SKIPPED.skipped) in [(one.what, one.why) for one in after.decisions]
    assert not any("VMAF" in one.why for one in after.decisions), "nothing is known of that"


@pytest.mark.parametrize(("bps", "stays"), [(1_000_000, True), (5_900_000, True), (50_000_000, False)])
def test_the_uploads_own_track_stays_unmeasured_below_the_cap(bps: int, stays: bool) -> None:
    before = passthrough(bps)
    after = apply_analysis(before, SKIPPED)
    assert (after.passthrough is not None) is (stays and before.passthrough is not None)
    assert ("v1080" in [rung.id for rung in after.rungs]) is not stays
    assert [rung.id for rung in after.rungs][-1] == before.rungs[-1].id


@pytest.mark.parametrize("found", [FILM, SCREENCAST, NOISE], ids=["film", "screencast", "noise"])
def test_owners_are_told_why_each_rung_is_there(found: Analysis) -> None:
    before = build_plan(source(), None)
    after = apply_analysis(before, found)
    told = told_rungs(after)
    assert list(told["rungs"]) == [rung.id for rung in after.rungs]
    assert {one["why"] for one in told["rungs"].values()} <= set(WHY)
    assert told["rungs"]["v360"]["why"] == "first"
    assert [one["vmaf"] for one in told["rungs"].values() if not 0 < one["vmaf"] <= 100] == []
    left = [rung.id for rung in before.rungs if rung.id not in told["rungs"]]
    assert [one["id"] for one in told["left_out"]] == left
    assert {one["instead"] for one in told["left_out"]} <= set(told["rungs"])


def test_owners_are_told_of_what_was_not_measured() -> None:
    fixed = told_rungs(build_plan(source(), None, Options(ladder="apple")))
    assert {one["why"] for one in fixed["rungs"].values()} == {"fixed"}
    usual = told_rungs(apply_analysis(build_plan(source(), None), SKIPPED))
    assert {(one["why"], one["vmaf"]) for one in usual["rungs"].values()} == {("usual", None)}
    own = apply_analysis(passthrough(1_000_000), SKIPPED)
    assert told_rungs(own)["rungs"]["v1080"] == {"why": "uploaded", "vmaf": None}


def test_what_was_measured_is_told() -> None:
    (told,) = [one.why for one in apply_analysis(build_plan(source(), None), FILM).decisions if one.what == "analysis"]
    assert told == "8 samples of 2.00 s at 3 settings, 3.2 CPU s"


def test_the_uploads_own_track_stays_where_it_costs_no_more() -> None:
    before = passthrough(1_000_000)
    after = apply_analysis(before, FILM)
    assert after.passthrough == before.passthrough
    assert after.cuts == before.cuts
    assert after.chunks == before.chunks
    assert "v1080" not in [rung.id for rung in after.rungs], "it is the top rung"
    assert after.rungs
    assert "passthrough kept" in [one.what for one in after.decisions]


@pytest.mark.parametrize("found", [FILM, SCREENCAST, SKIPPED], ids=["kept", "not kept", "not measured"])
def test_no_rung_takes_more_than_the_uploads_own_track(found: Analysis) -> None:
    """Each is an encode of it, or stands beside it."""
    before = passthrough(1_000_000)
    held = {rung.id: rung for rung in within_upload(before.rungs, 1_000_000, "h264", Codec.H264)}
    after = apply_analysis(before, found)
    assert after.rungs
    assert held["v720"].cap_bps < {rung.id: rung for rung in before.rungs}["v720"].cap_bps
    for rung in after.rungs:
        assert rung.cap_bps == held[rung.id].cap_bps
        assert rung.maxrate_bps <= rung.cap_bps


def test_the_uploads_own_track_goes_where_its_encode_is_smaller() -> None:
    before = passthrough(5_900_000)
    assert before.cuts == tuple(range(0, 3000, 150))
    after = apply_analysis(before, SCREENCAST)
    assert after.passthrough is None
    assert after.rungs[0].id == "v1080"
    assert after.cuts == tuple(range(0, 3000, 180))
    assert set(after.chunks) <= set(after.cuts)
    (why,) = [one.why for one in after.decisions if one.what == "passthrough only until ready"]
    assert why.startswith("5900 kb/s, its encode about ")


def test_a_track_shown_only_until_ready_changes_nothing() -> None:
    before = build_plan(conforming(NTSC, 3000), index_of(range(0, 3000, 300), 3000))
    assert before.passthrough is not None
    assert not before.passthrough.lasting
    after = apply_analysis(before, FILM)
    assert after.passthrough == before.passthrough
    assert after.rungs[0].id == "v1080"
    assert after.cuts == before.cuts


def test_small_rungs_of_a_fast_title_still_show_every_second_frame() -> None:
    after = apply_analysis(build_plan(source(frame_rate=Fraction(50)), None), FILM)
    assert {rung.id: rung.frame_step for rung in after.rungs}["v360"] == 2


def test_a_lone_rung_may_be_the_uploads_own_track() -> None:
    """Nothing is left to encode but the sound."""
    facts = conforming(NTSC, 3000, width=320, height=200, bit_rate_bps=10_000)
    before = build_plan(facts, index_of(range(0, 3000, 150), 3000))
    assert [rung.id for rung in before.rungs] == ["v200"]
    after = apply_analysis(before, SKIPPED)
    assert after.passthrough is not None
    assert (after.passthrough.rung.id, after.rungs, after.first_rung) == ("v200", (), None)
    assert plan_from_json(plan_to_json(after)) == after


@pytest.mark.parametrize(
    ("width", "height", "seconds"),
    [(640, 360, 8), (640, 360, 15), *((1280, 720, seconds) for seconds in (4, 8, 15)), (1080, 1920, 4)],
)
def test_short_clips_are_measured_at_one_point(width: int, height: int, seconds: int) -> None:
    facts = source(width=width, height=height, frames=30 * seconds, duration_s=Fraction(seconds))
    plan = build_plan(facts, None)
    samples = plan_samples(plan, facts, None)
    assert len(samples.encodes) == 1
    assert samples.frames <= plan.shown_frames
    assert samples.cpu_s <= encode_cpu_s(plan, facts) / 4


def test_of_next_to_nothing_nothing_is_measured() -> None:
    facts = source(width=416, height=234, frames=6, duration_s=Fraction(1, 5))
    samples = plan_samples(build_plan(facts, None), facts, None)
    assert "a quarter" in (samples.skipped or "")
