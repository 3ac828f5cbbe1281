"""core.storage.s3 against a client that fails: what is sent again, with which type, and which error comes out."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from core.errors import Transient
from core.media.media_types import M4A_TYPE, OCTETS_TYPE
from core.storage import s3
from core.storage.s3 import PUT_TRIES, Storage

GONE = EndpointConnectionError(endpoint_url="http://store")


class Client:
    """An S3 client whose call `name` fails as often as `failures` says."""

    def __init__(self, **failures: int) -> None:
        self.failures = failures
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(**given: Any) -> dict[str, Any]:
            body = given.get("Body")
            content = body.read() if hasattr(body, "read") else body
            self.calls.append((name, {**given, "Body": content}))
            if self.failures.get(name, 0) > 0:
                self.failures[name] -= 1
                if name == "abort_multipart_upload":
                    raise ClientError({"Error": {"Code": "AbortRefused"}}, name)
                raise GONE
            return {"UploadId": "u1", "ETag": f"e{len(self.calls)}"}

        return call

    def of(self, name: str) -> list[dict[str, Any]]:
        return [given for called, given in self.calls if called == name]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


async def test_a_file_carries_its_type_and_is_sent_again(file: Path) -> None:
    client = Client(put_object=PUT_TRIES - 1)
    await Storage(client, None).put_file("b", "k", file, M4A_TYPE)
    sent = client.of("put_object")
    assert [given["Body"] for given in sent] == [b"0123456789"] * PUT_TRIES, "from the beginning each time"
    assert {given["ContentType"] for given in sent} == {M4A_TYPE}


async def test_a_file_of_no_known_type_is_octets(file: Path) -> None:
    client = Client()
    await Storage(client, None).put_file("b", "k", file)
    assert client.of("put_object")[0]["ContentType"] == OCTETS_TYPE


async def test_attempts_are_bounded(file: Path) -> None:
    client = Client(put_object=99)
    with pytest.raises(Transient, match="put k"):
        await Storage(client, None).put_file("b", "k", file)
    assert len(client.of("put_object")) == PUT_TRIES


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.storage.s3.SINGLE_PUT_MAX_BYTES", 1)
    monkeypatch.setattr("core.storage.s3.MULTIPART_PART_BYTES", 4)


async def test_a_part_is_sent_again_and_no_other(small_parts: None, file: Path) -> None:
    client = Client(upload_part=2)
    await Storage(client, None).put_file("b", "k", file, M4A_TYPE)
    assert client.of("create_multipart_upload")[0]["ContentType"] == M4A_TYPE
    assert [given["Body"] for given in client.of("upload_part")] == [b"0123"] * 3 + [b"4567", b"89"]
    completed = client.of("complete_multipart_upload")
    assert [part["PartNumber"] for part in completed[0]["MultipartUpload"]["Parts"]] == [1, 2, 3]
    assert client.of("abort_multipart_upload") == []


async def test_a_failing_abort_does_not_hide_the_cause(
    small_parts: None, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(upload_part=99, abort_multipart_upload=1)
    with caplog.at_level(logging.WARNING), pytest.raises(Transient, match="put part 1 of k") as raised:
        await Storage(client, None).put_file("b", "k", file)
    assert raised.value.__cause__ is GONE
    assert len(client.of("abort_multipart_upload")) == 1
    assert [record.message for record in caplog.records] == ["multipart.abort_failed"]


async def test_a_listing_is_bounded_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that accepts the call and never answers; and a slow reader of the listing, who is not to blame."""
    monkeypatch.setattr(s3, "CALL_S", 0.05)

    async def pages(answers: int) -> AsyncIterator[dict[str, Any]]:
        for number in range(answers):
            yield {"Contents": [{"Key": f"t/{number}", "Size": 1}]}
        await asyncio.Event().wait()

    def storage(answers: int) -> Storage:
        paginator = SimpleNamespace(paginate=lambda **_: pages(answers))
        return Storage(SimpleNamespace(get_paginator=lambda _: paginator), None)

    with pytest.raises(Transient, match="list t/"):
        await anext(aiter(storage(0).list("b", "t/")))
    listed = aiter(storage(2).list("b", "t/"))
    first = await anext(listed)
    await asyncio.sleep(0.1)
    assert [first.key, (await anext(listed)).key] == ["t/0", "t/1"]
    with pytest.raises(Transient, match="list t/"):
        await anext(listed)
