"""`kadr check URL`: what is wrong with a published title, a line per fault.

In: a URL, or the path of a playlist in a folder. Out: lines on stdout, or JSON; 0 where no rule that must hold is
broken, else 1. Refuses (CannotCheck, exit code 2) what cannot be read.
"""

import asyncio
import json
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kadr.check import gather as gathering
from kadr.check import rules
from kadr.check.facts import Title
from kadr.check.fetch import Limits
from kadr.check.gather import CannotCheck
from kadr.check.rules import Fault, Severity

PLAYLIST_NAME = "index.m3u8"
TOLD_OF_EACH = 3  # of one rule, unless all are wanted: one mistake often shows in every segment


def run(given: Namespace) -> int:
    """Check one title and print what was found. Raises CannotCheck."""
    url, dash_url = url_of(given.url), url_of(given.dash) if given.dash else None
    with _bar() as on_progress:
        title = asyncio.run(gathering.gather(url, dash_url=dash_url, limits=Limits(), on_progress=on_progress))
    found = rules.faults(title)
    print(as_json(title, found) if given.json else "\n".join(lines(title, found, everything=given.all)))
    return 1 if any(fault.severity is Severity.MUST for fault in found) else 0


def url_of(given: str) -> str:
    """A URL as it is; a path as one. Raises CannotCheck."""
    if urlsplit(given).scheme in ("http", "https", "file"):
        return given
    path = Path(given)
    path = path / PLAYLIST_NAME if path.is_dir() else path
    if not path.is_file():
        raise CannotCheck(f"{given}: no such file, and no http or https URL")
    return path.resolve().as_uri()


def lines(title: Title, found: Sequence[Fault], *, everything: bool) -> Iterator[str]:
    """A line per fault and a summary. With `everything` each fault, and the rules that hold."""
    told: Counter[str] = Counter()
    for fault in found:
        told[fault.rule] += 1
        if everything or told[fault.rule] <= TOLD_OF_EACH:
            yield str(fault)
    if not everything:
        for number, times in told.items():
            if times > TOLD_OF_EACH:
                yield f"{number}: and {times - TOLD_OF_EACH} more, told with --all"
    else:
        for rule in rules.ALL:
            if rule.binds(title) and not told[rule.number]:
                yield f"{rule.number} holds: {rule.sentence}"
    if title.provisional:
        unbound = ", ".join(dict.fromkeys(rule.number for rule in rules.ALL if rule.when_ready))
        yield f"provisional: it is an EVENT playlist; these rules bind when it is ready: {unbound}"
    yield _summary(title, found)


def _summary(title: Title, found: Sequence[Fault]) -> str:
    must = sum(fault.severity is Severity.MUST for fault in found)
    bound = sum(rule.binds(title) for rule in rules.ALL)
    segments = sum(len(track.segments) for track in title.tracks.values() if track.role != "iframes")
    dash = ", a DASH manifest" if title.dash is not None else ""
    read = f"{bound} rules, {len(title.tracks)} playlists, {segments} segments{dash}"
    return f"{must} must, {len(found) - must} should: {read}"


def as_json(title: Title, found: Sequence[Fault]) -> str:
    """All of it for programs."""
    return json.dumps(
        {
            "url": title.multivariant.url,
            "ok": not any(fault.severity is Severity.MUST for fault in found),
            "provisional": title.provisional,
            "faults": [
                {"rule": f.rule, "severity": f.severity.value, "where": f.where, "sentence": f.sentence} for f in found
            ],
            "rules": [
                {"rule": rule.number, "severity": rule.severity.value, "sentence": rule.sentence}
                for rule in rules.ALL
                if rule.binds(title)
            ],
        },
        indent=2,
    )


@contextmanager
def _bar() -> Iterator[gathering.Progress]:
    """On a terminal only."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("check", total=None)

        def show(read: int, known: int) -> None:
            progress.update(task, completed=read, total=known)

        yield show
