"""`kadr ingest`: upload a file through the public API and follow the asset until it is ready or errored.

The parts are sent to presigned URLs. Progress goes to stderr, if that is a terminal; stdout is for the result.
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
from time import monotonic
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.step_kinds import ON_THE_WAY
from kadr.commands.api import Api, NotNow, Patience, Target
from kadr.error_text import CannotIngest
from transcode.plan.watermark import MAX_IMAGE_BYTES

SHOWN = {kind.value for kind in ON_THE_WAY}  # other steps may finish after the asset is ready
PARALLEL_PUTS = 4
STORAGE = Patience()
BLOCK_BYTES = 256 * 1024
POLL_S, SLOWEST_POLL_S, POLL_SHARE = 0.25, 5.0, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """What the owner states about a video, and its encode options."""

    title: str | None = None
    ref: str | None = None
    policy: str = "public"
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # fields of the API request


def image_in_base64(file: Path) -> str:
    """The base64 of a watermark image. Raises CannotIngest when the file is missing or too large."""
    if not file.is_file():
        raise CannotIngest(f"{file}: no such file")
    if file.stat().st_size > MAX_IMAGE_BYTES:
        raise CannotIngest(f"{file} is larger than {MAX_IMAGE_BYTES // 1024} KiB, the limit for a watermark")
    return base64.b64encode(file.read_bytes()).decode()


async def ingest(target: Target, file: Path, request: UploadRequest, *, as_json: bool) -> int:
    """Upload one file and wait for it; returns 0 when it is ready, 1 when it is errored. Raises CannotIngest."""
    if not await asyncio.to_thread(file.is_file):
        raise CannotIngest(f"{file}: no such file")
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with progress_bars() as bars:
            try:
                asset = await upload_and_follow(session, target, file, request, bars, _Announcer(bars.console))
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


@dataclass(slots=True)
class _Announcer:
    """Says on stderr, once, where the video can be watched, as soon as it can."""

    console: Console
    said: bool = False

    def __call__(self, asset: dict[str, Any]) -> None:
        if not self.said and asset["status"] == "playable" and asset["watch_url"]:
            self.said = True
            self.console.print(watch_now(asset), markup=False, highlight=False, soft_wrap=True)


async def upload_and_follow(
    session: aiohttp.ClientSession,
    target: Target,
    file: Path,
    request: UploadRequest,
    bars: Progress,
    on_poll: Callable[[dict[str, Any]], None] = lambda asset: None,
) -> dict[str, Any]:
    """Upload `file`, complete the upload and poll its asset until it is ready or errored; returns the final asset.

    `on_poll` is called with the asset after every poll. Raises CannotIngest.
    """
    api = Api(session, target)
    size = (await asyncio.to_thread(file.stat)).st_size
    optional = {"title": request.title, "ref": request.ref, "language": request.language}
    body = {
        # Bytes of the name that are not UTF-8 are sent as replacement characters.
        "filename": os.fsencode(file.name).decode("utf-8", "replace")[-255:],
        "size_bytes": size,
        "sha256": await asyncio.to_thread(_sha256, file),
        "policy": request.policy,
        **{key: value for key, value in optional.items() if value is not None},
        **request.options,
    }
    upload = await api.call("POST", "/v1/uploads", body)
    bar = bars.add_task("upload", total=size)
    slots = asyncio.Semaphore(PARALLEL_PUTS)

    async def put(part: dict[str, Any]) -> None:
        async with slots:
            await _put(session, file, part, upload["part_size_bytes"], bars, bar)

    failed: Exception | None = None
    page = upload
    while True:
        try:
            async with asyncio.TaskGroup() as group:
                for part in page["parts"]:
                    if part["url"] is not None:
                        group.create_task(put(part))
        except* CannotIngest as several:
            failed = several.exceptions[0]  # the first failure cancelled the others
        if failed is not None:
            raise failed
        if page["next_part"] is None:
            break
        page = await api.call("GET", f"/v1/uploads/{upload['id']}?from_part={page['next_part']}")
    await api.call("POST", f"/v1/uploads/{upload['id']}/complete", {})
    return await _follow(api, upload["asset_id"], bars, on_poll)


async def _put(
    session: aiohttp.ClientSession, file: Path, part: dict[str, Any], part_size: int, bars: Progress, bar: TaskID
) -> None:
    """PUT one part to its presigned URL; after a failure the whole part is sent again. Raises CannotIngest."""
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

    async def put() -> None:
        nonlocal sent
        bars.advance(bar, -sent)
        sent = 0
        headers = {"Content-Length": str(part["size_bytes"])}
        try:
            async with session.put(part["url"], data=body(), headers=headers) as answer:
                if answer.status >= 300:
                    raise NotNow.answered(answer.status, f"storage answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise NotNow(repr(exc), away=True) from exc

    try:
        await STORAGE.until_done(put)
    except NotNow as exc:
        raise CannotIngest(f"part {part['number']} could not be uploaded: {exc}") from exc


async def _follow(api: Api, asset_id: str, bars: Progress, on_poll: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Poll the asset until it is ready or errored, with a progress bar for each kind of step. Raises CannotIngest."""
    began_at = monotonic()
    tasks: dict[str, TaskID] = {}
    shown: dict[str, float] = {}
    while True:
        asset: dict[str, Any] = await api.call("GET", f"/v1/assets/{asset_id}")
        on_poll(asset)
        steps = [step for step in asset["steps"] if step["kind"] in SHOWN]
        for kind in dict.fromkeys(step["kind"] for step in steps):
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=1.0)
            done = [step["progress"] for step in steps if step["kind"] == kind]
            shown[kind] = max(
                shown.get(kind, 0.0), sum(done) / len(done)
            )  # a new step of the kind must not move the bar back
            bars.update(tasks[kind], completed=shown[kind])
        if asset["status"] in ("ready", "errored"):
            return asset
        await asyncio.sleep(pause_s(monotonic() - began_at))


def pause_s(elapsed_s: float) -> float:
    """Seconds until the next poll: a tenth of the time waited so far, so that a long title costs the API little."""
    return min(max(POLL_S, POLL_SHARE * elapsed_s), SLOWEST_POLL_S)


def watch_now(asset: Mapping[str, Any]) -> str:
    """The line that says where a playable asset can be watched."""
    return f"You can watch it now: {asset['watch_url']}"


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


class _SizeOrPercent(DownloadColumn):
    """Column that shows bytes for the upload and a percentage for steps."""

    def render(self, task: Any) -> Any:
        return super().render(task) if task.description == "upload" else f"{task.percentage:>3.0f} %"


def progress_bars() -> Progress:
    """Progress bars on stderr, disabled when that is not a terminal.

    Other lines are printed above them, except that a pipe on stdout gets its own.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<11}"), BarColumn(), _SizeOrPercent(), TimeElapsedColumn())
    terminal = console.is_terminal
    return Progress(*columns, console=console, disable=not terminal, redirect_stdout=sys.stdout.isatty())
