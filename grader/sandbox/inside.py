"""The warm interpreter and the processes that it forks, each behind walls before it runs a line of a student's."""

# Theory of operation
#
# This file and answering.py beside it are all of ours that runs beside student code. It is started by path
# (`python -I -S inside.py PACKAGES`) and never imports the grader: no reference, no expected value and no other submission
# is ever in this process. What is here knows Linux and its walls; what a job is and how it is answered stands in answering.py.
#
#   server  The warm interpreter. It imports NumPy once, prepares the walls once (compiles the seccomp filter, opens the
#           Landlock ruleset, finds a uid to drop to), says which layers it has, then takes one job after the other from
#           the control socket. For each it forks, watches the child's CPU and wall time from outside, kills it when they
#           are used up, and reports how it ended. It runs no student code.
#   child   One per job. It enters the walls, closes every descriptor but the reply pipe, and only then compiles and runs
#           what a student wrote, as answering.py does. The child cannot reach the control socket, so how it ended is not
#           its to say. Where no wall knows paths (neither bubblewrap nor Landlock) it may open no file at all, and finds
#           the usual modules loaded.

from __future__ import annotations

import sys

sys.path.extend(sys.argv[1:])

import ast
import contextlib
import copy  # noqa: F401  imported so that a student's `import copy` costs nothing after the fork; so are the next ones
import ctypes
import ctypes.util
import dataclasses  # noqa: F401
import gc
import importlib
import itertools  # noqa: F401
import json
import math
import mmap
import os
import platform
import random
import resource
import select
import signal
import socket
import time
import types
import typing
import warnings
from typing import Any, NoReturn

import numpy as np
import numpy.linalg
import numpy.random

OUT_OF_MEMORY_STATUS = 113  # a child that has no memory left to answer with leaves with this; job.py knows the number
MB = 1 << 20
_exit = os._exit  # student code may replace the original


def load_beside(name: str) -> types.ModuleType:
    """Return a file of this folder as a module that no import finds, since it is on no path and in no table of modules.

    It takes the name that this file runs under, which is the student's own module as soon as there is student code: a class of
    ours that says where it is from must not name a place of ours.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    module = types.ModuleType("__main__")
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec", dont_inherit=True), vars(module))  # noqa: S102  our own code
    return module


answering = load_beside("answering.py")

# --- the control socket -----------------------------------------------------------------------------------------------


def receive(control: socket.socket) -> tuple[dict[str, Any], bytes, list[int]] | None:
    """Read one frame, and the descriptors that came with it, off the control socket; None when the grader has gone."""
    start, fds, _, _ = socket.recv_fds(control, answering.LENGTHS.size, 1)
    rest = _receive_exactly(control, answering.LENGTHS.size - len(start)) if start else None
    if rest is None:
        return None
    header_size, payload_size = answering.LENGTHS.unpack(start + rest)
    body = _receive_exactly(control, header_size + payload_size)
    if body is None:
        return None
    return json.loads(body[:header_size]), bytes(body[header_size:]), fds


def _receive_exactly(control: socket.socket, size: int) -> bytearray | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        count = control.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return buffer


# --- walls ------------------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 8, 22, 38
PR_SET_NAME, PR_GET_NAME = 15, 16
SECCOMP_MODE_FILTER = 2
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446  # alike on x86_64 and aarch64
LANDLOCK_VERSION, LANDLOCK_PATH_BENEATH = 1, 1
LANDLOCK_READ_FILE, LANDLOCK_READ_DIR = 1 << 2, 1 << 3
CAPABILITY_VERSION_3, CAP_DAC_READ_SEARCH, CAP_KILL = 0x20080522, 2, 5
CLONE_THREAD = 0x00010000
CLONE_NEW_NAMESPACES = 0x7E020080  # CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
THREADS = 128
SPARE_TASKS = 1024  # that the user's other programs may start meanwhile, where a limit counts them too
MOST_TASKS = 1 << 22  # Linux has no more process ids

ALLOWED = """
    read write readv writev pread64 pwrite64 preadv pwritev close close_range lseek fstat newfstatat stat lstat statx
    statfs fstatfs access faccessat faccessat2 readlink readlinkat getcwd chdir fchdir getdents64 dup dup2 dup3 pipe
    pipe2 poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 mmap munmap mremap
    mprotect madvise brk futex sched_yield sched_getaffinity membarrier getcpu rseq set_robust_list get_robust_list
    set_tid_address sigaltstack rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait
    restart_syscall pause alarm setitimer getitimer getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid
    getegid getresuid getresgid getgroups getrandom clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday
    time times getrusage getrlimit sysinfo uname exit exit_group
