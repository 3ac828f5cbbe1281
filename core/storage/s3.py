"""S3-compatible object storage through aioboto3.

Trusted of the server: a PUT is atomic and the bytes come back. Not trusted, because servers differ: the status of a
ranged read, ETags, content types and metadata, checksums. Callers keep sizes and hashes themselves.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from core.concurrency import run_to_end
from core.errors import KadrError, MachineFault, ObjectMissing, Transient
from core.media.media_types import OCTETS_TYPE
from core.settings import MIB, Settings
from core.telemetry.logs import Log

_LOG = Log("storage")

CHUNK_BYTES = MIB
CALL_S = 10.0
COMPLETE_S = 300.0  # S3 joins the parts before it answers, which takes minutes for many of them
SLOWEST_BYTES_PER_S = 256 * 1024
PUT_TRIES, GET_TRIES = 3, 4
GET_PAUSE_S = 0.05
DELETED_AT_ONCE = 1000  # S3 takes no more in one request
SINGLE_PUT_MAX_BYTES = 4 * 1024 * MIB  # S3 refuses a single PUT above 5 GB
MULTIPART_PART_BYTES = 64 * MIB
# A presigned URL is the permission; no cookie is involved that "*" could expose.
BROWSER_RULE = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 86_400,
}
_MISSING = {"404", "NoSuchKey", "NotFound", "NoSuchBucket", "NoSuchCORSConfiguration"}
_AWAY = (403, 408, 429)  # answers of a store that may be another one in a while


_Answer = TypeVar("_Answer")


class _EndedEarly(MachineFault):
    """A body shorter than its announced length. Of an error answer, too: rclone announces the length of the object."""


class BrowserUploads(StrEnum):
    """Whether a bucket lets pages upload to it."""

    ALLOWED = "allowed"  # by rules that were there
    SET = "set"  # now, as there were no rules
    OTHER_RULES = "other_rules"  # there are rules, and none of them allows a PUT
    UNKNOWN = "unknown"  # the server has no such call, or these credentials may not make it


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object in a listing: its key and size."""

    key: str
    size_bytes: int


@asynccontextmanager
async def _translated(action: str, within_s: float | None = CALL_S) -> AsyncIterator[None]:
    """Translate errors of the libraries to those of core.errors, and bound the call by `within_s` seconds.

    The client's own timeouts do not cover a server that stops reading a body half-way.
    """
    try:
        async with asyncio.timeout(within_s):
            yield
    except ClientError as exc:
        code = str(exc.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise ObjectMissing(f"{action}: no such object") from exc
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        kind = MachineFault if status in _AWAY or status >= 500 else Transient
        raise kind(f"{action}: storage answered {code or exc}") from exc
    except aiohttp.ClientPayloadError as exc:
        raise _EndedEarly(f"{action}: {exc!r}") from exc
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError) as exc:
        raise MachineFault(f"{action}: {exc!r}") from exc


