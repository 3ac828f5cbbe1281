"""A playback session, as a value."""

from dataclasses import dataclass

from core.media import Rendition, Subtitles
from core.model import AssetId, PlaybackId, RevisionId
from core.playback_token import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A viewer's right to one revision, whose files lie below `prefix`. `origin.pathways` says how they are reached."""

    id: str
    title: str
    playback_id: PlaybackId
    asset_id: AssetId
    revision_id: RevisionId
    duration_s: float
    renditions: tuple[Rendition, ...]
    subtitles: tuple[Subtitles, ...]
    whole: bool  # not still being made
    expires_at: int  # of the delivery token: the title's length and the time it may pause
    alike_until: float  # Unix seconds: from then on another session's token would expire later
    limits: Limits
    prefix: str
    address: str | None
    country: str | None
    encrypted: bool = False

    @property
    def who(self) -> str:
        """As the paths name it that are for one session only: whom they stop serving is known by this."""
        viewer = f"/{self.limits.viewer.encode().hex()}" if self.limits.viewer else ""
        return f"/{self.playback_id}/{self.id}{viewer}"
