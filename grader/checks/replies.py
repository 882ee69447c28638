"""A transcript sorted by call, and its exceptions in words with the student's own cell and line."""

from __future__ import annotations

from dataclasses import dataclass

from grader.checks.reading import Reading, read_value
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
    silence = SILENCE.get(transcript.end, "it gave no answer") + (f": {transcript.detail}" if transcript.detail else "")
    return Replies(tuple(tuple(heard) for heard in by_call), frozenset(changed), silence)


SILENCE = {
    "timeout": "no answer within the time limit",
    "memory": "no answer within the memory limit",
    "crashed": "no answer: the process ended early",
}


def raised_in_words(raised: Raised) -> str:
    """What was raised."""
    return f"it raised {raised.exception}: {raised.message}" if raised.message else f"it raised {raised.exception}"


def tell(raised: Raised, piece: Slice, exercise: str) -> str:
    """An exception in one sentence: what, where, and whose function it was if not the exercise's own."""
    where = f" (cell {raised.cell}, line {raised.line}{_whose(raised, piece, exercise)})" if raised.cell else ""
    reasons = [reason for name, reason in piece.unresolved if raised.exception in ("NameError", "UnboundLocalError")
               and f"'{name}'" in raised.message]
    return f"{raised_in_words(raised)}{where}" + "".join(f"; {reason}" for reason in reasons)


def _whose(raised: Raised, piece: Slice, exercise: str) -> str:
    for name, cell, first, last in piece.definitions:
        if cell == raised.cell and raised.line is not None and first <= raised.line <= last:
            return "" if name == exercise else f", in your {name}"
    return ""


def sentence(words: str) -> str:
    """With a capital and a full stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
