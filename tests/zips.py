"""Zips written byte by byte, so that every field can lie."""

from __future__ import annotations

import bz2
import lzma
import stat
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

UTF8 = 1 << 11


@dataclass(frozen=True)
class Raw:
    """One member; what is None is told truly. `at` is the index of the member whose place is quoted."""

    name: bytes
    content: bytes = b"{}"
    method: int = 0
    flags: int = 0
    mode: int = stat.S_IFREG | 0o644
    size: int | None = None
    packed: int | None = None
    crc: int | None = None
    at: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    needed: int = 20
    data: bytes | None = None
    local_name: bytes | None = None


def compress(content: bytes, method: int) -> bytes:
    """Content as a zip's member holds it."""
    if method == 8:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(content) + deflater.flush()
    if method == 12:
        return bz2.compress(content, 9)
    if method == 14:
        chain = [{"id": lzma.FILTER_LZMA1, "preset": 0, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
        return struct.pack("<HHBL", 0x0914, 5, 3 + 9 * 5 * 2, 1 << 16) + lzma.compress(content, lzma.FORMAT_RAW, filters=chain)
    return content


def write_zip(
    members: Sequence[Raw], *, before: bytes = b"", comment: bytes = b"", after: bytes = b"", wide: bool = False, count: int | None = None
) -> bytes:
    """The whole zip; `wide` writes zip64 records at its end, `count` is the number of entries it claims."""
    body, directory, places = bytearray(), bytearray(), list[int]()
    for one in members:
        data = compress(one.content, one.method) if one.data is None else one.data
        name = one.name if one.local_name is None else one.local_name
        numbers = (zlib.crc32(one.content), len(data), len(one.content))
        places.append(len(body))
        described = one.flags & 8
        body += struct.pack("<4s5H3L2H", b"PK\3\4", one.needed, one.flags, one.method, 0, 0, *((0, 0, 0) if described else numbers), len(name), 0)
        body += name + data + (struct.pack("<4s3L", b"PK\7\x08", *numbers) if described else b"")
        crc, packed, size = (true if told is None else told for told, true in zip((one.crc, one.packed, one.size), numbers, strict=True))
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 3 << 8 | 20, one.needed, one.flags, one.method, 0, 0, crc, packed, size, len(one.name), len(one.extra),
            len(one.comment), 0, 0, one.mode << 16, places[-1 if one.at is None else one.at])
        directory += one.name + one.extra + one.comment
    entries = len(members) if count is None else count
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries & 0xFFFF, entries & 0xFFFF, len(directory), len(body), len(comment))
    if wide:
        place = len(before) + len(body) + len(directory)
        end = (
            struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(directory), len(body))
            + struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
            + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, len(comment))
        )
    return before + bytes(body) + bytes(directory) + end + comment + after
