"""The write door over HTTP: keys, owners, refusals, uploads in parts, lists, health, the asset, and what logs hold."""

import asyncio
import hashlib
import io
import json
import random
import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr
from yarl import URL

from core.db import owners, postgres
from core.db.postgres import Pool
from core.model import OwnerId, UploadId
from core.settings import MIB, Settings
from core.storage import keys, s3
from core.storage.s3 import Storage
from ingest import assets, uploads
from ingest.context import KEY_KNOWN_S
from tests import runs
from tests.stack import Stack
from tests.waiting import unix_s

WITHIN_S = 15
# Not a container, not a known other kind: the probe says not_media.
JUNK = random.Random(7).randbytes(1000)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, with `body` parsed where it is JSON."""

    status: int
    headers: Any
    body: Any


async def call(stack: Stack, method: str, path: str, *, key: str | None = None, **more: Any) -> Answer:
    """One call with the home's key, another one, or (key="") none; `path` is sent as it stands."""
    headers = dict(more.pop("headers", {}))
    if key != "":
        headers["Authorization"] = f"Bearer {key or stack.endpoints['api_key']}"
    url = URL(stack.endpoints["api"] + path, encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, **more) as answer,
    ):
        text = await answer.text()
        return Answer(answer.status, answer.headers, json.loads(text) if "json" in answer.content_type else text)


async def create(stack: Stack, size_bytes: int, *, key: str | None = None, **wanted: Any) -> dict[str, Any]:
    """A new upload."""
    body = {"filename": "a.mp4", "size_bytes": size_bytes, **wanted}
    answer = await call(stack, "POST", "/v1/uploads", key=key, json=body)
    assert answer.status == 201, answer.body
    upload: dict[str, Any] = answer.body["data"]
    return upload


async def put(url: str, body: bytes, method: str = "PUT") -> int:
    """The status of one call to storage, the URL untouched."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, URL(url, encoded=True), data=io.BytesIO(body) if method == "PUT" else None) as answer,
    ):
        return answer.status


async def complete(stack: Stack, upload: dict[str, Any]) -> Answer:
    return await call(stack, "POST", f"/v1/uploads/{upload['id']}/complete")


def check_problem(answer: Answer, status: int, code: str | None = None, pointer: str | None = None) -> dict[str, Any]:
    """RFC 9457: the content type, the members, and that the body's status is the answer's."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = answer.body
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert set(body) <= {"type", "title", "status", "detail", "code", "hint", "pointer", "errors"}
    assert answer.headers["X-Request-Id"]
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    if code is not None:
        assert body["code"] == code
    assert body.get("pointer") == pointer
    return body


@pytest.fixture(scope="module")
async def pool(stack: Stack) -> AsyncIterator[Pool]:
    """The stack's own PostgreSQL."""
    opened = await postgres.connect(Settings(database_url=SecretStr(stack.endpoints["database_url"]), database_pool=2))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def stored(stack: Stack) -> AsyncIterator[Storage]:
    """The stack's own object storage."""
    made = json.loads((stack.home / "secrets.json").read_text())
    settings = Settings(
        s3_url=stack.endpoints["s3"],
        s3_access_key=made["s3_access_key"],
        s3_secret_key=SecretStr(made["s3_secret_key"]),
    )
    async with s3.connect(settings) as opened:
        yield opened


async def new_owner(pool: Pool, name: str) -> str:
    """The API key of an owner of its own."""
    key = f"kadr_{name}{secrets.token_hex(4)}.{secrets.token_urlsafe(32)}"
    await owners.ensure(pool, OwnerId(f"ow_{name}_{secrets.token_hex(4)}"), name, key)
    return key


@pytest.fixture(scope="module")
async def stranger(pool: Pool) -> str:
    """The key of somebody else."""
    return await new_owner(pool, "stranger")


@pytest.fixture(scope="module")
async def ready(stack: Stack, clip: Path) -> Any:
    """A ready asset of which the owner has said everything there is to say."""
    asset_id = await stack.upload(
        clip,
        title="  Ünïcode <b> ",
        ref={"type": "lesson", "id": "7/a"},
        language="en-GB",
        policy="signed",
        ladder="apple",  # the same rungs whatever is measured
    )
    return await stack.wait(asset_id, "ready")


