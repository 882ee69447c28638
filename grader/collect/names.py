"""File names by strangers -> ids that are safe as file names on every system, and distinct; and names fit to print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

LONGEST = 120  # bytes of UTF-8: with a suffix and an ending well below the 255 of most file systems
LONGEST_SHOWN = 500  # characters

RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]) *(\..*)?")

UNFIT = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff]"
)
"""Control characters, line ends, marks that turn the direction of writing, and halves of characters."""

HARMLESS = " .()+@,-_"

UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters and marks by Unicode's reckoning that show nothing."""


def safe_id(name: str) -> str:
    """`name` with all but letters, their marks, digits and a few harmless signs replaced; never empty, hidden or reserved."""
    normal = unicodedata.normalize("NFC", re.sub("[\udc80-\udcff]", _escaped, name))
    safe = "".join(sign if _is_harmless(sign) else "_" for sign in normal).strip(" ")
    safe = f"_{safe}" if safe and unicodedata.category(safe[0])[0] == "M" else re.sub(r"^[.-]", "_", safe)
    safe = safe.rstrip(". ")
    if RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    return safe.encode("utf-8")[:LONGEST].decode("utf-8", "ignore").rstrip(". ") or "unnamed"


def _is_harmless(sign: str) -> bool:
    """Marks are letters' own in most of the world's scripts: without them Hindi is no Hindi."""
    fit = sign in HARMLESS or sign.isalnum() or unicodedata.category(sign) in ("Mn", "Mc")
    return fit and not UNSEEN.match(sign)


def shown(name: str) -> str:
    r"""A name fit to print: no UTF-8, and what moves a cursor or turns a line, as \xNN; the middle of a huge one is cut."""
    if len(name) > LONGEST_SHOWN:
        name = f"{name[:LONGEST_SHOWN - 100]}…{name[-99:]}"
    return UNFIT.sub(_escaped, name)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if 0xDC80 <= code <= 0xDCFF:  # how Python spells a byte that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def distinct(names: Iterable[str]) -> Iterator[str]:
    """Ids for these names in order: safe, and those that collide with -2, -3 ...; linear, though all names be the same."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in names:
        first = candidate = safe_id(name)
        family = _folded(first)
        count = counts.get(family, 1)
        while _folded(candidate) in taken:
            count += 1
            candidate = f"{first}-{count}"
        counts[family] = count
        taken.add(_folded(candidate))
        yield candidate


def _folded(name: str) -> str:
    """The same for names that a file system deaf to case and to Unicode's normal forms holds for one."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def natural_key(name: str) -> str:
    """Sorts `hw (2)` before `hw (10)`: each number led by its length. A text: tuples for hostile names would take gigabytes."""
    return re.sub(r"[0-9]+", _sortable, name.casefold())


def _sortable(found: re.Match[str]) -> str:
    digits = found.group().lstrip("0")
    return f"\0{chr(min(len(digits), 0xD7FF))}{digits}"
