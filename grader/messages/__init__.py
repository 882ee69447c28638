"""Sentences that can be said in another language later: English text that remembers its template and what was filled in.

    say("{count} of {size} numbers differ", count=3, size=25)  ->  Message  ->  word(message, catalogue)  ->  str

A `Message` is a str, and as such its English sentence, so whoever knows nothing of languages may print it; no JSON takes one, so
none is kept unworded. A catalogue translates templates; what is filled in is translated only where it is a Message itself. A
student's text goes in as a value, never as a template, and each template is filled in once, so braces in a value are braces.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float


@dataclass(frozen=True)
class Catalogue:
    """One language: a translation for each template, and what it writes for the signs of a number as Python writes it."""

    language: str
    templates: Mapping[str, str]
    numerals: Mapping[int, str] = field(default_factory=dict)


class Message(str):
    """A sentence or a part of one. A template without values is a text as it stands."""

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value] | None = None) -> Message:
        """Fill the template in."""
        message = super().__new__(cls, template.format(**values) if values else template)
        message.template, message.values = template, values or {}
        return message

    def put(self, catalogue: Catalogue) -> str:
        """In a language; in English where the catalogue has no entry."""
        template = catalogue.templates.get(self.template, self.template)
        return _Filler(catalogue).vformat(template, (), self.values) if self.values else template


class _Sentence(Message):
    """Words with a capital and a full stop."""

    words: str

    def put(self, catalogue: Catalogue) -> str:
        return _finish(word(self.words, catalogue))


class _Row(Message):
    """Parts with the same between them."""

    parts: tuple[str, ...]
    between: str

    def put(self, catalogue: Catalogue) -> str:
        return word(self.between, catalogue).join(word(part, catalogue) for part in self.parts)


def say(template: str, /, **values: Value) -> Message:
    """A message. `template` is written out where it is said, so that every catalogue can be held against it."""
    return Message(template, values)


def sentence(words: str) -> Message:
    """With a capital and a full stop, in any language."""
    message = _Sentence(_finish(str(words)))
    message.words = words
    return message


def join(parts: Iterable[str], between: str) -> Message:
    """Parts with `between` between them, each in the language where it is a message."""
    parts = tuple(parts)
    message = _Row(between.join(parts))
    message.parts, message.between = parts, between
    return message


def join_with_and(parts: Iterable[str]) -> Message:
    """One and another and a third."""
    return join(parts, say(" and "))


def text_of(error: BaseException) -> str:
    """What an exception says, as a message where it was raised with one."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Message) else str(error)


def word(text: str, catalogue: Catalogue) -> str:
    """A message in a language, as a plain text; a plain text as it is."""
    return text.put(catalogue) if isinstance(text, Message) else text


class _Filler(string.Formatter):
    """Fills a template in as a language writes numbers, with each value's own messages in that language."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value."""
        if isinstance(value, str):
            return format(word(value, self.catalogue), format_spec)
        return format(value, format_spec).translate(self.catalogue.numerals)


def _finish(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