# Keys


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_good_key_is_let_in(stack: Stack, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {stack.endpoints['api_key']}"}
    assert (await call(stack, "GET", "/v1/assets", key="", headers=headers)).status == 200


async def test_a_missing_or_wrong_key_is_401(stack: Stack) -> None:
    good = stack.endpoints["api_key"]
    prefix, _, secret = good.partition(".")
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {good}",
        good,
        f"Bearer {prefix}",
        f"Bearer {prefix}.",
        f"Bearer {prefix}.{secret[:-1]}",
        f"Bearer {prefix}.{secret}x",
        f"Bearer {prefix}.{secret.swapcase()}",
        f"Bearer unknown.{secret}",
        f"Bearer .{secret}",
        "Bearer x' OR '1'='1",
    ]
    bodies = []
    for value in wrong:
        headers = {"Authorization": value} if value else {}
        answer = await call(stack, "GET", "/v1/assets", key="", headers=headers)
        bodies.append(check_problem(answer, 401, "unauthenticated"))
        assert answer.body["hint"]
        # RFC 9110, 15.5.2: a 401 names at least one challenge.
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), value
    assert all(body == bodies[0] for body in bodies), "which half was wrong must not be told"


async def test_a_key_that_is_not_text_is_401(stack: Stack) -> None:
    host, port = urlsplit(stack.endpoints["api"]).hostname, urlsplit(stack.endpoints["api"]).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"GET /v1/assets HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe.\xff\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), WITHIN_S)
    writer.close()
    await writer.wait_closed()
    assert answer.split(b"\r\n")[0].split(b" ")[1] == b"401", answer


async def test_a_revoked_key_is_401(stack: Stack, pool: Pool) -> None:
    key = await new_owner(pool, "leaver")
    assert (await call(stack, "GET", "/v1/assets", key=key)).status == 200
    await pool.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = $1", key.partition(".")[0])
    # A key that was good is not asked of PostgreSQL again for a few seconds.
    async with asyncio.timeout((KEY_KNOWN_S + 20) * runs.patience()):
        while (answer := await call(stack, "GET", "/v1/assets", key=key)).status == 200:
            await asyncio.sleep(0.2)
    check_problem(answer, 401, "unauthenticated")


# Owners


async def test_another_owners_id_is_as_good_as_none(stack: Stack, stranger: str, ready: Any) -> None:
    upload = await create(stack, 3)
    mine = {"upload_id": upload["id"], "asset_id": ready["id"], "playback_id": ready["playback_ids"][0]["id"]}
    nobodys = {name: f"{value[:-3]}zzz" for name, value in mine.items()}
    # Valid where the route takes one: the answer must be about the id.
    bodies: dict[str, Any] = {"/v1/assets/{asset_id}/playback_ids": {"policy": "public"}}
    tried = []
    for route in (*uploads.routes, *assets.routes):
        assert hasattr(route, "method")
        if "{" not in route.path:
            continue
        body = {"json": bodies.get(route.path, {})} if route.method == "POST" else {}
        theirs = await call(stack, route.method, route.path.format(**mine), key=stranger, **body)
        none = await call(stack, route.method, route.path.format(**nobodys), key=stranger, **body)
        check_problem(theirs, 404, "not_found")
        assert theirs.body == none.body, f"{route.method} {route.path} tells that the id exists"
        tried.append(route.path)
    assert len(tried) >= 5
    # What was tried on the upload and the asset changed nothing.
    assert (await call(stack, "GET", f"/v1/uploads/{upload['id']}")).body["data"]["status"] == "open"
    assert (await call(stack, "GET", f"/v1/assets/{ready['id']}")).body["data"]["playback_ids"] == ready["playback_ids"]


