"""core.sandbox.policy: the recipe as a value, and what a program really cannot do. Real programs in the real
sandbox."""

import asyncio
import os
import secrets
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

import core
from core.errors import ConfigError, ToolFailed
from core.sandbox import launcher, policy
from core.sandbox.child import ChildRunner, Limits, python_argv

MIB = 1024 * 1024
ROOT = Path(core.__file__).resolve().parent.parent
AMPLE = Limits(wall_s=20, cpu_s=30, file_bytes=64 * MIB)


@pytest.fixture(scope="session")
async def runner() -> ChildRunner:
    return await ChildRunner.detect("best-effort")


@pytest.fixture
def needs(runner: ChildRunner) -> Callable[..., None]:
    def check(*layers: str) -> None:
        for layer in layers:
            if layer in runner.missing:
                pytest.skip(f"no {layer} here: {runner.missing[layer]}")

    return check


@pytest.fixture
def attempt(runner: ChildRunner, tmp_path: Path) -> Callable[..., object]:
    """Run Python code in the sandbox and return what it printed; a refusal is printed by its class name."""

    async def run(code: str, *, by: ChildRunner = runner, readable: tuple[Path, ...] = ()) -> str:
        work = tmp_path / "work"
        await asyncio.to_thread(work.mkdir, exist_ok=True)
        indented = "".join(f"    {line}\n" for line in code.splitlines())
        guarded = f"try:\n{indented}except OSError as exc:\n    print(type(exc).__name__)"
        argv = [sys.executable, "-I", "-B", "-c", f"import ctypes, os, signal, socket, sys\n{guarded}"]
        return (await by.run(argv, work_dir=work, limits=AMPLE, readable=readable)).stdout.decode().strip()

    return run


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A secret of the same user, beside the work folder."""
    secret = tmp_path / "endpoints.json"
    secret.write_text("the api key")
    secret.chmod(0o600)
    return secret


# The recipe as a value.


def test_both_architectures_refuse_the_same_doors():
    x86, arm = policy.refusals("x86_64"), policy.refusals("aarch64")
    assert x86 and arm
    # From the kernel's tables: socket, connect, ptrace, mount, io_uring_setup, and each one's clone flags.
    assert {41, 42, 101, 165, 425} <= set(x86.denied)
    assert {198, 203, 117, 40, 425} <= set(arm.denied)
    assert (56, 0, 0x10000000, 0x10000000) in x86.masked
    assert (220, 0, 0x10000000, 0x10000000) in arm.masked
    for refused in (x86, arm):
        everything = [*refused.denied, *refused.absent, *refused.own, *{rule[0] for rule in refused.masked}]
        assert len(everything) == len(set(everything))


def test_an_unknown_architecture_has_no_filter():
    assert policy.refusals("riscv64") is None


def test_only_namespaces_are_an_extra():
    layers = set(policy.LAYERS)
    assert policy.missing_required(layers) == ()
    assert policy.missing_required(layers - {"namespaces"}) == ()
    assert policy.missing_required(layers - {"seccomp", "rlimits"}) == ("rlimits", "seccomp")


def test_launcher_argv(tmp_path):
    argv = policy.launcher_argv(
        ["/usr/bin/ffmpeg", "-version"],
        layers={"pdeathsig", "rlimits", "landlock"},
        limits=Limits(wall_s=1, cpu_s=10, memory_bytes=1000, file_bytes=2000),
        work_dir=tmp_path,
        readable=[Path("/in.mp4")],
        parent_pid=77,
        status_fd=9,
        nice=5,
    )
    assert argv[:4] == [sys.executable, "-I", "-S", str(policy.LAUNCHER)]
    cut = argv.index("--")
    assert argv[cut:] == ["--", "/usr/bin/ffmpeg", "-version"]
    words = [w for w in argv[4:cut] if w not in policy.system_trees()]
    assert words == [
        *("status=9", "parent=77", "nice=5", "layers=rlimits,landlock,pdeathsig"),
        *("limit=CPU:10:15", "limit=AS:1000:1000", "limit=FSIZE:2000:2000", "limit=NOFILE:256:256"),
        *("limit=NPROC:16384:16384", "limit=CORE:0:0"),
        *("tree=rx:/usr/bin/ffmpeg", "tree=r:/in.mp4", f"tree=rw:{tmp_path}"),
    ]


def test_the_checkout_itself_is_not_readable():
    trees = [word.split(":", 1)[1] for word in policy.system_trees()]
    assert str(ROOT / "core") in trees
    assert not [tree for tree in trees if ROOT.is_relative_to(tree)]


def verdict(code: bytes, arch: int, nr: int, *arguments: int) -> int:
    """What the kernel would answer: classic BPF over struct seccomp_data, run by hand."""
    seen = struct.pack("<IIQ6Q", nr, arch, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    at, held = 0, 0
    while True:
        operation, yes, no, value = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        match operation:
            case 0x20:
                held = struct.unpack_from("<I", seen, value)[0]
            case 0x54:
                held &= value
            case 0x15:
                at += yes if held == value else no
            case 0x35:
                at += yes if held >= value else no
            case 0x06:
                return value


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_the_filter_answers(machine):
    refused = policy.refusals(machine)
    assert refused
    words = {kind: [",".join(map(str, getattr(refused, kind)))] for kind in ("denied", "absent", "own")}
    words |= {"arch": [str(refused.arch)], "masked": [":".join(map(str, rule)) for rule in refused.masked]}
    code = launcher.filter_code(words, 4242)
    assert len(code) // 8 <= 4096

    allow, eperm, enosys, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000

    def ask(nr: int, *arguments: int) -> int:
        return verdict(code, refused.arch, nr, *arguments)

    read, clone, kill_call, prctl, openat = (0, 56, 62, 157, 257) if machine == "x86_64" else (63, 220, 129, 167, 56)
    assert verdict(code, 0x40000003, read) == kill  # i386
    assert ask(read) == allow
    assert ask(0x40000000 | read) == eperm  # x32
    assert {ask(nr) for nr in refused.denied} == {eperm}
    assert {ask(nr) for nr in refused.absent} == {enosys}
    assert [ask(kill_call, pid) for pid in (0, 4242, 1, 2**64 - 1)] == [allow, allow, eperm, eperm]
    threads, new_user = 0x3D0F00, 0x10000000
    assert [ask(clone, flags) for flags in (threads, 17, new_user | 17)] == [allow, allow, eperm]
    assert [ask(prctl, option) for option in (15, 1)] == [allow, eperm]
    read_only, write_new, empty = 0o2000000, 0o1101, 0o1000
    assert [ask(openat, 0, 0, flags) for flags in (read_only, write_new, empty)] == [allow, allow, eperm]


# What a machine lacks.

POORER = """
import asyncio
from core.sandbox import launcher, policy
from core.sandbox.child import ChildRunner
from core.errors import ConfigError

