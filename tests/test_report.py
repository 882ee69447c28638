"""The report stage: pages against gold files, the JSON and its schema, the CSV, and hostile text in every field.

`GOLD=accept pytest tests/test_report.py` writes the pages anew; look at them before you commit them.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import os
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import chain, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]  # no stubs

from grader.assignment import Assignment
from grader.model import (
    Array,
    Attention,
    Check,
    Cluster,
    Diagnosis,
    Evidence,
    ExerciseResult,
    Graded,
    HandIn,
    KillMatrix,
    KillRow,
    Likeness,
    Limits,
    Listing,
    Notice,
    Picture,
    QuestionResult,
    Receipt,
    Result,
    SubmissionName,
    Survey,
    Verdict,
)
from grader.report import (
    SCHEMA_FILE,
    clean_line,
    clean_text,
    code,
    compared_class,
    decode_result,
    digest_class,
    encode_grades,
    encode_result,
    render_class,
    render_matrix,
    render_similar,
    render_student,
    result_schema,
    write_file,
)
from grader.report.anonymous import anonymise
from grader.report.class_view import view_class
from grader.report.code import LineView, view_code
from grader.report.discrimination import point_biserial
from grader.report.heatmap import view_pictures
from grader.report.languages import LANGUAGES
from grader.report.prose import view_prose
from grader.report.wording import ENGLISH, Wording
from grader.report.wording_de import GERMAN
from grader.task import Data, Exercise, Imports, Question, Returns, Tolerance
from tests.support import ROOT, without_own_script

GOLD = Path(__file__).parent / "gold"

# --- a small class of made-up students --------------------------------------------------------------------------------


def make_assignment() -> Assignment:
    """As loaded from a folder, but from no folder: titles are all that a report wants."""
    returns = (Returns(name="output", axes="token feature"), Returns(name="attention_weights", axes="query key", picture=True))
    exercises = {
        "self_attention": Exercise(title="(a) Self-attention", points=40, returns=returns, marks={"values.published": 1}),
        "multi_head_attention": Exercise(title="(b) Multi-head attention", points=40, returns=returns,
                                         marks={"values.published": 1}, builds_on=("self_attention",)),
    }
    questions = {
        "c": Question(title="(c) Why are the results different?", heading="Why", points=10),
        "d": Question(title="(d) What happens if you change the order of two inputs?", heading="What", points=10),
    }
    empty = ModuleType("empty")
    return Assignment(
        name="attention", folder=Path("reference/attention"), title="Self-attention in NumPy", template=Path("attention.ipynb"),
        exercises=exercises, questions=questions, slips={}, lang="en", sandbox="inner wall", release_hidden=None,
        tolerance=Tolerance(), limits=Limits(), notebook_mb=50, imports=Imports(), data=Data(), solution=empty, cases=empty,
        misconceptions=None, relations=None, digest="d" * 64,
    )


ASSIGNMENT = make_assignment()
CHECKS = [
    ("contract.returns", "returns two arrays of the right shapes", "public", 2.0),
    ("contract.inputs_unchanged", "leaves its arguments as they were", "public", 2.0),
    ("contract.repeatable", "gives equal results for equal calls", "public", 2.0),
    ("source.imports", "uses no neural network library", "public", 0.0),
    ("values.published", "is right on the hand-out's data", "public", 2.0),
    ("values.same_sizes", "is right on other numbers of the same sizes", "hidden", 6.0),
    ("values.other_sizes_1", "is right for 4 tokens of width 10", "hidden", 10.0),
    ("values.other_sizes_2", "is right for 7 tokens of width 12", "hidden", 10.0),
    ("values.one_token", "is right for a single token", "hidden", 1.0),
    ("values.large_scores", "is right for very large scores", "hidden", 2.0),
    ("property.rows_sum_to_one", "each row of the attention weights sums to 1", "public", 1.0),
    ("property.equivariance", "follows when the tokens change places", "public", 2.0),
]
FAR_OFF = ("The attention weights are not the expected ones. The largest difference is 0.41, at query 2, key 3: "
           "yours is 0.12, expected 0.53.")
NO_SCALE = Diagnosis("no_scale", "The scores are not scaled",
                     "Print the scores before the softmax. By which number does the hand-out's formula divide them, and why?")
ONLY_OUTPUT = Diagnosis("only_output_returned", "Only one of the two results is returned",
                        "The call in the hand-out unpacks two results. Which one does your return line leave out?")
CODE = '''def self_attention(X, Wq, Wk, Wv):
    """Attention of X on itself."""
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    scores = Q @ K.T  # every query with every key
    scores = scores - scores.max(axis=-1, keepdims=True)
    attention_weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    output = attention_weights @ V
    return output, attention_weights
'''
HEADS = '''def multi_head_attention(X, Wq, Wk, Wv, H):
    N, D = X.shape
    d = D // H
    heads, weights = [], []
    for h in range(H):
        part = slice(h * d, (h + 1) * d)
        out, w = self_attention(X, Wq[:, part], Wk[:, part], Wv[:, part])
        heads.append(out)
        weights.append(w)
    return np.concatenate(heads, axis=1), np.stack(weights)
'''
ANSWER_C = r"""Each head has its **own** projections $W_i^Q$, $W_i^K$ and $W_i^V$ of width $d_k = d_{model}/H$, so

$$
\text{Attention}(Q, K, V) = \text{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V
$$

is taken over another part of the features in each head:

1. the scores are dot products of *shorter* vectors,
2. the softmax of a sum is not the sum of the softmaxes.

\begin{align}
\text{head}_i &= \text{Attention}(XW_i^Q, XW_i^K, XW_i^V) \\
A_i &\neq A
\end{align}
"""
ANSWER_D = r"Nothing but the order: $f(PX) = P\,f(X)$. For example `X[[1, 0, 2]]` swaps the same two rows of the output."
RECEIPT = Receipt("grader 0.1.0", "3f1c" * 16, "5eed" * 8, "4a4d" * 16, ("bubblewrap", "landlock-7", "seccomp", "rlimits"), "both walls",
                  graded="2026-01-31T17:00:00Z")


def checks(failed: dict[str, str] | None = None, skipped: dict[str, str] | None = None) -> tuple[Check, ...]:
    """An exercise's checks; those named failed or were skipped, with these messages."""
    failed, skipped = failed or {}, skipped or {}
    made = []
    for name, title, visibility, points in CHECKS:
        outcome = "failed" if name in failed else "skipped" if name in skipped else "passed"
        message = failed.get(name, skipped.get(name, ""))
        made.append(msgspec.convert(
            {"id": name, "title": title, "visibility": visibility, "outcome": outcome,
             "score": points if outcome == "passed" else 0.0, "points": points, "message": message}, Check))
    return tuple(made)


def exercise(
    verdict: Verdict = "correct", rows: tuple[Check, ...] | None = None, *slips: Diagnosis, message: str = "",
    carried: bool = False,
) -> ExerciseResult:
    rows = checks() if rows is None else rows
    return ExerciseResult(verdict, sum(row.score for row in rows), 40.0, carried, rows, slips, message)


def result(
    student: str, a: ExerciseResult, b: ExerciseResult, *, answers: tuple[str, str] = (ANSWER_C, ANSWER_D),
    notices: tuple[Notice, ...] = (), source: str = "",
) -> Result:
    return Result(
        schema=1, submission=SubmissionName(student, source or f"{student}.ipynb", "ab12" * 16), status="graded", attention=(),
        score=a.score + b.score, points=80.0, exercises={"self_attention": a, "multi_head_attention": b},
        questions={"c": QuestionResult(answers[0], None, 10.0, ""), "d": QuestionResult(answers[1], None, 10.0, "")},
        notices=notices, receipt=RECEIPT,
    )


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def pictures(scale: float = 1.0) -> tuple[Picture, ...]:
    """One matrix of (a) and three heads of (b); `scale` spoils the student's."""
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(4, 5, 5)) * 1.5
    mine, right = softmax(scores * scale), softmax(scores)
    names = ["Attention weights, the hand-out's data", *(f"Attention weights, the hand-out's data, head {h}" for h in (1, 2, 3))]
    owners = ["self_attention"] + ["multi_head_attention"] * 3
    return tuple(Picture(owner, name, "query", "key", mine[i], right[i])
                 for i, (owner, name) in enumerate(zip(owners, names, strict=True)))