async def test_a_list_holds_only_ones_own(stack: Stack, stranger: str, ready: Any) -> None:
    own = await create(stack, 3, key=stranger)
    for query in ("", f"?cursor={ready['id']}", f"?cursor={'as_' + 'z' * 26}"):
        listed = (await call(stack, "GET", f"/v1/assets{query}", key=stranger)).body["data"]
        assert {asset["id"] for asset in listed} <= {own["asset_id"]}
    everything = (await call(stack, "GET", "/v1/assets?limit=100")).body["data"]
    assert own["asset_id"] not in {asset["id"] for asset in everything}
    ready_ones = (await call(stack, "GET", "/v1/assets?status=ready&limit=100")).body["data"]
    assert ready["id"] in {asset["id"] for asset in ready_ones}


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code", "pointer"),
    [
        ("POST", "/v1/uploads", {"data": b"{"}, 400, "not_json", None),
        ("POST", "/v1/uploads", {"data": b"\xff"}, 400, "not_json", None),
        ("GET", "/v1/nothing", {}, 404, "not_found", None),
        ("GET", "/nothing", {}, 404, "not_found", None),
        ("GET", "/v1/assets/as_nothing", {}, 404, "not_found", None),
        ("DELETE", "/v1/uploads", {}, 405, "method_not_allowed", None),
        ("PUT", "/health/live", {}, 405, "method_not_allowed", None),
        ("POST", "/v1/uploads", {"data": b" " * 800_000}, 413, None, None),
        ("GET", "/v1/assets?limit=0", {}, 422, "invalid", "/limit"),
        ("GET", "/v1/assets?limit=101", {}, 422, "invalid", "/limit"),
        ("GET", "/v1/assets?limit=ten", {}, 422, "invalid", "/limit"),
        ("GET", "/v1/assets?limit=-1", {}, 422, "invalid", "/limit"),
    ],
)
async def test_a_problem_has_one_shape(
    stack: Stack, method: str, path: str, more: dict[str, Any], status: int, code: str | None, pointer: str | None
) -> None:
    answer = await call(stack, method, path, **more)
    check_problem(answer, status, code, pointer)
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize(
    ("wanted", "code", "pointer"),
    [
        ({"polic": "public"}, "unknown_field", "/polic"),
        ({"ref": {"type": "product", "id": "1", "kind": "x"}}, "unknown_field", "/ref/kind"),
        ({"filename": None}, "invalid", "/filename"),
        ({"filename": ""}, "invalid", "/filename"),
        ({"filename": "x" * 256}, "invalid", "/filename"),
        ({"size_bytes": -1}, "invalid", "/size_bytes"),
        ({"size_bytes": 1.5}, "invalid", "/size_bytes"),
        ({"size_bytes": None}, "invalid", "/size_bytes"),
        ({"size_bytes": 0}, "not_media", "/size_bytes"),
        ({"size_bytes": 2**62}, "too_large", "/size_bytes"),
        ({"size_bytes": 2**70}, "too_large", "/size_bytes"),
        ({"policy": "private"}, "invalid", "/policy"),
        ({"language": "english"}, "invalid", "/language"),
        ({"sha256": "A" * 64}, "invalid", "/sha256"),
        ({"sha256": "0" * 63}, "invalid", "/sha256"),
        ({"title": "x" * 501}, "invalid", "/title"),
        ({"ref": "product"}, "invalid", "/ref"),
        ({"ref": ":42"}, "invalid", "/ref"),
        ({"ref": "Product:42"}, "invalid", "/ref"),
        ({"ref": {"type": "Product", "id": "42"}}, "invalid", "/ref/type"),
        ({"metadata": {"a b": "c"}}, "invalid", "/metadata/a b"),
        ({"metadata": {"a": 1}}, "invalid", "/metadata/a"),
        ({"metadata": {f"n{number}": "" for number in range(51)}}, "invalid", "/metadata"),
    ],
)
async def test_what_is_wrong_with_an_upload_is_named(
    stack: Stack, stranger: str, wanted: dict[str, Any], code: str, pointer: str
) -> None:
    before = (await call(stack, "GET", "/v1/assets", key=stranger)).body["data"]
    body = {"filename": "a.mp4", "size_bytes": 3, **wanted}
    problem = check_problem(await call(stack, "POST", "/v1/uploads", key=stranger, json=body), 422, code, pointer)
    if code == "unknown_field":
        assert repr(pointer.rpartition("/")[2]) in problem["detail"]
    elif code != "invalid":
        assert problem["hint"], "a rejection says what to do"
    assert (await call(stack, "GET", "/v1/assets", key=stranger)).body["data"] == before, "nothing was reserved"


async def test_unknown_fields_are_refused_everywhere(stack: Stack, ready: Any) -> None:
    playback_id = ready["playback_ids"][0]["id"]
    for path, body in (
        (f"/v1/assets/{ready['id']}/playback_ids", {"policy": "public", "ttl": 1}),
        (f"/v1/playback_ids/{playback_id}/token", {"ttl": 1}),
    ):
        answer = await call(stack, "POST", path, json=body)
        assert "'ttl'" in check_problem(answer, 422, "unknown_field", "/ttl")["detail"]
    for ttl_s in (0, -1, 7 * 86400 + 1, "long"):
        answer = await call(stack, "POST", f"/v1/playback_ids/{playback_id}/token", json={"ttl_s": ttl_s})
        check_problem(answer, 422, "invalid", "/ttl_s")


@pytest.mark.parametrize("body", ["[]", '"text"', "3", "null", "true"])
async def test_a_body_that_is_no_object_is_refused_in_plain_words(stack: Stack, body: str) -> None:
    answer = await call(stack, "POST", "/v1/uploads", data=body)
    assert answer.status in (400, 422)
    problem = check_problem(answer, answer.status, pointer=answer.body.get("pointer"))
    assert "NewUpload" not in problem["detail"], "a class of ours is no word for a client"


