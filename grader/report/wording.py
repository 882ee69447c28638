"""Every word that a page says by itself, in one place so that it can be said in another language.

A translation is a subclass of `Wording`, where a sentence is built otherwise, made with other texts: `wording_de`; `languages`
chooses. The words of an assignment (titles, hints, messages) come with the result and are not here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_VERDICTS = {
    "correct": "correct",
    "incorrect": "not right yet",
    "missing": "not found",
    "error": "stopped with an error",
    "timeout": "took too long",
    "memory": "ran out of memory",
    "crashed": "ended before it answered",
    "forbidden": "not allowed",
}
_MEANINGS = {
    "incorrect": "It runs, but some of what it returns is not right yet.",
    "missing": "No definition of this function was found, or it is still the hand-out's empty one.",
    "error": "It raised an exception.",
    "timeout": "It did not finish in the time that is allowed.",
    "memory": "It needed more memory than is allowed.",
    "crashed": "The program ended in the middle of a call.",
    "forbidden": "It does something that this assignment does not allow.",
}
_ADVICE = {
    "incorrect": "The checks below say what differs and where.",
    "missing": "Write it, or check that its name is spelled as in the hand-out.",
    "error": "Run your notebook from top to bottom in a fresh kernel to see it yourself.",
    "timeout": "Look for a loop that never ends, or for work that is done again and again.",
    "memory": "Look for an array that is far larger than it has to be.",
    "crashed": "Take out calls such as exit(), and return your results in place of ending the program.",
    "forbidden": "Do it with what the hand-out allows.",
}


@dataclass(frozen=True)
class Wording:
    """One language. Attributes are labels as they stand; methods are sentences with numbers or names in them."""

    language: str = "en"
    point: str = "."
    verdicts: Mapping[str, str] = field(default_factory=lambda: _VERDICTS)
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)
    advice: Mapping[str, str] = field(default_factory=lambda: _ADVICE)
    outcomes: Mapping[str, str] = field(
        default_factory=lambda: {"passed": "passed", "failed": "failed", "skipped": "not run"})

    matrix: str = "Checks against known slips"
    matrix_wrong: str = "Something is wrong with this assignment:"
    matrix_slip: str = "Slip"
    matrix_named: str = "Named"
    matrix_caught: str = "caught"
    similar: str = "Much alike, for a person to judge"
    to_similar: str = "Code that is much alike"
    similar_reading: str = "How to read this"
    similar_unread: str = "Not compared"
    similar_code: str = "The code"
    similar_purpose: str = (
        "This page shows which code is much alike. It decides nothing and moves no mark. There are honest reasons to be alike: "
        "work in pairs, a lecture or a book that all have read, the same help. Look at both sides, and ask, before you conclude "
        "anything.")
    similar_blind: str = (
        "Names, comments, annotations, layout and the order of functions are left aside. A line that is written in another way "
        "(`np.dot(a, b)` for `a @ b`) or a function that is cut up otherwise is not recognised; no written answer is compared. "
        "So whoever is not listed need not be different.")
    similar_marks: str = (
        "Lines that two hand-ins share are marked; the number after = is the cell and line of the same code on the other side. "
        "Lines that everybody was given, or that many have, are not marked even where they agree. A fingerprint is a number for "
        "12 signs in a row; about two of every five are kept.")
    similar_kinds: Mapping[str, str] = field(default_factory=lambda: {
        "file": "The same file",
        "letters": "The same letters, comments included",
        "code": "Much alike",
    })
    similar_kind_notes: Mapping[str, str] = field(default_factory=lambda: {
        "file": "These files agree in every byte, with everything in them.",
        "letters": "The code agrees letter by letter, with comments of some length. A task may leave little choice in code; the "
                   "words of a comment, its commas and its place are free, so this says something however short the code is.",
    })
    skip_link: str = "Skip to the content"
    all_right: str = "Every check passed. There is nothing to mend."
    next_steps: str = "What to do next"
    not_judged: str = "Not graded yet"
    not_judged_next: str = (
        "This is no zero: nothing has been decided about your work. Your teacher sees this submission at the top of the list "
        "and will look at it. If the reason above is something you can mend, ask whether you may hand in again.")
    for_the_code: str = "for the code"
    checks: str = "Checks"
    failed: str = "To mend"
    passed: str = "Passed"
    skipped: str = "Not run"
    hidden: str = "hidden"
    example_given: str = "Given"
    example_steps: str = "Step by step, the right way"
    pays_note: str = "What passed pays in proportion to the numbers that are right."
    hidden_note: str = "Hidden checks use other numbers than the hand-out's, so they show no inputs."
    released_note: str = (
        "Hidden checks use other numbers than the hand-out's. They have been released, so what they expect is shown below.")
    reason_above: str = "For the reason above."
    matrices: str = "Your numbers beside the expected ones"
    yours: str = "Yours"
    expected: str = "Expected"
    difference: str = "Yours − expected"
    nothing_returned: str = "Nothing came back to draw."
    not_numbers: str = "What came back cannot be drawn as a table of numbers."
    code: str = "Your code"
    code_note: str = "Only the lines that this part needs."
    written: str = "Written answers"
    no_answer: str = "No answer was found in the notebook."
    answer_cut: str = "The answer is longer than this page shows; the whole of it is in your notebook."
    answer_plain: str = "The answer could not be laid out, so it is shown as it was typed."
    comment: str = "Comment"
    not_marked: str = "not marked yet"
    notices: str = "Good to know"
    receipt: str = "Receipt"
    file: str = "File"
    fingerprint: str = "SHA-256"
    grader: str = "Grader"
    assignment: str = "Assignment"
    hidden_data: str = "Hidden numbers"
    layers: str = "Sandbox"
    no_layers: str = "nothing was run"
    graded: str = "Graded"

    class_attention: str = "Needs your attention"
    set_aside: str = "It could not be graded and waits for a person."
    class_attention_none: str = "Every submission could be graded."
    weak_title: str = "The sandbox was too weak"
    weak_tag: str = "weak sandbox"
    which: str = "Which"
    left_out_note: str = "These are no notebooks. If one is a student's work, ask for it as a notebook (*.ipynb)."
    class_look: str = "Worth a look"
    class_numbers: str = "The class in numbers"
    submissions: str = "Submissions"
    waiting: str = "Not graded"
    mean: str = "Mean"
    median: str = "Median"
    full_marks: str = "Full marks"
    distribution: str = "Distribution of scores"
    check_rates: str = "How each check went"
    check: str = "Check"
    rate: str = "Passed by"
    telling_column: str = "Tells apart"
    telling_note: str = (
        "“Tells apart” is the correlation between passing a check and the rest of the score (point-biserial, −1 to 1). "
        "Near 0 or below, marked ?, a check says little about how good a hand-in is, or the opposite: look whether it asks "
        "what you mean to ask. Below ten hand-ins there is none.")
    search: str = "Search for a student or a slip"
    show: str = "Show"
    show_all: str = "all"
    kinds: Mapping[str, str] = field(default_factory=lambda: {
        "waiting": "not graded", "look": "worth a look", "mistakes": "with mistakes", "full": "full marks"})
    slips: str = "Slips, most frequent first"
    slips_none: str = "No slip was named."
    slip: str = "Slip"
    who: str = "Who"
    all_submissions: str = "All submissions"
    student: str = "Student"
    score: str = "Score"
    no_submissions: str = "There are no submissions."
    no_score: str = "not graded"

    def number(self, value: float) -> str:
        """At most two decimals, none where they say nothing."""
        if not math.isfinite(value):
            return "–"
        text = f"{value:.2f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else self.decimal(text)

    def decimal(self, text: str) -> str:
        """A number as Python writes it, as the language writes it."""
        return text.replace("-", "−").replace(".", self.point)

    def moment(self, date: str, clock: str) -> str:
        """A time in UTC."""
        return f"{date}, {clock} UTC"

    def share(self, part: int, whole: int) -> str:
        return self.percent(round(100 * part / whole)) if whole else "–"

    def percent(self, share: int) -> str:
        """A share from 0 to 100."""
        return f"{share}%"

    def of(self, score: float, points: float) -> str:
        return f"{self.number(score)} of {self.number(points)}"

    def points(self, points: float) -> str:
        return f"{self.number(points)} {'point' if points == 1 else 'points'}"

    def out_of(self, points: float) -> str:
        return f"of {self.points(points)}"

    def page_title(self, name: str, title: str) -> str:
        return f"{name} · {title}"

    def weak_sandbox(self, level: str) -> str:
        """Why marks that were given behind too little should not be trusted."""
        return (f"Student code ran behind “{level}” alone, which is less than the assignment asks for. `make doctor` says "
                "what is missing; grade again where nothing is, before these marks count.")

    def class_title(self, title: str) -> str:
        return f"{title}: the class"

    def written_waiting(self, count: int, points: float) -> str:
        answers = "One written answer" if count == 1 else f"{count} written answers"
        return f"{answers} ({self.points(points)}) not marked yet"

    def written_marked(self, score: float, points: float) -> str:
        return f"{self.of(score, points)} for the written answers"

    def example(self, title: str) -> str:
        """The heading of a worked example."""
        return f"Follow it by hand: {title}"

    def example_yours(self, step: str) -> str:
        """What the student's function gives for a step."""
        return f"yours: {step}"

    def example_departs(self, step: str) -> str:
        """Where the ways part."""
        return f"Every number here can be checked by hand. Your function leaves the right way at {step}, or before it."

    def example_nothing(self, step: str) -> str:
        """Nothing came back to compare."""
        return f"Your function gives no {step} here that could be compared."

    def matrix_right(self, slips: int, rows: int) -> str:
        """Nothing is wrong. Most slips can be made in several exercises, and are tried in each."""
        known = "The one known slip is caught and named" if slips == 1 else f"All {slips} known slips are caught and named"
        tries = f" in every exercise that they are tried in ({rows} rows)" if rows > slips else ""
        return f"{known}{tries}, and every check catches something."

    def similar_title(self, title: str) -> str:
        return f"{title}: much alike"

    def similar_summary(self, total: int, compared: int, groups: int) -> str:
        """What was looked at, and what came of it."""
        hand_ins = "One hand-in" if total == 1 else f"{total} hand-ins"
        listed = "no group is listed" if not groups else "one group is listed" if groups == 1 else f"{groups} groups are listed"
        return f"{hand_ins}, {compared} with code of their own; {listed}."

    def similar_too_short(self, median: float, limit: int, told_all: bool) -> str:
        """Why alike code is not listed, or must be read with care."""
        then = ("It is listed all the same, because that was asked for; most of it will mean nothing." if told_all else
                "Nothing is listed but what is the same letter by letter; `--even-short` (make: EVEN_SHORT=yes) lists the rest "
                "all the same.")
        return (f"The functions are too short to tell. Half of the hand-ins have {self.number(median)} fingerprints or fewer "
                f"left once what proves nothing is taken away; it would take {limit}. Functions as short as these look alike for "
                f"honest reasons. {then}")

    def similar_left_out(self, common: int, most: int) -> str:
        """What was taken away before anything was compared."""
        return (f"What proves nothing is taken away first: what the hand-out gives, what the reference and the known ways of "
                f"writing it hold, and what more than {most} hand-ins have ({common} short passages). So a solution that went "
                f"round among more than {most} is not seen, unless the files or the comments are the same.")

    def similar_more(self, count: int) -> str:
        """How a list of names goes on."""
        return f" and {count} more"

    def similar_links(self, shared: int, fewer: int, links: int) -> str:
        """How strong what holds a group together is."""
        strength = f"{shared} of {fewer} fingerprints ({self.share(shared, fewer)}) of the smaller one"
        if links == 1:
            return f"They share {strength}."
        return f"The weakest link that holds them together: {strength}."

    def similar_strength(self, shared: int, fewer: int) -> str:
        """How alike two hand-ins are, after their names."""
        return f"{shared} of {fewer} ({self.share(shared, fewer)})"

    def similar_opposite(self, cell: int, line: int) -> str:
        """For those who hear the page: the place of the same code on the other side."""
        return f"as cell {cell}, line {line} opposite"

    def similar_not_shown(self, count: int) -> str:
        some = "1 pair of this group is" if count == 1 else f"{count} pairs of this group are"
        return f"{some} not shown side by side, so that the page stays readable."

    def similar_code_of(self, student: str, cell: int) -> str:
        return f"Code of {student}, cell {cell}"

    def reread(self, place: str) -> str:
        """Where the hand-out tells it."""
        return f"The hand-out tells it under “{without_letter(place)}”."

    def together(self, titles: Sequence[str]) -> str:
        """Several slips at once."""
        return " together with ".join(f"“{title}”" for title in titles)

    def alike(self, titles: Sequence[str]) -> str:
        """What cannot be told apart from the named slips."""
        return f"From the outside this cannot be told apart from {', or from '.join(titles)}."

    def carried(self, earlier: Sequence[str]) -> str:
        part = " and ".join(earlier) or "an earlier part"
        return (f"This part builds on {part}, which is not right yet. It was marked on top of your own version of it, "
                "so that a slip made there costs points only once.")

    def checks_passed(self, count: int) -> str:
        return f"{self.passed}: {count} {'check' if count == 1 else 'checks'}"

    def checks_failed(self, count: int) -> str:
        return f"{self.failed}: {count} {'check' if count == 1 else 'checks'}"

    def checks_skipped(self, count: int) -> str:
        return f"{self.skipped}: {count} {'check' if count == 1 else 'checks'}"

    def cell(self, cell: int) -> str:
        return f"Cell {cell}"

    def line(self, line: int) -> str:
        return f"Line {line}"

    def place(self, cell: int | None, line: int | None) -> str:
        """Where a notice points, or an empty text."""
        where = [] if cell is None else [f"cell {cell}"]
        return ", ".join(where + ([] if line is None else [f"line {line}"]))

    def code_of(self, exercise: str, cell: int) -> str:
        return f"Your code for {exercise}, cell {cell}"

    def lines_left_out(self, count: int) -> str:
        return f"{count} more {'line is' if count == 1 else 'lines are'} not shown."

    def agrees(self) -> str:
        return "Yours agrees with the expected one."

    def differs(self, row: str, column: str, yours: str, expected: str) -> str:
        return f"They differ most at {row}, {column}: yours is {yours}, expected {expected}."

    def other_shape(self, yours: Sequence[int], expected: Sequence[int]) -> str:
        return f"Yours has the shape {self.shape(yours)}; expected is {self.shape(expected)}."

    def shape(self, shape: Sequence[int]) -> str:
        return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"

    def corner(self, rows: int, columns: int, shape: Sequence[int]) -> str:
        return f"The first {rows} × {columns} of {' × '.join(map(str, shape))}."

    def not_drawn(self, shape: Sequence[int]) -> str:
        return f"{self.shape(shape)}: too many tables on this page to draw this one too."

    def grid_title(self, which: str, picture: str, rows: str, columns: str) -> str:
        return f"{which}: {picture} ({rows} by {columns})"

    def axes(self, rows: str, columns: str) -> str:
        return f"Rows: {rows}. Columns: {columns}."

    def position(self, axis: str, index: int) -> str:
        return f"{axis} {index}"

    def bin(self, low: float, high: float, last: bool) -> str:
        return f"{self.number(low)} to {'' if last else 'below '}{self.number(high)}"

    def tick(self, low: float, high: float) -> str:
        return f"{self.number(low)}–{self.number(high)}"

    def histogram(self, bins: Sequence[tuple[str, int]]) -> str:
        return "Students by points. " + "; ".join(f"{label}: {count}" for label, count in bins) + "."

    def slip_where_count(self, exercise: str, count: int) -> str:
        return f"{exercise}: {count}"

    def rate_note(self, graded: int) -> str:
        return f"Of {graded} graded {'submission' if graded == 1 else 'submissions'}."

    def telling(self, correlation: float | None) -> str:
        """A check's discrimination."""
        return "–" if correlation is None else self.decimal(f"{correlation:.2f}")

    def left_out(self, count: int) -> str:
        """What was found beside the submissions."""
        return f"{count} {'file was' if count == 1 else 'files were'} left out"

    def nobody(self, number: str) -> str:
        """A student of an anonymous class page."""
        return f"Student {number}"

    def shown(self, some: str, all_of: str) -> str:
        """How many rows a search has left; the script fills the numbers in."""
        return f"{some} of {all_of} shown"

    def exercise_and_verdict(self, exercise: str, verdict: str) -> str:
        return f"{exercise}: {verdict}"


def without_letter(place: str) -> str:
    """A section's name without the letter that the page's own titles begin with."""
    return place.removeprefix("(a) ").removeprefix("(b) ")


ENGLISH = Wording()
