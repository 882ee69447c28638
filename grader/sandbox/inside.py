"""The warm interpreter and the processes that it forks: the only code of ours that runs beside a student's."""

# Theory of operation
#
# This one file is all of ours that runs beside student code. It is started by path (`python -I -S inside.py PACKAGES`)
# and never imports the grader: no reference, no expected value and no other submission is ever in this process.
#
#   server  The warm interpreter. It imports NumPy once, prepares the walls once (compiles the seccomp filter, opens the
#           Landlock ruleset, finds a uid to drop to), says which layers it has, then takes one job after the other from
#           the control socket. For each it forks, watches the child's CPU and wall time from outside, kills it when they
#           are used up, and reports how it ended. It runs no student code.
#   child   One per job. It enters the walls, closes every descriptor but the reply pipe, and only then compiles and runs
#           what a student wrote. Each call is answered by one frame, in order, with its number. The child cannot reach
#           the control socket, so how it ended is not its to say. Where no wall knows paths (neither bubblewrap nor
#           Landlock) it may open no file at all, and finds the usual modules loaded.
#
# All that the child says is untrusted: it shares its memory with student code. What this file does with returned values
# (plain arrays or words, never a pickle) keeps honest values whole; the grader's side checks each byte again. Frames both
# ways: two little-endian lengths, a JSON header, raw bytes; the same as in grader/tensors.py, written out twice because
# neither side may import the other.

from __future__ import annotations

import sys

sys.path.extend(sys.argv[1:])

import __future__

import ast
import builtins
import collections.abc
import contextlib
import copy  # noqa: F401  imported so that a student's `import copy` costs nothing after the fork; so are the next ones
import ctypes
import ctypes.util
import dataclasses  # noqa: F401
import dis
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import itertools  # noqa: F401
import json
import math
import mmap
import os
import platform
import random
import re
import resource
import select
import signal
import socket
import struct
import time
import types
import typing
import warnings
from typing import Any, NoReturn

import numpy as np
import numpy.linalg
import numpy.random
from numpy import array as make_array  # by name, since student code may replace what hangs on numpy
from numpy import asarray, dtype, errstate, generic, ndarray

to_json = json.dumps
LENGTHS = struct.Struct("<IQ")
MAX_HEADER = 2 << 20  # bytes
MAX_DIMENSIONS = 32
MAX_ELEMENTS = 1 << 40
MAX_DEPTH = 16
MAX_PARTS = 10_000
MAX_LIST_NUMBERS = 4_000_000
MAX_MESSAGE = 500
MAX_LOAD_ERRORS = 50
OUT_OF_MEMORY_STATUS = 113  # a child that has no memory left to answer with leaves with this; box.py knows the number
MB = 1 << 20

# --- frames -----------------------------------------------------------------------------------------------------------


def encode(header: dict[str, Any], blobs: collections.abc.Iterable[bytes] = ()) -> bytes:
    """Return one frame."""
    text, body = to_json(header).encode(), b"".join(blobs)
    return b"".join((LENGTHS.pack(len(text), len(body)), text, body))


def receive(control: socket.socket) -> tuple[dict[str, Any], bytes, list[int]] | None:
    """Read one frame, and the descriptors that came with it, off the control socket; None when the grader has gone."""
    start, fds, _, _ = socket.recv_fds(control, LENGTHS.size, 1)
    rest = _receive_exactly(control, LENGTHS.size - len(start)) if start else None
    if rest is None:
        return None
    header_size, payload_size = LENGTHS.unpack(start + rest)
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


# --- stand-ins for what a notebook has and a box has not --------------------------------------------------------------


class Inert:
    """Stands for anything of a plotting or notebook library: can be called, entered, looped over; does nothing.

    A loop over it goes over a few stand-ins; over a progress bar, over what the bar was called with.
    """

    _is_bar = False
    _over: object = None

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        return Inert()

    def __call__(self, *arguments: object, **__: object) -> Inert:
        result = Inert()
        if self._is_bar and arguments:
            object.__setattr__(result, "_over", arguments[0])
        return result

    def __array__(self, *_: object, **__: object) -> Any:
        items = np.empty(FEW, dtype=object)
        for index in range(FEW):  # one by one: as a list they would be turned into arrays in their turn
            items[index] = Inert()
        return items

    def __enter__(self) -> Inert:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getitem__(self, _: object) -> Inert:
        return Inert()

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def __setattr__(self, _: str, __: object) -> None:
        pass

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> collections.abc.Iterator[Any]:
        wanted = wanted_items(sys._getframe(1))
        if wanted is not None:
            return iter([Inert() for _ in range(wanted)])
        if type(self._over) is int:
            return iter(range(self._over))
        if isinstance(self._over, collections.abc.Iterable) and not isinstance(self._over, str | bytes):
            return iter(self._over)
        return iter([Inert() for _ in range(FEW)])


