"""Multivariant playlists that sessions share.

Without a choice of CDN and without a restriction to one viewer, all sessions of a title that begin in the same minute
get the same playlist, unless a session ends before the tokens in it. In: a revision, a text, until when it is given
to others, and when its tokens expire. Out: that text. Pure.
"""

from core.caching.lru import LruDict
from core.model import AssetId, RevisionId

MAX_ENTRIES = 4096
RevisionKey = tuple[AssetId, RevisionId]


class SharedPlaylists:
    """The current playlist of each revision that was requested lately."""

    def __init__(self) -> None:
        self._playlists: LruDict[RevisionKey, tuple[float, int, bytes]] = LruDict(MAX_ENTRIES)

    def __len__(self) -> int:
        return len(self._playlists)

    def get(self, key: RevisionKey, now: float, ends_at: float) -> bytes | None:
        """None where there is none for a session that begins at `now` and ends at `ends_at` (both Unix seconds)."""
        until, expires_at, text = self._playlists.get(key) or (0.0, 0, b"")
        return text if now < until and expires_at <= ends_at else None

    def put(self, key: RevisionKey, text: bytes, until: float, expires_at: int) -> None:
        """Share `text`, whose tokens expire at `expires_at`, until `until` (Unix seconds)."""
        self._playlists[key] = until, expires_at, text
