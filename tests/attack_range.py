"""Where the attacks are tried: the corpus read, a class handed in, canaries set around it, and `grader grade` run over it as a user would.

Comes in: tests/attacks/attacks.toml, the notebooks beside it, and a level (who runs the grader, and which walls there are). Goes out:
a Strike, which is all that was seen. Judges nothing; test_attacks.py does. May know of the grader only its command line and its files.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import ROOT

CORPUS = ROOT / "tests" / "attacks"
FAMILIES = ("escape", "exfiltrate", "forge", "interfere", "exhaust", "deceive", "inject")
HONEST = ("ada-okafor", "alex-kim", "carla-gomez", "elif-yilmaz")
"""Samples that are handed in beside the attacks: one right, one unfinished, one that breaks the import rule, one nearly right."""
STRANGER = 61000
"""A user that no machine has, for the levels where the grader is not root."""
LIMITS = {"cpu_seconds": 1, "wall_seconds": 8, "memory_mb": 256, "output_mb": 4, "notebook_mb": 2}
RUN_SECONDS = 400
GONE_SECONDS = 5.0
PLACEHOLDERS = (
    "TOKEN", "WORDS", "MURMUR", "PORT", "UDP_PORT", "UNIX_SOCKET", "ABSTRACT_SOCKET", "CANARY_DIR", "SECRET_FILE", "REFERENCE", "HOME",
    "SUBMISSIONS", "SIBLING", "RESULTS", "ROSTER", "GRADEBOOK", "BYSTANDER",
)
"""What notebooks leave open, as in @PORT@, and each run fills in."""

# Too long or not fit to stand in a notebook, so the notebook names them. Those in quotes are replaced together with their quotes.
LONG_TEXTS = {
    "@A_MILLION@": "a" * 1_000_000,
    "@BRACKETS@": "[" * 50_000,
    "@BRACES@": "{" * 50_000,
    "@QUOTE_MARKS@": ">" * 50_000,
    "@STARS@": "*a **b " * 10_000,
    "@TICKS@": "`" * 25_000 + " " + "`a" * 10_000,
    "@TAGS@": "<b>" * 20_000,
    "@FRACTIONS@": "\\\\frac{" * 3_000,
    "@ESCAPES@": "\\u001b]" * 20_000,
    "@PLUSES@": "+1" * 20_000,
    "@MINUSES@": "-" * 20_000,
    "@PARENTHESES@": "(" * 150 + "1" + ")" * 150,
    "@ELIFS@": "".join(f"\\n    elif N == {n}: pass" for n in range(3_000)),
    "@NAMES@": ", ".join(f"x{n:x}" for n in range(30_000)),
    "@IMPORTS@": "import a\\n" * 15_000,
    "@CALLS@": "\\n".join(f"y{n} = f()" for n in range(1_500)),
    "@SUMMANDS@": ", ".join(f"y{n}" for n in range(1_500)),
    "@NUL@": "\\u0000",
    '"@DEEP@"': "[" * 20_000 + "]" * 20_000,
    '"@DIGITS@"': "9" * 5_000,
    '"@CELLS@"': ",".join(['{"cell_type":"code","metadata":{},"outputs":[],"execution_count":null,"source":"x = 1"}'] * 3_000),
    '"@PADDING@"': json.dumps("x" * 2_500_000),
}


@dataclass(frozen=True)
class Attack:
    """One notebook of the corpus, and what must come of it."""

    family: str
    name: str
    idea: str
    stopped_by: str
    a: tuple[str, ...] = ()
    b: tuple[str, ...] = ()
    most: float = 0.0
    attention: str = ""
    file: str = ""
    listed: str = ""
    encoding: str = "utf-8"
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.family}/{self.name}"

    @property
    def path(self) -> Path:
        return CORPUS / self.family / f"{self.name}.ipynb"

    @property
    def file_name(self) -> str:
        """What it is handed in as."""
        return self.file or f"{self.family}-{self.name}.ipynb"

    @property
    def source(self) -> str:
        """What its result says it was handed in as."""
        return self.listed or self.file_name


def read_corpus() -> list[Attack]:
    """Every attack that attacks.toml names."""
    table = tomllib.loads((CORPUS / "attacks.toml").read_text(encoding="utf-8"))
    return [_attack(family, name, row) for family, rows in table.items() for name, row in rows.items()]


def _attack(family: str, name: str, row: Mapping[str, Any]) -> Attack:
    a, b = tuple(row.get("a", ())), tuple(row.get("b", ()))
    row = {"most": 40.0 * (("correct" in a) + ("correct" in b)), **row, "a": a, "b": b}
    return Attack(family=family, name=name, **row)


@dataclass(frozen=True)
class Level:
    """Who runs the grader, and which walls it finds."""

    name: str
    root: bool
    bubblewrap: bool
    landlock: bool = True


LEVELS = (
    Level("both walls as root", root=True, bubblewrap=True),
    Level("inner wall as root", root=True, bubblewrap=False),
    Level("both walls as a user", root=False, bubblewrap=True),
    Level("inner wall as a user", root=False, bubblewrap=False),
    Level("root without Landlock", root=True, bubblewrap=False, landlock=False),
)


@dataclass(frozen=True)
class Strike:
    """What was seen of one run of the class with all attacks, and of one of the honest class alone."""

    status: int
    stdout: str
    stderr: str
    honest_status: int
    results: Mapping[str, Any]
    """By the file that was handed in."""
    out: Mapping[str, bytes]
    honest: Mapping[str, bytes]
    harm: Mapping[str, object]
    """By canary: what it noticed, empty when it sings."""
    secrets: Mapping[str, str]
    said: str
    seconds: float


def why_not(level: Level) -> str:
    """Why a level cannot be tried here, or nothing."""
    if level.root and os.geteuid() != 0:
        return "only root can run the grader as root"
    if level.bubblewrap and shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    if level.bubblewrap and _run_as(level, ["bwrap", "--unshare-user", "--unshare-all", "--ro-bind", "/", "/", "true"]).returncode:
        return "bubblewrap may not make namespaces here"
    return ""


def _run_as(level: Level, command: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, check=False, capture_output=True, **_identity(level), **more)


def _identity(level: Level) -> dict[str, Any]:
    return {} if level.root or os.geteuid() != 0 else {"user": STRANGER, "group": STRANGER, "extra_groups": []}


def strike(level: Level, attacks: Iterable[Attack]) -> Strike:
    """Grade the honest class alone, then with all attacks among it, and look at every canary."""
    base = Path(tempfile.mkdtemp(prefix="range-"))
    base.chmod(0o755)
    try:
        python, environment = _program(level, base)
        with Canaries(base, level, python, environment) as canaries:
            command, environment = _command(level, python, environment, base, canaries)
            return _strike(level, list(attacks), base, canaries, command, environment)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _strike(
    level: Level, attacks: list[Attack], base: Path, canaries: Canaries, command: list[str], environment: dict[str, str]
) -> Strike:
    for name in HONEST:
        for folder in ("class", "honest"):
            shutil.copy(ROOT / "submissions" / "attention" / f"{name}.ipynb", base / folder)
    for attack in attacks:
        (base / "class" / attack.file_name).write_bytes(hand_in(attack, canaries.values))
    open_to_all(base / "class", base / "honest", base / "home", base / "out")
    alone = _grade(level, command, environment, base, "honest", "out-honest")
    canaries.begin()
    started = time.monotonic()
    done = _grade(level, command, environment, base, "class", "out")
    seconds = time.monotonic() - started
    harm = canaries.noticed()
    out = files_below(base / "out")
    results = {data["submission"]["source"]: data for data in map(json.loads, _results_in(out))}
    return Strike(
        done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), alone.returncode, results,
        out, files_below(base / "out-honest"), harm, canaries.secrets, canaries.values["WORDS"], seconds,
    )


def _results_in(out: Mapping[str, bytes]) -> Iterator[bytes]:
    return (content for name, content in out.items() if name.startswith("results/") and name.endswith(".json"))


def _grade(
    level: Level, command: list[str], environment: dict[str, str], base: Path, submissions: str, out: str
) -> subprocess.CompletedProcess[bytes]:
    command = [*command, "grade", str(base / submissions), "--assignment", str(base / "reference" / "attention")]
    command += ["--out", str(base / out), "--jobs", "2"]
    return _run_as(level, command, env=environment, cwd=base / "home", timeout=RUN_SECONDS, stdin=subprocess.DEVNULL)


def hand_in(attack: Attack, values: Mapping[str, str]) -> bytes:
    """An attack's notebook with every placeholder replaced by what it stands for in this run."""
    text = attack.path.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", json.dumps(value)[1:-1])
    for name, value in LONG_TEXTS.items():
        text = text.replace(name, value)
    return text.encode(attack.encoding)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file's content by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def open_to_all(*folders: Path) -> None:
    """Let everyone read and write these trees, so that nothing but the sandbox protects them."""
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)


