"""core.sandbox.child: the life of a program, whichever way it ends. Real programs in the real sandbox; nothing is
faked."""

import asyncio
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import core
from core.errors import ConfigError, KadrError, MachineFault, OutOfMemory, ToolFailed, ToolKilled, ToolTimedOut
from core.sandbox import child, niceness
from core.sandbox.child import ChildRunner, Finished, Limits, crowding

MIB = 1024 * 1024
ROOT = Path(core.__file__).parent.parent
AMPLE = Limits(wall_s=15, cpu_s=15, memory_bytes=1024 * MIB, file_bytes=64 * MIB)


@pytest.fixture(scope="session")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


@pytest.fixture
def python(runner: ChildRunner, tmp_path: Path) -> Callable[..., object]:
    def run(code: str, limits: Limits = AMPLE, **more: object) -> object:
        return runner.run([sys.executable, "-I", "-B", "-c", code], work_dir=tmp_path, limits=limits, **more)

    return run


def limits(**changed: float) -> Limits:
    return Limits(**{name: getattr(AMPLE, name) for name in AMPLE.__slots__} | changed)


def alive(marker: str) -> dict[int, bytes]:
    """Pid -> command line of those that carry the marker; a zombie has none any more."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in words:
                found[int(entry.name)] = words
    return found


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def zombies() -> list[str]:
    """Names of our ended and unreaped children."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue
            if rest.split()[:2] == ["Z", str(os.getpid())]:
                found.append(name)
    return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def forever() -> str:
    """A length of sleep nobody else uses, so that the sleeper can be found by it."""
    return f"3600.{secrets.randbelow(10**12):012d}"