async def _repeated(action: str, size_bytes: int, send: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """The answer of `send`, which transfers `size_bytes`, within PUT_TRIES attempts. Raises the last one's error."""
    for attempt in range(1, PUT_TRIES + 1):
        try:
            async with _translated(action, CALL_S + size_bytes / SLOWEST_BYTES_PER_S):
                return await send()
        except Transient:
            if attempt == PUT_TRIES:
                raise
    raise AssertionError("PUT_TRIES is at least 1")


class Storage:
    """Operations on S3 storage. Every error is ObjectMissing or Transient."""

    def __init__(self, client: Any, presigner: Any) -> None:
        self._client = client
        self._presigner = presigner

    async def has_bucket(self, bucket: str) -> bool:
        """Whether the bucket exists and these credentials can access it."""
        try:
            async with _translated(f"look for bucket {bucket}"):
                await self._client.head_bucket(Bucket=bucket)
        except ObjectMissing:
            return False
        return True

    async def ensure_bucket(self, bucket: str) -> None:
        """Create the bucket where it does not exist."""
        if not await self.has_bucket(bucket):
            async with _translated(f"create bucket {bucket}"):
                await self._client.create_bucket(Bucket=bucket)

    async def allow_browser_uploads(self, bucket: str) -> BrowserUploads:
        """Let pages of any origin PUT to presigned URLs of the bucket. Rules that it has already are not changed."""
        try:
            async with _translated(f"read CORS of {bucket}"):
                rules = (await self._client.get_bucket_cors(Bucket=bucket)).get("CORSRules", [])
        except ObjectMissing:  # the bucket has no rules
            return await self._set_browser_rule(bucket)
        except Transient:
            return BrowserUploads.UNKNOWN
        if not rules:  # another answer than S3's: rclone takes the call for a listing
            return BrowserUploads.UNKNOWN
        allowed = any("PUT" in rule.get("AllowedMethods", ()) for rule in rules)
        return BrowserUploads.ALLOWED if allowed else BrowserUploads.OTHER_RULES

    async def _set_browser_rule(self, bucket: str) -> BrowserUploads:
        try:
            async with _translated(f"set CORS of {bucket}"):
                await self._client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [BROWSER_RULE]})
        except (Transient, ObjectMissing):
            return BrowserUploads.UNKNOWN
        return BrowserUploads.SET

    async def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Store `body` whole. Atomic: readers see all of it or nothing."""

        async def send() -> None:
            await self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

        await _repeated(f"put {key}", len(body), send)

    async def put_file(self, bucket: str, key: str, path: Path, content_type: str = OCTETS_TYPE) -> None:
        """Store a file without holding it in memory; multipart where a single PUT would be refused."""
        size = (await asyncio.to_thread(path.stat)).st_size
        if size > SINGLE_PUT_MAX_BYTES:
            await self._put_multipart(bucket, key, path, content_type)
            return

        async def send() -> None:
            with path.open("rb") as body:
                await self._client.put_object(
                    Bucket=bucket, Key=key, Body=body, ContentLength=size, ContentType=content_type
                )

        await _repeated(f"put {key}", size, send)

    async def _put_multipart(self, bucket: str, key: str, path: Path, content_type: str) -> None:
        """Parts one after the other, each sent again by itself; what was sent is removed where it does not end well."""
        async with _translated(f"begin {key}"):
            started = await self._client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)
        where = {"Bucket": bucket, "Key": key, "UploadId": started["UploadId"]}
        parts: list[dict[str, Any]] = []
        try:
            with path.open("rb") as body:
                while block := await asyncio.to_thread(body.read, MULTIPART_PART_BYTES):
                    number = len(parts) + 1
                    part = await _repeated(
                        f"put part {number} of {key}",
                        len(block),
                        partial(self._client.upload_part, **where, PartNumber=number, Body=block),
                    )
                    parts.append({"PartNumber": number, "ETag": part["ETag"]})
            async with _translated(f"complete {key}", COMPLETE_S):
                await self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except BaseException:
            await run_to_end(self._abort_multipart(where))  # bounded by CALL_S
            raise

    async def _abort_multipart(self, where: Mapping[str, str]) -> None:
        """Remove the parts of an upload that failed. A failure here is logged: it must not hide the first one."""
        try:
            async with _translated(f"abort {where['Key']}"):
                await self._client.abort_multipart_upload(**where)
        except (Transient, ObjectMissing) as exc:
            _LOG.warning("multipart.abort_failed", key=where["Key"], upload=where["UploadId"], error=str(exc))

    async def get(self, bucket: str, key: str) -> bytes:
        """The whole object. Raises Transient when it ends early again and again."""
        async with _translated(f"get {key}"):
            return b"".join([block async for block in self.stream(bucket, key)])

    async def stream(self, bucket: str, key: str, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        """The object, or its bytes `first` to `last`, in blocks of about a MiB.

        Where it ends early the rest is requested; raises Transient after GET_TRIES requests with hardly any progress.
        Not every store replaces an object in one go: while the same bytes are written again, it may be short.
        """
        at, tries, progress = first, 1, 0
        while True:
            try:
                async for block in self._body(bucket, key, at, last):
                    at += len(block)
                    progress += len(block)
                    yield block
            except _EndedEarly as exc:
                tries = 1 if progress >= CHUNK_BYTES else tries + 1
                if tries > GET_TRIES:
                    raise
                _LOG.warning("storage.ended_early", key=key, at=at, error=str(exc))
            else:
                return
            progress = 0
            await asyncio.sleep(GET_PAUSE_S * tries)

    async def _body(self, bucket: str, key: str, first: int, last: int | None) -> AsyncIterator[bytes]:
        """What one request brings. Raises Transient, and _EndedEarly where it is less than was announced.

        A server without range support sends the whole object; the rest is dropped here.
        """
        extra = {"Range": f"bytes={first}-{'' if last is None else last}"} if first or last is not None else {}
        received = 0
        # Bounded between reads by the client's read timeout; the total time depends on the reader.
        async with _translated(f"get {key}", None):
            answer = await self._client.get_object(Bucket=bucket, Key=key, **extra)
            # Content-Range, not the status, says what this is: "bytes 0-9/100".
            begins = int(answer["ContentRange"].split()[1].split("-")[0]) if answer.get("ContentRange") else 0
            expected = answer["ContentLength"]
            if last is not None:
                expected = min(expected, last + 1 - begins)
            body = answer["Body"]
            try:
                while received < expected and (block := await body.read(min(CHUNK_BYTES, expected - received))):
                    skipped = max(0, first - begins - received)
                    received += len(block)
                    if skipped < len(block):
                        yield block[skipped:] if skipped else block
            finally:
                body.close()
        if received != expected:
            raise _EndedEarly(f"get {key}: {received} of {expected} bytes arrived")

    async def download(self, bucket: str, key: str, path: Path, *, append: bool = False) -> str:
        """Write the object to `path` and return the SHA-256 (hex) of what was written by this call."""
        seen = hashlib.sha256()
        with path.open("ab" if append else "wb") as out:
            async for block in self.stream(bucket, key):
                await asyncio.to_thread(_absorb, out, seen, block)
        return seen.hexdigest()

    async def size(self, bucket: str, key: str) -> int | None:
        """Size in bytes, or None where there is no such object."""
        try:
            async with _translated(f"head {key}"):
                answer = await self._client.head_object(Bucket=bucket, Key=key)
        except ObjectMissing:
            return None
        return int(answer["ContentLength"])

    async def list(self, bucket: str, prefix: str) -> AsyncIterator[Stored]:
        """Objects below `prefix`, which ends in `/`, in key order."""
        if not prefix.endswith("/"):
            raise KadrError(f"a prefix ends in /: {prefix!r}")
        pages = aiter(self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        while True:
            async with _translated(f"list {prefix}", CALL_S):  # each page, but not what the caller does with it
                page = await anext(pages, None)
            if page is None:
                return
            for entry in page.get("Contents", ()):
                yield Stored(key=entry["Key"], size_bytes=entry["Size"])

    async def delete(self, bucket: str, key: str) -> None:
        """Remove the object; no error where there is none."""
        async with _translated(f"delete {key}"):
            await self._client.delete_object(Bucket=bucket, Key=key)

    async def delete_below(self, bucket: str, prefix: str) -> int:
        """Remove everything below `prefix`; returns how many objects there were."""
        keys = [entry.key async for entry in self.list(bucket, prefix)]
        await self.delete_all(bucket, keys)
        return len(keys)

    async def delete_all(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove these objects; no error for those that are not there."""
        for start in range(0, len(keys), DELETED_AT_ONCE):
            batch = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
            async with _translated(f"delete {batch[0]['Key']} and others"):
                answer = await self._client.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if errors := answer.get("Errors"):
                raise Transient(f"delete: {len(errors)} were refused, first {errors[0].get('Code')}")

    async def folders(self, bucket: str, prefix: str, after: str, limit: int) -> Sequence[str]:
        """Names of at most `limit` folders directly below `prefix`, which ends in `/`, in order, from after `after`."""
        names: set[str] = set()
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, Delimiter="/", StartAfter=f"{prefix}{after}/\U0010ffff" if after else ""
        )
        async with _translated(f"list folders of {prefix}", None):
            async for page in pages:
                found = (entry["Prefix"][len(prefix) :].rstrip("/") for entry in page.get("CommonPrefixes", ()))
                names.update(name for name in found if name > after)  # not every server heeds StartAfter
                if len(names) >= limit:
                    break
        return sorted(names)[:limit]

    async def presign_put(self, bucket: str, key: str, size_bytes: int, expires_s: int) -> str:
        """A URL for one PUT of exactly `size_bytes`: the length is part of the signature."""
        url: str = await self._presigner.generate_presigned_url(
            "put_object",
            Params={"Bucket": bucket, "Key": key, "ContentLength": size_bytes},
            ExpiresIn=expires_s,
        )
        return url


