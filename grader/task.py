"""What is asked of students, as plain data: no file, no teacher's code. assignment.py reads it from assignment.toml.

It travels into the students' bundle, so it needs nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from grader.messages import say
from grader.model import Limits

Found = Literal[
    "results_swapped", "result_left_out", "size_fixed", "global_read", "inputs_changed", "answers_vary"
]
Language = Literal["en", "de"]
Hint = Literal["symptom", "hint", "name"]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far a right answer may be off, as a share of the expected tensor's largest number."""

    relative: float = 1e-4


@dataclass(frozen=True, kw_only=True)
class Imports:
    """Top-level modules that are against the rules, why, and those that are replaced by stand-ins."""

    forbidden: tuple[str, ...] = ()
    reason: str = say("the assignment does not allow it")
    inert: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Data:
    """Names that the hand-out's own cells define."""

    arrays: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Returns:
    """One returned array. `axes` names its axes; `also` lists other layouts that are accepted (they may leave out an axis of
    length 1)."""

    name: str
    axes: str
    also: tuple[str, ...] = ()
    optional: bool = False
    picture: bool = False

    @property
    def words(self) -> str:
        """Its name as the heading of a picture."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One function to write.

    `costs` says what a named slip takes off, `any_slip` what every other one does; where the checks leave more, they decide.
    """

    title: str
    points: float
    returns: tuple[Returns, ...]
    marks: dict[str, float]
    builds_on: tuple[str, ...] = ()
    costs: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One written question; `heading` is found in notebooks whose tags were lost."""

    title: str
    heading: str
    points: float


@dataclass(frozen=True, kw_only=True)
class Slip:
    """Words for one slip; `found_by` where a check finds it by itself, without the lattice; `notice` is the code of a notice to
    a person who may overrule."""

    title: str
    hint: str
    axis: str = ""
    idea: str = ""
    place: str = ""
    confused_with: tuple[str, ...] = ()
    found_by: Found | None = None
    notice: str = ""


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """What students' own checks say. `hints` has an entry for each try with code that is wrong; the last one holds from then on.

    "symptom" says what is wrong with the numbers, "hint" asks a question or offers an experiment, "name" also names the slip and
    shows an example worked by hand.
    """

    hints: tuple[Hint, ...] = ("symptom", "name")


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One assignment's description. `lang` is the language of pages and messages.

    `texts` translates what the course's cases.py says from English, None where it is written in `lang`; titles, hints and other
    texts here are translated already. A notebook that is larger than `notebook_mb` is not read.
    """

    name: str
    title: str
    exercises: Mapping[str, Exercise]
    questions: Mapping[str, Question]
    slips: Mapping[str, Slip]
    lang: Language
    tolerance: Tolerance
    limits: Limits
    imports: Imports
    data: Data
    notebook_mb: int
    selfcheck: SelfCheck = SelfCheck()
    texts: Mapping[str, str] | None = None

    def told(self, text: str) -> str:
        """A text of cases.py in the course's language."""
        return (self.texts or {}).get(text, text)

    @property
    def points(self) -> float:
        """What the automatic part is worth."""
        return sum(exercise.points for exercise in self.exercises.values())
