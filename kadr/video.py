"""What `kadr up` prints once everything runs, and the file of `--video`, which it puts through the pipeline.

The last line on stdout is the watch page, or with a file its playback URL.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from kadr.client import Target, Wanted, progress_bars, put_through
from kadr.stack.endpoints import Endpoints


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
                asset = await put_through(session, target, self.video, Wanted(), bars)
        if asset["status"] == "errored":
            error = asset["error"]
            print(f"{self.video}: {error['code']}: {error['message']} {error['hint']}", file=sys.stderr, flush=True)
            return
        print(f"watch: {asset['watch_url']}\n{asset['playback_url']}", flush=True)
