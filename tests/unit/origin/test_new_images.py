"""An image whose version somebody knows is found, although this process has just seen that there was none."""

from typing import Any, cast

import pytest

from core.caching.refreshing_cache import RefreshingCache
from core.db.pictures import Pictures
from core.model import AssetId
from origin.images import images

ASSET = AssetId("as_1")


def cache(answers: list[Any]) -> RefreshingCache[AssetId, Pictures | None]:
    """Reads these, one after the other, each a moment after the one before."""

    async def read(_: AssetId) -> Pictures | None:
        return cast("Pictures | None", answers.pop(0))

    return RefreshingCache(read, name="pictures", refresh_s=0.0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "SEEN_WITHIN_S", 0.0)


async def test_a_named_image_is_looked_for_twice() -> None:
    made = object()
    assert await images.latest(cache([None, made]), ASSET, is_named=True) is made
    assert await images.latest(cache([None, None]), ASSET, is_named=True) is None


async def test_others_are_not_waited_for() -> None:
    left: list[Any] = [None, object()]
    assert await images.latest(cache(left), ASSET, is_named=False) is None
    assert len(left) == 1
    made = object()
    assert await images.latest(cache([made]), ASSET, is_named=True) is made