NUL = "a\x00b"


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/v1/assets/as_%00", {}),
        ("GET", "/v1/uploads/%00", {}),
        ("POST", "/v1/uploads/%00/complete", {}),
        ("POST", "/v1/playback_ids/%00/token", {}),
        ("POST", "/v1/assets/%00/playback_ids", {"json": {"policy": "public"}}),
        ("GET", "/v1/assets?cursor=%00", {}),
        ("GET", "/v1/assets?limit=%C2%B2", {}),
        ("GET", f"/v1/assets?limit={'9' * 5000}", {}),
        ("POST", "/v1/uploads", {"data": b"[" * 200_000}),
        ("POST", "/v1/uploads", {"data": b'{"filename": "\\ud800", "size_bytes": 3}'}),
        ("POST", "/v1/uploads", {"json": {"filename": NUL, "size_bytes": 3}}),
        ("POST", "/v1/uploads", {"json": {"filename": "a", "title": NUL, "size_bytes": 3}}),
        ("POST", "/v1/uploads", {"json": {"filename": "a", "content_type": NUL, "size_bytes": 3}}),
        ("POST", "/v1/uploads", {"json": {"filename": "a", "ref": f"product:{NUL}", "size_bytes": 3}}),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_nonsense_is_the_clients_fault_and_never_ours(
    stack: Stack, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = await call(stack, method, path, **more)
    assert answer.status in (400, 404, 422), answer.body
    check_problem(answer, answer.status, pointer=answer.body.get("pointer"))


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "kľúč"])
async def test_a_key_that_could_not_be_told_apart_is_refused(stack: Stack, key: str) -> None:
    headers = {"Idempotency-Key": key}
    answer = await call(stack, "POST", "/v1/uploads", headers=headers, json={"filename": "a.mp4", "size_bytes": 1})
    check_problem(answer, 422, "invalid")
    assert "Idempotency-Key" in answer.body["detail"]


async def test_a_misspelt_field_is_named_beside_a_missing_one(stack: Stack) -> None:
    answer = await call(stack, "POST", "/v1/uploads", json={"filname": "a.mp4", "size_bytes": 1, "ref": "Product:1"})
    problem = check_problem(answer, 422, "invalid", "/ref")
    assert {fault["pointer"] for fault in problem["errors"]} == {"/filename", "/filname", "/ref"}
    assert "for example product:42" in problem["detail"]


