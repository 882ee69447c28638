"""A zip -> entries, by kind; nothing is unpacked, and no name ever becomes a path."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from grader.collect.entries import Entry, Kind
from grader.collect.names import shown
from grader.collect.zip_directory import DirectoryError, Record, read_directory
from grader.collect.zip_member import METHODS, identify
from grader.errors import UsageError
from grader.messages import say
from grader.model import Member

LONGEST_NAME = 4096  # bytes; no system has longer paths
MOST_PARTS = 32  # folders and the name
RATIO = 200  # bytes out of one; pages of the same printed line reach some 100
HARMLESS = 1_000_000  # bytes; smaller files may be packed as tightly as they like

ENCRYPTED = 1 | 1 << 6 | 1 << 13
UTF8 = 1 << 11

IMPOSTORS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "is packed with gzip, not a zip; unpack it and give the folder"),
    (257, b"ustar", "is a tar archive, not a zip; unpack it and give the folder"),
    (0, b"Rar!\x1a\x07", "is a RAR archive, not a zip; unpack it and give the folder"),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive, not a zip; unpack it and give the folder"),
    (0, b"BZh", "is packed with bzip2, not a zip; unpack it and give the folder"),
    (0, b"\xfd7zXZ\0", "is packed with xz, not a zip; unpack it and give the folder"),
    (0, b"\x28\xb5\x2f\xfd", "is packed with zstd, not a zip; unpack it and give the folder"),
    (0, b"%PDF", "is a PDF, not a zip; download the submissions again"),
)


def list_archive(path: Path) -> Iterator[Entry]:
    """Every member, and folders that are empty or called a notebook; raises UsageError when the zip as a whole cannot be read."""
    try:
        with path.open("rb") as stream:
            archive = identify(stream)
            impostor = _recognise(stream.read(512))
            if impostor:
                raise DirectoryError(impostor)
            records = read_directory(stream, archive[2])
    except DirectoryError as error:
        raise UsageError(f"{path}: {error}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    yield from _entries(records, path, archive)


def _recognise(head: bytes) -> str:
    """What a file that is no zip is instead, and what to do; "" when it may be one."""
    for place, magic, sentence in IMPOSTORS:
        if head.startswith(magic, place):
            return sentence
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        return "is a notebook by its content, not a zip; put it into a folder and give that folder"
    if text.startswith(b"<"):
        return "is a web page, not a zip; log in and download the submissions again"
    return "" if head else "is empty, not a zip; download the submissions again"


def _entries(records: Iterable[Record], path: Path, archive: tuple[int, ...]) -> Iterator[Entry]:
    folders: dict[tuple[str, ...], None] = {}  # the upper two floors; deeper ones hide no student
    filled: set[tuple[str, ...]] = set()
    called_notebooks: dict[tuple[str, ...], None] = {}
    for record in records:
        name = _decode(record)
        parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
        kind, note = _kind(record, name, parts)
        if kind == "outside" or not parts:
            parts = parts[-1:] if parts and parts[-1] != ".." else ("unnamed",)
        elif kind in ("long", "deep"):
            parts = (*parts[:-1][:1], parts[-1])
        above = _called_notebook(parts if kind == "folder" else parts[:-1])
        if above:
            called_notebooks[above] = None
        elif kind == "folder":
            folders[parts[:2]] = None
        else:
            member = Member(archive, record.name, record.method, record.crc, record.packed, record.size, record.offset)
            yield Entry(parts, kind, path, record.size, member, note)
        filled.update((parts[:1], parts[:2]) if kind != "folder" else (parts[:1],) if len(parts) > 1 else ())
    yield from (Entry(parts, "folder", path) for parts in called_notebooks)
    yield from (Entry(parts, "empty", path) for parts in folders if parts not in filled)


def _called_notebook(folders: tuple[str, ...]) -> tuple[str, ...]:
    """The path of the first folder that is called a notebook, if one is."""
    return next((folders[:depth] for depth, name in enumerate(folders, 1) if name.lower().endswith(".ipynb")), ())


def _decode(record: Record) -> str:
    """UTF-8 where the flag or the bytes say so (the Mac sets no flag), else the code page of the first PCs."""
    if record.flags & UTF8:
        return record.name.decode("utf-8", "surrogateescape")
    try:
        return record.name.decode("utf-8")
    except UnicodeDecodeError:
        return record.name.decode("cp437")


def _kind(record: Record, name: str, parts: tuple[str, ...]) -> tuple[Kind, str]:
    if ".." in parts or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "outside", shown(name)
    if len(record.name) > LONGEST_NAME:
        return "long", ""
    if len(parts) > MOST_PARTS:
        return "deep", f"{len(parts) - 1}"
    for test, kind in MODES:
        if test(record.mode):
            return kind, ""
    if not parts:
        return "damaged", say("it has no name")
    if name.endswith(("/", "\\")) or stat.S_ISDIR(record.mode):
        return "stuffed" if record.size else "folder", ""
    return _packing(record)


def _packing(record: Record) -> tuple[Kind, str]:
    if record.flags & ENCRYPTED:
        return "encrypted", ""
    if record.method not in METHODS or record.flags & 1 << 5:
        return "packing", say("method {number}", number=record.method)
    if not record.sound:
        return "damaged", say("it lies where another entry lies")
    if record.size > HARMLESS and record.size > RATIO * record.packed:
        return "bomb", say("{count} times", count=record.size // max(1, record.packed))
    if record.packed > 2 * record.size + 100_000:
        return "damaged", say("it is larger packed than unpacked")
    return "file", ""


MODES: tuple[tuple[Callable[[int], bool], Kind], ...] = (
    (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"), (stat.S_ISCHR, "device"),
)
