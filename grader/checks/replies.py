"""A transcript sorted by call, and its exceptions in words with the student's own cell and line."""

from __future__ import annotations

from dataclasses import dataclass

from grader.checks.phrases import recognise_act
from grader.checks.reading import Reading, read_value
from grader.messages import join, say
from grader.model import Answer, Raised, Slice, Transcript
from grader.plan import ExercisePlan

Heard = Reading | Raised | None


@dataclass(frozen=True, eq=False)
class Replies:
    """For each distinct call of an exercise, what each repetition of it gave."""

    by_call: tuple[tuple[Heard, ...], ...]
    changed: frozenset[int]
    silence: str

    def answer(self, call: int) -> Answer | None:
        """The first answer to a call, if there is one."""
        first = self.by_call[call][0]
        return first.answer if isinstance(first, Reading) else None

    def trouble(self, call: int) -> Raised | str | None:
        """Why a call was not answered every time: what it raised, or why the process fell silent."""
        for heard in self.by_call[call]:
            if not isinstance(heard, Reading):
                return heard or self.silence
        return None


def sort_replies(exercise: ExercisePlan, transcript: Transcript, expected: tuple[Answer, ...]) -> Replies:
    """Read every reply and lay equal calls together."""
    by_call: list[list[Heard]] = [[] for _ in exercise.calls]
    changed: set[int] = set()
    for call, reply in zip(exercise.order, transcript.replies, strict=True):
        if reply is None or isinstance(reply, Raised):
            by_call[call].append(reply)
        else:
            changed.update(reply.changed)
            by_call[call].append(read_value(reply.value, exercise.spec.returns, expected[call]))
    silence = SILENCE.get(transcript.end, say("it gave no answer"))
    if transcript.detail:
        silence = say("{silence}: {detail}", silence=silence, detail=transcript.detail)
    return Replies(tuple(tuple(heard) for heard in by_call), frozenset(changed), silence)


SILENCE = {
    "timeout": say("no answer within the time limit"),
    "memory": say("no answer within the memory limit"),
    "crashed": say("no answer: the process ended early"),
}


def raised_in_words(raised: Raised) -> str:
    """What was raised."""
    if not raised.message:
        return say("it raised {exception}", exception=raised.exception)
    return say("it raised {exception}: {message}", exception=raised.exception, message=recognise_act(raised.message))


def tell(raised: Raised, piece: Slice, exercise: str) -> str:
    """An exception in one sentence: what, where, and whose function it was if not the exercise's own."""
    reasons = [reason for name, reason in piece.unresolved if raised.exception in ("NameError", "UnboundLocalError")
               and f"'{name}'" in raised.message]
    return join([_with_place(raised, piece, exercise), *reasons], "; ")


def _with_place(raised: Raised, piece: Slice, exercise: str) -> str:
    what = raised_in_words(raised)
    if not raised.cell:
        return what
    line, owner = str(raised.line), _whose(raised, piece, exercise)
    if not owner:
        return say("{what} (cell {cell}, line {line})", what=what, cell=raised.cell, line=line)
    return say("{what} (cell {cell}, line {line}, in your {name})", what=what, cell=raised.cell, line=line, name=owner)


def _whose(raised: Raised, piece: Slice, exercise: str) -> str:
    """The function in which it was raised, "" for the exercise's own."""
    for name, cell, first, last in piece.definitions:
        if cell == raised.cell and raised.line is not None and first <= raised.line <= last:
            return "" if name == exercise else name
    return ""
