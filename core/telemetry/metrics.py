"""Prometheus metrics of all programs, named by its conventions: base units, `_total` for counters."""

import time
from functools import lru_cache

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

from core.db import sql
from core.db.postgres import Pool
from core.http.problems import Handler
from core.http.problems import route as route_of

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
RECLAIMS = Counter("kadr_lease_reclaims_total", "Steps claimed because another worker's lease had run out", ["kind"])
LEASES_LOST = Counter("kadr_leases_lost_total", "Steps whose lease this worker lost", ["kind"])
BYTES = Counter("kadr_bytes_total", "Bytes of media moved", ["what"])
GARBAGE_OBJECTS = Counter("kadr_garbage_objects_total", "Objects deleted because nothing refers to them", ["what"])
GARBAGE_BYTES = Counter("kadr_garbage_bytes_total", "Bytes freed with those objects", ["what"])
SHED = Counter("kadr_http_shed_total", "Requests refused because too many were in flight")
BACKLOG = Gauge("kadr_steps", "Steps by state: queued, leased, dead", ["kind", "state"])
OLDEST = Gauge("kadr_oldest_due_step_seconds", "Age of the oldest step that is due and not claimed", ["kind"])
_BACKLOG_SQL = sql.load("steps")["backlog"]


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
            seconds.observe(time.perf_counter() - started)

    return measure


@lru_cache(maxsize=4096)
def _series(door: str, method: str, pattern: str, status: int) -> tuple[Counter, Histogram]:
    """The labelled metrics, cached: looking up labels takes longer than counting."""
    return REQUESTS.labels(door, method, pattern, status), REQUEST_SECONDS.labels(door, method, pattern)


async def read_backlog(pool: Pool) -> None:
    """Set the gauges of queued, leased and dead steps from PostgreSQL."""
    rows = await pool.fetch(_BACKLOG_SQL)
    BACKLOG.clear()
    OLDEST.clear()
    for row in rows:
        for state in ("queued", "leased", "dead"):
            BACKLOG.labels(row["kind"], state).set(row[state])
        OLDEST.labels(row["kind"]).set(row["oldest_s"])


def exposition() -> web.Response:
    """Response with all metrics in the Prometheus text format."""
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