def listings(*marks: tuple[int, str]) -> dict[str, tuple[Listing, ...]]:
    return {"self_attention": (Listing(7, 3, CODE, marks),), "multi_head_attention": (Listing(11, 1, HEADS),)}


ALL_VALUES = [name for name, *_ in CHECKS if name.startswith("values.")]


def make_class() -> dict[str, Graded]:
    """One submission of each kind that a page must be good at."""
    far_off = checks(dict.fromkeys([name for name in ALL_VALUES if name != "values.one_token"], FAR_OFF))
    line = "ValueError: operands could not be broadcast together with shapes (5,5) (5,6)"
    raised = f"It raised {line} in cell 7, line 6."
    not_run = "Not run, since the call raised an exception."
    broken = checks(dict.fromkeys(ALL_VALUES, raised), {name: not_run for name, *_ in CHECKS if name.startswith("property")})
    endless = "It did not return within 5 seconds of CPU time. The call that was running began in cell 11, line 1."
    slow = checks(dict.fromkeys(ALL_VALUES, endless), {name: "Not run, since the time was used up." for name, *_ in CHECKS
                                                            if not name.startswith("values")})
    full = result("lovelace", exercise(), exercise())
    full = replace(full, questions={
        "c": QuestionResult(ANSWER_C, 9.0, 10.0,
                            "Well put. One more step: *why* does the softmax not commute with the sum, $s(a+b)$?"),
        "d": QuestionResult(ANSWER_D, None, 10.0, "")})
    no_scale = result(
        "noether", exercise("incorrect", far_off, NO_SCALE), exercise("correct", carried=True),
        notices=(Notice("last_definition", "self_attention is defined twice; the last definition counts.", 7, None),
                 Notice("unused_import", "torch is imported but not needed; the assignment does not allow it.", 2, 4)))
    error = result("grothendieck", exercise("error", broken, message=raised),
                   exercise("incorrect", checks({"contract.returns": "It returns one array where two are expected."}),
                            ONLY_OUTPUT),
                   answers=("", "They swap."))
    timeout = result("turing", exercise(), exercise("timeout", slow, message=endless),
                     answers=(r"See $\frac{a}{$ and $\nosuchcommand{x}$, costs $5 and $6.",
                              "<b>Nothing</b> <script>alert(1)</script>"))
    absent = result("Wolfeschlegelsteinhausenbergerdorff_Maria-Magdalena_assignsubmission_file_attention(1)(2)-final-FINAL",
                    exercise("missing", (),
                             message="No definition of self_attention was found. You defined selfattention in cell 7."),
                    exercise("missing", ()), answers=("", ""),
                    source="Wolfeschlegelsteinhausenbergerdorff Maria-Magdalena/attention (1)(2)-final-FINAL.ipynb")
    waiting = Result(1, SubmissionName("hopper", "hopper.ipynb", "cd34" * 16), "needs_attention",
                     (Attention("unreadable", "The file ends in the middle: it is not a whole notebook (line 212)."),),
                     None, 80.0, {}, {}, (), RECEIPT)
    nan = np.full((5, 5), np.nan)
    return {
        "full_marks": Graded(full, Evidence(listings(), pictures())),
        "no_scale": Graded(no_scale, Evidence(listings((6, "The scores are used as they are; compare with the formula.")),
                                              pictures(2.0))),
        "error": Graded(error, Evidence(listings((8, line)), tuple(
            replace(picture, yours=None if position == 0 else nan if position == 1 else np.ones((3, 5, 5)))
            for position, picture in enumerate(pictures()[:3])))),
        "timeout": Graded(timeout, Evidence(listings(), pictures()[:1])),
        "missing": Graded(absent, Evidence()),
        "needs_attention": Graded(waiting, Evidence()),
    }


CLASS = make_class()


def make_survey() -> Survey:
    """Each kind of group, one of them too large to be named in its heading, and a hand-in that could not be compared."""
    again = CODE.replace("scores", "s").replace("every query with every key", "as told in the lecture")
    many = [HandIn(f"{name}, group {at}", f"{name}/{at}.ipynb", "f" * 64, listings=(Listing(3, 1, HEADS),))
            for at, name in enumerate(["kovalevskaya", "germain", "agnesi", "hypatia", "lamarr", "johnson", "franklin"], 1)]
    first = HandIn("noether", "noether.ipynb", "1" * 64, listings=(Listing(7, 3, CODE), Listing(11, 1, HEADS)), digest="1" * 64)
    second = HandIn("קורבסקיה <b>", "weyl/attention (1).ipynb", "2" * 64, listings=(Listing(4, 1, again),))
    odd = HandIn("hopper", "hopper.ipynb", problem="The file ends in the middle: it is not a whole notebook (line 212).")
    places = {(7, line): (4, line - 2) for line in (5, 6, 8, 9)}
    link = Likeness(first.id, second.id, 52, 61, places, {there: here for here, there in places.items()})
    clusters = (Cluster("file", tuple(one.id for one in many)), Cluster("letters", (first.id, many[0].id)),
                Cluster("code", (first.id, second.id), (link,)), Cluster("code", (many[1].id, odd.id), (replace(link, opposite={}, back={}),)))
    hand_ins = {one.id: one for one in (first, second, odd, *many)}
    return Survey(47, 46, 71.5, 60, 12, 11, True, clusters, hand_ins, (odd,))


