"""Test decode of a track: are all its samples pictures, or sound, as the track says?

In: the files of the init segment and the segments, in the order they are played. Out: `Decoded`. The decoder runs in a
program of its own with limits of memory and CPU, as the bytes are somebody else's.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hls_checker.facts import Decoded

MOST_S = 3600


async def decode(files: Sequence[Path], to: Path) -> Decoded:
    """Decode the files one after the other, as one file at the path `to`, which is removed again."""
    await asyncio.to_thread(_join, files, to)
    try:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "hls_checker.decode_child", str(to)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            answer, _ = await asyncio.wait_for(started.communicate(), MOST_S)
        except TimeoutError:
            started.kill()
            await started.wait()
            return Decoded(frames=0, sizes=(), broken=(f"decoding took more than {MOST_S} s",))
    finally:
        await asyncio.to_thread(to.unlink, missing_ok=True)
    if started.returncode:
        return Decoded(frames=0, sizes=(), broken=(f"the decoder ended with {started.returncode}",))
    found = json.loads(answer)
    return Decoded(frames=found["frames"], sizes=tuple(found["sizes"]), broken=tuple(found["broken"]))


def _join(files: Sequence[Path], to: Path) -> None:
    with to.open("wb") as out:
        for file in files:
            out.write(file.read_bytes())
