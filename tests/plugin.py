"""What one run of pytest is here: the order of files, what is left to `make acceptance`, the end, and a summary.

Loaded by tests/conftest.py into the controller and the workers of pytest-xdist alike; without pytest-xdist the one
process is both.
"""

import asyncio
import gc
import importlib
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.stack import tree_cpu_s
from tests import long, runs
from tests.stack import Stack, published_titles

ADDITIONS, NORMAL_S = 5_000_000, 0.25
STOP_S = 60.0
# Files that mostly wait for a player in real time: one process does them all, one after the other, so that no player
# competes with another.
PLAYERS = ("test_delivery_players.py", "test_players.py", "test_watch_page.py", "test_encrypted.py")
# What takes long begins first, these in this order; then the rest of the integration tests, then the unit tests.
LONG = (
    *PLAYERS,
    *("test_kill.py", "test_subtitles.py", "test_stack.py", "test_write_door.py", "test_chunks.py", "test_posters.py"),
    *(
        "test_openapi.py",
        "test_options.py",
        "test_sound.py",
        "test_pictures.py",
        "test_probe.py",
        "test_experiments.py",
    ),
    *("test_edge.py", "test_outages.py", "test_downloads.py", "test_tracks.py", "test_cli.py", "test_origin.py"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--acceptance", action="store_true", help="run what takes long, too (make acceptance)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # What is imported and collected stays to the end: looking through it again and again for garbage finds none.
    gc.disable()
    if not _is_worker(config):
        runs.begin()
        config.pluginmanager.register(_Controller(), "kadr-run")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file is done by one process, and so are all files of PLAYERS; the shared clips are waited for one by one.

    Not by `--dist loadgroup`: pytest-xdist 3.8 writes groups where pytest 9.2 does not look for them any more.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = nodeid.partition("::")[0]
            if file.startswith("tests/acceptance/"):
                return nodeid
            return "players" if file.rpartition("/")[2] in PLAYERS else file

    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for acceptance, and begin with the longest files; within a file the order stays."""
    for item in items:
        if item.path.parent.name == "acceptance":
            item.add_marker(pytest.mark.acceptance("every shared clip through the whole pipeline"))
        elif reason := long.reason_for(item.path.name, item.name):
            item.add_marker(pytest.mark.acceptance(reason))
    items.sort(key=lambda item: (_rank(item), str(item.path)))
    if not config.getoption("--acceptance"):
        left = [item for item in items if item.get_closest_marker("acceptance")]
        items[:] = [item for item in items if not item.get_closest_marker("acceptance")]
        if left:
            config.hook.pytest_deselected(items=left)
            reasons = Counter(str(marker.args[0]) for item in left for marker in _acceptance(item))
            with runs.locked("left"):
                if not runs.noted("left"):
                    runs.note("left", count=len(left), reasons=reasons)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    # Its own plugin imports it in the end, and it then looks for who refers to a generator; what is frozen is not seen.
    importlib.import_module("hypothesis")
    gc.freeze()
    gc.enable()


def _rank(item: pytest.Item) -> int:
    """Where in the order of the run: smaller is earlier."""
    if "unit" in item.path.parts:
        return len(LONG) + 1
    return LONG.index(item.path.name) if item.path.name in LONG else len(LONG)


def _acceptance(item: pytest.Item) -> list[pytest.Mark]:
    marker = item.get_closest_marker("acceptance")
    assert marker is not None
    assert marker.args, f"{item.nodeid}: acceptance(reason) needs its reason"
    return [marker]


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


class _Controller:
    """The process that was started by hand: measures, ends what the run shares, and reports."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.slowness = 0.0
        self.seconds: Counter[str] = Counter()
        self.faults: list[str] = []
        self.pipelines = 0
        self.at_the_end_s = 0.0
        self.cpu_s = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        # A SIGTERM ends the run as Ctrl-C does: with everything taken down.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        begins = time.perf_counter()
        total = 0
        for _ in range(ADDITIONS):
            total += 1  # noqa: SIM113 - this addition is what is measured
        self.slowness = (time.perf_counter() - begins) / NORMAL_S
        runs.be_patient(self.slowness)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid.partition("::")[0]] += report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        begins = time.monotonic()
        if (runs.folder() / "up.pid").exists():
            self.cpu_s += tree_cpu_s(int((runs.folder() / "up.pid").read_text()))
            self.faults = asyncio.run(_end_of_shared_stack(check=exitstatus != pytest.ExitCode.INTERRUPTED))
        self.faults += [one["fault"] for one in runs.noted("events")]
        if self.faults and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.pipelines = sum(one["count"] for one in runs.noted("pipelines"))
        self.at_the_end_s = time.monotonic() - begins
        used = os.times()
        self.cpu_s += used.user + used.system + used.children_user + used.children_system

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if terminalreporter.config.option.collectonly:
            return
        write = terminalreporter.write_line
        for fault in self.faults:
            write(fault, red=True)
        if self.faults:
            write(f"the logs of the shared stack stay in {runs.folder()}")
        for left in runs.noted("left"):
            write(f"left to `make acceptance`: {left['count']} tests")
            for reason, count in left["reasons"].items():
                write(f"  {count:4d}  {reason}")
        stacks, wall_s = runs.noted("stacks"), time.monotonic() - self.began
        load = os.getloadavg()
        write(
            f"slowness {self.slowness:.2f} (1.0 is a normal day), load {load[0]:.1f} {load[1]:.1f};"
            f" CPU {self.cpu_s:.0f} s, wall {wall_s:.0f} s, of it {self.at_the_end_s:.0f} s at its end"
            " for the rules and the stack;"
            f" {self.pipelines} pipelines, {len(stacks)} stacks started"
        )
        for path, seconds in self.seconds.most_common(15):
            write(f"  {seconds:7.1f} s  {path}")
        kept = Path(os.environ.get("TESTS_SECONDS", ""))
        if kept.name:
            kept.write_text("".join(f"{s:.1f} {path}\n" for path, s in self.seconds.most_common()))

    def pytest_unconfigure(self) -> None:
        runs.end(keep=bool(self.faults))


async def _end_of_shared_stack(*, check: bool) -> list[str]:
    """Check every title that was published, stop the stack, and say what was wrong with any of it."""
    # They take long to import, and most processes never get here.
    from tests.event_shapes import faults_of_events
    from tests.published import broken_rules

    folder, faults = runs.folder(), []
    stack = Stack(folder / "home")
    pid, code = int((folder / "up.pid").read_text()), folder / "exit_code"
    if (stack.home / "endpoints.json").exists():
        stack.read_endpoints()
        runs.note("pipelines", count=await published_titles(stack.endpoints["database_url"]))
        if check:
            faults += [f"{asset} breaks a rule of HLS: {told}" for asset, told in (await broken_rules(stack)).items()]
            _, document = await stack.api("GET", "/asyncapi.json")
            faults += await faults_of_events(stack.endpoints["database_url"], document)
    elif not code.exists():
        faults.append("the shared stack never got ready")
    if not code.exists():
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S * runs.patience()
    while not code.exists() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    if not code.exists():
        faults.append("the shared stack did not stop")
    elif code.read_text() != "0":
        faults.append(f"kadr up ended with {code.read_text()}")
    if left := list(stack.programs()):
        faults.append(f"kadr up left programs behind: {left}")
    return faults
