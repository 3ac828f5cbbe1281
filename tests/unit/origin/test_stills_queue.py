"""origin.images.stills: how many stills may wait to be made at once."""

import asyncio
from fractions import Fraction
from typing import cast

import pytest

from core.caching.refreshing_cache import CacheBusy
from core.model import AssetId, RevisionId
from core.sandbox.child import ChildRunner
from origin.delivery.disk_cache import DiskCache
from origin.delivery.manifests import Manifests
from origin.images.stills import MAX_QUEUED, Still, Stills


def still(number: int) -> Still:
    return Still(asset_id=AssetId("as_1"), revision_id=RevisionId("0"), time_s=Fraction(number), width=160, kind="jpg")


async def test_one_more_than_the_queue_holds_is_refused_and_the_same_one_is_not() -> None:
    async def never() -> ChildRunner:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    stills = Stills(cast("DiskCache", None), cast("Manifests", None), never)
    waiting = [asyncio.create_task(stills.get(still(number))) for number in range(MAX_QUEUED)]
    await asyncio.sleep(0)
    with pytest.raises(CacheBusy):
        await stills.get(still(MAX_QUEUED))
    same = asyncio.create_task(stills.get(still(0)))
    await asyncio.sleep(0)
    assert not same.done(), "it waits for the still that is being made already"
    await stills.close()
    ended = await asyncio.gather(*waiting, same, return_exceptions=True)
    assert all(isinstance(result, BaseException) for result in ended)
    assert len(ended) == MAX_QUEUED + 1
