"""`kadr check URL`: what is wrong with a published title, a line per fault.

In: a URL, or the path of a playlist in a folder. Out: lines on stdout, or JSON; 0 where no rule that must hold is
broken, else 1. Refuses (CannotCheck, exit code 2) what cannot be read.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hls_checker import gather as gathering
from hls_checker import rules
from hls_checker.facts import Title
from hls_checker.gather import CannotCheck
from hls_checker.rules import Fault, Severity

PLAYLIST_NAME = "index.m3u8"
SHOWN_OF_EACH = 3  # of one rule, unless all are wanted: one mistake often shows in every segment


def run(
    url: str, *, dash_url: str | None = None, as_json: bool = False, everything: bool = False, decode: bool = False
) -> int:
    """Check one title and print its faults; 1 where a rule that must hold is broken, else 0. Raises CannotCheck.

    `url` and `dash_url` may be paths. `everything`: each repetition of a fault too, and the rules that hold. `decode`:
    every track is decoded, too.
    """
    with _progress_bar() as on_progress:
        title = asyncio.run(
            gathering.gather(
                url_of(url),
                dash_url=url_of(dash_url) if dash_url else None,
                decoding=decode,
                on_progress=on_progress,
            )
        )
    faults = rules.faults(title)
    print(as_json_text(title, faults) if as_json else "\n".join(lines(title, faults, everything=everything)))
    return 1 if any(fault.severity is Severity.MUST for fault in faults) else 0


def url_of(path_or_url: str) -> str:
    """A URL as it is; a path as one. Raises CannotCheck."""
    if urlsplit(path_or_url).scheme in ("http", "https", "file"):
        return path_or_url
    path = Path(path_or_url)
    path = path / PLAYLIST_NAME if path.is_dir() else path
    if not path.is_file():
        raise CannotCheck(f"{path_or_url}: no such file, and no http or https URL")
    return path.resolve().as_uri()


def lines(title: Title, faults: Sequence[Fault], *, everything: bool) -> Iterator[str]:
    """A line per fault and a summary. With `everything` each fault, and the rules that hold."""
    counts: Counter[str] = Counter()
    for fault in faults:
        counts[fault.rule] += 1
        if everything or counts[fault.rule] <= SHOWN_OF_EACH:
            yield str(fault)
    if not everything:
        for number, times in counts.items():
            if times > SHOWN_OF_EACH:
                yield f"{number}: and {times - SHOWN_OF_EACH} more, shown with --all"
    else:
        for rule in rules.ALL:
            if rule.binds(title) and not counts[rule.number]:
                yield f"{rule.number} holds: {rule.sentence}"
    if title.provisional:
        unbound = ", ".join(dict.fromkeys(rule.number for rule in rules.ALL if rule.when_ready))
        yield f"provisional: it is an EVENT playlist; these rules bind when it is ready: {unbound}"
    yield _summary(title, faults)


def _summary(title: Title, faults: Sequence[Fault]) -> str:
    must = sum(fault.severity is Severity.MUST for fault in faults)
    bound = sum(rule.binds(title) for rule in rules.ALL)
    segments = sum(len(track.segments) for track in title.tracks.values() if track.role != "iframes")
    dash = ", a DASH manifest" if title.dash is not None else ""
    read = f"{bound} rules, {len(title.tracks)} playlists, {segments} segments{dash}"
    return f"{must} must, {len(faults) - must} should: {read}"


def as_json_text(title: Title, faults: Sequence[Fault]) -> str:
    """The title, its faults and the rules that bind it, as JSON for programs."""
    return json.dumps(
        {
            "url": title.multivariant.url,
            "ok": not any(fault.severity is Severity.MUST for fault in faults),
            "provisional": title.provisional,
            "faults": [
                {"rule": f.rule, "severity": f.severity.value, "where": f.where, "sentence": f.sentence} for f in faults
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
def _progress_bar() -> Iterator[gathering.Progress]:
    """A progress bar on stderr where that is a terminal; what it yields takes (files read, files known of)."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("check", total=None)

        def show(read: int, known: int) -> None:
            progress.update(task, completed=read, total=known)

        yield show
