"""core.media.head: the first bytes, in whatever blocks they come."""

from hypothesis import given
from hypothesis import strategies as st

from core.media.head import HEAD_BYTES, Head


@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_seen_once_and_as_soon_as_it_is_there(blocks: list[bytes]) -> None:
    seen: list[bytes] = []
    head, come = Head(seen.append), b""
    for block in blocks:
        head.took(block)
        come += block
        assert seen == ([come[:HEAD_BYTES]] if len(come) >= HEAD_BYTES else [])
    head.end()
    assert seen == [come[:HEAD_BYTES]]
