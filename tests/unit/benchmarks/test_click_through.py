"""The simulator of clicks: it says that it is one, the same seed says the same, and it knows what can be known."""

import json
from functools import cache

import numpy as np
import pytest

from benchmarks.clicks.worlds import WORLDS, Runs, Strategy, World, simulate, still
from benchmarks.questions import click_through
from thumbnails.experiments import assignment

SHORT = {"runs": 40, "batches": 40, "viewers": 500, "seed": 7}
LARGE = next(world for world in WORLDS if world.name == "large lift")
EQUAL = next(world for world in WORLDS if world.name == "equal")
DRIFTING = next(world for world in WORLDS if world.drifts)


@cache
def short(world: World, strategy: Strategy) -> Runs:
    """Several tests look at the same one."""
    return simulate(world, strategy, **SHORT)


def test_without_learning_it_earns_what_the_rates_say() -> None:
    uniform, first = short(LARGE, Strategy.UNIFORM), short(LARGE, Strategy.FIRST)
    for found, expected in ((uniform, sum(LARGE.start) / 5), (first, LARGE.start[0])):
        error = found.reward.std(ddof=1) / np.sqrt(len(found.reward))
        assert abs(found.reward.mean() - expected) < 4 * error
    assert first.regret == pytest.approx([0.09 - 0.05] * 40)
    assert set(first.worst_share) == {0.0}
    drifting = short(DRIFTING, Strategy.FIRST)
    best = np.mean([DRIFTING.rates((batch + 0.5) / 40).max() for batch in range(40)])
    assert drifting.regret == pytest.approx([best - 0.05] * 40)


@pytest.mark.parametrize("world", [LARGE, DRIFTING], ids=lambda world: world.name)
def test_where_they_differ_it_earns_more_than_an_even_test(world: World) -> None:
    ours = click_through.mean(short(world, Strategy.THOMPSON).reward)
    even = click_through.mean(short(world, Strategy.UNIFORM).reward)
    assert ours["low"] > even["high"]


def test_where_they_are_alike_nothing_is_lost() -> None:
    found = short(EQUAL, Strategy.THOMPSON)
    assert found.regret == pytest.approx([0.0] * 40, abs=1e-12)
    assert (found.winner >= 0).mean() < 0.3


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_nobody_starves(world: World) -> None:
    found = short(world, Strategy.THOMPSON)
    assert found.least_share.min() >= assignment.EXPLORE / 5 - 1e-12
    assert found.least_shown.min() > 0.5 * assignment.EXPLORE / 5


def test_a_winner_needs_impressions_of_each() -> None:
    """A rate of 1 beside rates of 0 is plain at once, and still waits."""
    sure = still("sure", 0.0, 1.0, 0.0)
    found = simulate(sure, Strategy.THOMPSON, runs=20, batches=60, viewers=200, seed=1)
    assert set(found.winner) == {1}
    assert found.stopped_at.min() * (assignment.EXPLORE / 3 * 1.5) > assignment.LEAST_IMPRESSIONS * 0.5
    assert (found.stopped_at * found.least_shown).min() >= assignment.LEAST_IMPRESSIONS


@pytest.mark.parametrize("world", [LARGE, DRIFTING], ids=lambda world: world.name)
def test_the_log_is_unbiased(world: World) -> None:
    found = simulate(world, Strategy.ENDLESS, runs=100, batches=20, viewers=200, seed=5)
    truth = np.mean([world.rates((batch + 0.5) / 20) for batch in range(20)], axis=0)
    errors = found.weighed - truth
    sigmas = errors.mean(axis=0) / (errors.std(axis=0, ddof=1) / np.sqrt(len(errors)))
    assert np.abs(sigmas).max() < 4, sigmas
    if world.drifts:  # ... where the mean of what was shown is not
        assert np.abs(found.plain - truth).mean(axis=0).max() > 0.005


def test_the_same_seed_says_the_same_and_it_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--runs", "4", "--batches", "6", "--viewers", "300"]
    told = []
    for _ in range(2):
        assert click_through.main(arguments) == 0
        text = capsys.readouterr().out
        table, _, rest = text.partition("\n{")
        told.append({name: value for name, value in json.loads("{" + rest).items() if name != "machine"})
        assert table.count("SIMULATION") == 1 + len(WORLDS)
    assert told[0] == told[1]
    assert (told[0]["simulation"], told[0]["label"]) == (True, click_through.LABEL)
    assert click_through.main([*arguments, "--seed", "8"]) == 0
    assert json.loads("{" + capsys.readouterr().out.partition("\n{")[2])["worlds"] != told[0]["worlds"]
