"""Apply the sandbox to this process, then become the program. Not imported: a script of its own, standard library only.

    python -I -S sandbox_launcher.py WORD... -- PROGRAM ARG...

In: words of core.sandbox.policy (`key=value`; json would cost a third of the start). Out: PROGRAM runs in this very
process.
Refuses to start it when one layer cannot be applied: then "layer<TAB>reason" goes to the status descriptor and the
exit code is 125. Just before the start it says "applied"; the descriptor closes by itself when the program starts,
so the program cannot write there.
"""

import ctypes
import os
import resource
import struct
import sys
from typing import NoReturn

libc = ctypes.CDLL(None, use_errno=True)
Words = dict[str, list[str]]

SIGKILL, SIGPIPE, SIGXFSZ = 9, 13, 25
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 22, 38, 47
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

# Landlock's rights over files, by bit: what each ABI knows, and what each kind of tree is given.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << b for b in range(6))
MAKE_DIR, MAKE_REG, REFER, TRUNCATE, IOCTL_DEV = 1 << 7, 1 << 8, 1 << 13, 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
RIGHTS = {
    "r": READ_FILE | READ_DIR,
    "rx": READ_FILE | READ_DIR | EXECUTE,
    "dev": READ_FILE | WRITE_FILE | TRUNCATE,
    # No execution of what was written. No symlinks, pipes, sockets or devices either: the worker opens what it finds
    # here, outside any sandbox, and would follow a link to a secret or hang on a pipe.
    "rw": READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER,
}

OOM_SCORE_ADJ = 500  # the kernel should end the encoder, not the worker


