"""What is much alike and what is not: pairs as tables, what proves nothing, clusters, classes too short to tell, the page."""

from __future__ import annotations

import ast
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from html import unescape
from itertools import chain
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grader.compare
from grader.assignment import Assignment
from grader.collect import collect
from grader.compare import Task, compare, make_task, read_submission
from grader.model import Cluster, Fragment, HandIn, Likeness, Listing, Result, Submission, SubmissionName, Survey
from grader.publish import ANONYMOUS, publish
from grader.report import render_similar, similar_view
from grader.report.wording import ENGLISH
from grader.similar import Given, survey, take_as_given
from grader.similar.pairs import HANDFUL, LEAST_SHARED, LONG_ENOUGH, LONG_STRETCH, MOST, MOST_SHOWN, REMARKS
from grader.similar.reading import MOST_GRAMS
from grader.similar.tokens import tokens_of, vocabulary_of
from grader.similar.winnow import GRAM, WINDOW, fingerprints_of, grams_of
from tests.alike import disguise, hand_in, write_program, write_solution
from tests.hostile_text import NAMES, TEXTS, raising
from tests.support import ATTENTION, MULTI_HEAD, MULTI_STUB, ROOT, STUB, notebook
from tests.support import submission as put
from tests.test_cli import grader as run_grader
from tests.test_report import CLASS, inspect

BASE = write_program(1)
OTHER = write_program(2)
PRESCRIBED = frozenset({"self_attention", "multi_head_attention"})
NOTHING = Given(PRESCRIBED)


@pytest.fixture(scope="module")
def task(attention: Assignment) -> Task:
    return make_task(attention)


@pytest.fixture
def read(task: Task, tmp_path: Path) -> Callable[..., HandIn]:
    """A program, or a whole notebook, as it comes to be compared."""
    def read_one(program: str | bytes, name: str = "student") -> HandIn:
        return read_submission(put(tmp_path, program if isinstance(program, bytes) else hand_in(program), name), task)
    return read_one


def groups(found: Survey, kind: str = "code") -> list[tuple[str, ...]]:
    return [cluster.members for cluster in found.clusters if cluster.kind == kind]


def link(first: HandIn, second: HandIn, given: Given) -> Likeness | None:
    """How the code of two hand-ins is linked when nothing else is there."""
    first, second = replace(first, id="first", letters=""), replace(second, id="second", letters="", sha256=f"{second.sha256} ")
    clusters = survey([first, second], given, even_short=True).clusters
    return next((cluster.links[0] for cluster in clusters if cluster.kind == "code"), None)


# --- pairs that are the same, and pairs that are not ------------------------------------------------------------------


def turned(program: str) -> str:
    return "\n\n".join(reversed(program.split("\n\n")))


def in_a_class(name: str, attribute: str) -> str:
    lines = "\n".join(f"        self.{attribute} = self.{attribute} * {at} + np.tanh(X[{at}]) @ X.T" for at in range(30))
    return (f"class {name}:\n    def __init__(self, X):\n        self.{attribute} = X\n{lines}\n\n"
            f"def self_attention(X, Wq, Wk, Wv):\n    return {name}(X).{attribute}, X")


def called_by_keyword(name: str) -> str:
    lines = "\n".join(f"    X = part({name}=X + {at}) @ X.T" for at in range(30))
    return f"def part({name}):\n    return {name}\n\ndef self_attention(X, Wq, Wk, Wv):\n{lines}\n    return X, X"


