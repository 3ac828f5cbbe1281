"""What `kadr up` shows once the stack is ready: the studio, the watch page, and with --video how the file gets on.

The first line on stdout is a link that signs one browser in to the studio, the last one the watch page, or the playback
URL of the file. The line that says where to watch goes to stdout as soon as there is something to watch. Progress goes
to stderr.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from kadr.commands.api_client import Target, connect
from kadr.commands.ingest import UploadRequest, failure_of, progress_bars, upload_and_follow, watch_now
from kadr.stack.endpoints import Endpoints
from kadr.stack.supervisor import say
from kadr_client import Asset

MB = 1_000_000
UNFINISHED = ("queued", "in_progress")
CAPTIONS_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class UpVideo:
    """The file of `kadr up --video`, or None where the option is not given."""

    video: Path | None

    async def on_ready(self, endpoints: Endpoints) -> None:
        """Print where to go, or process the file. Raises KadrError when the upload fails; the stack stays up."""
        print(f"studio: {endpoints.studio}", flush=True)
        if self.video is None:
            print(f"{endpoints.origin}/watch", flush=True)
            return
        target = Target(api=endpoints.api, api_key=endpoints.api_key)
        async with connect(target) as kadr:
            with progress_bars() as bars:

                def show(line: str) -> None:
                    bars.console.print(f"kadr up: {line}", markup=False, highlight=False, soft_wrap=True)

                def announce(line: str) -> None:
                    print(line, flush=True)

                milestones = Milestones(show=show, announce=announce)
                milestones.uploading(self.video)
                asset = await upload_and_follow(kadr, self.video, UploadRequest(), bars, milestones.follow)
            if asset["status"] == "errored":
                print(f"{self.video}: {failure_of(asset)}", file=sys.stderr, flush=True)
                return
            print(f"watch: {asset['watch_url']}\n{asset['playback_url']}", flush=True)
            milestones.show = say
            while milestones.captions(asset):
                await asyncio.sleep(CAPTIONS_POLL_S)
                asset = await kadr.assets.get(asset["id"])


@dataclass(slots=True)
class Milestones:
    """Shows one line when the file is uploaded, playable, ready and has captions. Times count from `uploading`.

    `show` gets progress, `announce` where to watch.
    """

    show: Callable[[str], None]
    announce: Callable[[str], None]
    clock: Callable[[], float] = monotonic
    _began_at: float = 0.0
    _shown: set[str] = field(default_factory=set)

    def uploading(self, file: Path) -> None:
        """Start the clock and show the name and size of the file."""
        self._began_at = self.clock()
        self.show(f"uploading {file.name}: {file.stat().st_size / MB:.1f} MB, usually 1 s for each 50 MB")

    def follow(self, asset: Asset) -> None:
        """Show the milestones that the asset has reached. Call it after every poll; each is shown once."""
        elapsed_s = self.clock() - self._began_at
        self._once(
            "uploaded",
            f"uploaded after {elapsed_s:.1f} s; processing it: playable usually within 5 s, "
            "all its renditions within 5 to 30 times its duration",
        )
        if asset["status"] == "errored":
            return
        if asset["playback_url"] and self._once("playable", f"playable after {elapsed_s:.1f} s"):
            self.announce(watch_now(asset))
        if asset["status"] == "ready":
            videos = sum(rendition["kind"] == "video" for rendition in asset["renditions"])
            self._once("ready", f"ready after {elapsed_s:.1f} s with {videos} video renditions")

    def captions(self, asset: Asset) -> bool:
        """Show what has become of the captions of a ready asset; whether there is still something to wait for."""
        generated = [track for track in asset["tracks"] if track["source"] == "generated"]
        for track in generated:
            if track["status"] in UNFINISHED:
                self._once("captions", "transcribing the sound: usually 5 s, and 1 s for each 3 s of speech")
            elif track["status"] == "ready":
                elapsed_s = self.clock() - self._began_at
                self._once(
                    track["id"],
                    f"captions ({track['language']}) after {elapsed_s:.1f} s: load the page again to see them",
                )
            elif error := track["error"]:
                self._once(track["id"], f"no captions: {error['code']}: {error['message']} {error['hint']}")
        return any(track["status"] in UNFINISHED for track in generated)

    def _once(self, milestone: str, line: str) -> bool:
        """Show the line of a milestone; False where it has been shown before."""
        if milestone in self._shown:
            return False
        self._shown.add(milestone)
        self.show(line)
        return True
