"""All results -> `ClassView`, which holds every word and number of the instructor's page, in order."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal, get_args

from grader.assignment import Assignment
from grader.model import Check, Notice, Result, Verdict
from grader.report.discrimination import DOUBTFUL, point_biserial
from grader.report.links import StudentLink, feedback_of
from grader.report.student_view import Badge, badge, exercise_title, name_of
from grader.report.text import clean_text
from grader.report.wording import Wording

Kind = Literal["waiting", "look", "mistakes", "full"]

MOST_LEFT_OUT = 500
"""Files that are named on the page; a zip may hold a hundred thousand."""

BINS = 10
LOOK_VERDICTS: tuple[Verdict, ...] = ("forbidden", "crashed")
"""Verdicts that a teacher may want to see for themselves."""
LOOK_NOTICES = ("convention", "several_notebooks", "near_miss")
"""Notices that leave something for a person to judge."""


@dataclass(frozen=True)
class Matter:
    """Submissions that a person should see for the same reasons."""

    students: tuple[StudentLink, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Bin:
    """One bar of the histogram; the rest is in the drawing's units."""

    label: str
    tick: str
    count: int
    x: int
    middle: int
    y: float
    above: float
    height: float


@dataclass(frozen=True)
class Histogram:
    """The distribution of scores, drawn and in words."""

    bins: tuple[Bin, ...]
    text: str


@dataclass(frozen=True)
class Rate:
    """How one check went over the class; `share` is 0 to 100, `telling` its discrimination in words."""

    title: str
    hidden: bool
    share: int
    passed: int
    failed: int
    skipped: int
    telling: str
    doubtful: bool


@dataclass(frozen=True)
class ExerciseRates:
    """One exercise: how many got which verdict, and each check."""

    title: str
    verdicts: tuple[tuple[Badge, int], ...]
    checks: tuple[Rate, ...]


@dataclass(frozen=True)
class SlipView:
    """A slip and who made it."""

    id: str
    title: str
    where: str
    students: tuple[StudentLink, ...]


@dataclass(frozen=True)
class Cell:
    """An exercise's state in the table, and its score as a number to sort by."""

    badge: Badge
    score: str
    order: str


@dataclass(frozen=True)
class Row:
    """One submission in the table; a None among `exercises` is one that was not judged.

    `weak` says that its code ran behind less than the assignment asks for. `kind` is the group that it is filtered by,
    `order` its score as a number, "" when there is none.
    """

    student: StudentLink
    exercises: tuple[Cell | None, ...]
    score: str
    order: str
    written: str
    slips: str
    kind: Kind
    weak: bool


@dataclass(frozen=True)
class ClassView:
    """The whole page."""

    words: Wording
    page_title: str
    title: str
    similar: str
    weak: tuple[Matter, ...]
    attention: tuple[Matter, ...]
    look: tuple[Matter, ...]
    left_out: tuple[str, ...]
    left_out_title: str
    numbers: tuple[tuple[str, str], ...]
    histogram: Histogram | None
    rates_note: str
    exercises: tuple[ExerciseRates, ...]
    slips: tuple[SlipView, ...]
    columns: tuple[str, ...]
    has_written: bool
    rows: tuple[Row, ...]
    kinds: tuple[tuple[str, str, int], ...]


def view_class(
    results: Sequence[Result], assignment: Assignment, words: Wording, left_out: Sequence[str] = (), similar: str = ""
) -> ClassView:
    """Everything the class page says, by the submissions' ids; `left_out` names files that are no submission.

    `similar` is the address of the page of what is much alike in this very class, "" where there is none.
    """
    results = sorted(results, key=lambda result: (result.submission.id.casefold(), result.submission.id))
    graded = [result for result in results if result.score is not None and result.status == "graded"]
    names = _exercise_names(results, assignment)
    look = _look(results, assignment, words)
    to_see = {student.name for matter in look for student in matter.students}
    rows = tuple(_row(result, names, to_see, words) for result in results)
    return ClassView(
        words=words, page_title=words.class_title(assignment.title), title=assignment.title, similar=similar,
        weak=_matters([(link_to(result), (words.weak_sandbox(result.receipt.sandbox or ""),))
                       for result in results if result.receipt.weak]),
        attention=_matters([(link_to(result), tuple(item.message for item in result.attention))
                            for result in results if result.status == "needs_attention"]),
        look=look, left_out=tuple(left_out[:MOST_LEFT_OUT]), left_out_title=words.left_out(len(left_out)),
        numbers=_numbers(results, graded, words),
        histogram=_histogram(graded, assignment.points, words), rates_note=words.rate_note(len(graded)),
        exercises=tuple(_rates(name, graded, assignment, words) for name in names), slips=_slips(results, assignment, words),
        columns=tuple(exercise_title(name, assignment) for name in names),
        has_written=any(result.questions for result in results), rows=rows, kinds=_kinds(rows, words),
    )


