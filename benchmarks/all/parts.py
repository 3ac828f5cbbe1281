"""What `kadr bench all` runs: parts, each one command, and the folder that keeps the result of each.

A part that is kept is not run again, so a run that was interrupted goes on where it was; one that failed is. Every clip
of the transcode benchmark is a part of its own: with all peers and three rounds one takes from minutes to hours.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ConfigError

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One command: `kadr bench NAME ARGS...`."""

    id: str
    benchmark: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of it, and with what: `only` are names of benchmarks, `clips` files for the encodes."""

    quick: bool = False
    only: tuple[str, ...] = ()
    clips: tuple[Path, ...] = ()
    peers: str = "A"
    repeat: int | None = None  # rounds of each encode


_QUICK: dict[str, tuple[str, ...]] = {
    "api": ("--own", "--rate", "100", "--seconds", "10"),
    "origin": ("--seconds", "2", "--connections", "32"),
    "player": ("--repeat", "3"),
    "startup": ("--repeat", "2"),
    "overhead": ("--repeat", "1"),
    "workers": ("--repeat", "1"),
    "fairness": ("--pairs", "1", "--uploads", "10", "--packets", "300000", "--case", "uploads", "--case", "bombs"),
    "thumbnails": ("--videos", "5"),
    "subtitles": ("--seeds", "1"),
    "click_through": ("--runs", "20"),
    "sitemap": ("--titles", "20000"),
    "load": ("--rate", "50", "--minutes", "0.3"),
    "fuzz": ("--minutes", "1", "--seed", "1"),
}
_FULL: dict[str, tuple[str, ...]] = {
    "api": ("--own", "--rate", "100", "--seconds", "20", "--find-limit"),
    "origin": (),
    "player": (),
    "startup": (),
    "overhead": (),
    "workers": (),
    "fairness": (),
    "thumbnails": (),
    "subtitles": (),
    "click_through": ("--runs", "400"),
    "sitemap": ("--titles", "1000000"),
    "load": ("--rate", "500", "--minutes", "10"),
    "fuzz": ("--minutes", "30", "--seed", "1"),
}
NAMES = ("transcode", *_FULL, "cost")


def parts(wanted: Wanted) -> list[Part]:
    """All parts in the order in which they are run: what decides most about cost comes first. Raises ConfigError."""
    if unknown := set(wanted.only) - set(NAMES):
        raise ConfigError(f"--only {min(unknown)}: the benchmarks are {', '.join(NAMES)}")
    chosen = [name for name in NAMES if not wanted.only or name in wanted.only]
    found: list[Part] = []
    for name in chosen:
        if name == "transcode":
            found += _encodes(wanted)
        elif name == "cost":
            clips = tuple(str(clip.resolve()) for clip in wanted.clips)
            found.append(Part(id=name, benchmark=name, args=clips))
        else:
            args = (_QUICK if wanted.quick else _FULL)[name]
            found.append(Part(id=name, benchmark=name, args=args))
    if len({part.id for part in found}) < len(found):
        raise ConfigError("two clips have the same name: their results would be kept in one file")
    return found


def _encodes(wanted: Wanted) -> list[Part]:
    repeat = wanted.repeat or (1 if wanted.quick else 3)
    args = ["--peers", wanted.peers, "--repeat", str(repeat)]
    if wanted.quick:
        args += ["--subsample", "5"]
    return [
        Part(id=f"transcode-{_plain(clip.stem)}", benchmark="transcode", args=(str(clip.resolve()), *args))
        for clip in wanted.clips
    ]


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text)


class Kept:
    """The folder of results: `parts/ID.json` of each part, written at once or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / "parts"
        self._parts.mkdir(parents=True, exist_ok=True)

    def read(self, part: Part) -> dict[str, Any] | None:
        """What was kept of a part; None where there is nothing, or it was run with other arguments.

        Raises ConfigError for a file that is none of ours.
        """
        file = self._file(part)
        try:
            value: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise ConfigError(f"{file} is not a result of kadr bench all: {exc}") from exc
        if value.get("format") != FORMAT or value.get("args") != list(part.args):
            return None
        return value

    def keep(self, part: Part, **facts: Any) -> dict[str, Any]:
        """Keep a part's facts: `result` and `table`, or `error`."""
        named = {"format": FORMAT, "part": part.id, "benchmark": part.benchmark, "args": list(part.args)}
        value: dict[str, Any] = {**named, **facts}
        file = self._file(part)
        beside = file.with_suffix(".part")
        beside.write_text(json.dumps(value, indent=2) + "\n")
        beside.replace(file)
        return value

    def _file(self, part: Part) -> Path:
        return self._parts / f"{part.id}.json"


def done(kept: Kept, wanted: Sequence[Part]) -> list[dict[str, Any]]:
    """What is kept of these parts, failures included, in their order."""
    return [value for part in wanted if (value := kept.read(part)) is not None]