# --- the command ------------------------------------------------------------------------------------------------------


def _command(
    level: Level, python: str, environment: Mapping[str, str], base: Path, canaries: Canaries
) -> tuple[list[str], dict[str, str]]:
    environment = {**environment} | {name: os.environ[name] for name in os.environ if name.startswith("OPENBLAS_")}
    environment |= {
        "PATH": os.environ["PATH"] if level.bubblewrap else str(base / "empty"),
        "HOME": str(base / "home"), "TMPDIR": str(base / "tmp"), "LANG": "C.UTF-8", "COLUMNS": "300", "SOURCE_DATE_EPOCH": "1767225600",
        "GRADER_SEED": canaries.secrets["seed"], "GRADER_TEST_SECRET": canaries.secrets["environment"],
    }
    without = [] if level.landlock else [python, "-c", WITHOUT_LANDLOCK]
    return [*without, python, "-m", "grader"], environment


# A kernel that does not know Landlock answers ENOSYS (38); this filter makes this one answer so, for whatever is started by it.
WITHOUT_LANDLOCK = """\
import os, sys
import pyseccomp as sc
rules = sc.SyscallFilter(sc.ALLOW)
rules.add_rule(sc.ERRNO(38), 444)
rules.load()
os.execv(sys.argv[1], sys.argv[1:])
"""


