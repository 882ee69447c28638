"""The nouns that pass from one stage to the next: frozen dataclasses, no behaviour, no I/O, no word of any assignment.

The second half, from `Attention` down, is written to results/<id>.json field by field; rename nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from grader.messages import join, say

Array = NDArray[Any]
Argument = Array | int | float
Visibility = Literal["public", "hidden"]
Verdict = Literal["correct", "incorrect", "missing", "error", "timeout", "memory", "crashed", "forbidden"]
Outcome = Literal["passed", "failed", "skipped"]
SandboxLevel = Literal["limits", "inner wall", "both walls"]

# --- what a course's cases.py builds ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Case:
    """One set of arguments on which a student's function must return what the reference returns.

    `pays` says how the marks behave: a "value" earns its points outright; an "edge" (one token, huge scores) earns them in
    proportion to the values that are right, since a trivial answer may pass it; "advice" earns nothing and costs
    nothing, and a failure becomes the notice `advice`.
    """

    id: str
    title: str
    arguments: tuple[Argument, ...]
    visibility: Visibility = "hidden"
    pays: Literal["value", "edge", "advice"] = "value"
    advice: str = ""


@dataclass(frozen=True, eq=False)
class Invocation:
    """One call to make inside the box: a function's name and its positional arguments."""

    function: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two arrays that must agree within the tolerance; `label` finishes the sentence "... differ in <label>"."""

    label: str
    actual: Array
    expected: Array


Answer = Mapping[str, Array]
"""A function's returned arrays by name, in the axes that the assignment declares; absent where optional and not returned."""


@dataclass(frozen=True, eq=False)
class Property:
    """A relation that must hold between answers, whatever the expected values are.

    `compare` gets one Answer for each of `calls` and yields what must agree. `needs` names the returned arrays without which
    the property does not apply. `relies_on` names exercises that must be correct for it to be fair. One with `advice` earns
    nothing and costs nothing: where it does not hold, the advice becomes a notice.
    """

    id: str
    title: str
    exercise: str
    calls: tuple[Invocation, ...]
    compare: Callable[[Sequence[Answer]], Iterable[Comparison]]
    needs: tuple[str, ...] = ()
    relies_on: tuple[str, ...] = ()
    visibility: Visibility = "public"
    advice: str = ""


@dataclass(frozen=True, eq=False)
class Example:
    """A case small enough to follow by hand, with the right way step by step.

    A step that bears the name of a returned array is compared with what a student's function returns.
    """

    title: str
    arguments: tuple[Argument, ...]
    steps: tuple[tuple[str, Array], ...]


@dataclass(frozen=True, eq=False)
class Variant:
    """What an exercise's function returns when certain slips are made, and only those.

    `function` takes the exercise's arguments. `on_earlier`: it calls the functions of earlier exercises, so that it can be put on
    top of a student's own.
    """

    slips: frozenset[str]
    function: Callable[..., Any]
    on_earlier: bool = False


# --- collect -> extract -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """Where a zip keeps one file, by the zip's own list of entries, which is not trusted when the file is read.

    By place, not by name, since two entries may bear one name. `archive` is the zip's identity when it was listed; `packed` and
    `size` are bytes, `name` is the raw name.
    """

    archive: tuple[int, ...]
    name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class NotebookFile:
    """One notebook of a submission, not read yet: the file `path`, or one `within` that folder, or a `member` of that zip."""

    source: str
    path: Path
    within: tuple[str, ...] = ()
    member: Member | None = None


@dataclass(frozen=True)
class Submission:
    """One student's hand-in as found; `problem` is set where there is no file that may be read."""

    id: str
    files: tuple[NotebookFile, ...]
    source: str
    problem: Attention | None = None


