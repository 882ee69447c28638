"""The students' bundle: what is in it, that it is always the same, and that nothing of the reference or of hidden cases is."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import lzma
import os
import subprocess
import sys
import tokenize
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.assignment import Assignment, load_assignment
from grader.make_plan import make_plan
from grader.pipeline import Course
from grader.release import MODULES, Bundle, build_bundle, open_public
from grader.student.public import SEED, _describe_array, _read_array
from tests.support import ROOT, notebook

EXTERNALS = {"numpy", "nbformat", "nbconvert", "IPython"}


@pytest.fixture(scope="module")
def bundle(attention: Assignment) -> Bundle:
    return build_bundle(attention)


@pytest.fixture(scope="module")
def files(bundle: Bundle) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(bundle.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def packed(files: dict[str, bytes]) -> dict[str, Any]:
    """The constants of selfcheck.py."""
    tree = ast.parse(files["attention/selfcheck.py"])
    named = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    targets = [(node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value) for node in named]
    names = ("NOTEBOOK", "REQUIREMENTS", "MODULES", "PLAN", "LATTICE")
    return {target.id: ast.literal_eval(value) for target, value in targets if isinstance(target, ast.Name) and value and target.id in names}


def test_it_holds_what_is_on_the_list_and_nothing_else(files: dict[str, bytes], bundle: Bundle) -> None:
    assert sorted(files) == [f"attention/{name}" for name in ("Makefile", "README.md", "attention.ipynb", "selfcheck.py")]
    assert bundle.remarks == ()
    handout = ROOT / "student_template" / "attention"
    for name in ("Makefile", "README.md", "attention.ipynb"):
        assert files[f"attention/{name}"] == (handout / name).read_bytes()


@pytest.mark.parametrize("elsewhere", [
    {"HOME": "/nonexistent", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1", "GRADER_SEED": "another"},
    {"HOME": "/tmp", "TZ": "America/Lima", "PYTHONHASHSEED": "2"},
])
def test_the_bytes_are_the_same_wherever_and_whenever_it_is_built(
    bundle: Bundle, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    target = tmp_path / "some where" / "b.zip"
    program = f"import os; os.umask(0o077); from grader.cli import run; raise SystemExit(run(['release', '--out', {str(target)!r}]))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **elsewhere}, capture_output=True, text=True,
                         check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    assert target.read_bytes() == bundle.content
    assert str(ROOT) not in bundle.content.decode("utf-8", "replace")


# --- nothing is given away ----------------------------------------------------------------------------------------------


def texts_in(files: dict[str, bytes], packed: dict[str, Any]) -> Iterator[str]:
    """Everything that can be read in the bundle, also what is packed."""
    yield from (content.decode() for content in files.values())
    yield from packed["MODULES"].values()
    yield packed["PLAN"]
    yield from ("".join(cell["source"]) for cell in json.loads(packed["PLAN"])["handout"]["cells"])
    yield lzma.decompress(base64.b64decode(packed["LATTICE"])).decode("latin-1")


def grams(source: str, size: int) -> set[tuple[str, ...]]:
    """Runs of tokens, whatever the layout; none with a docstring or a comment in it."""
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens: list[str] = []
    with contextlib.suppress(tokenize.TokenError, SyntaxError):  # a text that is no Python is read as far as it goes
        tokens.extend(token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in skip)
    return {tuple(tokens[at:at + size]) for at in range(len(tokens) - size + 1)}


def bodies(file: Path) -> Iterator[str]:
    """The statements of a teacher's functions as they are written, without docstrings."""
    source = file.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        for statement in node.body if isinstance(node, ast.FunctionDef) else []:
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                yield ast.get_source_segment(source, statement) or ""


@pytest.mark.parametrize(("name", "size"), [("solution.py", 8), ("misconceptions.py", 9), ("cases.py", 10)])
def test_no_code_of_the_reference_travels(files: dict[str, bytes], packed: dict[str, Any], name: str, size: int) -> None:
    told = {gram for text in texts_in(files, packed) for gram in grams(text, size)}
    handed_out = {gram for cell in json.loads(files["attention/attention.ipynb"])["cells"] for gram in grams("".join(cell["source"]), size)}
    own = {gram for body in bodies(ROOT / "reference" / "attention" / name) for gram in grams(body, size)}
    assert len(own) > 30
    assert len(told) > 5000
    assert own & told - handed_out - ALSO_IN_RELATIONS == set()


RELATIONS = (ROOT / "student_template" / "attention" / "relations.py").read_text(encoding="utf-8")
ALSO_IN_RELATIONS = {gram for size in (8, 9, 10) for gram in grams(RELATIONS, size)}
"""How data are drawn, which is no secret."""


def test_the_search_for_code_would_find_some(files: dict[str, bytes], packed: dict[str, Any]) -> None:
    solution = (ROOT / "reference" / "attention" / "solution.py").read_text(encoding="utf-8")
    told = {gram for text in [*texts_in(files, packed), f"x = 1\n{solution}"] for gram in grams(text, 8)}
    assert {gram for body in bodies(ROOT / "reference" / "attention" / "solution.py") for gram in grams(body, 8)} <= told


