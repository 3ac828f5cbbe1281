"""Start children, wait until they are ready, restart them when they die, and stop them in order.

In: `Child` values. Out: their pids, and `ChildFailed` with the end of its log for a child that does not start. It knows
no server and no application: `prepare` and `ready` of a child do.
"""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import KadrError
from kadr.stack.log import end_of_log, open_log, size
from kadr.stack.reaper import Program, Reaper

FIRST_DELAY_S, LAST_DELAY_S, SETTLED_AFTER_S = 0.2, 10.0, 30.0
QUICK_DEATHS, QUICK_WITHIN_S = 5, 30.0
# Servers answer within 0.1 s; Python programs only after seconds of imports, which frequent probes would slow down.
FIRST_PROBE_S, LAST_PROBE_S, PROBE_TIMEOUT_S = 0.03, 0.25, 5.0


class ChildFailed(KadrError):
    """A child of the stack does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A program to keep running. Without `ready` it counts as ready after running for `steady_s`."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    cwd: Path | None = None
    prefix: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] | None = None  # awaited before every start
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_timeout_s: float = 60.0
    steady_s: float = 1.0
    death_signal: signal.Signals = signal.SIGKILL  # sent by the kernel when the parent dies
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 5.0


@dataclass(slots=True)
class _Supervised:
    """A child with its current program and the task that restarts it; `log_from` is where its log began (bytes)."""

    child: Child
    log_from: int
    program: Program | None = None
    started_at: float = 0.0
    restarter: asyncio.Task[None] | None = None


def say(message: str) -> None:
    """Print one line to stderr for the operator. A closed terminal is ignored."""
    with suppress(OSError, ValueError):
        print(f"kadr up: {message}", file=sys.stderr, flush=True)


class Supervisor:
    """Keeps children running until they are stopped. `changed` is called when a restarted child has a new pid."""

    def __init__(self, reaper: Reaper, changed: Callable[[], None] = lambda: None) -> None:
        self._reaper = reaper
        self._changed = changed
        self._supervised: dict[str, _Supervised] = {}
        self._clock = asyncio.get_running_loop().time
        self._settled = False

    def pids(self) -> dict[str, int]:
        """{name: pid} of the children that are running."""
        return {name: s.program.pid for name, s in self._supervised.items() if s.program and s.program.alive}

    async def start(self, child: Child) -> None:
        """Start `child`, keep it running from now on, and return when it is ready. Raises ChildFailed."""
        supervised = self._supervised[child.name] = _Supervised(child, size(child.log))
        supervised.restarter = asyncio.create_task(self._keep_running(supervised), name=f"keep-{child.name}")
        pause_s = FIRST_PROBE_S
        try:
            async with asyncio.timeout(child.ready_timeout_s):
                while not await self._is_ready(supervised):
                    self._raise_failure()
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 1.5, LAST_PROBE_S)
        except TimeoutError as exc:
            raise ChildFailed(
                f"{child.name} is not ready after {child.ready_timeout_s:g} s; "
                f"{end_of_log(child.log, supervised.log_from)}"
            ) from exc

    async def run(self, child: Child, timeout_s: float) -> None:
        """Run `child` once until it ends. Raises ChildFailed for an exit code other than 0 and after `timeout_s`."""
        log_from = size(child.log)
        program = self._spawn(child)
        try:
            async with asyncio.timeout(timeout_s):
                code = await asyncio.shield(program.exited)
        except TimeoutError as exc:
            raise ChildFailed(
                f"{child.name} took longer than {timeout_s:g} s; {end_of_log(child.log, log_from)}"
            ) from exc
        finally:
            if program.alive:
                program.send(signal.SIGKILL)
                await program.exited
        if code != 0:
            raise ChildFailed(f"{child.name} {how_it_ended(code)}; {end_of_log(child.log, log_from)}")

    def settle(self) -> None:
        """Call when all children are ready: from now on each is restarted however often it dies. Raises ChildFailed."""
        self._raise_failure()
        self._settled = True

    def hurry(self) -> None:
        """Kill all children at once; a `stop` in progress then returns."""
        for supervised in self._supervised.values():
            if supervised.restarter is not None:
                supervised.restarter.cancel()
            if supervised.program is not None:
                supervised.program.send(signal.SIGKILL)

    async def stop(self, names: Iterable[str]) -> None:
        """Stop the named children in parallel, and return when all have ended."""
        await asyncio.gather(*(self._stop(self._supervised[name]) for name in names if name in self._supervised))

    async def _keep_running(self, supervised: _Supervised) -> None:
        child, delay_s = supervised.child, FIRST_DELAY_S
        deaths: deque[float] = deque(maxlen=QUICK_DEATHS)
        while True:
            supervised.started_at = self._clock()
            try:
                if child.prepare is not None:
                    await child.prepare()
                supervised.program = self._spawn(child)
            except (KadrError, OSError) as exc:
                ended = f"could not start: {exc}"
            else:
                if deaths:
                    self._changed()
                await asyncio.wait([supervised.program.exited])
                ended = f"(pid {supervised.program.pid}) {how_it_ended(supervised.program.exited.result())}"
            deaths.append(self._clock())
            if not self._settled and len(deaths) == QUICK_DEATHS and deaths[-1] - deaths[0] < QUICK_WITHIN_S:
                raise ChildFailed(
                    f"{child.name} {ended}, {QUICK_DEATHS} times; {end_of_log(child.log, supervised.log_from)}"
                )
            if self._clock() - supervised.started_at > SETTLED_AFTER_S:
                delay_s = FIRST_DELAY_S
            say(f"{child.name} {ended}; starting it again in {delay_s:g} s")
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, LAST_DELAY_S)

    def _spawn(self, child: Child) -> Program:
        log_fd = open_log(child.log)
        try:
            return self._reaper.start(
                child.argv,
                env=child.env,
                cwd=child.cwd,
                log_fd=log_fd,
                death_signal=child.death_signal,
                prefix=child.prefix,
            )
        finally:
            os.close(log_fd)

    async def _is_ready(self, supervised: _Supervised) -> bool:
        if supervised.program is None or not supervised.program.alive:
            return False
        if supervised.child.ready is None:
            return self._clock() - supervised.started_at >= supervised.child.steady_s
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await supervised.child.ready()
        except TimeoutError:
            return False

    def _raise_failure(self) -> None:
        for supervised in self._supervised.values():
            if (
                supervised.restarter is not None
                and supervised.restarter.done()
                and not supervised.restarter.cancelled()
            ):
                supervised.restarter.result()

    async def _stop(self, supervised: _Supervised) -> None:
        if supervised.restarter is not None:
            supervised.restarter.cancel()
            await asyncio.wait([supervised.restarter])
            if not supervised.restarter.cancelled():
                supervised.restarter.exception()  # mark it as retrieved: `start` has raised it
        program = supervised.program
        if program is None or not program.alive:
            return
        program.send(supervised.child.stop_signal)
        await asyncio.wait([program.exited], timeout=supervised.child.stop_timeout_s)
        if program.alive:
            say(f"{supervised.child.name} (pid {program.pid}) has not stopped; killing it")
            program.send(signal.SIGKILL)
            await program.exited


def how_it_ended(code: int) -> str:
    """An exit code in words; negative codes are signals."""
    return f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
