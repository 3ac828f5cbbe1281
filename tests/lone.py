"""Processes of Kadr that a test starts alone on a stack's servers, with settings of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from core.tether import tethered
from tests import OWN_PRESETS, runs
from tests.stack import QUICK, Stack

STOP_S = 60.0


def servers_env(stack: Stack) -> dict[str, str]:
    """Where the servers of this stack are, and its keys."""
    kept = json.loads((stack.home / "secrets.json").read_text())
    return {
        "KADR_DATABASE_URL": stack.endpoints["database_url"],
        "KADR_REDIS_URL": stack.endpoints["redis_url"],
        "KADR_S3_URL": stack.endpoints["s3"],
        "KADR_S3_ACCESS_KEY": kept["s3_access_key"],
        "KADR_S3_SECRET_KEY": kept["s3_secret_key"],
        "KADR_PLAYBACK_KEYS": f"k1:{kept['playback_key']}",
        "KADR_DELIVERY_KEYS": f"k1:{kept['delivery_key']}",
        "KADR_CONTENT_KEYS": f"k1:{kept['content_key']}",
    }


async def start(*arguments: str, env: dict[str, str], log: IO[bytes] | None = None) -> asyncio.subprocess.Process:
    """`kadr ARGUMENTS` with these KADR_* only; it ends with the tests."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("KADR_")}
    return await asyncio.create_subprocess_exec(
        *tethered((sys.executable, "-m", "kadr", *arguments), signal.SIGTERM),
        env={**bare, **OWN_PRESETS, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def descendants(pid: int) -> Iterator[int]:
    """Pids of all living programs below this one."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = [int(child) for child in children.read_text().split()]
        except OSError:
            continue
        for child in found:
            yield child
            yield from descendants(child)


@dataclass
class Worker:
    """A `kadr worker` on the servers of a stack, with short leases."""

    stack: Stack
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        env = {
            **servers_env(self.stack),
            **QUICK,
            "KADR_WORK_DIR": str(self.folder),
            "KADR_METRICS_PORT": "0",
            **self.env,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.running = await start("worker", env=env, log=log)

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.pid

    def encoders(self) -> list[int]:
        """Pids of the ffmpeg programs that work for it and tell their progress."""
        found = []
        for pid in descendants(self.pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"ffmpeg" in command.partition(b"\0")[0] and b"-progress" in command:
                found.append(pid)
        return found

    async def kill(self) -> None:
        assert self.running is not None
        self.running.kill()
        await self.running.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.running is not None
        if self.running.returncode is None:
            self.running.terminate()
        return await asyncio.wait_for(self.running.wait(), STOP_S * runs.patience())