SURVEY = make_survey()
HAVE_PAGES = frozenset({"noether", "קורבסקיה <b>", "germain, group 2", "johnson, group 6", "hopper"})


def check_gold(name: str, page: str) -> None:
    file = GOLD / name
    if os.environ.get("GOLD") == "accept":
        file.write_text(page, encoding="utf-8", newline="\n")
    assert page == file.read_text(encoding="utf-8"), f"{name} has changed; look at it, then run with GOLD=accept"


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASS)
def test_student_page_is_as_accepted(name: str) -> None:
    check_gold(f"student_{name}.html", render_student(CLASS[name], ASSIGNMENT))


def test_class_page_is_as_accepted() -> None:
    check_gold("class.html", render_class([graded.result for graded in CLASS.values()], ASSIGNMENT))


@pytest.mark.parametrize("lang", ["en", "de"])
def test_similar_page_is_as_accepted(lang: str) -> None:
    page = render_similar(SURVEY, ASSIGNMENT if lang == "en" else IN_GERMAN, pages=HAVE_PAGES)
    check_gold("similar.html" if lang == "en" else "similar_de.html", page)
    inspect(page)


def test_similar_page_links_to_the_pages_that_are_there_and_to_no_other() -> None:
    page = render_similar(SURVEY, ASSIGNMENT, pages=HAVE_PAGES)
    linked = {unquote(address).removesuffix(".html") for address in re.findall(r'href="feedback/([^"/?#<> ]*)"', page)}
    assert linked == HAVE_PAGES
    assert page.count('href="feedback/') == page.count("feedback/")
    assert "feedback/" not in render_similar(SURVEY, ASSIGNMENT)


def test_class_page_links_to_what_is_much_alike_unless_it_is_anonymous() -> None:
    results = [graded.result for graded in CLASS.values()]
    assert 'href="similar.html"' in render_class(results, ASSIGNMENT, similar="similar.html")
    assert "similar.html" not in render_class(results, ASSIGNMENT)


def test_similar_page_says_of_which_class_it_is() -> None:
    page = render_similar(SURVEY, ASSIGNMENT).encode()
    pairs = [(one.id, one.digest) for one in SURVEY.hand_ins.values()]
    assert compared_class(page) == digest_class(reversed(pairs))
    assert compared_class(page) != digest_class(pairs[1:])
    assert compared_class(page) != digest_class([(pairs[0][0], "0" * 64), *pairs[1:]])
    assert compared_class(render_class([], ASSIGNMENT).encode()) == ""


def test_student_page_follows_its_order() -> None:
    page = render_student(CLASS["no_scale"], ASSIGNMENT)
    wanted = ['class="score"', "What to do next", "The scores are not scaled", 'id="part-1"', "Checks", "Your numbers beside",
              "Your code", 'id="part-2"', "Written answers", "Good to know", "Receipt"]
    places = [page.index(text) for text in wanted]
    assert places == sorted(places)
    assert "2 written answers (20 points) not marked yet" in page
    assert "marked on top of your own version" in page
    assert page.count(html.escape(FAR_OFF)) == 1, "equal messages are said once"


def test_student_page_says_what_needs_attention() -> None:
    page = render_student(CLASS["needs_attention"], ASSIGNMENT)
    assert "Not graded yet" in page
    assert "not a whole notebook" in page
    assert "This is no zero" in page
    assert "<strong>" not in page


def test_message_stands_under_its_line() -> None:
    page = render_student(CLASS["error"], ASSIGNMENT)
    line = re.search(r'<span class="line hit" data-n="8">.*?</span>\n?<span class="note"><b>Line 8:</b> (.*?)\n</span>',
                     page, re.DOTALL)
    assert line is not None
    assert line[1].startswith("ValueError")


COLOURED = [
    *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "grader").rglob("*.py"))), CODE, HEADS,
    "def f(x):\n    return x.max() if x.sum else x.for_ .T @ x@ y@z\n", "@property\ndef f(): yield from g()\nasync def f():\n    await x\n",
    "raise ValueError('a') from error\nfrom . import x as y\nimport numpy as np, os\n", "x = [1e-5, 0x1F, 1_0, 3j, .5, 5., 1.e3, x1]\n",
    "f'{x!r:>{n}} {range(3)}' rb'\\x' u'' \"\"\"a\nb\"\"\"\n'''c'''\n", "print(self.self, max.max, x. max, cls)\nx\\\n  .min\n",
    "def f(:\n  'open\n\tif a$b ? `c`\n", "#!/usr/bin/python\n# only this", "lambda: None is not True\nclass A(B): pass\nprinted = inner = asx = 1\n",
]


