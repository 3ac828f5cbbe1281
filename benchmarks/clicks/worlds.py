"""A SIMULATION of viewers who are shown one of several pictures: worlds, ways to choose, what they earn.

In: a world's true reward rates, a way to share out its viewers, a seed. Out: what each of many runs earned, showed and
decided. The ways share viewers out batch by batch with the very functions that the origin uses. All runs of a way go
through time together; what a viewer does is drawn by numpy from the seed, so the same seed gives the same numbers.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from thumbnails.experiments import assignment
from thumbnails.experiments.best_probability import p_best_of_many

Array = npt.NDArray[np.float64]


class Strategy(StrEnum):
    """How viewers are assigned to the candidates: bandit, A/B test, or no experiment."""

    THOMPSON = "thompson"  # as the origin does, stop rule included
    ENDLESS = "thompson, no stop"  # for what is said of the log alone
    UNIFORM = "uniform"  # an A/B test that goes on
    UNIFORM_STOP = "uniform, then winner"  # an A/B test with our stop rule
    FIRST = "always first"  # no experiment: what the picker found best

    @property
    def learns(self) -> bool:
        return self in (Strategy.THOMPSON, Strategy.ENDLESS)

    @property
    def stops(self) -> bool:
        return self in (Strategy.THOMPSON, Strategy.UNIFORM_STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """True reward rates at the start and at the end, in between on a straight line. The first is the picker's."""

    name: str
    start: tuple[float, ...]
    end: tuple[float, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.start)) > 1

    @property
    def drifts(self) -> bool:
        return self.start != self.end

    def rates(self, at: float) -> Array:
        """Reward rate of each candidate at a share of the time, 0 to 1."""
        return np.asarray(self.start) * (1 - at) + np.asarray(self.end) * at


def still(name: str, *rates: float) -> World:
    return World(name=name, start=rates, end=rates)


WORLDS = (
    still("equal", 0.05, 0.05, 0.05, 0.05, 0.05),
    still("small lift", 0.05, 0.05, 0.05, 0.06, 0.05),
    still("large lift", 0.05, 0.03, 0.09, 0.04, 0.06),
    still("first is best", 0.06, 0.05, 0.05, 0.05, 0.05),
    World(name="drifting", start=(0.05, 0.09, 0.05, 0.04, 0.03), end=(0.05, 0.04, 0.05, 0.09, 0.03)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Arrays over runs. `stopped_at` is in impressions, `winner` is -1 where none was declared."""

    reward: Array  # per impression
    regret: Array  # expected, per impression, against always showing the best of the moment
    worst_share: Array  # of the impressions, shown to the one with the lowest mean rate
    least_share: Array  # the smallest propensity that any candidate had in any batch before the stop
    least_shown: Array  # of the impressions until the stop, the smallest part that any candidate had
    stopped_at: Array
    winner: npt.NDArray[np.int64]
    weighed: Array  # (runs, candidates): mean of reward / propensity, over all impressions
    plain: Array  # (runs, candidates): mean reward of what was shown


def simulate(world: World, strategy: Strategy, *, runs: int, batches: int, viewers: int, seed: int) -> Runs:
    """Simulate `runs` experiments of `batches` batches with `viewers` impressions each."""
    chance = np.random.default_rng([seed, *map(ord, world.name + strategy)])
    arms = len(world.start)
    shares = np.tile(np.eye(arms)[0] if strategy is Strategy.FIRST else np.full(arms, 1 / arms), (runs, 1))
    shown, rewards, weighed = np.zeros((runs, arms)), np.zeros((runs, arms)), np.zeros((runs, arms))
    regret, least, winner = np.zeros(runs), np.full(runs, np.inf), np.full(runs, -1)
    until_stop, stopped_at = np.zeros((runs, arms)), np.full(runs, math.nan)
    for batch in range(batches):
        rates = world.rates((batch + 0.5) / batches)
        going = winner < 0
        least[going] = np.minimum(least[going], shares[going].min(axis=1))
        now = chance.multinomial(viewers, shares)
        earned = chance.binomial(now, rates)
        shown, rewards = shown + now, rewards + earned
        until_stop[going] += now[going]
        weighed += np.divide(earned, shares, out=np.zeros_like(weighed), where=shares > 0)
        regret += viewers * rates.max() - now @ rates
        if strategy.learns or strategy.stops:
            _turn(strategy, shares, shown, rewards, winner)
            stopped_at[going & (winner >= 0)] = (batch + 1) * viewers
    total = batches * viewers
    worst = int(np.argmin((np.asarray(world.start) + np.asarray(world.end)) / 2))
    return Runs(
        reward=rewards.sum(axis=1) / total,
        regret=regret / total,
        worst_share=shown[:, worst] / total,
        least_share=least,
        least_shown=(until_stop / until_stop.sum(axis=1, keepdims=True)).min(axis=1),
        stopped_at=stopped_at,
        winner=winner,
        weighed=weighed / total,
        plain=rewards / np.maximum(shown, 1),
    )


def _turn(strategy: Strategy, shares: Array, shown: Array, rewards: Array, winner: npt.NDArray[np.int64]) -> None:
    """End a batch: update `shares` and `winner` in place for the runs without a winner."""
    going = np.flatnonzero(winner < 0)
    if not len(going):
        return
    for run, found in zip(going, p_best_of_many(rewards[going], shown[going]), strict=True):
        won = assignment.winner(found.tolist(), shown[run].tolist()) if strategy.stops else None
        if won is not None:
            winner[run] = won
            shares[run] = np.eye(len(found))[won]
        elif strategy.learns:
            shares[run] = assignment.shares(found.tolist())
