"""A file on its way: what is sent, what is sent again, what is refused, and how an interrupted upload goes on."""

import asyncio
import hashlib
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.model import UploadStatus
from kadr_client import ApiError, Kadr, NoAnswer, UploadError, sending
from tests.part_store import PART_BYTES
from tests.small_kadr import KEY, SmallKadr

PARTS = 7
CONTENT = os.urandom((PARTS - 1) * PART_BYTES + 1000)
CREATE = "POST /v1/uploads"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "clip.upload.json"


def puts(server: SmallKadr) -> list[int]:
    """The numbers of the parts that came, in order."""
    return sorted(int(seen.name.rpartition("/")[2]) for seen in server.seen if seen.name.startswith("PUT"))


class StoppedError(Exception):
    """The test has stopped the upload."""


async def interrupted(kadr: Kadr, file: Path, state: Path, after: int = 3, **fields: Any) -> None:
    """An upload that ends when so many parts have been sent, as if its process had been killed."""

    def stop(sent_bytes: int, _: int) -> None:
        if sent_bytes >= after * PART_BYTES:
            raise StoppedError

    with pytest.raises(StoppedError):
        await kadr.upload(file, state_file=state, on_progress=stop, parallel=1, **fields)


async def test_a_file_is_sent_whole(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    shown: list[tuple[int, int]] = []
    asset = await kadr.upload(
        str(file), title="Lesson 1", ref="lesson:1", on_progress=lambda sent, size: shown.append((sent, size))
    )
    assert asset["id"] == "as_1"
    assert (server.upload.status, server.upload.content == CONTENT) == ("completed", True)
    (created,) = server.named(CREATE)
    assert created.json == {
        "filename": "clip.mp4",
        "size_bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "title": "Lesson 1",
        "ref": "lesson:1",
    }
    assert (shown[0], shown[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert all(before <= after for before, after in pairwise(shown))


async def test_storage_does_not_get_the_key(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    await kadr.upload(file)
    sent = [seen for seen in server.seen if seen.name.startswith("PUT")]
    assert len(sent) == PARTS
    assert {"Authorization" in seen.headers for seen in sent} == {False}
    assert {seen.headers["Content-Length"] for seen in sent} == {str(PART_BYTES), "1000"}


async def test_more_parts_than_urls_in_one_answer(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    server.urls_at_once = 3
    await kadr.upload(file)
    assert server.upload.content == CONTENT
    assert [seen.query for seen in server.named("GET /v1/uploads/up_1")] == [{"from_part": "4"}, {"from_part": "7"}]


async def test_the_file_replaces_the_source_of_an_asset(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    await kadr.upload(file, asset_id="as_1")
    (created,) = server.named("POST /v1/assets/as_1/source")
    assert created.json.keys() == {"filename", "size_bytes", "sha256"}
    assert server.upload.content == CONTENT


async def test_no_file(kadr: Kadr, tmp_path: Path) -> None:
    with pytest.raises(UploadError, match="no_file"):
        await kadr.upload(tmp_path / "nothing.mp4")
    with pytest.raises(UploadError, match="no_file"):
        await kadr.upload(tmp_path)


async def test_a_name_that_is_no_text(server: SmallKadr, kadr: Kadr, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.mp4"))
    path.write_bytes(b"1")
    await kadr.upload(path)
    assert server.named(CREATE)[0].json["filename"] == "a�.mp4"


# faults on the way


@pytest.mark.parametrize("fault", [500, 503, 429, "lost before", "lost after"])
async def test_a_part_that_fails_is_sent_again(server: SmallKadr, kadr: Kadr, file: Path, fault: int | str) -> None:
    server.faults["PUT /up_1/parts/2"] = [fault, fault]
    server.faults["PUT /up_1/parts/5"] = [fault]
    shown: list[int] = []
    await kadr.upload(file, on_progress=lambda sent, _: shown.append(sent))
    assert server.upload.content == CONTENT
    assert shown[-1] == len(CONTENT)


async def test_a_url_that_is_refused_is_replaced_once(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    for number in range(1, PARTS + 1):
        server.faults[f"PUT /up_1/parts/{number}"] = [403]
    await kadr.upload(file)
    assert server.upload.content == CONTENT
    server.faults["PUT /up_2/parts/4"] = [web.Response(status=403, text="<Code>AccessDenied</Code>") for _ in range(2)]
    with pytest.raises(UploadError) as refused:
        await kadr.upload(file)
    assert (refused.value.code, refused.value.status, refused.value.upload_id) == ("storage_refused", 403, "up_2")
    assert "AccessDenied" in refused.value.detail


async def test_a_part_that_has_arrived_although_its_url_is_refused(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    server.faults["PUT /up_1/parts/7"] = ["lost after", 403]
    await kadr.upload(file, parallel=1)
    assert server.upload.content == CONTENT


async def test_storage_that_never_takes_a_part(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    server.faults["PUT /up_1/parts/3"] = ["lost before"] * 3
    with pytest.raises(UploadError, match=r"storage_failed: .* part 3 could not be uploaded") as failed:
        await kadr.upload(file, tries=3)
    assert failed.value.upload_id == "up_1"
    assert failed.value.hint
    server.faults.clear()
    asset = await kadr.upload(file, upload_id=failed.value.upload_id)
    assert (asset["id"], server.upload.content == CONTENT) == ("as_1", True)


async def test_a_refusal_of_storage_is_final(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    server.faults["PUT /up_1/parts/3"] = [web.Response(status=400, text="<Code>EntityTooLarge</Code>")]
    with pytest.raises(UploadError, match=r"storage_refused: .*400 EntityTooLarge"):
        await kadr.upload(file, tries=3)


async def test_a_part_that_hangs_is_sent_again(
    server: SmallKadr, kadr: Kadr, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "STALL_S", 0.3)
    server.faults["PUT /up_1/parts/4"] = ["hangs"]
    await kadr.upload(file)
    assert server.upload.content == CONTENT


async def test_what_is_missing_at_the_end_is_sent_again(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    """As where storage has lost a part that it had taken."""
    server.faults["PUT /up_1/parts/6"] = [web.Response()]
    await kadr.upload(file)
    assert server.upload.content == CONTENT
    assert puts(server).count(6) == 2


async def test_a_part_that_is_always_missing(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    server.faults["PUT /up_1/parts/6"] = [web.Response() for _ in range(9)]
    with pytest.raises(ApiError, match="size_mismatch"):
        await kadr.upload(file)


async def test_an_upload_that_ends_on_the_way(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    server.urls_at_once = 3
    shown = {"data": {"id": "up_1", "asset_id": "as_1", "status": "expired", "parts": [], "next_part": None}}
    server.answers["GET /v1/uploads/up_1"] = [shown]
    with pytest.raises(UploadError, match="upload_expired"):
        await kadr.upload(file)


async def test_a_file_that_changes_on_the_way_is_refused(
    server: SmallKadr, kadr: Kadr, file: Path, state: Path
) -> None:
    def change(sent_bytes: int, _: int) -> None:
        if sent_bytes > 2 * PART_BYTES:
            file.write_bytes(CONTENT[:-1] + b"x")

    with pytest.raises(UploadError) as refused:
        await kadr.upload(file, on_progress=change, state_file=state)
    assert refused.value.code == "file_changed"
    assert server.upload.status == "aborted"
    assert not state.exists()


@pytest.mark.parametrize("kept", [0, 100_000])
async def test_a_file_that_becomes_shorter_on_the_way(server: SmallKadr, kadr: Kadr, file: Path, kept: int) -> None:
    def cut(sent_bytes: int, _: int) -> None:
        if sent_bytes > PART_BYTES:
            os.truncate(file, kept)

    with pytest.raises(UploadError, match="file_changed"):
        await kadr.upload(file, on_progress=cut)
    assert server.upload.status == "aborted"


async def test_a_file_that_vanishes_on_the_way(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    with pytest.raises(UploadError, match="file_changed"):
        await kadr.upload(file, on_progress=lambda sent, _: file.unlink(missing_ok=True))
    assert server.upload.status == "aborted"


async def test_whoever_cancels_may_go_on_later(server: SmallKadr, kadr: Kadr, file: Path, state: Path) -> None:
    server.faults["PUT /up_1/parts/2"] = ["hangs"]
    going = asyncio.create_task(kadr.upload(file, state_file=state, parallel=1))
    while not server.uploads or not server.upload.parts:  # the state is written before the upload exists
        await asyncio.sleep(0.01)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert server.upload.status == "open"
    await kadr.upload(file, state_file=state)
    assert puts(server) == [*range(1, PARTS + 1)]


# going on after an interruption


async def test_only_what_is_missing_is_sent(server: SmallKadr, kadr: Kadr, file: Path, state: Path) -> None:
    await interrupted(kadr, file, state, title="Lesson 1")
    assert puts(server) == [1, 2, 3]
    assert KEY not in state.read_text()
    assert "/parts/" not in state.read_text()
    shown: list[int] = []
    async with Kadr(server.url, KEY) as another:
        asset = await another.upload(
            file, title="Lesson 1", state_file=state, on_progress=lambda sent, _: shown.append(sent)
        )
    assert asset["id"] == "as_1"
    assert puts(server) == [*range(1, PARTS + 1)]
    assert shown[0] == 3 * PART_BYTES
    assert server.upload.content == CONTENT
    assert [*state.parent.iterdir()] == [file]


async def test_killed_before_the_api_had_answered(server: SmallKadr, file: Path, state: Path) -> None:
    server.faults[CREATE] = ["lost after"]
    async with Kadr(server.url, KEY, tries=1) as first:
        with pytest.raises(NoAnswer):
            await first.upload(file, state_file=state)
    async with Kadr(server.url, KEY) as second:
        await second.upload(file, state_file=state)
    assert len(server.named(CREATE)) == 2
    assert server.upload.content == CONTENT


async def test_killed_after_the_upload_was_complete(server: SmallKadr, file: Path, state: Path) -> None:
    server.faults["GET /v1/assets/as_1"] = [503]
    async with Kadr(server.url, KEY, tries=1) as first:
        with pytest.raises(ApiError, match="unavailable"):
            await first.upload(file, state_file=state)
    async with Kadr(server.url, KEY) as second:
        asset = await second.upload(file, state_file=state)
    assert asset["id"] == "as_1"
    assert puts(server) == [*range(1, PARTS + 1)]
    assert not state.exists()


async def test_another_file_is_refused(server: SmallKadr, kadr: Kadr, file: Path, state: Path) -> None:
    await interrupted(kadr, file, state)
    before = len(server.seen)
    for content in (CONTENT[:-1], CONTENT[:-1] + b"x"):
        file.write_bytes(content)
        with pytest.raises(UploadError) as refused:
            await kadr.upload(file, state_file=state)
        assert (refused.value.code, refused.value.upload_id) == ("file_changed", "up_1")
    assert len(server.seen) == before
    file.write_bytes(CONTENT)  # at another time, and with the same content
    await kadr.upload(file, state_file=state)
    assert server.upload.content == CONTENT


async def test_other_fields_are_another_upload(server: SmallKadr, kadr: Kadr, file: Path, state: Path) -> None:
    await interrupted(kadr, file, state, title="Lesson 1")
    with pytest.raises(UploadError, match="other_upload"):
        await kadr.upload(file, title="Lesson 2", state_file=state)
    with pytest.raises(UploadError, match="other_upload"):
        await kadr.upload(file, asset_id="as_1", state_file=state)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"upload_id": "up_1"}', "x"])
async def test_a_file_that_is_no_state(kadr: Kadr, file: Path, state: Path, text: str) -> None:
    state.write_text(text)
    with pytest.raises(UploadError, match="bad_state"):
        await kadr.upload(file, state_file=state)
    assert state.read_text() == text


async def test_a_state_that_cannot_be_written(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    with pytest.raises(UploadError, match="bad_state"):
        await kadr.upload(file, state_file=file.parent / "nowhere" / "state.json")
    assert server.seen == []


@pytest.mark.parametrize("status", [UploadStatus.EXPIRED, UploadStatus.ABORTED, None])
async def test_an_upload_that_has_ended_begins_anew(
    server: SmallKadr, kadr: Kadr, file: Path, state: Path, status: UploadStatus | None
) -> None:
    await interrupted(kadr, file, state)
    if status is None:
        del server.uploads["up_1"]
    else:
        server.upload.status = status
    asset = await kadr.upload(file, state_file=state)
    assert asset["id"] == "as_2"
    assert server.uploads["up_2"].content == CONTENT


async def test_an_upload_that_the_caller_keeps(server: SmallKadr, kadr: Kadr, file: Path) -> None:
    made = await kadr.uploads.create(filename="clip.mp4", size_bytes=len(CONTENT), title="Lesson 1")
    server.upload.parts[2] = CONTENT[PART_BYTES : 2 * PART_BYTES]
    asset = await kadr.upload(file, upload_id=made["id"])
    assert (asset["id"], puts(server)) == ("as_1", [1, 3, 4, 5, 6, 7])
    assert (await kadr.upload(file, upload_id=made["id"]))["id"] == "as_1"  # it is complete
    await kadr.uploads.abort(made["id"])
    with pytest.raises(UploadError, match="upload_aborted"):
        await kadr.upload(file, upload_id=made["id"])


async def test_an_upload_of_another_size(kadr: Kadr, file: Path, state: Path) -> None:
    made = await kadr.uploads.create(filename="clip.mp4", size_bytes=len(CONTENT) + 1)
    with pytest.raises(UploadError, match="file_changed"):
        await kadr.upload(file, upload_id=made["id"])
    with pytest.raises(ValueError, match="upload_id"):
        await kadr.upload(file, upload_id=made["id"], title="Lesson 1")
    with pytest.raises(ValueError, match="upload_id"):
        await kadr.upload(file, upload_id=made["id"], state_file=state)