SAME = {
    "the same": (BASE, BASE),
    "another's names, comments, annotations, docstrings, layout and order": (BASE, disguise(BASE, 1)),
    "two disguises": (disguise(BASE, 1), disguise(BASE, 2)),
    "functions in another order": (BASE, turned(BASE)),
    "written anew by a formatter": (BASE, "\n\n".join(map(ast.unparse, ast.parse(BASE).body))),
    "brackets that change nothing": (BASE, re.sub(r"= (np\..*)$", r"= ((\1))", BASE, flags=re.M)),
    "comments everywhere": (BASE, re.sub(r"$", "  # so it is", BASE, flags=re.M).replace("\n  # so it is\n", "\n\n")),
    "statements that do nothing": (BASE, BASE.replace("\n    v1 =", "\n    pass\n    ...\n    'as told'\n    v1 =")),
    "annotated results": (BASE, re.sub(r"^(def .*):$", r"\1 -> tuple[float, np.ndarray]:", BASE, flags=re.M)),
    "an annotated variable": (BASE, re.sub(r"^    (v\d+) =", r"    \1: float =", BASE, flags=re.M)),
    "another name for numpy": (hand_in(BASE), hand_in(BASE.replace("np.", "n.")).replace(b"numpy as np", b"numpy as n")),
    "numpy by its own name": (hand_in(BASE), hand_in(BASE.replace("np.", "numpy.")).replace(b"numpy as np", b"numpy")),
    "names imported one by one": (hand_in(BASE), hand_in(re.sub(r"np\.(\w+)\(", r"np_\1(", BASE)).replace(
        b"import numpy as np", "\\n".join(f"from numpy import {name} as np_{name}" for name in (
            "exp", "log", "sqrt", "abs", "tanh", "sin", "cos", "cumsum", "sort", "sign", "zeros")).encode())),
    "an import inside": (BASE, BASE.replace("\n    v0 =", "\n    import numpy as np\n    v0 =")),
    "all in one cell": (hand_in(BASE), notebook("import numpy as np\n\n" + BASE)),
    "much added": (BASE, BASE + "\n\n" + re.sub(r"helper_(\d)|(self|multi_head)_attention", r"more_\1\2", OTHER)
                   + "\n\n_base = self_attention\ndef self_attention(X, Wq, Wk, Wv):\n    return _base(more_self(X, Wq, Wk, Wv)[0], Wq, Wk, Wv)"),
    "attributes of a class of one's own": (in_a_class("Left", "mass"), in_a_class("Right", "weight")),
    "a keyword of a function of one's own": (called_by_keyword("left"), called_by_keyword("right")),
    "a line changed": (BASE, BASE.replace("    v3 = ", "    v3 = 17.5 - ")),
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same_is_listed(read: Callable[..., HandIn], task: Task, name: str) -> None:
    first, second = map(read, SAME[name])
    found = link(first, second, task.given)
    assert found is not None
    assert found.share > (0.75 if name == "a line changed" else 0.99)


def filled(line: str) -> str:
    """Forty lines of one form, no two alike in their numbers."""
    lines = "\n".join(f"    {line.format(here=f'v{at}', last=f'v{at - 1}', at=at)}" for at in range(1, 41))
    return f"def self_attention(X, Wq, Wk, Wv):\n    v0 = X\n{lines}\n    return v40, X"


FORM = "{here} = np.exp({last} - {at}) @ ({last} + X)"
DIFFERENT = {
    "another program": (BASE, OTHER),
    "another operator": (filled(FORM), filled(FORM.replace("@", "*"))),
    "other constants": (filled(FORM), filled(FORM.replace("{at}", "{at}.5"))),
    "another function of numpy": (filled(FORM), filled(FORM.replace("exp", "sin"))),
    "another attribute": (filled(FORM.replace("X", "X.T")), filled(FORM.replace("X", "X.real"))),
    "another keyword": (filled(FORM.replace("{at})", "{at}, out=X)")), filled(FORM.replace("{at})", "{at}, where=X)"))),
    "another builtin": (filled(FORM.replace("{at}", "max({at}, X)")), filled(FORM.replace("{at}", "min({at}, X)"))),
    "a function that the assignment prescribes": tuple(
        filled(FORM.replace("np.exp", name)) + "\n\ndef multi_head_attention(X):\n    return X\n\ndef other(X):\n    return X"
        for name in ("multi_head_attention", "other")),
    "another variable in the same place": (filled(FORM), filled(FORM.replace("({last} +", "(X +"))),
    "the hand-out's stubs": (f"{STUB}\n\n{MULTI_STUB}", f"{STUB}\n\n{MULTI_STUB}"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_not_listed(read: Callable[..., HandIn], task: Task, name: str) -> None:
    first, second = map(read, DIFFERENT[name])
    assert link(first, second, task.given) is None


def test_another_way_of_writing_a_line_is_not_seen_through(read: Callable[..., HandIn], task: Task) -> None:
    first, second = filled("{here} = {last} @ X - {at}"), filled("{here} = np.dot({last}, X) - {at}")
    assert link(read(first), read(first), task.given) is not None
    assert link(read(first), read(second), task.given) is None


@pytest.mark.parametrize("content", [b"", b"{", notebook(), notebook("def self_attention(:"), notebook(STUB, MULTI_STUB), raising("\ud800")])
def test_odd_hand_ins_are_read_and_resemble_nothing(read: Callable[..., HandIn], task: Task, content: bytes) -> None:
    one = read(content)
    assert not groups(survey([one, replace(one, id="b"), read(BASE, "c")], task.given, even_short=True))


def test_a_broken_cell_costs_only_itself(read: Callable[..., HandIn], task: Task) -> None:
    assert link(read(BASE), read(notebook("import numpy as np", "def (", *BASE.split("\n\n"))), task.given) is not None


def test_independent_hand_ins_are_not_listed(attention: Assignment) -> None:
    found = compare(collect(ROOT / "submissions" / "attention").submissions, attention, 2, lambda: None, even_short=True)
    assert found.compared > 40
    assert found.clusters == ()


def test_of_two_functions_a_name_is_another_in_each_gram() -> None:
    assert grams("a = b - c\n" * 3) != grams("a = b - b\n" * 3)
    one = "\n".join(f"    v{at} = np.f{at}(v{at - 1})" for at in range(1, 30))
    first, second = grams(f"def f(v0):\n{one}"), grams(f"def f(v0):\n    new = 7\n{one}")
    assert len(set(first) - set(second)) < GRAM


def grams(source: str) -> list[int]:
    tree = ast.parse(source).body
    return list(chain.from_iterable(grams_of(tokens_of(node, vocabulary_of(tree, PRESCRIBED))) for node in tree)) or [
        hash(tuple(token.text for node in tree for token in tokens_of(node, vocabulary_of(tree, PRESCRIBED))))]


# --- properties -------------------------------------------------------------------------------------------------------


def all_grams(program: str) -> list[tuple[int, ...]]:
    tree = ast.parse(program).body
    words = vocabulary_of(tree, PRESCRIBED)
    return sorted(grams_of(tokens_of(node, words)) for node in tree)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 60), st.integers(0, 4))
def test_no_disguise_changes_a_gram(seed: int, other: int, statements: int, helpers: int) -> None:
    program = write_program(seed, statements, helpers)
    assert all_grams(program) == all_grams(disguise(program, other))


GRAMS = st.lists(st.integers(0, 50), max_size=40)


@given(GRAMS, GRAMS, GRAMS, GRAMS, st.lists(st.integers(100, 10**6), min_size=WINDOW, max_size=30))
def test_what_is_as_long_as_a_window_is_always_found(a: list[int], b: list[int], c: list[int], d: list[int], same: list[int]) -> None:
    first = fingerprints_of([*a, *same, *b], counts=lambda gram: True)
    second = fingerprints_of([*c, *same, *d], counts=lambda gram: True)
    assert first & second


@given(st.lists(st.integers(0, 30), max_size=60), st.sets(st.integers(0, 30)))
def test_no_fingerprint_is_of_what_does_not_count(grams: list[int], without: set[int]) -> None:
    found = fingerprints_of(grams, counts=lambda gram: gram not in without)
    assert found <= set(grams) - without
    assert bool(found) == bool(set(grams) - without)


def bare(name: str, *marks: Iterable[int], **more: object) -> HandIn:
    """A hand-in with just these fingerprints: statements of one gram each."""
    fragments = tuple(Fragment(1, (1,) * GRAM, (mark,)) for mark in chain(*marks))
    return replace(HandIn(name, f"{name}.ipynb", f"sha of {name}", fragments), **more)  # type: ignore[arg-type]  # fields by name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 70)), min_size=2, max_size=HANDFUL), st.randoms(use_true_random=False))
def test_the_order_of_hand_ins_changes_nothing(spans: list[tuple[int, int]], rng: random.Random) -> None:
    hand_ins = [bare(f"s{at}", range(start, start + length)) for at, (start, length) in enumerate(spans)]
    shuffled = rng.sample(hand_ins, len(hand_ins))
    assert essence(survey(hand_ins, NOTHING, even_short=True)) == essence(survey(shuffled, NOTHING, even_short=True))


def essence(found: Survey) -> list[tuple[str, tuple[str, ...], list[tuple[str, str, int, int]]]]:
    return [(one.kind, one.members, [(link.first, link.second, link.shared, link.fewer) for link in one.links]) for one in found.clusters]


# --- how much is enough -----------------------------------------------------------------------------------------------

ENOUGH = [
    (range(LEAST_SHARED), range(LEAST_SHARED), True),
    (range(LEAST_SHARED - 1), range(LEAST_SHARED - 1), False),
    (range(20), range(5, 25), True),
    (range(20), range(6, 26), False),
    (range(20), range(5, 200), True),
    (range(200), range(200 - LONG_STRETCH, 400), True),
    (range(200), range(201 - LONG_STRETCH, 400), False),
]


@pytest.mark.parametrize(("first", "second", "listed"), ENOUGH)
def test_a_pair_is_listed_from_a_part_of_the_smaller_or_a_long_stretch_on(first: range, second: range, listed: bool) -> None:
    for pair in ((first, second), (second, first)):
        found = survey([bare("a", pair[0]), bare("b", pair[1])], NOTHING, even_short=True)
        assert groups(found) == ([("a", "b")] if listed else [])


# --- what proves nothing ----------------------------------------------------------------------------------------------


def test_what_the_hand_out_gives_is_taken_away(read: Callable[..., HandIn], attention: Assignment, task: Task) -> None:
    given = take_as_given(["import numpy as np", BASE], [], PRESCRIBED)
    own = BASE.replace("helper_1(X, Wq)", "helper_1(X, Wq) + helper_1(Wq, X)")
    for program in (BASE, own, disguise(own, 3)):
        assert link(read(program), read(program), task.given) is not None
        assert link(read(program), read(disguise(program, 4)), given) is None


@pytest.mark.parametrize("cell", ["%matplotlib inline\nimport numpy as np", "import numpy as np\n!pip list"])
def test_a_magic_in_the_hand_out_costs_nothing(read: Callable[..., HandIn], attention: Assignment, tmp_path: Path, cell: str) -> None:
    (tmp_path / "hand-out.ipynb").write_bytes(notebook(f"{cell}\n\n{BASE}", "this is no Python", STUB, MULTI_STUB))
    known = make_task(replace(attention, template=tmp_path / "hand-out.ipynb")).given
    assert link(read(BASE), read(BASE), known) is None


def test_a_magic_in_a_function_costs_nothing(read: Callable[..., HandIn]) -> None:
    one = read(ATTENTION.replace("    S =", f"    !echo ( # {REMARK}\n    S ="))
    assert one.problem == ""
    assert one.fragments


def test_what_the_hand_out_gives_is_not_shown(task: Task, tmp_path: Path) -> None:
    given = replace(task, given=take_as_given(["def given(a):\n    return a  # as told"], [], PRESCRIBED))
    cells = ("def given(b):\n    return b", f"import numpy as np\n{ATTENTION.replace('A @ V, A', 'given(A) @ V, A')}")
    listings = read_submission(put(tmp_path, notebook(*cells)), given).listings
    assert [(one.cell, one.first_line) for one in listings] == [(2, 2)]


@pytest.mark.parametrize("file", ["solution.py", "misconceptions.py"])
def test_ways_of_writing_it_that_the_assignment_knows_are_taken_away(
    read: Callable[..., HandIn], attention: Assignment, tmp_path: Path, file: str
) -> None:
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "solution.py").write_text("", encoding="utf-8")
    (folder / file).write_text(f"import numpy\n\n{disguise(BASE.replace('np.', 'numpy.'), 1)}", encoding="utf-8")
    known = make_task(replace(attention, folder=folder)).given
    assert link(read(BASE), read(BASE), known) is None
    assert link(read(OTHER), read(OTHER), known) is not None


