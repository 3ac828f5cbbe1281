"""A playback session as a value: which title, until when, for whom."""

from dataclasses import dataclass

from core.media.encoded import Rendition, Subtitles
from core.model import AssetId, PlaybackId, RevisionId
from core.tokens.playback_token import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A viewer's right to play one revision, whose files are below `prefix`; `origin.playback.pathways` makes their
    URLs."""

    id: str
    title: str
    playback_id: PlaybackId
    asset_id: AssetId
    revision_id: RevisionId
    duration_s: float
    renditions: tuple[Rendition, ...]
    subtitles: tuple[Subtitles, ...]
    whole: bool  # false while the title is being encoded
    expires_at: int  # Unix seconds, of the delivery token: after the title's duration and pause, or the session's end
    renew_until: int  # Unix seconds: the session's end, which no renewal moves
    shareable_until: float  # Unix seconds: from then on the token of a new session would expire later
    limits: Limits  # those of its token, and the host of its page where the title has allowed domains
    prefix: str
    address: str | None
    country: str | None
    encrypted: bool = False
    public_only: bool = False  # it began without a token, which only a public title allows

    @property
    def path_suffix(self) -> str:
        """Names session and viewer in URLs that are for this session only, so that revoking either is noticed there."""
        viewer = f"/{self.limits.viewer.encode().hex()}" if self.limits.viewer else ""
        return f"/{self.playback_id}/{self.id}{viewer}"
