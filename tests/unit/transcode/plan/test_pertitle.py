"""transcode.pertitle.model: what is chosen from what was measured."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets.effort import Effort
from presets.ladder import DEFAULT as LADDER
from transcode.pertitle.model import FLOOR_BPS, TARGET, Ladder, Model, Point, choose, crfs, fit
from transcode.plan.rungs import VideoRung, rungs

FULL_HD = rungs(1920, 1080, LADDER, crf=23, half_rate_at=0)
LOW = frozenset({"v360"})
SIDES = [rung.short_side for rung in FULL_HD]


def model(*points: Point, preset: str = "veryfast", moments: int = 8) -> Model:
    return fit(points, moments=moments, full_side=1080, full_pixels=1920 * 1080, frame_rate=24.0, preset=preset)


def point(side: int, crf: float, bps: float, vmaf: float, p1: float | None = None) -> Point:
    return Point(short_side=side, crf=crf, bps=bps, vmaf_mean=vmaf, vmaf_p1=vmaf - 4 if p1 is None else p1)


def chosen(ladder: Ladder) -> list[str]:
    return [choice.rung_id for choice in ladder.choices]


FILM = (point(1080, 24, 2_800_000, 92.0), point(540, 26, 600_000, 72.0), point(1080, 30, 1_350_000, 83.0))
SCREENCAST = (point(1080, 24, 150_000, 96.5), point(540, 26, 60_000, 78.0), point(1080, 30, 80_000, 91.0))
NOISE = (point(1080, 24, 14_000_000, 90.0), point(540, 26, 4_000_000, 75.0), point(1080, 30, 7_000_000, 80.0))

measured = st.builds(
    point,
    side=st.sampled_from(SIDES),
    crf=st.integers(18, 32),
    bps=st.floats(1e4, 5e7),
    vmaf=st.floats(5, 100),
    p1=st.floats(0, 100),
)


@given(st.lists(measured, max_size=6), st.sampled_from(SIDES))
def test_more_crf_is_never_more_bits_nor_more_quality(points: list[Point], side: int) -> None:
    made, steps = model(*points), list(pairwise(crfs()))
    assert steps
    for better, worse in steps:
        assert made.bps(side, better) > made.bps(side, worse)
        assert made.vmaf(side, better) >= made.vmaf(side, worse)


@given(st.lists(measured, max_size=6), st.sampled_from(list(Effort)), st.booleans())
def test_whatever_was_measured_a_ladder_comes_out(points: list[Point], effort: Effort, early: bool) -> None:
    keep = LOW if early else frozenset[str]()
    ladder = choose(FULL_HD, model(*points), effort, keep)
    caps = {rung.id: rung.cap_bps for rung in FULL_HD}
    assert chosen(ladder)[0] == "v1080"
    assert keep <= set(chosen(ladder))
    assert sorted([*chosen(ladder), *(one.rung_id for one in ladder.dropped)]) == sorted(caps)
    assert all(0 < one.maxrate_bps <= caps[one.rung_id] for one in ladder.choices)
    assert all(one.bufsize_bps == 2 * one.maxrate_bps for one in ladder.choices)
    assert all(one.reason for one in (*ladder.choices, *ladder.dropped))


def test_a_model_passes_near_what_was_measured() -> None:
    made = model(*FILM)
    for seen in FILM:
        assert seen.vmaf_mean is not None
        assert made.vmaf(seen.short_side, seen.crf) == pytest.approx(seen.vmaf_mean, abs=2.5)
        assert abs(math.log2(made.bps(seen.short_side, seen.crf) / seen.bps)) < 0.35


def test_one_moment_is_believed_less_than_eight() -> None:
    odd = point(1080, 24, 2_800_000, 60.0)
    by_one, by_eight = model(odd, moments=1), model(odd, moments=8)
    assert 60 < by_eight.vmaf(1080, 24) < by_one.vmaf(1080, 24) < model().vmaf(1080, 24)
    assert by_one.cautious_vmaf(1080, 24) < by_one.vmaf(1080, 24)


def test_a_slower_preset_looks_better_at_the_same_crf() -> None:
    qualities = [model(*FILM, preset=preset).vmaf(1080, 24) for preset in ("veryfast", "faster", "fast", "slow")]
    assert qualities == sorted(qualities)
    assert qualities[0] < qualities[-1]


@pytest.mark.parametrize("effort", Effort)
def test_the_top_rung_is_the_cheapest_that_is_good_enough(effort: Effort) -> None:
    made = model(*FILM)
    top = choose(FULL_HD, made, effort, LOW).choices[0]
    assert made.cautious_vmaf(1080, top.crf) >= TARGET[effort]
    assert made.cautious_vmaf(1080, top.crf + 0.5) < TARGET[effort]


def test_bad_moments_buy_a_little_more() -> None:
    steady = choose(FULL_HD, model(point(1080, 24, 2_800_000, 94.0, 91.0)), Effort.ECONOMY, LOW).choices[0]
    shaky = choose(FULL_HD, model(point(1080, 24, 2_800_000, 94.0, 84.0)), Effort.ECONOMY, LOW).choices[0]
    hopeless = choose(FULL_HD, model(point(1080, 24, 2_800_000, 94.0, 20.0)), Effort.ECONOMY, LOW).choices[0]
    assert steady.crf - 2 <= shaky.crf < steady.crf
    assert hopeless.crf == steady.crf  # what the source cannot reach is not paid for
    assert "88 at its worst" in shaky.reason


def test_a_film_loses_the_rungs_between() -> None:
    ladder = choose(FULL_HD, model(*FILM), Effort.BALANCED, LOW)
    assert chosen(ladder)[0] == "v1080"
    assert chosen(ladder)[-1] == "v360"
    assert 3 <= len(ladder.choices) <= 4
    for above, below in pairwise(ladder.choices):
        assert above.predicted_bps >= 1.5 * below.predicted_bps
        assert above.predicted_vmaf - below.predicted_vmaf >= 4.9


def test_a_screencast_needs_no_steps() -> None:
    """It costs less at full size than the low rung of a film, so nothing stands between the two."""
    ladder = choose(FULL_HD, model(*SCREENCAST), Effort.BALANCED, LOW)
    assert chosen(ladder) == ["v1080", "v360"]
    assert ladder.choices[0].predicted_bps < 400_000
    assert ladder.choices[0].maxrate_bps < 1_000_000
    assert chosen(choose(FULL_HD, model(*SCREENCAST), Effort.BALANCED, frozenset())) == ["v1080"]


def test_a_title_too_hard_for_the_cap_stops_there() -> None:
    top = choose(FULL_HD, model(*NOISE), Effort.QUALITY, LOW).choices[0]
    assert top.predicted_bps <= 6_000_000
    assert top.reason == "as good as 6000 kb/s allow"


def test_what_was_encoded_first_stays_as_it_is() -> None:
    early = next(rung for rung in FULL_HD if rung.id == "v360")
    low = choose(FULL_HD, model(*FILM), Effort.QUALITY, LOW).choices[-1]
    assert (low.rung_id, low.crf, low.maxrate_bps) == ("v360", early.crf, early.maxrate_bps)


def test_without_an_early_rung_a_low_one_is_chosen() -> None:
    low = choose(FULL_HD, model(*FILM), Effort.BALANCED, frozenset()).choices[-1]
    assert FLOOR_BPS * 0.8 < low.predicted_bps <= 400_000


def test_a_lone_rung() -> None:
    alone: tuple[VideoRung, ...] = rungs(320, 200, LADDER, crf=23, half_rate_at=0)[:1]
    made = fit((), moments=0, full_side=200, full_pixels=64_000, frame_rate=25.0, preset="fast")
    ladder = choose(alone, made, Effort.ECONOMY, frozenset())
    assert chosen(ladder) == ["v200"]
    assert not ladder.dropped
