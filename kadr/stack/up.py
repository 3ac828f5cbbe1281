"""`kadr up`: run everything on one machine, in the foreground, until SIGTERM or Ctrl-C.

In: a home, a port, a callback for when it is ready. Out: exit code 0 after a clean stop, 1 when a child does not start.
Raises ConfigError before anything is started, when the home is locked by another `kadr up` or a port is in use.
"""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import asyncpg

from core.db import sign_in_links
from core.db.owners import FIRST_OWNER
from core.errors import KadrError
from kadr.stack import leftovers
from kadr.stack.apps import BOOTSTRAP, KADR, AppChild, app_env, base_url, bind_host, kadr_apps, metrics_ports
from kadr.stack.credentials import Credentials, load_credentials
from kadr.stack.endpoints import Endpoints, link_url, remove_endpoints, write_endpoints
from kadr.stack.home import Home
from kadr.stack.ports import Ports, choose_ports
from kadr.stack.postgres import Postgres
from kadr.stack.reaper import Reaper
from kadr.stack.redis import Redis
from kadr.stack.s3 import S3
from kadr.stack.speech import Speech, fetch_missing, speech_of
from kadr.stack.supervisor import Child, Supervisor, say

MIGRATE = (*KADR, "migrate", "--skip-buckets")  # S3 here is a folder, and `S3.child` creates the buckets
MIGRATE_TIMEOUT_S = 300.0
LINK_TIMEOUT_S = 10.0
# Leftovers of a killed run are usually about to exit; after this time they are killed.
LEFTOVERS_GRACE_S = 1.0
OnReady = Callable[[Endpoints], Awaitable[None]]
Apps = Callable[[str, str], Sequence[AppChild]]


async def up(
    home: Path,
    port: int | None = None,
    on_ready: OnReady | None = None,
    *,
    apps: Apps = kadr_apps,
    migrate: tuple[str, ...] = MIGRATE,
) -> int:
    """Run the stack in `home` until a signal; returns the exit code.

    `apps` gets the base URLs of API and origin; an empty `migrate` skips the migration. `on_ready` runs beside the
    stack; it may not start programs (the reaper would take their exit status).
    """
    speech = speech_of(os.environ)
    with Home(home) as locked:
        remove_endpoints(locked)
        ended = await leftovers.end(partial(leftovers.marked, locked.path), grace_s=LEFTOVERS_GRACE_S)
        if ended:
            say(f"killed {ended} processes that an earlier run had left behind")
        # Servers overwrite the mark but not their working directory; their ports must be free before ports are checked.
        for name, program in (("postgres", "postgres"), ("redis", "redis-server"), ("s3", "rclone")):
            await leftovers.end(partial(leftovers.in_folder, locked.path / name, program))
        ports = choose_ports(locked, port, bind_host("api"), bind_host("origin"))
        return await _Stack(locked, ports, load_credentials(locked), apps, migrate, speech).run(on_ready)


