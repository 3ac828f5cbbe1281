"""Upload tokens: one upload by five calls, for pages of the token's origins, and nothing else."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.db import postgres
from core.db.postgres import Pool
from core.tokens.opaque_token import digest_of
from ingest.context import KEY_KNOWN_S
from ingest.upload_token_scope import CALLS
from tests.stack import Stack
from tests.studio import Answer, new_owner, send, settings_of, sign_in
from tests.waiting import unix_s, until

SHOP = "https://shop.example.org"
FROM_SHOP = {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}
FROM_APP: dict[str, str] = {}  # an app sends no Origin
FILE = {"filename": "a.mp4", "size_bytes": 3}


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Pool]:
    """The stack's own PostgreSQL."""
    opened = await postgres.connect(settings_of(stack))
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def api(stack: Stack) -> str:
    return str(stack.endpoints["api"])


@pytest.fixture
async def key(database: Pool) -> str:
    """The API key of an owner whom no other test knows."""
    name = f"tokens{secrets.token_hex(4)}"
    made = f"kadr_{name}.{secrets.token_urlsafe(32)}"
    await new_owner(database, name, made)
    return made


async def new_token(api: str, key: str, **terms: Any) -> str:
    """A token for pages of SHOP, with these terms."""
    answer = await send(api, "POST", "/v1/upload_tokens", key=key, json={"origins": [SHOP], **terms})
    assert answer.status == 201, answer.body
    return str(answer.body["data"]["token"])


async def create(api: str, token: str, headers: dict[str, str] = FROM_SHOP, **body: Any) -> Answer:
    """Create the token's upload from a page of SHOP, or from an app."""
    return await send(api, "POST", "/v1/uploads", key=token, headers=headers, json={**FILE, **body})


def refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.body["code"]) == (status, code), answer.body


def may_read(answer: Answer, origin: str | None) -> None:
    """Pages of which origin may read the answer; None: of no other one. Never with cookies."""
    assert answer.headers.get("Access-Control-Allow-Origin") == origin
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_what_an_owner_gets(api: str, key: str) -> None:
    began = int(time.time())
    answer = await send(api, "POST", "/v1/upload_tokens", key=key, json={"ref": "product:42"})
    assert answer.status == 201
    assert set(answer.body["data"]) == {"token", "expires_at"}
    assert re.fullmatch(r"ut_[\w-]{43}", answer.body["data"]["token"])
    assert began + 3600 <= unix_s(answer.body["data"]["expires_at"]) <= time.time() + 3600
    for body, pointer in (
        ({"expires_s": 7 * 86_400 + 1}, "/expires_s"),
        ({"expires_s": 0}, "/expires_s"),
        ({"origins": ["http://shop.example.org"]}, "/origins/0"),
        ({"max_size_bytes": 0}, "/max_size_bytes"),
    ):
        wrong = await send(api, "POST", "/v1/upload_tokens", key=key, json=body)
        assert (wrong.status, wrong.body["pointer"]) == (422, pointer)


async def test_the_five_calls(api: str, stack: Stack, key: str) -> None:
    """From a page: create, send the part, read, complete, and see how it gets on; and with another token abort."""
    token = await new_token(api, key, title="Clip", ref="product:42", policy="signed", language="en")
    created = await create(api, token)
    assert created.status == 201, created.body
    upload = created.body["data"]
    sent = await send(upload["parts"][0]["url"], "PUT", "", headers=FROM_SHOP, data=b"abc")
    assert sent.status == 200, sent.body
    path = f"/v1/uploads/{upload['id']}"
    shown = await send(api, "GET", path, key=token, headers=FROM_SHOP)
    assert [part["arrived"] for part in shown.body["data"]["parts"]] == [True]
    completed = await send(api, "POST", f"{path}/complete", key=token, headers=FROM_SHOP)
    assert (completed.status, completed.body["data"]["status"]) == (202, "completed")

    async def asset() -> Answer:
        return await send(api, "GET", f"/v1/assets/{upload['asset_id']}", key=token, headers=FROM_SHOP)

    ended = await until(asset, lambda answer: answer.body["data"]["status"] == "errored")
    assert ended.body["data"]["error"]["code"] == "not_media"
    fields = {"id", "status", "progress", "steps", "error", "advice", "playback_ids", "playback_url"}
    assert set(ended.body["data"]) == fields
    for answer in (created, shown, completed, ended):
        may_read(answer, SHOP)
        assert "Origin" in answer.headers["Vary"]
    whole = (await send(api, "GET", f"/v1/assets/{upload['asset_id']}", key=key)).body["data"]
    assert (whole["title"], whole["ref"], whole["policy"], whole["language"]) == (
        "Clip",
        {"type": "product", "id": "42"},
        "signed",
        "en",
    )

    other = await new_token(api, key)
    begun = (await create(api, other)).body["data"]
    aborted = await send(api, "DELETE", f"/v1/uploads/{begun['id']}", key=other, headers=FROM_SHOP)
    assert aborted.status == 204
    may_read(aborted, SHOP)
    refused(await create(api, other), 409, "upload_token_used")