@pytest.mark.parametrize("source", COLOURED, ids=range(len(COLOURED)))
def test_code_has_the_colours_that_pygments_gives_it(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Listing(1, 1, re.sub(r"\b(?:match|case)\b|\b__\w+__\b", "other", source), ())  # where the quick rules are told to differ
    quick = view_code(listing, "e", ENGLISH)
    monkeypatch.setattr(code, "_LEXER", PythonLexer(stripnl=False))
    assert [coloured(line) for line in quick.lines] == [coloured(line) for line in view_code(listing, "e", ENGLISH).lines]
    assert any(colour for line in quick.lines for colour, _ in coloured(line))


def coloured(line: LineView) -> list[tuple[str, str]]:
    """Each sign of a line that is seen, with its colour."""
    parts = re.findall(r'<span class="(\w)">(.*?)</span>|([^<]+)', line.markup)
    return [(colour, sign) for colour, inside, outside in parts for sign in html.unescape(inside or outside) if sign.strip()]


def test_marks_beyond_the_listing_are_not_lost() -> None:
    graded = replace(CLASS["full_marks"], evidence=Evidence({"self_attention": (Listing(7, 3, CODE, ((99, "elsewhere"),)),)}))
    assert "<b>Line 99:</b> elsewhere" in render_student(graded, ASSIGNMENT)


def test_unknown_exercise_keeps_its_own_name() -> None:
    graded = CLASS["full_marks"]
    odd = replace(graded.result, exercises={"other": exercise()}, questions={"z": QuestionResult("x", None, 1.0, "")})
    assert "other" in render_student(Graded(odd, Evidence()), ASSIGNMENT)
    assert "other" in render_class([odd], ASSIGNMENT)


@pytest.mark.parametrize("results", [[], [CLASS["needs_attention"].result], [CLASS["full_marks"].result]])
def test_class_page_of_any_size(results: list[Result]) -> None:
    page = render_class(results, ASSIGNMENT)
    assert page.count('href="feedback/') >= len(results)
    assert ("There are no submissions" in page) == (not results)


def test_class_page_names_who_is_behind_a_slip() -> None:
    page = render_class([graded.result for graded in CLASS.values()], ASSIGNMENT)
    slips = page[page.index('id="slips"'):page.index('id="rates"')]
    assert "noether" in slips
    assert "grothendieck" in slips
    assert "lovelace" not in slips
    assert page.index("hopper") < page.index('id="distribution"'), "who needs attention comes first"


def test_class_page_counts_a_slip_in_the_order_of_the_exercises() -> None:
    both = result("noether", exercise("incorrect", None, NO_SCALE), exercise("incorrect", None, NO_SCALE))
    late = result("hopper", exercise(), exercise("incorrect", None, NO_SCALE))
    assert [slip.where for slip in view_class([late, both], ASSIGNMENT, ENGLISH).slips] == ["(a) Self-attention: 1; (b) Multi-head attention: 2"]


def test_class_page_names_what_was_left_out() -> None:
    results = [graded.result for graded in CLASS.values()]
    assert "left out" not in render_class(results, ASSIGNMENT)
    page = render_class(results, ASSIGNMENT, left_out=["essay.ipynb.txt", "<script>x</script>"])
    assert "2 files were left out" in page
    assert "<bdi>essay.ipynb.txt</bdi>" in page
    inspect(page)
    assert render_class(results, ASSIGNMENT, left_out=["x.txt"] * 2000).count("<bdi>x.txt</bdi>") == 500


def test_class_page_says_whose_code_ran_behind_too_little() -> None:
    results = [graded.result for graded in CLASS.values()]
    weak = replace(results[0], receipt=replace(RECEIPT, sandbox="limits", weak=True))
    assert 'id="weak"' not in render_class(results, ASSIGNMENT)
    page = render_class([weak, *results[1:]], ASSIGNMENT)
    said = page[page.index('id="weak"'):page.index('id="distribution"')]
    assert "“limits” alone" in said
    assert weak.submission.id in said
    assert results[1].submission.id not in said
    rows = re.findall(r"<tr data-kind.*?</tr>", page)
    assert [row for row in rows if ENGLISH.weak_tag in row] == [row for row in rows if f"<bdi>{weak.submission.id}</bdi>" in row] != []


SAID_OF = ["grace hopper", "name in a message", "name in an answer", "name in a comment", "name in a notice", "name in a check", "file name"]


def test_an_anonymous_class_page_holds_nothing_that_says_who() -> None:
    name, message, answer, comment, notice, check, file = SAID_OF
    part = ExerciseResult("forbidden", 1.0, 40.0, False, tuple(replace(row, message=check) for row in checks({"values.published": "x"})),
                          (Diagnosis("s", "The slip", "h"),), message)
    told = replace(CLASS["no_scale"].result, submission=SubmissionName(name, file, "0"), exercises={"self_attention": part},
                   questions={"c": QuestionResult(answer, 1.0, 10.0, comment)}, notices=(Notice("convention", notice),))
    waiting = replace(told, status="needs_attention", score=None, attention=(Attention("x", message),))
    full = replace(CLASS["full_marks"].result, submission=SubmissionName("b", "b.ipynb", "0"))
    page = render_class([told, waiting, full], ASSIGNMENT, anonymous=True)
    assert [text for text in SAID_OF if text in page] == []
    assert "feedback/" not in page
    assert "The slip" in page
    assert {f"Student {n}" for n in range(1, 4)} <= set(re.findall(r"Student \d", page))
    assert len(re.findall(r"<tr data-kind", page)) == 3
    inspect(page)


def test_the_order_of_an_anonymous_page_is_not_that_of_names_nor_that_of_another_secret() -> None:
    def order(seed: str) -> list[float | None]:
        results = [replace(CLASS["no_scale"].result, submission=SubmissionName(f"{n:02}", "f", "0"), score=float(n),
                           receipt=replace(RECEIPT, seed=seed)) for n in range(40)]
        return [one.score for one in anonymise(results, ENGLISH)]

    assert order("a") == order("a")
    assert order("a") != order("b")
    assert order("a") != sorted(order("a"), key=lambda score: score or 0)


# --- nothing active, whatever the text --------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>", "</style><script>alert(1)</script>", "</title><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)', "<svg onload=alert(1)>", "[x](javascript:alert(1))", "[x]( java\nscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)", "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](https://example.org/beacon.png)", '<img src="//example.org/beacon.png">',
    r"$\href{javascript:alert(1)}{x}$", r"$\text{<script>alert(1)</script>}$",
    r"$\style{background:url(//e.org)}{x}$", r"$$\text{<img src=x onerror=alert(1)>}$$", r"$\class{skip}{x}$",
    "<a href='JaVaScRiPt:alert(1)'>x</a>", "<base href=//e.org>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<form action=//e.org><button>x",
    "<meta http-equiv=refresh content='0;url=//e.org'>", "<link rel=stylesheet href=//e.org>",
    "<p style='position:fixed;inset:0'>", "<input autofocus onfocus=alert(1)>", "{{ 7 * 191 }}",
    "\x1b[31mred\x1b[0m \x1b]8;;http://e.org\x07link", "abc\u202etxt.exe\u2066", "\x00\x07\ud800",
    "&#8238;&#27;]0;x &#xD800;&#0;",
    "=cmd|' /C calc'!A0", "<div id=content>", "&lt;script&gt;alert(1)&lt;/script&gt;", "`<script>`",
    "```html\n<script>alert(1)</script>\n```", "$" * 300, "$x_{" * 200, "<b>" * 3000, "[" * 3000, "*_" * 3000,
    "> " * 3000, r"$\begin{equation}" * 100,
]
TAGS = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "main", "section", "footer", "article", "h1",
    "h2", "h3", "h4", "p", "div", "span", "b", "strong", "i", "em", "ul", "ol", "li", "dl", "dt", "dd", "bdi",
    "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "svg", "g", "rect", "text",
    "path", "details", "summary", "br", "hr", "img", "blockquote", "del", "math", "mrow", "mi", "mo", "mn", "mtext",
    "mspace", "mfrac", "msqrt", "msub", "msup", "msubsup", "mtable", "mtr", "mtd", "mstyle", "munder", "mover",
    "munderover", "mroot", "mark", "small", "sub", "sup", "u", "s", "kbd", "mpadded", "mphantom", "menclose", "ms",
    "mmultiscripts", "label", "input", "select", "option",
}


