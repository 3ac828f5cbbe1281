"""The files of a revision, from an origin without services: tokens before reports, and no gzip on the event loop."""

import asyncio
import gc
import gzip
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from core.caching.lru import LruDict
from core.db import revocations
from core.errors import ObjectMissing, Transient
from core.http import problems
from core.model import AssetId, RevisionId
from core.settings import Settings
from core.storage import keys
from core.storage.s3 import Storage
from origin.cdn.signers import kadr as kadr_token
from origin.context import CONTEXT, Context
from origin.delivery import files, send
from origin.delivery import manifests as manifests_module
from origin.delivery.disk_cache import DiskCache
from origin.delivery.manifests import manifests
from packager.revision import PLAYLIST_TYPE, SEGMENT_TYPE, File, Manifest

ASSET, REVISION = AssetId("as_1"), RevisionId("ab12")
PREFIX = f"/v/{ASSET}/{REVISION}/"
KEYS = {"k1": b"1" * 32}
PLAYLIST, SEGMENT = b"#EXTM3U\n" * 4000, b"segment" * 1000
LOCK = b"5e" * 16


class MemoryStorage(Storage):
    """Objects in memory; `size` raises `size_error` where one is set."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.size_calls = 0
        self.size_error: Exception | None = None

    async def stream(self, bucket: str, key: str, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        if key not in self.objects:
            raise ObjectMissing
        yield self.objects[key]

    async def get(self, bucket: str, key: str, max_bytes: int = 0) -> bytes:
        if key not in self.objects:
            raise ObjectMissing
        return self.objects[key]

    async def size(self, bucket: str, key: str) -> int | None:
        self.size_calls += 1
        if self.size_error is not None:
            raise self.size_error
        return len(self.objects[key]) if key in self.objects else None

    def file(self, content: bytes, content_type: str) -> File:
        sha256 = hashlib.sha256(content).hexdigest()
        self.objects[sha256] = content
        return File(key=sha256, size_bytes=len(content), sha256=sha256, type=content_type)


class Reports:
    """Stands for steering: collects CMCD."""

    def __init__(self) -> None:
        self.cmcd: list[tuple[str, str]] = []

    def reported_cmcd(self, pathway: str, value: str, address: str | None) -> None:
        assert address == "127.0.0.1"
        self.cmcd.append((pathway, value))


@dataclass
class Origin:
    """The files' routes with what they read from."""

    client: TestClient[web.Request, web.Application]
    storage: MemoryStorage
    reports: Reports
    revoked: set[str] = field(default_factory=set)

    async def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        answer = await self.client.get(path, headers=headers, auto_decompress=False)
        return answer.status, answer.headers, await answer.read()


@pytest.fixture
async def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Origin]:
    async with running(tmp_path, monkeypatch) as started:
        yield started


@asynccontextmanager
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Origin]:
    storage, reports, revoked = MemoryStorage(), Reports(), set[str]()
    manifest = Manifest(
        asset_id=ASSET,
        duration_s=Fraction(6),
        renditions=(),
        files={
            "v1/index.m3u8": storage.file(PLAYLIST, PLAYLIST_TYPE),
            "v1/s1.m4s": storage.file(SEGMENT, SEGMENT_TYPE),
        },
    )
    storage.objects[keys.revision_manifest(ASSET, REVISION)] = b"a manifest"
    monkeypatch.setattr(manifests_module, "manifest_from_bytes", lambda _: manifest)
    disk_cache = DiskCache(storage, "b", tmp_path, 10_000_000)
    context = SimpleNamespace(
        settings=Settings(),
        storage=storage,
        disk_cache=disk_cache,
        gzipped=send.gzipped_files(disk_cache),
        manifests=manifests(storage, "b"),
        revoked=revoked,
        steering=reports,
        pathways=SimpleNamespace(own_id="origin"),
        traces=LruDict(8),
        delivery_keys=KEYS,
        lock_secrets=(LOCK,),
    )
    app = web.Application(middlewares=[problems.middleware])
    app.add_routes(files.routes)
    app[CONTEXT] = cast(Context, context)
    async with disk_cache.running(), TestClient(TestServer(app)) as client:
        yield Origin(client, storage, reports, revoked)


def signed(name: str, keys: dict[str, bytes] = KEYS) -> str:
    return f"/s/{kadr_token.token(PREFIX, int(time.time()) + 600, keys)}{PREFIX}{name}"


