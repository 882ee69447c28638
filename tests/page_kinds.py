"""Every kind of page, from made-up classes: what is looked at in a browser, by tests and in screenshots.

Goes out: `KINDS`, HTML by name. The gold pages are among them; the others are what gold does not show: text from right to left, a
worked example with matrices too wide for their numbers, a class that could not be graded behind weak walls, code
side by side, and verify's matrix.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from grader.model import (
    Attention,
    Evidence,
    Graded,
    KillMatrix,
    KillRow,
    Listing,
    Notice,
    Picture,
    QuestionResult,
    Result,
    SubmissionName,
    WorkedExample,
)
from grader.report import render_class, render_matrix, render_similar, render_student
from tests.test_report import (
    ASSIGNMENT,
    CHECKS,
    CLASS,
    FAR_OFF,
    HAVE_PAGES,
    IN_GERMAN,
    NO_SCALE,
    SURVEY,
    checks,
    exercise,
    softmax,
)

HEBREW, ARABIC = "כל ראש מסתכל על חלק אחר של התכונות, ולכן המשקלים שונים.", "لكل رأس مصفوفات إسقاط خاصة به، لذلك تختلف النتائج."
LONG = "W" * 300
MANY = 15
"""Students behind one reason, so that the class page folds them away."""


def _right_to_left() -> Graded:
    graded = CLASS["no_scale"]
    code = f"def self_attention(X, Wq, Wk, Wv):\n    # {HEBREW}\n    return X @ Wq, '{ARABIC}'\n"
    result = replace(
        graded.result, submission=SubmissionName("נועה לוי", "נועה לוי/מטלה 1.ipynb", "ab12" * 16),
        questions={"c": QuestionResult(f"{HEBREW}\n\n$A = QK^T$\n\n1. {ARABIC}\n2. `X @ W`", 7.5, 10.0, f"{ARABIC} ok?"),
                   "d": QuestionResult(ARABIC, None, 10.0, "")},
        notices=(Notice("last_definition", HEBREW, 7, None),))
    return Graded(result, Evidence({"self_attention": (Listing(7, 3, code, ((3, HEBREW),)),)}, graded.evidence.pictures))


def _worked_example() -> Graded:
    """Wide matrices on both scales, numbers that are none, an example with three axes, slips with aliases, a line without end."""
    rng = np.random.default_rng(7)
    scores = rng.normal(size=(34, 34))
    slip = replace(NO_SCALE, idea="Scores grow with the width: `QKᵀ` is divided by √d_k.", place="(a) Self-attention",
                   aliases=(("no_scale", "other"), ("another",)))
    odd = np.array([[np.nan, np.inf, -np.inf, 1e-9], [1e9, -1e9, 0.5, 0.25]])
    example = WorkedExample(
        "two tokens, one head", (("X", np.array([[1.0, 2.0], [0.0, -1.5]])), ("H", 2)),
        (("scores", np.array([[1.0, -0.333], [0.5, 2.0]])), ("attention_weights", softmax(rng.normal(size=(3, 4, 6))))),
        "attention_weights", rng.normal(size=(16, 16)))
    graded = CLASS["no_scale"]
    parts = graded.result.exercises | {
        "self_attention": exercise("incorrect", checks({"values.published": FAR_OFF, "values.same_sizes": LONG}), slip)}
    pictures = (
        Picture("self_attention", "Attention weights, 34 tokens", "query", "key", softmax(scores * 2), softmax(scores)),
        Picture("self_attention", "Output", "token", "feature", rng.normal(size=(4, 10)), rng.normal(size=(4, 10))),
        Picture("self_attention", "Numbers that are none", "token", "feature", odd, np.ones((2, 4))),
        Picture("self_attention", "One that did not come", "token", "feature", None, np.ones((2, 4))))
    code = f"def self_attention(X, Wq, Wk, Wv):\n    x = '{LONG}'\n    return x\n"
    return Graded(replace(graded.result, exercises=parts), Evidence(
        {"self_attention": (Listing(7, 3, code, ((2, f"ValueError: {LONG}"), (99, "elsewhere"))),)}, pictures,
        {"self_attention": example}))


def _weak_class() -> list[Result]:
    """Weak walls, many who wait for one reason, some worth a look, a slip of many, and names without end."""
    weak = [replace(graded.result, receipt=replace(graded.result.receipt, weak=True, sandbox="limits")) for graded in CLASS.values()]
    waiting = [replace(CLASS["needs_attention"].result, submission=SubmissionName(f"student {n:02}", "x.ipynb", ""))
               for n in range(MANY)]
    slipped = [replace(CLASS["no_scale"].result, submission=SubmissionName(f"{n:02} {'Nguyễn ' * n}", "x.ipynb", ""))
               for n in range(MANY)]
    look = replace(CLASS["full_marks"].result, submission=SubmissionName(LONG, LONG, ""), exercises={
        "self_attention": exercise("crashed", message="It ended the program."),
        "multi_head_attention": exercise("forbidden", message="It imports torch.")})
    two = replace(CLASS["needs_attention"].result, submission=SubmissionName("two reasons", "x.ipynb", ""),
                  attention=(Attention("a", "The grader could not finish this submission."), Attention("b", LONG)))
    return [*weak, *waiting, *slipped, look, two]


def _matrix(problems: bool) -> KillMatrix:
    columns = {name: tuple(check for check, *_ in CHECKS) for name in ASSIGNMENT.exercises}
    rows = [KillRow(name, f"slip_number_{n}", columns[name][n:n + 4], (f"slip_number_{n}",), "")
            for name in columns for n in range(len(CHECKS))]
    if problems:
        rows[3] = replace(rows[3], named=(), problem="it is not named")
        rows[5] = replace(rows[5], caught_by=(), problem="no check catches it")
    return KillMatrix(columns, tuple(rows))


def _gold() -> dict[str, str]:
    return {f"student, {name.replace('_', ' ')}": render_student(graded, ASSIGNMENT) for name, graded in CLASS.items()}


KINDS: dict[str, str] = _gold() | {
    "student, right to left": render_student(_right_to_left(), ASSIGNMENT),
    "student, worked example": render_student(_worked_example(), ASSIGNMENT),
    "class": render_class([graded.result for graded in CLASS.values()], ASSIGNMENT),
    "class, weak walls": render_class(_weak_class(), ASSIGNMENT),
    "class, right to left": render_class([_right_to_left().result], ASSIGNMENT),
    "class, empty": render_class([], ASSIGNMENT),
    "class, with what is alike": render_class([graded.result for graded in CLASS.values()], ASSIGNMENT, similar="similar.html"),
    "class, German": render_class([graded.result for graded in CLASS.values()], IN_GERMAN, similar="similar.html", left_out=["x.txt"]),
    "class, weak walls, German": render_class(_weak_class(), IN_GERMAN),
    "student, German": render_student(CLASS["no_scale"], IN_GERMAN),
    "student, worked example, German": render_student(_worked_example(), IN_GERMAN),
    "similar": render_similar(SURVEY, ASSIGNMENT, pages=HAVE_PAGES),
    "similar, German": render_similar(SURVEY, IN_GERMAN, pages=HAVE_PAGES),
    "similar, too short": render_similar(replace(SURVEY, median=20, told_all=False, clusters=()), ASSIGNMENT),
    "verify": render_matrix(_matrix(False), [], ASSIGNMENT),
    "verify, wrong": render_matrix(_matrix(True), _matrix(True).problems(), ASSIGNMENT),
}