refused = policy.refusals({machine!r})
words = {{"arch": [str(refused.arch)], "denied": ["444"], "absent": ["435"], "own": ["9999"], "masked": []}}
launcher.no_new_privs({{}})
launcher.seccomp(words)  # a kernel that does not give Landlock away

async def main():
    runner = await ChildRunner.detect("best-effort")
    print("landlock" in runner.layers, runner.missing["landlock"])
    try:
        await ChildRunner.detect("require")
    except ConfigError as exc:
        print(exc)

asyncio.run(main())
"""


def test_a_missing_layer_is_named_with_the_way_out():
    machine = os.uname().machine
    if policy.refusals(machine) is None:
        pytest.skip(f"no seccomp numbers for {machine}")
    code = POORER.format(machine=machine)
    env = {"PYTHONPATH": str(ROOT), "PATH": policy.PATH}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=30, check=True)
    first, second = done.stdout.splitlines()
    assert first == "False Landlock: Operation not permitted"
    assert "Missing: landlock (" in second
    assert "KADR_SANDBOX=best-effort" in second


async def test_this_machine_has_the_whole_sandbox(runner):
    if lacking := policy.missing_required(runner.layers):
        with pytest.raises(ConfigError):
            await ChildRunner.detect("require")
        pytest.skip(f"missing here: {', '.join(lacking)}")
    assert (await ChildRunner.detect("require")).layers == runner.layers


# Files.


async def test_no_reading_outside(attempt, outside, needs):
    needs("landlock")
    assert await attempt(f"print(open({str(outside)!r}).read())") == "PermissionError"
    assert await attempt(f"print(os.listdir({str(outside.parent)!r}))") == "PermissionError"
    assert await attempt("print(open('../endpoints.json').read())") == "PermissionError"
    assert await attempt("print(open('/etc/passwd').read())") == "PermissionError"
    assert await attempt(f"print(os.listdir({str(ROOT)!r}))") == "PermissionError"
    assert await attempt(f"print(open('/proc/{os.getpid()}/environ').read())") == "PermissionError"


async def test_what_is_readable_is_only_that(attempt, outside, needs):
    needs("landlock")
    assert await attempt(f"print(open({str(outside)!r}).read())", readable=(outside,)) == "the api key"
    assert await attempt(f"open({str(outside)!r}, 'w')", readable=(outside,)) == "PermissionError"
    assert await attempt(f"os.truncate({str(outside)!r}, 0)", readable=(outside,)) == "PermissionError"
    code = f"os.open({str(outside)!r}, os.O_RDONLY | os.O_TRUNC)"
    assert await attempt(code, readable=(outside,)) == "PermissionError"
    assert outside.read_text() == "the api key"


async def test_writes_only_in_the_work_folder(attempt, tmp_path, needs):
    needs("landlock")
    assert await attempt("open('a', 'w').write('x'); os.mkdir('d'); os.rename('a', 'd/b'); print(os.listdir('d'))") == (
        "['b']"
    )
    for place in (tmp_path / "beside", Path("/tmp") / secrets.token_hex(8), Path("/dev/shm") / secrets.token_hex(8)):
        assert await attempt(f"open({str(place)!r}, 'w')") == "PermissionError"
        assert not place.exists()
    assert await attempt("open('/dev/null', 'w').write('x'); print('fine')") == "fine"


@pytest.mark.parametrize(
    "change",
    ["os.chmod(F, 0o666)", "os.chown(F, -1, -1)", "os.utime(F, (0, 0))", "os.setxattr(F, 'user.a', b'b')"],
)
async def test_no_change_of_what_landlock_does_not_see(attempt, outside, needs, change):
    needs("seccomp")
    before = outside.stat()
    assert await attempt(f"F = {str(outside)!r}; {change}") == "PermissionError"
    assert outside.stat() == before


async def test_nothing_in_the_work_folder_can_trick_the_worker(attempt, outside, needs):
    needs("landlock")
    assert await attempt(f"os.symlink({str(outside)!r}, 'out.mp4')") == "PermissionError"
    assert await attempt("os.mkfifo('out.mp4')") == "PermissionError"
    assert await attempt(f"os.link({str(outside)!r}, 'out.mp4')") in {"PermissionError", "OSError"}  # EXDEV
    assert await attempt("import shutil; shutil.copyfile('/usr/bin/true', 'x'); os.execv('./x', ['x'])") == (
        "PermissionError"
    )


# The network.


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_no_socket_at_all(attempt, needs):
    needs("seccomp")
    for family in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"):
        assert await attempt(f"socket.socket(socket.{family})") == "PermissionError"


@pytest.mark.parametrize("without", ["namespaces", "seccomp"])
async def test_no_way_to_a_port_of_this_machine(runner, attempt, listening, needs, without):
    needs("seccomp" if without == "namespaces" else "namespaces")
    poorer = ChildRunner(runner.layers - {without}, {})
    code = f"socket.create_connection(('127.0.0.1', {listening}), 2); print('through')"
    assert await attempt(code, by=poorer) in {"PermissionError", "OSError"}


# Other programs, and the kernel.


@pytest.mark.parametrize(
    "deed",
    [
        "os.kill(os.getppid(), 0)",
        "os.kill(-1, 0)",
        "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)",
        "os.fork() and (os.wait(), os._exit(0)); os.setsid()",
        "os.fork() and (os.wait(), os._exit(0)); os.setpgid(0, 0)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.sched_setaffinity(os.getppid(), {0})",
        "__import__('resource').prlimit(os.getppid(), 7)",
    ],
)
async def test_other_programs_are_out_of_reach(attempt, needs, deed):
    needs("seccomp")
    assert await attempt(deed) == "PermissionError"


# ptrace(ATTACH), unshare(NEWUSER), bpf, io_uring_setup, userfaultfd, perf_event_open, mount, memory of another, keyctl
CALLS = {
    "x86_64": ("101, 16, os.getppid()", "272, 0x10000000", "321", "425", "323", "298", "165", "310", "250"),
    "aarch64": ("117, 16, os.getppid()", "97, 0x10000000", "280", "425", "282", "241", "40", "270", "219"),
}


async def test_wide_doors_of_the_kernel_are_shut(attempt, needs):
    needs("seccomp")
    calls = "".join(f"({call},), " for call in CALLS[os.uname().machine])
    code = (
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"for call in ({calls}):\n"
        "    print(libc.syscall(*map(ctypes.c_long, (*call, 0, 0, 0))), ctypes.get_errno(), end=' ')"
    )
    assert (await attempt(code)).split() == ["-1", "1"] * 9


async def test_root_is_nobody_special(attempt, needs):
    needs("no_capabilities")
    code = (
        "libc = ctypes.CDLL(None)\n"
        "header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()\n"
        "print(libc.capget(header, sets), any(sets), os.getuid())"
    )
    assert await attempt(code) == f"0 False {os.getuid()}"


async def test_no_bomb_of_forks(attempt, needs):
    needs("namespaces")
    if os.getuid() == 0:
        pytest.skip("the kernel does not count root's tasks")
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (20, 20))\n"
        "for _ in range(40): os.fork() or os._exit(0)"
    )
    assert await attempt(code) == "BlockingIOError"


# What must still work.


async def test_ffmpeg_encodes_and_pyav_decodes(runner, attempt, tmp_path):
    work = tmp_path / "work"
    await asyncio.to_thread(work.mkdir)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    argv = [ffmpeg, "-nostdin", "-v", "error", "-progress", "pipe:1"]
    argv += ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    argv += ["-c:v", "libx264", "-threads", "4", "-c:a", "aac", "-movflags", "+faststart", "out.mp4"]
    lines: list[str] = []
    await runner.run(argv, work_dir=work, limits=AMPLE, on_stdout_line=lines.append)
    assert "frame=50" in lines
    assert "progress=end" in lines
    code = (
        "import av, cv2, numpy\n"
        "with av.open('out.mp4') as film:\n"
        "    film.streams.video[0].thread_type = 'AUTO'\n"
        "    frames = [f.to_ndarray(format='gray') for f in film.decode(video=0)]\n"
        "small = cv2.resize(frames[9], (16, 9), interpolation=cv2.INTER_AREA)\n"
        "cv2.imwrite('poster.png', small)\n"
        "print(len(frames), small.shape, cv2.imread('poster.png').shape)"
    )
    assert await attempt(code) == "50 (9, 16) (9, 16, 3)"


async def test_our_own_modules_run_without_the_checkout(runner, tmp_path):
    done = await runner.run(python_argv("core.model", "a word"), work_dir=tmp_path, limits=AMPLE)
    assert done.stderr_tail == ""
    with pytest.raises(ToolFailed, match="No module named"):
        await runner.run(python_argv("workers"), work_dir=tmp_path, limits=AMPLE)
