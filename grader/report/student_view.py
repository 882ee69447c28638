"""One graded submission -> `StudentView`, which holds every word and number of the student's page, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.model import Check, Diagnosis, ExerciseResult, Graded, QuestionResult, Result, Verdict
from grader.report.code import CodeView, view_code
from grader.report.example_view import ExampleView, view_example
from grader.report.heatmap import PictureView, view_pictures
from grader.report.prose import Prose, view_prose
from grader.report.text import clean_text, shorten
from grader.report.wording import Wording, without_letter

SHORT_DIGEST = 12

TONES: dict[Verdict, str] = {
    "correct": "good", "incorrect": "bad", "missing": "bad", "error": "bad", "timeout": "bad", "memory": "bad", "crashed": "bad",
    "forbidden": "bad",
}
GLYPHS = {"good": "✓", "bad": "✗", "wait": "○"}


@dataclass(frozen=True)
class Badge:
    """A state in a word; the colour and the glyph only repeat it."""

    text: str
    tone: str
    glyph: str


@dataclass(frozen=True)
class PartView:
    """One entry of the result's line: an exercise or the written answers."""

    title: str
    anchor: str
    badge: Badge


@dataclass(frozen=True)
class ResultLine:
    """The whole result in one line; `score` is empty when nothing was judged."""

    score: str
    out_of: str
    parts: tuple[PartView, ...]


@dataclass(frozen=True)
class Step:
    """One thing to do next, and the exercises that it is for."""

    title: str
    hint: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CheckView:
    """One check in a list."""

    title: str
    score: str
    hidden: bool


@dataclass(frozen=True)
class CheckGroup:
    """Checks that share one message."""

    message: str
    checks: tuple[CheckView, ...]


@dataclass(frozen=True)
class Checks:
    """All checks with one outcome."""

    heading: str
    tone: str
    glyph: str
    groups: tuple[CheckGroup, ...]


@dataclass(frozen=True)
class SlipNote:
    """A named slip as the exercise's section tells it; the hint stands at the top of the page.

    `reread` parts the sentence around the heading of the hand-out that it names; `language` is the hand-out's, "" for the page's.
    """

    title: str
    idea: str
    reread: tuple[str, str, str] | None
    language: str


@dataclass(frozen=True)
class ExerciseView:
    """One exercise's section."""

    title: str
    anchor: str
    badge: Badge
    score: str
    message: str
    carried: str
    slips: tuple[SlipNote, ...]
    alike: str
    example: ExampleView | None
    checks: tuple[Checks, ...]
    notes: tuple[str, ...]
    pictures: tuple[PictureView, ...]
    code: tuple[CodeView, ...]


@dataclass(frozen=True)
class QuestionView:
    """One written answer."""

    title: str
    badge: Badge
    answer: Prose | None
    remark: str
    comment: Prose | None


@dataclass(frozen=True)
class NoticeView:
    """A remark with its place."""

    place: str
    message: str


@dataclass(frozen=True)
class StudentView:
    """The whole page."""

    words: Wording
    page_title: str
    title: str
    student: str
    result: ResultLine
    attention: tuple[str, ...]
    steps: tuple[Step, ...]
    exercises: tuple[ExerciseView, ...]
    questions: tuple[QuestionView, ...]
    notices: tuple[NoticeView, ...]
    receipt: tuple[tuple[str, str], ...]


def view_student(graded: Graded, assignment: Assignment, words: Wording) -> StudentView:
    """Everything the student's page says."""
    result = graded.result
    student = name_of(result)
    exercises = tuple(
        _exercise(name, position, graded, assignment, words) for position, name in enumerate(in_order(result, assignment), 1)
    )
    return StudentView(
        words=words, page_title=words.page_title(student, assignment.title), title=assignment.title, student=student,
        result=_result_line(result, exercises, words), attention=tuple(item.message for item in result.attention),
        steps=_steps(result, assignment, words), exercises=exercises,
        questions=tuple(_question(name, question, assignment, words) for name, question in result.questions.items()),
        notices=tuple(NoticeView(words.place(notice.cell, notice.line), notice.message) for notice in result.notices),
        receipt=_receipt(result, words),
    )


# --- shared with the class page ---------------------------------------------------------------------------------------