async def test_no_other_call(api: str, key: str) -> None:
    """Of every route of the API; and of the five calls none for another upload or asset, of the same owner or not."""
    token = await new_token(api, key)
    own = (await create(api, token)).body["data"]
    others = [
        (await send(api, "POST", "/v1/uploads", key=key, json=FILE)).body["data"],
        (await create(api, await new_token(api, key))).body["data"],
    ]
    document = (await send(api, "GET", "/openapi.json")).body
    ids = {"upload_id": own["id"], "asset_id": own["asset_id"], "playback_id": "pb_1", "track_id": "tr_1"}
    ids |= {"endpoint_id": "we_1", "event_id": "ev_1"}
    tried = 0
    for pattern, methods in document["paths"].items():
        if not pattern.startswith("/v1/"):
            continue
        path = re.sub(r"{(\w+)}", lambda found: ids[found[1]], pattern)
        for method in methods:
            if (method.upper(), pattern) not in CALLS:
                answer = await send(api, method.upper(), path, key=token, headers=FROM_SHOP, json={})
                refused(answer, 403, "upload_token_scope")
                tried += 1
    assert tried > 20
    refused(await send(api, "GET", "/v1/nothing", key=token), 403, "upload_token_scope")
    assert (await send(api, "HEAD", f"/v1/assets/{own['asset_id']}", key=token)).status == 403
    for other in (others[0], others[1]):
        for method, path in (
            ("GET", f"/v1/uploads/{other['id']}"),
            ("POST", f"/v1/uploads/{other['id']}/complete"),
            ("DELETE", f"/v1/uploads/{other['id']}"),
            ("GET", f"/v1/assets/{other['asset_id']}"),
        ):
            refused(await send(api, method, path, key=token, headers=FROM_SHOP), 404, "not_found")
    unused = await new_token(api, key)
    refused(await send(api, "GET", f"/v1/uploads/{own['id']}", key=unused), 404, "not_found")
    assert (await send(api, "GET", "/studio/", key=token)).status == 303
    assert (await send(api, "GET", "/v1/assets", key=f"{token}x")).status == 401


async def test_pages_of_its_origins_alone(api: str, stack: Stack, key: str) -> None:
    token = await new_token(api, key, origins=[SHOP, "http://localhost:3000"])
    for origin in (
        "https://evil.example",
        "http://shop.example.org",
        f"{SHOP}:8443",
        "null",
        f"{SHOP}.evil.example",
        api,
    ):
        answer = await create(api, token, {"Origin": origin})
        refused(answer, 403, "origin_refused")
        may_read(answer, None)
    localhost = await create(api, token, {"Origin": "http://localhost:3000"})
    assert localhost.status == 201
    may_read(localhost, "http://localhost:3000")
    app = await create(api, token, FROM_APP)
    assert app.body["data"]["id"] == localhost.body["data"]["id"]
    may_read(app, None)
    # What is refused can be read there, too.
    wrong = await create(api, token, size_bytes=4)
    refused(wrong, 409, "upload_token_used")
    may_read(wrong, SHOP)
    nobody = await new_token(api, key, origins=[])
    refused(await create(api, nobody), 403, "origin_refused")
    assert (await create(api, nobody, FROM_APP)).status == 201


async def test_keys_and_cookies_answer_no_page_of_others(api: str, key: str) -> None:
    cookie = await sign_in(api, key=key)
    by_key = await send(api, "GET", "/v1/assets", key=key, headers=FROM_SHOP)
    by_cookie = await send(api, "GET", "/v1/assets", cookie=cookie, headers=FROM_SHOP)
    unknown = await create(api, f"ut_{'a' * 43}")
    assert (by_key.status, by_cookie.status, unknown.status) == (200, 200, 401)
    may_read(by_key, None)
    may_read(by_cookie, None)
    may_read(unknown, None)


async def preflight(api: str, method: str, path: str, **headers: str) -> Answer:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": method, **headers}
    return await send(api, "OPTIONS", path, headers=asked)


async def test_preflights(api: str) -> None:
    """Browsers ask without the token: any page may ask about the five calls, and about no others."""
    for method, pattern in sorted(CALLS):
        path = pattern.format(upload_id="up_1", asset_id="as_1")
        answer = await preflight(api, method, path)
        assert (answer.status, answer.body) == (204, "")
        may_read(answer, SHOP)
        assert method in answer.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    for method, path in (("PATCH", "/v1/assets/as_1"), ("GET", "/v1/assets"), ("POST", "/v1/upload_tokens")):
        may_read(await preflight(api, method, path), None)
    may_read(await send(api, "OPTIONS", "/v1/uploads", headers={}), None)


