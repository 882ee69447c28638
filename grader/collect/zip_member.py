"""A zip's member -> its bytes, never more than its size in the list of entries, whatever the packed data say.

Each read opens the zip anew: workers are forks of one process, and a descriptor from before the fork has one position for all.
bzip2 and LZMA too are unpacked under a cap, which the standard library's reader does not do: 4 kB may become gigabytes there.
"""

from __future__ import annotations

import bz2
import lzma
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from grader.messages import say, text_of
from grader.model import Member

LOCAL = struct.Struct("<4s5H3L2H")
CHUNK = 1 << 16

Unpack = Callable[[bytes, int], bytes]
"""(packed bytes, or b"" for what is left over; most bytes to return) -> bytes."""


def read_member(path: Path, member: Member) -> bytes:
    """A member's bytes, `member.size` of them; raises OSError when the zip has changed or the member is damaged."""
    with path.open("rb") as stream:
        if identify(stream) != member.archive:
            raise OSError(say("the zip has been changed since it was listed"))
        try:
            return _unpack(stream, member)
        except (zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, OSError) as error:
            raise OSError(say("the zip is damaged at this entry ({error})", error=text_of(error))) from None


def identify(stream: BinaryIO) -> tuple[int, ...]:
    """What tells this very file, unchanged, from any other."""
    found = os.fstat(stream.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _unpack(stream: BinaryIO, member: Member) -> bytes:
    stream.seek(member.offset)
    header = LOCAL.unpack(stream.read(LOCAL.size))
    if header[0] != b"PK\3\4" or stream.read(header[-2]) != member.name:
        raise EOFError(say("the list of entries and the entry itself differ"))
    stream.seek(header[-1], os.SEEK_CUR)
    content = _read(stream, member)
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise EOFError(say("its size or checksum is not the one in the list of entries"))
    return content


def _read(stream: BinaryIO, member: Member) -> bytes:
    """At most one byte more than the member may have."""
    start = stream.tell()
    unpack = METHODS[member.method](stream, member)
    left = member.packed - (stream.tell() - start)  # LZMA's settings stand in front
    content = bytearray()
    while len(content) <= member.size:
        wanted = member.size + 1 - len(content)
        piece = unpack(b"", wanted)
        if not piece:
            packed = stream.read(max(0, min(left, CHUNK)))
            if not packed:
                break
            left -= len(packed)
            piece = unpack(packed, wanted)
        content += piece
    return bytes(content)


def _stored(_stream: BinaryIO, _member: Member) -> Unpack:
    return lambda packed, most: packed[:most]


def _deflated(_stream: BinaryIO, _member: Member) -> Unpack:
    inflater = zlib.decompressobj(-15)
    return lambda packed, most: inflater.decompress(inflater.unconsumed_tail + packed, most)


def _feed(decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> Unpack:
    def unpack(packed: bytes, most: int) -> bytes:
        if decompressor.eof or (not packed and decompressor.needs_input):
            return b""
        return decompressor.decompress(packed, most)

    return unpack


def _bzipped(_stream: BinaryIO, _member: Member) -> Unpack:
    return _feed(bz2.BZ2Decompressor())


def _lzma(stream: BinaryIO, member: Member) -> Unpack:
    _, length, settings, dictionary = struct.unpack("<HHBL", stream.read(9))
    if length != 5 or settings >= 9 * 5 * 5:
        raise ValueError(say("its LZMA settings are not known"))
    rest, lc = divmod(settings, 9)
    pb, lp = divmod(rest, 5)
    # The dictionary is memory that a stranger asks for; more than the content is never needed.
    size = max(4096, min(dictionary, member.size + 1))
    chain = [{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}]
    return _feed(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain))


METHODS: dict[int, Callable[[BinaryIO, Member], Unpack]] = {0: _stored, 8: _deflated, 12: _bzipped, 14: _lzma}
