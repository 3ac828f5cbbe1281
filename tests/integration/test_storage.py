"""core.storage.s3: one contract over two servers, the embedded rclone and moto; and servers that break their word."""

import asyncio
import hashlib
import json
import secrets
import socket
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aioboto3
import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from core.errors import KadrError, MachineFault, ObjectMissing, Transient
from core.settings import MIB, Settings
from core.storage.s3 import BrowserUploads, Storage, Stored, connect
from tests.stack import Stack

BUCKET = f"kadr-test-{secrets.token_hex(4)}"
OWN_RULES = f"{BUCKET}-rules"
ABSENT = "kadr-test-absent"


def settings(url: str, access_key: str = "anyone", secret_key: str = "anything") -> Settings:  # noqa: S107
    return Settings(s3_url=url, s3_access_key=access_key, s3_secret_key=SecretStr(secret_key))


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of moto's own imports
        from moto.server import ThreadedMotoServer
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["rclone", "moto"])
def server(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def storage(server: str, stack: Stack, moto: str) -> AsyncIterator[Storage]:
    """An empty bucket of our own on one of the servers."""
    if server == "rclone":
        kept = json.loads((stack.home / "secrets.json").read_text())
        chosen = settings(stack.endpoints["s3"], kept["s3_access_key"], kept["s3_secret_key"])
    else:
        chosen = settings(moto)
    async with connect(chosen) as opened:
        await opened.ensure_bucket(BUCKET)
        yield opened
        await opened.delete_below(BUCKET, "t/")


async def keys(storage: Storage, prefix: str) -> list[str]:
    return [entry.key async for entry in storage.list(BUCKET, prefix)]


@pytest.mark.parametrize("body", [b"", b"x", b"film" * MIB], ids=["empty", "one byte", "4 MiB"])
async def test_what_is_put_comes_back(storage: Storage, tmp_path: Path, body: bytes) -> None:
    await storage.put(BUCKET, "t/a", body, "video/mp4")
    assert await storage.get(BUCKET, "t/a") == body
    assert await storage.size(BUCKET, "t/a") == len(body)
    assert b"".join([block async for block in storage.stream(BUCKET, "t/a")]) == body
    assert await storage.download(BUCKET, "t/a", tmp_path / "a") == hashlib.sha256(body).hexdigest()
    assert (tmp_path / "a").read_bytes() == body


async def test_put_replaces(storage: Storage) -> None:
    await storage.put(BUCKET, "t/a", b"first, longer", "text/plain")
    await storage.put(BUCKET, "t/a", b"second", "text/plain")
    assert await storage.get(BUCKET, "t/a") == b"second"


async def test_download_appends_and_hashes_its_own_part(storage: Storage, tmp_path: Path) -> None:
    await storage.put(BUCKET, "t/a", b"tail", "text/plain")
    (tmp_path / "f").write_bytes(b"head-")
    assert await storage.download(BUCKET, "t/a", tmp_path / "f", append=True) == hashlib.sha256(b"tail").hexdigest()
    assert (tmp_path / "f").read_bytes() == b"head-tail"


async def test_a_stream_of_a_part(storage: Storage) -> None:
    body = bytes(range(256)) * 9000
    await storage.put(BUCKET, "t/part", body, "video/mp4")
    last = len(body) - 1
    for first, end in ((0, 0), (0, 99), (1000, 1_500_000), (last, last), (5, last)):
        found = b"".join([block async for block in storage.stream(BUCKET, "t/part", first, end)])
        assert found == body[first : end + 1], (first, end)
    assert b"".join([block async for block in storage.stream(BUCKET, "t/part", 2_000_000)]) == body[2_000_000:]


async def test_a_big_file(storage: Storage, tmp_path: Path) -> None:
    body = secrets.token_bytes(9 * MIB + 1)
    (tmp_path / "in").write_bytes(body)
    await storage.put_file(BUCKET, "t/big", tmp_path / "in")
    assert await storage.size(BUCKET, "t/big") == len(body)
    blocks = [block async for block in storage.stream(BUCKET, "t/big")]
    assert b"".join(blocks) == body
    assert max(map(len, blocks)) <= MIB, "a stream does not hold it all"


async def test_a_file_in_many_parts(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of files that are too large for a single PUT, with smaller numbers."""
    monkeypatch.setattr("core.storage.s3.SINGLE_PUT_MAX_BYTES", MIB)
    monkeypatch.setattr("core.storage.s3.MULTIPART_PART_BYTES", 5 * MIB)
    body = secrets.token_bytes(11 * MIB)
    (tmp_path / "in").write_bytes(body)
    await storage.put_file(BUCKET, "t/big", tmp_path / "in")
    assert await storage.get(BUCKET, "t/big") == body


async def test_list_is_in_key_order_and_below_the_prefix(storage: Storage) -> None:
    for key in ("t/b/00010", "t/b/00002", "t/a", "t/b/00001", "t/bb/1"):
        await storage.put(BUCKET, key, key.encode(), "text/plain")
    assert await keys(storage, "t/b/") == ["t/b/00001", "t/b/00002", "t/b/00010"]
    assert [entry async for entry in storage.list(BUCKET, "t/bb/")] == [Stored(key="t/bb/1", size_bytes=6)]
    assert await keys(storage, "t/none/") == []


@pytest.mark.parametrize("prefix", ["", "t", "t/b"])
async def test_a_prefix_ends_in_a_slash(storage: Storage, prefix: str) -> None:
    with pytest.raises(KadrError, match="ends in /"):
        await keys(storage, prefix)
    with pytest.raises(KadrError, match="ends in /"):
        await storage.delete_below(BUCKET, prefix)


async def test_delete(storage: Storage) -> None:
    await storage.put(BUCKET, "t/a", b"x", "text/plain")
    for _ in range(2):  # the second time there is none: no error
        await storage.delete(BUCKET, "t/a")
    assert await storage.size(BUCKET, "t/a") is None


async def test_delete_below(storage: Storage) -> None:
    for key in ("t/a/1", "t/a/2/3", "t/ab"):
        await storage.put(BUCKET, key, b"x", "text/plain")
    assert await storage.delete_below(BUCKET, "t/a/") == 2
    assert await keys(storage, "t/") == ["t/ab"]
    assert await storage.delete_below(BUCKET, "t/a/") == 0


@pytest.mark.parametrize("bucket", [BUCKET, ABSENT], ids=["there", "absent"])
async def test_missing(storage: Storage, bucket: str, tmp_path: Path) -> None:
    assert await storage.size(bucket, "t/none") is None
    with pytest.raises(ObjectMissing):
        await storage.get(bucket, "t/none")
    with pytest.raises(ObjectMissing):
        await storage.download(bucket, "t/none", tmp_path / "f")


async def test_buckets(storage: Storage) -> None:
    await storage.ensure_bucket(BUCKET)  # a second time: no error
    assert await storage.has_bucket(BUCKET)
    assert not await storage.has_bucket(ABSENT)


async def presigned_put(storage: Storage, signed: int, body: bytes) -> int:
    url = await storage.presign_put(BUCKET, "t/part", signed, 60)
    async with aiohttp.ClientSession() as session, session.put(url, data=body) as answer:
        return answer.status


async def test_presigned_put(storage: Storage) -> None:
    assert await presigned_put(storage, 5, b"12345") == 200
    assert await storage.get(BUCKET, "t/part") == b"12345"


@pytest.mark.parametrize("body", [b"1234", b"123456", b""], ids=["shorter", "longer", "empty"])
async def test_presigned_put_of_another_length_is_refused(storage: Storage, server: str, body: bytes) -> None:
    if server == "moto":
        pytest.skip("moto does not check signatures")
    assert await presigned_put(storage, 5, body) == 403
    assert await storage.size(BUCKET, "t/part") is None


async def test_wrong_keys_are_transient(stack: Stack) -> None:
    async with connect(settings(stack.endpoints["s3"], "nobody", "wrong")) as opened:
        with pytest.raises(Transient):
            await opened.get(BUCKET, "t/a")


@asynccontextmanager
async def broken(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[Storage]:
    """A Storage whose server reads a request's head and then does what `answer` does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answer(writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening, connect(settings(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")) as opened:
        yield opened


async def short(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
    await writer.drain()


async def reset(writer: asyncio.StreamWriter) -> None:
    await short(writer)
    writer.transport.abort()


async def silent(writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""


READS: dict[str, Callable[[Storage, Path], Awaitable[object]]] = {
    "get": lambda storage, _: storage.get(BUCKET, "t/a"),
    "download": lambda storage, path: storage.download(BUCKET, "t/a", path),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("answer", [short, reset, silent])
async def test_a_body_that_ends_early_is_transient(answer, read: str, tmp_path: Path) -> None:
    async with broken(answer) as opened:
        with pytest.raises(Transient):
            await READS[read](opened, tmp_path / "f")


async def short_error(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000\r\n\r\n<Error><Code>InternalError</Code>")
    await writer.drain()


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("first", [short, reset, short_error])
async def test_what_ends_early_is_read_to_its_end(first, read: str, tmp_path: Path) -> None:
    """The first answer is cut off, the next one is whole."""
    content = b"only this".ljust(1000, b".")
    answers = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal answers
        answers += 1
        if answers == 1:
            await first(writer)
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + content)
        await writer.drain()

    async with broken(answer) as opened:
        got = await READS[read](opened, tmp_path / "f")
    assert answers == 2
    assert (got if read == "get" else (tmp_path / "f").read_bytes()) == content


async def test_nobody_listens(tmp_path: Path, unused_port: int) -> None:
    (tmp_path / "f").write_bytes(b"x")
    async with connect(settings(f"http://127.0.0.1:{unused_port}")) as opened:
        failures = await asyncio.gather(
            opened.get(BUCKET, "t/a"),
            opened.size(BUCKET, "t/a"),
            opened.put(BUCKET, "t/a", b"x", "text/plain"),
            opened.put_file(BUCKET, "t/a", tmp_path / "f"),
            opened.download(BUCKET, "t/a", tmp_path / "g"),
            opened.delete_below(BUCKET, "t/"),
            opened.has_bucket(BUCKET),
            return_exceptions=True,
        )
    assert [type(failure) for failure in failures] == [MachineFault] * 7


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is bound but not listened on: connections to it are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


DENIED = (
    '<?xml version="1.0"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Error><Key>t/a</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
)
LISTED = (
    '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<IsTruncated>false</IsTruncated><Contents><Key>t/a</Key><Size>1</Size></Contents></ListBucketResult>"
)


async def test_browsers_may_upload_once_a_bucket_has_been_set_up(storage: Storage, server: str) -> None:
    first, again = [await storage.allow_browser_uploads(BUCKET) for _ in range(2)]
    # rclone has no rules of its own: the embedded stack starts it with --allow-origin.
    assert (first, again) == {
        "moto": (BrowserUploads.SET, BrowserUploads.ALLOWED),
        "rclone": (BrowserUploads.UNKNOWN, BrowserUploads.UNKNOWN),
    }[server]


async def test_rules_of_the_operator_stay(moto: str) -> None:
    async with connect(settings(moto)) as opened:
        await opened.ensure_bucket(OWN_RULES)
        rules = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.test"]}]}
        keys = {"aws_access_key_id": "anyone", "aws_secret_access_key": "anything", "region_name": "us-east-1"}
        async with aioboto3.Session().client("s3", endpoint_url=moto, **keys) as operator:
            await operator.put_bucket_cors(Bucket=OWN_RULES, CORSConfiguration=rules)
            assert await opened.allow_browser_uploads(OWN_RULES) is BrowserUploads.OTHER_RULES
            kept = await operator.get_bucket_cors(Bucket=OWN_RULES)
        assert [rule["AllowedMethods"] for rule in kept["CORSRules"]] == [["GET"]]


async def test_a_delete_that_is_refused_inside_a_200_is_transient() -> None:
    """DeleteObjects answers 200 and lists per key what it did not delete."""

    async def answer(request: web.Request) -> web.Response:
        text = LISTED if request.method == "GET" else DENIED
        return web.Response(text=text, content_type="application/xml")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with connect(settings(f"http://127.0.0.1:{runner.addresses[0][1]}")) as opened:
            with pytest.raises(Transient):
                await opened.delete_below(BUCKET, "t/")
    finally:
        await runner.cleanup()


async def test_folders_come_in_order_and_in_stretches(storage: Storage) -> None:
    for name in ("t/b/x", "t/a/x", "t/a/y", "t/c/d/x", "t/file", "u/e/x"):
        await storage.put(BUCKET, name, b"x", "text/plain")
    assert await storage.folders(BUCKET, "t/", "", 10) == ["a", "b", "c"]
    assert await storage.folders(BUCKET, "t/", "", 2) == ["a", "b"]
    assert await storage.folders(BUCKET, "t/", "b", 2) == ["c"]
    assert await storage.folders(BUCKET, "t/", "c", 2) == []
    await storage.delete_all(BUCKET, ["t/a/x", "t/nothing", "u/e/x"])
    assert await keys(storage, "t/") == ["t/a/y", "t/b/x", "t/c/d/x", "t/file"]
