"""A real Prometheus over the running stack under some load: no panel, rule or alert asks for what is not there.

Beside it: one trace id in the logs of all programs, from the request of that upload to its segments.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import yaml

from dashboards.all import DASHBOARDS
from tests import prometheus
from tests.playback import media_uris
from tests.prometheus import Prometheus
from tests.stack import PLAIN, Stack, as_owner
from tests.waiting import until
from tests.web import fetch
from tests.webhooks import Receiver

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
TINY_S = 2
PANELS = {
    f"{dashboard.title}: {panel.title} ({query.legend})": query.expr
    for dashboard in DASHBOARDS
    for row in dashboard.rows
    for panel in row.panels
    for query in panel.queries
}


def rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((prometheus.FOLDER / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


RECORDED = {rule["record"]: rule["record"] for rule in rules("recording.yml")}
# The metrics that alerts look at; of each there is a series, or the alert could never fire.
WATCHED = sorted(
    {name for rule in rules("alerts.yml") for name in re.findall(r"(?<![\w:])kadr_\w+(?!\w|:)", rule["expr"])}
)
NEEDED = {**PANELS, **RECORDED, **{f"alerts: {name}": name for name in WATCHED}}


async def begin(owner: Stack, file: Path) -> Any:
    """An upload that begins with a trace of its client's."""
    body = {"filename": file.name, "size_bytes": file.stat().st_size, "policy": "public", **PLAIN}
    status, created = await owner.api("POST", "/v1/uploads", json=body, headers=TRACEPARENT)
    assert status == 201, created
    return created["data"]


async def play(asset: Any) -> tuple[int, int]:
    """Play the title as HLS, every segment of every rendition, each twice; how many those are, and their bytes."""
    count, size_bytes = 0, 0
    told = (await fetch(asset["playback_url"])).body.decode()
    for uri in media_uris(told):
        playlist = urljoin(asset["playback_url"], uri)
        for segment in re.findall(r"^(?!#)\S+$", (await fetch(playlist)).body.decode(), re.MULTILINE):
            sent = [await fetch(urljoin(playlist, segment)) for _ in range(2)]
            assert [answer.status for answer in sent] == [200, 200]
            count, size_bytes = count + 1, size_bytes + len(sent[0].body)
    return count, size_bytes


async def sums(asked: Prometheus, counters: Iterable[str]) -> dict[str, float]:
    """The sum of each counter; 0 where nothing has been counted."""
    return {name: (await asked.series(f"sum({name}) or vector(0)"))[0][1] for name in counters}


def least(segments: int, size_bytes: int) -> dict[str, float]:
    """By how much counters grow at least; others use the stack as well."""
    return {
        "kadr_first_playable_seconds_count": 1,
        'kadr_encoded_seconds_total{kind="first_rung"}': TINY_S,
        'kadr_step_cpu_seconds_total{kind="first_rung"}': 0.01,
        "kadr_step_memory_bytes_count": 1,
        "kadr_sessions_total": 1,
        'kadr_cache_reads_total{result="hit"}': segments,  # each once more
        'kadr_cache_reads_total{result="miss"}': segments,
        "kadr_egress_bytes_total": 2 * size_bytes,
        'kadr_webhook_attempts_total{outcome="delivered"}': 1,
    }


async def missing(asked: Prometheus) -> list[str]:
    """What gives no series with a number."""
    return [name for name, query in NEEDED.items() if not await asked.series(query)]


def lines(stack: Stack, program: str) -> list[dict[str, Any]]:
    """The lines of a program's log that belong to the upload's trace."""
    text = (stack.home / "logs" / f"{program}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if f'"trace": "{TRACE}"' in line]


@prometheus.needed
async def test_every_panel_rule_and_alert_has_data_and_a_trace_leads_to_the_segments(
    stack: Stack, title: Callable[[str], Awaitable[Any]], tiny: Path, tmp_path: Path
) -> None:
    await play(await title("public"))  # to Prometheus a counter has not grown that is there for the first time
    owner = await as_owner(stack, "dashboards")
    async with prometheus.scraping(stack, tmp_path) as asked, Receiver().running() as receiver:
        assert (await owner.api("POST", "/v1/webhook_endpoints", json={"url": f"{receiver.url}/"}))[0] == 201
        await until(lambda: asked.series('sum(up{job=~"kadr-.*"}) == 4'))
        before = await sums(asked, least(0, 0))
        upload = await begin(owner, tiny)
        asset_id = await owner.deliver(upload, tiny)
        asset = await owner.wait(asset_id, "ready")
        segments, size_bytes = await play(asset)
        expected = least(segments, size_bytes)

        async def not_grown() -> dict[str, float]:
            now = await sums(asked, expected)
            grown = {name: now[name] - before[name] for name in expected}
            return {name: value for name, value in grown.items() if value < expected[name]}

        assert await until(not_grown, lambda counters: not counters, every_s=1) == {}
        assert await until(lambda: missing(asked), lambda names: not names, every_s=1) == []
    assert 0 < len(PANELS) < len(NEEDED)
    assert [line["event"] for line in lines(stack, "api") if line.get("upload") == upload["id"]] == [
        "upload.begun",
        "upload.completed",
    ]
    done = {line["kind"]: line["asset"] for line in lines(stack, "worker-1") if line["event"] == "step.done"}
    assert set(done.values()) == {asset_id}
    assert set(done) >= {"accept", "probe", "plan", "first_rung", "sound", "publish"}
    played = [line["asset"] for line in lines(stack, "origin") if line["event"] in ("title.played", "cache.filled")]
    assert set(played) == {asset_id}
    assert len(played) > segments > 1  # each segment once, however often it was sent