def link_to(result: Result) -> StudentLink:
    """A submission's page as seen from the class page."""
    if not result.submission.source:
        return StudentLink(name_of(result), "")
    return StudentLink(name_of(result), feedback_of(result.submission.id))


def _exercise_names(results: Sequence[Result], assignment: Assignment) -> list[str]:
    others = dict.fromkeys(name for result in results for name in result.exercises if name not in assignment.exercises)
    return [*assignment.exercises, *others]


def _look(results: Sequence[Result], assignment: Assignment, words: Wording) -> tuple[Matter, ...]:
    found = []
    for result in results:
        reasons = [
            words.exercise_and_verdict(exercise_title(name, assignment), part.message or words.verdicts[part.verdict])
            for name, part in result.exercises.items() if part.verdict in LOOK_VERDICTS
        ]
        reasons += [_notice(notice, words) for notice in result.notices if notice.code in LOOK_NOTICES]
        if reasons and result.status == "graded":
            found.append((link_to(result), tuple(reasons)))
    return _matters(found)


def _matters(found: Sequence[tuple[StudentLink, tuple[str, ...]]]) -> tuple[Matter, ...]:
    """Equal reasons once, with everybody whom they concern."""
    groups: dict[tuple[str, ...], list[StudentLink]] = {}
    for student, reasons in found:
        groups.setdefault(reasons, []).append(student)
    return tuple(Matter(tuple(students), reasons) for reasons, students in groups.items())


def _notice(notice: Notice, words: Wording) -> str:
    place = words.place(notice.cell, notice.line)
    return f"{notice.message} ({place})" if place else notice.message


# --- numbers ----------------------------------------------------------------------------------------------------------


def _numbers(results: Sequence[Result], graded: Sequence[Result], words: Wording) -> tuple[tuple[str, str], ...]:
    scores = [result.score for result in graded if result.score is not None]
    full = sum(result.score == result.points for result in graded)
    facts = [(words.submissions, str(len(results))), (words.waiting, str(len(results) - len(graded)))]
    if scores:
        facts += [(words.mean, words.number(statistics.fmean(scores))), (words.median, words.number(statistics.median(scores))),
                  (words.full_marks, f"{full} ({words.share(full, len(graded))})")]
    return tuple(facts)


def _histogram(graded: Sequence[Result], points: float, words: Wording) -> Histogram | None:
    if not graded:
        return None
    counts = Counter(min(BINS - 1, max(0, int(BINS * (result.score or 0) / result.points))) if result.points else 0
                     for result in graded)
    top = max(counts.values())
    bins = []
    for index in range(BINS):
        low, high = points * index / BINS, points * (index + 1) / BINS
        height = round(100 * counts[index] / top, 1)
        bins.append(Bin(
            words.bin(low, high, index == BINS - 1), words.tick(low, high), counts[index],
            x=60 * index + 4, middle=60 * index + 30, y=round(100 - height, 1), above=round(96 - height, 1), height=height))
    return Histogram(tuple(bins), words.histogram([(view.label, view.count) for view in bins]))