def _program(level: Level, base: Path) -> tuple[str, dict[str, str]]:
    """The interpreter, and the environment in which it finds the grader: this checkout's, or copies that a stranger may read."""
    here = {"PYTHONPATH": str(ROOT)}
    with contextlib.suppress(PermissionError):
        if _run_as(level, [sys.executable, "-c", "import grader.cli, numpy"], env=here, cwd=base).returncode == 0:
            return sys.executable, here
    packages, python = base / "packages", base / "python"
    _link_tree(Path(sysconfig.get_path("purelib")), packages, "pip", "mypy*", "ruff*", "hypothesis*", "*.pth")
    _link_tree(ROOT / "grader", packages / "grader")
    prefix = Path(os.path.realpath(sys.base_prefix))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _link_tree(prefix / "lib" / version, python / "lib" / version, "site-packages", "test", "idlelib", "ensurepip", "lib2to3")
    _link_tree(Path(sys.prefix) / "share" / "jupyter", python / "share" / "jupyter")  # nbconvert's templates
    for library in (prefix / "lib").glob("libpython*"):
        _link(str(library), str(python / "lib" / library.name))
    (python / "bin").mkdir()
    _link(os.path.realpath(sys.executable), str(python / "bin" / version))
    return str(python / "bin" / version), {"PYTHONPATH": str(packages), "LD_LIBRARY_PATH": str(python / "lib")}


def _link_tree(source: Path, target: Path, *without: str) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*without), copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:  # another file system
        shutil.copy2(source, target)


# --- canaries ---------------------------------------------------------------------------------------------------------

FOLDERS = ("canary", "class", "honest", "out", "out-honest", "home", "tmp", "empty", "home/.ssh")


