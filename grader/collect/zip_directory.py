"""A zip's bytes -> records of its central directory, as they stand. Knows nothing of notebooks; decodes and unpacks nothing.

Not the standard library's reader, for which one bad name, extra field or version among 100,000 makes the whole zip unreadable,
whose names end at a NUL, and which offers entries by name, the last of several.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

MOST_MEMBERS = 100_000
LARGEST_DIRECTORY = 64_000_000  # bytes; 100,000 entries of a usual zip take some 15 MB

END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
ENTRY = struct.Struct("<4s6H3L5H2L")

_WIDE = 0xFFFF_FFFF  # "see the extra field"


class DirectoryError(Exception):
    """The zip as a whole cannot be read; the text finishes the sentence "FILE ..." and says what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry as the directory describes it, true or not; `sound` is false where it contradicts itself or its neighbours."""

    name: bytes
    flags: int
    method: int
    mode: int
    crc: int
    packed: int
    size: int
    offset: int
    sound: bool


@dataclass(frozen=True)
class _Place:
    """Where the directory lies, and how far everything has moved because something was put in front of the zip."""

    start: int
    length: int
    shift: int
    entries: int


def read_directory(stream: BinaryIO, length: int) -> list[Record]:
    """All records in their order; raises DirectoryError. `length` is the file's, in bytes."""
    place = _find(stream, length)
    if place.entries > MOST_MEMBERS:
        raise DirectoryError(f"holds {place.entries} entries, more than {MOST_MEMBERS}; this is no download of submissions")
    if place.length > LARGEST_DIRECTORY:
        raise DirectoryError(f"has a list of entries of {place.length // 1_000_000} MB; this is no download of submissions")
    stream.seek(place.start)
    records = list(_records(stream.read(place.length), place))
    # Writers that know no zip64 count modulo 65,536.
    if len(records) != place.entries and len(records) % 0x1_0000 != place.entries:
        raise DirectoryError(f"says it holds {place.entries} entries and lists {len(records)}; download it again")
    return _without_overlaps(records, place.start)


def _find(stream: BinaryIO, length: int) -> _Place:
    start = max(0, length - END.size - 0xFFFF)
    stream.seek(start)
    at, end = _find_end(stream.read(END.size + 0xFFFF))
    _, disk, first_disk, _, entries, size, offset, _ = end
    at += start
    finish, wide = at, _find_wide(stream, at)
    if wide:
        finish, disk, first_disk, entries, size, offset = wide
    if disk or first_disk:
        raise DirectoryError("is one part of several; join the parts first, or download it as one zip")
    shift = finish - size - offset
    if shift < 0 or finish < size:
        raise DirectoryError("is cut off, or its list of entries is not where it should be; download it again")
    return _Place(finish - size, size, shift, entries)


def _find_end(tail: bytes) -> tuple[int, tuple[int, ...]]:
    """The last end record whose comment fits the file, or else the last whole one: downloads may have bytes behind them."""
    fallback, at = -1, tail.rfind(b"PK\5\6")
    while at >= 0:
        if at + END.size <= len(tail):
            record = END.unpack_from(tail, at)
            if at + END.size + record[-1] == len(tail):
                return at, record
            fallback = max(fallback, at)
        at = tail.rfind(b"PK\5\6", 0, at)
    if fallback < 0:
        raise DirectoryError("is cut off: the list of entries at the end of every zip is missing; download it again")
    return fallback, END.unpack_from(tail, fallback)


def _find_wide(stream: BinaryIO, end: int) -> tuple[int, ...] | None:
    """Where a zip64 end record stands and what it says, if there is one: right before its locator, or where that points."""
    at = end - LOCATOR.size
    if at < END64.size:
        return None
    stream.seek(at)
    signature, _, told, disks = LOCATOR.unpack(stream.read(LOCATOR.size))
    if signature != b"PK\6\7":
        return None
    if disks > 1:
        raise DirectoryError("is one part of several; join the parts first, or download it as one zip")
    for place in (at - END64.size, told):
        if place <= at - END64.size:
            stream.seek(place)
            record = END64.unpack(stream.read(END64.size))
            if record[0] == b"PK\6\6":
                return (place, *record[4:6], *record[7:10])
    return None  # by chance the last comment looked like a locator


def _records(data: bytes, place: _Place) -> Iterator[Record]:
    at = count = 0
    while at < len(data):
        count += 1
        if count > MOST_MEMBERS:
            raise DirectoryError(f"holds more than {MOST_MEMBERS} entries; this is no download of submissions")
        if at + ENTRY.size > len(data) or data[at:at + 4] != b"PK\1\2":
            raise DirectoryError(f"has a list of entries that breaks off at entry {count}; download it again")
        (_, _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes, comment_bytes, _, _, attributes, offset
         ) = ENTRY.unpack_from(data, at)
        at += ENTRY.size
        name, extra = data[at:at + name_bytes], data[at + name_bytes:at + name_bytes + extra_bytes]
        at += name_bytes + extra_bytes + comment_bytes
        wide = _widen(extra, size, packed, offset)
        size, packed, offset = wide or (size, packed, offset)
        yield Record(name, flags, method, attributes >> 16, crc, packed, size, offset + place.shift, wide is not None)
    if at > len(data):
        raise DirectoryError(f"has a list of entries that breaks off at entry {count}; download it again")


def _widen(extra: bytes, *numbers: int) -> tuple[int, int, int] | None:
    """Size, packed size and offset, with those that need 64 bits from the extra field; None if that lacks them."""
    field = _find_field(extra, 1)
    found = []
    for number in numbers:
        if number == _WIDE:
            if len(field) < 8:
                return None
            found.append(int.from_bytes(field[:8], "little"))
            field = field[8:]
        else:
            found.append(number)
    return found[0], found[1], found[2]


def _find_field(extra: bytes, wanted: int) -> bytes:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == wanted:
            return extra[4:4 + length]
        extra = extra[4 + length:]
    return b""


def _without_overlaps(records: list[Record], end: int) -> list[Record]:
    """Marks entries whose data run into the next entry or the directory: bombs have one kernel that many entries quote."""
    order = sorted(range(len(records)), key=lambda index: records[index].offset)
    for at, index in enumerate(order, 1):
        one, following = records[index], records[order[at]].offset if at < len(order) else end
        if one.offset + 30 + len(one.name) + one.packed > following:
            records[index] = replace(one, sound=False)
    return records