def test_what_many_have_is_taken_away(read: Callable[..., HandIn], task: Task) -> None:
    marks = [replace(read(disguise(BASE, seed)), id=f"s{seed}", sha256=str(seed)) for seed in range(HANDFUL + 1)]
    assert groups(survey(marks[:HANDFUL], task.given, even_short=True)) == [tuple(f"s{seed}" for seed in range(HANDFUL))]
    assert groups(survey(marks, task.given, even_short=True)) == []


SHARES = [(8, HANDFUL, True), (8, HANDFUL + 1, False), (80, 20, True), (80, 21, False), (1000, MOST, True), (1000, MOST + 1, False)]


@pytest.mark.parametrize(("size", "sharing", "listed"), SHARES)
def test_many_is_a_quarter_and_a_handful_but_never_more_than_a_hundred(size: int, sharing: int, listed: bool) -> None:
    hand_ins = [bare(f"s{at:04}", range(20) if at < sharing else range(at * 1000, at * 1000 + 20)) for at in range(size)]
    found = survey(hand_ins, NOTHING, even_short=True)
    assert [len(members) for members in groups(found)] == ([sharing] if listed else [])
    assert found.common == (0 if listed else 20)


def test_what_many_have_hides_nothing_beside_it() -> None:
    mixed = tuple(chain.from_iterable((at, 1000 + at) for at in range(40)))  # the common ones are the least in each window
    rare = [replace(bare(name), fragments=(Fragment(1, (1,) * 100, mixed),)) for name in ("a", "b")]
    found = survey([*rare, *(bare(f"s{at}", range(40)) for at in range(HANDFUL))], NOTHING, even_short=True)
    assert groups(found) == [("a", "b")]