class Inspector(HTMLParser):
    """Collects whatever a page must not have."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            text = value or ""
            if name.startswith("on") or name in ("style", "srcdoc", "action", "formaction", "xlink:href", "background"):
                self.wrong.append(f"<{tag} {name}={text!r}>")
            if name == "src" and not re.match(r"data:image/(png|jpeg|gif|webp);base64,", text):
                self.wrong.append(f"<{tag} src={text!r}>")
            if name == "href" and not re.match(r"(#|feedback/|similar\.html$|https?://|mailto:)", text):
                self.wrong.append(f"<{tag} href={text!r}>")
            if name == "http-equiv" and text != "Content-Security-Policy":
                self.wrong.append(f"<{tag} http-equiv>")
            if name == "id":
                self.ids.append(text)


def inspect(page: str) -> None:
    inspector = Inspector()
    inspector.feed(without_own_script(page))
    assert not inspector.wrong
    assert len(inspector.ids) == len(set(inspector.ids))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    page.encode("utf-8")


def everywhere(text: str) -> Graded:
    """A submission that has this text in every field that takes one."""
    rows = tuple(replace(row, title=text, message=text) for row in checks({"values.published": text}))
    part = ExerciseResult("incorrect", 1.0, 40.0, True, rows, (Diagnosis(text, text, text),), text)
    done = Result(
        1, SubmissionName(text, text, text), "graded", (Attention(text, text),), 1.0, 80.0,
        {"self_attention": part, text: replace(part, verdict="crashed")}, {"c": QuestionResult(text, None, 10.0, text),
                                                                          text: QuestionResult(text, 1.0, 10.0, text)},
        (Notice(text, text, 1, 2), Notice("convention", text)), Receipt(text, text, text, text, (text,), None))
    picture = Picture("self_attention", text, text, text, np.eye(2), np.full((2, 2), np.inf))
    return Graded(done, Evidence({"self_attention": (Listing(1, 1, text, ((1, text),)),)}, (picture,)))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_active_survives(text: str) -> None:
    graded = everywhere(text)
    inspect(render_student(graded, ASSIGNMENT))
    inspect(render_class([graded.result], ASSIGNMENT))
    waiting = replace(graded.result, status="needs_attention", score=None)
    inspect(render_student(Graded(waiting, Evidence()), ASSIGNMENT))
    inspect(render_class([waiting], ASSIGNMENT))


@settings(max_examples=60, deadline=None)
@given(st.text() | st.lists(st.sampled_from([*HOSTILE[:36], *"$\\`\n<>*_[]()"])).map("".join))
def test_nothing_active_survives_any_mixture(text: str) -> None:
    inspect(render_student(everywhere(text[:4000]), ASSIGNMENT))


def test_template_syntax_in_text_is_text() -> None:
    assert "1337" not in render_student(everywhere("{{ 7 * 191 }}"), ASSIGNMENT)


@pytest.mark.parametrize(
    "page", [render_student(CLASS["no_scale"], ASSIGNMENT), render_class([], ASSIGNMENT)], ids=["student", "class"])
def test_page_is_complete_in_itself(page: str) -> None:
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert len(styles) == 1
    assert policy is not None
    seal = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert f"style-src 'sha256-{seal}'" in html.unescape(policy[1])
    assert "default-src 'none'" in html.unescape(policy[1])
    assert "<script" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("<h1") == 1
    assert '<html lang="en">' in page
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_class_page_allows_its_one_script_and_no_other() -> None:
    page = render_class([CLASS["no_scale"].result], ASSIGNMENT)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    seal = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert html.unescape(policy[1]).endswith(f"; script-src 'sha256-{seal}'")
    assert "script-src" not in render_student(CLASS["no_scale"], ASSIGNMENT)
    assert "innerHTML" not in script


# --- how well checks tell -----------------------------------------------------------------------------------------------

TELLING: list[tuple[str, list[bool], list[float], float | None]] = [
    ("the strong pass", [False] * 5 + [True] * 5, [10.0] * 5 + [70.0] * 5, 1.0),
    ("the weak pass", [True] * 5 + [False] * 5, [10.0] * 5 + [70.0] * 5, -1.0),
    ("it has nothing to do with the score", [True, False] * 6, [0.0, 0.0, 60.0, 60.0] * 3, 0.0),
    ("by hand", [True] * 4 + [False] * 6, [4.0, 3.0, 2.0, 1.0, 2.0, 1.0, 1.0, 0.0, 0.0, 1.0], 0.678),  # (2.5 - 0.833) / 1.204 * sqrt(0.24)
    ("too few", [True, False] * 4, [60.0, 0.0] * 4, None),
    ("all pass", [True] * 12, [float(n) for n in range(12)], None),
    ("all scores are alike", [True, False] * 6, [40.0] * 12, None),
    ("nobody", [], [], None),
]


@pytest.mark.parametrize(("passed", "rest", "expected"), [row[1:] for row in TELLING], ids=[row[0] for row in TELLING])
def test_how_a_check_tells_strong_from_weak(passed: list[bool], rest: list[float], expected: float | None) -> None:
    assert point_biserial(passed, rest) == (None if expected is None else pytest.approx(expected, abs=1e-3))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 80)), max_size=40))
def test_how_a_check_tells_lies_between_minus_one_and_one(pairs: list[tuple[bool, float]]) -> None:
    value = point_biserial([one for one, _ in pairs], [rest for _, rest in pairs])
    assert value is None or -1.000001 <= value <= 1.000001


def test_a_check_is_held_against_the_rest_of_the_score_and_marked_when_it_tells_nothing() -> None:
    def result(good: bool, rest: float) -> Result:
        check = Check("values.x", "the check", "hidden", "passed" if good else "failed", 9.0 * good, 9.0, "")
        part = ExerciseResult("correct" if good else "incorrect", 9.0 * good + rest, 40.0, False, (check,), ())
        return replace(CLASS["no_scale"].result, score=9.0 * good + rest, exercises={"self_attention": part})

    (rate,) = view_class([result(n % 2 == 0, float(n)) for n in range(12)], ASSIGNMENT, ENGLISH).exercises[0].checks
    assert (rate.passed, rate.failed, rate.telling, rate.doubtful) == (6, 6, "−0.14", True)
    (rate,) = view_class([result(n > 5, float(n)) for n in range(12)], ASSIGNMENT, ENGLISH).exercises[0].checks
    assert (rate.telling, rate.doubtful) == ("0.87", False)
    assert "? −0.14" in render_class([result(n % 2 == 0, float(n)) for n in range(12)], ASSIGNMENT)


def test_page_is_small() -> None:
    assert len(render_student(CLASS["no_scale"], ASSIGNMENT).encode()) < 150_000


def test_links_are_quoted() -> None:
    strange = "a/../b?x#y%z \"'<é"
    odd = replace(CLASS["full_marks"].result, submission=SubmissionName(strange, "s", "0"))
    page = render_class([odd], ASSIGNMENT)
    assert 'href="feedback/a%2F..%2Fb%3Fx%23y%25z%20%22%27%3C%C3%A9.html"' in page
    assert html.escape(strange, quote=False).replace('"', "&#34;").replace("'", "&#39;") in page


# --- written answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "wanted"), [
    (r"$d_k$", "<msub>"), (r"a \(x_1\) b", "<msub>"), (r"\\(x_1\\)", "<msub>"), (r"$$\frac{a}{b}$$", "<mfrac>"),
    (r"\[x^2\]", "<msup>"), ("\\begin{equation}\na_1 = b\n\\end{equation}", "<msub>"),
    ("$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$", "<mtr>"), ("$a<b$", "&lt;"),
    ("* one\n* $x_1$ and $y_1$", "<msub>"), ("costs $5 and $6", "costs $5 and $6"), (r"\$5_a_", r"$5"),
    (r"$\nosuch{x}$", r"<code>\nosuch{x}</code>"), (r"$\frac{$", r"<code>\frac{</code>"),
    ("`$x_1$`", "<code>$x_1$</code>"), ("# Big", '<p class="heading">Big</p>'),
    ("|a|b|\n|-|-|\n|1|2|", "<td>1</td>"), ("a<br>b", "<br>"), ("a < b and c > d", "a &lt; b"),
    ("$$\na\n\n- b\n$$", "<math"), ("<b>x", "<b>x</b>"),
    ("[x](https://e.org)", 'rel="noopener noreferrer nofollow"'), ("text $$x$$ text", 'display="block"'),
    (r"$$a \\ b$$", "<mtr>"), (r"$a & b$", "<code>a &amp; b</code>"), (r"\begin{gather*}a\\b\end{gather*}", "<mtr>"),
])
def test_answers_are_laid_out(source: str, wanted: str) -> None:
    assert wanted in view_prose(source).markup


def test_handout_formulas_are_all_laid_out() -> None:
    for source in (r"\text{where } \text{head}_i = \text{Attention}(QW_i^Q, KW_i^K, VW_i^V).",
                   r"\text{MultiHead}(Q, K, V) = \text{Concat}(\text{head}_1, \dots, \text{head}_h)",
                   r"\text{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V",
                   r"e^{-\sum_{j=1}^{n} x_j} \in \mathbb{R}^{N \times D}"):
        assert "<code>" not in view_prose(f"$${source}$$").markup, source


def test_long_answers_and_formulas_stay_bounded() -> None:
    prose = view_prose("word " * 100_000)
    assert prose.cut
    assert len(prose.markup) < 30_000
    for length in (900, 3000):
        markup = view_prose("$" + "x+" * length + "x$").markup
        assert ("<math" in markup) == (length == 900)
        assert len(markup) < 60_000


@pytest.mark.parametrize(("source", "gone"), [
    ("<math><mstyle scriptlevel='-9'><mi>x</mi></mstyle></math>", "scriptlevel"), ("<math><mfrac linethickness='99em'><mi>a</mi><mi>b</mi></mfrac></math>", "linethickness"),
    ("<math><mspace width='99em'/></math>", "width"), ("<b title='x' lang='x'>b</b>", "title"), ("<img alt='a\">b'>", "<img"),
])
def test_answers_say_nothing_about_large_sizes(source: str, gone: str) -> None:
    assert gone not in view_prose(source).markup


def test_a_picture_from_elsewhere_leaves_its_words() -> None:
    assert view_prose("<img src='https://example.org/x.png' alt='my plot'>").markup.strip() == "<em>[my plot]</em>"


def test_pictures_come_from_the_answer_itself_or_not_at_all() -> None:
    assert "<img" in view_prose("![plot](data:image/png;base64,AAAA)").markup
    assert "<img" not in view_prose("![plot](attachment:plot.png)").markup
    for source in ("![plot](attachment:my%20plot.png)", "![plot](<attachment:my plot.png> 'x')", '<img src="attachment:my plot.png" alt="plot">'):
        assert view_prose(source, {"my plot.png": "data:image/png;base64,AAAA"}).markup.strip().removeprefix("<p>").removesuffix("</p>") == (
            '<img src="data:image/png;base64,AAAA" alt="plot">'), source
    assert 'alt="…"' in view_prose("<img src='attachment:a'>", {"a": "data:image/png;base64,AAAA"}).markup
    for hostile in ("javascript:alert(1)", "data:image/svg+xml;base64,AAAA", '"><script>'):
        assert "<img" not in view_prose("![x](attachment:a)", {"a": hostile}).markup
    assert "attachment:plot.png" in view_prose("The words attachment:plot.png alone").markup
    assert "example.org" not in view_prose('<img src="https://example.org/x.png" alt="plot">').markup


# --- languages --------------------------------------------------------------------------------------------------------

IN_GERMAN = replace(ASSIGNMENT, lang="de")
ALIKE = {
    "fingerprint", "median",
    "page_title", "position", "shape", "slip_where_count", "exercise_and_verdict",  # these put names together, and say nothing
}
"""What is the same in English and German."""
SAMPLES: dict[str, list[tuple[Any, ...]]] = {  # no letter in any: what is made of them shows the language's own words alone
    "number": [(2.5,), (-0.25,)], "decimal": [("2.5",)], "moment": [("1", "2")], "share": [(1, 2)], "percent": [(50,)], "of": [(1.0, 2.0)],
    "points": [(1.0,), (2.0,)], "out_of": [(1.0,), (2.0,)], "page_title": [("1", "2")], "weak_sandbox": [("1",)],
    "class_title": [("1",)], "written_waiting": [(1, 1.0), (2, 20.0)], "written_marked": [(1.0, 2.0)], "example": [("1",)],
    "example_yours": [("1",)], "example_departs": [("1",)], "example_nothing": [("1",)], "matrix_right": [(1, 1), (2, 2), (43, 72)],
    "reread": [("(a) 1",)], "together": [(["1"],), (["1", "2"],)], "alike": [(["1"],), (["1", "2"],)],
    "carried": [([],), (["1"],), (["1", "2"],)], "checks_passed": [(1,), (2,)], "checks_failed": [(1,), (2,)],
    "checks_skipped": [(1,), (2,)], "cell": [(1,)], "line": [(1,)], "place": [(1, None), (None, 1), (1, 1)], "code_of": [("1", 1)],
    "lines_left_out": [(1,), (2,)], "agrees": [()], "differs": [("1", "2", "3", "4")], "other_shape": [((1,), (2, 3))],
    "shape": [((1,),)], "corner": [(1, 1, (2, 2))], "not_drawn": [((1,),)], "grid_title": [("1", "2", "3", "4")],
    "axes": [("1", "2")], "position": [("1", 1)], "bin": [(0.0, 1.0, False), (0.0, 1.0, True)], "tick": [(0.0, 0.5)],
    "histogram": [([("1", 2)],)], "slip_where_count": [("1", 2)], "rate_note": [(1,), (2,)], "telling": [(0.5,)],
    "left_out": [(1,), (2,)], "nobody": [("1",)], "shown": [("1", "2")], "exercise_and_verdict": [("1", "2")],
    "similar_title": [("1",)], "similar_summary": [(1, 1, 0), (2, 2, 1), (4, 4, 2)], "similar_left_out": [(1, 2)],
    "similar_too_short": [(1.0, 2, True), (1.0, 2, False)], "similar_more": [(1,)], "similar_links": [(1, 2, 1), (1, 2, 3)],
    "similar_strength": [(1, 2)], "similar_opposite": [(1, 2)], "similar_not_shown": [(1,), (2,)], "similar_code_of": [("1", 2)],
}


def labels(words: Wording) -> dict[str, str]:
    """All attributes that hold a text, and the texts of those that hold several."""
    held = {field.name: getattr(words, field.name) for field in fields(words)}
    return {f"{name}.{key}" if key else name: text for name, value in held.items()
            for key, text in ({"": value} if isinstance(value, str) else value).items()}


def sentences(words: Wording) -> dict[str, str]:
    """What each method makes of each of its samples."""
    return {f"{name}{sample}": getattr(words, name)(*sample) for name, samples in SAMPLES.items() for sample in samples}


def pages_in(assignment: Assignment, words: Wording | None = None) -> list[str]:
    """Pages of every kind."""
    results = [graded.result for graded in CLASS.values()]
    weak = [replace(one, receipt=replace(RECEIPT, sandbox="limits", weak=True)) for one in results]
    rows = (KillRow("self_attention", "no_scale", ("values.published",), ("no_scale",), ""),)
    matrix = KillMatrix({"self_attention": ("values.published",)}, rows)
    return [
        *(render_student(graded, assignment, words) for graded in CLASS.values()), render_class([], assignment, words),
        render_class(results, assignment, words, left_out=["x.txt"]), render_class(weak, assignment, words, anonymous=True),
        render_matrix(matrix, [], assignment, words), render_matrix(matrix, ["x"], assignment, words),
        render_similar(SURVEY, assignment, words), render_similar(replace(SURVEY, median=20, told_all=False), assignment, words),
        render_class(results, assignment, words, similar="similar.html"),
    ]


@pytest.mark.parametrize("name", ["no_scale", "class"])
def test_german_page_is_as_accepted(name: str) -> None:
    if name == "class":
        check_gold("class_de.html", render_class([graded.result for graded in CLASS.values()], IN_GERMAN))
    else:
        check_gold(f"student_{name}_de.html", render_student(CLASS[name], IN_GERMAN))


def test_every_sentence_has_a_sample() -> None:
    assert set(SAMPLES) == {name for name, value in vars(Wording).items() if callable(value) and not name.startswith("_")}


def test_every_language_is_complete() -> None:
    for lang, words in LANGUAGES.items():
        assert words.language == lang
        assert labels(words).keys() == labels(ENGLISH).keys()
        assert [name for name, text in chain(labels(words).items(), sentences(words).items()) if not text.strip()] == []


@pytest.mark.parametrize("say", [labels, sentences])
def test_everything_is_said_otherwise_in_german(say: Callable[[Wording], dict[str, str]]) -> None:
    english, german = say(ENGLISH), say(GERMAN)
    alike = {name.partition("(")[0] for name in english if english[name] == german[name]}
    assert alike == ALIKE & {name.partition("(")[0] for name in english}


def test_no_english_is_left_on_a_german_page() -> None:
    phrases = {html.escape(phrase.strip()) for text in chain(labels(ENGLISH).values(), sentences(ENGLISH).values())
               for phrase in re.findall(r"[A-Za-z' -]{12,}", text) if "--" not in phrase}  # an option is called so everywhere
    english, german = ("\n".join(pages_in(assignment)) for assignment in (ASSIGNMENT, IN_GERMAN))
    assert len([phrase for phrase in phrases if phrase in english]) > 50, "the phrases are such as stand on pages"
    told = f"{CLASS} {SURVEY}"  # messages come with the results, in English
    assert [phrase for phrase in phrases if phrase in german and phrase not in told] == []
    assert german.count('<html lang="de">') == english.count('<html lang="en">') > 0


class Reader(HTMLParser):
    """Collects what a page says, to the eye and to the ear, as words."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.words |= {word for name, value in attrs if name in ("title", "aria-label", "alt", "placeholder", "data-text")
                       for word in re.findall(r"[^\W\d_]+", value or "")}

    def handle_data(self, data: str) -> None:
        if self.inside not in ("style", "script"):
            self.words |= set(re.findall(r"[^\W\d_]+", data))


