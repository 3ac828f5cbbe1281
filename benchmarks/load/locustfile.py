"""The same load by Locust, for people who want its pages and charts; `kadr bench load` is for figures.

    KADR_API_URL=https://api.example.org KADR_API_KEY=... locust -f benchmarks/load/locustfile.py

Every user sends at a constant rate: 1 request a second, so users are requests a second. A user waits for its answer,
so where answers take longer than a second fewer are sent, and the latency of those that were not is missing.
"""

import json
import random
import subprocess
import sys

from locust import FastHttpUser, constant_throughput, events, task
from locust.env import Environment

from benchmarks.harness.client import Api
from benchmarks.load.scenario import Scenario, ScenarioCalls

# Locust runs on gevent, which does not go with asyncio: another process.
PREPARE = (sys.executable, "-m", "benchmarks.load.prepare")


class _Prepared:
    """The scenario, from the start of Locust to its end."""

    scenario: Scenario | None = None


@events.init.add_listener
def begin(environment: Environment, **_: object) -> None:
    """Publish titles and make tokens; the first test begins afterwards."""
    printed = subprocess.run(PREPARE, check=True, capture_output=True).stdout
    _Prepared.scenario = Scenario(api=Api.from_environment(), urls=json.loads(printed))


@events.quitting.add_listener
def end(environment: Environment, **_: object) -> None:
    """Remove what the tests have made."""
    subprocess.run((*PREPARE, "--clean-up"), check=True)


class Person(FastHttpUser):
    """A simulated client that sends requests in the proportions of the scenario."""

    host = Api.from_environment().url
    wait_time = constant_throughput(1)
    calls: ScenarioCalls

    def on_start(self) -> None:
        assert _Prepared.scenario is not None  # noqa: S101 - Locust starts no user before the listeners have ended
        self.calls = _Prepared.scenario.calls(0, random.Random())

    @task
    def anything(self) -> None:
        call = self.calls.next()
        with self.client.request(
            call.method, call.url, name=call.kind, headers=dict(call.headers), json=call.body, catch_response=True
        ) as answer:
            if answer.status_code == call.status:
                answer.success()
                self.calls.answered(call, answer.content or b"")
            else:
                answer.failure(f"{answer.status_code}")
