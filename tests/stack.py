"""A running `kadr up` for tests: start, talk to, kill, stop; and what it left behind."""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from pydantic import SecretStr

from benchmarks.harness.stack import two_free_ports
from core.db import owners, postgres
from core.errors import KadrError
from core.model import OwnerId
from core.settings import Settings
from core.tether import tethered
from ingest.asyncapi import document
from tests import NO_SPEECH, OWN_PRESETS, runs
from tests.event_shapes import faults_of_events

START_S = 90
# Short leases, so that what a killed worker held comes back within a test.
QUICK = {
    **OWN_PRESETS,
    **NO_SPEECH,
    "KADR_LEASE_S": "3",
    "KADR_HEARTBEAT_S": "1",
    "KADR_POLL_S": "2",
    "KADR_RECONCILE_S": "2",
}

_KEEPERS: list["subprocess.Popen[bytes]"] = []
# What every test takes for granted of a title, made in the least time.
PLAIN = {"ladder": "apple", "effort": "economy"}


def up_argv(home: Path, port: int) -> tuple[str, ...]:
    return (sys.executable, "-m", "kadr", "up", "--home", str(home), "--port", str(port))


def up_env(**env: str) -> dict[str, str]:
    """The environment without the KADR_* of whoever runs the tests, with short leases and `env`."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("KADR_")}, **QUICK, **env}


async def until_ready(home: Path, pid: int, ended: Callable[[], object | None]) -> None:
    """Wait until the `kadr up` with this pid is ready; `ended` says its exit code once it has one."""
    ready, log = home / "endpoints.json", home.parent / f"{home.name}.log"
    deadline = time.monotonic() + START_S * runs.patience()
    while not (ready.exists() and json.loads(ready.read_text())["pid"] == pid):
        assert ended() is None, f"kadr up ended with {ended()}:\n{log.read_text()[-4000:]}"
        assert time.monotonic() < deadline, f"kadr up is not ready:\n{log.read_text()[-4000:]}"
        await asyncio.sleep(0.05)


def _start_keeper(folder: Path, port: int) -> None:
    with (folder / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper", str(folder), str(runs.controller_pid()), str(port)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _KEEPERS.append(keeper)  # it ends after whoever started it


async def shared_stack() -> "Stack":
    """The one stack of the whole run, started by whichever process asks first."""
    folder = runs.folder()
    stack = Stack(folder / "home")
    async with runs.locked_async("stack"):
        if not (folder / "up.pid").exists():
            _start_keeper(folder, stack.port)
            async with asyncio.timeout(START_S * runs.patience()):
                while not (folder / "up.pid").exists() or not (folder / "up.pid").read_text():
                    await asyncio.sleep(0.02)
            runs.note("stacks", home=str(stack.home), shared=True)
    code = folder / "exit_code"
    pid = int((folder / "up.pid").read_text())
    await until_ready(stack.home, pid, lambda: code.read_text() if code.exists() else None)
    stack.read_endpoints()
    return stack


async def published_titles(database_url: str) -> int:
    """How many publications this stack has made: whole pipelines, and what tests changed afterwards."""
    connection = await asyncpg.connect(database_url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM steps WHERE kind = 'publish' AND state = 'done'")
    finally:
        await connection.close()
    return count


async def nothing_left(stack: "Stack", within_s: float = 10.0) -> None:
    """Fails where programs of this home stay; those of a worker that has just ended may be on their way out."""
    deadline = time.monotonic() + within_s * runs.patience()
    while left := list(stack.programs()):
        assert time.monotonic() < deadline, f"left behind: {left}"
        await asyncio.sleep(0.05)


async def as_owner(stack: "Stack", name: str) -> "Stack":
    """The same stack for another owner, whose library and switches are nobody else's."""
    key = f"kadr_{name}.{'0123456789' * 4}012"
    pool = await postgres.connect(Settings(database_url=SecretStr(stack.endpoints["database_url"]), database_pool=1))
    try:
        await owners.ensure(pool, OwnerId(f"ow_{name}"), name, key)
    finally:
        await pool.close()
    return replace(stack, endpoints={**stack.endpoints, "api_key": key})


