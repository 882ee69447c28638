"""Text from outside -> text that is safe on a page, a terminal and a spreadsheet. Knows of no format."""

from __future__ import annotations

import re

_NEWLINES = re.compile("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
_ANSI = re.compile(
    "(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\\\|\x9c)?"   # OSC: titles and links
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"                                  # CSI: colours, cursor
    "|\x1b[ -/]*[0-~]"                                                    # the two-character rest
)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"                                        # controls, without tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u206a-\u206f"           # what turns the direction of text
    "\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"               # what nobody sees
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_SUSPECT = re.compile(f"{_NEWLINES.pattern}|{_HIDDEN.pattern}|{_SURROGATES.pattern}")


def clean_text(text: str) -> str:
    """Take out control characters (but tab and newline), ANSI escapes and whatever turns the direction of text.

    Half a surrogate pair, which no file can hold, becomes U+FFFD.
    """
    if text.isprintable() or not _SUSPECT.search(text):  # the first is quick and nearly always true
        return text
    text = _ANSI.sub("", text)
    text = _NEWLINES.sub("\n", text)
    return _SURROGATES.sub("\ufffd", _HIDDEN.sub("", text))


def strip_hidden(html: str) -> str:
    """Take single hidden characters out of finished HTML, where cutting more could cut a tag."""
    return html if html.isprintable() else _SURROGATES.sub("\ufffd", _HIDDEN.sub("", html))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
