"""The one module that runs other programs for media work, each in the sandbox of core.sandbox.policy.

In: an argv, a work folder, limits, what may be read. Out: `Finished`, or a ToolFailed, ToolTimedOut, ToolKilled or
MachineFault.
Owns the whole life of the program: however `run` ends, by return, error, timeout or cancellation, its process group
has been killed and reaped. Refuses to run anything when a required layer of the sandbox is missing.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from core.errors import (
    ConfigError,
    KadrError,
    MachineFault,
    OutOfMemory,
    ToolFailed,
    ToolKilled,
    ToolTimedOut,
    Transient,
)
from core.sandbox import niceness, policy
from core.sandbox.child_output import Pipe, Stderr, Stdout, TooMuch, has_endless_number
from core.sandbox.machine import available_processors, out_of_memory_kills
from core.sandbox.policy import Limits, python_argv
from core.telemetry.logs import Log

__all__ = ["ChildRunner", "Finished", "Limits", "python_argv"]

_LOG = Log("child")

MIB = 1024 * 1024
REAP_S = 60.0  # a killed program leaves at once unless the kernel itself waits for a disk
CROWDING_EVERY_S, MOST_CROWDING = 10.0, 50.0
FULL_BYTES, FULL_SHARE = 1024 * MIB, 0.05  # a disk with less than this free counts as full
# One encoder greets at length otherwise, and pushes real complaints out of the tail; numpy's own threads would cost a
# tenth of a second at each start, for products of matrices that nothing here computes.
QUIET = {"SVT_LOG": "1", "OPENBLAS_NUM_THREADS": "1"}
DRAIN_S = 5.0  # what is left in the pipes once all writers are dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A program that ended with exit code 0."""

    stdout: bytes  # empty when its lines were taken by `on_stdout_line`
    stderr_tail: str
    wall_s: float


