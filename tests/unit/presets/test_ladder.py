"""presets.ladder: the default ladder, and a cap for the sizes between its rungs (here those of tests/presets)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from presets.ladder import DEFAULT, Rung, cap_between


@pytest.mark.parametrize(
    ("side", "cap"),
    [
        (1080, 6_000_000),
        (900, 4_500_000),
        (720, 3_000_000),
        (630, 2_500_000),
        (396, 732_500),
        (234, 145_000),
        (100, 145_000),
        (4320, 6_000_000),
    ],
)
def test_cap_between(side: int, cap: int) -> None:
    assert cap_between(side) == cap


@given(st.integers(1, 5000))
def test_cap_grows_with_the_size(side: int) -> None:
    assert DEFAULT[-1].cap_bps <= cap_between(side) <= cap_between(side + 1) <= DEFAULT[0].cap_bps


def test_a_ladder_of_one() -> None:
    only = (Rung(short_side=480, cap_bps=1_000_000),)
    assert {cap_between(side, only) for side in (32, 480, 2160)} == {1_000_000}


def test_default_ladder_goes_down() -> None:
    assert len(DEFAULT) > 2
    assert all(a.short_side > b.short_side and a.cap_bps > b.cap_bps for a, b in pairwise(DEFAULT))
