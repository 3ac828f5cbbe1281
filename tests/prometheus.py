"""A real Prometheus for tests: it scrapes a stack by the configuration of deploy/prometheus, and answers queries."""

import asyncio
import json
import math
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from core.tether import tethered
from tests.checks import ROOT
from tests.stack import Stack
from tests.waiting import until

SERVER = shutil.which("prometheus")
needed = pytest.mark.skipif(SERVER is None, reason="prometheus is not installed (Debian: prometheus)")
FOLDER = ROOT / "deploy" / "prometheus"
EVERY = "2s"  # in place of a quarter of a minute
# What Grafana and whoever looks fill in.
VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$instance": ".*",
    "$kind": ".*",
    "$pathway": ".*",
    "$cpu_hour_price": "0.04",
}


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str
    http: aiohttp.ClientSession

    async def series(self, query: str) -> list[tuple[dict[str, str], float]]:
        """The series that a query gives now, with numbers; the query as it stands in a dashboard."""
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        async with self.http.get(f"{self.url}/api/v1/query", params={"query": query}) as answer:
            body: Any = await answer.json()
        assert body["status"] == "success", (query, body)
        found = [(one["metric"], float(one["value"][1])) for one in body["data"]["result"]]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    async def is_ready(self) -> bool:
        try:
            async with self.http.get(f"{self.url}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


def configuration(stack: Stack) -> dict[str, Any]:
    """deploy/prometheus/prometheus.yml, with the ports of this stack in place of service discovery."""
    told: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    told["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    told["rule_files"] = [str(FOLDER / name) for name in told["rule_files"]]
    for job in told["scrape_configs"]:
        del job["dns_sd_configs"]
        url = stack.endpoints["metrics"][job["job_name"].removeprefix("kadr-")]
        job["static_configs"] = [{"targets": [url.removeprefix("http://").removesuffix("/metrics")]}]
    return told


@asynccontextmanager
async def scraping(stack: Stack, folder: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes this stack, with our rules; its data and log are in `folder`."""
    assert SERVER is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "prometheus.yml").write_text(json.dumps(configuration(stack)))
    argv = (
        *(SERVER, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address={address}", "--log.level=warn"),
    )
    with (folder / "prometheus.log").open("ab") as log:
        program = await asyncio.create_subprocess_exec(*tethered(argv, signal.SIGKILL), stdout=log, stderr=log)
    try:
        async with aiohttp.ClientSession() as http:
            running = Prometheus(url=f"http://{address}", http=http)
            await until(running.is_ready)
            yield running
    finally:
        program.kill()
        await program.wait()
