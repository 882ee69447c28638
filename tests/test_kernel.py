"""`check(...)` in a running kernel: however functions are given, whatever they do, in Python, in a real kernel, from the packed file."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from playwright.sync_api import Browser

from grader.assignment import Assignment, load_assignment
from grader.model import Verdict
from grader.pipeline import Course
from grader.release import build_selfcheck, make_public_plan, open_public
from grader.student import clock, kernel
from grader.student.clock import Clock
from grader.student.kernel import Shown, check_here
from grader.student.outcome import Outcome
from grader.student.public import PublicCourse
from grader.student.telling import make_report
from grader.verify import fill_in
from tests.chromium import ABSENT, WHY_ABSENT, open_chromium
from tests.support import ATTENTION, MULTI_HEAD, MULTI_STUB, ROOT, STUB, code
from tests.test_accessibility import CONTRAST, OPEN, ask_axe
from tests.test_template import run_all

RIGHT = f"import numpy as np\n{ATTENTION}\n{MULTI_HEAD}"
NAMED = "check(self_attention, multi_head_attention)"
Check = Callable[..., Shown]


@pytest.fixture(scope="module")
def public(attention: Assignment) -> PublicCourse:
    return open_public(attention)


@pytest.fixture
def check(public: PublicCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run cells as a kernel does, call check(...) as written, and return what is shown."""
    shown: list[Shown] = []
    monkeypatch.setattr(kernel, "_show", shown.append)

    def run_and_check(*cells: str, call: str = NAMED, seconds: float = 10.0) -> Shown:
        space = run_cells(*cells)
        limits = replace(public.task.limits, wall_seconds=seconds)
        course = replace(public, task=replace(public.task, limits=limits))
        space["check"] = lambda *functions, **named: check_here(functions, named, space, course, tmp_path)
        exec(call, space)
        return shown[-1]

    return run_and_check


