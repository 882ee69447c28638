"""A folder on disk -> entries. Links, devices and pipes are told apart and never followed or opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from grader.collect.entries import Entry, Kind

DEEPEST = 8  # levels below the folder; deeper is no hand-in


def list_folder(root: Path) -> Iterator[Entry]:
    """Every file below `root`, and whatever stands in a file's place."""
    yield from _list(root, (), DEEPEST)


def _list(folder: Path, above: tuple[str, ...], depth: int) -> Iterator[Entry]:
    with os.scandir(folder) as found:
        items = sorted(found, key=lambda item: os.fsencode(item.name))
    for item in items:
        parts, kind = (*above, item.name), _kind(item)
        if kind == "folder" and depth > 0 and not item.name.lower().endswith(".ipynb"):
            try:
                yield from _list(Path(item.path), parts, depth - 1)
            except OSError as error:
                yield Entry(parts, "unreadable", Path(item.path), note=error.strerror or "")
        else:
            yield Entry(parts, kind, Path(item.path))


def _kind(item: os.DirEntry[str]) -> Kind:
    try:
        mode = item.stat(follow_symlinks=False).st_mode
    except OSError:
        return "unreadable"
    for test, kind in KINDS:
        if test(mode):
            return kind
    return "device"


KINDS: tuple[tuple[Callable[[int], bool], Kind], ...] = (
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"),
)
