"""Every published title in the tests goes through the checker: `assert await faults(url) == []`."""

from typing import Any

from kadr.check import rules
from kadr.check.fetch import CheckLimits
from kadr.check.gather import gather
from kadr.check.rules import Severity
from tests.stack import Stack

QUICK = CheckLimits(file_s=20, total_s=120)


async def faults(url: str, *, dash_url: str | None = None, shoulds: bool = True) -> list[str]:
    """A line per broken rule in the title at `url`, also of rules that should hold unless `shoulds` is False.

    Raises kadr.check.gather.CannotCheck where there is no multivariant playlist.
    """
    title = await gather(url, dash_url=dash_url, limits=QUICK, on_progress=lambda *_: None)
    return [str(fault) for fault in rules.faults(title) if shoulds or fault.severity is Severity.MUST]


async def broken_rules(stack: Stack) -> dict[str, list[str]]:
    """Faults by asset id, of every title that is ready on this stack and is shown: what all tests have left there."""
    found: dict[str, list[str]] = {}
    for asset in await _ready(stack):
        if asset["playback_url"] and (told := await faults(asset["playback_url"])):
            found[asset["id"]] = told
    return found


async def _ready(stack: Stack) -> list[Any]:
    assets: list[Any] = []
    cursor: str | None = None
    while True:
        after = f"&cursor={cursor}" if cursor else ""
        status, body = await stack.api("GET", f"/v1/assets?status=ready&limit=100{after}")
        if status != 200:
            return assets  # a stack that some test has taken apart
        assets += body["data"]
        cursor = body["next_cursor"]
        if cursor is None:
            return assets
