"""File names by strangers -> ids that are safe as file names on every system, and distinct."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 120  # bytes of UTF-8: with a suffix and an ending well below the 255 of most file systems

RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def safe_id(name: str) -> str:
    """`name` with everything but letters, digits and a few harmless signs replaced; never empty, hidden or reserved."""
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    normal = unicodedata.normalize("NFC", shown)
    safe = re.sub(r"[^\w .()+@,-]", "_", normal).strip(" ")
    safe = re.sub(r"^[.-]", "_", safe).rstrip(". ")
    if RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    return safe.encode("utf-8")[:LONGEST].decode("utf-8", "ignore").rstrip(". ") or "unnamed"


def shown(name: str) -> str:
    """A name fit to print: bytes that are no UTF-8 as \\xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def distinct(names: Iterator[str]) -> Iterator[str]:
    """Ids for these names in order: safe, and those that collide (in any mix of cases) with -2, -3 ..."""
    taken: set[str] = set()
    for name in names:
        first = candidate = safe_id(name)
        count = 1
        while candidate.casefold() in taken:
            count += 1
            candidate = f"{first}-{count}"
        taken.add(candidate.casefold())
        yield candidate


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts `hw (2)` before `hw (10)`."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return tuple((0, int(part), "") if part.isdecimal() and len(part) < 20 else (1, 0, part) for part in parts)
