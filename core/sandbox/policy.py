"""What a program that touches an upload may do: described here as values, applied by core/sandbox/launcher.py.

In: limits, a work folder, what may be read, the layers this machine has. Out: the launcher's argv.
Refuses nothing itself and starts nothing; core.sandbox.child does. Everything not allowed here is denied in the child:
files outside the lists (Landlock), the network, other programs and risky system calls (seccomp).
"""

import functools
import importlib.util
import os
import struct
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

GIB = 1024**3

# In the launcher's order. Each is applied whole or the launcher stops with its name.
LAYERS = ("namespaces", "rlimits", "no_new_privs", "no_capabilities", "landlock", "pdeathsig", "seccomp")
# The extra is a second wall around the network. Alone it would not do: sockets in the file system, a database's for
# one, are reached through it.
REQUIRED = frozenset(LAYERS) - {"namespaces"}

# RLIMIT_NPROC counts per user. A ladder on a machine with 128 cores runs about a thousand threads. Where there are no
# user namespaces, as in most containers, all workers of the machine count together: then it only bounds what would fork
# without end.
MAX_TASKS_IN_NAMESPACE = 2048
MAX_TASKS_OF_USER = 16384

LAUNCHER = Path(__file__).with_name("launcher.py")
PATH = "/usr/local/bin:/usr/bin:/bin"

# Our own packages a child may import. The rest of a checkout stays closed: the default home, with its keys, lies there.
ROOMS = ("core", "presets", "transcode", "thumbnails", "subtitles")

