"""Playlists that sessions share: without a choice of CDN and with nobody in particular, all that begin in one minute
are told the same. In: a revision, a text and until when it holds. Out: that text until then.
"""

from core.model import AssetId, RevisionId

MOST_KNOWN = 4096
Key = tuple[AssetId, RevisionId]


class Alike:
    """The text of each revision that was asked for lately."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[float, bytes]] = {}

    def get(self, key: Key, now: float) -> bytes | None:
        """None where there is none, or none any more."""
        until, text = self._known.get(key, (0.0, b""))
        return text if now < until else None

    def keep(self, key: Key, text: bytes, until: float) -> None:
        """`until` in Unix seconds."""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = until, text