def test_no_hidden_case_travels(packed: dict[str, Any], course: Course, files: dict[str, bytes]) -> None:
    plan = json.loads(packed["PLAN"])
    assert {name: [case["id"] for case in cases] for name, cases in plan["cases"].items()} == {
        "self_attention": ["published"], "multi_head_attention": ["published"]}
    told = b"\n".join(files.values()).decode()
    hidden = [one.case for exercise in course.plan.exercises.values() for one in exercise.cases if one.case.visibility == "hidden"]
    assert len(hidden) > 8
    assert [case.id for case in hidden if f'"{case.id}"' in told] == []
    assert [case.title for case in hidden if case.title in json.dumps({**plan, "task": {**plan["task"], "slips": {}}})] == []
    assert course.assignment.digest not in told


def test_marks_and_costs_do_not_travel(packed: dict[str, Any]) -> None:
    assert [(one["marks"], one["costs"]) for one in json.loads(packed["PLAN"])["task"]["exercises"].values()] == [({}, {})] * 2


def test_answers_to_relations_are_sealed(attention: Assignment) -> None:
    public, full = open_public(attention).plan, make_plan(attention, SEED, public_only=True)
    for name, exercise in public.exercises.items():
        told = {one.call for one in exercise.cases} | {one.call for one in exercise.examples}
        for call, (answer, right) in enumerate(zip(exercise.expected, full.exercises[name].expected, strict=True)):
            for key, array in answer.items():
                assert array.shape == right[key].shape
                assert np.allclose(array, right[key], rtol=1e-11, atol=0) if call in told else np.isnan(array).all()


# --- it is whole --------------------------------------------------------------------------------------------------------


def test_what_is_packed_needs_only_what_is_packed_and_what_is_installed(packed: dict[str, Any]) -> None:
    known = {*MODULES, "handout_relations"} | {name.rpartition(".")[0] for name in MODULES}
    for name, source in packed["MODULES"].items():
        for node in ast.walk(ast.parse(source)):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            for module in imported:
                top = module.partition(".")[0]
                assert module in known if top in ("grader", "handout_relations") else top in EXTERNALS | sys.stdlib_module_names, name
    assert len(packed["MODULES"]) == len(MODULES) + 1


def test_what_pip_is_told_to_install_are_our_own_bounds(packed: dict[str, Any]) -> None:
    assert {one.partition(">=")[0] for one in packed["REQUIREMENTS"]} == {"numpy", "nbformat", "nbconvert", "ipython", "scipy"}
    assert all(">=" in one for one in packed["REQUIREMENTS"])


def test_it_stays_readable(files: dict[str, bytes]) -> None:
    text = files["attention/selfcheck.py"].decode()
    assert "\n    def find_spec(" in text
    assert "\ndef check_values(\n" in text  # a module of ours, as it is
    assert len(text) < 1_000_000


def test_another_assignment_has_a_bundle_too_and_is_told_what_it_lacks(tmp_path: Path) -> None:
    built = build_bundle(load_assignment(ROOT / "tests" / "assignments" / "signals"))
    assert "selfcheck.py" in built.names
    assert any("never travels: put it into the hand-out's relations.py" in remark for remark in built.remarks)
    with zipfile.ZipFile(BytesIO(built.content)) as archive:
        archive.extractall(tmp_path)
    run = subprocess.run([sys.executable, "selfcheck.py"], cwd=tmp_path / "signals", capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 1, run.stderr
    assert "missing" in run.stdout


def test_an_exercise_without_a_public_check_is_not_failed(tmp_path: Path) -> None:
    assignment = load_assignment(ROOT / "tests" / "assignments" / "signals")
    built = build_bundle(assignment)
    assert any(remark == "residual has no public case or relation: the self-check cannot try it" for remark in built.remarks)
    with zipfile.ZipFile(BytesIO(built.content)) as archive:
        archive.extractall(tmp_path)
    file = tmp_path / "signals" / "right.ipynb"
    file.write_bytes(notebook("import numpy as np", (assignment.folder / "solution.py").read_text(encoding="utf-8")))
    run = subprocess.run([sys.executable, "selfcheck.py", file.name], cwd=tmp_path / "signals", capture_output=True, text=True,
                         check=False, timeout=120)
    assert (run.returncode, run.stderr) == (0, "")
    assert "there is no public check of it" in run.stdout


@pytest.mark.parametrize("array", [
    np.array([[1, 2], [3, 4]]), np.array([1.5, 2], dtype=np.float32), np.empty((0, 3)), np.array([1 + 2j, 3]), np.array([True, False]),
    np.array(2.5), np.arange(6.0).reshape(2, 3)[:, ::2], np.array([[1e-300, -0.0]])])
def test_arguments_travel_with_their_dtype_and_shape(array: np.ndarray[Any, np.dtype[Any]]) -> None:
    again = _read_array(json.loads(json.dumps(_describe_array(array))))
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == np.ascontiguousarray(array).tobytes()
