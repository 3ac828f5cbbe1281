"""Which titles the public may find, by the pure function."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.listing import Standing, Unlisted, listed, why_unlisted
from core.model import Policy

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
FOUND = Standing(
    policy=Policy.PUBLIC,
    wanted=True,
    complete=True,
    deleted=False,
    taken_down=False,
    expires_at=None,
    has_poster=True,
)


def test_a_public_title_that_is_complete_and_wanted_is_listed() -> None:
    assert listed(FOUND, NOW)
    assert listed(replace(FOUND, expires_at=NOW + timedelta(seconds=1)), NOW)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"policy": Policy.SIGNED}, Unlisted.SIGNED),
        ({"wanted": False}, Unlisted.BY_OWNER),
        ({"complete": False}, Unlisted.NOT_READY),
        ({"deleted": True}, Unlisted.DELETED),
        ({"taken_down": True}, Unlisted.TAKEN_DOWN),
        ({"expires_at": NOW}, Unlisted.EXPIRED),
        ({"has_poster": False}, Unlisted.NO_POSTER),
        ({"deleted": True, "policy": Policy.SIGNED, "wanted": False}, Unlisted.DELETED),
    ],
)
def test_each_reason_alone_is_enough(changes: dict[str, Any], why: Unlisted) -> None:
    standing = replace(FOUND, **changes)
    assert why_unlisted(standing, NOW) is why
    assert not listed(standing, NOW)