FEW = 64  # stand-ins in a loop over a stand-in: as many axes as a figure may have


def wanted_items(frame: types.FrameType) -> int | None:
    """Return how many items the frame unpacks just now, so that `figure, axes = plt.subplots()` works; None in a loop."""
    code, at = frame.f_code.co_code, frame.f_lasti
    name, count = dis.opname[code[at]], code[at + 1]
    if name == "UNPACK_EX":  # its low byte: names before the starred one
        return count
    return count if name == "UNPACK_SEQUENCE" else None


class InertModule(types.ModuleType):
    """A module of which everything is inert."""

    __version__ = "0"

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        found = Inert()
        object.__setattr__(found, "_is_bar", self.__name__.partition(".")[0] in PROGRESS_BARS)
        return found


PROGRESS_BARS = ("tqdm",)


class InertModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for every module below the given top-level names."""

    def __init__(self, names: list[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return InertModule(spec.name)

    def exec_module(self, _: types.ModuleType) -> None:
        pass


class Shell:
    """What get_ipython() returns: every method does nothing."""

    def __getattr__(self, _: str) -> typing.Callable[..., None]:
        return _nothing


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def leave(status: object = None) -> NoReturn:
    """Stand for `exit` and `quit`, which the site module would have made."""
    raise SystemExit(status)


def furnish(inert: list[str]) -> None:
    """Give the interpreter what student code expects to find, once, before any fork."""
    sys.meta_path.insert(0, InertModules(inert))
    vars(builtins).update(get_ipython=Shell, display=_nothing, exit=leave, quit=leave)
    warnings.simplefilter("ignore")
    sys.argv[:] = [""]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.addaudithook(note_act)


# --- exceptions -------------------------------------------------------------------------------------------------------

ACTS = {
    "socket.__new__": "open a network socket",
    "socket.connect": "connect to the network",
    "socket.getaddrinfo": "look up a host on the network",
    "socket.gethostbyname": "look up a host on the network",
    "subprocess.Popen": "start another program",
    "os.exec": "start another program",
    "os.posix_spawn": "start another program",
    "os.system": "start another program",
    "os.fork": "start another process",
    "os.forkpty": "start another process",
    "os.kill": "signal a process",
    "os.remove": "delete a file",
    "os.rename": "rename a file",
    "os.mkdir": "make a folder",
    "os.rmdir": "delete a folder",
    "os.listdir": "list a folder",
    "os.scandir": "list a folder",
    "os.chmod": "change a file's mode",
    "os.link": "make a link",
    "os.symlink": "make a link",
    "os.truncate": "change a file",
}
_last_act = [""]
_reserve: list[mmap.mmap] = []  # address space for the answer that says that there is no more of it


def note_act(event: str, details: tuple[Any, ...]) -> None:
    """Remember what was tried last, for words only: student code can lie about it, and no wall depends on it.

    A process that kills itself is let go, although seccomp denies every kill: it has ended itself, and that is what to report.
    """
    if event in ACTS:
        _last_act[0] = ACTS[event]
        if event == "os.kill" and details[0] == os.getpid() and details[1]:
            os._exit(128 + details[1])


def describe_error(error: BaseException) -> dict[str, Any]:
    """Put an exception into words and find the student's line in it; `error` may be of a hostile class."""
    kind = type(error)
    name, message = class_name(kind), error_message(error)
    cell, line = position(error)
    category = "error"
    if issubclass(kind, MemoryError):
        _reserve.clear()
        name, category = "MemoryError", "memory"
    elif issubclass(kind, OSError):
        category, act = "forbidden", attempted(error)
        message = f"it tried to {act}: {message}" if act else message
    return {"exception": name, "message": message, "cell": cell, "line": line, "kind": category}


def error_message(error: BaseException) -> str:
    """Return the exception's own words, capped, or none when getting them fails."""
    try:
        return str.__getitem__(str(error), slice(MAX_MESSAGE))
    except BaseException:
        return ""


def attempted(error: Any) -> str:
    """Return what an OSError came from, in words; empty when it says so itself or nothing is known."""
    with contextlib.suppress(BaseException):
        if isinstance(error.filename, str | bytes | int):
            return "open or change a file"
    return _last_act[0]


