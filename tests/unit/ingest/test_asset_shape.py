"""ingest.bodies.asset_response: the progress of an asset out of its steps, along every way through the pipeline."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bodies.asset_response import progress

CHUNKS = 3


def step(kind: str, share: float = 0.0, *, run: str = "st_1") -> dict[str, Any]:
    """A row of asset_view's steps; a share of 1 is done."""
    state = "done" if share == 1 else "leased" if share else "queued"
    return {"kind": kind, "state": state, "progress": share, "attempts": 0, "run": run}


WAYS = {
    # what a step owes as it ends, by kind and how many of that kind were there
    "growing": {"plan": ["first_rung", "first_sound", "analyse"], "analyse": ["sound"] + ["encode"] * CHUNKS},
    "one rung": {"plan": ["first_rung", "first_sound", "analyse"], "analyse": ["sound"]},
    "remux": {"plan": ["remux"], "remux": ["analyse"], "analyse": ["sound"] + ["encode"] * CHUNKS},
    "remux alone": {"plan": ["remux"], "remux": ["analyse"], "analyse": []},
    "unfit": {"plan": ["remux"], "remux": ["first_rung", "analyse"], "analyse": ["encode"] * CHUNKS},
    "again": {"plan": ["analyse"], "analyse": ["sound"] + ["encode"] * CHUNKS},
    "sound only": {"plan": ["analyse"], "analyse": ["sound"]},
}
WAYS["probed again"] = WAYS["again"]
START = {"again": "plan", "probed again": "probe"}


def work(way: str, choices: random.Random) -> list[float]:
    """Progress after every event of one run, its steps worked on in any order."""
    owes = {"accept": ["probe"], "probe": ["plan"], **WAYS[way]}
    steps = [step(START.get(way, "accept"))]
    seen = [progress(steps)]
    chunks = published = 0
    while unfinished := [entry for entry in steps if entry["state"] != "done"]:
        entry = choices.choice(unfinished)
        if choices.random() < 0.5:
            entry["state"] = "leased"
            # A remux only tells of its progress once the track has turned out to be fit.
            entry["progress"] = max(entry["progress"], 0.0 if way == "unfit" else choices.random())
        else:
            entry["state"], entry["progress"] = "done", 1.0
            owed = owes.get(entry["kind"], [])
            if entry["kind"] == "first_rung" and (chunks := chunks + 1) < CHUNKS:
                owed = ["first_rung"]
            steps += [step(kind) for kind in owed]
            parts_done = all(other["state"] == "done" for other in steps if other["kind"] != "first_sound")
            if parts_done and not published:
                steps.append(step("publish"))
                published = 1
        seen.append(progress(steps))
    return seen


@pytest.mark.parametrize("way", WAYS)
@given(seed=st.integers(0, 2**32))
def test_progress_goes_from_0_to_1_and_never_back(way: str, seed: int) -> None:
    seen = work(way, random.Random(seed))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_the_encode_is_spread_evenly_over_its_chunks() -> None:
    before = [step(kind, 1.0) for kind in ("accept", "probe", "plan", "analyse")]
    seen = [
        progress([*before, *[step("encode", 1.0)] * done, *[step("encode")] * (4 - done), step("publish")])
        for done in range(5)
    ]
    gains = [after - here for here, after in pairwise(seen)]
    assert gains == pytest.approx([gains[0]] * 4, abs=0.002)
    assert sum(gains) > 0.5, "it is most of the work"


def test_only_the_newest_run_that_has_work_counts() -> None:
    old = [step(kind, 1.0) for kind in ("accept", "probe", "plan", "analyse", "encode", "publish")]
    assert progress(old) == 1.0
    assert progress([*old, step("plan", run="st_2")]) == 0.0
    half = [step("plan", 1.0, run="st_2"), step("analyse", 1.0, run="st_2"), step("encode", 0.5, run="st_2")]
    assert 0.3 < progress([*old, *half]) < 0.7
    assert progress([*old, *half]) == progress(half)
    # Tidying up is no work on the asset.
    assert progress([*old, step("discard", run="st_3")]) == 1.0


def test_nothing_owed_is_no_progress() -> None:
    assert progress([]) == 0.0
