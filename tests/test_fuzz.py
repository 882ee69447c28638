"""Spoilt frames, reply streams and notebooks: FrameError or a result that holds, never another exception."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.assignment import Assignment
from grader.extract import Template
from grader.handout import read_template
from grader.model import Raised
from grader.sandbox.replies import Replies
from grader.tensors import encode
from tests.mutants import (
    CALLS,
    HOSTILE,
    OUTPUT_MB,
    PROGRAM,
    check_frame,
    check_notebook,
    check_replies,
    check_stream,
    find_notebooks,
    make_stream,
    mutate_notebook,
    mutate_stream,
)
from tests.support import ATTENTION, MULTI_HEAD, notebook, text

SEEDS = st.integers(0, 1 << 64)


@pytest.fixture(scope="module")
def template(attention: Assignment) -> Template:
    return read_template(attention)


@pytest.fixture(scope="module")
def originals() -> list[bytes]:
    return find_notebooks()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_frame_or_refused(data: bytes) -> None:
    check_frame(data)
    check_frame(len(data).to_bytes(4, "little") + bytes(8) + data)


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_spoilt_bytes_are_a_frame_or_refused(seed: int) -> None:
    check_frame(mutate_stream(Random(seed)))


SELDOM_MADE = {
    "a header nested too deeply": b"[" * 3000,
    "a size below zero": b'{"returned": {"dtype": "int8", "shape": [-1, 0]}}',
    "endless digits": b'{"returned": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("header", SELDOM_MADE.values(), ids=SELDOM_MADE)
def test_what_mutators_seldom_make_is_refused(header: bytes) -> None:
    assert check_frame(len(header).to_bytes(4, "little") + bytes(8) + header) == "refused"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), SEEDS)
def test_arbitrary_bytes_are_replies_or_refused(data: bytes, seed: int) -> None:
    check_stream(data, Random(seed))


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_spoilt_replies_are_taken_or_refused_in_any_pieces(seed: int) -> None:
    random = Random(seed)
    check_stream(mutate_stream(random), random)


def test_honest_replies_are_all_taken() -> None:
    for seed in range(50):
        replies = Replies(PROGRAM, CALLS, OUTPUT_MB)
        replies.feed(b"".join(encode(header, [payload]) for header, payload in make_stream(Random(seed))))
        assert replies.complete
        check_replies(replies)


def test_the_check_of_replies_sees_a_text_that_is_not_clean() -> None:
    replies = Replies(PROGRAM, CALLS, OUTPUT_MB)
    replies.replies.append(Raised("E", "\x1b[2J", None, None))
    with pytest.raises(AssertionError):
        check_replies(replies)


PLACES = ("between", "question")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_source_breaks_nothing_and_costs_no_other_cell(
    attention: Assignment, template: Template, source: str, place: str
) -> None:
    content = {
        "between": notebook("import numpy as np", source, ATTENTION, MULTI_HEAD),
        "question": notebook(ATTENTION, text("(c) because", "answer-c"), source),
    }[place]
    assert check_notebook(content, attention, template) == "defined"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=SEEDS)
def test_a_spoilt_notebook_never_raises(attention: Assignment, template: Template, originals: list[bytes], seed: int) -> None:
    check_notebook(mutate_notebook(originals, Random(seed)), attention, template)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_no_notebook(attention: Assignment, template: Template, data: bytes) -> None:
    assert check_notebook(data, attention, template) == "unreadable"
