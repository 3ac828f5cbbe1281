"""Signing in to the studio and out of it, and what a browser that has signed in may do."""

import asyncio
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from benchmarks.harness.stack import two_free_ports
from core.db import postgres, sign_in_links
from core.db.postgres import Pool
from core.model import OwnerId
from core.tokens.opaque_token import digest_of
from ingest.context import KEY_KNOWN_S
from tests import lone, runs
from tests.stack import Stack, up_env
from tests.studio import OWN_PAGE, Answer, cookie_of, new_owner, send, settings_of, sign_in
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PUBLIC = "https://studio.example.org"
PROXIED = {"X-Forwarded-For": "192.0.2.1", "Host": "studio.example.org"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BehindTls:
    """An API on the stack's servers that is reached through a proxy with TLS."""

    base: str
    log: Path

    async def attempt(self, address: str | None = None, **form: str) -> Answer:
        """Try to sign in; by default from an address that nobody else has, so that its failures are its own."""
        sent = {**PROXIED, **OWN_PAGE, "X-Forwarded-For": address or f"10.{'.'.join(map(str, secrets.token_bytes(3)))}"}
        return await send(self.base, "POST", "/studio/sign-in", headers=sent, form=form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """An owner of one test alone, and the API key to it."""

    id: OwnerId
    name: str
    key: str

    @property
    def prefix(self) -> str:
        return self.key.partition(".")[0]


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
async def somebody(database: Pool) -> Somebody:
    name = f"studio{secrets.token_hex(4)}"
    key = f"kadr_{name}.{secrets.token_urlsafe(32)}"
    return Somebody(id=await new_owner(database, name, key), name=f"Owner {name}", key=key)


@pytest.fixture(scope="module")
async def behind_tls(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BehindTls]:
    folder, port = tmp_path_factory.mktemp("behind_tls"), two_free_ports()
    env = {
        **lone.servers_env(stack),
        "KADR_API_PORT": str(port),
        "KADR_API_PUBLIC_URL": PUBLIC,
        "KADR_TRUSTED_PROXIES": "127.0.0.0/8",
        "KADR_WORK_DIR": str(folder / "work"),
    }
    with (folder / "api.log").open("ab") as log:
        running = await lone.start("api", env=env, log=log)
    base = f"http://127.0.0.1:{port}"

    async def is_up() -> bool:
        assert running.returncode is None, (folder / "api.log").read_text()
        try:
            return (await send(base, "GET", "/health/live")).status == 200
        except aiohttp.ClientConnectionError:
            return False

    await until(is_up)
    yield BehindTls(base=base, log=folder / "api.log")
    running.terminate()
    assert await asyncio.wait_for(running.wait(), 60 * runs.patience()) == 0


async def is_signed_in(api: str, cookie: str) -> bool:
    """Whether pages and API take the cookie; they agree."""
    page, call = await send(api, "GET", "/studio/", cookie=cookie), await send(api, "GET", "/v1/assets", cookie=cookie)
    assert (page.status, call.status) in ((200, 200), (303, 401))
    return call.status == 200


# in


async def test_an_api_key_signs_in(api: str, somebody: Somebody) -> None:
    answer = await send(api, "POST", "/studio/sign-in", form={"key": f"  {somebody.key}\n"})
    assert (answer.status, answer.headers["Location"]) == (303, "/studio/")
    flags = answer.headers["Set-Cookie"]
    assert re.match(r"kadr_studio=ss_[\w-]{43};", flags)
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {flag.strip() for flag in flags.split(";")}
    cookie = cookie_of(answer)
    home = await send(api, "GET", "/studio/", cookie=cookie)
    assert home.status == 200
    assert somebody.name in home.body
    listed = await send(api, "GET", "/v1/assets", cookie=cookie)
    assert (listed.status, listed.body["data"]) == (200, [])


async def test_what_is_written_is_the_owners(api: str, somebody: Somebody) -> None:
    cookie = await sign_in(api, key=somebody.key)
    created = await send(api, "POST", "/v1/uploads", cookie=cookie, json={"filename": "a.mp4", "size_bytes": 3})
    assert created.status == 201
    shown = await send(api, "GET", f"/v1/assets/{created.body['data']['asset_id']}", key=somebody.key)
    assert shown.status == 200


async def test_without_a_session(api: str) -> None:
    page = await send(api, "GET", "/studio/")
    assert (page.status, page.headers["Location"]) == (303, "/studio/sign-in")
    assert (await send(api, "GET", "/studio")).headers["Location"] == "/studio/"
    assert (await send(api, "GET", "/v1/assets")).body["code"] == "unauthenticated"
    for cookie in (
        "kadr_studio=ss_nothing",
        f"kadr_studio=ss_{'a' * 43}",
        f"__Host-kadr=ss_{'a' * 43}",
        "kadr_studio=",
    ):
        assert not await is_signed_in(api, cookie)


async def test_a_wrong_key_or_none(behind_tls: BehindTls, somebody: Somebody) -> None:
    wrong: list[dict[str, str]] = [{"key": f"{somebody.key}x"}, {"key": "kadr_nobody.\0é"}, {}]
    answers = await asyncio.gather(*(behind_tls.attempt(**form) for form in wrong))
    assert [answer.status for answer in answers] == [401] * 3
    assert ['role="alert"' in answer.body for answer in answers] == [True] * 3
    assert ["Set-Cookie" in answer.headers for answer in answers] == [False] * 3
    assert [somebody.prefix in answer.body for answer in answers] == [False] * 3


async def test_a_session_is_no_key(api: str, somebody: Somebody) -> None:
    cookie = await sign_in(api, key=somebody.key)
    assert await is_signed_in(api, cookie)
    assert (await send(api, "GET", "/v1/assets", key=cookie.partition("=")[2])).status == 401
    assert (await send(api, "GET", "/v1/assets", cookie=f"kadr_studio={somebody.key}")).status == 401


async def test_each_sign_in_makes_a_new_session_and_ends_the_one_before(api: str, somebody: Somebody) -> None:
    first = await sign_in(api, key=somebody.key)
    planted = f"kadr_studio=ss_{secrets.token_urlsafe(32)}"
    answer = await send(api, "POST", "/studio/sign-in", cookie=planted, form={"key": somebody.key})
    assert cookie_of(answer) not in (planted, first)
    again = await send(api, "POST", "/studio/sign-in", cookie=first, form={"key": somebody.key})
    assert not await is_signed_in(api, first)
    assert await is_signed_in(api, cookie_of(again))


# links


async def test_a_link_is_used_by_its_button_once(
    api: str, behind_tls: BehindTls, database: Pool, somebody: Somebody
) -> None:
    link = await sign_in_links.make(database, somebody.id)
    for method in ("HEAD", "GET", "GET"):
        page = await send(api, method, f"/studio/sign-in?link={link}", headers={"Sec-Fetch-Site": "none"})
        assert page.status == 200
        assert page.headers["Referrer-Policy"] == "same-origin"
    assert somebody.name in page.body
    cookie = await sign_in(api, link=link)
    assert await is_signed_in(api, cookie)
    again = await behind_tls.attempt(link=link)
    assert (again.status, "Set-Cookie" in again.headers) == (401, False)
    assert (await send(api, "GET", f"/studio/sign-in?link={link}")).status == 404
    assert await is_signed_in(api, cookie)


async def test_of_two_who_use_a_link_at_once_one_signs_in(
    behind_tls: BehindTls, database: Pool, somebody: Somebody
) -> None:
    link = await sign_in_links.make(database, somebody.id)
    both = await asyncio.gather(*(behind_tls.attempt(link=link) for _ in range(2)))
    assert sorted(answer.status for answer in both) == [303, 401]


async def test_an_old_link(api: str, behind_tls: BehindTls, database: Pool, somebody: Somebody) -> None:
    link = await sign_in_links.make(database, somebody.id)
    left_s = await database.fetchval(
        "SELECT extract(epoch FROM expires_at - created_at)::int FROM sign_in_links WHERE sha256 = $1", digest_of(link)
    )
    assert left_s == 600
    await database.execute("UPDATE sign_in_links SET expires_at = now() WHERE sha256 = $1", digest_of(link))
    assert (await send(api, "GET", f"/studio/sign-in?link={link}")).status == 404
    assert (await behind_tls.attempt(link=link)).status == 401


def kadr_studio_link(stack: Stack, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kadr", "studio-link", *arguments],
        env=up_env(KADR_HOME=str(stack.home)),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=90,
    )


async def test_the_command_prints_a_link(stack: Stack, api: str, somebody: Somebody) -> None:
    made = await asyncio.to_thread(kadr_studio_link, stack, "--owner", somebody.id)
    assert made.returncode == 0, made.stderr
    url = made.stdout.strip()
    assert url.startswith(f"{api}/studio/sign-in?link=sl_")
    cookie = await sign_in(api, link=parse_qs(urlsplit(url).query)["link"][0])
    assert somebody.name in (await send(api, "GET", "/studio/", cookie=cookie)).body
    unknown = await asyncio.to_thread(kadr_studio_link, stack, "--owner", "ow_nobody")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "there is no owner 'ow_nobody'" in unknown.stderr


async def test_the_stack_names_the_studio_and_the_site(stack: Stack, api: str) -> None:
    assert re.fullmatch(rf"{re.escape(api)}/studio/sign-in\?link=sl_[\w-]{{43}}", stack.endpoints["studio"])
    assert stack.endpoints["site"] == stack.endpoints["origin"]


# out


async def test_signing_out_ends_this_session_alone(api: str, somebody: Somebody) -> None:
    here, there = await sign_in(api, key=somebody.key), await sign_in(api, key=somebody.key)
    assert await is_signed_in(api, here)
    answer = await send(api, "POST", "/studio/sign-out", cookie=here)
    assert (answer.status, answer.headers["Location"]) == (303, "/studio/signed-out")
    assert cookie_of(answer) == "kadr_studio="
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert not await is_signed_in(api, here)
    assert await is_signed_in(api, there)
    assert (await send(api, "GET", "/studio/signed-out")).status == 200


async def test_signing_out_everywhere(api: str, database: Pool, somebody: Somebody) -> None:
    here, there = await sign_in(api, key=somebody.key), await sign_in(api, key=somebody.key)
    link = await sign_in_links.make(database, somebody.id)
    assert await is_signed_in(api, there)
    assert (await send(api, "POST", "/studio/sign-out-everywhere", cookie=here)).status == 303
    assert not await is_signed_in(api, here)
    assert not await is_signed_in(api, there)
    assert (await send(api, "GET", f"/studio/sign-in?link={link}")).status == 404
    assert (await send(api, "GET", "/v1/assets", key=somebody.key)).status == 200


async def test_a_stream_ends_with_its_session(api: str, somebody: Somebody) -> None:
    cookie = await sign_in(api, key=somebody.key)
    created = await send(api, "POST", "/v1/uploads", cookie=cookie, json={"filename": "a.mp4", "size_bytes": 3})
    url = f"{api}/v1/assets/{created.body['data']['asset_id']}/events"
    timeout = aiohttp.ClientTimeout(total=60 * runs.patience())
    async with (
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(url, headers={**OWN_PAGE, "Cookie": cookie}) as stream,
    ):
        assert stream.status == 200
        while not (await stream.content.readuntil(b"\n\n")).startswith(b"id: "):
            pass  # its progress may come before its event
        assert (await send(api, "POST", "/studio/sign-out", cookie=cookie)).status == 303
        await stream.content.read()  # to its end


async def test_a_revoked_key_ends_what_was_made_from_it(
    api: str, behind_tls: BehindTls, database: Pool, somebody: Somebody
) -> None:
    cookie = await sign_in(api, key=somebody.key)
    by_link = await sign_in(api, link=await sign_in_links.make(database, somebody.id))
    assert await is_signed_in(api, cookie)
    await database.execute("UPDATE api_keys SET revoked_at = now() WHERE prefix = $1", somebody.prefix)

    async def is_out() -> bool:
        return (await send(api, "GET", "/v1/assets", cookie=cookie)).status == 401

    await until(is_out, within_s=KEY_KNOWN_S + 10)
    assert (await send(api, "GET", "/v1/assets", cookie=by_link)).status == 200
    assert (await behind_tls.attempt(key=somebody.key)).status == 401


async def test_a_session_has_an_end_and_its_row_goes(api: str, database: Pool, somebody: Somebody) -> None:
    cookie = await sign_in(api, key=somebody.key)
    digest = digest_of(cookie.partition("=")[2])
    life = "SELECT extract(epoch FROM expires_at - created_at)::int FROM studio_sessions WHERE sha256 = $1"
    assert await database.fetchval(life, digest) == 14 * 86_400
    await database.execute("UPDATE studio_sessions SET expires_at = now() WHERE sha256 = $1", digest)
    assert not await is_signed_in(api, cookie)

    async def is_gone() -> bool:
        return await database.fetchval(life, digest) is None

    await until(is_gone)


# other pages


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "{own}"}, 403),
        ({"Origin": "{own}"}, 201),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_who_may_write_with_the_cookie(
    api: str, somebody: Somebody, headers: dict[str, str], status: int
) -> None:
    cookie = await sign_in(api, key=somebody.key)
    sent = {name: value.format(own=api) for name, value in headers.items()}
    body = {"filename": "a.mp4", "size_bytes": 3}
    answer = await send(api, "POST", "/v1/uploads", cookie=cookie, headers=sent, json=body)
    assert answer.status == status, answer.body
    assert answer.body.get("code") == ("cross_site" if status == 403 else None)
    assert "Access-Control-Allow-Origin" not in answer.headers
    # Whoever may not write may not sign anybody in or out either, and reads as before.
    form = await send(api, "POST", "/studio/sign-out-everywhere", cookie=cookie, headers=sent)
    assert form.status == (403 if status == 403 else 303)
    assert await is_signed_in(api, cookie) is (status == 403)
    into = await send(api, "POST", "/studio/sign-in", headers=sent, form={"key": somebody.key})
    assert ("Set-Cookie" in into.headers) is (status == 201)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_every_write_is_looked_at(api: str, somebody: Somebody, method: str) -> None:
    cookie = await sign_in(api, key=somebody.key)
    other = {"Sec-Fetch-Site": "cross-site"}
    answer = await send(api, method, "/v1/assets/as_1", cookie=cookie, headers=other)
    assert (answer.status, answer.body["code"]) == (403, "cross_site")
    assert (await send(api, method, "/v1/assets/as_1", cookie=cookie)).status in (404, 405)


