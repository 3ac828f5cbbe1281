"""One file on its way to Kadr: a new upload, or one that was begun before, by another process perhaps.

In: a file and what is stated of it. Out: the asset, once Kadr has the whole file. Where the caller names a state file
or an upload, only what has not arrived yet is sent.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from kadr_client import state_file
from kadr_client.assets import Assets
from kadr_client.errors import ApiError, KadrError, UploadError
from kadr_client.sending import OnProgress, Progress, Sending, closed
from kadr_client.shapes.asset import Asset
from kadr_client.shapes.upload import Upload
from kadr_client.source_file import SourceFile
from kadr_client.state_file import Begun
from kadr_client.transport import Transport
from kadr_client.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUpload:
    """What one call of `Kadr.upload` works with. `path`: of the request that creates the upload."""

    transport: Transport
    source: SourceFile
    path: str
    fields: dict[str, Any]
    state: Path | None
    on_progress: OnProgress | None
    parallel: int
    tries: int

    async def run(self, upload_id: str | None) -> Asset:
        """Send the file, or what is missing of it; `upload_id` is an upload that the caller has created."""
        upload = await (self._begin() if upload_id is None else self._of_caller(upload_id))
        if upload["status"] == "open":
            await self._send(upload)
        asset = await Assets(self.transport).get(upload["asset_id"])
        if self.state is not None:
            await state_file.remove(self.state)
        return asset

    @property
    def _uploads(self) -> Uploads:
        return Uploads(self.transport)

    async def _send(self, upload: Upload) -> None:
        sending = Sending(
            uploads=self._uploads,
            session=self.transport.session,
            source=self.source,
            upload_id=upload["id"],
            progress=Progress(self.source.size_bytes, self.on_progress),
            slots=asyncio.Semaphore(self.parallel),
            tries=self.tries,
        )
        try:
            await sending.run(upload)
        except UploadError as exc:
            if exc.code == "file_changed":  # what has arrived is of no use
                with suppress(KadrError):
                    await self._uploads.abort(upload["id"])
                if self.state is not None:
                    await state_file.remove(self.state)
            raise

    async def _of_caller(self, upload_id: str) -> Upload:
        upload = await self._uploads.get(upload_id)
        if upload["status"] in ("aborted", "expired"):
            raise closed(upload)
        size_bytes = sum(part["size_bytes"] for part in upload["parts"])
        if upload["status"] == "open" and size_bytes != self.source.size_bytes:
            raise UploadError(
                "file_changed",
                f"{self.source.path} has {self.source.size_bytes} bytes; the upload is of {size_bytes}.",
                hint="Upload the file that the upload was created for.",
                upload_id=upload_id,
            )
        return upload

    async def _begin(self) -> Upload:
        """The upload that the state file names, if it can be continued; else a new one."""
        begun = None if self.state is None else await state_file.read(self.state)
        if begun is not None:
            await begun.check(self.transport.api_url, self.path, self.fields, self.source)
            if begun.upload_id is not None and (known := await self._known(begun.upload_id)) is not None:
                return known
        if begun is None or begun.upload_id is not None:
            begun = await self._new()
        await self._keep(begun)
        upload = await self._uploads.post(self.path, begun.body, begun.idempotency_key)
        await self._keep(begun.with_id(upload["id"]))
        return upload

    async def _known(self, upload_id: str) -> Upload | None:
        """An upload that is open or complete; None where it is gone."""
        try:
            upload = await self._uploads.get(upload_id)
        except ApiError as exc:
            if exc.status == 404:
                return None
            raise
        return None if upload["status"] in ("aborted", "expired") else upload

    async def _new(self) -> Begun:
        file = {
            "filename": self.source.name,
            "size_bytes": self.source.size_bytes,
            "sha256": await self.source.sha256(),
        }
        return Begun(
            api_url=self.transport.api_url,
            path=self.path,
            body={**file, **self.fields},
            idempotency_key=str(uuid4()),
            mtime_ns=self.source.mtime_ns,
        )

    async def _keep(self, begun: Begun) -> None:
        if self.state is not None:
            await state_file.write(self.state, begun)
