"""Kadr's own processes as children of the stack: their commands, environment and readiness checks.

In: ports, URLs, secrets, the environment of the user. Out: `AppChild` values and the environment they share.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from core.errors import ConfigError
from kadr.stack.credentials import Credentials
from kadr.stack.home import Home
from kadr.stack.leftovers import MARK
from kadr.stack.ports import LOOPBACK, Ports
from kadr.stack.supervisor import Child

KADR = (sys.executable, "-m", "kadr")
BOOTSTRAP = "KADR_BOOTSTRAP_API_KEY"
OWN_MACHINE = "127.0.0.0/8,::1/128"  # where the applications of whoever tries Kadr listen
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0  # HTTP servers wait for open requests first: KADR_DRAIN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class AppChild:
    """One of Kadr's processes. It is ready when `ready_url` answers 200; without a URL, after running for 2 s."""

    name: str
    argv: tuple[str, ...]
    ready_url: str | None = None
    stop_timeout_s: float = STOP_WITHIN_S

    @property
    def is_worker(self) -> bool:
        return self.name.startswith("worker-")

    def child(self, env: Mapping[str, str], log: Path) -> Child:
        """The child for the supervisor, with this environment and log file."""
        return Child(
            name=self.name,
            argv=self.argv,
            env=env,
            log=log,
            ready=partial(_answers_200, self.ready_url) if self.ready_url is not None else None,
            ready_timeout_s=READY_WITHIN_S,
            steady_s=2.0,
            stop_signal=signal.SIGTERM,
            stop_timeout_s=self.stop_timeout_s,
        )


def kadr_apps(api: str, origin: str) -> Sequence[AppChild]:
    """The API and the origin at these base URLs, and KADR_UP_WORKERS workers. Raises ConfigError."""
    workers = (
        # A worker needs time to release its leases; the steps it was working on are claimed again.
        AppChild(name=f"worker-{n}", argv=(*KADR, "worker"), stop_timeout_s=20.0)
        for n in range(1, worker_count() + 1)
    )
    return (
        AppChild(name="api", argv=(*KADR, "api"), ready_url=f"{api}/health/ready"),
        AppChild(name="origin", argv=(*KADR, "origin"), ready_url=f"{origin}/health/ready"),
        AppChild(name="dispatcher", argv=(*KADR, "dispatcher")),
        *workers,
    )


def worker_count() -> int:
    """The number of workers in KADR_UP_WORKERS (default 1). Raises ConfigError."""
    raw = os.environ.get("KADR_UP_WORKERS", "1")
    if not raw.isdecimal() or int(raw) > 64:
        raise ConfigError(f"KADR_UP_WORKERS={raw!r}: give a number of workers from 0 to 64")
    return int(raw)


def app_env(home: Home, ports: Ports, credentials: Credentials, urls: Mapping[str, str]) -> dict[str, str]:
    """The environment of the user, overridden by the settings of this stack. Keys of `urls`: database, redis, s3."""
    return {
        **{name: value for name, value in os.environ.items() if name != BOOTSTRAP},
        "KADR_DATABASE_URL": urls["database"],
        "KADR_REDIS_URL": urls["redis"],
        "KADR_S3_URL": urls["s3"],
        "KADR_S3_ACCESS_KEY": credentials.s3_access_key,
        "KADR_S3_SECRET_KEY": credentials.s3_secret_key,
        "KADR_API_PORT": str(ports.api),
        "KADR_ORIGIN_PORT": str(ports.origin),
        "KADR_API_PUBLIC_URL": os.environ.get("KADR_API_PUBLIC_URL") or base_url(bind_host("api"), ports.api),
        "KADR_PLAYBACK_KEYS": f"k1:{credentials.playback_key}",
        "KADR_DELIVERY_KEYS": f"k1:{credentials.delivery_key}",
        "KADR_CONTENT_KEYS": f"k1:{credentials.content_key}",
        "KADR_WEBHOOK_KEYS": f"k1:{credentials.webhook_key}",
        "KADR_WEBHOOK_NETWORKS": os.environ.get("KADR_WEBHOOK_NETWORKS", OWN_MACHINE),
        "KADR_WORK_DIR": str(home.folder("work")),
        "PYTHONUNBUFFERED": "1",
        MARK: str(home.path),
    }


def metrics_ports(ports: Ports) -> dict[str, int]:
    """Where the metrics of each program are, and of the first worker. Other workers pick a free port and log it."""
    return {
        "api": ports.api_metrics,
        "origin": ports.origin_metrics,
        "worker-1": ports.worker_metrics,
        "dispatcher": ports.dispatcher_metrics,
    }


def bind_host(name: str) -> str:
    """The address that `name` (api, origin, metrics) binds to: KADR_{NAME}_HOST, by default loopback."""
    return os.environ.get(f"KADR_{name.upper()}_HOST") or LOOPBACK


def base_url(host: str, port: int) -> str:
    """The URL at which a client on this machine reaches a server bound to `host`."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not bound to
        host = LOOPBACK
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _answers_200(url: str) -> bool:
    try:
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
