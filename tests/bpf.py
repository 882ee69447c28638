"""A classic BPF machine, just large enough to ask a seccomp filter what it would answer, for any architecture."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AUDIT_ARCH = {"X86_64": 0xC000003E, "AARCH64": 0xC00000B7, "X86": 0x40000003}
_JUMPS: dict[int, Callable[[int, int], bool]] = {
    0x10: lambda a, b: a == b, 0x20: lambda a, b: a > b, 0x30: lambda a, b: a >= b, 0x40: lambda a, b: bool(a & b),
}


@dataclass(frozen=True)
class Filter:
    """A compiled filter: 8 bytes an instruction, as in linux/filter.h."""

    code: bytes

    def answer(self, machine: str, number: int, *arguments: int) -> int:
        """What the filter returns for a system call on a machine; arguments not given are 0."""
        padded = (*arguments, *(0,) * 6)[:6]
        data = struct.pack("<iIQ6Q", number, AUDIT_ARCH[machine], 0, *(value & (1 << 64) - 1 for value in padded))
        program = list(struct.iter_unpack("<HBBI", self.code))
        at, accumulator, scratch = 0, 0, [0] * 16
        while True:
            code, yes, no, k = program[at]
            at += 1
            match code & 0x07:
                case 0x00:  # load a word of the call's description, or of scratch memory
                    accumulator = scratch[k] if code & 0xE0 == 0x60 else int.from_bytes(data[k:k + 4], "little")
                case 0x02:
                    scratch[k] = accumulator
                case 0x04:  # the only arithmetic that libseccomp writes is a mask
                    assert code & 0xF0 == 0x50
                    accumulator &= k
                case 0x05:
                    at += k if code & 0xF0 == 0 else yes if _JUMPS[code & 0xF0](accumulator, k) else no
                case 0x06:
                    return int(k)
                case _:
                    raise AssertionError(f"unknown instruction {code:#x}")