def _rates(name: str, graded: Sequence[Result], assignment: Assignment, words: Wording) -> ExerciseRates:
    """Each check's outcomes; a check that a result does not list counts as not run."""
    verdicts: Counter[Verdict] = Counter()
    answered: dict[str, list[tuple[Check, float]]] = {}
    for result in graded:
        if name not in result.exercises:
            continue
        verdicts[result.exercises[name].verdict] += 1
        for check in (one for one in result.exercises[name].checks if not one.id.startswith("credit.")):
            answered.setdefault(check.id, []).append((check, (result.score or 0) - check.score))
    return ExerciseRates(exercise_title(name, assignment),
                         tuple((badge(verdict, words), verdicts[verdict]) for verdict in get_args(Verdict) if verdicts[verdict]),
                         tuple(_rate(checks, len(graded), words) for checks in answered.values()))


def _rate(checks: Sequence[tuple[Check, float]], graded: int, words: Wording) -> Rate:
    """One check over the class, each with the rest of its hand-in's score."""
    ran = [(check.outcome == "passed", rest) for check, rest in checks if check.outcome != "skipped"]
    passed = sum(good for good, _ in ran)
    telling = point_biserial([good for good, _ in ran], [rest for _, rest in ran])
    first = checks[0][0]
    return Rate(
        first.title, first.visibility == "hidden", round(100 * passed / graded), passed, len(ran) - passed, graded - len(ran),
        words.telling(telling), telling is not None and telling < DOUBTFUL)


def _slips(results: Sequence[Result], assignment: Assignment, words: Wording) -> tuple[SlipView, ...]:
    """Slips by the number of students behind each, whichever exercise they made it in."""
    titles: dict[str, str] = {}
    where: dict[str, Counter[str]] = {}
    students: dict[str, dict[str, StudentLink]] = {}
    for result in results:
        for name, exercise in result.exercises.items():
            for diagnosis in exercise.diagnoses:
                titles.setdefault(diagnosis.id, diagnosis.title)
                where.setdefault(diagnosis.id, Counter())[name] += 1
                students.setdefault(diagnosis.id, {})[result.submission.id] = link_to(result)
    names, views = _exercise_names(results, assignment), []
    for slip in sorted(titles, key=lambda slip: (-len(students[slip]), slip)):
        counts = {exercise_title(name, assignment): where[slip][name] for name in names if where[slip][name]}
        places = [words.slip_where_count(title, count) for title, count in counts.items()]
        views.append(SlipView(slip, titles[slip], "; ".join(places), tuple(students[slip].values())))
    return tuple(views)


# --- the table --------------------------------------------------------------------------------------------------------


def _row(result: Result, names: Sequence[str], to_see: Set[str], words: Wording) -> Row:
    found = [result.exercises.get(name) for name in names]
    cells = [Cell(badge(one.verdict, words), words.number(one.score), _order(one.score)) if one else None for one in found]
    link = link_to(result)
    slips = dict.fromkeys(diagnosis.title for exercise in result.exercises.values() for diagnosis in exercise.diagnoses)
    score = words.no_score if result.score is None else words.of(result.score, result.points)
    return Row(link, tuple(cells), score, _order(result.score), _written(result, words), clean_text("; ".join(slips)),
               _kind(result, link.name in to_see), result.receipt.weak)


def _order(score: float | None) -> str:
    return "" if score is None else f"{score:g}"


def _kind(result: Result, to_see: bool) -> Kind:
    """The group of the table's filter that a hand-in belongs to."""
    if result.status == "needs_attention" or result.score is None:
        return "waiting"
    return "look" if to_see else "full" if result.score == result.points else "mistakes"


def _kinds(rows: Sequence[Row], words: Wording) -> tuple[tuple[str, str, int], ...]:
    """The choices of the filter that choose something: value, words, how many."""
    counts = Counter(row.kind for row in rows)
    return tuple((kind, words.kinds[kind], counts[kind]) for kind in get_args(Kind) if counts[kind])


def _written(result: Result, words: Wording) -> str:
    """What a person has given so far, or that nothing has been marked."""
    if not result.questions:
        return ""
    marked = [(question.score, question.points) for question in result.questions.values() if question.score is not None]
    if not marked:
        return words.not_marked
    return words.of(sum(score for score, _ in marked), sum(points for _, points in marked))
