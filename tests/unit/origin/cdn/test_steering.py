"""Who plays from where: the split by weight, who stays and who moves, and for how long an answer holds."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.cdn.cdns import Cdn, Cdns
from origin.cdn.steering import rendezvous
from origin.cdn.steering.breaker import State
from origin.cdn.steering.decide import NOTHING, Condition, Decision, Known, decide
from origin.cdn.steering.regions import CONTINENT_OF, serves
from origin.cdn.steering.score import price_factors

SESSIONS = [random.Random(seed).randbytes(8).hex() for seed in range(1000)]
HEALTHY = Known(fresh=True)


def cdn(name: str, weight: float = 1.0, **more: object) -> Cdn:
    return Cdn(id=name, base_url=f"https://{name}.example.org", scheme="own", weight=weight, **more)  # type: ignore[arg-type]


def cdns(*all_: Cdn, sensitivity: float = 1.0) -> Cdns:
    return Cdns(all=all_, price_sensitivity=sensitivity)


TWO = cdns(cdn("a", 70), cdn("b", 30))
THREE = cdns(cdn("a", 70), cdn("b", 30), cdn("c", 20))


def firsts(known: Known = HEALTHY, among: Cdns = TWO, region: str = "") -> dict[str, str]:
    return {session: decide(session, among, known, region=region).pathways[0] for session in SESSIONS}


def with_states(**states: State) -> Known:
    return Known(conditions={name: Condition(state=state) for name, state in states.items()}, fresh=True)


def test_70_to_30_over_1000_sessions() -> None:
    assert 670 <= Counter(firsts().values())["a"] <= 730


@pytest.mark.parametrize("seed", range(20))
def test_70_to_30_over_random_sessions(seed: int) -> None:
    """Ids as they are made: hexadecimal, from a good generator. 70 +- 3 % is two standard deviations."""
    numbers = random.Random(seed)
    ids = [numbers.randbytes(8).hex() for _ in range(10_000)]
    share = sum(rendezvous.order(one, {"a": 70, "b": 30})[0] == "a" for one in ids) / len(ids)
    assert 0.68 < share < 0.72


def test_sequential_ids_spread_too() -> None:
    first = Counter(rendezvous.order(f"{number:016x}", {"a": 70, "b": 30})[0] for number in range(10_000))
    assert 6_850 < first["a"] < 7_150


@given(st.from_regex(r"[0-9a-f]{16}", fullmatch=True), st.floats(0.01, 1e6))
def test_only_the_proportion_counts(session: str, share: float) -> None:
    assert rendezvous.order(session, {"a": 1, "b": share}) == rendezvous.order(session, {"a": 1024, "b": share * 1024})


@given(st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
def test_every_pathway_is_named_once(session: str) -> None:
    assert sorted(decide(session, THREE, with_states(a=State.OPEN)).pathways) == ["a", "b", "c"]


def test_a_session_keeps_its_pathway() -> None:
    """The order of the file, what else is asked and whether Redis is there do not matter."""
    before = firsts()
    assert firsts() == before
    assert firsts(NOTHING) == before, "the static order is the same one"
    assert firsts(among=cdns(*reversed(TWO.all))) == before


def test_another_weight_moves_only_who_has_to() -> None:
    before, after = firsts(), firsts(among=cdns(cdn("a", 70), cdn("b", 60)))
    moved = {(before[one], after[one]) for one in SESSIONS if before[one] != after[one]}
    assert moved == {("a", "b")}


def test_another_pathway_takes_from_all_and_moves_nobody_else() -> None:
    before, after = firsts(), firsts(among=THREE)
    assert {after[one] for one in SESSIONS if before[one] != after[one]} == {"c"}
    assert {before[one] for one in SESSIONS if before[one] != after[one]} == {"a", "b"}


def test_an_open_breaker_moves_its_sessions_and_no_others() -> None:
    before, after = firsts(among=THREE), firsts(with_states(a=State.OPEN), THREE)
    assert set(after.values()) == {"b", "c"}
    assert all(after[one] == before[one] for one in SESSIONS if before[one] != "a")
    moved = Counter(after[one] for one in SESSIONS if before[one] == "a")
    assert 0.5 < moved["b"] / moved.total() < 0.7, "shared out by weight: 30 to 20"
    assert decide(SESSIONS[0], THREE, with_states(a=State.OPEN)).pathways[-1] == "a", "the last resort"


def test_half_open_lets_some_back() -> None:
    before, after = firsts(), firsts(with_states(a=State.HALF_OPEN))
    assert 0.13 < Counter(after.values())["a"] / 1000 < 0.25, "7 to 30"
    assert all(before[one] == "a" for one in SESSIONS if after[one] == "a"), "its own come back first"


def test_all_open_is_as_if_none_were() -> None:
    assert firsts(with_states(a=State.OPEN, b=State.OPEN)) == firsts()


def test_an_override_moves_all() -> None:
    known = replace(HEALTHY, override="b")
    assert set(firsts(known).values()) == {"b"}
    assert set(firsts(replace(with_states(b=State.OPEN), override="b")).values()) == {"b"}, "the operator knows better"
    after = decide(SESSIONS[0], THREE, known)
    assert after.reason == "override"
    assert [one for one in after.pathways if one != "b"] == [
        one for one in decide(SESSIONS[0], THREE, HEALTHY).pathways if one != "b"
    ]


def test_an_override_of_no_pathway_is_none() -> None:
    known = replace(HEALTHY, override="gone")
    assert (firsts(known), decide(SESSIONS[0], TWO, known).reason) == (firsts(), "healthy")


def test_full_takes_no_more_sessions_and_keeps_its_own() -> None:
    known = Known(conditions={"a": Condition(full=True)}, fresh=True)
    assert set(firsts(known).values()) == {"b"}
    of_a = [one for one, first in firsts().items() if first == "a"]
    assert {decide(one, TWO, known, current="a").pathways[0] for one in of_a} == {"a"}


def test_weight_0_is_used_only_when_the_others_fail() -> None:
    among = cdns(cdn("a", 1), cdn("spare", 0))
    assert set(firsts(among=among).values()) == {"a"}
    assert set(firsts(with_states(a=State.OPEN), among).values()) == {"spare"}


def test_price_lowers_the_share() -> None:
    priced = (cdn("a", 1, price_per_gb=0.01), cdn("b", 1, price_per_gb=0.04))
    assert price_factors(priced, 1.0) == {"a": 1.0, "b": 0.25}
    assert price_factors(priced, 0.5) == {"a": 1.0, "b": 0.5}
    assert price_factors(priced, 0.0) == {"a": 1.0, "b": 1.0}
    assert price_factors((cdn("a"), cdn("b", price_per_gb=0.02)), 1.0) == {"a": 1.0, "b": 1.0}, "no price: the cheapest"
    assert price_factors((cdn("a", price_per_gb=0.0), cdn("b", price_per_gb=0.01)), 1.0) == {"a": 1.0, "b": 0.1}
    assert 770 <= Counter(firsts(among=cdns(*priced)).values())["a"] <= 830
    assert 460 <= Counter(firsts(among=cdns(*priced, sensitivity=0.0)).values())["a"] <= 540


def test_regions() -> None:
    among = cdns(cdn("a", 1, regions=frozenset({"DE", "asia"})), cdn("b", 1))
    assert set(firsts(among=among, region="DE").values()) == {"a", "b"}
    assert set(firsts(among=among, region="JP").values()) == {"a", "b"}
    for elsewhere in ("FR", "", "XX"):
        assert set(firsts(among=among, region=elsewhere).values()) == {"b"}
    assert set(firsts(with_states(b=State.OPEN), among, "FR").values()) == {"a"}, "better than one that is down"


def test_countries() -> None:
    assert len(CONTINENT_OF) == 250
    assert serves(frozenset({"asia"}), "AS") is False, "American Samoa"
    assert serves(frozenset({"oceania"}), "AS")
    assert serves(frozenset({"south-america"}), "BR")
    assert not serves(frozenset({"south-america"}), "")


@pytest.mark.parametrize(
    ("known", "reason", "ttl_s"),
    [
        (HEALTHY, "healthy", 300),
        (NOTHING, "static", 300),
        (Known(conditions={"a": Condition(full=True)}, fresh=True), "full", 300),
        (with_states(a=State.OPEN), "breaker", 30),
        (with_states(b=State.HALF_OPEN), "breaker", 30),
        (replace(HEALTHY, override="a"), "override", 30),
    ],
)
def test_how_long_and_why(known: Known, reason: str, ttl_s: int) -> None:
    made = [decide(session, TWO, known) for session in SESSIONS]
    assert {one.reason for one in made} == {reason}
    ttls = [one.ttl_s for one in made]
    assert ttl_s * 0.9 <= min(ttls) < ttl_s * 0.92
    assert ttl_s * 1.08 < max(ttls) <= ttl_s * 1.1
    assert abs(sum(ttls) / len(ttls) - ttl_s) < ttl_s * 0.01
    assert ttls == [decide(session, TWO, known).ttl_s for session in SESSIONS], "the session's own, not the moment's"


def test_one_pathway() -> None:
    assert decide("0" * 16, cdns(cdn("origin")), HEALTHY) == Decision(pathways=("origin",), ttl_s=278, reason="healthy")
