"""From one page to another: a submission's id -> the address of its page, and whether a page of all is of the same class.

Addresses are relative to the folder of the class's pages. Knows no folder: who calls says which pages are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

SIMILAR = "similar.html"


@dataclass(frozen=True)
class StudentLink:
    """A submission's name, fit to show, and its page; no page ("") where there is none, or nobody is to know whose it is."""

    name: str
    href: str


def feedback_of(submission: str) -> str:
    """The address of a student's page, whatever signs the id holds."""
    return f"feedback/{quote(submission, safe='', errors='replace')}.html"


def digest_class(hand_ins: Iterable[tuple[str, str]]) -> str:
    """A digest of a class from each hand-in's id and its file's SHA-256, in any order."""
    lines = sorted(f"{len(name)} {name} {sha256}" for name, sha256 in hand_ins)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