""".split()  # noqa: SIM905  a list literal of this length hides the words
READ_ONLY_OPEN = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SAFE_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONCLEX FIOCLEX
SAFE_FCNTLS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC


class _LandlockRules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _LandlockPath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 wants it said; a packed structure has no other
    _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def prctl(option: int, *arguments: Any) -> None:
    """Call prctl(2)."""
    padded = [a if isinstance(a, ctypes._SimpleCData) else ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(ctypes.c_int(option), *padded) != 0:
        raise _os_error()


def syscall(number: int, *arguments: Any) -> int:
    """Call syscall(2)."""
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise _os_error()
    return result


def _os_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))


def landlock_abi() -> int:
    """Return the kernel's Landlock version; raises OSError where there is none."""
    return syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(LANDLOCK_VERSION))


def landlock_rules(abi: int) -> tuple[int, int, int, int]:
    """Return all that an ABI can deny, as masks of file rights, TCP rights and scopes, and how many bytes of them it knows.

    Source: the kernel's Documentation/userspace-api/landlock.rst. ABI 7 only added logging, which nobody here reads.
    """
    rights = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)  # refer; truncate; ioctl on devices
    tcp, scopes = 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0
    return (1 << rights) - 1, tcp, scopes, 24 if scopes else 16 if tcp else 8


