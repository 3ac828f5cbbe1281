"""Sends the parts of one upload that have not arrived yet, several at once, and completes it.

In: an open upload and its file. Out: the completed upload. Refused: a file that changes on disk meanwhile.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp

from kadr_client.backoff import pause_s
from kadr_client.errors import ApiError, UploadError, may_pass
from kadr_client.sent_once import SentOnce
from kadr_client.shapes.upload import Part, Upload
from kadr_client.source_file import SourceFile
from kadr_client.transport import CONNECT_S
from kadr_client.uploads import Uploads

OnProgress = Callable[[int, int], None]  # (bytes that have been sent, bytes of the file)
STALL_S = 60.0  # after which a request that does not move is sent again
REFUSALS = 3  # of the API to complete what has been sent


@dataclass(slots=True)
class Progress:
    """How many bytes of a file have been sent. A part that is sent again counts anew."""

    size_bytes: int
    on_progress: OnProgress | None
    sent_bytes: int = 0

    def add(self, count: int) -> None:
        self.sent_bytes += count
        if self.on_progress is not None:
            self.on_progress(self.sent_bytes, self.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One upload on its way. `slots` holds as many as may be sent at once; each part is tried up to `tries` times."""

    uploads: Uploads
    session: aiohttp.ClientSession
    source: SourceFile
    upload_id: str
    progress: Progress
    slots: asyncio.Semaphore
    tries: int

    async def run(self, upload: Upload) -> None:
        """Send what is missing, and complete the upload. Raises KadrError."""
        for refusals in range(1, REFUSALS + 1):
            self.progress.sent_bytes = 0
            self.progress.add(sum(part["size_bytes"] for part in upload["parts"] if part["arrived"]))
            await self._send_missing(upload)
            await self.source.check_unchanged()
            try:
                await self.uploads.complete(self.upload_id)
            except ApiError as exc:
                if exc.code != "size_mismatch" or refusals == REFUSALS:
                    raise
            else:
                return
            upload = self._open(await self.uploads.get(self.upload_id))

    async def _send_missing(self, upload: Upload) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    for part in upload["parts"]:
                        if part["url"] is not None:
                            group.create_task(self._send(part, part["url"], upload["part_size_bytes"]))
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None  # which has cancelled the others
            if upload["next_part"] is None:
                return
            upload = self._open(await self.uploads.get(self.upload_id, from_part=upload["next_part"]))

    async def _send(self, part: Part, url: str, part_size_bytes: int) -> None:
        """PUT one part. After a failure all of it is sent again; a URL that is refused is replaced once."""
        renewed = False
        async with self.slots:
            for failures in range(1, self.tries + 1):
                put = _Put(self, (part["number"] - 1) * part_size_bytes, part["size_bytes"])
                status, reason, retry_after = await put.run(url)
                if 200 <= status < 300:
                    return
                self.progress.add(-put.sent_bytes)
                await self.source.check_unchanged()
                if status == 403 and not renewed:
                    fresh, renewed = await self._fresh_url(part["number"]), True
                    if fresh is None:
                        self.progress.add(part["size_bytes"])
                        return
                    url = fresh
                    continue
                if status and not may_pass(status):
                    raise self._stopped("storage_refused", part, reason, status)
                if failures < self.tries:
                    await asyncio.sleep(pause_s(failures, retry_after))
        raise self._stopped("storage_failed", part, reason, status)

    async def _fresh_url(self, number: int) -> str | None:
        """Another URL for a part; None where it has arrived after all."""
        upload = self._open(await self.uploads.get(self.upload_id, from_part=number))
        return next((part["url"] for part in upload["parts"] if part["number"] == number), None)

    def _open(self, upload: Upload) -> Upload:
        """The upload, if it can still be sent. Raises UploadError."""
        if upload["status"] in ("aborted", "expired"):
            raise closed(upload)
        return upload

    def _stopped(self, code: str, part: Part, reason: str, status: int) -> UploadError:
        return UploadError(
            code,
            f"The upload has stopped: part {part['number']} could not be uploaded ({reason}).",
            hint="What has arrived is kept for a day: continue the upload.",
            status=status,
            upload_id=self.upload_id,
        )


def closed(upload: Upload) -> UploadError:
    """The error of an upload that cannot be continued."""
    return UploadError(f"upload_{upload['status']}", f"The upload is {upload['status']}.", hint="Start a new upload.")


class _Put:
    """One PUT of one part, given up when no bytes have moved for STALL_S."""

    def __init__(self, sending: Sending, start: int, size: int) -> None:
        self._sending = sending
        self._start = start
        self._size = size
        self._error_of_caller: Exception | None = None
        self.sent_bytes = 0

    async def run(self, url: str) -> tuple[int, str, str | None]:
        """(status of the answer or 0, what was answered, Retry-After). Raises what `on_progress` raises."""
        headers = {"Content-Length": str(self._size)}
        try:
            async with asyncio.timeout(STALL_S) as limit:
                async with self._sending.session.put(
                    url,
                    data=self._body(limit),
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                    allow_redirects=False,
                    middlewares=(SentOnce(),),
                ) as answer:
                    text = await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as exc:
            if self._error_of_caller is not None:
                raise self._error_of_caller from None
            return 0, str(exc) or type(exc).__name__, None
        code = re.search(r"<Code>(\w+)</Code>", text)  # of S3
        reason = f"storage answered {answer.status}" + (f" {code[1]}" if code else "")
        return answer.status, reason, answer.headers.get("Retry-After")

    async def _body(self, limit: asyncio.Timeout) -> AsyncIterator[bytes]:
        async for block in self._sending.source.blocks(self._start, self._size):
            limit.reschedule(asyncio.get_running_loop().time() + STALL_S)
            yield block
            self.sent_bytes += len(block)
            try:
                self._sending.progress.add(len(block))
            except Exception as exc:
                self._error_of_caller = exc  # which aiohttp takes for one of the connection
                raise
