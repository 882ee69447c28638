"""Text from outside -> text that is safe on a page, a terminal and a spreadsheet. Knows of no format."""

from __future__ import annotations

import re
import unicodedata
from re import Match

MOST_MARKS = 4
"""Accents and the like on one letter; no script needs more, and a hundred of them cover the lines above and below."""

_NEWLINES = re.compile("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
_ANSI = re.compile(
    "(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\\\|\x9c)?"   # OSC: titles and links
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"                                  # CSI: colours, cursor
    "|\x1b[ -/]*[0-~]"                                                    # the two-character rest
)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"                                        # controls, without tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u206a-\u206f"           # what turns the direction of text
    "\u00ad\u115f\u1160\u180e\u200b\u2060-\u2065\u3164\uffa0"             # what nobody sees; joiners stay, scripts need them
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_PILE = re.compile(rf"[^\w\x00-\x7f]{{{MOST_MARKS + 1},}}")  # every mark is among these, and little else
_SUSPECT = re.compile("|".join(one.pattern for one in (_NEWLINES, _HIDDEN, _SURROGATES, _PILE)))


def clean_text(text: str) -> str:
    """Take out control characters (but tab and newline), ANSI escapes, what turns the direction of text, and piled up accents.

    Half a surrogate pair, which no file can hold, becomes U+FFFD.
    """
    if (text.isascii() and text.isprintable()) or not _SUSPECT.search(text):  # the first is quick and nearly always true
        return text
    return strip_hidden(_NEWLINES.sub("\n", _ANSI.sub("", text)))


def clean_line(text: str) -> str:
    """Clean text in one line and without long gaps, so that it cannot pass for a line of somebody else's."""
    return " ".join(clean_text(text).split())


def strip_hidden(html: str) -> str:
    """Take single characters out: from finished HTML, where cutting more could cut a tag."""
    if html.isascii() and html.isprintable():
        return html
    return _PILE.sub(_level, _SURROGATES.sub("\ufffd", _HIDDEN.sub("", html)))


def _level(found: Match[str]) -> str:
    """Some marks of each letter; what joins letters does not start a new one."""
    kept, height = [], 0
    for sign in found[0]:
        kind = unicodedata.category(sign)
        height = height + 1 if kind[0] == "M" else height if kind == "Cf" else 0
        if height <= MOST_MARKS:
            kept.append(sign)
    return "".join(kept)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
