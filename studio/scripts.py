"""What the build made of the scripts: which files an entry loads, and how large they are. Pure but for the manifest."""

import json
from dataclasses import dataclass
from functools import cache

from studio import BUILT


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One built file. `at_once`: files that it imports as it starts; `later`: files that it may load afterwards."""

    gzip_bytes: int
    at_once: tuple[str, ...]
    later: tuple[str, ...]


@cache
def manifest() -> dict[str, Script]:
    """Every built file by its name. Raises FileNotFoundError where `make setup` has not built any."""
    built = json.loads((BUILT / "manifest.json").read_text("utf-8"))
    return {
        name: Script(gzip_bytes=one["gzip_bytes"], at_once=tuple(one["at_once"]), later=tuple(one["later"]))
        for name, one in built.items()
    }


def at_once(entry: str) -> tuple[str, ...]:
    """The files that an entry imports as it starts, however deep, without itself."""
    files = manifest()
    found: dict[str, None] = {}
    waiting = list(files[entry].at_once)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting.extend(files[name].at_once)
    return tuple(found)
