"""Calls of one upload, each made once: create, show, complete, abort. `Kadr.upload` does all of it."""

from collections.abc import Mapping
from typing import Any, Unpack

from kadr_client.shapes.fields import AssetFields
from kadr_client.shapes.upload import Upload
from kadr_client.transport import Transport


class Uploads:
    """`kadr.uploads`: for applications that send the parts themselves, or let a page or another machine do it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        filename: str,
        size_bytes: int,
        content_type: str | None = None,
        sha256: str | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[AssetFields],
    ) -> Upload:
        """A new upload and its asset. The same `idempotency_key` and request give the same upload for 24 hours."""
        file = {"filename": filename, "size_bytes": size_bytes, "content_type": content_type, "sha256": sha256}
        body = {name: value for name, value in file.items() if value is not None} | fields
        return await self.post("/v1/uploads", body, idempotency_key)

    async def post(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Upload:
        """The upload that a POST to `path` creates: that of a new asset, or of a new source of one."""
        upload: Upload = await self._transport.data("POST", path, body, idempotency_key=idempotency_key)
        return upload

    async def get(self, upload_id: str, *, from_part: int = 1) -> Upload:
        """What has arrived, with fresh URLs for at most 200 of the missing parts from `from_part` on."""
        upload: Upload = await self._transport.data("GET", f"/v1/uploads/{upload_id}", query={"from_part": from_part})
        return upload

    async def complete(self, upload_id: str) -> Upload:
        """Say that all parts have been sent; processing starts. Raises ApiError `size_mismatch` where some have not."""
        upload: Upload = await self._transport.data("POST", f"/v1/uploads/{upload_id}/complete", {})
        return upload

    async def abort(self, upload_id: str) -> None:
        """Give an upload up; what has arrived is deleted."""
        await self._transport.answer("DELETE", f"/v1/uploads/{upload_id}")
