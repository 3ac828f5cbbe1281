"""Keeps children alive: starts them, waits until they answer, starts them again when they die, stops them in order.

In: `Child` values. Out: their pids, and `ChildFailed` with the end of its log for one that never comes up. It knows no
server and no application: `prepare` and `ready` of a child do.
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
from kadr.stack.log import end_of_log, open_log
from kadr.stack.reaper import Program, Reaper

FIRST_DELAY_S, LAST_DELAY_S, SETTLED_AFTER_S = 0.2, 10.0, 30.0
QUICK_DEATHS, QUICK_WITHIN_S = 5, 30.0
# Servers answer within a tenth of a second, Python programs after seconds of imports that probes would only delay.
FIRST_PROBE_S, LAST_PROBE_S, PROBE_TIMEOUT_S = 0.03, 0.25, 5.0


class ChildFailed(KadrError):
    """A child of the stack does not come up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One program to keep alive. Without `ready` it counts as up once it has lived `steady_s`."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    cwd: Path | None = None
    prefix: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] | None = None  # before every start: clear the way
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_timeout_s: float = 60.0
    steady_s: float = 1.0
    death_signal: signal.Signals = signal.SIGKILL  # what it gets when the parent dies
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 5.0


@dataclass(slots=True)
class _Kept:
    child: Child
    log_from: int
    program: Program | None = None
    started_at: float = 0.0
    keeper: asyncio.Task[None] | None = None


def say(message: str) -> None:
    """One line for the operator. A closed terminal is no reason to stop."""
    with suppress(OSError, ValueError):
        print(f"kadr up: {message}", file=sys.stderr, flush=True)


class Supervisor:
    def __init__(self, reaper: Reaper, changed: Callable[[], None] = lambda: None) -> None:
        self._reaper = reaper
        self._changed = changed  # called after a child has got a new pid
        self._kept: dict[str, _Kept] = {}
        self._clock = asyncio.get_running_loop().time
        self._settled = False

    def pids(self) -> dict[str, int]:
        return {name: k.program.pid for name, k in self._kept.items() if k.program and k.program.alive}

    async def start(self, child: Child) -> None:
        """Start `child`, keep it alive from now on, and return when it answers. Raises ChildFailed."""
        kept = self._kept[child.name] = _Kept(child, _size(child.log))
        kept.keeper = asyncio.create_task(self._keep(kept), name=f"keep-{child.name}")
        pause_s = FIRST_PROBE_S
        try:
            async with asyncio.timeout(child.ready_timeout_s):
                while not await self._answers(kept):
                    self._raise_given_up()
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 1.5, LAST_PROBE_S)
        except TimeoutError as exc:
            raise ChildFailed(
                f"{child.name} is not ready after {child.ready_timeout_s:g} s; {end_of_log(child.log, kept.log_from)}"
            ) from exc

    async def run(self, child: Child, timeout_s: float) -> None:
        """Run `child` once to its end. Raises ChildFailed when that is not exit code 0."""
        log_from = _size(child.log)
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
        """All are up. From now on a child may die as often as it likes: it is always started again."""
        self._raise_given_up()
        self._settled = True

    def hurry(self) -> None:
        """Kill everything now; a `stop` that is under way then has nothing to wait for."""
        for kept in self._kept.values():
            if kept.keeper is not None:
                kept.keeper.cancel()
            if kept.program is not None:
                kept.program.send(signal.SIGKILL)

    async def stop(self, names: Iterable[str]) -> None:
        """Stop the named children, all at once, and return when they are gone."""
        await asyncio.gather(*(self._stop(self._kept[name]) for name in names if name in self._kept))

    async def _keep(self, kept: _Kept) -> None:
        child, delay_s = kept.child, FIRST_DELAY_S
        deaths: deque[float] = deque(maxlen=QUICK_DEATHS)
        while True:
            kept.started_at = self._clock()
            try:
                if child.prepare is not None:
                    await child.prepare()
                kept.program = self._spawn(child)
            except (KadrError, OSError) as exc:
                ended = f"could not start: {exc}"
            else:
                if deaths:
                    self._changed()
                await asyncio.wait([kept.program.exited])
                ended = f"(pid {kept.program.pid}) {how_it_ended(kept.program.exited.result())}"
            deaths.append(self._clock())
            if not self._settled and len(deaths) == QUICK_DEATHS and deaths[-1] - deaths[0] < QUICK_WITHIN_S:
                raise ChildFailed(f"{child.name} {ended}, {QUICK_DEATHS} times; {end_of_log(child.log, kept.log_from)}")
            if self._clock() - kept.started_at > SETTLED_AFTER_S:
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

    async def _answers(self, kept: _Kept) -> bool:
        if kept.program is None or not kept.program.alive:
            return False
        if kept.child.ready is None:
            return self._clock() - kept.started_at >= kept.child.steady_s
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await kept.child.ready()
        except TimeoutError:
            return False

    def _raise_given_up(self) -> None:
        for kept in self._kept.values():
            if kept.keeper is not None and kept.keeper.done() and not kept.keeper.cancelled():
                kept.keeper.result()

    async def _stop(self, kept: _Kept) -> None:
        if kept.keeper is not None:
            kept.keeper.cancel()
            await asyncio.wait([kept.keeper])
            if not kept.keeper.cancelled():
                kept.keeper.exception()  # seen: `start` has raised it
        program = kept.program
        if program is None or not program.alive:
            return
        program.send(kept.child.stop_signal)
        await asyncio.wait([program.exited], timeout=kept.child.stop_timeout_s)
        if program.alive:
            say(f"{kept.child.name} (pid {program.pid}) has not stopped; killing it")
            program.send(signal.SIGKILL)
            await program.exited


def how_it_ended(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