async def test_a_header_wins_over_the_cookie(api: str, stack: Stack, somebody: Somebody) -> None:
    cookie = await sign_in(api, key=somebody.key)
    created = await send(
        api,
        "POST",
        "/v1/uploads",
        cookie=cookie,
        key=stack.endpoints["api_key"],
        headers={"Sec-Fetch-Site": "cross-site"},
        json={"filename": "a.mp4", "size_bytes": 3},
    )
    assert created.status == 201, "a key is no cookie: no page can send it unasked"
    path = f"/v1/assets/{created.body['data']['asset_id']}"
    assert (await send(api, "GET", path, cookie=cookie)).status == 404
    assert (await send(api, "GET", path, cookie=cookie, key=stack.endpoints["api_key"])).status == 200
    assert (await send(api, "GET", "/v1/assets", cookie=cookie, key="kadr_nobody.x")).status == 401
    for header in ("Basic dTpw", "Bearer", ""):
        sent = {**OWN_PAGE, "Authorization": header}
        assert (await send(api, "GET", "/v1/assets", cookie=cookie, headers=sent)).status == 401
        assert (await send(api, "GET", "/studio/", cookie=cookie, headers=sent)).status == 303


async def test_pages_load_nothing_of_others_and_are_kept_by_nobody(api: str, somebody: Somebody) -> None:
    cookie = await sign_in(api, key=somebody.key)
    for path in ("/studio/", "/studio/sign-in", "/studio/signed-out"):
        answer = await send(api, "GET", path, cookie=cookie)
        assert answer.status == 200
        policy = dict(one.strip().partition(" ")[::2] for one in answer.headers["Content-Security-Policy"].split(";"))
        pages_of_their_own = {"script-src", "connect-src", "media-src", "img-src"} if path == "/studio/" else set()
        assert {name: value for name, value in policy.items() if name not in pages_of_their_own} == {
            "default-src": "'none'",
            "style-src": "'self'",
            **({} if pages_of_their_own else {"img-src": "'self'"}),
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert policy.get("script-src", "'self'") == "'self'", "none that is written into the page"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)">', answer.body)
        assert len(sheets) == 2
        assert [(await send(api, "GET", sheet)).status for sheet in sheets] == [200, 200]
        assert answer.headers["Permissions-Policy"] == "camera=(), microphone=(), display-capture=()"
    recording = await send(api, "GET", "/studio/upload", cookie=cookie)
    assert recording.headers["Permissions-Policy"] == "camera=(self), microphone=(self), display-capture=(self)"
    russian = await send(api, "GET", "/studio/sign-in", headers={"Accept-Language": "ru"})
    assert "Вход в студию" in russian.body


