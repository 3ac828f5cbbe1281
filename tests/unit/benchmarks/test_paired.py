"""Ratios of repeated measurements with intervals: against textbook values, and on numbers with a known truth."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.paired import of_cases, of_runs, t_quantile

COSTS = st.lists(st.floats(0.1, 100), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    [(0.975, 1, 12.7062), (0.975, 4, 2.7764), (0.95, 10, 1.8125), (0.995, 8, 3.3554), (0.999, 8, 4.5008)],
)
def test_quantiles_are_those_of_the_tables(share: float, freedom: float, expected: float) -> None:
    assert t_quantile(share, freedom) == pytest.approx(expected, abs=2e-4)


def test_with_many_degrees_of_freedom_it_is_the_normal_distribution() -> None:
    assert t_quantile(0.975, 1e5) == pytest.approx(1.95996, abs=1e-3)
    assert t_quantile(0.5, 3) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="share 1"):
        t_quantile(1, 3)


@given(COSTS, COSTS)
def test_turned_round_it_is_the_inverse(before: list[float], after: list[float]) -> None:
    there, back = of_runs(before, after), of_runs(after, before)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low is not None
    assert back.high is not None
    assert math.log(there.low) == pytest.approx(-math.log(back.high), abs=1e-6) or there.low == 0


@given(COSTS, st.floats(0.5, 2))
def test_a_cost_that_is_a_multiple_of_another_is_found(costs: list[float], factor: float) -> None:
    found = of_runs(costs, [cost * factor for cost in costs])
    assert found.value == pytest.approx(factor)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value * (1 + 1e-9)
    assert found.high >= found.value * (1 - 1e-9)


def test_one_run_has_no_interval_and_differs_from_nothing() -> None:
    found = of_runs([2.0], [4.0])
    assert (found.value, found.low, found.high, found.differs) == (2.0, None, None, False)
    assert of_cases([1.5]).low is None


def test_what_else_is_uncertain_widens_it() -> None:
    sure = of_runs([1.0, 1.01, 0.99], [1.1, 1.11, 1.09])
    unsure = of_runs([1.0, 1.01, 0.99], [1.1, 1.11, 1.09], more_sd=0.1)
    assert sure.differs
    assert not unsure.differs


def test_an_interval_of_95_percent_holds_the_truth_19_times_of_20() -> None:
    draw = random.Random(7)
    trials = 600
    held = 0
    for _ in range(trials):
        found = of_cases([math.exp(draw.gauss(0.1, 0.2)) for _ in range(5)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= math.exp(0.1) <= found.high
    assert 0.92 <= held / trials <= 0.98