def test_identical_files_count_once_and_come_along() -> None:
    twins = [bare(f"twin {at}", range(30), sha256="same") for at in range(HANDFUL + 3)]
    found = survey([*twins, bare("other", range(30))], NOTHING, even_short=True)
    members = tuple(one.id for one in twins)
    assert groups(found, "file") == [members]
    assert groups(found) == [("other", *members)]
    assert found.clusters[0].kind == "file"


# --- clusters ---------------------------------------------------------------------------------------------------------


def test_a_cluster_is_held_by_its_strongest_links_and_the_weakest_is_told() -> None:
    a, b, c = range(100), range(5, 105), range(25, 120)
    found = survey([bare("a", a), bare("b", b), bare("c", c), bare("d", range(500, 600))], NOTHING, even_short=True)
    cluster = found.clusters[0]
    assert cluster.members == ("a", "b", "c")
    assert [(link.first, link.second, link.shared, link.fewer) for link in cluster.links] == [("a", "b", 95, 100), ("b", "c", 80, 95)]
    assert len(found.clusters) == 1


def test_clusters_that_have_nothing_in_common_stay_apart_the_closest_first() -> None:
    hand_ins = [bare("a", range(50)), bare("b", range(5, 55)), bare("y", range(100, 150)), bare("z", range(100, 150))]
    assert groups(survey(hand_ins, NOTHING, even_short=True)) == [("y", "z"), ("a", "b")]