def test_pages_say_nothing_but_what_the_wording_and_the_results_say() -> None:
    silent = {name: (lambda self, *values: "·") for name in SAMPLES}
    mute: Wording = type("Mute", (Wording,), silent)(**{
        name: "·" if isinstance(value, str) else dict.fromkeys(value, "·")
        for name, value in ((field.name, getattr(ENGLISH, field.name)) for field in fields(Wording))})
    reader = Reader()
    for page in pages_in(ASSIGNMENT, mute):
        reader.feed(page)
    shown = f"{CLASS} {ASSIGNMENT} {SURVEY} x.txt NaN"
    told = re.findall(r"[^\W\d_]+", f"{shown} " + shown.replace("\\n", " "))  # a line's end in code is no letter of the next word
    assert {word for word in reader.words if len(word) > 1} - set(told) == set(), "formulas fall into letters"
    assert "Attention" in reader.words


def test_german_numbers_have_a_comma() -> None:
    page = render_student(CLASS["no_scale"], IN_GERMAN)
    assert re.findall(r'<td class="\w+" title="[^"]*\.', page) == []
    assert re.search(r'<td class="\w+" title="0,\d+">0,\d\d</td>', page)
    assert GERMAN.out_of(0.5) == "von 0,5 Punkten"


# --- matrices ---------------------------------------------------------------------------------------------------------


