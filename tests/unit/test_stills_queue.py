"""origin.stills: how many pictures may wait to be made at once."""

import asyncio
from fractions import Fraction
from typing import cast

import pytest

from core.child import ChildRunner
from core.model import AssetId
from origin.cache import Cache
from origin.stills import QUEUED, Busy, Stills, Wanted
from packager.revision import Manifest


def picture(number: int) -> Wanted:
    return Wanted(asset_id=AssetId("as_1"), revision_id="0", time_s=Fraction(number), width=160, kind="jpg")


async def test_one_more_than_the_queue_holds_is_refused_and_the_same_one_is_not() -> None:
    async def never() -> ChildRunner:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    before = asyncio.all_tasks()
    stills, manifest = Stills(cast("Cache", None), never), cast("Manifest", None)
    waiting = [asyncio.create_task(stills.get(manifest, picture(number))) for number in range(QUEUED)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await stills.get(manifest, picture(QUEUED))
    same = asyncio.create_task(stills.get(manifest, picture(0)))
    await asyncio.sleep(0)
    assert not same.done(), "it waits for what is being made already"
    made = asyncio.all_tasks() - before
    for task in made:
        task.cancel()
    await asyncio.wait(made)
    assert all(task.cancelled() for task in (*waiting, same))