async def test_a_segment_and_a_part_of_it(origin: Origin) -> None:
    status, headers, body = await origin.get(signed("v1/s1.m4s"))
    assert (status, body) == (200, SEGMENT)
    assert headers["Content-Length"] == str(len(SEGMENT))
    assert headers["Cache-Control"] == "public, max-age=31536000, s-maxage=3600, immutable"
    status, headers, body = await origin.get(signed("v1/s1.m4s"), Range="bytes=7-13")
    assert (status, body, headers["Content-Range"]) == (206, b"segment", f"bytes 7-13/{len(SEGMENT)}")
    status, headers, body = await origin.get(signed("v1/s1.m4s"), **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


async def test_cmcd_counts_only_with_a_valid_token(origin: Origin) -> None:
    """A forged path must not open the breaker of a healthy pathway."""
    query = "?CMCD=bs%2Cbr%3D3000"
    forged = signed("v1/s1.m4s", {"k1": b"2" * 32})
    assert (await origin.get(f"{forged}{query}"))[0] == 403
    assert (await origin.get(f"{PREFIX}v1/s1.m4s{query}"))[0] == 403
    assert origin.reports.cmcd == []
    assert (await origin.get(f"{signed('v1/s1.m4s')}{query}"))[0] == 200
    assert origin.reports.cmcd == [("origin", "bs,br=3000")]


async def test_playlists_are_gzipped_once_and_not_on_the_event_loop(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    compress = gzip.compress

    def recording(*args: Any, **options: Any) -> bytes:
        threads.append(threading.get_ident())
        return compress(*args, **options)

    monkeypatch.setattr(gzip, "compress", recording)
    answers = [await origin.get(signed("v1/index.m3u8"), **{"Accept-Encoding": "gzip"}) for _ in range(3)]
    assert [gzip.decompress(body) for _, _, body in answers] == [PLAYLIST] * 3
    assert {headers["Content-Encoding"] for _, headers, _ in answers} == {"gzip"}
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    status, headers, body = await origin.get(signed("v1/index.m3u8"), **{"Accept-Encoding": "identity"})
    assert (status, body, headers.get("Content-Encoding")) == (200, PLAYLIST, None)


async def test_large_texts_of_a_session_are_gzipped_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    compress = gzip.compress

    def recording(*args: Any, **options: Any) -> bytes:
        threads.append(threading.get_ident())
        return compress(*args, **options)

    monkeypatch.setattr(gzip, "compress", recording)
    request = cast(web.Request, SimpleNamespace(headers={"Accept-Encoding": "gzip"}))
    answer = await send.send_text(request, PLAYLIST, {})
    assert gzip.decompress(cast(bytes, answer.body)) == PLAYLIST
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_refusals_of_files(origin: Origin) -> None:
    path = signed("v1/s1.m4s")
    status, _, body = await origin.get(path.replace("/v1/", "/v1//"))
    assert status == 403
    assert b"Malformed media path." in body
    status, headers, _ = await origin.get(signed("v1/s2.m4s"))
    assert (status, headers["Cache-Control"]) == (404, "max-age=5")
    status, _, _ = await origin.get(f"{PREFIX}v1/s1.m4s", **{files.LOCK_HEADER: LOCK.decode()})
    assert status == 200
    origin.revoked.add(revocations.asset(ASSET))
    for known in ({}, {"If-None-Match": "*"}):  # a cache that asks whether what it has is still there
        status, headers, body = await origin.get(path, **known)
        assert (status, headers["Cache-Control"]) == (410, "max-age=5")
        assert b'"gone"' in body


@pytest.mark.parametrize("error", [Transient("away"), ValueError("unexpected")])
async def test_a_failed_recheck_of_a_manifest_is_retrieved_and_repeated(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Nobody waits for a recheck: its error must not be lost, nor end the rechecks of this manifest."""
    lost: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: lost.append(context))
    monkeypatch.setattr(manifests_module, "RECHECK_S", 0.0)
    monkeypatch.setattr(manifests_module, "RETRY_MISSING_S", 0.0)
    monkeypatch.setattr(manifests_module, "manifest_from_bytes", bytes.decode)
    storage = MemoryStorage()
    key = keys.revision_manifest(ASSET, REVISION)
    storage.objects[key], storage.size_error = b"a manifest", error
    try:
        cache: Any = manifests(storage, "b")
        async with asyncio.timeout(10):
            while storage.size_calls < 3:
                assert await cache.get((ASSET, REVISION)) == "a manifest"
                await asyncio.sleep(0)
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    assert lost == []
    storage.size_error = None
    del storage.objects[key]
    with pytest.raises(ObjectMissing):
        async with asyncio.timeout(10):
            while True:
                await cache.get((ASSET, REVISION))
                await asyncio.sleep(0)
