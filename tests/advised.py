"""What the owner of a title is advised about, once everything has been looked at."""

from typing import Any

from tests.catalogue import asset_of
from tests.stack import Stack
from tests.waiting import until

UNDER_WAY = {"queued", "leased"}


async def advised(stack: Stack, asset_id: str) -> list[str]:
    """The codes of its advice. The title is published; its pictures, which may come later, are waited for."""
    asset: Any = await until(lambda: asset_of(stack, asset_id), _is_looked_at)
    return [one["code"] for one in asset["advice"]]


def _is_looked_at(asset: Any) -> bool:
    states = {step["state"] for step in asset["steps"] if step["kind"] == "pictures"}
    return bool(states) and not states & UNDER_WAY
