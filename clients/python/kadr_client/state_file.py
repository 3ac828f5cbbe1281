"""What outlives a process that uploads: which upload is of which file, as a small JSON file that the caller names.

It holds the request that creates the upload, with its Idempotency-Key, and the upload's id once there is one. Neither
a key of the API nor a URL of storage is in it.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kadr_client.errors import UploadError
from kadr_client.source_file import SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An upload that has been begun. `path` and `body`: of the request that creates it, which has the file's SHA-256.

    `upload_id`: None until the API has answered.
    """

    api_url: str
    path: str
    body: Mapping[str, Any]
    idempotency_key: str
    mtime_ns: int
    upload_id: str | None = None

    def with_id(self, upload_id: str) -> "Begun":
        return replace(self, upload_id=upload_id)

    async def check(self, api_url: str, path: str, fields: Mapping[str, Any], source: SourceFile) -> None:
        """Raises UploadError where this is not the upload of that file with those fields.

        A file with another time but the same content is the same.
        """
        stated = {name: value for name, value in self.body.items() if name not in ("filename", "size_bytes", "sha256")}
        if (self.api_url, self.path, stated) != (api_url, path, fields):
            raise UploadError(
                "other_upload",
                "The state file is of another upload: of another API, or with other fields.",
                hint="Give each upload a state file of its own, or delete this one to begin anew.",
                upload_id=self.upload_id,
            )
        if not await self._is_of(source):
            raise UploadError(
                "file_changed",
                f"{source.path} is not the file whose upload was begun.",
                hint="Upload that file, or delete the state file to begin anew with this one.",
                upload_id=self.upload_id,
            )

    async def _is_of(self, source: SourceFile) -> bool:
        if source.size_bytes != self.body["size_bytes"]:
            return False
        return source.mtime_ns == self.mtime_ns or await source.sha256() == self.body["sha256"]


async def read(file: Path) -> Begun | None:
    """What a state file holds; None where there is none. Raises UploadError `bad_state` for anything else."""
    try:
        return Begun(**json.loads(await asyncio.to_thread(file.read_text, "utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as exc:
        raise UploadError(
            "bad_state", f"{file} is not a state file of an upload.", hint="Name another file, or delete this one."
        ) from exc


async def write(file: Path, begun: Begun) -> None:
    """Write a state file in one step: a crash leaves the old one or the new one. Raises UploadError `bad_state`."""
    try:
        await asyncio.to_thread(_replace, file, json.dumps(asdict(begun)))
    except OSError as exc:
        raise UploadError("bad_state", f"The state file cannot be written: {exc}.", hint="Name another file.") from exc


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    with new.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)


async def remove(file: Path) -> None:
    """Delete a state file, if it is there."""
    await asyncio.to_thread(file.unlink, missing_ok=True)
