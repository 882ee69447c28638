"""Results -> the same results of nobody, for a class page that is shown around."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from grader.model import Attention, ExerciseResult, Result, SubmissionName
from grader.report.wording import Wording


def anonymise(results: Sequence[Result], words: Wording) -> list[Result]:
    """Marks, verdicts, checks and slips under numbers; no name, file, answer or message, which may name somebody, is left.

    The numbers follow a digest of secret and name, so that neither the alphabet nor the next run's page tells who is who.
    """
    drawn = sorted(results, key=lambda result: hashlib.sha256(f"{result.receipt.seed} {result.submission.id}".encode(
        "utf-8", "surrogatepass")).digest())
    width = len(str(len(drawn)))
    return [_of_nobody(result, words.nobody(f"{number:0{width}}"), words) for number, result in enumerate(drawn, 1)]


def _of_nobody(result: Result, name: str, words: Wording) -> Result:
    return replace(
        result, submission=SubmissionName(name, "", ""), notices=(),
        attention=tuple(Attention(one.code, words.set_aside) for one in result.attention[:1]),
        exercises={exercise: _without_words(part) for exercise, part in result.exercises.items()},
        questions={question: replace(one, answer="", comment="") for question, one in result.questions.items()},
    )


def _without_words(part: ExerciseResult) -> ExerciseResult:
    return replace(part, message="", checks=tuple(replace(check, message="") for check in part.checks))
