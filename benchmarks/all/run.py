"""Runs parts one after the other, each as a program of its own, with bars on stderr and the machine's speed between.

In: parts and the folder that keeps their results. Out: the results of all, also of those that were kept before. A part
that fails is kept as failed, and the next one is run. Where this process is killed, the part ends, and with it the
stack that it started.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.all.parts import Kept, Part, done
from benchmarks.harness.machine import parse_report
from benchmarks.harness.speed import Speed
from core.tether import tethered

LOOK_EVERY_S = 0.2
STOP_S = 120.0  # for a part that was interrupted: its stack has to stop
TAIL = 2000
LAST = 100  # characters of a part's last line, beside its bar


def run(wanted: Sequence[Part], kept: Kept, *, calibrate: Callable[[], Speed], commit: str) -> list[dict[str, Any]]:
    """Every part that is not kept as done, with the commit it was measured at."""
    left = [part for part in wanted if not _is_done(kept.read(part))]
    with _bars(len(wanted)) as bars:
        bars.finished(len(wanted) - len(left))
        speed = calibrate() if left else None
        for part in left:
            bars.begins(part)
            began = time.time()
            outcome = _one(part, kept.folder / "logs", bars)
            before, speed = speed, calibrate()
            speeds = [asdict(one) for one in (before, speed) if one is not None]
            kept.keep(part, commit=commit, began=began, wall_s=round(time.time() - began, 1), speeds=speeds, **outcome)
            bars.ended(part, outcome.get("error"))
    return done(kept, wanted)


def _is_done(value: dict[str, Any] | None) -> bool:
    return value is not None and "error" not in value


class _Bars:
    """One bar over all parts, and a line for the one that runs."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._all = progress.add_task("all", total=total, said="")
        self._part = progress.add_task("", total=None, said="", visible=False)

    def finished(self, count: int) -> None:
        self._progress.update(self._all, completed=count)
        if count:
            self._progress.console.print(f"{count} parts were kept from before")

    def begins(self, part: Part) -> None:
        self._progress.reset(self._part, total=None, description=part.id, said="", visible=True)

    def says(self, line: str) -> None:
        self._progress.update(self._part, said=line)

    def ended(self, part: Part, error: str | None) -> None:
        self._progress.advance(self._all)
        self._progress.update(self._part, visible=False)
        last = error.strip().splitlines()[-1] if error and error.strip() else error
        self._progress.console.print(f"{part.id}: {'done' if error is None else f'failed: {last}'}", markup=False)


@contextmanager
def _bars(total: int) -> Iterator[_Bars]:
    columns = (
        TextColumn("{task.description:<24}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bars(progress, total)


def _one(part: Part, logs: Path, bars: _Bars) -> dict[str, Any]:
    """`table`, `result` and `exit_code` of a part, or `error`. Its output is kept in the folder `logs`."""
    logs.mkdir(exist_ok=True)
    out, errors = logs / f"{part.id}.out", logs / f"{part.id}.err"
    command = (sys.executable, "-m", "kadr", "bench", part.benchmark, *part.args)
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        started = subprocess.Popen(
            tethered(command, signal.SIGTERM),
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            # Ctrl-C in a terminal is for this process, which passes it on once: a second one would break off the end.
            start_new_session=True,
        )
        try:
            code = _waited(started, errors, bars)
        finally:
            _stop(started)
    reported = parse_report(out.read_text(errors="replace"))
    if reported is None:
        return {"error": f"exit code {code}\n{_tail(errors) or _tail(out)}"}
    table, result = reported
    return {"table": table, "result": result, "exit_code": code}


def _waited(started: subprocess.Popen[bytes], errors: Path, bars: _Bars) -> int:
    with errors.open("rb") as said:
        while True:
            try:
                return started.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                if line := _last_line(said):
                    bars.says(line)


def _last_line(said: IO[bytes]) -> str:
    """The last thing that was said since the last look."""
    lines = said.read().decode(errors="replace").replace("\r", "\n").splitlines()
    return next((line.strip()[:LAST] for line in reversed(lines) if line.strip().isprintable() and line.strip()), "")


def _stop(started: subprocess.Popen[bytes]) -> None:
    """Nothing to do where it has ended; else it was interrupted, and is given the time to stop what it started."""
    if started.poll() is None:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(STOP_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _tail(file: Path) -> str:
    return file.read_text(errors="replace")[-TAIL:].strip()