def draw(yours: Array | None, expected: Array) -> tuple[str, list[str]]:
    picture = view_pictures([Picture("e", "weights", "query", "key", yours, expected)], 1e-4, ENGLISH)[0]
    return picture.finding, [grid.problem for grid in picture.grids]


def test_pictures_say_what_to_see() -> None:
    eye = np.eye(3)
    assert draw(eye, eye) == ("Yours agrees with the expected one.", ["", ""])
    assert draw(eye[::-1], eye)[0] == "They differ most at query 1, key 1: yours is 0, expected 1."
    assert draw(None, eye) == ("", ["Nothing came back to draw.", ""])
    assert draw(np.ones((2, 3, 3)), eye)[0] == "Yours has the shape (2, 3, 3); expected is (3, 3)."
    assert "NaN" in draw(np.where(eye > 0, np.nan, 0.0), eye)[0]
    assert draw(np.zeros((0, 3)), eye)[1][0]


def test_large_pictures_show_a_corner_and_keep_the_page_small() -> None:
    big = np.random.default_rng(0).normal(size=(200, 300))
    views = view_pictures([Picture("e", "weights", "query", "key", big, big)] * 9, 1e-4, ENGLISH)
    assert views[0].grids[0].note == "The first 30 × 30 of 200 × 300."
    assert len(views[0].grids[0].rows) == 30
    assert views[-1].grids[0].problem
    assert sum(len(grid.rows) * len(grid.columns) for view in views for grid in view.grids) <= 4000