class Canaries:
    """All that must hear, show and lose nothing while the attacks run, and the values that lead the attacks to it."""

    def __init__(self, base: Path, level: Level, python: str, environment: Mapping[str, str]) -> None:
        self.base = base
        token = os.urandom(6).hex()
        self.token = token
        kinds = ("environment", "file", "reference", "seed", "roster", "key", "bystander", "gradebook", "murmur")
        self.secrets = {kind: f"{kind}-{os.urandom(8).hex()}" for kind in kinds}
        self.secrets["seed"] = "seed-7c1e5a90d2b34f68"  # a secret like the others, but the luck of half-right attacks hangs on it
        for folder in FOLDERS:
            (base / folder).mkdir(mode=0o777)
        _copy_course(base, self.secrets)
        self._write_bait()
        open_to_all(*(base / folder for folder in FOLDERS), base / "reference", base / "student_template")
        (base / "home" / ".ssh").chmod(0o755)
        self.listeners = listen(base, token)
        self.bystander = start_bystander(level, base, python, {**environment, "SECRET": self.secrets["bystander"]})
        self.values = {
            "TOKEN": token, "WORDS": f"these words are let out {token}", "MURMUR": self.secrets["murmur"][::-1],
            "PORT": str(self.listeners["TCP"].getsockname()[1]), "UDP_PORT": str(self.listeners["UDP"].getsockname()[1]),
            "UNIX_SOCKET": str(base / "socket"), "ABSTRACT_SOCKET": f"range-{token}", "CANARY_DIR": str(base / "canary"),
            "SECRET_FILE": str(base / "secret.txt"), "REFERENCE": str(base / "reference" / "attention"), "HOME": str(base / "home"),
            "SUBMISSIONS": str(base / "class"), "SIBLING": HONEST[0], "RESULTS": str(base / "out"),
            "ROSTER": str(base / "roster.csv"), "GRADEBOOK": str(base / "canary" / "gradebook.db"),
            "BYSTANDER": str(self.bystander.pid),
        }
        assert set(self.values) == set(PLACEHOLDERS)
        self.before: dict[str, object] = {}
        self.children: set[int] = set()

    def _write_bait(self) -> None:
        (self.base / "secret.txt").write_text(self.secrets["file"])
        (self.base / "roster.csv").write_text(f"id,name\n1,{self.secrets['roster']}\n")
        (self.base / "reference" / "attention" / ".seed").write_text(self.secrets["seed"] + "\n")
        (self.base / "home" / ".ssh" / "id_rsa").write_text(self.secrets["key"])
        (self.base / "canary" / "kept.txt").write_text("this stays as it is\n")
        with contextlib.closing(sqlite3.connect(self.base / "canary" / "gradebook.db")) as book, book:
            book.execute("CREATE TABLE marks (student TEXT, score REAL)")
            book.execute("INSERT INTO marks VALUES (?, 0)", [self.secrets["gradebook"]])

    def __enter__(self) -> Canaries:
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self.listeners.values():
            listener.close()
        end_bystander(self.bystander)

    def begin(self) -> None:
        """Note how everything is, now that only the attacks are still to come."""
        for folder in ("results", "feedback"):
            (self.base / "out" / folder).mkdir(exist_ok=True)
        open_to_all(self.base / "out")
        adopt_orphans(True)
        self.children = children()
        self.before = self._state()

    def noticed(self) -> dict[str, object]:
        """What each canary noticed since then."""
        after = self._state()
        harm: dict[str, object] = {name: differences(self.before[name], after[name]) for name in after}
        harm |= {f"a listener ({name})": sorted(heard_by({name: one})) for name, one in self.listeners.items()}
        harm["left running"] = processes_left(self.children)
        adopt_orphans(False)
        harm["left in /tmp or /dev/shm"] = take_away(left_behind(self.token))
        harm["left in the grader's own TMPDIR"] = sorted(files_below(self.base / "tmp"))
        harm["the process beside the grader"] = "" if self.bystander.poll() is None else "it has ended"
        return harm

    def _state(self) -> dict[str, object]:
        """By name of what is watched, {path: what is known of it}."""
        watched = ("canary", "class", "honest", "reference", "student_template", "home", "out-honest", "empty", "signals")
        return {f"files below {name}": fingerprints(self.base / name) for name in watched}


