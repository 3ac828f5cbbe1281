"""Which picture is shown to whom: the sums against brute force and closed forms, the draws, the tokens, the buffer."""

import base64
import hmac
import json
import math
import random
from collections import Counter
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db.experiments import Event
from core.model import PlaybackId
from core.tokens import playback_token
from origin.experiments import impression_token
from origin.experiments.impression_counts import Impressions
from origin.experiments.impression_token import Impression, ImpressionExpired, ImpressionRefused
from thumbnails.experiments import assignment
from thumbnails.experiments.best_probability import p_best, p_best_of_many

KEYS = {"k2": b"b" * 32, "k1": b"a" * 32}
NOW = 1_800_000_000.0
IMPRESSION = Impression(
    experiment_id="ex_01", id="ab" * 12, candidate="c0123456789ab", batch=3, propensity=0.1 + 0.2, expires_at=int(NOW)
)


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def better_of_two(rewards: list[int], impressions: list[int]) -> float:
    """P(second > first), the finite sum that holds for whole parameters."""
    a, b = 1 + rewards[0], 1 + impressions[0] - rewards[0]
    c, d = 1 + rewards[1], 1 + impressions[1] - rewards[1]
    return math.fsum(
        math.exp(log_beta(a + i, b + d) - math.log(d + i) - log_beta(1 + i, d) - log_beta(a, b)) for i in range(c)
    )


# How likely each is the best


@pytest.mark.parametrize("many", [2, 3, 5, 8])
def test_nothing_known_is_all_alike(many: int) -> None:
    assert p_best([0] * many, [0] * many) == pytest.approx([1 / many] * many, abs=1e-12)


def test_two_are_as_the_closed_form_says() -> None:
    """From nothing at all to hundreds of thousands, beside each other."""
    chance = np.random.default_rng(1)
    for _ in range(60):
        impressions = [int(n) for n in 10 ** chance.uniform(0, 5.5, 2)]
        rewards = [int(n * share) for n, share in zip(impressions, 10 ** chance.uniform(-3, 0, 2), strict=True)]
        found = p_best(rewards, impressions)
        assert found[1] == pytest.approx(better_of_two(rewards, impressions), abs=5e-6), (rewards, impressions)


@pytest.mark.parametrize(
    ("rewards", "impressions"),
    [
        ([3, 8, 5, 0, 60], [50, 90, 100, 0, 1000]),
        ([500, 510, 498], [10_000, 10_000, 9_000]),
        ([0, 1, 1_000], [1, 1, 20_000]),
        ([7, 7, 7, 7, 7, 7], [7, 8, 9, 10, 11, 12]),
    ],
)
def test_several_are_as_brute_force_says(rewards: list[int], impressions: list[int]) -> None:
    draws, chance = 200_000, np.random.default_rng(2)
    a = np.array(rewards) + 1
    b = np.array(impressions) - np.array(rewards) + 1
    won = np.bincount(chance.beta(a, b, size=(draws, len(a))).argmax(axis=1), minlength=len(a)) / draws
    # Five standard errors of the brute force.
    assert len(won) == len(rewards)
    for ours, drawn in zip(p_best(rewards, impressions), won, strict=True):
        assert abs(ours - drawn) <= 5 * math.sqrt(max(ours * (1 - ours), 1 / draws) / draws)


