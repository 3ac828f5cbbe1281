"""Does HEAD cost more CPU than the commit it began from, or make other bytes?

The merge base of BASE and HEAD and HEAD itself are checked out beside each other and run in turn, base, head, head,
base, round after round: `kadr encode` on two short clips, and the playlists of origin and packager, in process.
CPU seconds are compared with the noise that the run itself shows: the same commit against itself. Bytes have to be
equal, unless a new line of CHANGELOG.md says "Changes the bytes of: CASE, ...".

Both commits run with this interpreter and what is installed for it, each program on one core. Changes that are not
committed are not measured. Exit codes: 0 no difference seen, or faster; 1 slower by 5 % or more and surely so, or other
bytes that nothing explains; 3 the machine was too busy to decide.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gate import rounds, trees
from benchmarks.gate.programs import on_one_core, playlists_program, programs
from benchmarks.gate.verdict import Verdict
from benchmarks.harness.machine import facts, report
from core.errors import KadrError
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary

FAILED, UNDECIDED = 1, 3


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench gate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", metavar="BASE", help="a commit or branch, for example origin/main")
    parser.add_argument("--seconds", type=float, default=220.0, help="about how long to measure (default: 220)")
    parser.add_argument(
        "--repository", type=Path, default=Path(__file__).parents[2], metavar="DIR", help="default: this checkout"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="CASE", help="only programs with these cases, for example encode-motion sessions"
    )
    options = parser.parse_args(argv)
    began, machine, binary = time.monotonic(), facts(), ffmpeg_binary(Settings.load())
    if trees.uncommitted(options.repository):
        _say("changes that are not committed are not measured")
    with (
        trees.checked_out(options.repository, options.base) as checked,
        tempfile.TemporaryDirectory(prefix="kadr-gate-") as folder,
        on_one_core(),
    ):
        if len({playlists_program(tree).read_bytes() for tree in (checked.base, checked.head)}) > 1:
            _say("the program that writes playlists is another one in each commit: its cases compare both changes")
        all_programs = programs(Path(folder), binary, _near(options.repository))
        chosen = [one for one in all_programs if not options.only or set(options.only) & set(one.cases)]
        if not chosen:
            raise KadrError(f"--only: the cases are {', '.join(case for one in all_programs for case in one.cases)}")
        found = rounds.measure(checked, chosen, options.seconds, _say)
        commits = {one.name: one.commit for one in (checked.base, checked.head)}
    result = {
        "benchmark": "gate",
        **commits,
        "seconds": round(time.monotonic() - began, 1),
        "cases": [one.to_json() for one in found],
    }
    head = f"base {commits[trees.BASE][:12]}, head {commits[trees.HEAD][:12]}, {result['seconds']} s"
    report(f"{head}\n{rounds.table(found)}", result, machine)
    if any(one.fails for one in found):
        return FAILED
    return UNDECIDED if any(one.cost.verdict is Verdict.UNDECIDED for one in found) else 0


def _near(repository: Path) -> list[Path]:
    """Folders that may have the shared clips: beside this checkout, and beside the one it is a worktree of."""
    places = [repository.resolve().parent]
    try:
        common = trees.git(repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
    except (KadrError, subprocess.SubprocessError):
        return places
    return [*places, Path(common).parent.parent]
