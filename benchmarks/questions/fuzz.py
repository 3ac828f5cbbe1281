"""Which damaged file does this installation neither process nor refuse?

Small good files of fifty kinds are damaged (bits, blocks, sizes and names of boxes, absurd numbers in headers, time
stamps, files cut together) and put through the sandboxed probe and the plan; a part of what is accepted is encoded, and
what was encoded is decoded from its first byte to its last. A file must become a plan or be rejected with a documented
code. A fault is everything else: what would be a dead letter, a child above its bound of memory, an encode that does
not decode. Inputs of faults are kept. Each case is made of its seed and number:

  kadr bench fuzz --minutes 60                 an hour, another seed each time
  kadr bench fuzz --seed 7 --case 1234         this one again, with its encode
"""

import argparse
import asyncio
import itertools
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz.mutations import MOST_BYTES
from benchmarks.fuzz.originals import originals
from benchmarks.fuzz.trial import Case, Outcome, make_case, tried
from benchmarks.harness.machine import facts, report
from core.errors import ConfigError
from core.sandbox.child import ChildRunner
from core.settings import MIB, Settings

TOLD_EVERY_S = 15.0


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of all cases of a run so far."""

    seed: int
    cases: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)  # number of the case -> what is wrong
    largest: dict[str, tuple[float, int]] = field(
        default_factory=dict
    )  # what was measured -> (most, number of the case)

    def add(self, case: Case, outcome: Outcome) -> None:
        self.cases += 1
        self.codes[outcome.code] += 1
        self.warnings.update(set(outcome.warnings))
        if outcome.fault:
            self.faults[case.number] = outcome.fault
        measured = (
            ("probe MiB", outcome.probe_bytes / MIB),
            ("encode MiB", outcome.encode_bytes / MIB),
            ("CPU s", outcome.cpu_s),
        )
        for what, value in measured:
            self.largest[what] = max(self.largest.get(what, (0.0, 0)), (round(value, 1), case.number))

    def line(self) -> str:
        """The run so far, in a line."""
        largest = ", ".join(f"{value:g} {what} (case {number})" for what, (value, number) in self.largest.items())
        return f"seed {self.seed}: {self.cases} cases, {len(self.faults)} faults; at most {largest}"


async def fuzz(
    files: dict[str, bytes],
    numbers: Iterator[int],
    *,
    seed: int,
    seconds: float,
    jobs: int,
    kept: Path,
    encoded: bool | None = None,
) -> Summary:
    """Try the cases of these numbers until the time is up; inputs of faults are written to the folder `kept`.

    `encoded`: whether what is accepted is encoded, too; None leaves that to chance.
    """
    _say(f"seed {seed}: {len(files)} files to damage")
    runner = await ChildRunner.detect(Settings.load().sandbox)
    summary, end = Summary(seed=seed), time.monotonic() + seconds

    async def try_some() -> None:
        while time.monotonic() < end and (number := next(numbers, None)) is not None:
            case = make_case(files, seed, number, encoded=encoded)
            with tempfile.TemporaryDirectory(prefix="kadr-fuzz-") as folder:
                outcome = await tried(case, Path(folder), runner)
            summary.add(case, outcome)
            if outcome.fault:
                _keep(case, outcome, kept)

    async def tell() -> None:
        while True:
            await asyncio.sleep(TOLD_EVERY_S)
            _say(summary.line())

    telling = asyncio.ensure_future(tell())
    try:
        await asyncio.gather(*(try_some() for _ in range(jobs)))
    finally:
        telling.cancel()
    return summary


def _keep(case: Case, outcome: Outcome, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    file = kept / case.file_name
    file.write_bytes(case.content)
    _say(f"case {case.number} of seed {case.seed}: {outcome.fault}")
    _say(f"  {case.name} ({case.profile}): {'; '.join(case.done)}; kept as {file}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


async def make_originals(more: Path | None, jobs: int) -> dict[str, bytes]:
    """The files to begin with, and those of the folder `more` that are small enough. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="kadr-fuzz-") as folder:
        files = await originals(Path(folder), jobs)
    if more is None:
        return files
    return {**files, **await asyncio.to_thread(_small_files, more)}


def _small_files(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and 0 < path.stat().st_size <= MOST_BYTES)
    if not found:
        raise ConfigError(f"{folder} has no files of up to {MOST_BYTES} bytes")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="what the cases are made of (default: another one each time)")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (default: 5)")
    parser.add_argument(
        "--case", type=int, action="append", help="only this case, encoded in any case; may be repeated"
    )
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at once (default: the cores)")
    parser.add_argument("--more", type=Path, metavar="FOLDER", help="files of up to 1 MiB to damage as well")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="for inputs of faults (default: in the temporary folder)"
    )
    options = parser.parse_args(argv)
    if options.jobs < 1 or options.minutes <= 0:
        parser.error("--jobs and --minutes are more than 0")
    machine = facts()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    kept = options.keep or Path(tempfile.gettempdir()) / f"kadr-fuzz-{seed}"
    summary = asyncio.run(_run(options, seed, kept))
    table = [summary.line(), *(f"{code:<24} {count:>7}" for code, count in summary.codes.most_common())]
    table += [f"case {number}: {fault}" for number, fault in sorted(summary.faults.items())]
    if summary.faults:
        table.append(f"inputs of faults are in {kept}; again: kadr bench fuzz --seed {seed} --case NUMBER")
    result: dict[str, Any] = {
        "benchmark": "fuzz",
        "seed": seed,
        "cases": summary.cases,
        "outcomes": dict(summary.codes.most_common()),
        "warnings": dict(summary.warnings.most_common()),
        "faults": summary.faults,
        "largest": {what: {"most": value, "case": number} for what, (value, number) in summary.largest.items()},
    }
    report("\n".join(table), result, machine)
    return 1 if summary.faults else 0


async def _run(options: argparse.Namespace, seed: int, kept: Path) -> Summary:
    files = await make_originals(options.more, options.jobs)
    numbers = iter(options.case) if options.case else itertools.count()
    seconds = float("inf") if options.case else options.minutes * 60
    # A single case is repeated to be looked at, so everything is done with it.
    encoded = True if options.case else None
    return await fuzz(files, numbers, seed=seed, seconds=seconds, jobs=options.jobs, kept=kept, encoded=encoded)