def landlock_ruleset(abi: int, readable: list[str]) -> int:
    """Return a ruleset that denies all that this ABI can deny, but for reading the given trees."""
    *masks, size = landlock_rules(abi)
    rules = _LandlockRules(*masks)
    ruleset = syscall(SYS_LANDLOCK_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    for path in readable:
        _landlock_allow(ruleset, path)
    return ruleset


def _landlock_allow(ruleset: int, path: str) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    allowed = LANDLOCK_READ_FILE | (LANDLOCK_READ_DIR if os.path.isdir(path) else 0)
    rule = ctypes.byref(_LandlockPath(allowed, fd))
    syscall(SYS_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(LANDLOCK_PATH_BENEATH), rule, ctypes.c_uint32(0))
    os.close(fd)


def seccomp_filter(*, may_open: bool, machine: str = "") -> bytes:
    """Compile the allow-list to BPF for this machine or the one given; raises where libseccomp is missing.

    `may_open`: files may be opened for reading, since another wall says which.
    """
    # The original runs ldconfig and gcc, which are not in the box.
    setattr(ctypes.util, "find_library", {"seccomp": "libseccomp.so.2"}.get)  # noqa: B010
    import pyseccomp as sc

    rules = sc.SyscallFilter(sc.ERRNO(1))
    if machine:
        rules.remove_arch(sc.Arch.NATIVE)
        rules.add_arch(getattr(sc.Arch, machine))
    rules.set_attr(sc.Attr.ACT_BADARCH, sc.KILL_PROCESS)  # 32-bit calls; by default only the thread would die
    with contextlib.suppress(OSError):  # a binary tree instead of a list: libseccomp 2.5
        rules.set_attr(sc.Attr.CTL_OPTIMIZE, 2)

    def allow(name: str, *conditions: Any, action: int = sc.ALLOW) -> None:
        with contextlib.suppress(OSError, ValueError):  # not every architecture and libseccomp knows every name
            rules.add_rule(action, name, *conditions)

    for name in ALLOWED:
        allow(name)
    for name, argument in (("open", 1), ("openat", 2)) if may_open else ():
        allow(name, sc.Arg(argument, sc.MASKED_EQ, READ_ONLY_OPEN, os.O_RDONLY))
    for request in SAFE_IOCTLS:
        allow("ioctl", sc.Arg(1, sc.MASKED_EQ, 0xFFFFFFFF, request))
    for request in SAFE_FCNTLS:
        allow("fcntl", sc.Arg(1, sc.MASKED_EQ, 0xFFFFFFFF, request))
    for option in (PR_SET_NAME, PR_GET_NAME):
        allow("prctl", sc.Arg(0, sc.MASKED_EQ, 0xFFFFFFFF, option))
    allow("prlimit64", sc.Arg(0, sc.EQ, 0), sc.Arg(2, sc.EQ, 0))  # to read one's own limits
    allow("clone", sc.Arg(0, sc.MASKED_EQ, CLONE_THREAD | CLONE_NEW_NAMESPACES, CLONE_THREAD))
    for name in ("clone3", "openat2"):  # their flags are behind a pointer that a filter cannot read; callers fall back
        allow(name, action=sc.ERRNO(38))
    memory = os.memfd_create("filter")
    with open(memory, "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


class Walls:
    """What the kernel here lets a child put between itself and the world: prepared once, entered after every fork."""

    def __init__(self, readable: list[str], *, contained: bool, without: list[str]) -> None:
        """`readable`: trees that the interpreter imports from; `contained`: bubblewrap is around us already.

        `without`: layers to leave out, so that what stays can be tested and measured by itself.
        """
        self.layers: list[str] = []
        self.missing: dict[str, str] = {}
        self.contained, self.without = contained, without
        self.server = os.getpid()
        self.ruleset = self._attempt("landlock", lambda: self._landlock(readable))
        self.keeps_files = contained or self.ruleset is not None
        self.filter = self._attempt("seccomp", self._seccomp)
        self.limited = self._attempt("rlimits", self._rlimits)
        root = os.geteuid() == 0 and not contained
        self.identity = self._attempt("uid-drop", lambda: self._uid(readable)) if root else None
        apart = self.identity is not None or (contained and kernel() >= (5, 14))  # else all of this user's processes count
        self.most_tasks = THREADS if apart or not self.limited else tasks_of_user() + THREADS + SPARE_TASKS
        self.memory_at_start = 0  # bytes; known once everything is loaded

    def _attempt(self, layer: str, prepare: typing.Callable[[], Any]) -> Any:
        if layer in self.without:
            self.missing[layer] = "not asked for"
            return None
        try:
            return prepare()
        except Exception as error:  # whatever it is, the layer is not there, and the grader decides if it can do without
            self.missing[layer] = f"{type(error).__name__}: {error}"
            return None

    def _landlock(self, readable: list[str]) -> int:
        abi = landlock_abi()
        ruleset = landlock_ruleset(abi, readable)
        self.layers.append(f"landlock-{abi}")
        return ruleset

    def _seccomp(self) -> _Program:
        # Another uid still reads what everyone may read: the reference, if its owner is careless. So without a wall that
        # knows paths nothing is opened at all, and what may be imported has been (see load_what_may_be_imported).
        self._code = seccomp_filter(may_open=self.keeps_files)
        self.layers.append("seccomp")
        return _Program(len(self._code) // 8, ctypes.cast(ctypes.c_char_p(self._code), ctypes.c_void_p))

    def _rlimits(self) -> bool:
        self.layers.append("rlimits")
        return True

    def _uid(self, readable: list[str]) -> tuple[int, bool]:
        """Return a uid of our own, and whether it needs leave to read trees of others (an interpreter in /root)."""
        uid = 61184 + self.server % 4096  # the range that systemd keeps for users made up on the spot
        status = in_fork(lambda: drop_to(uid, False) and not all(map(reachable, readable)))
        if status not in (0, 1):
            raise PermissionError("this process may not change its uid")
        if not has_capability(CAP_KILL):  # containers take it away
            raise PermissionError("this process lacks CAP_KILL, so it could not end what runs as another user")
        self.layers.append("uid-drop")
        # Without Landlock, leave to read would be leave to read everything.
        return uid, status == 1 and self.ruleset is not None

    def enter(self, limits: dict[str, Any], reply: int, extra_memory: int) -> int:
        """Lock this process in for good; returns the reply pipe's descriptor, the only one left beside /dev/null."""
        if self.limited:
            self._limit(limits, extra_memory)
        if self.identity:
            drop_to(*self.identity)
        elif os.geteuid() == 0:
            drop_capabilities()
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(PR_SET_DUMPABLE, 0)
        if os.getppid() != self.server:
            os._exit(0)
        if self.ruleset is not None:
            syscall(SYS_LANDLOCK_RESTRICT, ctypes.c_int(self.ruleset), ctypes.c_uint32(0))
        fd = os.dup2(reply, 3) if reply != 3 else 3
        os.closerange(4, 1 << 20)
        if self.filter is not None:
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(self.filter)))
        return fd

    def _limit(self, limits: dict[str, Any], extra_memory: int) -> None:
        memory = self.memory_at_start + extra_memory + limits["memory_mb"] * MB
        cpu = math.ceil(limits["cpu_seconds"]) + 1  # the server's watch is finer and comes first
        for what, most in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, cpu),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_NOFILE, 64),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NPROC, min(self.most_tasks, most_allowed(resource.RLIMIT_NPROC))),
        ):
            resource.setrlimit(what, (most, most))


