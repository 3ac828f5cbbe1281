"""Query of GET /v1/usage."""

from datetime import date
from typing import Annotated

from pydantic import Field

from ingest.bodies.fields import Body

DAYS = 30
MOST_DAYS = 366
_Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31), examples=["2026-11-30"])]


class UsageQuery(Body):
    """GET /v1/usage: which days, in UTC."""

    since: _Day | None = Field(default=None, description=f"The first day. Default: {DAYS} days up to `until`")
    until: _Day | None = Field(default=None, description="The last day. Default: today")
