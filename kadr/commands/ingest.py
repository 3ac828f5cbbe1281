"""`kadr ingest`: upload a file through the public API and follow the asset until it is ready or errored.

Progress goes to stderr, if that is a terminal; stdout is for the result.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.step_kinds import ON_THE_WAY
from kadr.commands.api_client import Target, connect
from kadr.error_text import CannotIngest
from kadr_client import Asset, AssetErrored, Kadr
from transcode.plan.watermark import MAX_IMAGE_BYTES

SHOWN = {kind.value for kind in ON_THE_WAY}  # other steps may finish after the asset is ready
PART_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """What the owner states about a video, and its encode options."""

    title: str | None = None
    ref: str | None = None
    policy: str = "public"
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # fields of the API request

    def fields(self) -> dict[str, Any]:
        """All that is stated, as fields of the API request."""
        own = {"title": self.title, "ref": self.ref, "policy": self.policy, "language": self.language}
        return {**{name: value for name, value in own.items() if value is not None}, **self.options}


def image_in_base64(file: Path) -> str:
    """The base64 of a watermark image. Raises CannotIngest when the file is missing or too large."""
    if not file.is_file():
        raise CannotIngest(f"{file}: no such file")
    if file.stat().st_size > MAX_IMAGE_BYTES:
        raise CannotIngest(f"{file} is larger than {MAX_IMAGE_BYTES // 1024} KiB, the limit for a watermark")
    return base64.b64encode(file.read_bytes()).decode()


async def ingest(target: Target, file: Path, request: UploadRequest, *, state_file: Path | None, as_json: bool) -> int:
    """Upload one file and wait for it; returns 0 when it is ready, 1 when it is errored. Raises CannotIngest.

    `state_file`: where to note how far the upload is; the same command goes on from there.
    """
    if not await asyncio.to_thread(file.is_file):
        raise CannotIngest(f"{file}: no such file")
    try:
        async with connect(target) as kadr:
            with progress_bars() as bars:
                announcer = _Announcer(bars.console)
                asset = await upload_and_follow(kadr, file, request, bars, announcer, state_file=state_file)
    except CannotIngest as exc:
        if as_json and exc.refused:
            print(json.dumps({"status": "errored", "error": exc.refused}, indent=2))
        raise
    if as_json:
        print(json.dumps(asset, indent=2))
    elif asset["status"] == "ready":
        print(f"{asset['id']} ready in {asset['timings']['ready_s']} s\nwatch: {asset['watch_url']}")
        print(asset["playback_url"])
    if asset["status"] == "errored":
        print(failure_of(asset), file=sys.stderr)
        return 1
    return 0


def failure_of(asset: Asset) -> str:
    """Why an asset is errored: its code, in a sentence, and what to do."""
    error = asset["error"]
    return f"{error['code']}: {error['message']} {error['hint']}" if error else "processing failed"


@dataclass(slots=True)
class _Announcer:
    """Says on stderr, once, where the video can be watched, as soon as it can."""

    console: Console
    said: bool = False

    def __call__(self, asset: Asset) -> None:
        if not self.said and asset["status"] == "playable" and asset["watch_url"]:
            self.said = True
            self.console.print(watch_now(asset), markup=False, highlight=False, soft_wrap=True)


async def upload_and_follow(
    kadr: Kadr,
    file: Path,
    request: UploadRequest,
    bars: Progress,
    on_poll: Callable[[Asset], None] = lambda asset: None,
    *,
    state_file: Path | None = None,
) -> Asset:
    """Upload `file` and poll its asset until it is ready or errored; returns the final asset.

    `on_poll` is called with the asset after every poll. Raises the errors of the client.
    """
    bar = bars.add_task("upload", total=None)

    def show(sent_bytes: int, size_bytes: int) -> None:
        bars.update(bar, completed=sent_bytes, total=size_bytes)

    asset = await kadr.upload(file, state_file=state_file, on_progress=show, tries=PART_TRIES, **request.fields())
    steps = _StepBars(bars)

    def follow(asset: Asset) -> None:
        on_poll(asset)
        steps.show(asset)

    try:
        return await kadr.wait(asset["id"], on_poll=follow)
    except AssetErrored as exc:
        return exc.asset


class _StepBars:
    """A progress bar for each kind of step."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._shown: dict[str, float] = {}

    def show(self, asset: Asset) -> None:
        """Show how far the steps of the asset are. A new step of a kind does not move its bar back."""
        steps = [step for step in asset["steps"] if step["kind"] in SHOWN]
        for kind in dict.fromkeys(step["kind"] for step in steps):
            if kind not in self._tasks:
                self._tasks[kind] = self._bars.add_task(kind, total=1.0)
            done = [step["progress"] for step in steps if step["kind"] == kind]
            self._shown[kind] = max(self._shown.get(kind, 0.0), sum(done) / len(done))
            self._bars.update(self._tasks[kind], completed=self._shown[kind])


def watch_now(asset: Asset) -> str:
    """The line that says where a playable asset can be watched."""
    return f"You can watch it now: {asset['watch_url']}"


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
