"""Whether the public may find a title: the one decision that sitemaps, the index of videos, structured data, oEmbed,
robots directives and IndexNow depend on.

`listed` decides for one title; the view `listed_assets` (core/db/sql/views.sql) selects by the same conditions. Pure.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.model import Policy


class Unlisted(StrEnum):
    """Why a title is not listed. Of several reasons, the first in this order counts."""

    DELETED = "deleted"
    TAKEN_DOWN = "taken_down"
    EXPIRED = "expired"
    SIGNED = "signed"
    BY_OWNER = "by_owner"
    NOT_READY = "not_ready"
    NO_POSTER = "no_poster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the decision depends on.

    `wanted`: its owner wants it found. `complete`: all renditions of some revision are published, and still are while
    another one is being made.
    """

    policy: Policy
    wanted: bool
    complete: bool
    deleted: bool
    taken_down: bool
    expires_at: datetime | None
    has_poster: bool

    def expired(self, now: datetime) -> bool:
        """Whether its time is over: it is neither listed nor played."""
        return self.expires_at is not None and self.expires_at <= now


def listed(standing: Standing, now: datetime) -> bool:
    """Whether public surfaces may name the title at `now`."""
    return why_unlisted(standing, now) is None


def why_unlisted(standing: Standing, now: datetime) -> Unlisted | None:
    """Why public surfaces may not name the title at `now`; None where they may."""
    reasons = {
        Unlisted.DELETED: standing.deleted,
        Unlisted.TAKEN_DOWN: standing.taken_down,
        Unlisted.EXPIRED: standing.expired(now),
        Unlisted.SIGNED: standing.policy is not Policy.PUBLIC,
        Unlisted.BY_OWNER: not standing.wanted,
        Unlisted.NOT_READY: not standing.complete,
        Unlisted.NO_POSTER: not standing.has_poster,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
