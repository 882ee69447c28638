"""What one process of student code said, checked byte by byte: its reply pipe in, replies and loads out.

All of it was written by a hostile process. What does not follow the protocol raises FrameError; all text is cleaned.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal, cast

from grader.messages import say
from grader.model import Program, Raised, Reply, Returned
from grader.tensors import FrameError, decode_tree, split

FRAME_ALLOWANCE = 8 << 10  # bytes of one frame that carries words only
LOAD_ALLOWANCE = 512 << 10  # bytes of the first frame
MAX_MESSAGE, MAX_NAME, MAX_LOAD = 500, 100, 50
MAX_ARGUMENTS = 1000
KINDS = ("error", "memory", "forbidden")
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links and other strings
    r"|\x1b[@-Z\\^_]"
)


def clean(text: str, most: int) -> str:
    """Return text fit for a terminal or page: one line, no escape sequence, control, bidi or zero-width character."""
    text = _ESCAPE.sub("", text[: 4 * most])
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    text = text.strip()
    return text if len(text) <= most else text[: most - 1] + "…"


class Replies:
    """Takes the bytes of one reply pipe as they come; holds what was validly said so far."""

    def __init__(self, program: Program, count: int, output_mb: int) -> None:
        self.load: tuple[Raised, ...] = ()
        self.replies: list[Reply] = []
        self._cells = {cell.cell: cell.lines for cell in program.cells}
        self._count = count
        self._loaded = False
        self._buffer = bytearray()
        self._payload = output_mb << 20
        self._left = self._payload + LOAD_ALLOWANCE + count * FRAME_ALLOWANCE

    @property
    def complete(self) -> bool:
        """Tell whether every call was answered and nothing else was said."""
        return self._loaded and len(self.replies) == self._count and not self._buffer

    def feed(self, data: bytes) -> None:
        """Take more bytes; raises FrameError as soon as something is not as the protocol says."""
        self._left -= len(data)
        if self._left < 0:
            raise FrameError(say("it sent more than is allowed"))
        self._buffer += data
        while (frame := split(self._buffer, self._payload)) is not None:
            header, payload, size = frame
            del self._buffer[:size]
            self._take(header, payload)
        if self._buffer and self._loaded and len(self.replies) == self._count:
            raise FrameError(say("it sent more than it was asked for"))

    def all_replies(self) -> tuple[Reply, ...]:
        """Return one entry for each call, None where no answer came."""
        return (*self.replies, *[None] * (self._count - len(self.replies)))

    def _take(self, header: dict[str, Any], payload: bytes) -> None:
        number = header.pop("number", None)
        if type(number) is not int or number != len(self.replies) + self._loaded or number > self._count:
            raise FrameError(say("it sent an answer out of turn"))
        match sorted(header):
            case ["load"] if not self._loaded and not payload:
                self.load, self._loaded = self._all_raised(header["load"]), True
            case ["raised"] if self._loaded and not payload:
                self.replies.append(self._raised(header["raised"]))
            case ["changed", "returned"] if self._loaded:
                self.replies.append(Returned(decode_tree(header["returned"], payload), _positions(header["changed"])))
            case _:
                raise FrameError(say("it sent something that is no answer"))

    def _all_raised(self, errors: object) -> tuple[Raised, ...]:
        if type(errors) is not list or len(errors) > MAX_LOAD:
            raise FrameError(say("it sent something that is no list of exceptions"))
        return tuple(map(self._raised, errors))

    def _raised(self, content: object) -> Raised:
        if type(content) is not dict or set(content) != {"exception", "message", "cell", "line", "kind"}:
            raise FrameError(say("it sent something that is no exception"))
        name, message, kind = content["exception"], content["message"], content["kind"]
        if type(name) is not str or type(message) is not str or kind not in KINDS:
            raise FrameError(say("it sent something that is no exception"))
        cell, line = self._position(content["cell"], content["line"])
        kind = cast(Literal["error", "memory", "forbidden"], kind)
        return Raised(clean(name, MAX_NAME), clean(message, MAX_MESSAGE), cell, line, kind)

    def _position(self, cell: object, line: object) -> tuple[int | None, int | None]:
        """Return the student's own cell and line."""
        if type(cell) is not int or cell not in self._cells:
            return None, None
        lines = self._cells[cell]
        return cell, lines[line - 1] if type(line) is int and 1 <= line <= len(lines) else None


def _positions(changed: object) -> tuple[int, ...]:
    if type(changed) is not list or len(changed) > MAX_ARGUMENTS:
        raise FrameError(say("it sent something that is no list of positions"))
    if not all(type(i) is int and 0 <= i < MAX_ARGUMENTS for i in changed):
        raise FrameError(say("it sent something that is no list of positions"))
    return tuple(changed)
