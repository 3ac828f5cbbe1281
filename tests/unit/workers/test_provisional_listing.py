"""workers.provisional_listing: what is listed while an encode goes on, in which order, and what ends it."""

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import LeaseLost, Transient
from core.media.encoded import Blob, Encoded, Rendition, RenditionKind, Segment
from transcode.encode.cutters import ByteRange
from transcode.encode.renditions import EncodedFiles
from workers import provisional_listing
from workers.provisional_listing import ProvisionalListing, facts_of

PLAN: Any = SimpleNamespace(
    cuts=[0, 150, 300],
    frames=350,
    frame_rate=Fraction(25),
    duration_s=Fraction(14),
    first_rung="v360",
    audio=[SimpleNamespace(id="a1"), SimpleNamespace(id="a2")],
    digest=lambda: "d" * 64,
)


def rendition(*names: str) -> Rendition:
    segments = tuple(Segment(blob=Blob(sha256=name, size_bytes=1), duration=600) for name in names)
    init = Blob(sha256="init", size_bytes=1)
    return Rendition(id="v360", kind=RenditionKind.VIDEO, codec="avc1", timescale=100, init=init, segments=segments)


def pieces(*names: str) -> list[ByteRange]:
    return [ByteRange(path=Path("v360.mp4"), offset=0, blob=Blob(sha256=name, size_bytes=1)) for name in names]


class Log:
    """What was stored and listed, in order; instead of storage and PostgreSQL."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, Any]] = []
        monkeypatch.setattr(provisional_listing.artifacts, "store_pieces", self.store)
        monkeypatch.setattr(provisional_listing.provisional, "append", self.append)

    async def store(self, _worker: Any, _asset: Any, _encoded: Any, new: Sequence[ByteRange]) -> None:
        await asyncio.sleep(0)
        self.events.append(("stored", [piece.blob.sha256 for piece in new]))

    async def append(self, _pool: Any, _step: Any, _revision: Any, _facts: Any, made: Rendition, first: int) -> None:
        self.events.append(("listed", (first, [segment.blob.sha256 for segment in made.segments])))


def listing(first_number: int = 0) -> ProvisionalListing:
    worker: Any = SimpleNamespace(pool=None)
    claimed: Any = SimpleNamespace(step=None, asset=SimpleNamespace(id="as_1"))
    return ProvisionalListing(worker, claimed, PLAN, first_number)


def files(*names: str) -> EncodedFiles:
    encoded = Encoded(renditions=(rendition(*names),))
    return EncodedFiles(encoded=encoded, pieces=tuple(pieces("init", *names)), damaged=False)


def test_the_target_duration_is_that_of_the_longest_segment_in_seconds() -> None:
    facts = facts_of(PLAN)
    assert (facts.target_s, facts.duration_s, facts.awaited) == (6, Fraction(14), ("v360", "a1"))


async def test_segments_are_listed_in_order_once_they_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    log, growing = Log(monkeypatch), listing(first_number=4)

    async def encode() -> EncodedFiles:
        growing.add(rendition("s1"), pieces("init", "s1"))
        await asyncio.sleep(0)
        growing.add(rendition("s2", "s3"), pieces("init", "s2", "s3"))
        return files("s1", "s2", "s3")

    await growing.list_while(encode())
    assert log.events == [
        ("stored", ["init", "s1"]),
        ("listed", (4, ["s1"])),
        ("stored", ["s2", "s3"]),
        ("listed", (5, ["s2", "s3"])),
    ]


async def test_a_stream_that_is_copied_is_listed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch)

    async def copy() -> EncodedFiles:
        return files("s1", "s2")

    await listing().list_while(copy())
    assert log.events == [("stored", ["init", "s1", "s2"]), ("listed", (0, ["s1", "s2"]))]


async def test_an_encode_that_fails_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    Log(monkeypatch)

    async def encode() -> EncodedFiles:
        raise Transient("ffmpeg ended")

    before = asyncio.all_tasks()
    with pytest.raises(Transient, match="ffmpeg ended"):
        await listing().list_while(encode())
    assert asyncio.all_tasks() == before


async def test_a_lost_lease_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    log, growing = Log(monkeypatch), listing()

    async def append(*_: object) -> None:
        raise LeaseLost

    monkeypatch.setattr(provisional_listing.provisional, "append", append)

    async def encode() -> EncodedFiles:
        growing.add(rendition("s1"), pieces("init", "s1"))
        return files("s1")

    with pytest.raises(LeaseLost):
        await growing.list_while(encode())
    assert log.events == [("stored", ["init", "s1"])]
