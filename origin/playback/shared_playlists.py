"""Multivariant playlists that sessions share.

Without a choice of CDN and without a restriction to one viewer, all sessions of a title that begin in the same minute
get the same playlist. In: a revision, a text and until when its tokens suffice. Out: that text until then. Pure.
"""

from core.caching.lru import LruDict
from core.model import AssetId, RevisionId

MAX_ENTRIES = 4096
RevisionKey = tuple[AssetId, RevisionId]


class SharedPlaylists:
    """The current playlist of each revision that was requested lately."""

    def __init__(self) -> None:
        self._playlists: LruDict[RevisionKey, tuple[float, bytes]] = LruDict(MAX_ENTRIES)

    def __len__(self) -> int:
        return len(self._playlists)

    def get(self, key: RevisionKey, now: float) -> bytes | None:
        """None where there is none that is still valid at `now` (Unix seconds)."""
        until, text = self._playlists.get(key) or (0.0, b"")
        return text if now < until else None

    def put(self, key: RevisionKey, text: bytes, until: float) -> None:
        """Share `text` until `until` (Unix seconds)."""
        self._playlists[key] = until, text
