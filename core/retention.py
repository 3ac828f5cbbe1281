"""How long what is stored for an asset is kept: decided here, and nowhere else. Pure."""

from core.settings import Settings

CLOCKS_S = 60  # clocks that differ, rows that an origin remembers for a second, requests under way


def longest_session_s(settings: Settings) -> int:
    """How long what no row refers to any more may still be played: garbage is deleted after that."""
    return settings.renewal_s + min(CLOCKS_S, settings.renewal_s)


def source_retention_s(settings: Settings) -> int | None:
    """How long the source of an asset is kept after it became ready; None: as long as the asset."""
    return settings.source_retention_s