def kernel() -> tuple[int, ...]:
    """Return the kernel's version as (major, minor)."""
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2] if part.isdigit())


def most_allowed(what: int) -> int:
    """Return a hard limit as a number that can be compared."""
    hard = resource.getrlimit(what)[1]
    return MOST_TASKS if hard == resource.RLIM_INFINITY else hard


def tasks_of_user() -> int:
    """Return about how many processes and threads this user has, by asking the kernel under which limit it still makes one.

    0 for root, whom that limit does not hold. Counting in /proc would miss those that are hidden.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    low, high = 0, min(most_allowed(resource.RLIMIT_NPROC), MOST_TASKS)
    while low < high:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_NPROC, (middle, hard))
        try:
            in_fork(lambda: 0)
            high = middle
        except OSError:
            low = middle + 1
    resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    return high


def drop_to(uid: int, may_read: bool) -> bool:
    """Become that user and group alone, for good; `may_read` keeps the one capability that reads past file modes."""
    prctl(PR_SET_KEEPCAPS, int(may_read))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    drop_capabilities(1 << CAP_DAC_READ_SEARCH if may_read else 0)
    return True


def drop_capabilities(kept: int = 0) -> None:
    """Keep these capabilities (a bit mask) and no other."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    if _libc.capset(header, sets) != 0:
        raise _os_error()


def has_capability(number: int) -> bool:
    """Tell whether this process may make use of one of root's rights."""
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if _libc.capget(header, sets) != 0:
        raise _os_error()
    return bool(sets[0] >> number & 1)


def reachable(path: str) -> bool:
    """Tell whether this user may read a tree's root, if there is one."""
    try:
        return os.access(path, os.R_OK, effective_ids=True)
    except OSError:
        return False


def in_fork(act: typing.Callable[[], int]) -> int:
    """Run `act` in a process of its own and return its exit status, 99 when it raised."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 99
    with contextlib.suppress(BaseException):
        status = act()
    os._exit(status)


def address_space() -> int:
    """Return this process's address space in bytes, by asking the kernel under which limit it still gets a page.

    There is no /proc in the box to read it from.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 46
    while high - low > MB:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        try:
            mmap.mmap(-1, mmap.PAGESIZE).close()
            high = middle
        except (OSError, MemoryError):
            low = middle
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return high


# --- child ------------------------------------------------------------------------------------------------------------


def child(walls: Walls, job: dict[str, Any], payload: bytes, reply: int, control: socket.socket) -> NoReturn:
    """Be the process that runs student code; never returns."""
    status = 70
    try:
        control.close()
        np.random.seed()
        random.seed()
        fd = walls.enter(job["limits"], reply, 2 * len(payload))
        answering.reserve.append(mmap.mmap(-1, 8 * MB))
        answering.run_child(job, payload, answering.Replies(fd, job["limits"]["output_mb"] * MB))
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY_STATUS
    except BaseException:
        status = 70
    finally:
        _exit(status)


