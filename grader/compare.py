"""A class's notebooks over worker processes -> Survey of what is much alike. Reads and parses; no student code is run.

A worker that dies or falls silent costs its hand-in alone, which is then named as not compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import msgspec

from grader.assignment import Assignment
from grader.crew import Crew, Failed
from grader.extract import Template
from grader.extract.convert import convert_cells
from grader.handout import read_template
from grader.messages import Catalogue, say, word
from grader.model import HandIn, Submission, Survey
from grader.pipeline import choose, open_notebook, read_files
from grader.similar import Given, read_hand_in, survey, take_as_given
from grader.translate import catalogue_of

PATIENCE = 60.0
"""Seconds that reading one hand-in may take; it takes some hundredths."""


@dataclass(frozen=True, eq=False)
class Task:
    """What every hand-in of a run is read with; `blank` are digests of files that nobody wrote: the hand-out, an empty one."""

    assignment: Assignment
    template: Template
    given: Given
    blank: frozenset[str]


def compare(
    submissions: Sequence[Submission], assignment: Assignment, jobs: int, done: Callable[[], None], *, even_short: bool = False
) -> Survey:
    """Read every hand-in and say which are much alike; `done` hears of each. Raises AssignmentError."""
    task = make_task(assignment)
    work = nullcontext(lambda index: _answer(submissions[index], task))
    crew = Crew(range(len(submissions)), jobs, lambda: work, patience=PATIENCE)
    found = []
    try:
        for index, answer in crew.run():
            found.append(_understand(answer, submissions[index], catalogue_of(assignment)))
            done()
    finally:
        crew.stop()
    return survey(found, task.given, even_short=even_short)


def _understand(answer: bytes | Failed, submission: Submission, catalogue: Catalogue) -> HandIn:
    if isinstance(answer, Failed):
        problem = say("Reading it {reason}.", reason=answer.reason)
        return HandIn(submission.id, submission.source, problem=word(problem, catalogue))
    return msgspec.json.decode(answer, type=HandIn)


def make_task(assignment: Assignment) -> Task:
    """Read what everybody was given, and the ways of writing it that the assignment knows."""
    template = read_template(assignment)
    cells = [cell.source for cell in convert_cells(template.cells)]
    files = (assignment.folder / name for name in ("solution.py", "misconceptions.py"))
    ways = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    blank = frozenset(hashlib.sha256(content).hexdigest() for content in (b"", assignment.template.read_bytes()))
    return Task(assignment, template, take_as_given(cells, ways, frozenset(assignment.exercises)), blank)


def read_submission(submission: Submission, task: Task) -> HandIn:
    """The notebook of a hand-in that defines most, as what is compared."""
    if submission.problem:
        return HandIn(submission.id, submission.source, problem=submission.problem.message)
    readings = read_files(submission, task.assignment.notebook_mb)
    chosen = choose([open_notebook(submission, reading, task.assignment, task.template) for reading in readings])
    name = chosen.name
    one = HandIn(name.id, name.source, sha256="" if name.sha256 in task.blank else name.sha256, digest=name.sha256)
    if chosen.extraction:
        one = read_hand_in(one, chosen.extraction.slices, task.given)
    return replace(one, problem=chosen.problem.message) if chosen.problem else one


def _answer(submission: Submission, task: Task) -> bytes:
    try:
        one = read_submission(submission, task)
        return _encode(replace(one, problem=word(one.problem, catalogue_of(task.assignment))))
    except Exception as error:  # a fault of ours in one hand-in must not cost the class its comparison
        why = say("The grader failed on it ({kind}).", kind=type(error).__name__)
        return _encode(HandIn(submission.id, submission.source, problem=word(why, catalogue_of(task.assignment))))


def _encode(hand_in: HandIn) -> bytes:
    try:
        return msgspec.json.encode(hand_in)
    except UnicodeEncodeError:  # half a surrogate pair in a student's text
        return msgspec.json.encode(_whole(hand_in))


def _whole(hand_in: HandIn) -> HandIn:
    """With every half surrogate pair replaced."""
    listings = (replace(listing, source=_mend(listing.source)) for listing in hand_in.listings)
    return replace(hand_in, id=_mend(hand_in.id), source=_mend(hand_in.source), listings=tuple(listings))


def _mend(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
