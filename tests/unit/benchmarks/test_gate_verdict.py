"""The gate's judgement on drawn costs: what is slower is found, what is not is let through, though a machine drifts."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gate import outputs
from benchmarks.gate.verdict import TOLERANCE, Judged, Round, Verdict, judge

COST = st.floats(0.5, 20)
ROUNDS = st.lists(st.builds(Round, base=st.tuples(COST, COST), head=st.tuples(COST, COST)), min_size=2, max_size=6)


def drawn(seed: int, *, slowdown: float, noise: float = 0.015, drift: float = 0.0, rounds: int = 5) -> Judged:
    """Costs of a machine that becomes slower by `drift` from run to run."""
    draw = random.Random(seed)
    at = 0
    made = []
    for _ in range(rounds):
        costs = []
        for side in (1.0, slowdown, slowdown, 1.0):
            costs.append(2.0 * side * math.exp(drift * at + draw.gauss(0, noise)))
            at += 1
        made.append(Round(base=(costs[0], costs[3]), head=(costs[1], costs[2])))
    return judge(made)


def test_a_fifth_more_is_always_found() -> None:
    assert Counter(drawn(seed, slowdown=1.2).verdict for seed in range(300)) == {Verdict.SLOWER: 300}


def test_no_change_is_never_called_slower() -> None:
    found = Counter(drawn(seed, slowdown=1.0).verdict for seed in range(1000))
    assert found[Verdict.SLOWER] == 0
    assert found[Verdict.SAME] > 950


def test_nor_on_a_machine_that_becomes_slower_meanwhile() -> None:
    found = Counter(drawn(seed, slowdown=1.0, drift=0.01).verdict for seed in range(300))
    assert found[Verdict.SLOWER] == 0
    assert drawn(0, slowdown=1.2, drift=0.01).verdict is Verdict.SLOWER


def test_less_than_the_tolerance_is_let_through_however_sure_it_is() -> None:
    judged = drawn(1, slowdown=1.02, noise=0.0005)
    assert judged.ratio.differs
    assert judged.verdict is Verdict.SAME


def test_a_machine_that_is_too_busy_decides_nothing() -> None:
    judged = drawn(3, slowdown=1.0, noise=0.3, rounds=3)
    assert judged.verdict is Verdict.UNDECIDED
    assert not judged.precise


def test_what_became_faster_is_told() -> None:
    assert drawn(4, slowdown=0.8).verdict is Verdict.FASTER


def test_it_is_precise_once_the_tolerance_would_show() -> None:
    judged = drawn(5, slowdown=1.0, noise=0.005, rounds=4)
    assert judged.precise
    assert judged.visible <= TOLERANCE
    with pytest.raises(ValueError, match="less than two"):
        judge([Round(base=(1, 1), head=(1, 1))])


@given(ROUNDS, st.floats(0.1, 10))
def test_units_do_not_matter(rounds: list[Round], factor: float) -> None:
    def scaled(pair: tuple[float, float]) -> tuple[float, float]:
        return pair[0] * factor, pair[1] * factor

    plain, other = judge(rounds), judge([Round(base=scaled(one.base), head=scaled(one.head)) for one in rounds])
    assert other.ratio.value == pytest.approx(plain.ratio.value)
    assert other.noise == pytest.approx(plain.noise, abs=1e-9)


@given(ROUNDS)
def test_the_sides_changed_it_is_the_inverse(rounds: list[Round]) -> None:
    there, back = judge(rounds), judge([Round(base=one.head, head=one.base) for one in rounds])
    assert there.ratio.value == pytest.approx(1 / back.ratio.value)
    assert there.visible == pytest.approx(back.visible)


SAME = {"a.m4s": "1", "index.m3u8": "2"}


def test_equal_bytes_pass() -> None:
    found = outputs.compare("encode-motion", [SAME, SAME], [SAME, SAME], ())
    assert (found.changed, found.shaky, found.fails) == ((), (), False)


@pytest.mark.parametrize(
    "head",
    [{**SAME, "a.m4s": "3"}, {"a.m4s": "1"}, {**SAME, "b.m4s": "1"}],
    ids=["other bytes", "one less", "one more"],
)
def test_other_bytes_fail_unless_a_new_line_explains_them(head: dict[str, str]) -> None:
    line = "- Faster starts. Changes the bytes of: sessions, encode-motion."
    assert outputs.compare("encode-motion", [SAME], [head], ()).fails
    assert outputs.compare("encode-motion", [SAME], [head], ("- Changes the bytes of: encode-cups",)).fails
    explained = outputs.compare("encode-motion", [SAME], [head], (line,))
    assert len(explained.changed) == 1
    assert (explained.fails, explained.explained) == (False, line)


def test_what_the_base_makes_anew_each_time_is_named_and_not_compared() -> None:
    other = {**SAME, "a.m4s": "3"}
    found = outputs.compare("encode-motion", [SAME, other], [SAME, SAME], ())
    assert (found.changed, found.shaky, found.fails) == ((), ("a.m4s",), False)


def test_what_only_head_makes_anew_each_time_has_changed() -> None:
    other = {**SAME, "a.m4s": "3"}
    found = outputs.compare("encode-motion", [SAME, SAME], [SAME, other], ())
    assert (found.changed, found.shaky, found.fails) == (("a.m4s",), (), True)
    assert outputs.compare("encode-motion", [{}, {}], [{"a.m4s": "1"}, {"a.m4s": "2"}], ()).fails
