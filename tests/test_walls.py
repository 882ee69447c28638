"""What the inner wall is made of: the seccomp table on both machines, Landlock by ABI, and what a box adds to them."""

from __future__ import annotations

import ast
import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pyseccomp
import pytest

from grader.errors import SandboxError
from grader.model import Invocation, Limits, Program, ProgramCell, Returned, SandboxLevel, Transcript
from grader.sandbox import Box, Demands, WeakSandboxError, is_at_least, level_of
from grader.sandbox.attack import ACTS, forbidden_acts_that_worked
from grader.sandbox.outer import BESIDE, INSIDE, STAGE, ways_to_start
from tests.bpf import ALLOW, ERRNO, KILL_PROCESS, Filter
from tests.support import ROOT

MACHINES = ("X86_64", "AARCH64")
OURS = [str(INSIDE), str(BESIDE)]


@pytest.fixture(scope="module")
def inside() -> ModuleType:
    """The file that runs beside student code, loaded here to look at its tables."""
    spec = importlib.util.spec_from_file_location("inside_under_test", INSIDE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    arguments, sys.argv[1:] = sys.argv[1:], []
    try:
        spec.loader.exec_module(module)
    finally:
        sys.argv[1:] = arguments
    return module


@pytest.fixture(scope="module", params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def table(inside: ModuleType, machine: str) -> Filter:
    return Filter(inside.seccomp_filter(may_open=True, machine=machine))


def number_of(name: str, machine: str) -> int:
    return int(pyseccomp.resolve_syscall(getattr(pyseccomp.Arch, machine), name))


# --- seccomp ----------------------------------------------------------------------------------------------------------

CREATE, WRITE, PATH = os.O_RDONLY | os.O_CREAT, os.O_WRONLY, os.O_PATH
THREAD = 0x003D0F00  # what glibc gives clone() for a thread
NEEDED = """
    read write close lseek fstat mmap munmap mprotect brk futex rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack getpid
    gettid getrandom clock_gettime clock_nanosleep sched_yield sched_getaffinity exit exit_group getdents64 newfstatat statx
    readlinkat faccessat getcwd madvise membarrier rseq set_robust_list dup3 pipe2 ppoll pselect6
""".split()  # noqa: SIM905  a list literal of this length hides the words
DENIED = """
    socket connect bind listen accept4 sendto sendmsg recvmsg socketpair execve execveat fork vfork kill tkill tgkill
    rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd ptrace process_vm_readv process_vm_writev
    io_uring_setup io_uring_enter io_uring_register mount umount2 pivot_root chroot unshare setns move_mount open_tree fsopen
    fsmount mount_setattr keyctl add_key request_key bpf perf_event_open userfaultfd memfd_create memfd_secret shmget shmat
    msgget semget mq_open open_by_handle_at name_to_handle_at unlinkat unlink renameat renameat2 rename mkdirat mkdir rmdir
    linkat link symlinkat symlink mknodat mknod fchmodat fchmod chmod fchownat fchown chown truncate ftruncate fallocate utimensat
    setxattr fsetxattr removexattr setuid setgid setresuid setresgid setgroups capset prlimit setrlimit setpriority
    sched_setaffinity sched_setscheduler sched_setattr settimeofday clock_settime clock_adjtime adjtimex sethostname reboot
    kexec_load kexec_file_load init_module finit_module delete_module swapon swapoff syslog acct quotactl personality
    seccomp landlock_create_ruleset landlock_restrict_self setsid setpgid timer_create fanotify_init inotify_init1 inotify_init
    splice tee vmsplice sendfile copy_file_range process_madvise process_mrelease kcmp migrate_pages move_pages mbind
    set_mempolicy modify_ldt arch_prctl iopl ioperm lookup_dcookie remap_file_pages creat
""".split()  # noqa: SIM905  a list literal of this length hides the words


@pytest.mark.parametrize("name", NEEDED)
def test_what_python_needs_is_allowed_on_every_machine(table: Filter, machine: str, name: str) -> None:
    assert table.answer(machine, number_of(name, machine)) == ALLOW


@pytest.mark.parametrize("name", DENIED)
def test_what_student_code_has_no_use_for_is_denied_on_every_machine(table: Filter, machine: str, name: str) -> None:
    number = number_of(name, machine)
    if number < 0:  # libseccomp's word for: not on this machine
        assert name not in NEEDED
        return
    assert table.answer(machine, number) & 0xFFFF0000 == ERRNO


ARGUMENTS: list[tuple[str, tuple[int, ...], bool]] = [
    ("openat", (-100, 0, os.O_RDONLY | os.O_CLOEXEC), True),
    ("openat", (-100, 0, os.O_RDONLY | os.O_DIRECTORY), True),
    ("openat", (-100, 0, CREATE), False),
    ("openat", (-100, 0, WRITE), False),
    ("openat", (-100, 0, os.O_RDWR), False),
    ("openat", (-100, 0, os.O_RDONLY | os.O_TRUNC), False),
    ("openat", (-100, 0, os.O_RDONLY | os.O_APPEND), False),
    ("openat", (-100, 0, 0x410000 | os.O_RDWR), False),  # O_TMPFILE
    ("clone", (THREAD,), True),
    ("clone", (17,), False),  # a process: SIGCHLD alone
    ("clone", (THREAD | 0x10000000,), False),  # with a user namespace
    ("clone", (0x10000000 | 17,), False),
    ("ioctl", (1, 0x5401), True),
    ("ioctl", (1, 0x5412), False),  # TIOCSTI types for whoever sits at the terminal
    ("ioctl", (1, 0x5412 | 1 << 40), False),
    ("fcntl", (3, 3), True),
    ("fcntl", (3, 8), False),  # F_SETOWN has the kernel send signals
    ("fcntl", (3, 1031), False),  # F_SETPIPE_SZ
    ("prctl", (15,), True),
    ("prctl", (4, 1), False),  # PR_SET_DUMPABLE
    ("prctl", (22,), False),  # PR_SET_SECCOMP
    ("prlimit64", (0, 9, 0), True),
    ("prlimit64", (0, 9, 1), False),
    ("prlimit64", (1, 9, 0), False),
]


@pytest.mark.parametrize(("name", "arguments", "allowed"), ARGUMENTS)
def test_arguments_decide_where_a_call_has_two_sides(
    table: Filter, machine: str, name: str, arguments: tuple[int, ...], allowed: bool
) -> None:
    answer = table.answer(machine, number_of(name, machine), *arguments)
    assert answer == ALLOW if allowed else answer & 0xFFFF0000 == ERRNO


@pytest.mark.parametrize("name", ["clone3", "openat2"])
def test_calls_whose_flags_a_filter_cannot_read_look_as_if_they_did_not_exist(table: Filter, machine: str, name: str) -> None:
    assert table.answer(machine, number_of(name, machine)) == ERRNO | errno.ENOSYS


def test_a_call_of_another_machine_s_table_ends_the_process(table: Filter, machine: str) -> None:
    other = "X86" if machine == "X86_64" else "X86_64"
    assert table.answer(other, 1) == KILL_PROCESS
    if machine == "X86_64":  # x32: the same machine with a flag in the number
        assert table.answer("X86_64", 0x40000000 | 59) in (KILL_PROCESS, ERRNO | errno.EPERM)


def test_without_a_wall_that_knows_paths_nothing_is_opened(inside: ModuleType, machine: str) -> None:
    table = Filter(inside.seccomp_filter(may_open=False, machine=machine))
    assert table.answer(machine, number_of("openat", machine), -100, 0, os.O_RDONLY) == ERRNO | errno.EPERM
    assert table.answer(machine, number_of("read", machine)) == ALLOW


# --- Landlock ---------------------------------------------------------------------------------------------------------

ABIS = [  # (ABI, the bit of its newest file right, TCP, scopes, bytes): linux/landlock.h
    (1, 12, 0, 0, 8), (2, 13, 0, 0, 8), (3, 14, 0, 0, 8), (4, 14, 3, 0, 16), (5, 15, 3, 0, 16),
    (6, 15, 3, 3, 24), (7, 15, 3, 3, 24), (8, 15, 3, 3, 24),
]


@pytest.mark.parametrize(("abi", "newest", "tcp", "scopes", "size"), ABIS, ids=[f"ABI {row[0]}" for row in ABIS])
def test_landlock_denies_all_that_an_abi_knows_and_asks_for_nothing_else(
    inside: ModuleType, abi: int, newest: int, tcp: int, scopes: int, size: int
) -> None:
    assert inside.landlock_rules(abi) == ((2 << newest) - 1, tcp, scopes, size)


# --- levels -----------------------------------------------------------------------------------------------------------

STRENGTHS: list[tuple[str, SandboxLevel]] = [
    ("bubblewrap landlock-7 seccomp rlimits", "both walls"),
    ("bubblewrap uid-drop seccomp rlimits cgroup-pids", "both walls"),
    ("bubblewrap seccomp rlimits", "inner wall"),
    ("landlock-1 seccomp", "inner wall"),
    ("uid-drop seccomp rlimits", "inner wall"),
    ("seccomp rlimits", "limits"),
    ("bubblewrap landlock-7 rlimits", "limits"),
    ("rlimits uid-drop", "limits"),
    ("", "limits"),
]


@pytest.mark.parametrize(("layers", "level"), STRENGTHS, ids=[row[0] or "nothing" for row in STRENGTHS])
def test_layers_make_up_a_level(layers: str, level: SandboxLevel) -> None:
    assert level_of(layers.split()) == level


def test_levels_are_in_order() -> None:
    assert is_at_least("both walls", "inner wall")
    assert is_at_least("inner wall", "inner wall")
    assert not is_at_least("limits", "inner wall")


def test_the_strongest_way_to_start_is_tried_first() -> None:
    ways = ways_to_start("/usr/bin/bwrap", {"SECRET": "s3cret"}, 61184)
    as_other = (("bubblewrap", "uid-drop"), 61184)
    assert [(way.layers, way.uid) for way in ways] == [*[as_other] * 4, (("bubblewrap",), None), (("bubblewrap",), None), ((), None)]
    assert ["--disable-userns" in way.command for way in ways] == [True, False, True, False, True, False, False]
    assert [bool(way.staged) for way in ways] == [False, False, True, True, False, False, False]
    for way in ways[:-1]:
        assert {"--unshare-user", "--unshare-all", "--clearenv", "--die-with-parent", "--remount-ro"} <= set(way.command)
        assert not {"--proc", "--dev", "--bind", "--dev-bind", "--share-net"} & set(way.command)
        shown = dict(zip(way.command, way.command[1:], strict=False))
        places = [f"{STAGE}/{number}" for number, file in enumerate(way.staged) if file in OURS] if way.staged else OURS
        assert [shown[place] for place in places] == ["/inside.py", "/answering.py"]
    assert not any("s3cret" in str(way) for way in ways)
    assert len(ways_to_start(None, {}, None)) == 1


def in_box(source: str) -> tuple[float, tuple[str, ...]]:
    with Box(Limits()) as box:
        (reply,) = box.run(f(source), [Invocation("f", ())]).replies
        assert isinstance(reply, Returned)
        assert isinstance(reply.value, np.ndarray)
        return float(reply.value), box.layers


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("bwrap"), reason="only root's bubblewrap can become another user")
def test_root_s_bubblewrap_is_another_user_s_even_where_that_one_cannot_reach_the_interpreter() -> None:
    threads = """
import threading, time
def f():
    for count in range(300):
        try:
            threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        except RuntimeError:
            return float(count)
    return -1.0
"""
    count, layers = in_box(threads)
    assert {"bubblewrap", "uid-drop"} <= set(layers)
    assert 0 < count < 128


# --- a box that is asked for more than there is -------------------------------------------------------------------------

NO_SECCOMP = ("bubblewrap", "seccomp")


def f(source: str) -> Program:
    return Program("f", (ProgramCell(1, source, tuple(range(len(ast.parse(source).body))), tuple(range(1, 1 + source.count("\n") + 1))),))


def test_less_than_the_minimum_is_refused_with_the_reason_and_the_mend() -> None:
    with Box(Limits(), without=NO_SECCOMP) as weak, pytest.raises(WeakSandboxError) as refused:
        weak.start()
    assert "“inner wall”" in str(refused.value)
    assert "no seccomp: not asked for" in str(refused.value)
    assert "--allow-weak-sandbox" in str(refused.value)
    assert "cgroup" not in str(refused.value)


def test_both_walls_may_be_asked_for() -> None:
    with Box(Limits(), demands=Demands("both walls"), without=["bubblewrap"]) as box, pytest.raises(WeakSandboxError, match="no bubblewrap"):
        box.start()


@pytest.mark.parametrize("demands", [Demands("limits"), Demands("inner wall", allow_weaker=True)], ids=["asked for", "allowed"])
def test_a_weak_box_runs_where_it_is_wanted_and_knows_what_it_lets_through(demands: Demands) -> None:
    with Box(Limits(), demands=demands, without=[*NO_SECCOMP, "landlock", "uid-drop"]) as weak:
        (reply,) = weak.run(f("def f(): return 1.0"), [Invocation("f", ())]).replies
        assert isinstance(reply, Returned)
        assert weak.level == "limits"
        assert {"fork", "open a socket"} <= set(weak.gave_way)


def test_a_box_that_could_be_strong_is_strong_though_weakness_is_allowed() -> None:
    with Box(Limits(), demands=Demands("limits", allow_weaker=True)) as box:
        box.start()
        assert is_at_least(box.level, "inner wall")
        assert box.gave_way == ()


def test_other_layers_than_an_earlier_box_had_are_refused() -> None:
    first = Box(Limits(), without=["bubblewrap"])
    with first:
        first.start()
    assert first.layers
    later = Box(Limits(), demands=Demands(layers=first.layers), without=["bubblewrap", "rlimits"])
    with later, pytest.raises(SandboxError, match=r"it had the layers .*rlimits.*, and now has"):
        later.start()


def test_bubblewrap_that_vanishes_midway_stops_the_box_and_not_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with Box(Limits()) as box:
        box.start()
        if "bubblewrap" not in box.layers:
            pytest.skip("bubblewrap does not work here")
        box.close()
        monkeypatch.setenv("PATH", "")
        with pytest.raises(SandboxError, match="had the layers bubblewrap"):
            box.run(f("def f(): return 1.0"), [Invocation("f", ())])
        monkeypatch.undo()
        (reply,) = box.run(f("def f(): return 1.0"), [Invocation("f", ())]).replies
        assert isinstance(reply, Returned)


WITHOUT_KILL = """
from grader.model import Invocation, Limits, Program, ProgramCell
from grader.sandbox import Box
with Box(Limits(cpu_seconds=0.5, wall_seconds=5.0), without=["bubblewrap"]) as box:
    endless = Program("f", (ProgramCell(1, "def f():\\n    while True: pass", (0,), (1,)),))
    print(box.run(endless, [Invocation("f", ())]).end, *box.layers)
    print(box.missing["uid-drop"])
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root has rights to give up")
def test_root_that_may_not_end_another_users_processes_stays_itself() -> None:
    run = subprocess.run(
        ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill", sys.executable, "-c", WITHOUT_KILL], cwd=ROOT, capture_output=True,
        text=True, timeout=60, check=False)
    first, second = run.stdout.splitlines()
    assert first.split()[0] == "timeout"
    assert "uid-drop" not in first
    assert "CAP_KILL" in second


def test_no_room_for_a_folder_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(SandboxError, match=r"The sandbox does not start: .*No such file"):
        Box(Limits()).start()


# --- the attack on itself -----------------------------------------------------------------------------------------------

WITHOUT_WALLS = Demands("limits", allow_weaker=True)


def test_every_act_of_the_attack_works_where_there_is_no_wall(tmp_path: Path) -> None:
    private = tmp_path / "solution.py"
    private.write_text("secret", encoding="utf-8")
    with Box(Limits(), demands=Demands("limits", True, private=(str(private),)),
             without=["bubblewrap", "seccomp", "landlock", "uid-drop", "rlimits"]) as open_box:
        open_box.start()
    # These stay closed without a wall: by hand, by a warm interpreter that cannot be dumped, and by machines that deny the right.
    assert set(ACTS) - set(open_box.gave_way) <= {
        "use a descriptor that is not its own", "read the environment of the process that started it",
        "read the memory of the process that started it", "make a user namespace",
    }


@pytest.mark.parametrize("without", [(), ("bubblewrap",), ("bubblewrap", "landlock")], ids=["both walls", "inner wall", "another uid"])
def test_the_course_s_own_files_are_tried(tmp_path: Path, without: tuple[str, ...]) -> None:
    private = tmp_path / "solution.py"
    private.write_text("secret", encoding="utf-8")
    os.chmod(private, 0o644)
    demands = Demands("limits", private=(str(private),))
    with Box(Limits(), demands=demands, without=without) as box:
        box.start()
        assert box.gave_way == ()


def test_an_attack_that_gives_no_clear_answer_is_no_good_news() -> None:
    unclear = [Transcript("attack", (reply,)) for reply in (None, Returned(np.zeros(2)), Returned(np.zeros(())))]
    for transcript in (*unclear, Transcript("attack", (Returned(np.zeros(len(ACTS))),), end="crashed")):
        with pytest.raises(SandboxError, match="could not test its own walls"):
            forbidden_acts_that_worked(lambda *_, said=transcript: said)
