"""How often is the gate right? `python -m tests.gate_trials [--repeat N] [--seconds S]`, on an otherwise idle machine.

Each trial clones this repository's HEAD, plants one change, and runs `kadr bench gate` as a program, one after the
other: N times each with slower sessions, slower encodes and a changed byte, and 2 N times with nothing. A trial is
right where what is planted is told and the exit code is 1, or where nothing is planted and the exit code is 0.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.machine import parse_report
from tests import gate_plants
from tests.checks import ROOT

Cases = dict[str, dict[str, Any]]


def slower(*cases: str) -> Callable[[Cases], bool]:
    return lambda found: any(found[case]["cost"]["verdict"] == "slower" for case in cases if case in found)


def other_bytes(found: Cases) -> bool:
    return any(one["output"]["changed"] and not one["output"]["explained"] for one in found.values())


# What is planted, which programs are run, how it is told, and how often for one --repeat.
TRIALS: dict[str, tuple[Callable[[Path], None], tuple[str, ...], Callable[[Cases], bool] | None, int]] = {
    "slower sessions": (gate_plants.slower_sessions, ("sessions",), slower("sessions", "viewers"), 1),
    "slower encodes": (gate_plants.slower_encodes, ("encode-motion",), slower("encode-motion"), 1),
    "a changed byte": (gate_plants.changed_byte, ("sessions",), other_bytes, 1),
    "nothing": (gate_plants.nothing, ("encode-motion", "sessions"), None, 2),
}


def trial(name: str, seconds: float) -> str:
    """ "right", "wrong", or "not decided"."""
    plant, only, told, _ = TRIALS[name]
    with tempfile.TemporaryDirectory(prefix="kadr-trial-") as folder:
        clone = Path(folder) / "clone"
        base = gate_plants.clone(clone)
        plant(clone)
        gate_plants.commit(clone)
        command = [sys.executable, "-m", "kadr", "bench", "gate", base, "--repository", str(clone)]
        command += ["--seconds", str(seconds), "--only", *only]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    reported = parse_report(done.stdout)
    if reported is None:
        return "failed"
    table, result = reported
    print(f"{name}: exit code {done.returncode}\n{table}", flush=True)
    found = {one["case"]: one for one in result["cases"]}
    if done.returncode == 3:
        return "not decided"
    right = done.returncode == 0 if told is None else done.returncode == 1 and told(found)
    return "right" if right else "wrong"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="of each change; twice as often without one (default: 5)")
    parser.add_argument("--seconds", type=float, default=220.0, help="as kadr bench gate takes it (default: 220)")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {name: Counter() for name in TRIALS}
    began = time.monotonic()
    for _ in range(options.repeat):
        for name, (_, _, _, times) in TRIALS.items():
            for _ in range(times):
                counts[name][trial(name, options.seconds)] += 1
                print(f"{(time.monotonic() - began) / 60:.0f} min: {name}: {dict(counts[name])}", flush=True)
    return int(any(set(found) != {"right"} for found in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