@pytest.mark.parametrize("door", ["api", "origin"])
async def test_the_page_at_the_root_leads_on(stack: Stack, door: str) -> None:
    base = stack.endpoints[door]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/") as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            links = [urljoin(f"{base}/", link) for link in re.findall(r'href="([^"]+)"', await answer.text())]
        assert len(links) >= 3
        assert [link for link in links if link.endswith("/watch")]
        assert [link for link in links if link.startswith(stack.endpoints["api"])]
        for link in links:
            async with session.get(link) as answer:
                assert answer.status == 200, link


# Uploads


async def test_metadata_is_kept_changed_and_cleared(stack: Stack) -> None:
    upload = await create(stack, 3, metadata={"course": "Algebra", "unit-1.a": ""})
    path = f"/v1/assets/{upload['asset_id']}"
    assert (await call(stack, "GET", path)).body["data"]["metadata"] == {"course": "Algebra", "unit-1.a": ""}
    for body, kept in (
        ({"title": "Other"}, {"course": "Algebra", "unit-1.a": ""}),
        ({"metadata": {"course": "Topology"}}, {"course": "Topology"}),
        ({"metadata": {}}, {}),
    ):
        assert (await call(stack, "PATCH", path, json=body)).body["data"]["metadata"] == kept
    assert (
        await call(stack, "POST", "/v1/assets", json={"input_url": "https://192.0.2.1/a.mp4", "metadata": [1]})
    ).status == 422


async def test_allowed_domains_are_kept_changed_and_cleared(stack: Stack) -> None:
    upload = await create(stack, 3, allowed_domains=["Shop.example.org.", "*.example.com", "shop.example.org"])
    path = f"/v1/assets/{upload['asset_id']}"
    asset = (await call(stack, "GET", path)).body["data"]
    assert asset["allowed_domains"] == ["shop.example.org", "*.example.com"]
    for body, kept in (
        ({"title": "Other"}, ["shop.example.org", "*.example.com"]),
        ({"allowed_domains": ["localhost", "192.0.2.7"]}, ["localhost", "192.0.2.7"]),
        ({"allowed_domains": None}, ["localhost", "192.0.2.7"]),
        ({"allowed_domains": []}, []),
    ):
        assert (await call(stack, "PATCH", path, json=body)).body["data"]["allowed_domains"] == kept
    wrong = await call(stack, "PATCH", path, json={"allowed_domains": ["a.example", "https://b.example/"]})
    check_problem(await call(stack, "PATCH", path, json={"title": " "}), 422, "invalid", "/title")
    assert "without scheme, port or path" in check_problem(wrong, 422, "invalid", "/allowed_domains/1")["detail"]
    other = (await call(stack, "GET", f"/v1/assets/{(await create(stack, 3))['asset_id']}")).body["data"]
    assert other["allowed_domains"] == []


async def test_chapters_are_kept_changed_and_cleared(stack: Stack) -> None:
    path = f"/v1/assets/{(await create(stack, 3))['asset_id']}"
    given = [{"start_s": 1.5, "title": "Clay"}, {"start_s": 60, "title": "<b>Kiln</b>"}]
    assert (await call(stack, "GET", path)).body["data"]["chapters"] == []
    for body, kept in (
        ({"chapters": [{"start_s": 1.5, "title": "  Clay "}, given[1]]}, given),
        ({"title": "Other"}, given),
        ({"chapters": given[1:]}, given[1:]),
        ({"chapters": None}, []),
        ({"chapters": given}, given),
        ({"chapters": []}, []),
    ):
        assert (await call(stack, "PATCH", path, json=body)).body["data"]["chapters"] == kept
    for wrong, code, pointer in (
        ([given[1], given[0]], "chapter_order", "/chapters/1/start_s"),
        ([given[0], {"start_s": 2, "title": ""}], "invalid", "/chapters/1/title"),
        ([{"start_s": 2, "title": "two\nlines"}], "invalid", "/chapters/0/title"),
        ([{"start_s": -1, "title": "Before"}], "invalid", "/chapters/0/start_s"),
        ([{"start_s": at, "title": "x"} for at in range(101)], "invalid", "/chapters"),
        ([{"start_s": 1, "name": "x", "title": "x"}], "unknown_field", "/chapters/0/name"),
    ):
        check_problem(await call(stack, "PATCH", path, json={"chapters": wrong}), 422, code, pointer)
    assert (await call(stack, "GET", path)).body["data"]["chapters"] == []


async def test_a_policy_is_that_of_all_playback_ids(stack: Stack) -> None:
    upload, other = await create(stack, 3), await create(stack, 3)
    path = f"/v1/assets/{upload['asset_id']}"
    assert (await call(stack, "POST", f"{path}/playback_ids", json={"policy": "signed"})).status == 201
    for policy in ("signed", "public"):
        asset = (await call(stack, "PATCH", path, json={"policy": policy})).body["data"]
        assert (asset["policy"], [one["policy"] for one in asset["playback_ids"]]) == (policy, [policy] * 2)
    assert (await call(stack, "PATCH", path, json={"title": "Other"})).body["data"]["policy"] == "public"
    check_problem(await call(stack, "PATCH", path, json={"policy": "open"}), 422, "invalid", "/policy")
    await call(stack, "PATCH", path, json={"policy": "signed"})
    untouched = (await call(stack, "GET", f"/v1/assets/{other['asset_id']}")).body["data"]
    assert [one["policy"] for one in untouched["playback_ids"]] == ["public"]


async def test_the_short_form_of_a_ref_is_the_long_one(stack: Stack) -> None:
    for given, kind, ident in (
        ("product:42", "product", "42"),
        ({"type": "product", "id": "42"}, "product", "42"),
        ("lesson:a:b", "lesson", "a:b"),
    ):
        upload = await create(stack, 3, ref=given)
        asset = (await call(stack, "GET", f"/v1/assets/{upload['asset_id']}")).body["data"]
        assert asset["ref"] == {"type": kind, "id": ident}


async def test_the_title_is_the_files_name_unless_one_is_given(stack: Stack) -> None:
    for filename, title, shown in (
        ("My video.final.mp4", None, "My video.final"),
        ("a.mp4", " Given ", "Given"),
        ("a.mp4", "   ", "a"),
        (".mp4", None, ".mp4"),
        ("../../etc/passwd", None, "passwd"),
    ):
        wanted = {"title": title} if title is not None else {}
        upload = await create(stack, 3, filename=filename, **wanted)
        asset = (await call(stack, "GET", f"/v1/assets/{upload['asset_id']}")).body["data"]
        assert asset["title"] == shown
        assert asset["status"] == "waiting"
        assert asset["timings"] == {"accepted_s": None, "playable_s": None, "ready_s": None}


async def test_several_parts_arrive_in_any_order_and_are_gone_after_accept(
    stack: Stack, pool: Pool, stored: Storage
) -> None:
    body = random.Random(1).randbytes(17 * MIB + 5)
    sha256 = hashlib.sha256(body).hexdigest()
    upload = await create(stack, len(body), sha256=sha256)
    assert (upload["method"], upload["status"], upload["part_size_bytes"]) == ("PUT", "open", 16 * MIB)
    assert [(part["number"], part["size_bytes"]) for part in upload["parts"]] == [(1, 16 * MIB), (2, MIB + 5)]
    assert datetime.fromisoformat(upload["expires_at"]).tzinfo is not None

    problem = check_problem(await complete(stack, upload), 422, "size_mismatch")
    assert problem["detail"].endswith(": 1, 2.")
    assert problem["hint"]
    assert await put(upload["parts"][1]["url"], body[16 * MIB :]) == 200

    # The second has arrived; the first can be resumed with a fresh URL.
    shown = (await call(stack, "GET", f"/v1/uploads/{upload['id']}")).body["data"]
    first, second = shown["parts"]
    assert second == {"number": 2, "size_bytes": MIB + 5, "arrived": True, "url": None}
    assert (first["number"], first["arrived"]) == (1, False)
    assert check_problem(await complete(stack, upload), 422, "size_mismatch")["detail"].endswith(": 1.")
    steps = await pool.fetchval("SELECT count(*) FROM steps WHERE asset_id = $1", upload["asset_id"])
    assert steps == 0, "a refused completion owes no work"

    assert await put(first["url"], body[: 16 * MIB]) == 200
    done = await complete(stack, upload)
    assert (done.status, done.body["data"]["status"], done.body["data"]["parts"]) == (202, "completed", [])

    # Its hash is that of all parts in order, so what ends it is that it is no video.
    asset = await stack.wait(upload["asset_id"])
    assert (asset["status"], asset["error"]["code"]) == ("errored", "not_media")
    assert asset["error"]["message"]
    assert "MP4" in asset["error"]["hint"]
    assert await pool.fetchval("SELECT source_sha256 FROM assets WHERE id = $1", asset["id"]) == sha256
    await no_parts_left(stored, upload["id"])


async def no_parts_left(stored: Storage, upload_id: str) -> None:
    """The parts are removed after the step's commit, so a moment may pass."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    prefix = keys.upload_prefix(UploadId(upload_id))
    while left := [entry async for entry in stored.list("kadr-uploads", prefix)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        await asyncio.sleep(0.05)


async def test_completing_is_idempotent(stack: Stack, pool: Pool) -> None:
    upload = await create(stack, len(JUNK))
    assert await put(upload["parts"][0]["url"], JUNK) == 200
    answers = await asyncio.gather(*(complete(stack, upload) for _ in range(10)))
    assert [answer.status for answer in answers] == [202] * 10
    moment = await pool.fetchval("SELECT completed_at FROM uploads WHERE id = $1", upload["id"])
    again = await complete(stack, upload)
    assert (again.status, again.body) == (202, answers[0].body)
    await stack.wait(upload["asset_id"], "errored")
    assert (await complete(stack, upload)).status == 202
    assert await pool.fetchval("SELECT completed_at FROM uploads WHERE id = $1", upload["id"]) == moment
    kinds = await pool.fetch("SELECT kind FROM steps WHERE asset_id = $1 ORDER BY created_at", upload["asset_id"])
    assert [row["kind"] for row in kinds] == ["accept", "probe"]


async def test_storage_takes_only_what_was_signed(stack: Stack) -> None:
    upload = await create(stack, len(JUNK))
    url = upload["parts"][0]["url"]
    assert await put(url, JUNK[:-1]) == 403
    assert await put(url, JUNK + b"x") == 403
    assert await put(url, b"") == 403
    assert await put(url.replace("/00001?", "/00002?"), JUNK) == 403
    assert await put(url.replace(upload["id"], f"up_{'0' * 26}"), JUNK) == 403
    assert await put(url.partition("?")[0], JUNK) in (400, 403)  # no signature at all
    assert await put(url, b"", method="GET") == 403
    assert await put(url, b"", method="DELETE") == 403
    check_problem(await complete(stack, upload), 422, "size_mismatch")
    assert await put(url, JUNK) == 200
    assert (await complete(stack, upload)).status == 202


async def test_a_wrong_hash_ends_the_asset(stack: Stack, stored: Storage) -> None:
    upload = await create(stack, len(JUNK), sha256=hashlib.sha256(b"other").hexdigest())
    assert await put(upload["parts"][0]["url"], JUNK) == 200
    assert (await complete(stack, upload)).status == 202
    asset = await stack.wait(upload["asset_id"])
    assert (asset["status"], asset["error"]["code"]) == ("errored", "checksum_mismatch")
    assert asset["error"]["hint"]
    assert [(step["kind"], step["state"]) for step in asset["steps"]][:1] == [("accept", "failed")]
    assert (asset["playback_url"], asset["watch_url"]) == (None, None)
    await no_parts_left(stored, upload["id"])


async def test_the_upload_url_is_harmless_after_accept(stack: Stack, pool: Pool) -> None:
    upload = await create(stack, len(JUNK))
    assert await put(upload["parts"][0]["url"], JUNK) == 200
    assert (await complete(stack, upload)).status == 202
    before = await stack.wait(upload["asset_id"], "errored")
    sha256 = await pool.fetchval("SELECT source_sha256 FROM assets WHERE id = $1", before["id"])
    await put(upload["parts"][0]["url"], JUNK[::-1])
    assert (await complete(stack, upload)).status == 202
    after = (await call(stack, "GET", f"/v1/assets/{before['id']}")).body["data"]
    assert after == before
    assert await pool.fetchval("SELECT source_sha256 FROM assets WHERE id = $1", before["id"]) == sha256


# Lists


async def test_pages_are_newest_first_without_gaps_or_repeats(stack: Stack, pool: Pool) -> None:
    key = await new_owner(pool, "lister")
    empty = await call(stack, "GET", "/v1/assets", key=key)
    assert empty.body == {"data": [], "next_cursor": None}
    made = [(await create(stack, 3, key=key, title=str(n)))["asset_id"] for n in range(5)]
    seen: list[str] = []
    sizes, cursor = [], ""
    while True:
        page = (await call(stack, "GET", f"/v1/assets?limit=2{cursor}", key=key)).body
        seen += [asset["id"] for asset in page["data"]]
        sizes.append(len(page["data"]))
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        await create(stack, 3, key=key)  # newer than everything on the pages still to come
    assert sizes == [2, 2, 1]
    assert sorted(seen, reverse=True) == seen
    assert set(seen) == set(made)
    exact = (await call(stack, "GET", "/v1/assets?limit=7", key=key)).body
    assert (len(exact["data"]), exact["next_cursor"]) == (7, None)


# Health


async def test_health_needs_no_key_and_names_the_parts(stack: Stack) -> None:
    live = await call(stack, "GET", "/health/live", key="")
    assert (live.status, live.body) == (200, {"data": {"status": "ok"}})
    ready = await call(stack, "GET", "/health/ready", key="")
    parts = {"postgresql": True, "storage": True, "redis": True}
    assert (ready.status, ready.body) == (200, {"data": {"status": "ok", "parts": parts}})
    assert (await call(stack, "GET", "/health/ready", key="wrong.key")).status == 200
    assert live.headers["Cache-Control"] == ready.headers["Cache-Control"] == "no-store"


# The asset


async def test_a_ready_asset_has_the_documented_fields(stack: Stack, ready: Any) -> None:
    answer = await call(stack, "GET", f"/v1/assets/{ready['id']}")
    assert answer.headers["Cache-Control"] == "no-store"
    asset = answer.body["data"]
    documented = (
        "id status progress title ref policy duration_s aspect_ratio source renditions tracks playback_ids"
        " playback_url error timings created_at warnings options poster_url storyboard_url preview_url"
    )
    assert set(documented.split()) <= set(asset)
    assert asset["id"].startswith("as_")
    assert (asset["status"], asset["progress"], asset["error"]) == ("ready", 1.0, None)
    assert asset["title"] == "Ünïcode <b>"
    assert asset["ref"] == {"type": "lesson", "id": "7/a"}
    assert (asset["policy"], asset["language"]) == ("signed", "en-GB")
    assert asset["options"]["ladder"] == "apple"
    assert asset["duration_s"] == pytest.approx(210 * 1001 / 30000, abs=1e-6)
    assert asset["aspect_ratio"] == "16:9"
    assert asset["source"]["container"] == "mp4"
    assert (asset["source"]["video"]["width"], asset["source"]["video"]["height"]) == (640, 360)
    assert datetime.fromisoformat(asset["created_at"]).tzinfo is not None
    timings = asset["timings"]
    assert 0 < timings["accepted_s"] < timings["playable_s"] <= timings["ready_s"]
    # Pictures and subtitles of the upload are made beside these, and nothing waits for them.
    steps = [step for step in asset["steps"] if step["kind"] not in ("extract", "pictures")]
    kinds = [step["kind"] for step in steps]
    assert kinds[:3] == ["accept", "probe", "plan"]
    # The small rung and the sound of it are shown while the title is measured; then the rest of its one chunk.
    assert sorted(kinds[3:-1]) == ["analyse", "encode", "first_rung", "first_sound", "sound"]
    assert kinds[-1] == "publish"
    assert {step["state"] for step in steps} == {"done"}

    fields = "id kind codec width height frame_rate bandwidth_bps average_bandwidth_bps bytes passthrough why vmaf"
    assert {frozenset(rendition) for rendition in asset["renditions"]} == {frozenset(fields.split())}
    shown = [(r["kind"], r["width"], r["height"], r["frame_rate"]) for r in asset["renditions"]]
    assert shown == [("video", 640, 360, 29.97), ("video", 416, 234, 29.97), ("audio", None, None, None)]
    for rendition in asset["renditions"]:
        assert rendition["bandwidth_bps"] >= rendition["average_bandwidth_bps"] > 0
        bits = rendition["average_bandwidth_bps"] * asset["duration_s"]
        assert rendition["bytes"] * 8 == pytest.approx(bits, rel=0.1)

    assert [item["policy"] for item in asset["playback_ids"]] == ["signed"]
    origin, playback_id = stack.endpoints["origin"], asset["playback_ids"][0]["id"]
    assert asset["playback_url"].startswith(f"{origin}/play/{playback_id}/index.m3u8?token=")
    assert asset["watch_url"].startswith(f"{origin}/watch/{playback_id}?token=")
    assert asset["embed_url"].startswith(f"{origin}/embed/{playback_id}?token=")
    for url in (asset["playback_url"], asset["watch_url"]):
        async with aiohttp.ClientSession() as session, session.get(url) as played:
            assert played.status == 200


async def test_one_asset_can_have_more_playback_ids_and_tokens(stack: Stack, pool: Pool, clip: Path) -> None:
    upload = await create(stack, 3)
    path = f"/v1/assets/{upload['asset_id']}/playback_ids"
    made = await call(stack, "POST", path, json={"policy": "signed"})
    assert made.status == 201
    assert made.body["data"]["policy"] == "signed"
    playback_id = made.body["data"]["id"]
    asset = (await call(stack, "GET", f"/v1/assets/{upload['asset_id']}")).body["data"]
    assert [item["policy"] for item in asset["playback_ids"]] == ["public", "signed"]
    assert asset["playback_ids"][1] == made.body["data"]
    check_problem(await call(stack, "POST", path, json={"policy": "open"}), 422, "invalid", "/policy")

    began = int(time.time())
    for body, ttl_s in ((None, 3600), ({"ttl_s": 60}, 60)):
        answer = await call(stack, "POST", f"/v1/playback_ids/{playback_id}/token", json=body)
        assert answer.status == 201
        shown = answer.body["data"]
        origin, query = stack.endpoints["origin"], f"?token={shown['token']}"
        assert shown == {
            "token": shown["token"],
            "url": f"{origin}/play/{playback_id}/index.m3u8{query}",
            "dash_url": f"{origin}/play/{playback_id}/manifest.mpd{query}",
            "watch_url": f"{origin}/watch/{playback_id}{query}",
            "embed_url": f"{origin}/embed/{playback_id}{query}",
            "poster_url": None,
            "storyboard_url": None,
            "session": shown["session"],
            "expires_at": shown["expires_at"],
        }
        assert began + ttl_s <= unix_s(shown["expires_at"]) <= time.time() + ttl_s


async def test_a_token_of_an_encrypted_asset_has_no_url_for_dash(stack: Stack) -> None:
    upload = await create(stack, 3, encryption="aes-128")
    asset = (await call(stack, "GET", f"/v1/assets/{upload['asset_id']}")).body["data"]
    answer = await call(stack, "POST", f"/v1/playback_ids/{asset['playback_ids'][0]['id']}/token", json={})
    assert (answer.status, answer.body["data"]["dash_url"]) == (201, None)


async def test_no_secret_is_in_a_log(stack: Stack, ready: Any) -> None:
    token = parse_qs(urlsplit(ready["playback_url"]).query)["token"][0]
    made = json.loads((stack.home / "secrets.json").read_text())
    async with aiohttp.ClientSession() as session:
        for url in (ready["playback_url"], ready["watch_url"], f"{ready['playback_url']}0"):
            async with session.get(url) as answer:
                text = await answer.text()
                if answer.content_type == "application/vnd.apple.mpegurl":
                    delivery = text.split("/s/")[1].split("/")[0]
    secret = {
        "the API key": stack.endpoints["api_key"].partition(".")[2],
        "a playback token": token.rpartition(".")[2],
        "a delivery token": delivery.rpartition(".")[2],
        "a presigned URL": "X-Amz-Signature",
        **{f"secrets.json's {name}": made[name] for name in made if name not in ("api_key", "s3_access_key")},
    }
    assert all(len(value) >= 15 for value in secret.values())
    logs = {path.name: path.read_text("utf-8", "replace") for path in (stack.home / "logs").glob("*.log")}
    assert {"api.log", "origin.log", "worker-1.log", "s3.log", "postgres.log", "redis.log"} <= set(logs)
    assert ready["id"] in logs["worker-1.log"], "this looks at the logs of this stack"
    found = [f"{what} in {name}" for name, text in logs.items() for what, value in secret.items() if value in text]
    assert found == []
