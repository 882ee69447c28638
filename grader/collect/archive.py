"""A zip -> entries; members are read one by one under a cap and never unpacked to a path that a name controls."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from grader.collect.entries import Entry, Kind
from grader.errors import UsageError

MOST_MEMBERS = 100_000


def list_archive(path: Path) -> Iterator[Entry]:
    """Every member that is not a folder; raises UsageError when the zip as a whole cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise UsageError(f"{path}: not a zip that can be read ({error}); download it again") from None
    if len(members) > MOST_MEMBERS:
        raise UsageError(f"{path}: holds {len(members)} entries, more than {MOST_MEMBERS}; this is no download of submissions")
    for member in members:
        parts = tuple(part for part in member.filename.replace("\\", "/").split("/") if part not in ("", "."))
        if parts and not member.is_dir():
            kind = _kind(member, parts)
            yield Entry(parts if kind == "file" else parts[-1:], kind, path, member.filename)


def _kind(member: zipfile.ZipInfo, parts: tuple[str, ...]) -> Kind:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "link"
    if member.flag_bits & 1 or ".." in parts or member.filename.startswith("/") or ":" in parts[0]:
        return "unreadable"  # encrypted, or a name that points out of the archive
    return "file"


def read_member(path: Path, member: str, limit: int) -> bytes:
    """A member's bytes, at most limit + 1 of them, whatever its header promises."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        return stream.read(limit + 1)
