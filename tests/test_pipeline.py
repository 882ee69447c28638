"""Whole submissions through the real box: right answers in odd clothes, slips, attacks, and the contract's settled questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from grader.errors import SandboxError
from grader.model import Graded, Limits, NotebookFile, Program, Submission, Transcript
from grader.pipeline import Course, grade
from grader.report import SCHEMA_FILE, encode_result, render_student
from grader.sandbox import Box
from tests.support import ATTENTION, MULTI_HEAD, MULTI_STUB, STUB, code, names, notebook, solved, submission

Grade = Callable[[bytes], Graded]


def verdicts(graded: Graded) -> tuple[str, str]:
    exercises = graded.result.exercises
    return exercises["self_attention"].verdict, exercises["multi_head_attention"].verdict


SOFTMAX = "def softmax(S):\n    E = np.exp(S)\n    return E / E.sum(axis=1, keepdims=True)"
RIGHT_A = {
    "unstabilised": SOFTMAX + "\ndef self_attention(X, a, b, c):\n    A = softmax(X @ a @ (X @ b).T / np.sqrt(a.shape[1]))\n    return A @ (X @ c), A",
    "global maximum": ATTENTION.replace("S.max(axis=1, keepdims=True)", "S.max()"),
    "small number in the denominator": ATTENTION.replace("E.sum(axis=1, keepdims=True)", "(E.sum(axis=1, keepdims=True) + 1e-6)"),
    "float32": ATTENTION.replace("Q, K, V =", "X, Wq, Wk, Wv = (np.float32(a) for a in (X, Wq, Wk, Wv))\n    Q, K, V ="),
    "scipy": "from scipy.special import softmax\n" + ATTENTION.replace("E / E.sum(axis=1, keepdims=True)", "softmax(S, axis=-1)"),
    "nested lists": ATTENTION.replace("return A @ V, A", "return (A @ V).tolist(), A.tolist()"),
    "a list": ATTENTION.replace("return A @ V, A", "return [A @ V, A]"),
    "matrix": ATTENTION.replace("return A @ V, A", "return np.matrix(A @ V), np.matrix(A)"),
    "longdouble": ATTENTION.replace("return A @ V, A", "return np.longdouble(A @ V), A"),
    "annotations of absent modules": ATTENTION.replace("(X, Wq, Wk, Wv)", "(X: Float[Array, 'n d'], Wq, Wk, Wv) -> jnp.Tuple"),
    "own alias in annotations": "M = np.ndarray\n" + ATTENTION.replace("(X, Wq, Wk, Wv)", "(X: M, Wq: M, Wk: 'M', Wv: M) -> tuple[M, M]"),
    "plots and prints inside": "import matplotlib.pyplot as plt\n" + ATTENTION.replace(
        "    return", "    plt.figure(); plt.imshow(A); plt.show(); print('é' * 10)\n    return"),
    "plots looped over": "import matplotlib.pyplot as plt\n" + ATTENTION.replace(
        "    return", "    fig, axes = plt.subplots(1, 2)\n    for ax, w in zip(np.atleast_1d(axes), A): im = ax.imshow(w[None])\n"
        "    fig.colorbar(im)\n    return"),
    "bars restyled": "import matplotlib.pyplot as plt\n" + ATTENTION.replace(
        "    return", "    for bar in plt.bar(range(3), [1, 2, 3]): bar.set_alpha(0.5)\n    return"),
    "a registry filled by a decorator": "REG = {}\ndef register(f):\n    REG[f.__name__] = f\n    return f\n@register\n"
        "def softmax(S):\n    E = np.exp(S - S.max(1, keepdims=True))\n    return E / E.sum(1, keepdims=True)\n"
        "def self_attention(X, a, b, c):\n    A = REG['softmax'](X @ a @ (X @ b).T / np.sqrt(a.shape[1]))\n    return A @ (X @ c), A",
    "absent modules beside numpy": "import absent, numpy as np\n" + ATTENTION,
    "its name bound to its result afterwards": ATTENTION + "\nself_attention, w = self_attention(np.eye(2), np.eye(2), np.eye(2), np.eye(2))",
    "a helper's name bound to its result afterwards": SOFTMAX + "\ndef self_attention(X, a, b, c):\n"
        "    A = softmax(X @ a @ (X @ b).T / np.sqrt(a.shape[1]))\n    return A @ (X @ c), A\nsoftmax = softmax(np.ones((2, 2)))",
    "deleted afterwards": ATTENTION + "\ndel self_attention",
    "a warning": "import warnings\n" + ATTENTION.replace("    return", "    warnings.warn('careful')\n    return"),
    "a timing decorator": "import time, functools\ndef timed(f):\n    @functools.wraps(f)\n    def g(*a, **k):\n        t = time.time()\n"
    "        return f(*a, **k)\n    return g\n@timed\n" + ATTENTION,
    "seterr raise": "np.seterr(all='raise')\n" + ATTENTION,
    "star import": "from numpy import *\n" + ATTENTION.replace("np.", ""),
    "a namedtuple": "from collections import namedtuple\nR = namedtuple('R', 'o a')\n" + ATTENTION.replace("return A @ V, A", "return R(A @ V, A)"),
    "in place on its own arrays": ATTENTION.replace("    E = np.exp(S - S.max(axis=1, keepdims=True))", "    S -= S.max(axis=1, keepdims=True)\n    E = np.exp(S, out=S)"),
}


@pytest.mark.parametrize("source", RIGHT_A.values(), ids=RIGHT_A)
def test_right_answers_that_look_different_earn_everything(grade_bytes: Grade, source: str) -> None:
    result = grade_bytes(solved(first=source)).result
    assert result.score == result.points, [(one.verdict, one.message) for one in result.exercises.values()]


RIGHT_B = {
    "reshape and transpose": "def multi_head_attention(X, Wq, Wk, Wv, H):\n    n, d = X.shape\n"
    "    Q, K, V = ((X @ W).reshape(n, H, d // H).transpose(1, 0, 2) for W in (Wq, Wk, Wv))\n"
    "    S = Q @ K.transpose(0, 2, 1) / np.sqrt(d / H)\n    A = np.exp(S) / np.exp(S).sum(-1, keepdims=True)\n"
    "    return (A @ V).transpose(1, 0, 2).reshape(n, d), A",
    "output alone": MULTI_HEAD.replace("return np.concatenate(outputs, axis=1), np.array(weights)", "return np.hstack(outputs)"),
    "a list of weights": MULTI_HEAD.replace("np.array(weights)", "weights"),
    "heads last": MULTI_HEAD.replace("np.array(weights)", "np.stack(weights, axis=-1)"),
    "one head by the other function": MULTI_HEAD.replace("    outputs, weights", "    if H == 1:\n        return self_attention(X, Wq, Wk, Wv)\n    outputs, weights"),
    "W_O is the identity": MULTI_HEAD.replace("np.concatenate(outputs, axis=1)", "np.hstack(outputs) @ np.eye(X.shape[1])"),
    "a progress bar": "from tqdm import tqdm, trange\n" + MULTI_HEAD.replace("    for q, k, v in zip(", "    for q, k, v in tqdm(zip(", 1).replace(
        "np.split(Wv, H, axis=1)):", "np.split(Wv, H, axis=1)), total=H):"),
    "other parameter names": MULTI_HEAD.replace("H", "heads"),
}


@pytest.mark.parametrize("source", RIGHT_B.values(), ids=RIGHT_B)
def test_right_multi_head_of_every_convention_earns_everything(grade_bytes: Grade, source: str) -> None:
    result = grade_bytes(solved(second=source)).result
    assert result.score == result.points, [(one.verdict, one.message) for one in result.exercises.values()]


GARBAGE = {
    "zeros and uniform weights": "return np.zeros(X.shape), np.full((len(X), len(X)), 1 / len(X))",
    "uniform weights": "A = np.full((len(X), len(X)), 1 / len(X))\n    return A @ X @ Wv, A",
    "ones": "return np.ones(X.shape), np.ones((len(X), len(X)))",
    "the input": "return X, np.eye(len(X))",
    "nothing": "return None",
    "garbage that its inputs move": "return X, X @ X.T",
    "identity weights": "return X @ Wv, np.eye(len(X))",
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_garbage_earns_next_to_nothing(grade_bytes: Grade, body: str) -> None:
    first = f"def self_attention(X, Wq, Wk, Wv):\n    x = 1\n    {body}"
    inline = f"def multi_head_attention(X, Wq, Wk, Wv, H):\n    x = 1\n    {body.replace('len(X), len(X)', 'H, len(X), len(X)')}"
    for second in (MULTI_HEAD, inline):
        result = grade_bytes(solved(first=first, second=second)).result
        assert result.score is not None
        assert result.score <= 2, [(one.verdict, one.score) for one in result.exercises.values()]


WRONG_A = {
    "no scale": ATTENTION.replace(" / np.sqrt(K.shape[1])", ""),
    "softmax over queries": ATTENTION.replace("axis=1", "axis=0"),
    "queries and keys swapped": ATTENTION.replace("Q @ K.T", "K @ Q.T"),
    "double softmax": ATTENTION.replace("return A", "A = np.exp(A) / np.exp(A).sum(1, keepdims=True)\n    return A"),
}


@pytest.mark.parametrize("source", WRONG_A.values(), ids=WRONG_A)
def test_a_slip_in_a_is_charged_once(grade_bytes: Grade, source: str) -> None:
    graded = grade_bytes(solved(first=source))
    assert verdicts(graded) == ("incorrect", "correct")
    later = graded.result.exercises["multi_head_attention"]
    assert later.carried_forward
    assert later.score == later.points
    assert "self_attention" in later.message


def test_a_slip_that_saturates_on_large_scores_is_carried_too(grade_bytes: Grade) -> None:
    sigmoid = ATTENTION.replace("E = np.exp(S - S.max(axis=1, keepdims=True))", "A = 1 / (1 + np.exp(-S))").replace(
        "    A = E / E.sum(axis=1, keepdims=True)\n", "")
    graded = grade_bytes(solved(first=sigmoid))
    assert names(graded.result.exercises["self_attention"].diagnoses) == ["softmax_sigmoid"]
    assert graded.result.exercises["multi_head_attention"].carried_forward


def test_what_knows_the_published_data_alone_carries_nothing(grade_bytes: Grade) -> None:
    lookup = (
        "def self_attention(X, Wq, Wk, Wv):\n    k = 1.0 if X.shape == (5, 6) and X[0, 0] == 0.7 else 0.0\n"
        "    return np.full((len(X), Wv.shape[1]), k), np.full((len(X), len(X)), k)"
    )
    result = grade_bytes(solved(first=lookup)).result
    assert result.score is not None
    assert result.score <= 2


def test_two_slips_in_two_exercises_are_each_named_once(grade_bytes: Grade) -> None:
    second = MULTI_HEAD.replace("np.concatenate(outputs, axis=1)", "sum(outputs)")
    graded = grade_bytes(solved(first=WRONG_A["no scale"], second=second))
    exercises = graded.result.exercises
    assert names(exercises["self_attention"].diagnoses) == ["no_scale"]
    assert names(exercises["multi_head_attention"].diagnoses) == ["heads_summed"]


def test_a_named_slip_costs_what_the_assignment_says(grade_bytes: Grade) -> None:
    exercise = grade_bytes(solved(first=WRONG_A["no scale"])).result.exercises["self_attention"]
    assert exercise.score == 26
    assert round(sum(check.score for check in exercise.checks), 2) == 26
    assert round(sum(check.points for check in exercise.checks), 2) == 40
    assert all(check.score == 0 for check in exercise.checks if check.outcome == "failed")


def test_not_calling_the_earlier_function_is_a_notice(grade_bytes: Grade) -> None:
    result = grade_bytes(solved(second=RIGHT_B["reshape and transpose"])).result
    assert "not_reused" in names(result.notices)
    assert result.score == result.points
    assert "not_reused" not in names(grade_bytes(solved()).result.notices)


def test_another_grouping_of_heads_is_graded_with_a_notice_to_overrule(grade_bytes: Grade) -> None:
    second = MULTI_HEAD.replace("zip(np.split(Wq, H, axis=1), np.split(Wk, H, axis=1), np.split(Wv, H, axis=1))",
                                "((Wq[:, h::H], Wk[:, h::H], Wv[:, h::H]) for h in range(H))")
    result = grade_bytes(solved(second=second)).result
    assert names(result.exercises["multi_head_attention"].diagnoses) == ["heads_interleaved"]
    assert "convention" in names(result.notices)


def test_a_fixed_number_of_heads_is_a_size(grade_bytes: Grade) -> None:
    exercise = grade_bytes(solved(second=MULTI_HEAD.replace("    outputs, weights", "    H = 3\n    outputs, weights"))).result.exercises
    assert names(exercise["multi_head_attention"].diagnoses) == ["hard_coded_size"]


def test_the_same_slip_written_out_again_is_charged_again(grade_bytes: Grade) -> None:
    wrong = WRONG_A["no scale"]
    inline = MULTI_HEAD.replace("self_attention", "_head") + "\n" + wrong.replace("self_attention", "_head")
    graded = grade_bytes(solved(first=wrong, second=inline))
    assert verdicts(graded) == ("incorrect", "incorrect")
    assert not graded.result.exercises["multi_head_attention"].carried_forward


def test_nothing_is_carried_from_an_a_that_is_random_or_raises(grade_bytes: Grade) -> None:
    shaky = ATTENTION.replace("S = Q", "S = np.random.rand() + np.random.rand(len(X), 1) * Q")
    result = grade_bytes(solved(first=shaky)).result
    assert "not_deterministic" in names(result.exercises["self_attention"].diagnoses)
    assert not result.exercises["multi_head_attention"].carried_forward
    raising = grade_bytes(solved(first=ATTENTION.replace("K.T", "K")))
    assert verdicts(raising) == ("error", "error")
    assert "in your self_attention" in raising.result.exercises["multi_head_attention"].message


def test_the_root_of_the_full_width_is_charged_in_b(grade_bytes: Grade) -> None:
    graded = grade_bytes(solved(first=ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(X.shape[1])")))
    assert verdicts(graded) == ("correct", "incorrect")
    assert not graded.result.exercises["multi_head_attention"].carried_forward


SLIPS_OF_FORM = [
    ("weights_returned_first", solved(first=ATTENTION.replace("return A @ V, A", "return A, A @ V"),
                                      second=MULTI_HEAD.replace("o, a = ", "a, o = "))),
    ("only_output_returned", solved(first=ATTENTION.replace("return A @ V, A", "return A @ V"), second=MULTI_STUB)),
    ("mutates_inputs", solved(first=ATTENTION.replace("Q, K, V", "Wq *= 1.0\n    Wq += 0.5; Wq -= 0.5; X -= 0; X[0, 0] += 1e-12\n    Q, K, V", 1))),
    ("not_deterministic", solved(first=ATTENTION.replace("return A @ V, A", "return A @ V + np.random.rand(), A"))),
    ("hard_coded_size", solved(first=ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(6)"))),
    ("hard_coded_size", solved("D = 6", first=ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(D)"))),
    ("uses_global_data", solved("X = np.ones((5, 6))", first=ATTENTION.replace("(X, Wq", "(x, Wq"))),
    ("uses_global_data", solved(first="X = np.ones((5, 6))\nWq = Wk = Wv = np.eye(6)\nQ, K, V = X @ Wq, X @ Wk, X @ Wv\n" + ATTENTION.replace(
        "    Q, K, V = X @ Wq, X @ Wk, X @ Wv\n", ""))),
    ("hard_coded_size", solved(first="Wk = np.array([[1.0] * 6] * 6)\nd = len(Wk[0])\n" + ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(d)"))),
    ("hard_coded_size", solved(first="Wq = [[1.0] * 6] * 6\nWq = np.array(Wq)\nd_k = Wq.shape[1]\n" + ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(d_k)"))),
    ("uses_global_data", solved("X = np.ones((5, 6))", first=ATTENTION.replace("(X, Wq", "(x, Wq").replace(
        "X @", "x @").replace("K.shape[1]", "X.shape[1]"))),
]


@pytest.mark.parametrize(("slip", "content"), SLIPS_OF_FORM, ids=[f"{at}-{row[0]}" for at, row in enumerate(SLIPS_OF_FORM)])
def test_slips_of_form_are_incorrect_and_named(grade_bytes: Grade, slip: str, content: bytes) -> None:
    exercise = grade_bytes(content).result.exercises["self_attention"]
    assert exercise.verdict == "incorrect"
    assert names(exercise.diagnoses) == [slip]
    assert exercise.score < exercise.points


def test_the_hand_outs_n_in_place_of_d_k_is_two_slips(grade_bytes: Grade) -> None:
    exercise = grade_bytes(solved("N = 5", first=ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(N)"))).result.exercises["self_attention"]
    assert names(exercise.diagnoses) == ["scale_by_sqrt_n", "hard_coded_size"]
    other = grade_bytes(solved(first=ATTENTION.replace("np.sqrt(K.shape[1])", "np.sqrt(K.shape[1] - 1)"))).result.exercises["self_attention"]
    assert names(other.diagnoses) == []


def test_mutating_costs_its_own_check_only(grade_bytes: Grade) -> None:
    exercise = grade_bytes(solved(first=ATTENTION + "\n_a = self_attention\ndef self_attention(X, *W):\n    r = _a(X, *W)\n    X[0] = 0\n    return r")).result.exercises["self_attention"]
    assert [check.id for check in exercise.checks if check.outcome == "failed"] == ["contract.inputs_unchanged"]
    assert exercise.score == 38


def test_a_constant_that_is_right_by_construction_is_fine(grade_bytes: Grade) -> None:
    source = "eps, attend = 1e-12, np.matmul\n" + ATTENTION.replace("return A @ V, A", "return attend(A, V) + eps, A")
    assert verdicts(grade_bytes(solved(first=source))) == ("correct", "correct")


ENDS = {
    "error": "raise KeyError('x')",
    "error ": "import sys; sys.exit(3)",
    "error  ": "return undefined_name",
    "error   ": "return self_attention(X, Wq, Wk, Wv)",
    "timeout": "\n    while True:\n        pass",
    "memory": "return np.ones((1 << 20, 1 << 20)), X",
    "crashed": "import os; os._exit(0)",
    "crashed ": "import ctypes; ctypes.string_at(0)",
    "forbidden": "return open('/etc/passwd').read()",
    "forbidden ": "import socket; socket.socket()",
    "forbidden  ": "import torch; return torch.ones(3), X",
    "forbidden   ": "return np.load('weights.npy')",
    "incorrect": "return X, X",
}


@pytest.mark.parametrize(("verdict", "body"), ENDS.items(), ids=ENDS)
def test_one_function_going_wrong_never_costs_the_other(course: Course, tmp_path: Path, verdict: str, body: str) -> None:
    with Box(Limits(cpu_seconds=1, wall_seconds=3, memory_mb=512)) as box:
        independent = MULTI_HEAD.replace("self_attention", "_head") + "\n" + ATTENTION.replace("self_attention", "_head")
        content = solved(first=f"def self_attention(X, Wq, Wk, Wv):\n    {body}", second=independent)
        result = grade(submission(tmp_path, content), course, box).result
    assert result.exercises["self_attention"].verdict == verdict.strip()
    assert result.exercises["self_attention"].message
    assert result.exercises["multi_head_attention"].score == 40
    jsonschema.validate(json.loads(encode_result(result)), json.loads(SCHEMA_FILE.read_bytes()))


def test_what_finished_before_the_end_still_counts(course: Course, tmp_path: Path) -> None:
    source = ATTENTION.replace("    Q, K", "    if len(X) == 1:\n        while True: pass\n    Q, K")
    with Box(Limits(cpu_seconds=1, wall_seconds=3)) as box:
        exercise = grade(submission(tmp_path, solved(first=source)), course, box).result.exercises["self_attention"]
    assert exercise.verdict == "timeout"


def test_error_positions_are_the_students_own(grade_bytes: Grade) -> None:
    source = "\n\n%%time\n!ls \\\n  -l\n" + ATTENTION.replace("Q @ K.T", "Q @ K")
    graded = grade_bytes(notebook({"cell_type": "markdown", "source": "x", "metadata": {}}, "import numpy as np", source))
    exercise = graded.result.exercises["self_attention"]
    assert "(cell 3, line 8)" in exercise.message
    assert [mark[0] for listing in graded.evidence.listings["self_attention"] for mark in listing.marks] == [8]


def test_the_untouched_stub_is_missing_though_it_returns_a_s_globals(grade_bytes: Grade) -> None:
    graded = grade_bytes(solved("output, attention_weights = self_attention(X, Wq, Wk, Wv)", second=MULTI_STUB))
    assert verdicts(graded) == ("correct", "missing")
    assert verdicts(grade_bytes(notebook("import numpy as np", STUB, MULTI_STUB))) == ("missing", "missing")


def test_right_only_the_first_time_shows(grade_bytes: Grade) -> None:
    source = "n = [0]\n" + ATTENTION.replace("    Q, K", "    n[0] += 1\n    if n[0] > 12: return X, X\n    Q, K")
    assert verdicts(grade_bytes(solved(first=source)))[0] == "incorrect"


def test_overflow_is_advice(grade_bytes: Grade) -> None:
    result = grade_bytes(solved(first=RIGHT_A["unstabilised"])).result
    assert names(result.notices) == ["huge_scores"]
    assert result.score == result.points


def test_of_several_notebooks_the_fullest_is_graded(course: Course, box: Box, tmp_path: Path) -> None:
    contents = {"z.ipynb": notebook(ATTENTION), "b.ipynb": solved(), "a.ipynb": solved(), "broken.ipynb": b"{"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = tuple(NotebookFile(name, tmp_path / name) for name in contents)
    result = grade(Submission("team", files, "z.ipynb"), course, box).result
    assert result.submission.source == "b.ipynb"
    assert names(result.notices) == ["several_notebooks"]
    message = result.notices[0].message
    assert message.startswith("The hand-in holds 4 notebooks; b.ipynb was graded. broken.ipynb: ")
    assert "a.ipynb" not in message
    assert result.score == 80


def test_a_box_that_fails_is_no_zero(course: Course, tmp_path: Path) -> None:
    class FailingBox(Box):
        def run(self, program: Program, invocations: object) -> Transcript:
            raise SandboxError("The box is gone.")

    result = grade(submission(tmp_path, solved()), course, FailingBox(Limits())).result
    assert (result.status, result.score, result.attention[0].code) == ("needs_attention", None, "sandbox_failed")


def test_no_expected_number_of_a_hidden_case_reaches_the_result(grade_bytes: Grade, course: Course) -> None:
    graded = grade_bytes(solved(first=WRONG_A["no scale"]))
    hidden = [check for check in graded.result.exercises["self_attention"].checks
              if check.visibility == "hidden" and check.outcome == "failed"]
    assert hidden
    assert all("expected" not in check.message and "yours" not in check.message for check in hidden)
    assert {picture.title for picture in graded.evidence.pictures if "published" not in picture.title} == set()


def test_what_hidden_cases_expect_is_shown_once_they_are_released(course: Course, box: Box, tmp_path: Path) -> None:
    released = replace(course, released=True)
    graded = grade(submission(tmp_path, solved(first=WRONG_A["no scale"])), released, box)
    titles = [picture.title for picture in graded.evidence.pictures]
    assert any("width" in title for title in titles)
    page = render_student(graded, course.assignment)
    assert "They have been released" in page
    assert "so they show no inputs" not in page
    assert graded.result.receipt.released


def test_kept_outputs_and_execution_counts_mean_nothing(grade_bytes: Grade) -> None:
    first = code(ATTENTION, execution_count=7, outputs=[{"output_type": "stream", "name": "stdout", "text": ["80/80"]}])
    assert verdicts(grade_bytes(notebook("import numpy as np", first, MULTI_HEAD))) == ("correct", "correct")
