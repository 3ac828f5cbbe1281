"""`kadr up` from a person's side: says where to watch, and with a file uploads it and follows it until it is ready.

The last line on stdout is the watch page, or with a file its playback URL. What happens on the way goes to stderr.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from kadr.commands.ingest import Target, Wanted, progress_bars, put_through
from kadr.stack.endpoints import Endpoints

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Guest:
    """The person who runs `kadr up`, with the file of `--video` if there is one."""

    video: Path | None

    async def on_ready(self, endpoints: Endpoints) -> None:
        """Raises KadrError when the file cannot be put through; the stack stays up."""
        if self.video is None:
            print(f"{endpoints.origin}/watch", flush=True)
            return
        target = Target(api=endpoints.api, api_key=endpoints.api_key)
        async with aiohttp.ClientSession() as session:
            with progress_bars() as bars:

                def show(line: str) -> None:
                    bars.console.print(f"kadr up: {line}", markup=False, highlight=False, soft_wrap=True)

                milestones = Milestones(show=show)
                milestones.uploading(self.video)
                asset = await put_through(session, target, self.video, Wanted(), bars, milestones.follow)
        if asset["status"] == "errored":
            error = asset["error"]
            print(f"{self.video}: {error['code']}: {error['message']} {error['hint']}", file=sys.stderr, flush=True)
            return
        print(f"watch: {asset['watch_url']}\n{asset['playback_url']}", flush=True)


@dataclass(slots=True)
class Milestones:
    """One line for each milestone of a file on its way: uploaded, playable, ready. Times count from its creation."""

    show: Callable[[str], None]
    clock: Callable[[], float] = monotonic
    _began_at: float = 0.0
    _shown: set[str] = field(default_factory=set)

    def uploading(self, file: Path) -> None:
        """Say what is about to be uploaded."""
        self._began_at = self.clock()
        self.show(f"uploading {file.name}: {file.stat().st_size / MB:.1f} MB, usually 1 s for each 50 MB")

    def follow(self, asset: dict[str, Any]) -> None:
        """Take the asset as the API shows it, any number of times; each milestone is said once."""
        elapsed_s = self.clock() - self._began_at
        self._once(
            "uploaded",
            f"uploaded after {elapsed_s:.1f} s; processing it: playable usually within 5 s, "
            "all its renditions within 5 to 30 times its duration",
        )
        if asset["status"] == "errored":
            return
        if asset["playback_url"]:
            self._once("playable", f"playable after {elapsed_s:.1f} s: watch it now at {asset['watch_url']}")
        if asset["status"] == "ready":
            videos = sum(rendition["kind"] == "video" for rendition in asset["renditions"])
            self._once("ready", f"ready after {elapsed_s:.1f} s with {videos} video renditions")

    def _once(self, milestone: str, line: str) -> None:
        if milestone not in self._shown:
            self._shown.add(milestone)
            self.show(line)