def _copy_course(base: Path, secrets: Mapping[str, str]) -> None:
    for folder in ("reference", "student_template"):
        ignore = shutil.ignore_patterns("__pycache__", ".seed")
        shutil.copytree(ROOT / folder / "attention", base / folder / "attention", ignore=ignore)
    course = base / "reference" / "attention"
    settings = (course / "assignment.toml").read_text(encoding="utf-8").splitlines()
    lines = [_limit_line(line) for line in settings]
    (course / "assignment.toml").write_text("\n".join([*lines, f"# {secrets['reference']}", ""]), encoding="utf-8")
    for name in ("solution.py", "cases.py"):
        with (course / name).open("a", encoding="utf-8") as file:
            file.write(f"\n# {secrets['reference']}\n")


def _limit_line(line: str) -> str:
    key = line.partition(" = ")[0]
    return f"{key} = {LIMITS[key]}" if key in LIMITS else line


def fingerprints(path: Path) -> dict[str, object]:
    """By path: mode, links, time of change and content. Compiled modules are the grader's own affair."""
    found = [path, *path.rglob("*")] if path.is_dir() else [path]
    return {str(one): _fingerprint(one) for one in sorted(found) if "__pycache__" not in one.parts}


def _fingerprint(path: Path) -> object:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return oct(status.st_mode)
    return oct(status.st_mode), status.st_nlink, status.st_mtime_ns, hash(path.read_bytes())


def differences(before: object, after: object) -> list[str]:
    """The paths that came, went or changed."""
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def listen(base: Path, token: str) -> dict[str, socket.socket]:
    """Listeners of every kind that a process on this machine can reach without leave."""
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    path.bind(str(base / "socket"))
    (base / "socket").chmod(0o777)
    abstract.bind(f"\0range-{token}")
    for one in (tcp, path, abstract):
        one.listen(64)
    return {"TCP": tcp, "UDP": udp, "unix": path, "abstract unix": abstract}


def heard_by(listeners: Mapping[str, socket.socket]) -> set[str]:
    """The listeners to which anyone has spoken or connected, and be it only for a moment."""
    ready = select.select(list(listeners.values()), [], [], 0)[0]
    return {name for name, one in listeners.items() if one in ready}


BYSTANDER = """\
import os, signal, sys, time
def note(number, _):
    with open(sys.argv[1], "a") as file:
        file.write(f"{number}\\n")
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, note)
print("ready", flush=True)
while True:
    time.sleep(3600)
"""


def start_bystander(level: Level, base: Path, python: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A process of the grader's own user, with a secret in its environment, that writes down every signal it gets."""
    notes = base / "signals"
    notes.touch()
    notes.chmod(0o666)
    command = [python, "-I", "-S", "-c", BYSTANDER, str(notes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True, **_identity(level))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def end_bystander(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def adopt_orphans(yes: bool) -> None:
    """Become the parent of whatever a process below us leaves behind when it ends, so that nothing can slip away unseen."""
    pr_set_child_subreaper = 36
    assert ctypes.CDLL(None).prctl(pr_set_child_subreaper, int(yes), 0, 0, 0) == 0


def processes_left(known: Iterable[int], patience: float = GONE_SECONDS) -> list[str]:
    """Processes that have become ours and are still running after a moment; they are ended."""
    deadline = time.monotonic() + patience
    while (left := children() - set(known)) and time.monotonic() < deadline:
        time.sleep(0.05)
    names = [f"{pid}: {Path('/proc', str(pid), 'cmdline').read_text()!r}" for pid in sorted(left)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return names


def children() -> set[int]:
    """The processes right below this one that have not ended."""
    found: set[int] = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == os.getpid() and state != "Z":
                    found.add(int(folder.name))
    return found


def left_behind(token: str) -> list[Path]:
    """What the attacks have put where everyone may write; they name it after the run."""
    places = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/run/lock"))
    return [path for place in places if place.is_dir() for path in place.iterdir() if token in path.name]


def take_away(paths: Iterable[Path]) -> list[str]:
    """Delete what an attack has left, or the next one would find it; returns what it was."""
    names = []
    for path in paths:
        names.append(str(path))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return names