async def test_one_upload(api: str, key: str) -> None:
    """The same request again, with another Idempotency-Key or none, is the same upload; another request is refused."""
    token = await new_token(api, key)
    first = await create(api, token, {**FROM_SHOP, "Idempotency-Key": "k1"}, title="A")
    assert first.status == 201
    for headers in ({"Idempotency-Key": "k1"}, {}, {"Idempotency-Key": "k2"}):
        again = await create(api, token, {**FROM_SHOP, **headers}, title="A")
        assert (again.status, again.body["data"]["id"]) == (201, first.body["data"]["id"])
    refused(await create(api, token, {**FROM_SHOP, "Idempotency-Key": "k1"}, title="B"), 409, "upload_token_used")
    refused(await create(api, token, title="B"), 409, "upload_token_used")
    assert len((await send(api, "GET", "/v1/assets", key=key)).body["data"]) == 1


@pytest.mark.parametrize("same", [True, False])
async def test_several_at_once_make_one_upload(api: str, key: str, same: bool) -> None:
    token = await new_token(api, key, ref="product:7")
    answers = await asyncio.gather(*(create(api, token, title="A" if same else f"A{n}") for n in range(8)))
    made = [answer for answer in answers if answer.status == 201]
    assert len(made) == (8 if same else 1)
    assert len({answer.body["data"]["id"] for answer in made}) == 1
    assert {answer.status for answer in answers} == ({201} if same else {201, 409})
    assert len((await send(api, "GET", "/v1/assets?ref=product:7", key=key)).body["data"]) == 1


async def test_a_page_cannot_use_the_owners_idempotency_keys(api: str, key: str) -> None:
    repeated = {**FROM_APP, "Idempotency-Key": "order-1"}
    owners = await send(api, "POST", "/v1/uploads", key=key, headers=repeated, json=FILE)
    pages = await create(api, await new_token(api, key), repeated)
    assert (owners.status, pages.status) == (201, 201)
    assert owners.body["data"]["id"] != pages.body["data"]["id"]


async def test_what_the_token_settles(api: str, key: str) -> None:
    token = await new_token(api, key, ref="product:42", title="Clip", max_size_bytes=10)
    for body, code in (
        ({"ref": "product:43"}, "upload_token_field"),
        ({"policy": "signed"}, "upload_token_field"),
        ({"title": "Other"}, "upload_token_field"),
        ({"metadata": {"a": "b"}}, "upload_token_field"),
        ({"size_bytes": 11}, "too_large"),
        ({"size_bytes": 0}, "not_media"),
    ):
        refused(await create(api, token, **body), 422, code)
    assert (await create(api, token, ref="product:42", size_bytes=10)).status == 201, "nothing has used it up"


async def test_an_expired_token(api: str, database: Pool, key: str) -> None:
    token = await new_token(api, key)
    upload = (await create(api, token)).body["data"]
    await database.execute("UPDATE upload_tokens SET expires_at = now() WHERE sha256 = $1", digest_of(token))
    answer = await send(api, "GET", f"/v1/uploads/{upload['id']}", key=token, headers=FROM_SHOP)
    refused(answer, 401, "upload_token_expired")
    may_read(answer, SHOP)
    day_ago = "UPDATE upload_tokens SET expires_at = now() - interval '25 hours' WHERE sha256 = $1"
    await database.execute(day_ago, digest_of(token))

    async def is_unknown() -> bool:
        answer = await send(api, "GET", f"/v1/uploads/{upload['id']}", key=token, headers=FROM_SHOP)
        return bool(answer.body["code"] == "unauthenticated")

    await until(is_unknown)
    assert (await send(api, "GET", f"/v1/uploads/{upload['id']}", key=key)).status == 200


async def test_a_token_ends_with_the_key_that_made_it(api: str, database: Pool, key: str) -> None:
    by_key = await new_token(api, key)
    cookie = await sign_in(api, key=key)
    made = await send(api, "POST", "/v1/upload_tokens", cookie=cookie, json={"origins": [SHOP]})
    by_session = made.body["data"]["token"]
    assert (await create(api, by_key)).status == 201
    await database.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = $1", key.partition(".")[0])

    async def are_gone() -> bool:
        return [(await create(api, token)).status for token in (by_key, by_session)] == [401, 401]

    await until(are_gone, within_s=KEY_KNOWN_S + 10)


async def test_no_upload_token_is_in_a_log(api: str, stack: Stack, key: str) -> None:
    token = await new_token(api, key)
    upload = (await create(api, token)).body["data"]
    await send(api, "GET", f"/v1/assets?token={token}", key=token)
    host, _, port = api.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /v1/uploads HTTP/1.1\r\nAuthorization: Bearer {token}\r\nBad Header: {token}\r\n\r\n".encode())
    assert b" 400 " in await reader.readline()
    writer.close()

    async def logs() -> dict[str, str]:
        return {path.name: path.read_text("utf-8", "replace") for path in (stack.home / "logs").glob("*.log")}

    texts = await until(logs, lambda texts: upload["id"] in texts["worker-1.log"])
    assert {"api.log", "postgres.log", "redis.log"} <= set(texts)
    assert [name for name, text in texts.items() if token in text] == []