async def test_what_a_program_finds(python, tmp_path, monkeypatch):
    monkeypatch.setenv("KADR_S3_SECRET_KEY", "hunter2")
    done = await python("import os; print(sorted(os.environ.items())); print(os.getcwd()); print(open(0).read() == '')")
    environment, folder, no_input = done.stdout.decode().splitlines()
    home = str(tmp_path)
    expected = {"HOME": home, "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "TMPDIR": home}
    expected |= {"OPENBLAS_NUM_THREADS": "1", "SVT_LOG": "1"}
    assert environment == str(sorted(expected.items()))
    assert (folder, no_input) == (home, "True")


async def test_only_three_descriptors_come_along(python, tmp_path):
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        done = await python(
            "import os\n"
            "for fd in range(256):\n"
            "    try: os.fstat(fd)\n"
            "    except OSError: continue\n"
            "    print(fd, end=' ')"
        )
    assert done.stdout == b"0 1 2 "


async def test_stdin_arrives_whole(python):
    sent = os.urandom(3 * MIB)
    done = await python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", stdin=sent)
    assert done.stdout == sent[::-1]


async def test_unread_stdin_is_no_trouble(python):
    assert (await python("print(1)", stdin=bytes(3 * MIB))).stdout == b"1\n"


async def test_nice_and_first_choice_of_the_oom_killer(python):
    seen: list[str] = []

    def look(pid: str) -> None:
        seen.append(Path(f"/proc/{pid}/oom_score_adj").read_text().strip())
        seen.append(str(os.getpriority(os.PRIO_PROCESS, int(pid))))

    expected = os.getpriority(os.PRIO_PROCESS, 0) + 7
    await python("import os, time; print(os.getpid(), flush=True); time.sleep(0.3)", on_stdout_line=look, nice=7)
    assert seen == ["500", str(min(expected, 19))]


async def test_nice_values_count_among_the_programs_of_a_worker(python):
    """With the kernel's autogroups they do so within a session only; a group of its own is what a timeout kills."""
    done = await python("import os; print(os.getsid(0), os.getpgid(0) == os.getpid())")
    assert done.stdout.decode().split() == [str(os.getsid(0)), "True"]


async def test_a_runner_apart_counts_the_cpu_time_of_its_own_programs(tmp_path):
    whole = ChildRunner((), {})
    first, second = whole.apart(), whole.apart(nicer=3)
    busy = "import time; begun = time.process_time()\nwhile time.process_time() - begun < 0.2: pass"
    await first.run([sys.executable, "-c", busy], work_dir=tmp_path, limits=AMPLE)
    with pytest.raises(ToolFailed):
        await first.run([sys.executable, "-c", f"{busy}\nraise SystemExit(1)"], work_dir=tmp_path, limits=AMPLE)
    nice = await second.run(
        [sys.executable, "-c", "import os; print(os.nice(0))"], work_dir=tmp_path, limits=AMPLE, nice=1
    )
    assert 0.4 <= first.cpu_s < 3
    assert second.cpu_s < 0.4
    assert whole.cpu_s == 0
    assert int(nice.stdout) == min(os.nice(0) + 4, 19)


async def test_a_runner_apart_knows_the_memory_of_its_largest_program(runner, tmp_path):
    """The largest counts, whether it came first or last, and the programs of other runners do not."""
    apart, other = runner.apart(), runner.apart()
    most = 100 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # less than our own cannot be told
    limits = replace(AMPLE, memory_bytes=(most + 500) * MIB)
    for count in (1, most, 1):
        hold = f"held = bytearray({count * MIB}); held[::4096] = b'x' * len(held[::4096])"
        await apart.run([sys.executable, "-I", "-c", hold], work_dir=tmp_path, limits=limits)
    assert most * MIB < apart.peak_bytes < (most + 100) * MIB
    assert other.peak_bytes == 0


async def test_failure_carries_command_code_and_words(python):
    with pytest.raises(ToolFailed) as caught:
        await python("import sys; sys.stderr.write('no such codec\\n'); sys.exit(3)")
    assert type(caught.value) is ToolFailed
    assert (caught.value.exit_code, caught.value.stderr_tail) == (3, "no such codec\n")
    assert caught.value.argv[0] == sys.executable
    assert "no such codec" in str(caught.value)


async def test_a_program_cannot_pass_for_the_launcher(python):
    with pytest.raises(ToolFailed) as caught:
        await python(
            "import os\n"
            "for fd in range(3, 64):\n"
            "    try: os.write(fd, b'landlock\\tlies')\n"
            "    except OSError: pass\n"
            "os.write(2, b'landlock\\tlies'); os._exit(125)"
        )
    assert caught.value.exit_code == 125


async def test_what_cannot_start_says_so(runner, tmp_path):
    async def start(*argv: str, work_dir: Path = tmp_path, readable: tuple[Path, ...] = ()) -> Finished:
        return await runner.run(argv, work_dir=work_dir, limits=AMPLE, readable=readable)

    with pytest.raises(ConfigError, match="no-such-program: no such program in /usr"):
        await start("no-such-program")
    with pytest.raises(ConfigError, match=r"/nowhere/ffmpeg: no such program$"):
        await start("/nowhere/ffmpeg")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x7fELF but not really")
    garbage.chmod(0o755)
    with pytest.raises(ConfigError, match="exec failed: Exec format error"):
        await start(str(garbage))
    with pytest.raises(KadrError, match=r"work folder .* does not exist"):
        await start("true", work_dir=tmp_path / "absent")
    with pytest.raises(KadrError, match=r"absent\.mp4 was to be readable"):
        await start("true", readable=(tmp_path / "absent.mp4",))


@pytest.mark.parametrize("sent", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
async def test_a_signal_that_was_not_ours(python, sent):
    with pytest.raises(ToolKilled, match=sent.name) as caught:
        await python(f"import os; os.kill(os.getpid(), {int(sent)})")
    assert caught.value.exit_code == -sent


async def test_a_crash_is_a_crash(python):
    with pytest.raises(ToolKilled, match="SIGSEGV"):
        await python("import ctypes; ctypes.string_at(0)")


async def test_memory_that_ran_out_is_no_crash(python, monkeypatch):
    """The kernel's counter of such ends tells it from any other SIGKILL."""
    suicide = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ToolKilled):
        await python(suicide)
    counts = iter((3, 4))
    monkeypatch.setattr(child, "out_of_memory_kills", lambda: next(counts))
    with pytest.raises(OutOfMemory):
        await python(suicide)


async def test_a_full_disk_is_no_failure_of_the_program(python, monkeypatch):
    """What a program says is believed where the disk is full indeed: it may be quoting the file."""
    code = "import sys; sys.exit('write: No space left on device')"
    with pytest.raises(ToolFailed):
        await python(code)
    usage = shutil.disk_usage("/")._replace(free=MIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MachineFault):
        await python(code)


@pytest.mark.parametrize(
    ("load", "processors", "nice", "slower"),
    [(0.5, 2, 19, 1.0), (2.0, 2, 5, 1.0), (24.0, 2, 0, 12.0), (4.0, 2, 1, 2.5), (900.0, 1, 19, 50.0)],
)
def test_how_crowded_it_is(monkeypatch, load, processors, nice, slower):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    assert crowding(nice) == pytest.approx(slower)


def test_a_quota_slows_a_program_on_an_idle_machine_too(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 0.0, 0.0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(child, "available_processors", lambda: 0.5)
    assert crowding(0) == pytest.approx(16.0)


async def test_time_counts_for_less_on_a_crowded_machine(python, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (40.0 * (os.cpu_count() or 1), 0.0, 0.0))
    done = await python("import time; time.sleep(0.3)", limits(wall_s=0.2))
    assert done.wall_s >= 0.3


async def test_time_counts_for_less_where_others_go_first(runner, tmp_path, monkeypatch):
    """A program beside another one of its owner is nicer than its own niceness says, and slower by that."""
    monkeypatch.setattr(os, "getloadavg", lambda: (2.0 * len(os.sched_getaffinity(0)), 0.0, 0.0))
    apart = runner.apart(nicer=niceness.BESIDE_OTHERS)
    finished = await apart.run(["sleep", "1"], work_dir=tmp_path, limits=limits(wall_s=0.3))
    assert finished.wall_s >= 1
    with pytest.raises(ToolTimedOut):
        await runner.run(["sleep", "9"], work_dir=tmp_path, limits=limits(wall_s=0.3))


async def test_cpu_limit(python):
    with pytest.raises(ToolTimedOut, match="1 s of CPU"):
        await python("while True: pass", limits(cpu_s=1))


async def test_file_size_limit(runner, tmp_path):
    argv = ["sh", "-c", "exec head -c 2000000 /dev/zero > big"]
    with pytest.raises(ToolFailed, match="a file grew beyond 1000000 bytes"):
        await runner.run(argv, work_dir=tmp_path, limits=limits(file_bytes=1_000_000))
    assert (tmp_path / "big").stat().st_size == 1_000_000


async def test_memory_limit(python):
    code = "try: bytearray(1 << 30)\nexcept MemoryError: print('refused')"
    assert (await python(code, limits(memory_bytes=300 * MIB))).stdout == b"refused\n"


async def test_open_files_limit(python):
    code = "import os\ntry:\n    while True: os.dup(0)\nexcept OSError as e: print(e.errno)"
    assert (await python(code, limits(open_files=40))).stdout == b"24\n"


async def test_a_flood_of_stderr_is_read_and_forgotten(python):
    code = "import os\nfor _ in range(800): os.write(2, b'x' * 65535 + b'\\n')\nos.write(2, 'конец'.encode())"
    done = await python(code)
    assert len(done.stderr_tail.encode()) == 16 * 1024
    assert done.stderr_tail.endswith("x\nконец")


async def test_a_flood_of_stdout_ends_the_program(python, forever):
    code = f"import os\nwhile True: os.write(1, bytes(65536)) # {forever}"
    with pytest.raises(ToolFailed, match="more than 1048576 bytes to stdout"):
        await python(code, max_stdout_bytes=MIB)
    assert not alive(forever)
    assert len((await python("import os; os.write(1, bytes(65536))", max_stdout_bytes=65536)).stdout) == 65536


async def test_lines_end_at_either_sign_and_may_be_long(python):
    out: list[str] = []
    err: list[str] = []
    code = (
        "import os, time\n"
        "os.write(1, 'frame=1\\rframe=2\\r\\nк'.encode()[:-1]); time.sleep(0.05)\n"
        "os.write(1, 'к'.encode()[1:] + b'\\n' + b'y' * 300_000 + b'\\nlast')\n"
        "os.write(2, b'z' * 300_000 + b'\\n\\n\\rfoo')"
    )
    done = await python(code, on_stdout_line=out.append, on_stderr_line=err.append)
    assert out == ["frame=1", "frame=2", "к", "y" * 300_000, "last"]
    assert "".join(err) == "z" * 300_000 + "foo"
    assert err[-1] == "foo"
    assert max(map(len, err)) <= 128 * 1024
    assert done.stdout == b""


async def test_one_line_of_stdout_is_bounded_too(python):
    with pytest.raises(ToolFailed, match="a line of more than"):
        await python("import os\nwhile True: os.write(1, bytes(65536))", on_stdout_line=print, max_stdout_bytes=MIB)


async def test_an_error_of_the_callback_ends_the_program(python, forever):
    def stumble(line: str) -> None:
        raise LookupError(line)

    with pytest.raises(LookupError, match="hello"):
        await python(f"import time; print('hello', flush=True); time.sleep({forever})", on_stdout_line=stumble)
    assert not alive(forever)


async def test_wall_time_ends_the_whole_family(runner, tmp_path, forever):
    argv = ["sh", "-c", f"sleep {forever} & (sleep {forever} & sleep {forever}) & echo started >&2; sleep {forever}"]
    seen: list[int] = []
    with pytest.raises(ToolTimedOut, match=r"stopped after 0\.5 s") as caught:
        await runner.run(
            argv,
            work_dir=tmp_path,
            limits=limits(wall_s=0.5),
            on_stderr_line=lambda _: seen.extend(alive(forever)),
        )
    assert seen
    assert caught.value.stderr_tail == "started\n"
    assert not alive(forever)


async def test_what_a_program_leaves_behind_is_ended(runner, tmp_path, forever):
    done = await runner.run(["sh", "-c", f"sleep {forever} & echo done"], work_dir=tmp_path, limits=AMPLE)
    assert done.stdout == b"done\n"
    assert not alive(forever)


async def test_cancellation_leaves_nothing(runner, tmp_path, forever):
    argv = ["sh", "-c", f"trap '' TERM INT HUP; sleep {forever} & sleep {forever}; echo late"]
    lines: list[str] = []
    task = asyncio.create_task(runner.run(argv, work_dir=tmp_path, limits=AMPLE, on_stdout_line=lines.append))
    await until(lambda: len(alive(forever)) == 3)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # once more, while the first is being obeyed
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(forever)
    assert lines == []


async def test_cancellation_before_the_program_has_begun(runner, tmp_path, forever):
    for turns in range(6):
        task = asyncio.create_task(runner.run(["sleep", forever], work_dir=tmp_path, limits=AMPLE))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not alive(forever)


async def test_many_at_once(python):
    before = descriptors()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(python(f"print({n})")) for n in range(16)]
    assert [int(task.result().stdout) for task in tasks] == list(range(16))
    assert descriptors() == before
    assert zombies() == []


WORKER = """
import asyncio, sys
from pathlib import Path
from core.sandbox.child import ChildRunner, Limits

async def main():
    runner = await ChildRunner.detect("best-effort")
    limits = Limits(wall_s=600, cpu_s=600, file_bytes=1000)
    await runner.run(["sleep", sys.argv[1]], work_dir=Path(sys.argv[2]), limits=limits)

asyncio.run(main())
"""


async def test_a_killed_worker_takes_the_program_along(runner, tmp_path, forever):
    if "pdeathsig" not in runner.layers:
        pytest.skip(f"no pdeathsig here: {runner.missing['pdeathsig']}")
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    worker = subprocess.Popen([sys.executable, "-c", WORKER, forever, str(tmp_path)], env=env)  # noqa: ASYNC220
    try:
        # The worker, and the program: not the launcher still on its way to it, though that must end as well.
        await until(lambda: any(b"sandbox_launcher" not in words for words in alive(f"sleep\0{forever}").values()))
    finally:
        worker.kill()
        worker.wait()
    await until(lambda: not alive(forever))
    assert alive(forever) == {}


async def test_uvloop(runner, tmp_path, forever):
    uvloop = pytest.importorskip("uvloop")

    async def both() -> Finished:
        with pytest.raises(ToolTimedOut):
            argv = ["sh", "-c", f"sleep {forever} & sleep {forever}"]
            await runner.run(argv, work_dir=tmp_path, limits=limits(wall_s=0.3))
        lines: list[str] = []
        await runner.run(["seq", "20000"], work_dir=tmp_path, limits=AMPLE, on_stdout_line=lines.append)
        assert lines == [str(n) for n in range(1, 20001)]
        return await runner.run(["cat"], work_dir=tmp_path, limits=AMPLE, stdin=b"under uvloop")

    def in_a_thread() -> Finished:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as its:
            return its.run(both())

    begun = time.monotonic()
    done = await asyncio.to_thread(in_a_thread)
    assert done.stdout == b"under uvloop"
    assert 0 < done.wall_s <= time.monotonic() - begun
    assert not alive(forever)


@pytest.mark.parametrize("number", ["1e1000000000", "-1.5E+99999", " 1e1_0000 ", "1/3e9999"])
async def test_a_number_that_takes_for_ever_to_compute_is_refused(python: Callable[..., object], number: str) -> None:
    """As a Fraction it would hang whoever reads it: a worker, or the origin's event loop."""
    with pytest.raises(ToolFailed, match="cannot be computed"):
        await python(f"import json; print(json.dumps({{'time_s': {number!r}}}))")


async def test_other_numbers_and_texts_come_through(python: Callable[..., Finished]) -> None:
    said = ["30000/1001", "1e-7", "1e308", "0x1e99999", "1e10000 bottles", "e99999"]
    finished = await python(f"import json; print(json.dumps({said!r}))")
    assert finished.stdout.decode().strip() == str(said).replace("'", '"')