def call(what: str, result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(what: str, option: int, *values: int | ctypes.Array[ctypes.c_char]) -> None:
    padded = [ctypes.c_ulong(v) if isinstance(v, int) else v for v in (*values, 0, 0, 0, 0)[:4]]
    call(what, libc.prctl(option, *padded))


def rlimits(words: Words) -> None:
    for word in words["limit"]:
        name, soft, hard = word.split(":")
        kind = getattr(resource, f"RLIMIT_{name}")
        # Never above what we were given: an ordinary user may not raise a hard limit.
        ceiling = resource.getrlimit(kind)[1]
        allowed = int(hard) if ceiling == resource.RLIM_INFINITY else min(int(hard), ceiling)
        resource.setrlimit(kind, (min(int(soft), allowed), allowed))


def namespaces(_: Words) -> None:
    """A network of our own with nothing in it. The same user and group inside as outside, so files stay ours."""
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        write(f"/proc/self/{name}", text)


def no_new_privs(_: Words) -> None:
    prctl("no_new_privs", PR_SET_NO_NEW_PRIVS, 1)


def no_capabilities(_: Words) -> None:
    """root, or the owner of the new namespace, becomes a user like any other. no_new_privs keeps it so over exec."""
    prctl("ambient capabilities", PR_CAP_AMBIENT, 4)
    call("capset", libc.capset(struct.pack("Ii", 0x20080522, 0), bytes(24)))


def landlock(words: Words) -> None:
    version = ctypes.c_uint32(1)
    abi = call("Landlock", libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), version))
    files = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        files |= right if abi >= since else 0
    # From 4: no TCP bind or connect. From 6: no abstract sockets of others, no signals to others.
    rights = struct.pack("QQQ", files, 0b11, 0b11)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = call("ruleset", libc.syscall(LANDLOCK_CREATE_RULESET, rights, ctypes.c_size_t(len(rights)), 0))
    for word in words["tree"]:
        kind, _, path = word.partition(":")
        try:
            found = os.open(path, os.O_PATH | os.O_CLOEXEC)
            # A descriptor that refers to a file may only be given the rights files have.
            is_folder = (os.fstat(found).st_mode & 0o170000) == 0o040000
            given = RIGHTS[kind] & files & (-1 if is_folder else OF_FILES)
            rule = struct.pack("=Qi", given, found)
            call(path, libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, rule, 0))
        except OSError as exc:
            raise OSError(exc.errno, f"{path}: {os.strerror(exc.errno or 0)}") from exc
        os.close(found)
    call("restrict_self", libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def pdeathsig(words: Words) -> None:
    """Die with the worker. Set after the changes of credentials, which clear it."""
    prctl("pdeathsig", PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != int(words["parent"][0]):
        raise OSError("the worker has already exited")


def seccomp(words: Words) -> None:
    if "arch" not in words:
        raise OSError(f"no table of system calls for {os.uname().machine}")
    code = filter_code(words, os.getpid())
    rules = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(code) // 8, ctypes.addressof(rules))
    prctl("seccomp", PR_SET_SECCOMP, 2, ctypes.create_string_buffer(program, len(program)))


def filter_code(words: Words, pid: int) -> bytes:
    """The filter as classic BPF: (operation, jump if true, jump if false, operand) each."""
    load, jump_eq, jump_ge, and_, ret = 0x20, 0x15, 0x35, 0x54, 0x06
    allow, refuse, absent, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    number, arch, arguments = 0, 4, 16
    code = [(load, 0, 0, arch), (jump_eq, 1, 0, int(words["arch"][0])), (ret, 0, 0, kill), (load, 0, 0, number)]
    # x86_64 has a second table of numbers, x32, above this bit.
    code += [(jump_ge, 0, 1, 0x40000000), (ret, 0, 0, refuse)]
    for kind, answer in (("denied", refuse), ("absent", absent)):
        for nr in map(int, words[kind][0].split(",")):
            code += [(jump_eq, 0, 1, nr), (ret, 0, 0, answer)]
    for nr in map(int, words["own"][0].split(",")):
        code += [(jump_eq, 0, 5, nr), (load, 0, 0, arguments), (jump_eq, 2, 0, 0), (jump_eq, 1, 0, pid)]
        code += [(ret, 0, 0, refuse), (ret, 0, 0, allow)]
    for word in words["masked"]:
        nr, argument, mask, value = map(int, word.split(":"))
        code += [(jump_eq, 0, 5, nr), (load, 0, 0, arguments + 8 * argument), (and_, 0, 0, mask)]
        code += [(jump_eq, 0, 1, value), (ret, 0, 0, refuse), (load, 0, 0, number)]
    code.append((ret, 0, 0, allow))
    return b"".join(struct.pack("HBBI", *step) for step in code)


def write(path: str, text: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123  pathlib's import would cost more than all of this
        file.write(text)


def prefer_as_victim() -> None:
    """Not a wall but a preference, so a /proc that refuses it is no reason to stop."""
    try:
        with open("/proc/self/oom_score_adj") as file:  # noqa: PTH123
            current = int(file.read())
        write("/proc/self/oom_score_adj", str(max(current, OOM_SCORE_ADJ)))
    except OSError:
        pass


def stop(status: int, layer: str, reason: object) -> NoReturn:
    os.write(status, f"{layer}\t{reason}".encode(errors="replace")[:4000])
    os._exit(125)


def main(arguments: list[str]) -> NoReturn:
    cut = arguments.index("--")
    program = arguments[cut + 1 :]
    words: Words = {}
    for word in arguments[:cut]:
        key, _, value = word.partition("=")
        words.setdefault(key, []).append(value)
    status = int(words["status"][0])
    os.set_inheritable(status, False)

    doing = "nice"
    try:
        prefer_as_victim()
        os.nice(int(words["nice"][0]))
        for layer in (namespaces, rlimits, no_new_privs, no_capabilities, landlock, pdeathsig, seccomp):
            doing = layer.__name__
            if doing in words["layers"][0].split(","):
                layer(words)
        doing = "exec"
        # This interpreter ignores both; the program should feel them.
        for signal in (SIGPIPE, SIGXFSZ):
            libc.signal(signal, None)
        os.write(status, b"applied\n")
        os.execv(program[0], program)  # noqa: S606  no shell is the point
    except OSError as exc:
        stop(status, doing, exc.strerror or exc)
    except Exception as exc:  # noqa: BLE001  whatever it is, the program must not start without this layer
        stop(status, doing, repr(exc))


if __name__ == "__main__":
    main(sys.argv[1:])