def run_cells(*cells: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        exec(compile(textwrap.dedent(cell), f"/tmp/ipykernel_1/{number}.py", "exec"), space)
    return space


def verdicts(shown: Shown) -> list[str]:
    found = [part.verdict for part in shown.report.parts]
    assert set(found) <= set(get_args(Verdict))
    return found


# --- how functions are given ------------------------------------------------------------------------------------------

WAYS = {
    "by position": ("", NAMED),
    "by keyword": ("", "check(multi_head_attention=multi_head_attention, self_attention=self_attention)"),
    "both ways": ("", "check(multi_head_attention, self_attention=self_attention)"),
    "the wrong way round": ("", "check(multi_head_attention, self_attention)"),
    "not at all": ("", "check()"),
    "under other names": ("one, two = self_attention, multi_head_attention", "check(one, two)"),
    "a lambda": ("", "check(lambda X, Wq, Wk, Wv: self_attention(X, Wq, Wk, Wv), multi_head_attention)"),
    "a lambda for (b)": ("", "check(self_attention, lambda *given: multi_head_attention(*given))"),
    "a partial": ("""
        import functools
        def mine(scale, X, Wq, Wk, Wv): return self_attention(X * scale, Wq, Wk, Wv)
        def both(H, X, Wq, Wk, Wv, heads): return multi_head_attention(X, Wq, Wk, Wv, heads)
        """, "check(functools.partial(mine, 1), functools.partial(both, 3))"),
    "a callable object": ("""
        class Attention:
            def __call__(self, X, Wq, Wk, Wv): return self_attention(X, Wq, Wk, Wv)
        class Heads:
            def __call__(self, *given): return multi_head_attention(*given)
        """, "check(Attention(), Heads())"),
    "methods": ("""
        class Model:
            def single(self, X, Wq, Wk, Wv): return self_attention(X, Wq, Wk, Wv)
            def several(self, *given): return multi_head_attention(*given)
            @classmethod
            def of_class(cls, *given): return self_attention(*given)
            @staticmethod
            def of_nobody(*given): return multi_head_attention(*given)
        """, "check(Model().single, Model().several)\ncheck(Model.of_class, Model.of_nobody)"),
    "decorated": ("""
        import functools
        def logged(function):
            @functools.wraps(function)
            def wrapper(*given, **named):
                print("called")
                return function(*given, **named)
            return wrapper
        self_attention, multi_head_attention = logged(self_attention), logged(multi_head_attention)
        """, NAMED),
    "wrapped by an object of a library": ("""
        import functools
        class Timed:
            def __init__(self, function): self.function = function
            def __call__(self, *given): return self.function(*given)
        multi_head_attention = Timed(multi_head_attention)
        """, NAMED),
    "through helpers": ("""
        def helper(*given): return class_of_helpers.split(*given)
        class class_of_helpers:
            split = staticmethod(multi_head_attention)
        """, "check(self_attention, lambda *given: helper(*given))"),
}


@pytest.mark.parametrize("way", WAYS)
def test_functions_may_be_given_in_every_way_that_python_has(check: Check, way: str) -> None:
    more, call = WAYS[way]
    shown = check(RIGHT, more, call=call)
    assert verdicts(shown) == ["correct", "correct"], repr(shown)
    assert shown.report.notes == ()  # such as that (b) does not call (a)
    assert shown.report.good


def test_what_is_not_there_is_said_in_one_sentence(check: Check, public: PublicCourse, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for functions, named, space, words in (
        ((), {}, {}, "check() found none of the functions self_attention, multi_head_attention. Run the cells"),
        ((np.ones(3),), {}, {}, "check() was given ndarray for self_attention, not a function. Did a later cell give its name to something else?"),
        ((), {}, {"multi_head_attention": None}, "given NoneType for multi_head_attention, not a function."),
        ((), {"self_attention": "text"}, {}, "given str for self_attention, not a function."),
        ((), {"elsewhere": len}, {}, "check() takes the functions self_attention, multi_head_attention; this belongs to none of them: elsewhere."),
        ((len, abs, print), {}, {}, "this belongs to none of them: +1."),
    ):
        check_here(functions, named, space, public, tmp_path)
        said = capsys.readouterr().out
        assert words in said
        assert said.count("\n") == 1


def test_a_function_that_was_not_given_is_missing(check: Check) -> None:
    shown = check(RIGHT, call="check(self_attention)")
    assert verdicts(shown) == ["correct", "missing"]
    assert "`multi_head_attention` was not given to check()." in repr(shown)
    assert not shown.report.good


# --- what they do -----------------------------------------------------------------------------------------------------

DATA = "X, Wq, Wk, Wv = (np.random.default_rng(0).normal(size=size) for size in ((5, 6), (6, 6), (6, 6), (6, 6)))"
ODD: dict[str, tuple[str, list[str], str]] = {
    "both stubs": (f"{STUB}\n{MULTI_STUB}", ["missing", "missing"], "is still the hand-out's stub"),
    "the stub of (b)": (MULTI_STUB, ["correct", "missing"], "`multi_head_attention` is still the hand-out's stub"),
    "a stub with a docstring": (STUB.replace("\n", '\n    """Mine."""\n', 1), ["missing", "error"], "is still the hand-out's stub"),
    "a stub with a comment": (MULTI_STUB.replace("...", "# later"), ["correct", "missing"], "is still the hand-out's stub"),
    "a stub that was begun": (STUB.replace("...", "Q = X @ Wq"), ["error", "error"], "name 'output' is not defined"),
    "other arguments": ("def self_attention(X): return X", ["error", "error"], "takes 1 positional argument but 4 were given"),
    "async": (f"async {ATTENTION}", ["incorrect", "error"], "a coroutine"),
    "a generator": ("def self_attention(X, Wq, Wk, Wv): yield X", ["incorrect", "error"], "a generator"),
    "nothing": ("def self_attention(X, Wq, Wk, Wv): pass", ["incorrect", "error"], "None"),
    "forbidden inside": (ATTENTION.replace("\n", "\n    if not len(X): import torch\n", 1), ["forbidden", "forbidden"], "It uses torch"),
    "forbidden in a helper": (
        f"def helper():\n    import jax.numpy\n{ATTENTION.replace('):', '):' + chr(10) + '    if not len(X): helper()', 1)}",
        ["forbidden", "forbidden"], "It uses jax"),
    "forbidden outside": (
        f"import types\ntorch = types.ModuleType('torch')\n{ATTENTION.replace('):', '):' + chr(10) + '    torch', 1)}",
        ["forbidden", "forbidden"], "It uses torch"),
    "forbidden and unused": ("import types\ntorch = types.ModuleType('torch')", ["correct", "correct"], ""),
    "changes its input": (ATTENTION.replace("    S =", "    X += 0; X[0, 0] += 1\n    S ="), ["incorrect", "incorrect"], "in place"),
    "differs each time": (ATTENTION.replace("return A @ V", "return A @ V + np.random.normal()"), ["incorrect", "incorrect"], "differ"),
    "exits": ("import sys\ndef self_attention(*given): sys.exit(3)", ["error", "error"], "SystemExit"),
    "interrupts itself": ("def self_attention(*given): raise KeyboardInterrupt", ["error", "error"], "KeyboardInterrupt"),
    "recursion": ("def self_attention(*given): return self_attention(*given)", ["error", "error"], "RecursionError"),
    "asks": ("def self_attention(*given): return input('X?')", ["error", "error"], "EOFError: EOF when reading a line"),
    "an exception that cannot be told": (
        "class Odd(Exception):\n    def __str__(self): raise self\ndef self_attention(*given): raise Odd", ["error", "error"], "Odd"),
    "an object that cannot be looked at": (
        "class Odd:\n    def __getattr__(self, name): raise ValueError(name)\nodd = Odd()\n"
        + ATTENTION.replace("):", "):\n    odd", 1), ["correct", "correct"], ""),
    "wraps itself": ("self_attention.__wrapped__ = self_attention", ["correct", "correct"], ""),
    "the kernel's settings": (
        "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')\n"
        + ATTENTION.replace("    S =", "    np.log(np.zeros(1)); warnings.warn('x')\n    S ="), ["correct", "correct"], ""),
}


def test_a_debugger_and_the_limit_of_recursion_are_there_again_after_a_check(check: Check) -> None:
    before = sys.gettrace(), sys.getprofile(), sys.getrecursionlimit()
    mine = lambda *_: None  # noqa: E731  settrace and setprofile want a function
    try:
        sys.setrecursionlimit(4321)
        sys.settrace(mine)
        sys.setprofile(mine)
        shown = check(RIGHT, "import sys\nright = self_attention\ndef self_attention(*given):\n    sys.settrace(None); sys.setrecursionlimit(999)\n    return right(*given)")
        after = sys.gettrace(), sys.getprofile(), sys.getrecursionlimit()
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
        sys.setrecursionlimit(before[2])
    assert shown.report.good
    assert after == (mine, mine, 4321)


@pytest.fixture
def usual_settings() -> Iterator[None]:
    with np.errstate():
        yield


@pytest.mark.usefixtures("usual_settings")
@pytest.mark.parametrize("name", ODD)
def test_odd_functions_get_the_grader_s_own_word(check: Check, name: str) -> None:
    source, expected, words = ODD[name]
    shown = check(RIGHT, source)
    assert verdicts(shown) == expected, repr(shown)
    assert words in repr(shown)
    assert "Traceback" not in repr(shown)


def test_the_notebook_s_own_data_read_inside_is_named(check: Check) -> None:
    taken = ATTENTION.replace("(X, Wq, Wk, Wv):", "(a, b, c, d):")
    space = f"{RIGHT}\n{PUBLISHED}\n{taken}"
    plain = check(space)
    helped = check(space, "inner = self_attention\ndef self_attention(*given): return inner(*given)")
    assert [verdicts(one)[0] for one in (plain, helped)] == ["incorrect", "incorrect"]
    assert helped.report.parts[0].hints[0][0] == "Uses the notebook's data in place of its arguments", helped.report.parts[0]


def published() -> str:
    notebook = json.loads((ROOT / "student_template" / "attention" / "attention.ipynb").read_bytes())
    return next("".join(cell["source"]) for cell in notebook["cells"] if cell["id"] == "data")


PUBLISHED = published()


def test_the_symptom_comes_first_and_the_name_with_the_next_try(check: Check) -> None:
    wrong = ATTENTION.replace(" / np.sqrt(K.shape[1])", "")
    first, again = check(RIGHT, wrong), check(RIGHT, wrong)
    other = check(RIGHT, wrong.replace("axis=1", "axis=-1"))
    assert first.report.parts[0].hints == ()
    assert "Change something and check again" in repr(first)
    assert again == first  # the same code is no new try
    assert other.report.parts[0].hints[0][0] == "The scores are not scaled"
    assert other.report.parts[0].example is not None


# --- silence ----------------------------------------------------------------------------------------------------------

LOUD = """
import sys, warnings
import matplotlib.pyplot as plt
from IPython.display import display
kept = plt.figure()
def self_attention(X, Wq, Wk, Wv):
    print("printed"); print("printed", file=sys.stderr); display("displayed"); warnings.warn("warned")
    plt.figure(); plt.plot(X); plt.show()
    return right(X, Wq, Wk, Wv)
"""


def test_calls_leave_nothing_on_the_screen(check: Check, capfd: pytest.CaptureFixture[str]) -> None:
    mpl.use("agg")
    from matplotlib import pyplot as plt

    shown = check(RIGHT, f"right = self_attention\n{LOUD}")
    assert verdicts(shown) == ["correct", "correct"]
    assert capfd.readouterr() == ("", "")
    assert len(plt.get_fignums()) == 1  # the student's own
    plt.close("all")


def test_where_there_is_no_notebook_the_report_is_text(
    public: PublicCourse, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "IPython"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "IPython", None)  # it cannot be imported
    space = run_cells(RIGHT)
    check_here((), {}, space, public, tmp_path)
    said = capsys.readouterr().out
    assert "(a) Self-attention: correct" in said
    assert said.rstrip().endswith("All public checks pass. The course's grader also tries other data and other sizes.")


# --- time -------------------------------------------------------------------------------------------------------------

ENDLESS = {  # Python catches nothing in a bare `while True: pass`, so some sleep
    "a loop": "\n    while True: pass",
    "sleep": "import time; time.sleep(60)",
    "one that swallows an interrupt": "\n    try:\n        while True: time.sleep(0.01)\n    except BaseException:\n        while True: time.sleep(0.01)",
    "one that swallows an interrupt and returns": "\n    try:\n        while True: time.sleep(0.01)\n    except BaseException:\n        return X, X",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_loop_is_a_timeout_and_the_kernel_goes_on(check: Check, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "AGAIN", 0.2)
    handler, began = signal.getsignal(signal.SIGINT), time.monotonic()
    shown = check(RIGHT, f"import time\ndef self_attention(X, Wq, Wk, Wv): {ENDLESS[name]}", seconds=0.2)
    assert verdicts(shown) == ["timeout", "timeout"]
    assert "0.2 s" in repr(shown)
    assert time.monotonic() - began < 5
    assert signal.getsignal(signal.SIGINT) is handler
    assert check(RIGHT).report.good


def test_no_interrupt_comes_late_when_the_time_is_up_just_as_the_work_ends() -> None:
    rang = 0
    for turn in range(400):
        clock_ = Clock(0.001 + turn % 7 * 1e-5)
        until = time.perf_counter() + 0.001 + turn % 21 * 5e-5
        clock_.run(lambda until=until: spin(until))  # type: ignore[misc]  # bound now, of the right type
        spin(time.perf_counter() + 2e-5)
        rang += clock_.rung
    assert 0 < rang < 400, "no race was run"


def spin(until: float) -> None:
    while time.perf_counter() < until:
        pass


def test_a_ring_that_is_pending_when_the_work_is_done_is_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bell rings between the end of the work and the moment when it is taken down."""
    rings: list[bool] = []

    def ring_at_the_end(bell: Clock) -> None:
        bell._over.wait(5)
        bell.rung = True
        rings.append(True)
        clock._interrupt()

    monkeypatch.setattr(Clock, "_ring", ring_at_the_end)
    one = Clock(60)
    one.run(lambda: None)
    assert rings == [True]
    for _ in range(1000):
        spin(0)


def test_work_that_was_done_in_time_is_whole_though_the_bell_rang(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Clock.run

    def run_and_ring(self: Clock, work: Callable[[], None]) -> None:
        run(self, work)
        self.rung = True

    monkeypatch.setattr(Clock, "run", run_and_ring)
    assert check(RIGHT).report.good


@pytest.mark.parametrize("where", ["the function", "its result"])
def test_the_student_s_own_interrupt_ends_the_check(check: Check, where: str) -> None:
    act = "signal.raise_signal(signal.SIGINT)"
    function = f"def self_attention(*given):\n    try: {act}\n    except ValueError: pass"
    result = f"class Result:\n    def __array__(self, *_, **__): {act}\ndef self_attention(*given): return Result()"
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        check(RIGHT, f"import signal\n{function if where == 'the function' else result}")
    assert signal.getsignal(signal.SIGINT) is handler


def test_beside_the_main_thread_the_check_works_without_a_limit(check: Check) -> None:
    found: list[Shown] = []
    thread = threading.Thread(target=lambda: found.append(check(RIGHT)))
    thread.start()
    thread.join(30)
    assert found[0].report.good


# --- the packed file --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(attention: Assignment) -> str:
    return build_selfcheck(attention, make_public_plan(attention))


def test_the_packed_file_says_how_its_own_functions_are_checked(packed: str) -> None:
    assert f"    {NAMED}\n" in packed.split('"""')[1]
    signals = load_assignment(ROOT / "tests" / "assignments" / "signals")
    other = build_selfcheck(signals, make_public_plan(signals))
    assert "    check(smooth, residual)\n" in other.split('"""')[1]


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "selfcheck.py"
    file.write_text(text, encoding="utf-8")
    return file


def load(file: Path, name: str = "selfcheck_tried") -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def say_check(module: types.ModuleType, capsys: pytest.CaptureFixture[str], *cells: str) -> str:
    exec("check()", run_cells(*cells) | {"check": module.check})
    return capsys.readouterr().out


@pytest.mark.parametrize("way", WAYS)
def test_the_packed_file_takes_functions_in_every_way_too(
    packed_module: types.ModuleType, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    more, call = WAYS[way]
    space = run_cells(RIGHT, more)
    exec(call, space | {"check": packed_module.check})
    said = capsys.readouterr().out
    assert said.count("All public checks pass.") == call.count("check(") > 0, said


@pytest.fixture(scope="module")
def packed_module(packed: str, tmp_path_factory: pytest.TempPathFactory) -> types.ModuleType:
    return load(write(tmp_path_factory.mktemp("packed"), packed))


def test_nothing_is_left_behind_by_a_check_but_the_module_itself(
    packed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real grader is imported in this process, as it is in its author's kernel."""
    before, finders, path = dict(sys.modules), list(sys.meta_path), list(sys.path)
    module = load(write(tmp_path, packed))
    space = run_cells(RIGHT)
    exec("check()", space | {"check": module.check})
    assert "All public checks pass." in capsys.readouterr().out
    assert {name: one for name, one in sys.modules.items() if name.partition(".")[0] == "grader"} == {
        name: one for name, one in before.items() if name.partition(".")[0] == "grader"}
    assert "handout_relations" not in sys.modules
    assert (sys.meta_path, sys.path) == (finders, path)
    mine = module.PACKED.loaded["grader.student.kernel"]
    exec("check()", space | {"check": module.check})
    assert module.PACKED.loaded["grader.student.kernel"] is mine  # coming back is quick
    assert module.__all__ == ["check"]


def test_what_is_packed_is_used_whatever_is_called_grader_here(
    packed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("grader", "grader.student", "grader.student.kernel", "handout_relations"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    mine = sys.modules["grader"]
    said = say_check(load(write(tmp_path, packed)), capsys, RIGHT)
    assert "All public checks pass." in said
    assert sys.modules["grader"] is mine


SIGNALS = """
import numpy as np
def smooth(signal, width): return np.convolve(signal, np.ones(width) / width, mode="valid")
def residual(signal, width):
    rest = signal[width // 2:][: len(signal) - width + 1] - smooth(signal, width)
    return rest, (rest**2).sum()
"""


def test_two_self_checks_in_one_kernel_do_not_meet(packed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signals = load_assignment(ROOT / "tests" / "assignments" / "signals")
    other = build_selfcheck(signals, make_public_plan(signals))
    newer = packed.replace("All public checks pass.", "All is well.")
    one, two, three = (load(write(tmp_path / name, text)) for name, text in (("1", packed), ("2", other), ("3", newer)))
    for _ in range(2):
        assert "(a) Self-attention: correct" in (first := say_check(one, capsys, RIGHT))
        assert "All public checks pass." in first
        assert "1. Moving average: correct" in say_check(two, capsys, SIGNALS)
        assert "All is well." in say_check(three, capsys, RIGHT)


def test_a_newer_file_counts_after_a_reload(
    packed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, packed)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "selfcheck", raising=False)
    module = importlib.import_module("selfcheck")
    assert importlib.import_module("selfcheck") is module
    check = module.check
    assert "All public checks pass." in say_check(module, capsys, RIGHT)
    file.write_text(packed.replace("All public checks pass.", "All is well."), encoding="utf-8")
    importlib.reload(module)
    assert "All is well." in say_check(module, capsys, RIGHT)
    exec("check()", run_cells(RIGHT) | {"check": check})  # the name that the notebook imported before
    assert "All is well." in capsys.readouterr().out
    del sys.modules["selfcheck"]


# --- a real kernel ----------------------------------------------------------------------------------------------------

CELLS = {
    "all": "before = set(dir())\nfrom selfcheck import check\ncheck(self_attention, multi_head_attention)\n",
    "names": "print(sorted(set(dir()) - before - {'before'} - {name for name in dir() if name.startswith('_')}))",
    "none": "check()",
    "loud": f"%matplotlib inline\nright = self_attention\n{LOUD}\ncheck()\nplt.close('all')",
    "endless": "def self_attention(X, Wq, Wk, Wv):\n    while True: pass\ncheck()",
    "later": "import time\nfor _ in range(50): time.sleep(0.02)\nprint('alive')",
    "stop": "import signal\ndef self_attention(*given): signal.raise_signal(signal.SIGINT)\n"
            "try: check()\nexcept KeyboardInterrupt: print('stopped')",
}


@pytest.mark.slow
def test_in_a_real_kernel_the_report_is_a_table_and_the_kernel_stays_well(course: Course, packed: str, tmp_path: Path) -> None:
    hasty = packed.replace('"wall_seconds": 10.0', '"wall_seconds": 0.5')
    assert hasty != packed
    write(tmp_path, hasty)
    content = json.loads(fill_in(course))
    content["cells"] += [code(source, id=name) for name, source in CELLS.items()]
    notebook, said = run_all(json.dumps(content).encode(), tmp_path)
    assert notebook, said
    outputs = {cell["id"]: cell["outputs"] for cell in notebook["cells"] if cell["id"] in CELLS}
    for name, words in (("all", "All public checks pass."), ("none", "All public checks pass."), ("loud", "All public checks pass."),
                        ("endless", "(a) Self-attention: timeout")):
        (output,) = outputs[name]
        assert output["output_type"] == "display_data"
        assert words in "".join(output["data"]["text/plain"])
        assert words in "".join(output["data"]["text/html"])
        assert "<table" in "".join(output["data"]["text/html"])
    printed = {name: "".join(outputs[name][0]["text"]) for name in ("names", "later", "stop")}
    assert printed == {"names": "['check']\n", "later": "alive\n", "stop": "stopped\n"}


# --- the report as people see it --------------------------------------------------------------------------------------

HOSTILE = "<script>document.title = 'bad'</script><img src=x onerror=\"document.title = 'bad'\">\x1b[31m\x00\x07\u202e `" + "x" * 5000
LOOKS = {
    "all well": RIGHT,
    "a slip": f"{RIGHT}\n{ATTENTION.replace(' / np.sqrt(K.shape[1])', '')}",
    "hostile": f"{RIGHT}\ndef self_attention(*given): raise ValueError({HOSTILE!r})",
    "nothing": f"{RIGHT}\n{STUB}\n{MULTI_STUB}",
}
GROUNDS = {"light": ("#fff", "#111"), "dark": ("#111", "#eee")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if ABSENT:
        pytest.skip(WHY_ABSENT)
    with open_chromium() as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", LOOKS)
def test_the_report_is_for_everybody_on_light_and_dark_pages(check: Check, browser: Browser, name: str, ground: str) -> None:
    for again in range(2):  # with all that may be told
        shown = check(LOOKS[name] + "\n_ = None" * again, "" if not again else "inner = self_attention\nself_attention = lambda *given: inner(*given)")
    paper, ink = GROUNDS[ground]
    page = browser.new_page()
    page.set_content(f"<!doctype html><html lang='en'><title>A notebook</title><body style='background:{paper};color:{ink};font:14px sans-serif'>"
                     f"<main><h1>A notebook</h1><h2>Check</h2><h3>Output</h3>{shown._repr_html_()}</main>")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(OPEN)
        assert ask_axe(page)[0] == []
        assert page.evaluate(CONTRAST, 4.5) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() == "A notebook"
    assert page.locator("script, img").count() == 0
    page.close()


def test_hostile_words_are_shown_as_words_and_without_end(check: Check) -> None:
    shown = check(LOOKS["hostile"])
    for told in (repr(shown), shown._repr_html_()):
        assert not {"\x1b", "\x00", "\x07", "\u202e"} & set(told)
        assert "x" * 600 not in told
    assert "&lt;script&gt;" in shown._repr_html_()
    assert "<script>" not in shown._repr_html_()


def test_in_a_notebook_the_report_is_displayed(monkeypatch: pytest.MonkeyPatch, public: PublicCourse) -> None:
    shown: list[object] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: InteractiveShell)
    monkeypatch.setattr("IPython.display.display", shown.append)
    one = Shown(make_report(Outcome(problem="There is nothing."), public.task, {}))
    kernel._show(one)
    assert shown == [one]