def _absorb(out: Any, seen: Any, block: bytes) -> None:
    out.write(block)
    seen.update(block)


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Storage]:
    """A Storage for the endpoint of the settings; presigned URLs carry the public one."""
    config = AioConfig(
        signature_version="s3v4",
        region_name=settings.s3_region,
        # A slow viewer keeps a connection as long as it reads: botocore's ten would starve everybody else.
        max_pool_connections=64,
        connect_timeout=5,
        read_timeout=30,
        retries={"max_attempts": 3, "mode": "standard"},
        # Newer defaults add checksum trailers that many S3-alikes refuse.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # Hashing a whole body before sending it would block the loop; sizes and hashes are checked by us.
        s3={"addressing_style": "path", "payload_signing_enabled": False},
    )
    session = _session(settings.s3_access_key, settings.s3_secret_key.get_secret_value())
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(session.client("s3", endpoint_url=settings.s3_url, config=config))
        presigner = client
        if settings.s3_presign_base != settings.s3_url:
            other = session.client("s3", endpoint_url=settings.s3_presign_base, config=config)
            presigner = await opened.enter_async_context(other)
        yield Storage(client, presigner)


@lru_cache(maxsize=2)
def _session(access_key: str, secret_key: str) -> aioboto3.Session:
    """One for each pair of keys: a session takes half a second of CPU to read the descriptions of S3."""
    return aioboto3.Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key)
