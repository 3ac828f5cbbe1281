"""Texts that sessions share, for as long as their tokens would expire together."""

from core.model import AssetId, RevisionId
from origin.alike import MOST_KNOWN, Alike

ONE = (AssetId("as_1"), RevisionId("r1"))
NEXT = (AssetId("as_1"), RevisionId("r2"))


def test_a_text_holds_until_its_time_and_for_its_revision() -> None:
    alike = Alike()
    assert alike.get(ONE, 0.0) is None
    alike.keep(ONE, b"text", until=60.0)
    assert [alike.get(ONE, now) for now in (0.0, 59.9, 60.0, 61.0)] == [b"text", b"text", None, None]
    assert alike.get(NEXT, 0.0) is None
    alike.keep(ONE, b"of the next minute", until=120.0)
    assert alike.get(ONE, 60.0) == b"of the next minute"


def test_it_does_not_grow_without_end() -> None:
    alike, keys = Alike(), [(ONE[0], RevisionId(f"r{number}")) for number in range(3 * MOST_KNOWN)]
    for number, key in enumerate(keys, 1):
        alike.keep(key, b"", until=60.0)
        assert alike.get(key, 0.0) == b""
        if number % (MOST_KNOWN // 2) == 1:
            assert 0 < sum(alike.get(one, 0.0) is not None for one in keys[:number]) <= MOST_KNOWN
    assert alike.get(keys[0], 0.0) is None