SYSTEM_TREES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = (
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf"),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/crypto/fips_enabled", "/proc/sys/kernel/osrelease"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on CPU time, wall time, memory and file size of one sandboxed run."""

    wall_s: float  # on an idle machine, then SIGKILL to the group; on a crowded one as much more as it is slower
    cpu_s: int  # SIGXCPU; SIGKILL five seconds later (equal limits would end it as an anonymous SIGKILL)
    memory_bytes: int = 6 * GIB  # address space; a six-rung 1080p ladder peaks at 2.2 GB of it
    file_bytes: int  # per file written
    open_files: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """The system calls one architecture's seccomp filter refuses, by number."""

    arch: int  # AUDIT_ARCH_*; any other ends the program
    denied: tuple[int, ...]  # EPERM
    absent: tuple[int, ...]  # ENOSYS, so that libc falls back to the older call the filter can look into
    own: tuple[int, ...]  # EPERM unless the first argument is 0 or the program's own pid
    masked: tuple[tuple[int, int, int, int], ...]  # (call, argument, mask, value): EPERM when argument & mask == value


# x86_64 and aarch64 numbers; "-" where the architecture has no such call.
_DENIED = """
# network (no socket means no connect either; both, so that an inherited one is useless)
socket 41 198, socketpair 53 199, bind 49 200, connect 42 203, listen 50 201, accept 43 202, accept4 288 242
# other programs of the same user: the worker, the servers beside it
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, process_mrelease 448 448
kcmp 312 272, pidfd_open 434 434, pidfd_getfd 438 438, pidfd_send_signal 424 424, rt_sigqueueinfo 129 138
rt_tgsigqueueinfo 297 240, tkill 200 130, migrate_pages 256 238, move_pages 279 239, setpriority 141 140
ioprio_set 251 30, sched_setscheduler 144 119, sched_setparam 142 118, sched_setattr 314 274
# leaving the group that a timeout kills
setsid 112 157, setpgid 109 154
# System V and POSIX queues and shared memory: a PostgreSQL of the same user keeps its lock there
shmget 29 194, shmat 30 196, shmctl 31 195, semget 64 190, semop 65 193, semtimedop 220 192, semctl 66 191
msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187, mq_open 240 180, mq_unlink 241 181
# changes to files by path that Landlock does not look at
chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55, lchown 94 -, fchownat 260 54
utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88, setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7
setxattrat 463 463, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, removexattrat 466 466
file_setattr 469 469, truncate 76 45, inotify_add_watch 254 27, fanotify_init 300 262, fanotify_mark 301 263
name_to_handle_at 303 264, open_by_handle_at 304 265, quotactl 179 60, quotactl_fd 443 443
# interfaces of the kernel that decoders do not need
io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427, bpf 321 280, userfaultfd 323 282
perf_event_open 298 241, keyctl 250 219, add_key 248 217, request_key 249 218, personality 135 92, modify_ldt 154 -
iopl 172 -, ioperm 173 -, lookup_dcookie 212 18
# the machine
unshare 272 97, setns 308 268, mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, open_tree 428 428
open_tree_attr 467 467, move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433
mount_setattr 442 442, swapon 167 224, swapoff 168 225, reboot 169 142, kexec_load 246 104, kexec_file_load 320 294
init_module 175 105, finit_module 313 273, delete_module 176 106, acct 163 89, syslog 103 116, sethostname 170 161
setdomainname 171 162, settimeofday 164 170, clock_settime 227 112, adjtimex 159 171, clock_adjtime 305 266
vhangup 153 58
"""
_ABSENT = "clone3 435 435, openat2 437 437"
_OWN = "kill 62 129, tgkill 234 131, prlimit64 302 261, sched_setaffinity 203 122"
_MASKED = "clone 56 220, prctl 157 167, open 2 -, openat 257 56"
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_NAMESPACES = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_O_TRUNC, _O_ACCMODE, _PR_SET_PDEATHSIG = 0o1000, 0o3, 1


def refusals(machine: str) -> Refusals | None:
    """The seccomp filter of an architecture (`os.uname().machine`); None for an unknown one."""
    if machine not in _ARCHITECTURES or struct.calcsize("P") != 8:
        return None
    column = tuple(_ARCHITECTURES).index(machine)
    by_name = dict(_calls(_MASKED, column))
    masked = [(by_name["clone"], 0, flag, flag) for flag in _NEW_NAMESPACES]
    masked.append((by_name["prctl"], 0, 0xFFFFFFFF, _PR_SET_PDEATHSIG))
    # Before Landlock ABI 3 an open for reading could still empty the file.
    flags_at = (("open", 1), ("openat", 2))
    masked += [(by_name[n], at, _O_TRUNC | _O_ACCMODE, _O_TRUNC) for n, at in flags_at if n in by_name]
    return Refusals(
        arch=_ARCHITECTURES[machine],
        denied=tuple(n for _, n in _calls(_DENIED, column)),
        absent=tuple(n for _, n in _calls(_ABSENT, column)),
        own=tuple(n for _, n in _calls(_OWN, column)),
        masked=tuple(masked),
    )


def _calls(table: str, column: int) -> Iterator[tuple[str, int]]:
    for line in table.splitlines():
        for entry in () if line.startswith("#") else filter(None, line.split(",")):
            name, *numbers = entry.split()
            if numbers[column] != "-":
                yield name, int(numbers[column])


def missing_required(layers: Collection[str]) -> tuple[str, ...]:
    """Required layers that are not among `layers`; empty when the sandbox is complete."""
    return tuple(layer for layer in LAYERS if layer in REQUIRED and layer not in layers)


@functools.cache
def system_trees() -> tuple[str, ...]:
    """Launcher arguments for what every program may read: system libraries, this Python, Kadr's own packages."""
    running: list[Path] = [Path(p) for p in SYSTEM_TREES]
    for prefix in {Path(sys.prefix), Path(sys.base_prefix)}:
        # Not the prefix itself: an installation may keep its home beside bin and lib.
        running += [prefix / "bin", prefix / "lib", prefix / "lib64", prefix / "pyvenv.cfg"]
    reading = [Path(p) for p in SYSTEM_FILES] + room_folders()
    trees = [f"tree=rx:{p.resolve()}" for p in running if p.exists()] + [f"tree=r:{p}" for p in reading if p.exists()]
    return ("tree=dev:/dev/null", *dict.fromkeys(trees))


def room_folders() -> list[Path]:
    """Folders of Kadr's packages that a child may import."""
    specs = (importlib.util.find_spec(room) for room in ROOMS)
    return [Path(folder).resolve() for s in specs if s for folder in s.submodule_search_locations or ()]


def launcher_argv(
    argv: Sequence[str],
    *,
    layers: Collection[str],
    limits: Limits,
    work_dir: Path,
    readable: Sequence[Path],
    parent_pid: int,
    status_fd: int,
    nice: int,
) -> list[str]:
    """The command that applies `layers` and then becomes `argv`; argv[0] is an absolute path."""
    tasks = MAX_TASKS_IN_NAMESPACE if "namespaces" in layers else MAX_TASKS_OF_USER
    words = [f"status={status_fd}", f"parent={parent_pid}", f"nice={nice}"]
    words.append("layers=" + ",".join(layer for layer in LAYERS if layer in layers))
    words += [
        f"limit=CPU:{limits.cpu_s}:{limits.cpu_s + 5}",
        f"limit=AS:{limits.memory_bytes}:{limits.memory_bytes}",
        f"limit=FSIZE:{limits.file_bytes}:{limits.file_bytes}",
        f"limit=NOFILE:{limits.open_files}:{limits.open_files}",
        f"limit=NPROC:{tasks}:{tasks}",
        "limit=CORE:0:0",
    ]
    if "landlock" in layers:
        words += [*system_trees(), f"tree=rx:{argv[0]}", *(f"tree=r:{p.absolute()}" for p in readable)]
        words.append(f"tree=rw:{work_dir.absolute()}")
    if "seccomp" in layers and (refused := refusals(os.uname().machine)):
        words += [
            f"arch={refused.arch}",
            *(f"{kind}={','.join(map(str, calls))}" for kind, calls in _plain(refused)),
            *(f"masked={':'.join(map(str, rule))}" for rule in refused.masked),
        ]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *words, "--", *argv]


def _plain(refused: Refusals) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return (("denied", refused.denied), ("absent", refused.absent), ("own", refused.own))


# Runs a module without listing the checkout it is in: each package is found by its own folder.
_BOOT = """
import importlib.util, os, runpy, sys
places, module, *words = sys.argv[1:]
rooms = {os.path.basename(place): place for place in places.split(os.pathsep)}
class Rooms:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in rooms:
            init = os.path.join(rooms[name], "__init__.py")
            return importlib.util.spec_from_file_location(name, init, submodule_search_locations=[rooms[name]])
sys.meta_path.insert(0, Rooms)
sys.argv = [module, *words]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def python_argv(module: str, *words: str) -> list[str]:
    """`python -m module words...` for the sandbox, where the checkout itself cannot be listed."""
    places = os.pathsep.join(map(str, room_folders()))
    return [sys.executable, "-I", "-B", "-c", _BOOT, places, module, *words]
