"""Outcome -> Report -> text for a terminal, or HTML for a notebook. The report holds all words, the rest only places them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from grader.model import ExerciseResult, Notice
from grader.report.example_view import ExampleView, Step, view_example
from grader.report.languages import words_for
from grader.report.text import clean_line
from grader.student.outcome import Outcome
from grader.student.public import PublicCourse, versions_here
from grader.student.words import WORDS, Words, verdict_word
from grader.task import Hint, Task

FEWEST_FOLDED = 3
SIGNS = {"passed": "✓", "failed": "✗", "skipped": "–"}


@dataclass(frozen=True)
class CheckLine:
    """One check: "passed", "failed" or "skipped", what it asks, and what was wrong."""

    outcome: str
    title: str
    message: str


@dataclass(frozen=True)
class Part:
    """One exercise."""

    title: str
    verdict: str
    good: bool
    sentences: tuple[str, ...]
    hints: tuple[tuple[str, str], ...]
    checks: tuple[CheckLine, ...]
    example: ExampleView | None


@dataclass(frozen=True)
class Report:
    """All that is told of one self-check, in order."""

    problem: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    answers: tuple[str, ...]
    ending: tuple[str, ...]
    good: bool
    language: str


def make_report(outcome: Outcome, task: Task, hints: Mapping[str, Hint], remarks: tuple[str, ...] = ()) -> Report:
    """Choose the words; `hints` says how much may be told of each exercise, `remarks` come last."""
    words = WORDS[task.lang]
    parts = tuple(_part(name, one, outcome, task, hints[name], words) for name, one in outcome.exercises.items())
    notes = tuple(_note(one, words) for one in outcome.notices)
    answers = tuple(
        words.found_words.format(name=name, count=count) if count else words.found_none.format(name=name)
        for name, count in outcome.answers.items()
    )
    ending = [words.good if outcome.good else words.doubtful if outcome.right else words.not_good]
    if outcome.unanswered and not any(one.verdict == "timeout" for one in outcome.exercises.values()):
        ending.append(words.unanswered.format(count=outcome.unanswered))
    problem = f"{clean_line(outcome.problem)} {words.unreadable}" if outcome.problem else ""
    return Report(problem, parts, notes, answers, (" ".join(ending), *remarks), outcome.good, task.lang)


def tell_versions(course: PublicCourse) -> tuple[str, ...]:
    """That hand-ins are graded with another Python or another NumPy, where that may matter."""
    (python, numpy), (own_python, own_numpy) = course.versions, versions_here()
    if python == own_python and numpy.partition(".")[0] == own_numpy.partition(".")[0]:
        return ()
    told = WORDS[course.task.lang].other_versions
    return (told.format(python=python, numpy=numpy, own_python=own_python, own_numpy=own_numpy),)


def _note(notice: Notice, words: Words) -> str:
    place = f" ({words.place.format(cell=notice.cell)})" if notice.cell else ""
    return f"{words.note}{place}: {clean_line(notice.message)}"


def _part(name: str, result: ExerciseResult, outcome: Outcome, task: Task, hint: Hint, words: Words) -> Part:
    wording = words_for(task.lang)
    example = outcome.examples.get(name) if hint == "name" and not outcome.leans.get(name) else None
    return Part(
        task.exercises[name].title, verdict_word(result.verdict, wording), result.verdict == "correct",
        tuple(_sentences(name, result, outcome, task, hint, words)), tuple(_hints(result, hint)),
        tuple(_lines(result, words)) if result.verdict != "missing" else (),
        view_example(example, wording) if example else None,
    )


def _sentences(
    name: str, result: ExerciseResult, outcome: Outcome, task: Task, hint: Hint, words: Words
) -> Iterator[str]:
    if result.message:
        yield clean_line(result.message)
    if result.verdict == "missing" and outcome.as_saved:
        yield words.unsaved
    if result.verdict == "timeout":
        yield words.loop
    if name in outcome.slow:
        seconds, more = (words_for(task.lang).decimal(f"{one:.1f}") for one in outcome.slow[name])
        yield words.slow.format(seconds=seconds, more=more, most=f"{task.limits.cpu_seconds:g}")
    if name in outcome.unknown:
        yield words.unknown.format(modules=", ".join(f"`{one}`" for one in outcome.unknown[name]))
    if name in outcome.unresolved:
        yield words.stale
    if outcome.leans.get(name):
        yield words.leans.format(earlier=", ".join(outcome.leans[name]))
    if result.diagnoses and hint != "name":
        yield words.more_next_time


def _hints(result: ExerciseResult, hint: Hint) -> Iterator[tuple[str, str]]:
    """(title, text) of each slip; a question or an experiment alone before it may be named."""
    for diagnosis in result.diagnoses:
        if hint == "name":
            yield diagnosis.title, f"{diagnosis.idea} {diagnosis.hint}".strip()
        elif hint == "hint":
            yield "", diagnosis.hint


def _lines(result: ExerciseResult, words: Words) -> Iterator[CheckLine]:
    """A line for each check; those that were not run for one reason are one line."""
    reasons = Counter(check.message for check in result.checks if check.outcome == "skipped")
    said: set[str] = set()
    for check in result.checks:
        message = clean_line(check.message) if check.outcome != "passed" and check.message != result.message else ""
        if check.outcome != "skipped" or reasons[check.message] < FEWEST_FOLDED:
            yield CheckLine(check.outcome, check.title, message)
        elif check.message not in said:
            said.add(check.message)
            yield CheckLine("skipped", words.same_reason.format(count=reasons[check.message]), message)


# --- for a terminal -----------------------------------------------------------------------------------------------------

COLOURS = {"passed": "32", "failed": "31", "skipped": "2", "strong": "1"}


def as_text(report: Report, *, colour: bool = False) -> str:
    """The report in lines, with ANSI colours or without."""
    def paint(kind: str, text: str) -> str:
        return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if colour else text

    lines = [f"{paint('failed', SIGNS['failed'])} {report.problem}"] if report.problem else []
    for part in report.parts:
        state = "passed" if part.good else "failed"
        lines += ["", f"{paint('strong', part.title)}: {paint(state, part.verdict)}", *(f"  {one}" for one in part.sentences)]
        lines += [f"  {paint('strong', title + '.')} {text}" if title else f"  {text}" for title, text in part.hints]
        for check in part.checks:
            lines.append(f"  {paint(check.outcome, SIGNS[check.outcome])} {check.title}" + _after(check.message))
        if part.example:
            lines += [f"  {line}" for line in _example_lines(part.example)]
    lines += [line for note in report.notes for line in ("", note)]
    lines += ["", *report.answers] if report.answers else []
    first, *rest = report.ending
    return "\n".join([*lines, "", paint("passed" if report.good else "strong", first), *rest]).lstrip("\n")


def _after(message: str) -> str:
    return f": {message}" if message else ""


def _example_lines(example: ExampleView) -> Iterator[str]:
    yield ""
    yield example.title
    for step in (*example.given, *example.steps):
        yield from _step_lines(step)
    yield example.verdict


def _step_lines(step: Step) -> Iterator[str]:
    sign = "> " if step.departs else "  "
    for rows in step.tables:
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
        texts = ["  ".join(cell.rjust(size) for cell, size in zip(row, wide, strict=True)) for row in rows]
        label = f"{step.label} = "
        for index, text in enumerate(texts):
            yield f"{sign}{label if index == 0 else ' ' * len(label)}[{text}]"


# --- for a notebook -----------------------------------------------------------------------------------------------------

LINE = "1px solid rgba(128,128,128,.4)"
CELL = f"padding:.2em .7em;text-align:left;vertical-align:top;border-top:{LINE}"
TINTS = {"passed": "#1a7f37", "failed": "#c62828", "skipped": "#6e6e6e"}
"""Grounds for white signs, and frames: no ink has enough contrast on light pages and on dark ones."""
SIGN = "display:inline-block;width:1.4em;text-align:center;border-radius:.3em;color:#fff;background:"


def as_html(report: Report) -> str:
    """The report as one fragment of HTML that brings its own styles and takes its colours from the page."""
    page = Element("div", {"lang": report.language, "style": "max-width:60em;line-height:1.4;overflow-wrap:anywhere"})
    if report.problem:
        _add_verdict(page, "p", "failed", report.problem)
    for part in report.parts:
        _add_part(page, part)
    first, *rest = report.ending
    for line in (*report.notes, *report.answers):
        _add(page, "p", line)
    _add_verdict(page, "p", "passed" if report.good else "failed", first)
    for line in rest:
        _add(page, "p", line)
    return tostring(page, encoding="unicode", method="html")


def _add(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    element = SubElement(parent, tag, attributes)
    element.text, *rest = text.split("`")
    if len(rest) % 2:  # backticks that are no pairs are shown as they are
        element.text = text
        return element
    for code, after in zip(rest[::2], rest[1::2], strict=True):
        part = SubElement(element, "code")
        part.text, part.tail = code, after
    return element


def _add_sign(parent: Element, outcome: str) -> Element:
    return _add(parent, "span", SIGNS[outcome], style=SIGN + TINTS[outcome], role="img", **{"aria-label": outcome})


def _add_verdict(parent: Element, tag: str, outcome: str, text: str) -> None:
    _add_sign(_add(parent, tag, style="font-weight:bold;margin:1em 0 .3em"), outcome).tail = f" {text}"


def _add_part(page: Element, part: Part) -> None:
    _add_verdict(page, "h4", "passed" if part.good else "failed", f"{part.title}: {part.verdict}")
    for sentence in part.sentences:
        _add(page, "p", sentence)
    for title, text in part.hints:
        if title:
            _add(page, "p", title, style="font-weight:bold;margin-bottom:0")
        _add(page, "p", text)
    if part.checks:
        table = _add(page, "table", style="border-collapse:collapse;margin:.5em 0")
        for check in part.checks:
            row = _add(table, "tr")
            _add_sign(_add(row, "td", style=CELL), check.outcome)
            told = _add(row, "td", check.title, style=CELL)
            if check.message:
                _add(told, "div", check.message, style="padding-left:1.5em")
    if part.example:
        _add_example(page, part.example)


def _add_example(page: Element, example: ExampleView) -> None:
    details = _add(page, "details")
    _add(details, "summary", example.title)
    _add(details, "p", example.verdict)
    shelf = _add(details, "div", style="display:flex;flex-wrap:wrap;gap:1em")
    for step in (*example.given, *example.steps):
        figure = _add(shelf, "figure", style="margin:0")
        _add(figure, "figcaption", step.label)
        frame = f"2px solid {TINTS['failed' if step.own else 'passed']}" if step.departs else LINE
        for rows in step.tables:
            table = _add(figure, "table", style=f"border-collapse:collapse;border:{frame};margin:.2em 0")
            for cells in rows:
                row = _add(table, "tr")
                for cell in cells:
                    _add(row, "td", cell, style="padding:0 .5em;text-align:right")
