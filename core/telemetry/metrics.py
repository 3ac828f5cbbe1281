"""Prometheus metrics of all programs, named by its conventions: base units, `_total` for counters.

They are served on a port of their own (KADR_METRICS_PORT), which no user of the public ports reaches: writing them down
takes a tenth of a second, and they tell how much this installation does.
"""

import asyncio
import math
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

from core.concurrency import cancel_and_wait
from core.db import postgres, sql
from core.db.postgres import Pool
from core.errors import ConfigError
from core.http.problems import Handler
from core.http.problems import route as route_of
from core.model import StepKind
from core.settings import Settings
from core.telemetry.logs import Log

_LOG = Log("metrics")
REQUESTS = Counter("kadr_http_requests_total", "HTTP responses", ["door", "method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "kadr_http_request_seconds",
    "Time to the end of a response",
    ["door", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
STEP_SECONDS = Histogram(
    "kadr_step_seconds",
    "Time a worker spent on one attempt at a step",
    ["kind", "outcome"],
    buckets=(0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200),
)
STEP_CPU = Counter("kadr_step_cpu_seconds_total", "CPU time of the media programs of steps", ["kind"])
STEP_MEMORY = Histogram(
    "kadr_step_memory_bytes",
    "Most memory that one media program of an attempt held at once; 0 where that was less than the worker's own",
    ["kind"],
    buckets=tuple(2**power * 2**20 for power in range(5, 15)),
)
ENCODED = Counter("kadr_encoded_seconds_total", "Duration of the renditions made, each by itself", ["kind"])
FIRST_PLAYABLE = Histogram(
    "kadr_first_playable_seconds",
    "From the end of an upload, or the request of a pull, until the title plays",
    buckets=(1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800, 3600),
)
RECLAIMS = Counter("kadr_lease_reclaims_total", "Steps claimed because another worker's lease had run out", ["kind"])
LEASES_LOST = Counter("kadr_leases_lost_total", "Steps whose lease this worker lost", ["kind"])
POSTPONED = Counter("kadr_step_postponements_total", "Attempts put off for want of disk, memory or a service", ["kind"])
BYTES = Counter("kadr_bytes_total", "Bytes of media moved", ["what"])
EGRESS = Counter("kadr_egress_bytes_total", "Bytes of media sent by the origin, by who asked for them", ["pathway"])
CACHE_READS = Counter("kadr_cache_reads_total", "Files read from the origin's disk cache, by result", ["result"])
SESSIONS = Counter("kadr_sessions_total", "Playback sessions begun, by the pathway they were sent to", ["pathway"])
STUCK = Gauge("kadr_stuck_assets", "Assets under way that no step will finish")
MANIFESTS_MISSING = Counter("kadr_manifests_missing_total", "Published titles whose manifest the store has lost")
DISK_USED = Gauge("kadr_disk_used_ratio", "How full the disk of a folder is, 0 to 1", ["folder"])
GARBAGE_OBJECTS = Counter("kadr_garbage_objects_total", "Objects deleted because nothing refers to them", ["what"])
GARBAGE_BYTES = Counter("kadr_garbage_bytes_total", "Bytes freed with those objects", ["what"])
SHED = Counter("kadr_http_shed_total", "Requests refused because too many were in flight")
BACKLOG = Gauge("kadr_steps", "Steps by state: queued, leased, dead", ["kind", "state"])
OLDEST = Gauge("kadr_oldest_due_step_seconds", "Age of the oldest step that is due and not claimed", ["kind"])
WEBHOOK_ATTEMPTS = Counter("kadr_webhook_attempts_total", "Webhooks sent, by how that ended", ["outcome"])
WEBHOOK_SECONDS = Histogram(
    "kadr_webhook_attempt_seconds",
    "Time until a receiver had answered, or was given up",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30),
)
WEBHOOKS_DISABLED = Counter("kadr_webhook_endpoints_disabled_total", "Webhook endpoints given up", ["reason"])
WEBHOOKS_DUE = Gauge("kadr_webhooks_due", "Webhook endpoints to which something is due and no dispatcher sends")
OLDEST_WEBHOOK = Gauge("kadr_oldest_due_webhook_seconds", "How long the first of them has waited")
EVENT_BUS_BEHIND = Gauge("kadr_event_bus_behind_seconds", "Age of the oldest event that the event bus has not stored")
REPLICA_STATE = Gauge("kadr_replica_state", "1 for the state that the read replica is in", ["state"])
REPLICA_LAG = Gauge("kadr_replica_lag_seconds", "How long ago the replica's contents were those of the primary")
REPLICA_READS = Counter(
    "kadr_replica_reads_total",
    "Reads by where they ended: replica, or the primary because it was not_used, behind, missing the row, or failed",
    ["outcome"],
)
_BACKLOG_SQL = sql.load("steps")["backlog"]
REFRESH_WITHIN_S = 3.0  # shorter than the patience of Prometheus (10 s) and of probes (5 s)
_WAITS = web.RequestKey("waits", bool)
_FAILURES = (500, 503)


def middleware(door: str) -> Middleware:
    """Middleware that counts and times responses by the pattern of their route. `door`: "api" or "origin"."""

    @web.middleware
    async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
        started, status = time.perf_counter(), 499  # the client has disconnected
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            pattern = route_of(request)
            # Unknown methods share one label, so that clients cannot create time series.
            method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
            count, seconds = _series(door, method, pattern, status)
            count.inc()
            if _WAITS not in request:
                seconds.observe(time.perf_counter() - started)

    return measure


def waits_on_purpose(request: web.Request) -> None:
    """This answer ends when something happens, as a stream of events does: it is counted, and its time is not."""
    request[_WAITS] = True


@lru_cache(maxsize=4096)
def _series(door: str, method: str, pattern: str, status: int) -> tuple[Counter, Histogram]:
    """The labelled metrics, cached: looking up labels takes longer than counting."""
    for failure in _FAILURES:  # see begin_at_zero
        REQUESTS.labels(door, method, pattern, failure)
    return REQUESTS.labels(door, method, pattern, status), REQUEST_SECONDS.labels(door, method, pattern)


async def read_backlog(pool: Pool) -> None:
    """Set the gauges of steps of every kind from PostgreSQL; while that is away there are none."""
    try:
        rows = {row["kind"]: row for row in await pool.fetch(_BACKLOG_SQL)}
    except postgres.UNAVAILABLE:
        forget_backlog()
        return
    for kind in StepKind:
        row = rows.get(kind.value)
        for state in ("queued", "leased", "dead"):
            BACKLOG.labels(kind.value, state).set(row[state] if row else 0)
        OLDEST.labels(kind.value).set(row["oldest_s"] if row else 0)


def forget_backlog() -> None:
    """Show no gauges of steps, as nobody knows how many there are."""
    BACKLOG.clear()
    OLDEST.clear()


def begin_at_zero(*counters: Counter, labels: Iterable[str]) -> None:
    """Show these counters before anything has happened: one that first appears at 1 has never grown, to `rate`."""
    for counter in counters:
        for label in labels:
            counter.labels(label)


def watch_disk(name: str, folder: Path) -> None:
    """Show how full the disk of this folder is, as often as somebody asks."""
    DISK_USED.labels(name).set_function(lambda: _used_ratio(folder))


def _used_ratio(folder: Path) -> float:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return math.nan
    return usage.used / (usage.used + usage.free)


class _Refreshing:
    """A refresh that all who ask at the same time share, and for which nobody waits longer than `within_s`."""

    def __init__(self, refresh: Callable[[], Awaitable[None]], late: Callable[[], None], within_s: float) -> None:
        self._refresh, self._late, self._within_s = refresh, late, within_s
        self._under_way: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return after a refresh, or after a call of `late`: that refresh goes on, and no other begins."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(self._refresh())
        refreshing = self._under_way
        await asyncio.wait((refreshing,), timeout=self._within_s)
        if refreshing.done():
            refreshing.result()
        else:
            self._late()

    async def close(self) -> None:
        if self._under_way is not None:
            await cancel_and_wait((self._under_way,))


async def _nothing() -> None:
    pass


@asynccontextmanager
async def served(
    settings: Settings,
    refresh: Callable[[], Awaitable[None]] = _nothing,
    late: Callable[[], None] = lambda: None,
    within_s: float = REFRESH_WITHIN_S,
) -> AsyncIterator[int | None]:
    """Serve `GET /metrics` on KADR_METRICS_PORT while the body runs; the port, or None where there is to be none.

    `refresh` is awaited before each answer, for `within_s` at most: where it takes longer, as while a database hangs,
    `late` is called and the answer is given without it. Raises ConfigError where the port is taken.
    """
    if settings.metrics_port is None:
        yield None
        return
    one_at_a_time = asyncio.Lock()
    refreshing = _Refreshing(refresh, late, within_s)

    async def scrape(_: web.Request) -> web.Response:
        await refreshing.wait()
        async with one_at_a_time:
            text = await asyncio.to_thread(generate_latest, REGISTRY)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", scrape)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.metrics_host, settings.metrics_port)
        try:
            await site.start()
        except OSError as exc:
            raise ConfigError(f"KADR_METRICS_PORT={settings.metrics_port}: {exc.strerror or exc}") from exc
        port: int = runner.addresses[0][1]
        _LOG.info("metrics.served", host=settings.metrics_host, port=port)
        yield port
    finally:
        await runner.cleanup()
        await refreshing.close()
