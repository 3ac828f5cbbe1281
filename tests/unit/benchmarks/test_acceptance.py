"""benchmarks.transcode.acceptance: which targets the results of some clips reach."""

from typing import Any

import pytest

from benchmarks.transcode.acceptance import summarise, table


def found(
    cpu: float = 1.0, size: float = 1.0, vmaf: float = 95.0, bd: float | None = -15.0, wall: float = 1.0
) -> dict[str, Any]:
    compared = {"percent": bd, "low": 50.0, "high": 95.0} if bd is not None else None
    return {
        "ratio": {"cpu": cpu, "wall": wall, "bytes": size},
        "bd_rate": {"vmaf_mean": compared, "xpsnr": compared},
        "top": {"vmaf_mean": vmaf},
    }


def clip(name: str, **systems: dict[str, Any]) -> dict[str, Any]:
    return {"clip": {"name": name}, "systems": {"A": found(bd=0.0), **systems}}


def verdicts(*clips: dict[str, Any]) -> dict[tuple[str, str], tuple[bool, tuple[str, ...]]]:
    checks = summarise(clips)["checks"]
    return {(check["system"], check["what"]): (check["passed"], tuple(check["misses"])) for check in checks}


def test_ratios_are_judged_by_their_median() -> None:
    judged = verdicts(*(clip(f"c{cpu}", economy=found(cpu=cpu, size=0.7)) for cpu in (0.4, 0.55, 0.9)))
    assert judged["economy", "median cpu ratio"] == (True, ("c0.9",))
    assert judged["economy", "median bytes ratio"] == (True, ())
    slow = verdicts(*(clip(f"c{cpu}", economy=found(cpu=cpu)) for cpu in (0.4, 0.56, 0.9)))
    assert slow["economy", "median cpu ratio"] == (False, ("c0.56", "c0.9"))


@pytest.mark.parametrize(("vmaf", "passes"), [(94.0, True), (93.5, True), (93.4, False)])
def test_scores_are_judged_on_every_clip(vmaf: float, passes: bool) -> None:
    judged = verdicts(clip("good", balanced=found(vmaf=97)), clip("edge", balanced=found(vmaf=vmaf)))
    assert judged["balanced", "top VMAF of every clip"] == (passes, () if passes else ("edge",))


def test_a_clip_that_loses_is_named() -> None:
    judged = verdicts(clip("wins", quality=found(bd=-20.0)), clip("loses", quality=found(bd=2.1)))
    assert judged["quality", "BD-rate VMAF % of every clip"] == (False, ("loses",))
    assert judged["quality", "median BD-rate VMAF %"] == (False, ("loses",))
    assert judged["quality", "median BD-rate XPSNR %"] == (True, ("loses",))


def test_no_common_range_is_no_pass() -> None:
    judged = verdicts(clip("far", quality=found(bd=None)))
    assert judged["quality", "BD-rate VMAF % of every clip"] == (False, ("far",))
    assert judged["quality", "median BD-rate VMAF %"] == (False, ("far",))


def test_a_better_top_rung_in_fewer_bytes_is_no_loss_without_a_common_range() -> None:
    above = clip("above", quality=found(bd=None, size=0.5, vmaf=96))
    assert verdicts(above)["quality", "BD-rate VMAF % of every clip"] == (True, ())
    bigger = clip("bigger", quality=found(bd=None, size=1.1, vmaf=96))
    assert verdicts(above, bigger)["quality", "BD-rate VMAF % of every clip"] == (False, ("bigger",))


def test_a_failed_encode_fails_its_checks_and_a_failed_base_its_clip() -> None:
    good, bad = clip("good", economy=found(cpu=0.5)), clip("bad", economy={"error": "it fell over"})
    judged = verdicts(good, bad)
    assert judged["economy", "median cpu ratio"] == (False, ("bad",))
    assert judged["economy", "top VMAF of every clip"] == (False, ("bad",))
    lost = {"clip": {"name": "lost"}, "systems": {"A": {"error": "no"}, "economy": found(cpu=9)}}
    assert verdicts(good, lost)["economy", "median cpu ratio"] == (True, ())
    assert summarise([good, lost])["clips"] == 1


def test_only_what_ran_is_judged_and_told() -> None:
    summary = summarise([clip("one", same=found(cpu=1.05, wall=1.2), B=found(cpu=0.8))])
    assert {check["system"] for check in summary["checks"]} == {"same"}
    assert summary["medians"]["B"]["cpu"] == 0.8
    assert "MISS  same      median wall ratio" in table(summary)
