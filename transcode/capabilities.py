"""What the ffmpeg binary can do, asked once at start: a missing encoder is named then, not in mid-upload."""

import re
from pathlib import Path

from core.child import ChildRunner, Limits
from core.errors import ConfigError
from core.settings import GIB, MIB

OLDEST = (8, 1, 3)  # older ones follow playlists inside uploads (CVE-2026-107697)
ENCODERS = ("libx264", "aac")
FILTERS = ("aresample", "bwdif", "fps", "scale", "split", "tonemap", "tpad", "trim", "zscale")


async def check(binary: str, runner: ChildRunner, work_dir: Path) -> str:
    """The version, for the log. Raises ConfigError naming what is too old or missing."""
    limits = Limits(wall_s=20, cpu_s=20, memory_bytes=4 * GIB, file_bytes=MIB)

    async def ask(*words: str) -> str:
        finished = await runner.run([binary, "-hide_banner", *words], work_dir=work_dir, limits=limits)
        return finished.stdout.decode(errors="replace")

    found = re.search(r"version n?(\d+)\.(\d+)(?:\.(\d+))?\S*", await ask("-version"))
    if found is None:
        raise ConfigError(f"{binary} does not say a release version; KADR_FFMPEG must name a released ffmpeg")
    if tuple(int(part or 0) for part in found.groups()) < OLDEST:
        raise ConfigError(f"{binary} is {found[0]}; uploads need {'.'.join(map(str, OLDEST))} or newer")
    encoders, filters = await ask("-encoders"), await ask("-filters")
    missing = [
        *(name for name in ENCODERS if not re.search(rf"^ \S+ {name} ", encoders, re.MULTILINE)),
        *(name for name in FILTERS if not re.search(rf"^ \S+ {name} ", filters, re.MULTILINE)),
    ]
    if missing:
        raise ConfigError(f"{binary} lacks {', '.join(missing)}; use the imageio-ffmpeg wheel or a fuller build")
    return found[0].removeprefix("version ")