# TLS, proxies


async def test_under_tls_the_cookie_is_the_hosts_own(behind_tls: BehindTls, somebody: Somebody) -> None:
    headers = {**PROXIED, "Origin": PUBLIC}
    answer = await send(behind_tls.base, "POST", "/studio/sign-in", headers=headers, form={"key": somebody.key})
    assert answer.status == 303
    flags = {flag.strip() for flag in answer.headers["Set-Cookie"].split(";")}
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= flags
    assert "Domain" not in answer.headers["Set-Cookie"]
    cookie = cookie_of(answer)
    assert cookie.startswith("__Host-kadr=ss_")
    assert (await send(behind_tls.base, "GET", "/v1/assets", cookie=cookie, headers=PROXIED)).status == 200
    plain = cookie.replace("__Host-kadr", "kadr_studio")
    assert (await send(behind_tls.base, "GET", "/v1/assets", cookie=plain, headers=PROXIED)).status == 401
    wrong = {**PROXIED, "Origin": "http://studio.example.org"}
    assert (await send(behind_tls.base, "POST", "/studio/sign-out", cookie=cookie, headers=wrong)).status == 403


async def test_without_tls_nobody_signs_in_over_a_network(api: str, somebody: Somebody) -> None:
    lan = {**OWN_PAGE, "Host": "192.168.1.20:8080"}
    page = await send(api, "GET", "/studio/sign-in", headers=lan)
    assert page.status == 403
    assert "KADR_API_PUBLIC_URL" in page.body
    refused = await send(api, "POST", "/studio/sign-in", headers=lan, form={"key": somebody.key})
    assert (refused.status, "Set-Cookie" in refused.headers) == (403, False)
    cookie = await sign_in(api, key=somebody.key)
    assert (await send(api, "GET", "/v1/assets", cookie=cookie, headers=lan)).status == 401


