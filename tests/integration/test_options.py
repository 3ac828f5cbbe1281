"""What an owner can wish of an encode, through the API: it is refused by name, or it is in what plays."""

import asyncio
import base64
import binascii
import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.db import assets, owners, postgres, steps
from core.db.postgres import Pool
from core.model import AssetId, OwnerId, StepKind
from core.settings import Settings
from core.storage import keys, s3
from core.storage.s3 import Storage
from ingest.bodies.requests import MAX_IMAGE_BYTES
from ingest.uploads import MAX_BODY_BYTES
from tests.media import FFMPEG, generate
from tests.playback import check_playback
from tests.stack import Stack
from transcode.probe.source import VERSION
from workers.steps.fetch import link_or_copy

PNG = b"\x89PNG\r\n\x1a\n"
NEW = {"filename": "a.mp4", "size_bytes": 3}
URL = {"input_url": "http://video.example/a.mp4"}


@pytest.fixture(scope="module")
def black(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s of 1280x720, all black, with sound, and few frames."""
    path = tmp_path_factory.mktemp("clips") / "black.mp4"
    generate(path, "color=black:size=1280x720:rate=10:duration=4", "sine=duration=4")
    return path


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red square."""
    path = tmp_path_factory.mktemp("marks") / "red.png"
    made = (*("-v", "error", "-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1"), str(path))
    subprocess.run([FFMPEG, *made], check=True, timeout=30)
    return path


@pytest.fixture(scope="module")
async def stored(stack: Stack) -> AsyncIterator[Storage]:
    secrets = json.loads((stack.home / "secrets.json").read_text())
    settings = Settings(
        s3_url=stack.endpoints["s3"],
        s3_access_key=secrets["s3_access_key"],
        s3_secret_key=SecretStr(secrets["s3_secret_key"]),
    )
    async with s3.connect(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
async def pool(stack: Stack) -> AsyncIterator[Pool]:
    """The stack's own PostgreSQL."""
    opened = await postgres.connect(Settings(database_url=SecretStr(stack.endpoints["database_url"]), database_pool=2))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def stranger(pool: Pool) -> str:
    """The key of somebody else."""
    key = "kadr_wisher.0123456789012345678901234567890"
    await owners.ensure(pool, OwnerId("ow_wisher"), "Wisher", key)
    return key


def wishes(red: Path) -> dict[str, Any]:
    mark = {"image": base64.b64encode(red.read_bytes()).decode(), "position": "top-left", "width_share": 0.5}
    return {
        "profile": "short-vertical",
        "ladder": "apple",
        "effort": "economy",
        "reframe": "none",
        "clip": {"start_s": 0.6, "end_s": 2.2},
        "watermark": {**mark, "opacity": 1},
    }


@pytest.fixture(scope="module")
async def ready(stack: Stack, black: Path, red: Path) -> Any:
    """A ready asset with every wish there is, and signed."""
    return await stack.wait(await stack.upload(black, policy="signed", language="en", **wishes(red)), "ready")


def heights(asset: Any) -> list[int]:
    return [rendition["height"] for rendition in asset["renditions"] if rendition["kind"] == "video"]


async def kept_images(stored: Storage, image: bytes) -> int:
    """How many assets keep an image of exactly these bytes."""
    name = hashlib.sha256(image).hexdigest()
    return len([entry async for entry in stored.list("kadr-media", "assets/") if name in entry.key])


# Wishes that come true


async def test_every_wish_is_in_what_plays(stack: Stack, stored: Storage, red: Path, ready: Any) -> None:
    assert heights(ready) == [720, 540, 360], "three rungs, and none below 360"
    assert ready["duration_s"] == 1.6
    await check_playback(ready)
    playing = (*("-v", "error", "-i", ready["playback_url"], "-frames:v", "1"), "-vf", "scale=64:36")
    decoded = await asyncio.to_thread(
        subprocess.run,
        [FFMPEG, *playing, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    rgb = [decoded.stdout[3 * pixel : 3 * pixel + 3] for pixel in range(64 * 36)]
    top_left, bottom_right = rgb[8 * 64 + 8], rgb[34 * 64 + 60]
    assert top_left[0] > 150, "the mark"
    assert max(top_left[1:]) < 90
    assert max(bottom_right) < 40, "the picture"


async def test_an_asset_shows_its_options_and_storage_holds_the_image(stored: Storage, red: Path, ready: Any) -> None:
    options = ready["options"]
    sha256 = options["watermark"].pop("sha256")
    assert options == {
        "profile": "short-vertical",
        "codec": "h264",
        "effort": "economy",
        "ladder": "apple",
        "clip": {"start_s": 0.6, "end_s": 2.2},
        "watermark": {"position": "top-left", "width_share": 0.5, "opacity": 1.0},
        "reframe": "none",
        "posters": None,
        "subtitles": None,
        "encryption": "none",
        "downloads": "none",
    }
    options["watermark"]["sha256"] = sha256
    assert await stored.get("kadr-media", keys.media_object(AssetId(ready["id"]), sha256)) == red.read_bytes()


async def test_options_have_defaults(stack: Stack) -> None:
    _, made = await stack.api("POST", "/v1/uploads", json=NEW)
    _, asset = await stack.api("GET", f"/v1/assets/{made['data']['asset_id']}")
    assert asset["data"]["options"] == {
        "profile": "standard",
        "codec": "h264",
        "effort": "balanced",
        "ladder": "smart",
        "clip": None,
        "watermark": None,
        "reframe": "auto",
        "posters": None,
        "subtitles": None,
        "encryption": "none",
        "downloads": "none",
    }
    assert asset["data"]["progress"] == 0.0


async def test_a_reprocess_overrides_only_what_it_names(stack: Stack, pool: Pool, ready: Any) -> None:
    path = f"/v1/assets/{ready['id']}/reprocess"
    status, body = await stack.api("POST", path, json={"codec": "hevc"})
    assert (status, body["data"]["status"]) == (202, "playable")
    assert body["data"]["progress"] < 0.5, "a run of its own"
    again = await stack.wait(ready["id"], "ready")
    video = [rendition for rendition in again["renditions"] if rendition["kind"] == "video"]
    assert {rendition["codec"].partition(".")[0] for rendition in video} == {"hvc1"}
    assert heights(again) == [720, 540, 360]
    assert again["duration_s"] == 1.6
    assert again["playback_ids"] == ready["playback_ids"]
    await check_playback(again)
    rows = await pool.fetch(
        "SELECT kind, input ->> 'index' AS given, output ->> 'index' AS made FROM steps"
        " WHERE asset_id = $1 AND kind IN ('probe', 'plan') ORDER BY created_at",
        ready["id"],
    )
    assert [row["kind"] for row in rows] == ["probe", "plan", "plan"]
    assert rows[0]["made"]
    assert [row["given"] for row in rows[1:]] == [rows[0]["made"]] * 2, "a reprocess plans with the kept index, too"


async def test_what_an_earlier_release_has_probed_is_probed_again(stack: Stack, pool: Pool, ready: Any) -> None:
    """It knew less of the file than what plans the title now."""
    await pool.execute("UPDATE assets SET source = source - 'version' WHERE id = $1", ready["id"])
    status, _ = await stack.api("POST", f"/v1/assets/{ready['id']}/reprocess", json={"codec": "h264"})
    assert status == 202
    again = await stack.wait(ready["id"], "ready")
    assert again["source"] == ready["source"]
    assert again["source"]["version"] == VERSION
    assert (again["tracks"], again["warnings"]) == (ready["tracks"], ready["warnings"])
    newest = await pool.fetch(
        "SELECT kind, input FROM steps WHERE asset_id = $1 AND kind IN ('probe', 'plan')"
        " ORDER BY created_at DESC LIMIT 2",
        ready["id"],
    )
    assert [row["kind"] for row in newest] == ["plan", "probe"]
    assert newest[0]["input"]["options"] == {"codec": "h264"}
    assert newest[0]["input"]["facts"]["version"] == VERSION


# A part of another asset


async def test_a_part_of_another_asset_needs_no_upload(stack: Stack, pool: Pool, ready: Any) -> None:
    wanted = {"clip_of": ready["id"], "start_s": 1, "end_s": 3, "profile": "lecture", "effort": "economy"}
    status, made = await stack.api("POST", "/v1/assets", json=wanted)
    assert status == 202, made
    part = await stack.wait(made["data"]["id"])
    assert (part["status"], part["error"]) == ("ready", None)
    # On the timeline of the upload, which is 4 s long: the other asset is a part of it itself.
    assert part["duration_s"] == 2.0
    assert part["options"]["clip"] == {"start_s": 1.0, "end_s": 3.0}
    assert part["options"]["watermark"] is None, "how it is encoded is its own"
    kinds = [step["kind"] for step in part["steps"] if step["kind"] != "extract"]
    assert kinds[:3] == ["fetch", "probe", "plan"]
    assert (part["title"], part["policy"], part["language"]) == (ready["title"], "signed", "en")
    assert {item["id"] for item in part["playback_ids"]}.isdisjoint(item["id"] for item in ready["playback_ids"])
    await check_playback(part)

    # It has a source of its own.
    assert (await stack.api("DELETE", f"/v1/assets/{ready['id']}"))[0] == 204
    assert (await stack.api("POST", f"/v1/assets/{part['id']}/reprocess", json={"ladder": "apple"}))[0] == 202
    assert (await stack.wait(part["id"]))["error"] is None
    assert (await stack.api("POST", "/v1/assets", json=wanted))[0] == 404, "a deleted asset has no parts"

    # Nor has one that is deleted before a worker comes to it.
    _, late = await stack.api("POST", "/v1/uploads", json=NEW)
    late_id = AssetId(late["data"]["asset_id"])
    async with pool.acquire() as connection, connection.transaction():
        await assets.under_way(connection, late_id)
        await steps.insert(connection, late_id, StepKind.FETCH, {"clip_of": ready["id"]})
    errored = await stack.wait(late_id)
    assert errored["error"]["code"] == "no_source"
    assert errored["error"]["hint"]


def test_a_source_gets_a_second_name_on_any_disk(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("one disk only")
    here, there = tmp_path / "here", elsewhere / f"kadr-{uuid.uuid4().hex}"
    here.write_bytes(b"film")
    try:
        for name in (tmp_path / "second", there):
            link_or_copy(here, name)
            assert name.read_bytes() == b"film"
        assert here.stat().st_nlink == 2, "no bytes are copied on the same disk"
    finally:
        there.unlink(missing_ok=True)


async def test_a_part_of_nothing_is_refused(stack: Stack, stranger: str) -> None:
    _, made = await stack.api("POST", "/v1/uploads", json=NEW)
    wanted = {"clip_of": made["data"]["asset_id"], "start_s": 0, "end_s": 1}
    status, problem = await stack.api("POST", "/v1/assets", json=wanted)
    assert (status, problem["code"]) == (409, "no_source")
    assert problem["hint"]
    theirs = await stack.api("POST", "/v1/assets", key=stranger, json=wanted)
    none = await stack.api("POST", "/v1/assets", key=stranger, json={**wanted, "clip_of": "as_" + "0" * 26})
    assert (theirs[0], theirs[1]["code"]) == (404, "not_found")
    assert theirs == none
    _, listed = await stack.api("GET", "/v1/assets", key=stranger)
    assert listed["data"] == []


# Refusals


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"profile": "best"}, "/profile"),
        ({"codec": "vp9"}, "/codec"),
        ({"effort": "much"}, "/effort"),
        ({"ladder": "mine"}, "/ladder"),
        ({"clip": {"start_s": -1}}, "/clip/start_s"),
        ({"clip": {"start_s": 2, "end_s": 2}}, "/clip"),
        ({"clip": {"end_s": float("nan")}}, "/clip/end_s"),
        ({"clip": {"end_s": float("inf")}}, "/clip/end_s"),
        ({"watermark": {}}, "/watermark/image"),
        ({"watermark": {"image": "", "width_share": 0.001}}, "/watermark/width_share"),
        ({"watermark": {"image": "", "opacity": 0}}, "/watermark/opacity"),
        ({"watermark": {"image": "", "position": "left"}}, "/watermark/position"),
    ],
    ids=str,
)
async def test_a_wish_that_cannot_be_is_named(stack: Stack, wanted: dict[str, Any], pointer: str) -> None:
    for path, body in (("/v1/uploads", NEW), ("/v1/assets", URL)):
        status, problem = await stack.api("POST", path, json={**body, **wanted})
        assert (status, problem["code"], problem["pointer"]) == (422, "invalid", pointer)


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({}, "/input_url"),
        ({**URL, "clip_of": "as_" + "0" * 26, "start_s": 0, "end_s": 1}, "/input_url"),
        ({**URL, "start_s": 1}, "/start_s"),
        ({"clip_of": "as_" + "0" * 26, "start_s": 1}, "/end_s"),
        ({"clip_of": "as_" + "0" * 26, "start_s": 1, "end_s": 1}, "/end_s"),
        ({"clip_of": "as_" + "0" * 26, "start_s": 0, "end_s": 1, "clip": {}}, "/clip"),
        ({"clip_of": "as_1", "start_s": 0, "end_s": 1}, "/clip_of"),
    ],
    ids=str,
)
async def test_an_asset_has_one_origin(stack: Stack, wanted: dict[str, Any], pointer: str) -> None:
    status, problem = await stack.api("POST", "/v1/assets", json=wanted)
    assert (status, problem["code"], problem["pointer"]) == (422, "invalid", pointer)
    assert "Value error" not in problem["detail"]


