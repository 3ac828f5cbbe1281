"""workers.steps.accept: a large file that is no media is refused by its first bytes, and nothing more of it is read."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.db import uploads
from core.db.uploads import Upload
from core.errors import Rejected
from core.model import UploadStatus
from core.settings import MIB, Settings
from tests.uploads import upload_of
from workers.engine.contract import ClaimedStep, WorkerContext
from workers.engine.sources import Sources
from workers.steps import accept as module
from workers.steps.accept import LOOKED_AT_FIRST_BYTES, accept

SIZE = 2 * LOOKED_AT_FIRST_BYTES
NOW = datetime.now(UTC)
UPLOAD = upload_of(SIZE, status=UploadStatus.COMPLETED)


class Store:
    """Parts that begin with `head` and are zeros, and how much of them was read."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.read = 0

    async def stream(self, _bucket: str, key: str) -> AsyncIterator[bytes]:
        block = bytes(MIB)
        for number in range(16):
            self.read += MIB
            yield self.head + block[len(self.head) :] if number == 0 and key.endswith("/00001") else block


@pytest.fixture
def accepting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def run(store: Store, upload: Upload = UPLOAD) -> Any:
        async def by_id(*_: object) -> Upload:
            return upload

        async def stored(*_: object, **more: Any) -> str:
            return cast("str", more["sha256"])

        monkeypatch.setattr(uploads, "by_id", by_id)
        monkeypatch.setattr(module, "store_source", stored)
        worker = SimpleNamespace(settings=Settings(), storage=store, pool=None, sources=Sources(tmp_path, SIZE))
        claimed = SimpleNamespace(step=SimpleNamespace(input={"upload_id": "up_1"}), progress=lambda _: None)
        return await accept(cast("WorkerContext", worker), cast("ClaimedStep", claimed))

    return run


@pytest.mark.parametrize(
    ("head", "code"),
    [(b"", "not_media"), (b"FLV\x01", "unsupported_container"), (b"#EXTM3U\n", "unsupported_container")],
)
async def test_a_large_file_is_refused_before_it_is_copied(
    accepting: Any, tmp_path: Path, head: bytes, code: str
) -> None:
    """4 GiB of zeros took 112 s to be refused."""
    store = Store(head)
    with pytest.raises(Rejected) as refused:
        await accepting(store)
    assert refused.value.code == code
    assert store.read == MIB
    assert list(tmp_path.iterdir()) == []


async def test_what_may_be_media_is_read_to_its_end(accepting: Any) -> None:
    store = Store(b"\0\0\0\x18ftypisom")
    assert len(await accepting(store)) == 64
    assert store.read == SIZE


async def test_a_small_file_is_left_to_the_probe(accepting: Any) -> None:
    """Its source is kept, so that a retry can begin again."""
    store = Store(b"")
    assert len(await accepting(store, replace(UPLOAD, size_bytes=16 * MIB))) == 64
    assert store.read == 16 * MIB
