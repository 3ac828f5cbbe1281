"""transcode.probe.keyframe_index: keyframes of packets -> runs of pictures that are all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.probe import keyframe_index as module
from transcode.probe.keyframe_index import gops
from transcode.probe.source import SourceGop


def test_runs_between_keyframes() -> None:
    assert gops([0, 10, 20, 30, 40], [(0, 700), (30, 500)], 0) == (
        SourceGop(frame=0, frames=3, bytes=700),
        SourceGop(frame=3, frames=2, bytes=500),
    )


def test_pictures_before_the_first_keyframe_are_of_its_run() -> None:
    assert gops([0, 10, 20], [(10, 700)], 50) == (SourceGop(frame=0, frames=3, bytes=750),)


def test_no_keyframe_at_all() -> None:
    assert gops([0, 10, 20], [], 50) == (SourceGop(frame=0, frames=3, bytes=50),)
    assert gops([], [], 0) == ()


def test_very_many_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GOPS", 2)
    found = gops(range(5), [(tick, 10) for tick in range(5)], 0)
    assert found == (SourceGop(frame=0, frames=4, bytes=40), SourceGop(frame=4, frames=1, bytes=10))


@given(
    st.lists(st.integers(-100, 1000), min_size=1, max_size=40).map(sorted),
    st.lists(st.tuples(st.integers(-200, 1100), st.integers(0, 99)), max_size=20),
    st.integers(0, 99),
)
def test_any_order_gives_all_pictures_and_bytes(ticks: list[int], keys: list[tuple[int, int]], unled: int) -> None:
    found = gops(ticks, keys, unled)
    at = 0
    for gop in found:
        assert gop.frame == at
        assert gop.frames > 0
        at += gop.frames
    assert at == len(ticks)
    assert sum(gop.bytes for gop in found) == unled + sum(size for _, size in keys)
