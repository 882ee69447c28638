"""A folder or a zip -> submissions, by the result contract's rule: a notebook is one, a sub-folder with notebooks is one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from grader.collect.archive import list_archive
from grader.collect.entries import Entry
from grader.collect.folder import list_folder, open_within
from grader.collect.grouping import HandIn, below_single_folder, group, submissions
from grader.collect.zip_member import read_member
from grader.errors import UsageError
from grader.messages import say
from grader.model import NotebookFile, Submission

__all__ = ["Collection", "TooLargeError", "collect", "read_file"]

MOST_ENTRIES = 100_000
FEWEST_OF_A_CLASS = 3


@dataclass(frozen=True)
class Collection:
    """The submissions in order, the names of what was found and not used, and what looks like a mistake of the teacher's ("")."""

    submissions: tuple[Submission, ...]
    left_out: tuple[str, ...]
    doubt: str = ""


class TooLargeError(Exception):
    """A notebook is larger than the assignment's limit; the text says so."""


def collect(source: Path) -> Collection:
    """Find the submissions in a folder or a zip; raises UsageError when there is no such thing or nothing in it."""
    try:
        entries = _list(source)
    except OSError as error:
        raise UsageError(f"{source}: cannot be listed ({error.strerror})") from None
    hand_ins, left_out = group(entries)
    if not hand_ins:
        raise UsageError(f"{source}: holds no notebook (*.ipynb); give the folder that holds the notebooks")
    return Collection(submissions(hand_ins), tuple(left_out), _doubt(hand_ins, source))


def _doubt(hand_ins: Sequence[HandIn], source: Path) -> str:
    """A folder above the class's is one student by the rule, and hardly ever meant."""
    only = hand_ins[0]
    if len(hand_ins) > 1 or len(only.notebooks) < FEWEST_OF_A_CLASS:
        return ""
    return (f"the sub-folder {only.name} with its {len(only.notebooks)} notebooks was taken for one student's hand-in; "
            f"if it is the class, give {source / only.name}")


def _list(source: Path) -> list[Entry]:
    if source.is_dir():
        return _bounded(list_folder(source), source)
    if source.is_file():
        if _is_text(source):
            raise UsageError(f"{source}: is a text, neither a zip nor a folder; give the folder or zip that holds the notebooks")
        return below_single_folder(_bounded(list_archive(source), source))
    raise UsageError(f"{source}: there is no such folder or zip; give the folder that holds the notebooks")


def _is_text(source: Path) -> bool:
    """Whether a file is plain text that nobody calls a zip: a README, a list. What else is none, `list_archive` knows."""
    if source.suffix.lower() == ".zip":
        return False
    with source.open("rb") as stream:
        head = stream.read(512)
    return bool(head) and not head.startswith(b"PK") and not re.search(rb"[\0-\x08\x0e-\x1f]|^(?:\xef\xbb\xbf)?\s*[{<%]", head)


def _bounded(entries: Iterable[Entry], source: Path) -> list[Entry]:
    found = list(islice(entries, MOST_ENTRIES + 1))
    if len(found) > MOST_ENTRIES:
        raise UsageError(f"{source}: holds more than {MOST_ENTRIES} files; give the folder that holds only the notebooks")
    return found


def read_file(file: NotebookFile, limit_mb: int) -> bytes:
    """A notebook's bytes; raises OSError or TooLargeError. A link or pipe that took the file's place meanwhile is refused."""
    limit = limit_mb * 1_000_000
    if file.member:
        _check_size(file.member.size, limit_mb)
        return read_member(file.path, file.member)
    with open_within(file.path, file.within) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as stream:
        content = stream.read(limit + 1)
    _check_size(len(content), limit_mb)
    return content


def _check_size(size: int, limit_mb: int) -> None:
    if size > limit_mb * 1_000_000:
        message = say("The notebook is larger than {limit} MB; clear its outputs and hand it in again.", limit=limit_mb)
        raise TooLargeError(message)
