"""Assets: create, read, list, change, delete, and wait until one is ready."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Literal, Unpack

from kadr_client.errors import AssetErrored
from kadr_client.pages import items
from kadr_client.shapes.asset import Asset, AssetStatus
from kadr_client.shapes.fields import AssetChanges, AssetFields
from kadr_client.transport import Query, Transport

FIRST_POLL_S, SLOWEST_POLL_S, POLL_SHARE = 0.25, 5.0, 0.1
OnPoll = Callable[[Asset], None]


class Assets:
    """`kadr.assets`. To create one from a file of this machine: `Kadr.upload`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self, *, input_url: str, idempotency_key: str | None = None, **fields: Unpack[AssetFields]
    ) -> Asset:
        """A new asset from a file at a public URL, which Kadr fetches."""
        body = {"input_url": input_url, **fields}
        asset: Asset = await self._transport.data("POST", "/v1/assets", body, idempotency_key=idempotency_key)
        return asset

    async def create_clip(
        self,
        asset_id: str,
        start_s: float,
        end_s: float,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[AssetFields],
    ) -> Asset:
        """A new asset from a part of another one, in seconds of that one's upload."""
        body = {"clip_of": asset_id, "start_s": start_s, "end_s": end_s, **fields}
        asset: Asset = await self._transport.data("POST", "/v1/assets", body, idempotency_key=idempotency_key)
        return asset

    async def get(self, asset_id: str) -> Asset:
        """The asset as it is now. Raises ApiError `not_found`."""
        asset: Asset = await self._transport.data("GET", f"/v1/assets/{asset_id}")
        return asset

    def list(
        self,
        *,
        status: AssetStatus | None = None,
        ref: str | None = None,
        q: str | None = None,
        sort: Literal["newest", "oldest", "title", "longest"] | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[Asset]:
        """All assets that match, a page of `page_size` (1 to 100) at a time: `async for asset in kadr.assets.list()`.

        `ref`: such as "product:42". `q`: text that the title contains. `sort`: default "newest".
        """
        query: Query = {"status": status, "ref": ref, "q": q, "sort": sort, "limit": page_size}
        return items(self._transport, "/v1/assets", query)

    async def update(self, asset_id: str, **changes: Unpack[AssetChanges]) -> Asset:
        """Change what is given, and nothing else."""
        asset: Asset = await self._transport.data("PATCH", f"/v1/assets/{asset_id}", changes)
        return asset

    async def delete(self, asset_id: str) -> None:
        """Delete an asset with all its files. There is no way back."""
        await self._transport.answer("DELETE", f"/v1/assets/{asset_id}")

    async def wait(
        self,
        asset_id: str,
        *,
        until: Literal["playable", "ready"] = "ready",
        on_poll: OnPoll | None = None,
        timeout_s: float | None = None,
    ) -> Asset:
        """The asset once it is ready, or once it can be watched. `on_poll` gets it each time it has been looked at.

        Raises AssetErrored when processing has failed, and TimeoutError after `timeout_s`.
        """
        began_at = monotonic()
        async with asyncio.timeout(timeout_s):
            while True:
                asset = await self.get(asset_id)
                if on_poll is not None:
                    on_poll(asset)
                if asset["status"] == "errored":
                    raise AssetErrored(asset)
                if asset["status"] in ("ready", until):
                    return asset
                await asyncio.sleep(poll_pause_s(monotonic() - began_at))


def poll_pause_s(elapsed_s: float) -> float:
    """Seconds until the next poll: a tenth of the time waited so far, so that a long title costs the API little."""
    return min(max(FIRST_POLL_S, POLL_SHARE * elapsed_s), SLOWEST_POLL_S)
