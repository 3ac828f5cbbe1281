"""core.storage.artifact_store, and how workers store with it: by hash, with the right type, and errors as they are."""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.db.assets import Asset
from core.db.content_keys import wrapping_keys
from core.errors import ObjectMissing, Transient
from core.media.encoded import Blob, Encoded, Rendition, RenditionKind, Segment
from core.model import AssetId
from core.settings import MIB, Settings
from core.storage.artifact_store import ArtifactStore
from transcode.encode.cutters import ByteRange
from workers import artifacts as kept
from workers import title

ASSET = AssetId("as_1")


@dataclass
class MemoryStorage:
    """What core.storage.s3.Storage does, in memory. Keys that contain `broken` are refused."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    broken: str = "never"

    async def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        if self.broken in key:
            raise Transient(f"put {key}: storage answered 500")
        self.objects[f"{bucket}/{key}"] = (body, content_type)

    async def put_file(self, bucket: str, key: str, path: Path, content_type: str) -> None:
        self.objects[f"{bucket}/{key}"] = (path.read_bytes(), content_type)

    async def get(self, bucket: str, key: str) -> bytes:
        try:
            return self.objects[f"{bucket}/{key}"][0]
        except KeyError:
            raise ObjectMissing(key) from None


def artifacts(storage: MemoryStorage) -> ArtifactStore:
    return ArtifactStore(storage=storage, bucket="media")  # type: ignore[arg-type]


def worker(storage: MemoryStorage) -> Any:
    """What of a WorkerContext these functions use."""
    settings = Settings(content_keys="k1:" + "00" * 32)  # type: ignore[arg-type]
    return SimpleNamespace(settings=settings, storage=storage, artifacts=artifacts(storage), pool=None)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("body", [b"", b"WEBVTT\n", bytes(2 * MIB)], ids=["empty", "small", "large"])
async def test_a_body_is_stored_under_its_hash_with_its_type(body: bytes) -> None:
    storage = MemoryStorage()
    blob = await artifacts(storage).put(ASSET, body, "text/vtt")
    assert blob == Blob(sha256=sha256(body), size_bytes=len(body))
    assert storage.objects == {f"media/assets/as_1/objects/{blob.sha256}": (body, "text/vtt")}
    assert await artifacts(storage).get(ASSET, blob.sha256) == body


async def test_a_file_is_stored_under_its_hash(tmp_path: Path) -> None:
    storage, path = MemoryStorage(), tmp_path / "high.mp4"
    path.write_bytes(b"mp4" * 1000)
    blob = await artifacts(storage).put_file(ASSET, path, "video/mp4")
    assert blob == Blob(sha256=sha256(b"mp4" * 1000), size_bytes=3000)
    assert storage.objects == {f"media/assets/as_1/objects/{blob.sha256}": (b"mp4" * 1000, "video/mp4")}


def rendition(path: Path, bodies: list[bytes]) -> tuple[Rendition, list[ByteRange]]:
    """An init segment and media segments, one behind the other in a local file."""
    path.write_bytes(b"".join(bodies))
    blobs = [Blob(sha256=sha256(body), size_bytes=len(body)) for body in bodies]
    pieces = [
        ByteRange(path=path, offset=sum(len(before) for before in bodies[:number]), blob=blob)
        for number, blob in enumerate(blobs)
    ]
    segments = tuple(Segment(blob=blob, duration=600) for blob in blobs[1:])
    return Rendition(
        id="v360",
        kind=RenditionKind.VIDEO,
        codec="avc1.64001e",
        timescale=100,
        init=blobs[0],
        segments=segments,
        width=640,
        height=360,
        frame_rate=Fraction(25),
    ), pieces


BODIES = [b"init", b"first segment", b"second segment"]


async def test_init_and_media_segments_get_the_types_that_the_manifest_gives_them(tmp_path: Path) -> None:
    storage, seen = MemoryStorage(), []
    made, pieces = rendition(tmp_path / "v360.mp4", BODIES)
    await kept.store_pieces(worker(storage), ASSET, Encoded(renditions=(made,)), pieces, seen.append)
    assert [storage.objects[f"media/assets/as_1/objects/{sha256(body)}"] for body in BODIES] == [
        (b"init", "video/mp4"),
        (b"first segment", "video/iso.segment"),
        (b"second segment", "video/iso.segment"),
    ]
    assert seen == [pytest.approx(share) for share in (1 / 3, 2 / 3, 1)]


async def test_a_piece_that_cannot_be_stored_is_the_error_itself(tmp_path: Path) -> None:
    """Not an ExceptionGroup around it, which says nothing in the row of the step."""
    made, pieces = rendition(tmp_path / "v360.mp4", BODIES)
    with pytest.raises(Transient, match="storage answered 500"):
        await kept.store_pieces(
            worker(MemoryStorage(broken=sha256(BODIES[1]))), ASSET, Encoded(renditions=(made,)), pieces
        )


def encrypted_asset() -> Asset:
    return SimpleNamespace(id=ASSET, options={"encryption": "aes-128"})  # type: ignore[return-value]


async def a_key(*_: object) -> bytes:
    return bytes(16)


async def test_a_segment_that_is_missing_is_the_error_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(title.content_keys, "obtain", a_key)
    made, _ = rendition(tmp_path / "v360.mp4", BODIES)
    with pytest.raises(ObjectMissing):
        await title.encrypt(worker(MemoryStorage()), encrypted_asset(), Encoded(renditions=(made,)))


async def test_encrypted_segments_lie_beside_the_clear_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(title.content_keys, "obtain", a_key)
    storage = MemoryStorage()
    context = worker(storage)
    assert wrapping_keys(context.settings)
    made, pieces = rendition(tmp_path / "v360.mp4", BODIES)
    await kept.store_pieces(context, ASSET, Encoded(renditions=(made,)), pieces)
    delivered = (await title.encrypt(context, encrypted_asset(), Encoded(renditions=(made,)))).renditions[0]
    assert len(storage.objects) == 5
    assert {segment.blob.sha256 for segment in delivered.segments}.isdisjoint(
        segment.blob.sha256 for segment in made.segments
    )
    for segment in delivered.segments:
        body, content_type = storage.objects[f"media/assets/as_1/objects/{segment.blob.sha256}"]
        assert (sha256(body), content_type) == (segment.blob.sha256, "video/iso.segment")
