"""Texts that sessions share, for as long as their tokens would expire together."""

from core.model import AssetId, RevisionId
from origin.playback.shared_playlists import MAX_ENTRIES, SharedPlaylists

ONE = (AssetId("as_1"), RevisionId("r1"))
NEXT = (AssetId("as_1"), RevisionId("r2"))


def test_a_text_holds_until_its_time_and_for_its_revision() -> None:
    playlists = SharedPlaylists()
    assert playlists.get(ONE, 0.0, 900) is None
    playlists.put(ONE, b"text", until=60.0, expires_at=900)
    assert [playlists.get(ONE, now, 900) for now in (0.0, 59.9, 60.0, 61.0)] == [b"text", b"text", None, None]
    assert playlists.get(NEXT, 0.0, 900) is None
    playlists.put(ONE, b"of the next minute", until=120.0, expires_at=960)
    assert playlists.get(ONE, 60.0, 960) == b"of the next minute"


def test_no_session_gets_tokens_that_outlive_it() -> None:
    playlists = SharedPlaylists()
    playlists.put(ONE, b"text", until=60.0, expires_at=900)
    assert [playlists.get(ONE, 0.0, ends_at) for ends_at in (899, 900, 901)] == [None, b"text", b"text"]


def test_it_does_not_grow_without_end() -> None:
    playlists = SharedPlaylists()
    for number in range(3 * MAX_ENTRIES):
        playlists.put((ONE[0], RevisionId(f"r{number}")), b"", until=60.0, expires_at=900)
        assert len(playlists) <= MAX_ENTRIES
    assert playlists.get((ONE[0], RevisionId(f"r{3 * MAX_ENTRIES - 1}")), 0.0, 900) == b""