class LayerFailed(ConfigError):
    """The sandbox could not be built, so the program was never started."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"sandbox: {layer} failed: {reason}")
        self.layer = layer
        self.reason = reason


class ChildRunner:
    """Runs programs with the sandbox layers that this machine supports. Created once, by `detect`."""

    def __init__(self, layers: Collection[str], missing: Mapping[str, str], *, nicer: int = 0) -> None:
        self.layers = frozenset(layers)
        self.missing = dict(missing)  # layer -> why
        self.cpu_s = 0.0  # of all programs that have ended, however they did
        self.peak_bytes = 0  # of memory, at once, of the largest of them
        self._nicer = nicer

    def apart(self, *, nicer: int = 0) -> "ChildRunner":
        """A runner with the same layers that counts its own programs only; they are `nicer` by so much."""
        return ChildRunner(self.layers, self.missing, nicer=nicer)

    @classmethod
    async def detect(cls, mode: Literal["require", "best-effort"]) -> "ChildRunner":
        """Run `true` in the complete sandbox; each layer that fails is left out and reported in `missing`.

        Raises ConfigError in "require" mode when a required layer is missing.
        """
        layers, missing = set(policy.LAYERS), dict[str, str]()
        limits = Limits(wall_s=10, cpu_s=5, file_bytes=MIB)
        with tempfile.TemporaryDirectory(prefix="kadr-sandbox-") as folder:
            while True:
                runner = cls(layers, missing)
                try:
                    await runner.run(["true"], work_dir=Path(folder), limits=limits)
                    break
                except LayerFailed as exc:
                    if exc.layer not in layers:
                        raise
                    layers.discard(exc.layer)
                    missing[exc.layer] = exc.reason
        lacking = policy.missing_required(layers)
        if lacking and mode == "require":
            why = "; ".join(f"{layer}: {reason}" for layer, reason in missing.items())
            raise ConfigError(
                f"This machine cannot sandbox media programs. Missing: {', '.join(lacking)} ({why}). "
                "Linux 5.13 or newer with Landlock has them; KADR_SANDBOX=best-effort runs uploads without these."
            )
        return runner

    async def run(
        self,
        argv: Sequence[str],
        *,
        work_dir: Path,
        limits: Limits,
        readable: Sequence[Path] = (),
        on_stdout_line: Callable[[str], None] | None = None,
        on_stderr_line: Callable[[str], None] | None = None,
        stdin: bytes = b"",
        nice: int = 0,
        max_stdout_bytes: int = 8 * MIB,
    ) -> Finished:
        """Run one program to its end in `work_dir`, the only place it can write.

        Lines end at \\n or \\r (ffmpeg's progress); empty ones are skipped. With `on_stdout_line` stdout is not kept,
        and `max_stdout_bytes` bounds one line. A stderr line of more than 64 KiB comes in pieces. An exception of a
        callback ends the program and comes out of here.
        """
        argv = [_program(argv[0]), *argv[1:]]
        _must_exist(work_dir, readable)
        stdout = Stdout(max_stdout_bytes, on_stdout_line)
        stderr = Stderr(on_stderr_line)
        begun, kills_before = time.monotonic(), out_of_memory_kills()
        nice = min(nice + self._nicer, niceness.NICEST)
        program = _Program(
            lambda status_fd: policy.launcher_argv(
                argv,
                layers=self.layers,
                limits=limits,
                work_dir=work_dir,
                readable=readable,
                parent_pid=os.getpid(),
                status_fd=status_fd,
                nice=nice,
            ),
            work_dir=work_dir,
            stdin=stdin,
            take={"stdout": stdout.take, "stderr": stderr.take},
        )
        try:
            in_time = await _ends_within(program.exited, limits.wall_s, nice)
        except asyncio.CancelledError:
            program.mute()
            raise
        finally:
            try:
                await program.end()
            finally:
                if program.exited.done():
                    end = program.exited.result()
                    self.cpu_s += end.cpu_s
                    self.peak_bytes = max(self.peak_bytes, end.peak_bytes)
        if program.fault is not None:
            if isinstance(program.fault, TooMuch):
                raise ToolFailed(argv, -signal.SIGKILL, stderr.tail(), f"{argv[0]} {program.fault}") from None
            raise program.fault
        stdout.finish()
        stderr.finish()
        if not in_time:
            text = f"{argv[0]} was stopped after {limits.wall_s:g} s"
            raise ToolTimedOut(argv, -signal.SIGKILL, stderr.tail(), text)
        exit_code, cpu_s, _ = program.exited.result()
        if exit_code == -signal.SIGKILL and out_of_memory_kills() > kills_before:
            raise OutOfMemory(f"{argv[0]} was ended by the kernel: memory ran out")
        _judge_launcher(program.status, exit_code, stderr.tail())
        if exit_code and "No space left on device" in stderr.tail() and _is_full(work_dir):
            raise MachineFault(f"{argv[0]} failed: the disk of {work_dir} is full")
        _judge(argv, exit_code, cpu_s, limits, stderr.tail())
        if has_endless_number(stdout.kept):
            raise ToolFailed(argv, exit_code, stderr.tail(), f"{argv[0]} wrote a number that cannot be computed")
        return Finished(stdout=bytes(stdout.kept), stderr_tail=stderr.tail(), wall_s=time.monotonic() - begun)


async def _ends_within(exited: asyncio.Future["_End"], wall_s: float, nice: int) -> bool:
    """Whether the program ends within `wall_s` seconds, each counted for less while others want the processors too."""
    left_s = wall_s
    while not exited.done() and left_s > 0:
        share = crowding(nice)
        pause_s = min(left_s * share, CROWDING_EVERY_S)
        await asyncio.wait({exited}, timeout=pause_s)
        left_s -= pause_s / share
    return exited.done()


def crowding(nice: int) -> float:
    """How many times slower than alone a program of this niceness runs just now, from the load of the machine."""
    processors = len(os.sched_getaffinity(0))
    waiting = os.getloadavg()[0] / processors
    # Each step of niceness gives a program a quarter less of a processor that another wants.
    slower = waiting * 1.25**nice if waiting > 1 else 1.0
    # A quota stops it for the rest of each period, however idle the machine is.
    return min(MOST_CROWDING, slower * processors / available_processors())


def _program(name: str) -> str:
    """The absolute path, links unresolved: a virtual environment's Python finds itself by the path it was called."""
    found = shutil.which(name, path=policy.PATH)
    if found is None:
        raise ConfigError(f"{name}: no such program" + ("" if "/" in name else f" in {policy.PATH}"))
    return str(Path(found).absolute())


def _must_exist(work_dir: Path, readable: Sequence[Path]) -> None:
    if not work_dir.is_dir():
        raise KadrError(f"the work folder {work_dir} does not exist")
    for path in readable:
        if not path.exists():
            raise KadrError(f"{path} was to be readable and does not exist")


def _is_full(folder: Path) -> bool:
    """Whether what a program says of the disk can be true: its words may come from the file that it reads."""
    disk = shutil.disk_usage(folder)
    return disk.free < FULL_BYTES or disk.free < disk.total * FULL_SHARE


def _judge_launcher(status: bytes, exit_code: int, tail: str) -> None:
    """Raise LayerFailed unless the program itself was reached. `status` comes from a pipe only the launcher writes."""
    words = status.decode(errors="replace")
    reached, words = words.startswith("applied\n"), words.removeprefix("applied\n")
    if words:
        layer, _, reason = words.partition("\t")
        raise LayerFailed(layer, reason)
    if not reached and exit_code >= 0:
        raise LayerFailed("launcher", tail.strip() or f"exit code {exit_code}")


def _judge(argv: Sequence[str], exit_code: int, cpu_s: float, limits: Limits, tail: str) -> None:
    """Raise the error for an exit code other than 0."""
    if exit_code >= 0:
        if exit_code:
            raise ToolFailed(argv, exit_code, tail)
        return
    # The hard limit ends a program that ignores SIGXCPU by a SIGKILL like any other; its CPU time tells.
    if -exit_code == signal.SIGXCPU or (-exit_code == signal.SIGKILL and cpu_s >= limits.cpu_s + 4):
        raise ToolTimedOut(argv, exit_code, tail, f"{argv[0]} used up its {limits.cpu_s} s of CPU time")
    if -exit_code == signal.SIGXFSZ:
        text = f"{argv[0]} was stopped: a file grew beyond {limits.file_bytes} bytes"
        raise ToolFailed(argv, exit_code, tail, text)
    with contextlib.suppress(ValueError):
        name = signal.Signals(-exit_code).name
        raise ToolKilled(argv, exit_code, tail, f"{argv[0]} was ended by {name}: {tail[-400:].strip()}")
    raise ToolKilled(argv, exit_code, tail)


class _End(NamedTuple):
    """How a program ended, and what it and the programs it had started have used."""

    exit_code: int
    cpu_s: float
    peak_bytes: int  # of resident memory; 0: no more than this process has had, which the kernel carries over


class _Program:
    """One started program: its pipes, its end. Lives on the loop's thread.

    Not asyncio's subprocess: that reaps the program on its own, and only an unreaped leader keeps the number of its
    group from being given to somebody else while we kill the group.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        *,
        work_dir: Path,
        stdin: bytes,
        take: Mapping[Literal["stdout", "stderr"], Callable[[bytes], None]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[_End] = self._loop.create_future()
        self.fault: Exception | None = None  # what ended the program from our side
        self.status = b""  # the launcher's words
        self._muted = False
        self._started, self._pidfd, fds = _start(command, work_dir, stdin)
        self._loop.add_reader(self._pidfd, self._reap)
        self._pipes = [
            Pipe(fds[0], self._guarded(take["stdout"])),
            Pipe(fds[1], self._guarded(take["stderr"])),
            Pipe(fds[2], self._take_status),
        ]

    def _guarded(self, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def taking(chunk: bytes) -> None:
            if self._muted:
                return
            try:
                take(chunk)
            except Exception as exc:  # noqa: BLE001  the caller's callback; run() raises it again
                self.fault = exc
                self._muted = True
                self.kill()

        return taking

    def _take_status(self, chunk: bytes) -> None:
        self.status += chunk

    def mute(self) -> None:
        """Keep reading without calling the callbacks: a cancelled run must not report progress."""
        self._muted = True

    def kill(self) -> None:
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._started.pid, signal.SIGKILL)

    def _reap(self) -> None:
        """The group's leader has ended: kill the rest of its group before the group id can be reused."""
        self._loop.remove_reader(self._pidfd)
        self.kill()
        _, status, usage = os.wait4(self._started.pid, 0)
        os.close(self._pidfd)
        self._started.returncode = os.waitstatus_to_exitcode(status)
        own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu_s, peak_bytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 * (usage.ru_maxrss > own_kib)
        self.exited.set_result(_End(self._started.returncode, cpu_s, peak_bytes))

    async def end(self) -> None:
        """Kill the process group and wait until it has ended, through any number of cancellations."""
        self.kill()
        cancelled = await _outlast([self.exited], REAP_S)
        if not self.exited.done():  # still reaped when it ends: the reader of its pidfd stays
            _LOG.error("child.unreaped", child_pid=self._started.pid)
        cancelled |= await _outlast([pipe.closed for pipe in self._pipes], DRAIN_S)
        for pipe in self._pipes:
            pipe.close()
        if cancelled:
            raise asyncio.CancelledError


def _start(
    command: Callable[[int], Sequence[str]], work_dir: Path, stdin: bytes
) -> tuple[subprocess.Popen[bytes], int, tuple[int, int, int]]:
    """Start a program. Returns it, its pidfd, and the read ends of stdout, stderr and the launcher's status pipe."""
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:

        def pipe() -> tuple[int, int]:
            reading, writing = os.pipe()
            ours.callback(os.close, reading)
            theirs.callback(os.close, writing)
            return reading, writing

        # Input from memory rather than a pipe: nobody has to feed it, and a program that never reads it is no trouble.
        given = os.memfd_create("stdin") if stdin else os.open(os.devnull, os.O_RDONLY)
        theirs.callback(os.close, given)
        if stdin:
            with open(given, "wb", closefd=False) as file:
                file.write(stdin)
            os.lseek(given, 0, os.SEEK_SET)
        (out, out_w), (err, err_w), (status, status_w) = pipe(), pipe(), pipe()
        home = str(work_dir.absolute())
        try:
            started = subprocess.Popen(
                command(status_w),
                cwd=home,
                env={"PATH": policy.PATH, "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home, **QUIET},
                stdin=given,
                stdout=out_w,
                stderr=err_w,
                pass_fds=(status_w,),
                process_group=0,  # not a session: within the worker's own its nice value counts (core.sandbox.niceness)
            )
        except OSError as exc:
            raise Transient(f"cannot start another program: {exc}") from exc
        try:
            pidfd = os.pidfd_open(started.pid)
        except OSError as exc:
            started.kill()
            started.wait()
            raise ConfigError(f"this kernel has no pidfd_open; Linux 5.4 or newer is needed: {exc}") from exc
        ours.pop_all()
        return started, pidfd, (out, err, status)


async def _outlast(futures: Iterable[asyncio.Future[None] | asyncio.Future[_End]], seconds: float) -> bool:
    """Wait for all futures, at most `seconds`. True when cancelled meanwhile: callers raise CancelledError again."""
    deadline = time.monotonic() + seconds
    cancelled = False
    while (waiting := {f for f in futures if not f.done()}) and (left := deadline - time.monotonic()) > 0:
        try:
            await asyncio.wait(waiting, timeout=left)
        except asyncio.CancelledError:
            cancelled = True
    return cancelled