@dataclass
class Stack:
    """`kadr up` on a home of its own. `env` goes to every program in it."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=two_free_ports)
    up: asyncio.subprocess.Process | None = None
    endpoints: dict[str, Any] = field(default_factory=dict)

    async def start(self) -> None:
        """Start and wait until it is ready."""
        log = self.home.parent / f"{self.home.name}.log"
        with log.open("ab") as out:
            self.up = await asyncio.create_subprocess_exec(
                *tethered(up_argv(self.home, self.port), signal.SIGTERM),
                env=up_env(**self.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        up = self.up
        await until_ready(self.home, up.pid, lambda: up.returncode)
        self.read_endpoints()
        runs.note("stacks", home=str(self.home), shared=False)

    def read_endpoints(self) -> None:
        self.endpoints = json.loads((self.home / "endpoints.json").read_text())

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.up is not None
        try:
            runs.note("pipelines", count=await published_titles(self.endpoints["database_url"]))
            for fault in await faults_of_events(self.endpoints["database_url"], document("", "kadr")):
                runs.note("events", fault=fault)
        except (OSError, asyncpg.PostgresError, KadrError):
            runs.note("pipelines", count=0)  # a test has taken the server away
        if self.up.returncode is None:
            self.up.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.up.wait(), 60 * runs.patience())

    async def kill_everything(self) -> None:
        """SIGKILL to every program of this home at once, `kadr up` first."""
        assert self.up is not None
        for pid in [self.up.pid, *self.programs()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        await self.up.wait()

    def programs(self) -> Iterator[int]:
        """Pids of living programs that belong to this home: by environment, working folder or command line."""
        home = str(self.home).encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    continue
                marks = [(entry / "cmdline").read_bytes(), bytes((entry / "cwd").readlink())]
                marks.append((entry / "environ").read_bytes())
            except OSError:
                continue
            if any(home in mark for mark in marks):
                yield int(entry.name)

    def running(self, name: str) -> list[int]:
        """Pids of this home's programs whose command line has `name` in it."""
        found = []
        for pid in self.programs():
            try:
                if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
            except OSError:
                continue
        return found

    async def api(self, method: str, path: str, *, key: str | None = None, **kwargs: Any) -> tuple[int, Any]:
        """(status, JSON) of one call with the home's own API key, or another one."""
        headers = {"Authorization": f"Bearer {key or self.endpoints['api_key']}", **kwargs.pop("headers", {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.endpoints["api"] + path, headers=headers, **kwargs) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def upload(self, file: Path, **wanted: Any) -> str:
        """Create, PUT every part, complete; the asset's id."""
        return await self.deliver(await self.begin(file, **wanted), file)

    async def begin(self, file: Path, **wanted: Any) -> Any:
        """An upload of which nothing has arrived."""
        body = {"filename": file.name, "size_bytes": file.stat().st_size, **wanted}
        status, created = await self.api("POST", "/v1/uploads", json=body)
        assert status == 201, created
        return created["data"]

    async def deliver(self, upload: Any, file: Path) -> str:
        """PUT every part, complete; the asset's id."""
        async with aiohttp.ClientSession() as session:
            for part in upload["parts"]:
                with file.open("rb") as opened:
                    opened.seek((part["number"] - 1) * upload["part_size_bytes"])
                    content = io.BytesIO(opened.read(part["size_bytes"]))
                async with session.put(part["url"], data=content) as answer:
                    assert answer.status == 200, await answer.text()
        status, completed = await self.api("POST", f"/v1/uploads/{upload['id']}/complete")
        assert status == 202, completed
        return str(upload["asset_id"])

    async def wait(self, asset_id: str, *statuses: str, within_s: float = 120) -> Any:
        """The asset once it has one of these statuses (default: an end)."""
        wanted = statuses or ("ready", "errored")
        deadline = time.monotonic() + within_s * runs.patience()
        while True:
            try:
                status, body = await self.api("GET", f"/v1/assets/{asset_id}")
            except aiohttp.ClientError:
                status, body = 503, None
            if status == 200 and body["data"]["status"] in wanted:
                return body["data"]
            assert time.monotonic() < deadline, f"{asset_id} is not {wanted} after {within_s} s: {body}"
            await asyncio.sleep(0.2)

    async def wait_step(self, asset_id: str, kind: str, *, within_s: float = 60) -> Any:
        """The asset once this step is being worked on and has made some progress."""
        deadline = time.monotonic() + within_s * runs.patience()
        while True:
            _, body = await self.api("GET", f"/v1/assets/{asset_id}")
            for step in body["data"]["steps"]:
                if step["kind"] == kind and step["state"] == "leased" and step["progress"] > 0:
                    return body["data"]
            assert time.monotonic() < deadline, f"{kind} of {asset_id} has not begun: {body}"
            await asyncio.sleep(0.05)