def in_order(result: Result, assignment: Assignment) -> list[str]:
    """The result's exercises in the assignment's order; any that it does not know come last."""
    known = [name for name in assignment.exercises if name in result.exercises]
    return known + [name for name in result.exercises if name not in assignment.exercises]


def exercise_title(name: str, assignment: Assignment) -> str:
    """The assignment's title for an exercise, or the function's own name."""
    return assignment.exercises[name].title if name in assignment.exercises else name


def name_of(result: Result) -> str:
    """The submission's id, fit to show and not without end."""
    return shorten(clean_text(result.submission.id), 120) or "–"


def badge(verdict: Verdict, words: Wording) -> Badge:
    """A verdict in words."""
    tone = TONES[verdict]
    return Badge(words.verdicts[verdict], tone, GLYPHS[tone])


# --- the result in one line, and what to do next ----------------------------------------------------------------------


def _result_line(result: Result, exercises: Sequence[ExerciseView], words: Wording) -> ResultLine:
    parts = [PartView(view.title, view.anchor, view.badge) for view in exercises]
    parts += _written_parts(result.questions.values(), words)
    if result.status == "needs_attention" or result.score is None:
        return ResultLine("", words.not_judged, tuple(parts))
    return ResultLine(words.number(result.score), f"{words.out_of(result.points)} {words.for_the_code}", tuple(parts))


def _written_parts(questions: Iterable[QuestionResult], words: Wording) -> list[PartView]:
    """What is known of the written answers; marked and unmarked ones are two entries."""
    questions = list(questions)
    waiting = [question for question in questions if question.score is None]
    marked = [(question.score, question.points) for question in questions if question.score is not None]
    parts = []
    if marked:
        text = words.written_marked(sum(score for score, _ in marked), sum(points for _, points in marked))
        parts.append(PartView("", "answers", Badge(text, "good", GLYPHS["good"])))
    if waiting:
        text = words.written_waiting(len(waiting), sum(question.points for question in waiting))
        parts.append(PartView("", "answers", Badge(text, "wait", GLYPHS["wait"])))
    return parts


def _steps(result: Result, assignment: Assignment, words: Wording) -> tuple[Step, ...]:
    """Each named slip once, with the exercises it is in; then the first exercise that is not right for no named reason."""
    names = in_order(result, assignment)
    links = {name: (exercise_title(name, assignment), _anchor(position)) for position, name in enumerate(names, 1)}
    places: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in names:
        for diagnosis in result.exercises[name].diagnoses:
            places.setdefault((diagnosis.title, diagnosis.hint), []).append(links[name])
    steps = [Step(title, hint, tuple(parts)) for (title, hint), parts in places.items()]
    for name in names:
        exercise = result.exercises[name]
        if exercise.verdict != "correct" and not exercise.diagnoses:
            message = exercise.message or _first_message(exercise) or words.meanings[exercise.verdict]
            return (*steps, Step(message, words.advice[exercise.verdict], (links[name],)))
    return tuple(steps)


def _first_message(exercise: ExerciseResult) -> str:
    return next((check.message for check in exercise.checks if check.outcome == "failed" and check.message), "")


def _anchor(position: int) -> str:
    return f"part-{position}"


# --- one exercise -----------------------------------------------------------------------------------------------------


def _exercise(name: str, position: int, graded: Graded, assignment: Assignment, words: Wording) -> ExerciseView:
    exercise, evidence = graded.result.exercises[name], graded.evidence
    title = exercise_title(name, assignment)
    return ExerciseView(
        title=title, anchor=_anchor(position), badge=badge(exercise.verdict, words),
        score=words.of(exercise.score, exercise.points), message=_message(exercise, words),
        carried=_carried(name, assignment, words) if exercise.carried_forward else "",
        slips=tuple(_slip_note(item, assignment, words) for item in exercise.diagnoses),
        alike=_alike(exercise, assignment, words),
        example=view_example(graded.evidence.examples[name], words) if name in graded.evidence.examples else None,
        checks=_checks(exercise, words),
        notes=_notes(exercise, graded.result.receipt.released, words),
        pictures=view_pictures((picture for picture in evidence.pictures if picture.exercise == name),
                               assignment.tolerance.relative, words),
        code=tuple(view_code(listing, title, words) for listing in evidence.listings.get(name, ())),
    )