@pytest.mark.parametrize(
    "image",
    [
        "",
        "no base64!",
        base64.b64encode(b"GIF89a" + bytes(100)).decode(),
        base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(),
        base64.b64encode(b"RIFF\0\0\0\0AVI " + bytes(100)).decode(),
        base64.b64encode(PNG + bytes(MAX_IMAGE_BYTES + 1 - len(PNG))).decode(),
    ],
    ids=["empty", "no base64", "gif", "svg", "avi", "too large"],
)
async def test_an_image_that_is_none_is_refused_and_nothing_is_kept(
    stack: Stack, stored: Storage, stranger: str, image: str
) -> None:
    for path, body in (("/v1/uploads", NEW), ("/v1/assets", URL)):
        status, problem = await stack.api("POST", path, key=stranger, json={**body, "watermark": {"image": image}})
        assert (status, problem["code"], problem["pointer"]) == (422, "watermark_refused", "/watermark/image")
        assert "PNG" in problem["hint"]
    with suppress(binascii.Error):
        assert await kept_images(stored, base64.b64decode(image)) == 0
    assert (await stack.api("GET", "/v1/assets", key=stranger))[1]["data"] == []


async def test_the_largest_image_is_taken_and_a_larger_body_is_not(stack: Stack) -> None:
    largest = base64.encodebytes(PNG + bytes(MAX_IMAGE_BYTES - len(PNG))).decode()  # in lines
    body = {**NEW, "title": "x" * 500, "ref": f"product:{'y' * 200}", "watermark": {"image": largest}}
    status, made = await stack.api("POST", "/v1/uploads", json=body)
    assert status == 201, made
    status, problem = await stack.api("POST", "/v1/uploads", data=b" " * (MAX_BODY_BYTES + 1))
    assert (status, problem["code"]) == (413, "request_entity_too_large")
    assert "512 KiB" in problem["hint"]
    # The other routes have no use for so much.
    status, _ = await stack.api("POST", f"/v1/uploads/{made['data']['id']}/complete", data=b" " * 300_000)
    assert status == 413


