"""The languages that pages can be in."""

from __future__ import annotations

from collections.abc import Mapping

from grader.report.wording import ENGLISH, Wording
from grader.report.wording_de import GERMAN
from grader.task import Language

LANGUAGES: Mapping[Language, Wording] = {"en": ENGLISH, "de": GERMAN}


def words_for(lang: Language) -> Wording:
    """What pages say by themselves, in a language that an assignment may name."""
    return LANGUAGES[lang]
