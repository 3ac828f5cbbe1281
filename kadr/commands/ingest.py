"""`kadr ingest`: a client of the public API, with no knowledge of what is behind it.

Uploads the parts over their presigned URLs, completes, and follows the asset to its end. Progress goes to stderr, only
where that is a terminal; stdout is for the result.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.errors import ConfigError
from core.step_kinds import ON_THE_WAY
from kadr.error_text import CannotIngest
from transcode.plan.watermark import MAX_IMAGE_BYTES

SHOWN = {kind.value for kind in ON_THE_WAY}  # other steps may end after the asset is ready
PARALLEL_PUTS = 4
BLOCK_BYTES = 256 * 1024
TRIES = 5
POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the API is and the key to it."""

    api: str
    api_key: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Target":
        """KADR_API_URL + KADR_API_KEY, or the endpoints.json of KADR_HOME (default: .kadr). Raises ConfigError."""
        if url := environ.get("KADR_API_URL"):
            key = environ.get("KADR_API_KEY")
            if not key:
                raise ConfigError("KADR_API_KEY is not set; it goes with KADR_API_URL")
            return cls(api=url.rstrip("/"), api_key=key)
        home = Path(environ.get("KADR_HOME", ".kadr"))
        try:
            endpoints = json.loads((home / "endpoints.json").read_text("utf-8"))
        except FileNotFoundError as exc:
            raise ConfigError(
                f"no endpoints.json in {home}: start `kadr up` there,"
                " or set KADR_HOME, or KADR_API_URL and KADR_API_KEY"
            ) from exc
        return cls(api=endpoints["api"], api_key=environ.get("KADR_API_KEY") or endpoints["api_key"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the owner says of the video."""

    title: str | None = None
    ref: str | None = None
    policy: str = "public"
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # as the API takes them


def image_in_base64(file: Path) -> str:
    """A watermark for the options. Raises CannotIngest."""
    if not file.is_file():
        raise CannotIngest(f"{file}: no such file")
    if file.stat().st_size > MAX_IMAGE_BYTES:
        raise CannotIngest(f"{file} is larger than the {MAX_IMAGE_BYTES // 1024} KiB a watermark may have")
    return base64.b64encode(file.read_bytes()).decode()


class _Api:
    """JSON calls with the key; connection trouble and 5xx are tried again."""

    def __init__(self, session: aiohttp.ClientSession, target: Target) -> None:
        self._session = session
        self._target = target

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The `data` of the answer. Raises CannotIngest with the API's own words."""
        headers = {"Authorization": f"Bearer {self._target.api_key}"}
        last = ""
        for attempt in range(TRIES):
            try:
                async with self._session.request(
                    method, f"{self._target.api}{path}", json=body, headers=headers
                ) as answer:
                    if answer.status < 400:
                        content: dict[str, Any] = await answer.json()
                        data: dict[str, Any] = content["data"]
                        return data
                    problem = await _problem(answer)
                    last = f"{problem.get('code')}: {problem.get('detail')} {problem.get('hint', '')}".strip()
                    if answer.status < 500:
                        raise CannotIngest(last, problem)
            except (aiohttp.ClientError, TimeoutError) as exc:
                last = f"{self._target.api} does not answer ({exc})"
            # Creating is not repeated: without an idempotency key a second try could make a second asset.
            if method == "POST" and not path.endswith("/complete"):
                break
            await asyncio.sleep(0.5 * 2**attempt)
        raise CannotIngest(last)


async def _problem(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        problem: dict[str, Any] = json.loads(await answer.text())
    except ValueError:
        problem = {"code": f"http_{answer.status}", "detail": answer.reason}
    return problem


async def ingest(target: Target, file: Path, wanted: Wanted, *, as_json: bool) -> int:
    """Put one file through; 0 when it is ready, 1 when it is errored or refused."""
    if not await asyncio.to_thread(file.is_file):
        raise CannotIngest(f"{file}: no such file")
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with progress_bars() as bars:
            try:
                asset = await put_through(session, target, file, wanted, bars)
            except CannotIngest as exc:
                if as_json and exc.problem:
                    error = {key: exc.problem.get(key) for key in ("code", "hint")}
                    refused = {"status": "errored", "error": {**error, "message": exc.problem.get("detail")}}
                    print(json.dumps(refused, indent=2))
                raise
    if as_json:
        print(json.dumps(asset, indent=2))
    elif asset["status"] == "ready":
        print(f"{asset['id']} ready in {asset['timings']['ready_s']} s\nwatch: {asset['watch_url']}")
        print(asset["playback_url"])
    if asset["status"] == "errored":
        error = asset["error"]
        print(f"{error['code']}: {error['message']} {error['hint']}", file=sys.stderr)
        return 1
    return 0


async def put_through(
    session: aiohttp.ClientSession,
    target: Target,
    file: Path,
    wanted: Wanted,
    bars: Progress,
    on_poll: Callable[[dict[str, Any]], None] = lambda asset: None,
) -> dict[str, Any]:
    """Upload `file`, complete, follow; the final asset. `on_poll` gets every state in between. Raises CannotIngest."""
    api = _Api(session, target)
    size = (await asyncio.to_thread(file.stat)).st_size
    named = {"title": wanted.title, "ref": wanted.ref, "language": wanted.language}
    request = {
        # A name that is no text on this disk is sent with marks in place of its odd bytes.
        "filename": os.fsencode(file.name).decode("utf-8", "replace")[-255:],
        "size_bytes": size,
        "sha256": await asyncio.to_thread(_sha256, file),
        "policy": wanted.policy,
        **{key: value for key, value in named.items() if value is not None},
        **wanted.options,
    }
    upload = await api.call("POST", "/v1/uploads", request)
    bar = bars.add_task("upload", total=size)
    slots = asyncio.Semaphore(PARALLEL_PUTS)

    async def put(part: dict[str, Any]) -> None:
        async with slots:
            await _put(session, file, part, upload["part_size_bytes"], bars, bar)

    failed: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for part in upload["parts"]:
                group.create_task(put(part))
    except* CannotIngest as several:
        failed = several.exceptions[0]  # one is enough to read; it cancelled the others
    if failed is not None:
        raise failed
    await api.call("POST", f"/v1/uploads/{upload['id']}/complete", {})
    return await _follow(api, upload["asset_id"], bars, on_poll)


async def _put(
    session: aiohttp.ClientSession, file: Path, part: dict[str, Any], part_size: int, bars: Progress, bar: TaskID
) -> None:
    """One part over its presigned URL; a failed try starts the part again."""
    last = ""
    for attempt in range(TRIES):
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            with file.open("rb") as opened:
                opened.seek((part["number"] - 1) * part_size)
                while sent < part["size_bytes"]:
                    block = await asyncio.to_thread(opened.read, min(BLOCK_BYTES, part["size_bytes"] - sent))
                    if not block:
                        return
                    sent += len(block)
                    bars.advance(bar, len(block))
                    yield block

        try:
            headers = {"Content-Length": str(part["size_bytes"])}
            async with session.put(part["url"], data=body(), headers=headers) as answer:
                if answer.status < 300:
                    return
                last = f"storage answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as exc:
            last = repr(exc)
        bars.advance(bar, -sent)
        await asyncio.sleep(0.5 * 2**attempt)
    raise CannotIngest(f"part {part['number']} could not be uploaded: {last}")


async def _follow(
    api: _Api, asset_id: str, bars: Progress, on_poll: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Poll the asset to its end, one bar per kind of step."""
    tasks: dict[str, TaskID] = {}
    shown: dict[str, float] = {}
    while True:
        asset = await api.call("GET", f"/v1/assets/{asset_id}")
        on_poll(asset)
        steps = [step for step in asset["steps"] if step["kind"] in SHOWN]
        for kind in dict.fromkeys(step["kind"] for step in steps):
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=1.0)
            done = [step["progress"] for step in steps if step["kind"] == kind]
            shown[kind] = max(shown.get(kind, 0.0), sum(done) / len(done))  # a step more is no step back
            bars.update(tasks[kind], completed=shown[kind])
        if asset["status"] in ("ready", "errored"):
            return asset
        await asyncio.sleep(POLL_S)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class _SizeOrPercent(DownloadColumn):
    """Bytes for the upload, a percentage for the steps."""

    def render(self, task: Any) -> Any:
        return super().render(task) if task.description == "upload" else f"{task.percentage:>3.0f} %"


def progress_bars() -> Progress:
    """Bars on stderr, and only on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<11}"), BarColumn(), _SizeOrPercent(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