def test_two_thousand_hand_ins_are_compared_though_all_share_a_lot() -> None:
    def fragment(grams: range) -> Fragment:
        return Fragment(1, (1,) * (len(grams) + GRAM), tuple(grams))

    hand_ins = [bare(f"s{at:04}", fragments=(fragment(range(300)), *(fragment(range(start, start + WINDOW)) for start in range(
        1000 + at // 2 * 1000, 1640 + at // 2 * 1000, 10)))) for at in range(2000)]
    found = survey(hand_ins, NOTHING)
    assert len(found.clusters) == 1000
    assert found.common == 300


# --- too short to tell ------------------------------------------------------------------------------------------------


def test_independent_short_solutions_are_not_listed_and_it_is_said(read: Callable[..., HandIn], task: Task) -> None:
    hand_ins = [replace(read(write_solution(seed)), id=f"s{seed}", sha256=str(seed)) for seed in range(80)]
    found = survey(hand_ins, task.given)
    assert found.too_short
    assert not found.told_all
    assert found.clusters == ()
    forced = survey(hand_ins, task.given, even_short=True)
    assert forced.too_short
    assert len(groups(forced)) > 0


@pytest.mark.parametrize(("length", "short"), [(LONG_ENOUGH, False), (LONG_ENOUGH - 1, True)])
def test_short_is_what_half_of_the_class_is(length: int, short: bool) -> None:
    hand_ins = [bare(f"s{at}", range(at * 1000, at * 1000 + (length if at < 5 else 10 if at < 7 else 500))) for at in range(9)]
    copies = [bare("x", range(10**6, 10**6 + length)), bare("y", range(10**6, 10**6 + length))]
    found = survey([*hand_ins, *copies], NOTHING)
    assert found.too_short is short
    assert groups(found) == ([] if short else [("x", "y")])


REMARK = "the rows are what asks, and the columns are what is asked"
LETTERS = {
    "the same with a comment": (f"{ATTENTION}  # {REMARK}", f"{ATTENTION}  # {REMARK}", True),
    "the same with a docstring": (ATTENTION.replace(":\n", f":\n    '''{REMARK}'''\n", 1),) * 2 + (True,),
    "another comment": (f"{ATTENTION}  # {REMARK}", f"{ATTENTION}  # {REMARK}!", False),
    "another name": (f"{ATTENTION}  # {REMARK}", f"{ATTENTION.replace('E', 'F')}  # {REMARK}", False),
    "no comment": (ATTENTION, ATTENTION, False),
    "a comment too short": (f"{ATTENTION}  # {'x' * (REMARKS - 1)}", f"{ATTENTION}  # {'x' * (REMARKS - 1)}", False),
    "a hash in a text": (ATTENTION.replace("A @ V, A", f"A @ V, A, '# {REMARK}'"),) * 2 + (False,),
}


@pytest.mark.parametrize("name", LETTERS)
def test_short_code_is_listed_only_with_a_comment_and_letter_by_letter(read: Callable[..., HandIn], task: Task, name: str) -> None:
    first, second, listed = LETTERS[name]
    hand_ins = [read(notebook("import numpy as np", first), "a"), read(notebook("import numpy as np", "x = 1", second), "b")]
    found = survey(hand_ins, task.given)
    assert found.too_short
    assert groups(found, "letters") == ([("a", "b")] if listed else [])
    assert groups(found) == []


def test_a_comment_of_the_hand_out_is_nobodys(task: Task, tmp_path: Path) -> None:
    told = replace(task, given=replace(task.given, text=f"def self_attention():\n    # {REMARK}"))
    for known, remarks in ((task, len(REMARK)), (told, 0)):
        assert read_submission(put(tmp_path, hand_in(f"{ATTENTION}  # {REMARK}")), known).remarks == remarks


def test_the_same_files_are_listed_first_whatever_the_length(read: Callable[..., HandIn], task: Task) -> None:
    content = notebook("import numpy as np", f"{ATTENTION}  # {REMARK}")
    letters = notebook("import numpy as np", "x = 1", f"{ATTENTION}  # {REMARK}")
    hand_ins = [read(letters, "a"), read(content, "b"), read(content, "c"), read(b"{", "d"), read(b"{", "e")]
    found = survey(hand_ins, task.given)
    assert [(one.kind, one.members) for one in found.clusters] == [("file", ("b", "c")), ("file", ("d", "e")), ("letters", ("a", "b", "c"))]
    assert [one.id for one in found.unread] == ["d", "e"]


def test_what_is_the_same_letter_by_letter_is_not_listed_again() -> None:
    hand_ins = [bare(name, range(70), letters="same", remarks=REMARKS) for name in ("a", "b")]
    assert [one.kind for one in survey(hand_ins, NOTHING).clusters] == ["letters"]
    assert [one.kind for one in survey([*hand_ins, bare("c", range(70))], NOTHING).clusters] == ["letters", "code"]


def test_files_that_nobody_wrote_are_not_listed(read: Callable[..., HandIn], attention: Assignment, task: Task) -> None:
    blank = attention.template.read_bytes()
    assert survey([read(content, name) for content in (b"", blank) for name in (f"a{len(content)}", f"b{len(content)}")], task.given).clusters == ()


# --- the class, over workers ------------------------------------------------------------------------------------------


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "class"
    folder.mkdir()
    for seed in range(6):
        (folder / f"s{seed}.ipynb").write_bytes(hand_in(write_program(seed)))
    (folder / "thief.ipynb").write_bytes(hand_in(disguise(write_program(3), 1)))
    (folder / "twin.ipynb").write_bytes(hand_in(write_program(0)))
    (folder / "odd.ipynb").write_bytes(b"{")
    two = folder / "two"
    two.mkdir()
    (two / "draft.ipynb").write_bytes(notebook(STUB))
    (two / "final.ipynb").write_bytes(hand_in(disguise(write_program(4), 1)))
    return folder


def test_the_number_of_workers_changes_nothing(class_folder: Path, attention: Assignment) -> None:
    submissions = collect(class_folder).submissions
    heard: list[None] = []
    one, three = (compare(submissions, attention, jobs, lambda: heard.append(None)) for jobs in (1, 3))
    assert essence(one) == essence(three)
    assert [(kind, members) for kind, members, _ in essence(one)] == [
        ("file", ("s0", "twin")), ("code", ("s3", "thief")), ("code", ("s4", "two"))]
    assert len(heard) == 2 * len(submissions)


def end(_: Submission) -> None:
    os._exit(3)


def raise_it(_: Submission) -> None:
    raise ZeroDivisionError


FAULTS: dict[str, tuple[Callable[[Submission], None], str]] = {
    "ends its process": (end, "ended the process"),
    "never ends": (lambda _: time.sleep(60), "far longer"),
    "raises": (raise_it, "ZeroDivisionError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_hand_in_that_breaks_its_reader_costs_only_itself(
    class_folder: Path, attention: Assignment, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    act, told = FAULTS[fault]
    right = grader.compare.read_submission
    monkeypatch.setattr(grader.compare, "PATIENCE", 5.0)

    def read_or_break(submission: Submission, task: Task) -> HandIn:
        if submission.id == "s3":
            act(submission)
        return right(submission, task)

    monkeypatch.setattr(grader.compare, "read_submission", read_or_break)
    found = compare(collect(class_folder).submissions, attention, 2, lambda: None)
    assert [one.id for one in found.unread] == ["odd", "s3"]
    assert told in found.unread[1].problem
    assert groups(found) == [("s4", "two")]


def test_a_name_that_is_no_text_is_read_all_the_same(class_folder: Path, attention: Assignment) -> None:
    Path(os.fsdecode(os.fsencode(class_folder) + b"/\xff.ipynb")).write_bytes(hand_in(BASE))
    found = compare(collect(class_folder).submissions, attention, 1, lambda: None)
    assert [one.id for one in found.unread] == ["odd"]
    assert found.total == 11
    render_similar(found, attention).encode()


def test_half_a_letter_does_not_stop_a_worker(
    class_folder: Path, attention: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grader.compare, "read_submission", lambda one, _: HandIn(one.id, "\ud800", listings=(Listing(1, 1, "\ud800"),)))
    found = compare(collect(class_folder).submissions, attention, 1, lambda: None)
    assert found.unread == ()
    assert found.hand_ins["odd"].source == "\ufffd"


def test_code_without_end_is_not_compared(read: Callable[..., HandIn]) -> None:
    long = read("def self_attention(X, Wq, Wk, Wv):\n" + "    X = X + 1\n" * (MOST_GRAMS // 4) + "    return X, X")
    assert not long.fragments
    assert "longer than" in long.problem


# --- the page ---------------------------------------------------------------------------------------------------------


def page_of(hand_ins: Sequence[HandIn], task: Task, *, even_short: bool = False) -> str:
    return render_similar(survey(hand_ins, task.given, even_short=even_short), task.assignment)


def test_shared_lines_are_marked_on_both_sides_with_their_place_on_the_other(read: Callable[..., HandIn], task: Task) -> None:
    first = "\n".join(BASE.split("\n\n")[0].split("\n"))
    second = turned(BASE).replace("    v1 = ", "    # a line more\n    v1 = ")
    found = link(read(BASE), read(second), task.given)
    assert found is not None
    lines = first.split("\n")
    assert lines[1].startswith("    v0")
    assert found.opposite[2, 2] == (5, 2)  # the first helper stands last over there
    assert found.opposite[2, 3] == (5, 4)
    assert found.back[5, 4] == (2, 3)
    assert (5, 3) not in found.back
    page = page_of([read(BASE, "a"), read(second, "b")], task)
    assert '<span class="line twin" data-n="3" data-o="5:4">' in page
    assert "as cell 2, line 3 opposite" in page
    assert '<span class="line" data-n="3">' in page
    assert 'aria-label="Code of b, cell 5"' in page


def test_lines_that_prove_nothing_are_not_marked(read: Callable[..., HandIn], task: Task) -> None:
    given = take_as_given([], ["import numpy as np\n" + BASE.split("\n\n")[0]], PRESCRIBED)
    found = link(read(BASE), read(disguise(BASE, 5)), given)
    assert found is not None
    assert {cell for cell, _ in found.opposite} == {3, 4, 5}


def test_a_line_that_is_another_is_not_marked_for_what_it_begins_with(read: Callable[..., HandIn], task: Task) -> None:
    first = filled("{here} = np.f{at}({last} - {at}) @ ({last} + {at} * X)")
    second = first.replace("v20 = np.f20(v19 - 20) @ (v19 + 20 * X)", "v20 = [[np.abs(X.T), v19], [v19.sum(), X[3:4]], [X, X]]")
    assert first != second
    found = link(read(first), read(second), task.given)
    assert found is not None
    assert {line for _, line in found.opposite} == {*range(1, 44)} - {22}


def test_of_code_that_stands_twice_each_is_set_beside_its_own(read: Callable[..., HandIn], task: Task) -> None:
    lines = filled(FORM).split("\n")
    twice = [f"    X = np.cos(X - {at}) @ X.T" for at in range(8)]
    program = "\n".join([*lines[:12], *twice, *lines[12:-1], *twice, lines[-1]])
    found = link(read(program), read(program), task.given)
    assert found is not None
    assert len(found.opposite) > 50
    assert all(here == there for here, there in found.opposite.items())


def test_the_page_says_when_functions_are_too_short(read: Callable[..., HandIn], task: Task) -> None:
    short = [read(notebook("import numpy as np", ATTENTION, MULTI_HEAD), name) for name in ("a", "b")]
    short = [replace(one, sha256=one.id) for one in short]
    quiet, forced = page_of(short, task), page_of(short, task, even_short=True)
    assert "too short to tell" in quiet
    assert "honest reasons" in quiet
    assert "no group is listed" in quiet
    assert "listed all the same" in forced
    long = page_of([read(BASE, "a"), read(disguise(BASE, 1), "b")], task)
    assert "too short" not in long
    assert "100%" in long


def test_no_word_accuses(read: Callable[..., HandIn], task: Task) -> None:
    pages = [page_of([read(BASE, "a"), read(disguise(BASE, 1), "b"), read(b"{", "c")], task), page_of([read(STUB)], task)]
    words = [str(getattr(ENGLISH, field.name)) for field in fields(ENGLISH) if field.name.startswith("similar")]
    for text in (*pages, *words):
        assert not re.search(r"cheat|plagiar|copied|fraud|steal|suspect|guilt|dishonest|offen[cd]", text, re.IGNORECASE)
    assert "for a person to judge" in pages[0]
    assert "moves no mark" in pages[0]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_code_and_names_are_only_text(task: Task, tmp_path: Path, name: str) -> None:
    hostile = TEXTS[name]
    one = read_submission(put(tmp_path, raising(hostile)), task)
    pair = [replace(one, id=f"{hostile}{at}", source=hostile, sha256=str(at), letters="same", remarks=REMARKS, problem=hostile) for at in (1, 2)]
    inspect(page_of(pair, task))
    inspect(render_similar(linked(hostile), task.assignment))


def linked(*texts: str) -> Survey:
    """For each text two hand-ins side by side that have it everywhere."""
    hand_ins, clusters = [], []
    for hostile in texts:
        both = [HandIn(f"{at}{hostile}", hostile, listings=(Listing(1, 1, hostile),), problem=hostile) for at in (1, 2)]
        pair = Likeness(both[0].id, both[1].id, 20, 20, {(1, 1): (1, 1)}, {(1, 1): (1, 1)})
        clusters.append(Cluster("code", (both[0].id, both[1].id), (pair,)))
        hand_ins += both
    return Survey(2, 2, 70, 60, 0, 5, True, tuple(clusters), {one.id: one for one in hand_ins}, tuple(hand_ins))


def test_a_large_class_gives_a_page_of_bounded_size(attention: Assignment) -> None:
    hand_ins = [bare(f"s{at:04}", range(at // 2 * 100, at // 2 * 100 + 80), listings=(Listing(1, 1, BASE),)) for at in range(600)]
    found = survey(hand_ins, NOTHING)
    assert len(found.clusters) == 300
    page = render_similar(found, attention)
    assert page.count('class="sides"') == MOST_SHOWN
    assert page.count("1 pair of this group is not shown") == 300 - MOST_SHOWN
    assert len(page) < 3_000_000
    twins = survey([replace(one, sha256=str(at // 2)) for at, one in enumerate(hand_ins)], NOTHING)
    assert len(groups(twins, "file")) == 300
    assert render_similar(twins, attention).count('class="sides"') == similar_view.MOST_SHOWN


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_the_page_and_tells_it_in_short(class_folder: Path, tmp_path: Path) -> None:
    run = run_grader("similar", class_folder, "--out", tmp_path / "out", "--jobs", "2")
    assert (run.returncode, run.stderr) == (0, "")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["similar.html"]
    told = run.stdout.splitlines()
    assert "  The same file: s0, twin" in told
    assert "  Much alike (at least 100%): s3, thief" in told
    assert "10 hand-ins, 9 with code of their own; 3 groups are listed." in told
    assert "not compared: odd" in run.stdout
    assert "for a person to judge" in told[-1]
    before = (tmp_path / "out" / "similar.html").read_bytes()
    run_grader("similar", class_folder, "--out", tmp_path / "out", "--jobs", "1")
    assert (tmp_path / "out" / "similar.html").read_bytes() == before


def test_the_command_says_when_functions_are_too_short(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for seed in (1, 2):
        (tmp_path / "class" / f"s{seed}.ipynb").write_bytes(hand_in(disguise(write_solution(5), seed)))
    for more, listed in ((), False), (("--even-short",), True):
        told = run_grader("similar", tmp_path / "class", "--out", tmp_path / "out", *more).stdout
        assert "too short to tell" in told
        assert ("Much alike" in told) is listed


ODD_NAMES = ["Zoë Å #1%20?.x", "a b&c'd", "נועה", "100%"]


def test_the_command_links_to_the_pages_that_are_there_whatever_their_names(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for name in (*ODD_NAMES, "without a page"):
        (tmp_path / "class" / f"{name}.ipynb").write_bytes(hand_in(BASE))
    ids = {one.id for one in collect(tmp_path / "class").submissions}
    having = ids - {"without a page"}
    assert len(having) == len(ODD_NAMES)
    feedback = tmp_path / "out" / "feedback"
    feedback.mkdir(parents=True)
    for name in having:
        (feedback / f"{name}.html").write_text(name, encoding="utf-8")
    (feedback / "without a page.html").mkdir()
    run_grader("similar", tmp_path / "class", "--out", tmp_path / "out")
    page = tmp_path / "out" / "similar.html"
    links = re.findall(r'href="(feedback/[^"]*)"', page.read_text(encoding="utf-8"))
    led = {url2pathname(urlsplit(urljoin(page.as_uri(), unescape(link))).path) for link in links}
    assert {Path(file).read_text(encoding="utf-8") for file in led} == having


def test_the_class_page_links_to_what_is_alike_in_this_class_and_to_nothing_older(class_folder: Path, attention: Assignment, tmp_path: Path) -> None:
    out, page = tmp_path / "out", tmp_path / "out" / "similar.html"
    run_grader("similar", class_folder, "--out", out)
    task = make_task(attention)
    read = [read_submission(one, task) for one in collect(class_folder).submissions]
    results = [replace(CLASS["full_marks"].result, submission=SubmissionName(one.id, one.source, one.digest)) for one in read]
    again = [replace(results[0], submission=replace(results[0].submission, sha256="0" * 64)), *results[1:]]

    def links(of: Sequence[Result]) -> bool:
        publish(of, attention, out, anonymous=True)
        assert "similar.html" not in (out / ANONYMOUS).read_text(encoding="utf-8")
        return 'href="similar.html"' in (out / "index.html").read_text(encoding="utf-8")

    assert links(results)
    assert links(results[::-1])
    assert not links(results[1:]), "another class"
    assert not links(again), "somebody has handed in again"
    whole = page.read_bytes()
    for other in (b"", b"\0" * 9, whole[:300], whole.replace(b'name="compared"', b'name="x"')):
        page.write_bytes(other)
        assert not links(results)
    page.unlink()
    assert not links(results)
    page.mkdir()
    assert not links(results)


def test_an_out_that_cannot_be_written_ends_with_1_and_a_mend(class_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    run = run_grader("similar", class_folder, "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "mend: give another --out" in run.stderr
    assert "Traceback" not in run.stderr