@dataclass(frozen=True)
class ProgramCell:
    """The top-level statements of one cell that a Program needs.

    `cell` counts all the notebook's cells from 1. `source` is the cell as plain Python (magics translated). `statements` are
    indexes into `ast.parse(source).body`. `lines[i]` is the line in the student's own cell, from 1, of line i + 1 of `source`.
    """

    cell: int
    source: str
    statements: tuple[int, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """The slice of a notebook that one function needs, in the notebook's order."""

    function: str
    cells: tuple[ProgramCell, ...]


@dataclass(frozen=True)
class ModuleUse:
    """A top-level module that a program imports, and where; None where there is no cell, as of a function in a kernel."""

    module: str
    cell: int | None
    line: int | None


@dataclass(frozen=True)
class Slice:
    """What extract has to say of one exercise.

    "defined" has a program to run; "missing" was never written; "broken" stands in a cell that is no Python. `uses` holds the
    top-level names that the function needs, through helpers too; `own_uses` those that it reads when called, besides earlier
    exercises.
    `unresolved` pairs a needed name that no cell binds with the reason, where there is one. `definitions` lists (function, cell,
    first line, last line) of the slice's functions, so that an exception can be laid at the right door.
    """

    state: Literal["defined", "missing", "broken"]
    message: str = ""
    program: Program | None = None
    uses: frozenset[str] = frozenset()
    own_uses: frozenset[str] = frozenset()
    imports: tuple[ModuleUse, ...] = ()
    listings: tuple[Listing, ...] = ()
    definitions: tuple[tuple[str, int, int, int], ...] = ()
    unresolved: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Extraction:
    """One notebook, read: a slice for each exercise, an answer for each question (markdown, "" when there is none).

    `pictures` has, by question, those that its answer shows: data URIs by name.
    """

    slices: Mapping[str, Slice]
    answers: Mapping[str, str]
    notices: tuple[Notice, ...] = ()
    problem: Attention | None = None
    pictures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


# --- sandbox -> checks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """What one process of student code may use: seconds of CPU and of wall time, MB of memory and of returned arrays."""

    cpu_seconds: float = 5.0
    wall_seconds: float = 10.0
    memory_mb: int = 1024
    output_mb: int = 64


@dataclass(frozen=True)
class Items:
    """A tuple or list that a student's function returned."""

    kind: Literal["tuple", "list"]
    items: tuple[Tree, ...]


@dataclass(frozen=True)
class Opaque:
    """A returned object that is no array of numbers: what it was, in words such as `a dict` or `an array of strings`."""

    description: str


Tree = Array | Items | Opaque


@dataclass(frozen=True, eq=False)
class Returned:
    """A call that came back: the returned value, and the positions of arguments that the call changed in place."""

    value: Tree
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Raised:
    """A call, or a statement at load, that raised.

    `kind` tells an ordinary exception from one that the box caused: "memory" ran out, or "forbidden" (files, network,
    processes). `cell` and `line` are the student's own, None when the exception came from no line of theirs.
    """

    exception: str
    message: str
    cell: int | None
    line: int | None
    kind: Literal["error", "memory", "forbidden"] = "error"


Reply = Returned | Raised | None
"""None: the process ended before this call was answered."""


@dataclass(frozen=True, eq=False)
class Transcript:
    """All that one process of student code had to say.

    `replies` has one entry for each invocation, in the order in which they were given. `load` holds what raised while the
    program's own statements ran; the calls were made all the same. `end` says how the process ended, `detail` in words.
    """

    function: str
    replies: tuple[Reply, ...]
    load: tuple[Raised, ...] = ()
    end: Literal["finished", "timeout", "memory", "crashed"] = "finished"
    detail: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    layers: tuple[str, ...] = ()


# --- checks -> marks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """One check's outcome before marks.

    `share` names the entry of the assignment's marks table that it draws on, `part` the fraction of it. A "value" pays
    outright; an "edge" or "guard" pays in proportion to the values that are right. What does not apply (`applies` false)
    leaves its points to the others; what could not be checked for want of an answer (not `answered`) keeps and loses them.
    """

    id: str
    title: str
    visibility: Visibility
    outcome: Outcome
    message: str
    share: str
    pays: Literal["value", "edge", "guard"]
    part: float = 1.0
    applies: bool = True
    answered: bool = True


@dataclass(frozen=True)
class Explanation:
    """The fewest slips that give exactly what was returned; `aliases` are others that give the same, which nothing tells apart.

    `in_earlier` names the earlier exercise whose function carries the slip, where a later one only calls it.
    """

    slips: tuple[str, ...]
    aliases: tuple[tuple[str, ...], ...] = ()
    in_earlier: str = ""


@dataclass(frozen=True)
class Judgement:
    """All that the checks say of one exercise; `found` holds what they can name by themselves (see Slip.found_by)."""

    exercise: str
    verdict: Verdict
    message: str
    findings: tuple[Finding, ...]
    found: frozenset[str] = frozenset()
    notices: tuple[Notice, ...] = ()
    carried_forward: bool = False
    explanation: Explanation | None = None


# --- the result, as written to disk -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attention:
    """Why the harness could not judge a submission."""

    code: str
    message: str


@dataclass(frozen=True)
class Notice:
    """Something worth telling the student or the teacher that moves no mark by itself; cell and line count from 1."""

    code: str
    message: str
    cell: int | None = None
    line: int | None = None


@dataclass(frozen=True)
class Check:
    """One check's outcome and what it earned."""

    id: str
    title: str
    visibility: Visibility
    outcome: Outcome
    score: float
    points: float
    message: str


@dataclass(frozen=True)
class Diagnosis:
    """A named slip; `aliases` are slips, or sets of slips, from which it cannot be told apart from the outside."""

    id: str
    title: str
    hint: str
    idea: str = ""
    place: str = ""
    aliases: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ExerciseResult:
    """One function's marks; `message` says in a sentence why the verdict is not "correct"."""

    verdict: Verdict
    score: float
    points: float
    carried_forward: bool
    checks: tuple[Check, ...]
    diagnoses: tuple[Diagnosis, ...]
    message: str = ""


@dataclass(frozen=True)
class QuestionResult:
    """A written answer as found (markdown); `score` is None until a person has marked it.

    `pictures` are those that it shows as `attachment:name`: data URIs by name.
    """

    answer: str
    score: float | None
    points: float
    comment: str
    pictures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SubmissionName:
    """Which submission a result is about; `source` is relative to the folder or zip that was graded."""

    id: str
    source: str
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What graded this: enough to tell two runs apart and to run it again.

    `assignment`, `seed` and `hand_in` are digests: of the assignment's files, of the secret that hidden cases are drawn from, and
    of all files that were handed in. `sandbox` is what the layers amount to, None when no box was ever opened; `weak` says that
    this is less than the assignment asks for. `released`: the page shows what hidden cases expect. `graded` is the time of the
    run in UTC (ISO 8601, to the second), "" where nobody asked.
    """

    grader: str
    assignment: str
    seed: str
    hand_in: str
    layers: tuple[str, ...]
    sandbox: SandboxLevel | None
    weak: bool = False
    released: bool = False
    graded: str = ""


@dataclass(frozen=True)
class Result:
    """The whole of results/<id>.json."""

    schema: Literal[1]
    submission: SubmissionName
    status: Literal["graded", "needs_attention"]
    attention: tuple[Attention, ...]
    score: float | None
    points: float
    exercises: dict[str, ExerciseResult]
    questions: dict[str, QuestionResult]
    notices: tuple[Notice, ...]
    receipt: Receipt


# --- checks -> report: what a page shows beside the result ---------------------------------------------------------------


@dataclass(frozen=True)
class Listing:
    """A piece of the student's code; `marks` pairs a line of the student's cell (from 1) with a message to show there."""

    cell: int
    first_line: int
    source: str
    marks: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """Two matrices to lay side by side, of a public or a released case; `yours` may have another shape, or be None."""

    exercise: str
    title: str
    rows: str
    columns: str
    yours: Array | None
    expected: Array


@dataclass(frozen=True, eq=False)
class WorkedExample:
    """A public example on which a student's function and the reference part: what is given, the right steps, and `yours`.

    `departs` is the first step where they differ, `yours` the student's array for it, None when there is none.
    """

    title: str
    given: tuple[tuple[str, Argument], ...]
    steps: tuple[tuple[str, Array], ...]
    departs: str
    yours: Array | None


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the student's page shows beside the marks: code and worked examples by exercise, pictures in order."""

    listings: Mapping[str, tuple[Listing, ...]] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    examples: Mapping[str, WorkedExample] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graded:
    """One submission, finished: the result that is kept, and the evidence that only the page needs."""

    result: Result
    evidence: Evidence


# --- verify -> report -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KillRow:
    """One slip in one exercise: the checks that catch it, what it was named, and what is wrong with that ("" when nothing is)."""

    exercise: str
    slip: str
    caught_by: tuple[str, ...]
    named: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class KillMatrix:
    """Known slips against checks; `checks` holds each exercise's in order."""

    checks: Mapping[str, tuple[str, ...]]
    rows: tuple[KillRow, ...]

    def slips(self) -> frozenset[str]:
        """The different known slips; one may stand in several exercises, and what is in brackets is no slip but an act."""
        return frozenset(row.slip for row in self.rows if not row.slip.startswith("("))

    def idle(self) -> list[tuple[str, str]]:
        """(exercise, check) of checks that catch nothing."""
        caught = {(row.exercise, check) for row in self.rows for check in row.caught_by}
        return [(name, check) for name, checks in self.checks.items() for check in checks if (name, check) not in caught]

    def caught_once(self) -> list[KillRow]:
        """Slips that only one check catches."""
        return [row for row in self.rows if len(row.caught_by) == 1]

    def problems(self) -> list[str]:
        """What is wrong, in words: slips not caught, not named or named wrongly, and checks that catch nothing."""
        wrong = [join([row.exercise, row.slip, row.problem], ": ") for row in self.rows if row.problem]
        idle = (say("{name}: the check {check} catches nothing", name=name, check=check) for name, check in self.idle())
        return [*wrong, *idle]


# --- similar -> report ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fragment:
    """One top-level statement of a hand-in as k-grams of tokens, in order; `lines[i]` is the student's line of token i."""

    cell: int
    lines: tuple[int, ...]
    grams: tuple[int, ...]


@dataclass(frozen=True)
class HandIn:
    """A hand-in as far as its code is compared with others'; `problem` says why it cannot be.

    `sha256` is "" for a file that nobody wrote, `digest` is the SHA-256 of any file that could be read.
    `fragments` and `listings` leave out what the hand-out gives. `letters` is a digest of the listings, letter by letter, "" when
    there are none; `remarks` counts the characters of comments and docstrings in them that are not the hand-out's.
    """

    id: str
    source: str
    sha256: str = ""
    fragments: tuple[Fragment, ...] = ()
    listings: tuple[Listing, ...] = ()
    letters: str = ""
    remarks: int = 0
    problem: str = ""
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Likeness:
    """Two hand-ins that share fingerprints; `fewer` is how many the one with fewer has, so that `shared` is a part of it.

    `opposite` leads from a (cell, line) of the first to the one of the second on which the same code stands, `back` from the
    second to the first; both are empty where nobody looked for them.
    """

    first: str
    second: str
    shared: int
    fewer: int
    opposite: Mapping[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    back: Mapping[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the one with fewer fingerprints, 0 to 1."""
        return self.shared / self.fewer


@dataclass(frozen=True)
class Cluster:
    """Hand-ins that are alike: the same "file", the same "letters" of code, comments included, or much the same "code".

    `links` are the strongest that hold them together, one fewer than there are different files; the last of them is the
    weakest. Only "code" has any.
    """

    kind: Literal["file", "letters", "code"]
    members: tuple[str, ...]
    links: tuple[Likeness, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What a class's hand-ins have in common. `median` is of the fingerprints left in a hand-in, `limit` what it must be.

    `compared` counts hand-ins with code of their own, `common` the k-grams that were left out since more than `most` have them.
    `told_all` says that alike code is listed; below the limit it is only when that was asked for.
    """

    total: int
    compared: int
    median: float
    limit: int
    common: int
    most: int
    told_all: bool
    clusters: tuple[Cluster, ...]
    hand_ins: Mapping[str, HandIn]
    unread: tuple[HandIn, ...] = ()

    @property
    def too_short(self) -> bool:
        """Whether alike code says nothing here."""
        return self.median < self.limit