# --- server -----------------------------------------------------------------------------------------------------------


def watch(pid: int, control: socket.socket, limits: dict[str, Any]) -> dict[str, Any]:
    """Wait for the child, killing it when its time is up or the grader is gone; returns how it ended."""
    started = time.monotonic()
    pidfd = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.register(control, select.POLLIN)
    killed = ""
    while True:
        wall = limits["wall_seconds"] - (time.monotonic() - started)
        cpu = limits["cpu_seconds"] - cpu_seconds_of(pid)
        if wall <= 0 or cpu <= 0:
            killed = "wall" if cpu > 0 else "cpu"
            break
        # All cores may be used at once, so look again when the CPU time could be gone at the earliest.
        ready = poller.poll(1000 * min(wall, max(cpu / (os.cpu_count() or 1), 0.005)) + 1)
        if ready:
            killed = "" if any(fd == pidfd for fd, _ in ready) else "grader"
            break
    if killed:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    os.close(pidfd)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "killed": killed,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": time.monotonic() - started,
    }


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU time that a process of ours has used."""
    return time.clock_gettime(~pid << 3 | 2)  # how Linux numbers the clock of a process: clock_getcpuclockid(3)


def serve(control: socket.socket) -> None:
    """Take one job after the other until the grader closes the socket."""
    first = receive(control)
    if first is None:
        return
    config = first[0]
    walls = Walls(config["readable"], contained=config["contained"], without=config["without"])
    answering.furnish(config["inert"])
    if walls.filter is not None and not walls.keeps_files:
        load_what_may_be_imported()
    warm_up()
    walls.memory_at_start = address_space()
    gc.collect()
    gc.freeze()  # or the first collection in each child would copy every page that holds an object
    control.sendall(answering.encode({"layers": walls.layers, "missing": walls.missing}))
    os.dup2(1, 2)  # from here on there is nobody to read complaints
    while (message := receive(control)) is not None:
        job, payload, (reply,) = message
        pid = os.fork()
        if pid == 0:
            child(walls, job, payload, reply, control)
        os.close(reply)
        control.sendall(answering.encode(watch(pid, control, job["limits"])))
        del message, job, payload


OFTEN_IMPORTED = """
    abc argparse array base64 bisect calendar cmath collections concurrent.futures.thread contextlib copy csv datetime decimal
    encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.utf_16 encodings.utf_32 enum
    fractions functools glob hashlib heapq html inspect io itertools json locale logging math
    multiprocessing.pool multiprocessing.popen_fork numbers operator os pathlib pickle
    platform pprint queue random re secrets shutil statistics string struct tempfile textwrap threading time timeit traceback
    types typing unicodedata unittest urllib.request uuid weakref zlib numpy.fft numpy.lib.stride_tricks numpy.ma numpy.matlib
    numpy.polynomial numpy.testing numpy.typing scipy.linalg scipy.special
""".split()  # noqa: SIM905  a list literal of this length hides the words


def load_what_may_be_imported() -> None:
    """Import what notebooks import, for children that may open no file; what is not on this machine stays unknown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in OFTEN_IMPORTED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    sys.modules.pop("__mp_main__", None)  # what multiprocessing calls this file


def warm_up() -> None:
    """Do once what is slow the first time, so that no child has to."""
    a = np.linspace(0.0, 1.0, 4096).reshape(64, 64)
    np.einsum("ij,jk->ik", a @ a, np.exp(a - a.max(axis=-1, keepdims=True)))
    np.linalg.inv(a + np.eye(64))
    np.random.default_rng().standard_normal(3)
    exec(compile(ast.parse("def f(x):\n    return x"), "<warm>", "exec"), {})  # noqa: S102


def main() -> None:
    """Start serving on the socket that is standard input."""
    control = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_DUMPABLE, 0)
    serve(control)


if __name__ == "__main__":
    main()
