"""A folder on disk -> entries, and the bytes of a file in it. Links, devices and pipes are told apart, never followed or opened.

Every folder is opened below its parent's descriptor without following links, so that a folder which is swapped for a link
while it is listed, or between listing and reading, leads nowhere. A hard link is read like any file: nobody plants
one through an LMS, a zip has none, and Linux lets users link only what they may already read and write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from grader.collect.entries import Entry, Kind
from grader.messages import say

DEEPEST = 8  # levels below the folder; deeper is no hand-in
MOST_FILES = 100_000  # looked at in one folder or one hand-in; forgotten environments hold some 30,000
MOST_KEPT = 1_000  # of what one hand-in's folder holds; the class has to fit into memory

_FOLDER = getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def list_folder(root: Path) -> Iterator[Entry]:
    """Every file below `root`, and whatever stands in a file's place; beside a hand-in's notebooks only what matters."""
    descriptor = os.open(root, os.O_RDONLY | _FOLDER)
    try:
        for name, kind, size in _scan(descriptor):
            if kind == "folder" and not _is_notebook(name):
                yield from _list_hand_in(root, descriptor, name)
            else:
                yield Entry((name,), kind, root, size)
    finally:
        os.close(descriptor)


def _list_hand_in(root: Path, above: int, name: str) -> list[Entry]:
    found = list(islice(_list(root, above, (name,), DEEPEST), MOST_FILES + 1))
    kept = [entry for entry in found if (entry.is_notebook and not entry.litter) or entry.kind == "closed"]
    if len(found) > MOST_FILES:
        return [Entry((name,), "crowded", root, note=say("more than {most}", most=MOST_FILES))]
    if not any(entry.kind == "file" for entry in kept):
        kept = found
    return kept if len(kept) <= MOST_KEPT else [Entry((name,), "crowded", root, note=f"{len(found)}")]


def _list(root: Path, above: int, parts: tuple[str, ...], depth: int) -> Iterator[Entry]:
    try:
        descriptor = os.open(parts[-1], os.O_RDONLY | _FOLDER | _NO_LINK, dir_fd=above)
    except OSError as error:
        yield Entry(parts, "closed", root, note=error.strerror or "")
        return
    try:
        items = list(_scan(descriptor))
        if not items:
            yield Entry(parts, "empty", root)
        for name, kind, size in items:
            below = (*parts, name)
            if kind != "folder" or _is_notebook(name):
                yield Entry(below, kind, root, size)
            elif depth > 1:
                yield from _list(root, descriptor, below, depth - 1)
            else:
                yield Entry(below, "deep", root, note=say("more than {most}", most=DEEPEST))
    except OSError as error:
        yield Entry(parts, "closed", root, note=error.strerror or "")
    finally:
        os.close(descriptor)


def _scan(descriptor: int) -> Iterator[tuple[str, Kind, int]]:
    """Name, kind and bytes of what is in a folder, in the order of names."""
    with os.scandir(descriptor) as found:
        items = [(item.name, *_kind(item)) for item in islice(found, MOST_FILES + 1)]
    return iter(sorted(items, key=lambda item: os.fsencode(item[0])))


def _kind(item: os.DirEntry[str]) -> tuple[Kind, int]:
    try:
        found = item.stat(follow_symlinks=False)
    except OSError:
        return "unreadable", 0
    for test, kind in KINDS:
        if test(found.st_mode):
            return kind, found.st_size
    return "device", 0


KINDS: tuple[tuple[Callable[[int], bool], Kind], ...] = (
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"),
)


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb")


@contextmanager
def open_within(path: Path, within: tuple[str, ...]) -> Iterator[int]:
    """A descriptor of the regular file `path`, or the one `within` the folder `path`; raises OSError for anything else."""
    with ExitStack() as held:
        def opened(name: str | Path, flags: int, folder: int | None) -> int:
            descriptor = os.open(name, os.O_RDONLY | flags, dir_fd=folder)
            held.callback(os.close, descriptor)
            return descriptor

        folder = opened(path, _FOLDER, None) if within else None
        for name in within[:-1]:
            folder = opened(name, _FOLDER | _NO_LINK, folder)
        descriptor = opened(within[-1] if within else path, os.O_NONBLOCK | _NO_LINK, folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(say("it is not a regular file"))
        yield descriptor