def position(error: BaseException) -> tuple[int | None, int | None]:
    """Return cell and line of the innermost frame that is the student's own."""
    with contextlib.suppress(BaseException):
        if isinstance(error, SyntaxError) and cell_number(error.filename) is not None:
            return cell_number(error.filename), error.lineno
    found: tuple[int | None, int | None] = None, None
    trace = _traceback_of(error)
    while trace is not None:
        cell = cell_number(trace.tb_frame.f_code.co_filename)
        if cell is not None:
            found = cell, trace.tb_lineno
        trace = trace.tb_next
    return found


# Not by attribute: a hostile class may have a property of that name.
_traceback_of = typing.cast(Any, vars(BaseException)["__traceback__"]).__get__


def cell_number(filename: object) -> int | None:
    """Return N of `<cell N>`."""
    found = _CELL_NAME.fullmatch(filename) if type(filename) is str else None
    return int(found[1]) if found else None


_CELL_NAME = re.compile(r"<cell ([0-9]{1,9})>")


def class_name(kind: type) -> str:
    """Return a class's name, whatever its metaclass says."""
    return str(_name_of_class(kind))[:100]


_name_of_class = typing.cast(Any, vars(type)["__name__"]).__get__

# --- returned values: plain arrays, or words --------------------------------------------------------------------------

