"""A notebook, or functions in a running kernel -> what the public checks say of them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.checks import Heard
from grader.checks.evidence import choose_example
from grader.examine import Run, examine, gather_notices
from grader.marks import mark_exercise
from grader.messages import say, word
from grader.model import ExerciseResult, Extraction, Judgement, Notice, Slice, WorkedExample
from grader.student.public import PublicCourse
from grader.task import Task
from grader.translate import catalogue_of, word_example, word_exercise, word_notice

PACKAGES = ("numpy", "scipy")
"""What the grader's box has besides Python's own."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of the public checks; `problem` says why there are none.

    `leans` names the earlier parts, not right yet, that an exercise calls; `unresolved` the exercises that need a name which no
    cell binds; `codes` digests of what was checked; `answers` how many words each written answer has; `slow` functions that the
    grader would stop, with their seconds here and by how much more it asks; `unknown` modules that it may not have. Not
    `as_saved`: no file was read.
    """

    exercises: Mapping[str, ExerciseResult] = field(default_factory=dict)
    examples: Mapping[str, WorkedExample] = field(default_factory=dict)
    leans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unresolved: frozenset[str] = frozenset()
    codes: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    answers: Mapping[str, int] = field(default_factory=dict)
    slow: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unanswered: int = 0
    problem: str = ""
    as_saved: bool = True

    @property
    def good(self) -> bool:
        """Whether all may be said to be well: nothing is wrong, and nothing could not be checked."""
        return self.right and not self.slow and not self.unknown

    @property
    def right(self) -> bool:
        """Whether all public checks pass."""
        right = all(one.verdict == "correct" for one in self.exercises.values())
        return right and bool(self.exercises) and not self.unanswered and not self.problem


def check_notebook(content: bytes, course: PublicCourse, run: Run) -> Outcome:
    """Extract the functions of a notebook (.ipynb) and check them; `run` makes the calls."""
    from grader.extract import extract, read_handout  # needs nbconvert, which a kernel may not have

    size, most = len(content) / (1 << 20), course.task.notebook_mb
    if size > most:
        large = say("The notebook has {size:.0f} MB, more than the {most} MB that are read; clear its outputs.",
                    size=size, most=most)
        return Outcome(problem=word(large, catalogue_of(course.task)))
    extraction = extract(content, course.task, read_handout(course.handout, course.task))
    if extraction.problem:
        told = word(extraction.problem.message, catalogue_of(course.task))
        return Outcome(problem=told.partition(";")[0].rstrip(".") + ".")  # the rest is what a grader would ask for
    return check_extraction(extraction, course, run)


def check_extraction(extraction: Extraction, course: PublicCourse, run: Run, *, as_saved: bool = True) -> Outcome:
    """Run the functions and judge what they return; not `as_saved`: they come from a running kernel."""
    heard, judgements = examine(course.plan, course.lattice, extraction, run)
    task, catalogue = course.task, catalogue_of(course.task)
    wrong = [name for name, one in judgements.items() if one.verdict == "incorrect" and name in heard]
    examples = {name: choose_example(course.plan, name, heard[name].replies) for name in wrong}
    marked = {name: mark_exercise(one, task.exercises[name], task.slips) for name, one in judgements.items()}
    return Outcome(
        {name: word_exercise(one, catalogue) for name, one in marked.items()},
        {name: word_example(one, catalogue) for name, one in examples.items() if one},
        {name: _leans(name, course, extraction, judgements) for name in judgements},
        frozenset(name for name, one in heard.items() if _lacks_a_name(one, extraction.slices[name].unresolved, task)),
        {name: _digest(extraction, name) for name in judgements},
        tuple(word_notice(one, catalogue) for one in gather_notices(task, extraction, judgements)),
        {name: len(extraction.answers.get(name, "").split()) for name in task.questions} if extraction.answers else {},
        {name: (one.transcript.wall_seconds, course.more[name]) for name, one in heard.items() if _is_slow(name, one, course)},
        {name: unknown for name, piece in extraction.slices.items() if (unknown := _unknown_modules(piece, task))},
        sum(not finding.answered for one in heard.values() for finding in one.judgement.findings),
        as_saved=as_saved,
    )


def _leans(name: str, course: PublicCourse, extraction: Extraction, judgements: Mapping[str, Judgement]) -> tuple[str, ...]:
    if judgements[name].verdict == "correct":
        return ()
    called = (part for part in course.task.exercises[name].builds_on if part in extraction.slices[name].uses)
    return tuple(part for part in called if judgements[part].verdict != "correct")


def _lacks_a_name(heard: Heard, unresolved: tuple[tuple[str, str], ...], task: Task) -> bool:
    """Whether a name that no cell binds is why it raised; of an exercise's own name its own part tells."""
    message = heard.judgement.message
    reasons = [reason for name, reason in unresolved if name not in task.exercises]
    return heard.judgement.verdict == "error" and any(reason in message for reason in reasons)


def _digest(extraction: Extraction, name: str) -> str:
    code = "\0".join(listing.source for listing in extraction.slices[name].listings)
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def _is_slow(name: str, heard: Heard, course: PublicCourse) -> bool:
    """Whether all the grader's calls would take more than it allows, if its machine is like this one."""
    judged = heard.judgement.verdict != "timeout"
    return judged and heard.transcript.wall_seconds * course.more[name] > course.task.limits.cpu_seconds


def _unknown_modules(piece: Slice, task: Task) -> tuple[str, ...]:
    """Modules that a function needs and that may be on this machine alone."""
    known = {"__main__", *PACKAGES, *task.imports.inert, *task.imports.forbidden, *sys.stdlib_module_names}
    return tuple(dict.fromkeys(use.module for use in piece.imports if use.module not in known))