def _slip_note(diagnosis: Diagnosis, assignment: Assignment, words: Wording) -> SlipNote:
    heading = without_letter(diagnosis.place)
    reread = words.reread(diagnosis.place).partition(heading) if heading else None
    language = assignment.written_in if assignment.written_in != words.language else ""
    return SlipNote(diagnosis.title, diagnosis.idea, reread, language)


def _message(exercise: ExerciseResult, words: Wording) -> str:
    """Why the verdict is what it is; where the checks say it, nothing."""
    return exercise.message or ("" if exercise.verdict in ("correct", "incorrect") else words.meanings[exercise.verdict])


def _carried(name: str, assignment: Assignment, words: Wording) -> str:
    exercise = assignment.exercises.get(name)
    return words.carried([exercise_title(earlier, assignment) for earlier in exercise.builds_on] if exercise else [])


def _alike(exercise: ExerciseResult, assignment: Assignment, words: Wording) -> str:
    """What else would give the same numbers; more slips on top of the named ones are no news."""
    aliases = next((item.aliases for item in exercise.diagnoses if item.aliases), ())
    named = {item.id for item in exercise.diagnoses}
    others = [slips for slips in aliases if not named <= set(slips)]
    known = {name: slip.title for name, slip in assignment.slips.items()}
    titles = [words.together([known.get(slip, slip) for slip in slips]) for slips in others]
    return words.alike(titles) if titles else ""


def _notes(exercise: ExerciseResult, released: bool, words: Wording) -> tuple[str, ...]:
    about_hidden = words.released_note if released else words.hidden_note
    hidden = any(check.visibility == "hidden" for check in exercise.checks)
    lowered = any(check.outcome == "passed" and check.score < check.points for check in exercise.checks)
    return tuple(note for note, applies in ((words.pays_note, lowered), (about_hidden, hidden)) if applies)


def _checks(exercise: ExerciseResult, words: Wording) -> tuple[Checks, ...]:
    """Failed ones first, under their messages; then what was not run; then, closely set, what passed."""
    kinds = [("failed", words.checks_failed, "bad", "✗"), ("skipped", words.checks_skipped, "wait", "–"),
             ("passed", words.checks_passed, "good", "✓")]
    views = []
    for outcome, heading, tone, glyph in kinds:
        checks = [check for check in exercise.checks if check.outcome == outcome]
        if checks:
            views.append(Checks(heading(len(checks)), tone, glyph, _groups(checks, exercise.message, words)))
    return tuple(views)


def _groups(checks: Sequence[Check], said: str, words: Wording) -> tuple[CheckGroup, ...]:
    """Checks by message, in the order of each message's first check; the exercise's own message is not said twice."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault("" if check.outcome == "passed" else check.message, []).append(check)
    return tuple(
        CheckGroup(words.reason_above if said and message == said else message,
                   tuple(CheckView(check.title, words.of(check.score, check.points) if check.points else "",
                                   check.visibility == "hidden") for check in members))
        for message, members in groups.items()
    )


# --- written answers, receipt -----------------------------------------------------------------------------------------


def _question(name: str, question: QuestionResult, assignment: Assignment, words: Wording) -> QuestionView:
    known = assignment.questions.get(name)
    answer = view_prose(question.answer, question.pictures) if question.answer.strip() else None
    remark = words.no_answer if answer is None else words.answer_plain if answer.plain else words.answer_cut if answer.cut else ""
    if question.score is None:
        state = Badge(f"{words.not_marked}, {words.points(question.points)}", "wait", GLYPHS["wait"])
    else:
        state = Badge(words.of(question.score, question.points), "good", GLYPHS["good"])
    return QuestionView(known.title if known else name, state, answer, remark,
                        view_prose(question.comment) if question.comment.strip() else None)


def _receipt(result: Result, words: Wording) -> tuple[tuple[str, str], ...]:
    receipt, submission = result.receipt, result.submission
    return (
        (words.file, shorten(submission.source, 200)),
        (words.fingerprint, submission.sha256[:SHORT_DIGEST]),
        (words.grader, receipt.grader),
        (words.assignment, receipt.assignment[:SHORT_DIGEST]),
        (words.hidden_data, receipt.seed[:SHORT_DIGEST]),
        (words.layers, ", ".join(receipt.layers) or words.no_layers),
        *(((words.graded, words.moment(*receipt.graded.removesuffix("Z").split("T"))),) if receipt.graded else ()),
    )