KINDS = st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", "c16"])
SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@settings(max_examples=100, deadline=None)
@given(SHAPES, KINDS, SHAPES, st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e308, 5e-324]), st.booleans())
def test_any_matrix_can_be_drawn(
    yours: tuple[int, ...], kind: str, expected: tuple[int, ...], fill: float, swap: bool,
) -> None:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left = np.full(yours, fill).astype(kind)
    right = np.linspace(0, 1, int(np.prod(expected))).reshape(expected)
    pair = (right, left) if swap else (left, right)
    graded = Graded(CLASS["full_marks"].result, Evidence({}, (Picture("self_attention", "t", "row", "column", *pair),)))
    inspect(render_student(graded, ASSIGNMENT))


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_schema_file_is_current() -> None:
    text = json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLD") == "accept":
        SCHEMA_FILE.write_text(text, encoding="utf-8")
    assert SCHEMA_FILE.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", CLASS)
def test_results_validate_and_come_back(name: str) -> None:
    data = encode_result(CLASS[name].result)
    jsonschema.Draft202012Validator.check_schema(result_schema())
    jsonschema.validate(json.loads(data), result_schema())
    assert decode_result(data) == CLASS[name].result
    assert data.endswith(b"}\n")
    assert data.startswith(b'{\n  "schema": 1,\n')


@pytest.mark.parametrize("change", [
    {"schema": 2}, {"status": "fine"}, {"score": "1"}, {"exercises": {"e": {"verdict": "wrong"}}}, {"points": None},
])
def test_schema_and_decoder_refuse_the_same(change: dict[str, object]) -> None:
    wrong = json.loads(encode_result(CLASS["full_marks"].result)) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, result_schema())
    with pytest.raises(msgspec.ValidationError):
        decode_result(json.dumps(wrong).encode())


def test_added_keys_are_no_error() -> None:
    more = json.loads(encode_result(CLASS["full_marks"].result)) | {"lateness": 3}
    jsonschema.validate(more, result_schema())
    assert decode_result(json.dumps(more).encode()) == CLASS["full_marks"].result


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_no_mark(bad: float) -> None:
    good = CLASS["full_marks"].result
    wrong = [replace(good, score=bad), replace(good, points=bad),
             replace(good, exercises={"e": exercise(rows=(replace(checks()[0], score=bad),))}),
             replace(good, questions={"c": QuestionResult("", bad, 10.0, "")})]
    for result_ in wrong:
        with pytest.raises(ValueError, match="no mark"):
            encode_result(result_)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_kept(text: str) -> None:
    data = encode_result(everywhere(text).result)
    data.decode("utf-8")
    jsonschema.validate(json.loads(data), result_schema())


# --- CSV --------------------------------------------------------------------------------------------------------------


def grades(results: list[Result]) -> list[dict[str, str]]:
    text = encode_grades(results, ASSIGNMENT)
    assert text.startswith("id,source,status,score,points,self_attention_verdict,self_attention_score,")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_grades_have_a_row_for_each_submission() -> None:
    rows = grades([graded.result for graded in CLASS.values()])
    assert [row["id"] for row in rows] == [graded.result.submission.id for graded in CLASS.values()]
    by_id = {row["id"]: row for row in rows}
    assert by_id["noether"] | {
        "score": "50", "points": "80", "self_attention_verdict": "incorrect", "multi_head_attention_score": "40",
        "question_c_score": "", "diagnoses": "no_scale", "notices": "last_definition;unused_import", "status": "graded",
    } == by_id["noether"]
    assert by_id["lovelace"]["question_c_score"] == "9"
    assert by_id["hopper"] | {"status": "needs_attention", "score": "", "self_attention_verdict": ""} == by_id["hopper"]
    assert encode_grades([], ASSIGNMENT).endswith("\r\n")


@pytest.mark.parametrize("text", [
    "=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r\n=1", " =1", "＝1", '"=1', "\x00=1", "\u202e=1",
])
def test_formulas_are_only_text(text: str) -> None:
    row = grades([replace(CLASS["full_marks"].result, submission=SubmissionName(text, text, "0"))])[0]
    assert row["id"].startswith("'")
    assert row["source"].startswith("'")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_any_name_is_one_cell(text: str) -> None:
    rows = grades([replace(CLASS["full_marks"].result, submission=SubmissionName(text, text, "0"))])
    assert len(rows) == 1
    assert None not in rows[0]
    assert rows[0]["points"] == "80"
    assert not rows[0]["id"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    encode_grades([everywhere(text).result], ASSIGNMENT).encode("utf-8")


# --- text, files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "clean"), [
    ("plain ünï 👩‍👩‍👧 नमस्ते", "plain ünï 👩‍👩‍👧 नमस्ते"), ("a\tb\nc", "a\tb\nc"), ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
    ("\x1b[1;31mred\x1b[0m", "red"), ("\x9b31mred", "red"), ("\x1b]0;title\x07x", "x"),
    ("\x1b]8;;http://e.org\x1b\\x", "x"), ("\x1bcx", "x"), ("a\u202eb\u2066c\u200fd", "abcd"),
    ("Z" + "\u0301" * 50, "Z" + "\u0301" * 4), ("Z" + "\u0301\u200d" * 50 + "a\u0301", "Z" + "\u0301\u200d" * 4 + "a\u0301"),
    ("ཧཱུྃ שָׁלֹ֔ום Tiếng Việt", "ཧཱུྃ שָׁלֹ֔ום Tiếng Việt"), ("a\u200bb\u3164c\u00ad\u2062", "abc"),
    ("a\x00\x08b\x7f", "ab"), ("a\ud800b", "a\ufffdb"), ("\ufeffa\U000e0041", "a"),
])
def test_text_is_cleaned(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@pytest.mark.parametrize("text", ["x\n  ann: 80 of 80\r\n", "x\u2028ann", "  x" + " " * 99 + "\u00a0" * 99 + "ann\t"])
def test_a_line_is_one_line_without_gaps(text: str) -> None:
    assert re.fullmatch(r"\S+(?: \S+)*", clean_line(text))


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_stays_as_it_is(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert "\x1b" not in clean
    assert len(clean) <= len(text)
    clean.encode("utf-8")


def test_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    write_file(file, "é\r\n")
    write_file(file, b"second")
    assert file.read_bytes() == b"second"
    assert file.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file, contents, seen = tmp_path / "x", [b"a" * 200_000, b"b" * 300_000], set()
    write_file(file, contents[0])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(50):
        write_file(file, contents[turn % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path / "folder", "x")
    with pytest.raises(UnicodeEncodeError):
        write_file(tmp_path / "x", "\ud800")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