async def test_an_image_without_an_asset_does_not_stay(stack: Stack, stored: Storage, red: Path) -> None:
    """A replay shows what was made; a refusal after the image was stored takes it away again."""
    mark = {"watermark": {"image": base64.b64encode(red.read_bytes()).decode()}}
    headers = {"Idempotency-Key": "with a mark"}
    before = await kept_images(stored, red.read_bytes())
    made = [await stack.api("POST", "/v1/uploads", json={**NEW, **mark}, headers=headers) for _ in range(2)]
    assert [status for status, _ in made] == [201, 201]
    assert made[0][1]["data"]["asset_id"] == made[1][1]["data"]["asset_id"]
    assert (await stack.api("POST", "/v1/uploads", json={**NEW, **mark, "title": "b"}, headers=headers))[0] == 422
    nobody = {"clip_of": "as_" + "0" * 26, "start_s": 0, "end_s": 1}
    assert (await stack.api("POST", "/v1/assets", json={**nobody, **mark}))[0] == 404
    assert await kept_images(stored, red.read_bytes()) == before + 1


# The command line


async def test_ingest_takes_the_wishes_of_encode(stack: Stack, black: Path, red: Path, tmp_path: Path) -> None:
    async def ingest(*wanted: str) -> tuple[int | None, str, str]:
        run = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kadr", "ingest", str(black), "--json", *wanted),
            env={"KADR_HOME": str(stack.home), "PATH": ""},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(run.communicate(), 120)
        return run.returncode, out.decode(), err.decode()

    code, out, err = await ingest(
        *("--profile", "lecture", "--codec", "h264", "--effort", "economy", "--ladder", "apple", "--start", "1"),
        *("--end", "2", "--watermark", str(red), "--watermark-position", "center", "--watermark-opacity", "0.5"),
    )
    assert (code, err) == (0, "")
    asset = json.loads(out)
    assert asset["duration_s"] == 1.0
    options = asset["options"]
    assert (options["profile"], options["ladder"], options["clip"]) == ("lecture", "apple", {"start_s": 1, "end_s": 2})
    assert (options["watermark"]["position"], options["watermark"]["opacity"]) == ("center", 0.5)

    code, out, err = await ingest("--watermark", str(tmp_path / "none.png"))
    assert (code, out) == (1, "")
    assert err.endswith("none.png: no such file\n")
    code, out, err = await ingest("--watermark", str(black.parent / "black.mp4"))
    assert code == 1
    assert err.startswith("watermark_refused: ")
    assert (await ingest("--preset", "fast"))[0] == 2, "only where no service chooses"
