"""Pictures that students pasted into cells: attachments -> data URIs by name, and the names that answers call them by.

Only kinds that browsers draw without running anything; an SVG may hold a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")
MOST_PICTURE = 2_000_000
"""Characters of base64 in one picture, 1.5 MB; a photograph of a page fits, once it is made smaller."""
MOST_PICTURES = 6_000_000
"""Characters in all pictures of one notebook's answers."""

BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
REFERENCE = re.compile(r"""(\]\(\s*<?|\bsrc\s*=\s*["']?)attachment:([^)>"'\n]{1,300}?)(?=\s*(?:>|\)|"|'|\s"))""")
"""Where markdown or HTML names an attachment; the second group is its name."""


def read_pictures(attachments: object) -> tuple[tuple[str, str], ...]:
    """(name, data URI) of each picture among a cell's attachments, whatever these are."""
    found = attachments.items() if isinstance(attachments, dict) else ()
    return tuple((name, uri) for name, kinds in found if isinstance(name, str) and (uri := _read_picture(kinds)))


def _read_picture(kinds: object) -> str:
    for kind in KINDS:
        data = kinds.get(kind) if isinstance(kinds, dict) else None
        text = "".join(part for part in data if isinstance(part, str)) if isinstance(data, list) else data
        if isinstance(text, str) and BASE64.fullmatch(packed := "".join(text.split())):
            return f"data:{kind};base64,{packed}"
    return ""


def rename(source: str, names: Mapping[str, str]) -> str:
    """A cell's text that calls its pictures by other names."""
    return REFERENCE.sub(lambda found: f"{found[1]}attachment:{quote(names.get(unquote(found[2]), unquote(found[2])))}", source)


def pick_pictures(answer: str, known: Mapping[str, str]) -> dict[str, str]:
    """The pictures that an answer shows, as many as may be kept."""
    picked: dict[str, str] = {}
    for name in names_in(answer):
        uri = known.get(name, "")
        if 0 < len(uri) <= MOST_PICTURE and sum(map(len, picked.values())) + len(uri) <= MOST_PICTURES:
            picked[name] = uri
    return picked


def names_in(answer: str) -> Iterable[str]:
    """What an answer calls the pictures that it shows, each once, in order."""
    return dict.fromkeys(unquote(found[2]) for found in REFERENCE.finditer(answer))