async def test_an_address_that_fails_too_often_has_to_wait(behind_tls: BehindTls, somebody: Somebody) -> None:
    """Ten failures a minute: of thirty at least ten are too many, even where a minute ends among them."""
    address = f"198.51.100.{secrets.randbelow(250)}"
    answers = await asyncio.gather(*(behind_tls.attempt(address, key=f"kadr_nobody.{n}") for n in range(30)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses.count(429) >= 10
    assert {answer.headers.get("Retry-After") for answer in answers} == {None, "60"}
    # Who signs in has not failed, however often.
    assert [(await behind_tls.attempt("203.0.113.9", key=somebody.key)).status for _ in range(12)] == [303] * 12


async def test_no_key_link_or_cookie_is_in_a_log(
    api: str, behind_tls: BehindTls, stack: Stack, database: Pool, somebody: Somebody
) -> None:
    link = await sign_in_links.make(database, somebody.id)
    await send(api, "GET", f"/studio/sign-in?link={link}")
    by_link, by_key = await sign_in(api, link=link), await sign_in(api, key=somebody.key)
    for form in ({"key": f"{somebody.key}x"}, {"link": link}, {"key": somebody.key}):
        await behind_tls.attempt(**form)
    await send(api, "GET", f"/studio/no-such-page?link={link}", cookie=by_link)
    await send(api, "POST", "/studio/sign-out-everywhere", cookie=by_key)
    for base in (api, behind_tls.base):
        host, _, port = base.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = (f"GET /studio/?link={link} HTTP/1.1", f"Cookie: {by_key}", f"Bad Header: {somebody.key}", "", "")
        writer.write("\r\n".join(lines).encode())
        assert b" 400 " in await reader.readline()
        writer.close()
    secret = {
        "the API key": somebody.key.partition(".")[2],
        "a link": link,
        "a session from a link": by_link.partition("=")[2],
        "a session from a key": by_key.partition("=")[2],
    }
    files = [*(stack.home / "logs").glob("*.log"), behind_tls.log]
    logs = {str(path): path.read_text("utf-8", "replace") for path in files}
    assert somebody.id in logs[str(stack.home / "logs" / "api.log")], "this looks at the logs of this stack"
    assert somebody.id in logs[str(behind_tls.log)]
    assert [f"{what} in {name}" for name, text in logs.items() for what, value in secret.items() if value in text] == []
