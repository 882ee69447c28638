"""A folder or a zip -> submissions, by the result contract's rule: a notebook is one, a sub-folder with notebooks is one."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.collect.archive import list_archive, read_member
from grader.collect.entries import Entry, Kind
from grader.collect.folder import list_folder
from grader.collect.names import distinct, natural_key, shown
from grader.errors import UsageError
from grader.model import Attention, NotebookFile, Submission

__all__ = ["Collection", "TooLargeError", "collect", "read_file"]


@dataclass(frozen=True)
class Collection:
    """The submissions in order, and the names of what was found and not used."""

    submissions: tuple[Submission, ...]
    left_out: tuple[str, ...]


class TooLargeError(Exception):
    """A notebook is larger than the assignment's limit; the text says so."""


def collect(source: Path) -> Collection:
    """Find the submissions in a folder or a zip; raises UsageError when there is no such thing or nothing in it."""
    if source.is_dir():
        try:
            entries = list(list_folder(source))
        except OSError as error:
            raise UsageError(f"{source}: cannot be listed ({error.strerror})") from None
    elif source.is_file():
        entries = _below_single_folder(list(list_archive(source)))
    else:
        raise UsageError(f"{source}: there is no such folder or zip; give the folder that holds the notebooks")
    groups, left_out = _group(entry for entry in entries if not entry.is_litter)
    if not groups:
        raise UsageError(f"{source}: holds no notebook (*.ipynb); give the folder that holds the notebooks")
    ids = distinct(name for name, _ in groups)
    return Collection(tuple(_submission(name, group) for name, (_, group) in zip(ids, groups, strict=True)), tuple(left_out))


def _below_single_folder(entries: list[Entry]) -> list[Entry]:
    """A zip of one folder means the folder's content, when that folder holds more than one hand-in's files."""
    tops = {entry.parts[0] for entry in entries if not entry.is_litter}
    deep = [entry for entry in entries if len(entry.parts) > 2 or entry.is_litter]
    loose = [entry for entry in entries if len(entry.parts) == 2 and entry.is_notebook]
    if len(tops) != 1 or any(len(entry.parts) < 2 for entry in entries if not entry.is_litter):
        return entries
    if len({entry.parts[1] for entry in deep if len(entry.parts) > 2}) + len(loose) < 2:
        return entries
    return [Entry(entry.parts[1:], entry.kind, entry.path, entry.member, entry.note) for entry in entries if len(entry.parts) > 1]


def _group(entries: Iterable[Entry]) -> tuple[list[tuple[str, list[Entry]]], list[str]]:
    """(id before it is made safe, its notebooks) in order of names, and what belongs to none."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    others: list[Entry] = []
    for entry in entries:
        alone = len(entry.parts) == 1
        if entry.is_notebook:
            name = entry.parts[0][:-len(".ipynb")] if alone else entry.parts[0]
            groups.setdefault(("file" if alone else "folder", name), []).append(entry)
        elif alone and entry.kind == "link":
            groups.setdefault(("file", entry.parts[0]), []).append(entry)
        else:
            others.append(entry)
    folders = {name for kind, name in groups if kind == "folder"}
    left_out = [shown("/".join(entry.parts)) for entry in others if len(entry.parts) == 1 or entry.parts[0] not in folders]
    ordered = sorted(groups.items(), key=lambda item: (natural_key(item[0][1]), item[0][0]))
    return [(name, found) for (_, name), found in ordered], left_out


def _submission(name: str, entries: list[Entry]) -> Submission:
    """Files newest name first; a submission with no file that may be read carries the reason."""
    ordered = sorted(entries, key=lambda entry: natural_key("/".join(entry.parts)), reverse=True)
    files = tuple(
        NotebookFile(shown("/".join(entry.parts)), entry.path, entry.member) for entry in ordered if entry.kind == "file"
    )
    source = files[0].source if files else shown("/".join(ordered[0].parts))
    return Submission(name, files, source, None if files else _refusal(ordered[0]))


def _refusal(entry: Entry) -> Attention:
    name = shown(entry.parts[-1])
    message = f"{name} {REFUSED[entry.kind]}, so it was not opened; the notebook itself has to be handed in."
    return Attention("not_a_file", message)


REFUSED: dict[Kind, str] = {
    "folder": "is a folder that is called a notebook", "link": "is a symbolic link", "pipe": "is a named pipe",
    "socket": "is a socket", "device": "is a device", "unreadable": "cannot be read", "file": "is a file",
}


def read_file(file: NotebookFile, limit_mb: int) -> bytes:
    """A notebook's bytes; raises OSError or TooLargeError. A link or pipe that took the file's place meanwhile is refused."""
    limit = limit_mb * 1_000_000
    if file.member:
        try:
            content = read_member(file.path, file.member, limit)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError, EOFError) as error:
            raise OSError(f"the zip is damaged at this entry ({error})") from None
    else:
        content = _read_regular(file.path, limit)
    if len(content) > limit:
        raise TooLargeError(f"The notebook is larger than {limit_mb} MB; clear its outputs and hand it in again.")
    return content


def _read_regular(path: Path, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a regular file")
        return stream.read(limit + 1)