NUMBERS = (bool, int, float, complex, generic)
WIRE_NAMES: dict[Any, str] = {
    dtype(name).newbyteorder("<"): name
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
WIRE_TYPES = {dtype: dtype for dtype in WIRE_NAMES}
WORDS: dict[type, str] = {
    type(None): "None",
    dict: "a dict",
    set: "a set",
    frozenset: "a set",
    str: "a string",
    bytes: "bytes",
    range: "a range",
    slice: "a slice",
    type: "a class",
    types.GeneratorType: "a generator",
    types.CoroutineType: "a coroutine",
    types.FunctionType: "a function",
    types.BuiltinFunctionType: "a function",
    types.MethodType: "a method",
    types.ModuleType: "a module",
    type(Ellipsis): "an ellipsis (...)",
    type(NotImplemented): "NotImplemented",
    Inert: "an object of a plotting or notebook library",
}
ARRAY_WORDS = {
    "O": "an array of Python objects",
    "U": "an array of strings",
    "S": "an array of strings",
    "T": "an array of strings",
    "V": "a structured array",
    "M": "an array of dates",
    "m": "an array of time spans",
}


class Unreturnable(Exception):  # noqa: N818  it is no error
    """A value that cannot be sent; its text says what it was."""


class Leaves:
    """Turns one returned value into a description and the bytes of its arrays."""

    def __init__(self, budget: int) -> None:
        self.budget, self.parts, self.numbers = budget, 0, 0
        self.blobs: list[bytes] = []

    def tree(self, value: object, depth: int = 0) -> dict[str, Any]:
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise Unreturnable(f"a structure of more than {MAX_PARTS:,} parts")
        if depth > MAX_DEPTH:
            raise Unreturnable(f"a structure nested more than {MAX_DEPTH} deep, or in itself")
        kind = type(value)
        if issubclass(kind, tuple):
            return {"tuple": [self.tree(item, depth + 1) for item in tuple.__iter__(typing.cast(Any, value))]}
        if issubclass(kind, list):
            return self._list(list.copy(typing.cast(Any, value)), depth)
        array = plain_array(value)
        return {"opaque": describe_value(value)} if array is None else self.leaf(array)

    def _list(self, items: list[Any], depth: int) -> dict[str, Any]:
        if self._rectangular(items) is not None:
            return self.leaf(make_array(items))
        return {"list": [self.tree(item, depth + 1) for item in items]}

    def _rectangular(self, items: list[Any], depth: int = 1) -> tuple[int, ...] | None:
        """Return the shape of a list of numbers, or of lists of them; None for any other list, and an empty one."""
        self.numbers += len(items) + 16  # a list costs about as much time as 16 numbers
        if self.numbers > MAX_LIST_NUMBERS:
            raise Unreturnable(f"a list of more than {MAX_LIST_NUMBERS:,} parts")
        kinds = set(map(type, items))
        if not kinds or depth > MAX_DIMENSIONS:
            return None
        if all(issubclass(kind, NUMBERS) for kind in kinds):
            return (len(items),)
        if kinds != {list}:
            return None
        shapes = {self._rectangular(item, depth + 1) for item in items}
        shape = shapes.pop()
        return None if shapes or shape is None else (len(items), *shape)

    def leaf(self, array: Any) -> dict[str, Any]:
        shape, size = array.shape, int(array.size)
        most = self.budget // 8 if array.dtype.kind == "O" else self.budget  # a number takes a byte at least
        if size > most or len(shape) > MAX_DIMENSIONS or (not size and math.prod(n or 1 for n in shape) > MAX_ELEMENTS):
            return {"opaque": big(size)}
        if array.dtype.kind == "O":
            array = numbers_of(array)
        target = WIRE_TYPES.get(array.dtype) or WIRE_TYPES.get(narrowed(array.dtype))
        if target is None:
            return {"opaque": ARRAY_WORDS.get(array.dtype.kind, "an array of an unusual dtype")}
        if size * target.itemsize > self.budget:
            return {"opaque": big(size)}
        blob = array.astype(target, copy=False).tobytes()
        self.budget -= len(blob)
        self.blobs.append(blob)
        return {"dtype": WIRE_NAMES[target], "shape": shape}


def big(size: int) -> str:
    """Return the words for an array that is too large to send."""
    return f"an array of {float(size):.1e} numbers"


def plain_array(value: Any) -> Any:
    """Return an array, a number or what offers itself as an array as a base-class array; None for anything else."""
    kind = type(value)
    if kind is ndarray:
        return value
    if issubclass(kind, ndarray):
        return ndarray.view(value, ndarray)
    if issubclass(kind, Inert):
        return None
    if not issubclass(kind, NUMBERS) and not hasattr(kind, "__array__"):
        return None
    array = asarray(value)
    return array if type(array) is ndarray else None


def numbers_of(array: Any) -> Any:
    """Return an object array as an array of numbers where all its elements are numbers, else as it is."""
    items = array.ravel().tolist()
    if not items or not all(issubclass(kind, NUMBERS) for kind in set(map(type, items))):
        return array
    plain = make_array(items)
    if plain.dtype.kind == "O":  # integers beyond 64 bits
        plain = make_array([complex(item) if isinstance(item, complex) else float(item) for item in items])
    return plain.reshape(array.shape)


def narrowed(given: Any) -> Any:
    """Return the dtype of the same kind that can be sent: little-endian, 8 bytes a number at most, 16 if complex."""
    if given.kind in "fc":
        return dtype(f"<{given.kind}{min(given.itemsize, 16 if given.kind == 'c' else 8)}")
    return given.newbyteorder("<") if given.kind in "iu" else given


def describe_value(value: object) -> str:
    """Say in plain ASCII what kind of thing a value is, without asking the value."""
    for known in type(value).__mro__:
        if known in WORDS:
            return WORDS[known]
    name = class_name(type(value)).encode("ascii", "backslashreplace").decode()
    return "an object of type " + "".join(c for c in name if c.isprintable())[:100]


# --- child ------------------------------------------------------------------------------------------------------------

FEATURES = (getattr(__future__, name) for name in __future__.all_feature_names)
FUTURES = functools.reduce(lambda flags, feature: flags | feature.compiler_flag, FEATURES, 0)
# Student code may replace the originals.
_get_trace, _get_profile, _get_recursion = sys.gettrace, sys.getprofile, sys.getrecursionlimit
_set_trace, _set_profile, _set_recursion = sys.settrace, sys.setprofile, sys.setrecursionlimit
_write, _exit = os.write, os._exit
_recursion_limit = sys.getrecursionlimit()


class Replies:
    """Writes one frame after the other down the reply pipe, within the bytes that the grader will take."""

    def __init__(self, fd: int, budget: int) -> None:
        self.fd, self.budget, self.number = fd, budget, 0

    def send(self, content: dict[str, Any], blobs: list[bytes] | None = None) -> None:
        frame = encode({"number": self.number, **content}, blobs or ())
        self.number += 1
        if blobs is not None:
            self.budget -= len(frame)
        view = memoryview(frame)
        while view:
            view = view[_write(self.fd, view) :]

    def send_value(self, value: object, changed: list[int]) -> None:
        tree, blobs = self._convert(value)
        self.send({"returned": tree, "changed": changed}, blobs)

    def _convert(self, value: object) -> tuple[dict[str, Any], list[bytes]]:
        leaves = Leaves(max(self.budget, 0))
        try:
            with errstate(all="ignore"):
                tree = leaves.tree(value)
        except Unreturnable as problem:
            return {"opaque": str(problem)}, []
        except BaseException:  # the value's own code raised while it was looked at
            return {"opaque": f"{describe_value(value)} that cannot be turned into an array"}, []
        if leaves.parts > 100 and len(to_json(tree)) > min(self.budget, MAX_HEADER - 1024):
            return {"opaque": f"a structure of {leaves.parts:,} parts"}, []
        return tree, leaves.blobs


def run_child(job: dict[str, Any], payload: bytes, replies: Replies) -> None:
    """Load the student's statements, make the calls, send the answers."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    load = load_cells(job["cells"], vars(module))
    settle()
    replies.send({"load": load[:MAX_LOAD_ERRORS]})
    for function, arguments in job["calls"]:
        call(vars(module), function, arguments, payload, replies)


def load_cells(cells: list[dict[str, Any]], namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the wanted statements of each cell, going on after one that raises; returns what was raised."""
    errors: list[dict[str, Any]] = []
    flags = 0
    for cell in cells:
        filename = f"<cell {cell['cell']}>"
        try:
            body = ast.parse(cell["source"], filename).body
        except Exception as error:
            errors.append(describe_error(error))
            continue
        for index in cell["statements"]:
            for statement in one_import_each(body[index]):
                try:
                    module = ast.Module([without_annotations(statement)], [])
                    code = compile(module, filename, "exec", flags, dont_inherit=True)
                    flags |= code.co_flags & FUTURES
                    exec(code, namespace)  # noqa: S102
                except BaseException as error:
                    settle()
                    errors.append(describe_error(error))
    return errors


def one_import_each(statement: ast.stmt) -> list[ast.stmt]:
    """Take `import absent, numpy as np` as two statements, so that what is absent costs only itself."""
    if not isinstance(statement, ast.Import):
        return [statement]
    return [ast.copy_location(ast.Import([alias]), statement) for alias in statement.names]


def without_annotations(statement: ast.stmt) -> ast.stmt:
    """A statement whose functions carry no annotations: they may name modules that are not here, and compute nothing.

    Those in a class stay, since a dataclass reads them.
    """
    for node in ast.walk(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return ast.copy_location(ast.Assign([statement.target], statement.value), statement)
    return statement


def call(namespace: dict[str, Any], function: str, arguments: list[Any], payload: bytes, replies: Replies) -> None:
    """Make one call and answer it."""
    values = [build(argument, payload) for argument in arguments]
    _last_act[0] = ""
    try:
        if function not in namespace:
            raise NameError(f"name '{function}' is not defined")
        result = namespace[function](*values)
    except BaseException as error:
        settle()
        replies.send({"raised": describe_error(error)})
        return
    settle()
    changed = [i for i, argument in enumerate(arguments) if "at" in argument and differs(values[i], argument, payload)]
    replies.send_value(result, changed)


def settle() -> None:
    """Undo what student code may have set that would disturb what is done between the calls."""
    if _get_trace() is not None:
        _set_trace(None)
    if _get_profile() is not None:
        _set_profile(None)
    if _get_recursion() != _recursion_limit:
        _set_recursion(_recursion_limit)


def build(argument: dict[str, Any], payload: bytes) -> Any:
    """Return a fresh argument that student code may write to."""
    if "value" in argument:
        return argument["value"]
    return ndarray(argument["shape"], argument["dtype"], payload, argument["at"]).copy()


def differs(array: Any, argument: dict[str, Any], payload: bytes) -> bool:
    """Tell whether an array argument is no longer what was passed."""
    if array.dtype != argument["dtype"] or list(array.shape) != argument["shape"]:
        return True
    return not payload.startswith(array.tobytes(), argument["at"])


def child(walls: Walls, job: dict[str, Any], payload: bytes, reply: int, control: socket.socket) -> NoReturn:
    """Be the process that runs student code; never returns."""
    status = 70
    try:
        control.close()
        np.random.seed()
        random.seed()
        fd = walls.enter(job["limits"], reply, 2 * len(payload))
        _reserve.append(mmap.mmap(-1, 8 * MB))
        run_child(job, payload, Replies(fd, job["limits"]["output_mb"] * MB))
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
    furnish(config["inert"])
    if walls.filter is not None and not walls.keeps_files:
        load_what_may_be_imported()
    warm_up()
    walls.memory_at_start = address_space()
    gc.collect()
    gc.freeze()  # or the first collection in each child would copy every page that holds an object
    control.sendall(encode({"layers": walls.layers, "missing": walls.missing}))
    os.dup2(1, 2)  # from here on there is nobody to read complaints
    while (message := receive(control)) is not None:
        job, payload, (reply,) = message
        pid = os.fork()
        if pid == 0:
            child(walls, job, payload, reply, control)
        os.close(reply)
        control.sendall(encode(watch(pid, control, job["limits"])))
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