class _Stack:
    """One run of the stack in a locked home whose ports are free."""

    def __init__(
        self,
        home: Home,
        ports: Ports,
        credentials: Credentials,
        apps: Apps,
        migrate: tuple[str, ...],
        speech: Speech,
    ) -> None:
        self.home = home
        self.postgres = Postgres(home=home, port=ports.postgres, password=credentials.postgres_password)
        self.redis = Redis(home=home, port=ports.redis, password=credentials.redis_password)
        buckets = [os.environ.get(f"KADR_{name}_BUCKET") or f"kadr-{name.lower()}" for name in ("UPLOADS", "MEDIA")]
        self.s3 = S3(
            home=home,
            port=ports.s3,
            access_key=credentials.s3_access_key,
            secret_key=credentials.s3_secret_key,
            buckets=buckets,
        )
        self.api = base_url(bind_host("api"), ports.api)
        self.origin = base_url(bind_host("origin"), ports.origin)
        self.api_key = credentials.api_key
        public = os.environ.get("KADR_ORIGIN_PUBLIC_URL") or self.origin
        self.site = (os.environ.get("KADR_SITE_URL") or public).rstrip("/")
        self.studio = ""  # until it is ready
        self.apps = apps(self.api, self.origin)
        self.metrics_ports = metrics_ports(ports)
        self.migrate = migrate
        self.ready = False  # while True, endpoints.json exists
        urls = {"database": self.postgres.url, "redis": self.redis.url, "s3": self.s3.url}
        self.speech = speech
        self.env = {**app_env(home, ports, credentials, urls), **speech.env}

    async def run(self, on_ready: OnReady | None) -> int:
        with Reaper() as reaper:
            supervisor = Supervisor(reaper, changed=self._write_endpoints_again)
            self.supervisor = supervisor
            with _stop_signals(supervisor) as stop:
                stopping = asyncio.create_task(stop.wait())
                # Before anything else, so that the first upload finds its model on its way and waits for it.
                fetching = asyncio.create_task(fetch_missing(self.speech, self.home, self.env, supervisor.run))
                fetching.add_done_callback(_print_unexpected_error)
                starting = asyncio.create_task(self._start())
                beside: asyncio.Task[None] | None = None
                try:
                    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
                    if starting.done():
                        starting.result()
                        beside = asyncio.create_task(self._beside(on_ready))
                        beside.add_done_callback(_print_unexpected_error)
                        await stopping
                except KadrError as exc:
                    say(f"{exc}")
                    return 1
                else:
                    return 0
                finally:
                    await _cancel(starting, fetching, beside, stopping)
                    await self._stop()

    async def _start(self) -> None:
        # The servers first, in parallel; then the schema; then the processes that need both.
        began_at = monotonic()
        say("starting PostgreSQL, Redis and S3: usually 1 s")
        await self._start_all([self.postgres.child(self.supervisor.run), self.redis.child(), self.s3.child()])
        if self.migrate:
            say("bringing the database schema up to date: usually 2 s")
            env = {**self.env, BOOTSTRAP: self.api_key}
            child = Child(name="migrate", argv=self.migrate, env=env, log=self.home.log("migrate"))
            await self.supervisor.run(child, MIGRATE_TIMEOUT_S)
        names = ", ".join(app.name for app in self.apps)
        say(f"starting {names}: about 100 MB of memory each, usually 4 s")
        await self._start_all([app.child(self._env_of(app), self.home.log(app.name)) for app in self.apps])
        self.supervisor.settle()
        self.studio = await self._sign_in_link()
        write_endpoints(self.home, self._endpoints())
        self.ready = True
        logs, endpoints = self.home.folder("logs"), self.home.path / "endpoints.json"
        rows = {"api": self.api, "origin": self.origin, "s3": self.s3.url, "logs": logs, "API key, URLs": endpoints}
        say(f"ready after {monotonic() - began_at:.1f} s")
        for name, value in rows.items():
            print(f"  {name:<14} {value}", file=sys.stderr, flush=True)

    async def _sign_in_link(self) -> str:
        """A link to the studio for whoever has started the stack; the plain address where none can be made."""
        api = self.env["KADR_API_PUBLIC_URL"].rstrip("/")
        try:
            connection = await asyncpg.connect(self.postgres.url, timeout=LINK_TIMEOUT_S)
            try:
                token = await sign_in_links.make(connection, FIRST_OWNER)
            finally:
                await connection.close(timeout=LINK_TIMEOUT_S)
        except (OSError, TimeoutError, KadrError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return f"{api}/studio/"
        return link_url(api, token)

    def _env_of(self, app: AppChild) -> dict[str, str]:
        return {**self.env, "KADR_METRICS_PORT": str(self.metrics_ports.get(app.name, 0))}

    async def _start_all(self, children: Sequence[Child]) -> None:
        failed: KadrError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for child in children:
                    group.create_task(self.supervisor.start(child))
        except* KadrError as several:
            # One cause is enough to report; the others are usually its consequence.
            first = several.exceptions[0]
            failed = first if isinstance(first, KadrError) else None
        if failed is not None:
            raise failed

    async def _stop(self) -> None:
        self.ready = False
        remove_endpoints(self.home)
        await self.supervisor.stop([app.name for app in self.apps])
        await self.supervisor.stop(["redis", "s3"])
        await self.supervisor.stop(["postgres"])
        # Orphans of the children are children of this process now, because it is the subreaper.
        await leftovers.end(leftovers.own_children)

    async def _beside(self, on_ready: OnReady | None) -> None:
        if on_ready is None:
            return
        try:
            await on_ready(self._endpoints())
        except (KadrError, OSError) as exc:
            say(f"{exc}")

    def _endpoints(self) -> Endpoints:
        pids = self.supervisor.pids()
        return Endpoints(
            api=self.api,
            origin=self.origin,
            site=self.site,
            studio=self.studio,
            s3=self.s3.url,
            database_url=self.postgres.url,
            redis_url=self.redis.url,
            api_key=self.api_key,
            pid=os.getpid(),
            worker_pids=tuple(pids[app.name] for app in self.apps if app.is_worker and app.name in pids),
            metrics={
                app.name.partition("-")[0]: f"{base_url(bind_host('metrics'), port)}/metrics"
                for app in self.apps
                if (port := self.metrics_ports.get(app.name))
            },
        )

    def _write_endpoints_again(self) -> None:
        if self.ready:
            write_endpoints(self.home, self._endpoints())


def _print_unexpected_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (exc := task.exception()) is not None:
        traceback.print_exception(exc)


async def _cancel(*tasks: asyncio.Task[None] | asyncio.Task[bool] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # mark it as retrieved: it has been reported already


@contextmanager
def _stop_signals(supervisor: Supervisor) -> Iterator[asyncio.Event]:
    """An event that SIGTERM, Ctrl-C or a closed terminal sets; a second signal kills all children."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            supervisor.hurry()
        else:
            say("stopping; interrupt again to kill everything")
            stop.set()

    # Under nohup SIGHUP is ignored, and stays ignored.
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    signals = [signal.SIGTERM, signal.SIGINT, *([] if ignored else [signal.SIGHUP])]
    for signum in signals:
        loop.add_signal_handler(signum, on_signal)
    try:
        yield stop
    finally:
        for signum in signals:
            loop.remove_signal_handler(signum)