@given(
    st.lists(
        st.integers(0, 2_000_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=6
    )
)
def test_whatever_was_counted_it_adds_up(counts: list[tuple[int, int]]) -> None:
    rewards, impressions = [r for r, _ in counts], [n for _, n in counts]
    found = p_best(rewards, impressions)
    assert math.fsum(found) == pytest.approx(1.0, abs=1e-9)
    assert all(0 <= p <= 1 for p in found)
    # Neither the order nor company matters.
    assert p_best(rewards[::-1], impressions[::-1])[::-1] == pytest.approx(found, abs=1e-9)
    pair = np.array([rewards, [0] * len(rewards)], float), np.array([impressions, [9] * len(rewards)], float)
    assert list(p_best_of_many(*pair)[0]) == pytest.approx(list(found), abs=1e-12)
    shared = assignment.shares(found)
    assert math.fsum(shared) == pytest.approx(1.0, abs=1e-12)
    assert min(shared) >= assignment.EXPLORE / len(found) - 1e-15, "somebody starves"


def test_more_rewards_than_impressions_are_refused() -> None:
    with pytest.raises(ValueError, match="as many rewards"):
        p_best([2, 0], [1, 0])


# Stopping


def test_a_winner_is_sure_and_everybody_was_shown_enough() -> None:
    enough = assignment.LEAST_IMPRESSIONS
    assert assignment.winner((0.02, 0.96, 0.02), (enough, enough, enough)) == 1
    assert assignment.winner((0.03, 0.95, 0.02), (enough, enough, enough)) is None
    assert assignment.winner((0.0, 1.0, 0.0), (enough, 10 * enough, enough - 1)) is None


# Drawing


def test_a_viewer_sees_the_same_for_the_life_of_a_batch() -> None:
    salt, shares = b"s" * 32, (0.2, 0.3, 0.5)
    first = [assignment.draw(salt, 1, f"viewer-{n}") for n in range(3000)]
    assert first == [assignment.draw(salt, 1, f"viewer-{n}") for n in range(3000)]
    for other in (assignment.draw(salt, 2, "viewer-0"), assignment.draw(b"t" * 32, 1, "viewer-0")):
        assert (other.place, other.impression) != (first[0].place, first[0].impression)
    assert len({one.impression for one in first}) == 3000
    # Each is drawn as often as its share says: chi square of two degrees of freedom, 99.9 %.
    counted = Counter(assignment.shown_to(one.place, shares) for one in first)
    assert sum((counted[arm] - 3000 * share) ** 2 / (3000 * share) for arm, share in enumerate(shares)) < 13.8


def test_every_place_has_one_picture() -> None:
    shares = (0.02, 0.9, 0.08)
    assert [assignment.shown_to(place, shares) for place in (0.0, 0.0199, 0.02, 0.91, 0.921, 1 - 2**-53)] == [
        *(0, 0, 1, 1, 2, 2)
    ]
    assert assignment.shown_to(1 - 2**-53, (0.1,) * 10) == 9  # ten tenths are a little less than one


def test_what_is_logged_is_unbiased() -> None:
    """The mean of reward / propensity over what was shown is each picture's true rate, whatever it was shown."""
    rates, seen, estimates = (0.30, 0.20, 0.25), random.Random(3), []
    for run in range(120):
        rewards, impressions, sums, total = [0, 0, 0], [0, 0, 0], [0.0, 0.0, 0.0], 0
        for batch in range(10):
            shares = assignment.shares(p_best(rewards, impressions))
            for viewer in range(40):
                place = assignment.draw(run.to_bytes(4), batch, str(viewer)).place
                arm = assignment.shown_to(place, shares)
                reward = seen.random() < rates[arm]
                impressions[arm] += 1
                rewards[arm] += reward
                sums[arm] += reward / shares[arm]
                total += 1
        estimates.append([value / total for value in sums])
    for arm, rate in enumerate(rates):
        column = [row[arm] for row in estimates]
        mean = math.fsum(column) / len(column)
        error = math.sqrt(math.fsum((value - mean) ** 2 for value in column) / len(column) ** 2)
        assert abs(mean - rate) < 4 * error, (arm, mean, error)


# Tokens


def test_an_impression_is_what_was_signed() -> None:
    token = impression_token.sign(IMPRESSION, KEYS)
    assert impression_token.verify(token, KEYS, NOW) == IMPRESSION  # the very same float included
    assert impression_token.verify(token, dict(reversed(KEYS.items())), NOW) == IMPRESSION  # keys rotate
    assert len(impression_token.sign(replace(IMPRESSION, experiment_id="ex_" + "0" * 26), KEYS)) < 400


@pytest.mark.parametrize("name", ["candidate", "propensity", "batch", "id", "experiment_id", "expires_at"])
def test_nothing_in_it_can_be_changed(name: str) -> None:
    kid, body, signature = impression_token.sign(IMPRESSION, KEYS).split(".")
    said = json.loads(base64.urlsafe_b64decode(body))
    at = [*Impression.__dataclass_fields__].index(name)
    said[at] = said[at] + (1 if name in ("batch", "propensity", "expires_at") else "0")
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    with pytest.raises(ImpressionRefused):
        impression_token.verify(f"{kid}.{forged}.{signature}", KEYS, NOW)


def test_what_is_old_foreign_or_another_token_is_refused() -> None:
    token = impression_token.sign(IMPRESSION, KEYS)
    with pytest.raises(ImpressionExpired):
        impression_token.verify(token, KEYS, NOW + 1)
    claims = playback_token.Claims(playback_id=PlaybackId("pb_1"), session="ab", expires_at=int(NOW) + 60)
    body = base64.urlsafe_b64encode(json.dumps(astuple(IMPRESSION)).encode()).decode()
    signature = hmac.digest(KEYS["k2"], f"kadr-playback.k2.{body}".encode(), "sha256").hex()  # as of a playback token
    for other in (
        *("", ".", "..", "k2", "k2..", "k9" + token[2:], token + "0", token[:-1], token.upper(), "é" + token),
        impression_token.sign(IMPRESSION, {"k2": b"c" * 32}),
        playback_token.sign(claims, KEYS),
        f"k2.{body}.{signature}",
        "k2." + "A" * 2000 + ".0",
    ):
        with pytest.raises(ImpressionRefused):
            impression_token.verify(other, KEYS, NOW)


# The buffer


def test_it_is_bounded_and_says_everything_once() -> None:
    counts = Impressions(None, max_events=5)
    for _ in range(3):
        counts.reported(IMPRESSION, Event.CLICKED)  # and so it was shown
    assert len(counts) == 2
    for n in range(20):
        counts.reported(replace(IMPRESSION, id=f"{n:024x}"), Event.SHOWN)
    assert len(counts) == 5
