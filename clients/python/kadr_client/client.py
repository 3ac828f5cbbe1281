"""The client: one API, one key, one pool of connections."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from kadr_client.assets import Assets, OnPoll
from kadr_client.events import EventFeed, OnLost
from kadr_client.file_upload import FileUpload
from kadr_client.sending import OnProgress
from kadr_client.shapes.asset import Asset
from kadr_client.shapes.fields import AssetFields
from kadr_client.source_file import SourceFile
from kadr_client.tokens import PlaybackTokens, UploadTokens
from kadr_client.transport import Query, Transport, plain
from kadr_client.uploads import Uploads
from kadr_client.webhook_endpoints import WebhookEndpoints


class Kadr:
    """Kadr's API for one account: `async with Kadr(api_url, api_key) as kadr`.

    A call that gets no answer, a 429 or a 5xx is repeated, `tries` times in all, after a growing pause or what
    Retry-After asks for; `tries_later` times once the API has answered any (default: `tries`), for programs that are to
    outlive its restart. `timeout_s`: how long one attempt may take. All errors are KadrError.
    """

    def __init__(
        self, api_url: str, api_key: str, *, tries: int = 5, tries_later: int | None = None, timeout_s: float = 60.0
    ) -> None:
        """Raises ValueError for a URL or a key that cannot be meant."""
        self._transport = Transport(api_url, api_key, tries=tries, tries_later=tries_later, timeout_s=timeout_s)
        self.assets = Assets(self._transport)
        self.uploads = Uploads(self._transport)
        self.playback_tokens = PlaybackTokens(self._transport)
        self.upload_tokens = UploadTokens(self._transport)
        self.webhook_endpoints = WebhookEndpoints(self._transport)

    async def __aenter__(self) -> Self:
        self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def call(self, method: str, path: str, body: Any = None, *, query: Query | None = None) -> Any:
        """The `data` of any other call of the API, such as `await kadr.call("POST", "/v1/assets/as_.../retry")`."""
        return await self._transport.data(method, path, body, query=query)

    async def upload(
        self,
        path: str | os.PathLike[str],
        *,
        asset_id: str | None = None,
        state_file: str | os.PathLike[str] | None = None,
        upload_id: str | None = None,
        on_progress: OnProgress | None = None,
        parallel: int = 4,
        tries: int = 10,
        **fields: Unpack[AssetFields],
    ) -> Asset:
        """Upload a file; the new asset, which is being processed from now on (`wait` for it).

        `state_file`: a small file that this call writes, and removes at its end. Where a process was killed, the same
        call again sends only what has not arrived. `upload_id` does the same for an upload of `kadr.uploads.create`.
        `asset_id`: the file replaces the source of this asset. `on_progress`: gets bytes sent and bytes of the file.
        `parallel` parts are sent at once, each up to `tries` times.

        Raises UploadError, as for a file that has changed on disk since the upload was begun, and ApiError.
        """
        if upload_id is not None and (asset_id is not None or state_file is not None or fields):
            raise ValueError("upload_id is of an upload that exists: give no asset_id, state_file or fields with it")
        upload = FileUpload(
            transport=self._transport,
            source=await SourceFile.of(path),
            path="/v1/uploads" if asset_id is None else f"/v1/assets/{asset_id}/source",
            fields=plain(fields),
            state=None if state_file is None else Path(state_file),
            on_progress=on_progress,
            parallel=parallel,
            tries=tries,
        )
        return await upload.run(upload_id)

    async def wait(
        self,
        asset_id: str,
        *,
        until: Literal["playable", "ready"] = "ready",
        on_poll: OnPoll | None = None,
        timeout_s: float | None = None,
    ) -> Asset:
        """`kadr.assets.wait`: the asset once it is ready, or once it can be watched. Raises AssetErrored."""
        return await self.assets.wait(asset_id, until=until, on_poll=on_poll, timeout_s=timeout_s)

    def events(
        self,
        *,
        after: str | None = None,
        types: Sequence[str] = (),
        last: int | None = None,
        wait_s: float = 30,
        limit: int = 100,
        on_lost: OnLost | None = None,
    ) -> EventFeed:
        """Events of the account, in their order, without an end: `async for event in kadr.events(after=cursor)`.

        `after`: the `cursor` of an earlier feed, or "now"; default: the oldest event that is kept. `last`: begin with
        the newest so many instead. `types`: such as "video.asset.ready" or "video.asset.*"; default: all. `limit`:
        events in one answer; `wait_s`: how long one request waits for any, up to 60.

        Once there was an answer, lost connections are waited out for as long as the loop runs; `on_lost` is told of
        each. Raises ApiError `cursor_expired` where events after the cursor have been deleted: begin without `after`.
        """
        return EventFeed(
            self._transport, after=after, types=types, last=last, wait_s=wait_s, limit=limit, on_lost=on_lost
        )
