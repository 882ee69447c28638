"""Arrays as frames: the bytes that pass between the grader and the process that runs student code.

In: the grader's own calls, and bytes that a hostile process wrote. Out: frames, and trees of arrays that are ours
alone. A frame is two little-endian lengths, a JSON header and raw bytes. Never pickle, `np.load`, mmap or shared memory:
the first two run or allocate what the sender likes, the last two let the sender change or truncate what was checked.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from grader.errors import GraderError
from grader.messages import say
from grader.model import Argument, Array, Invocation, Items, Opaque, Tree

LENGTHS = struct.Struct("<IQ")  # bytes of header, bytes of payload
DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name).newbyteorder("<")
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_HEADER = 2 << 20  # bytes
MAX_DIMENSIONS = 32
MAX_ELEMENTS = 1 << 40  # also of an array without elements, counting 0 as 1: NumPy cannot shape more
MAX_DEPTH = 16
MAX_PARTS = 10_000
MAX_DESCRIPTION = 200


class FrameError(GraderError):
    """The bytes are no frame that this project writes."""


def encode(header: Mapping[str, object], payload: Iterable[bytes] = ()) -> bytes:
    """Return one frame."""
    text, body = json.dumps(header).encode(), b"".join(payload)
    return b"".join((LENGTHS.pack(len(text), len(body)), text, body))


def split(buffer: bytes | bytearray, max_payload: int) -> tuple[dict[str, Any], bytes, int] | None:
    """Take the first frame off: its header, its payload and its length in bytes, or None while it is incomplete."""
    if len(buffer) < LENGTHS.size:
        return None
    header_size, payload_size = LENGTHS.unpack_from(buffer)
    if header_size > MAX_HEADER or payload_size > max_payload:
        raise FrameError(say("a frame announces {header} + {payload} bytes, more than is allowed",
                             header=header_size, payload=payload_size))
    body = LENGTHS.size + header_size
    if len(buffer) < body + payload_size:
        return None
    return _header(bytes(buffer[LENGTHS.size : body])), bytes(buffer[body : body + payload_size]), body + payload_size


def encode_calls(calls: Sequence[Invocation]) -> tuple[list[list[object]], list[bytes]]:
    """Return the calls as JSON and the bytes of their arrays, each array once however often it is an argument."""
    places: dict[int, dict[str, object]] = {}
    blobs: list[bytes] = []
    end = 0

    def place(argument: Argument) -> dict[str, object]:
        nonlocal end
        if isinstance(argument, bool | int | float):
            return {"value": argument}
        if id(argument) not in places:
            description = _describe(argument)
            places[id(argument)] = {"at": end, **description}
            blobs.append(argument.astype(DTYPES[str(description["dtype"])], copy=False).tobytes())
            end += len(blobs[-1])
        return places[id(argument)]

    return [[call.function, [place(argument) for argument in call.arguments]] for call in calls], blobs


def decode_array(description: object, payload: bytes) -> Array:
    """Return the array of that dtype and shape which the bytes hold exactly."""
    reader = _Reader(payload)
    array = reader.array(description)
    reader.finish()
    return array


def decode_tree(description: object, payload: bytes) -> Tree:
    """Return what a function gave back; its arrays must use up the bytes exactly, in order."""
    reader = _Reader(payload)
    tree = reader.tree(description, 0)
    reader.finish()
    return tree


def _describe(array: Array) -> dict[str, object]:
    name = NAMES.get(array.dtype.newbyteorder("<"))
    if name is None or array.ndim > MAX_DIMENSIONS:
        raise FrameError(f"an argument of dtype {array.dtype} and {array.ndim} dimensions cannot go into the box")
    return {"dtype": name, "shape": array.shape}


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError covers bad UTF-8, bad JSON and endless digits
        raise FrameError(say("a frame's header is not JSON")) from error
    if type(header) is not dict:
        raise FrameError(say("a frame's header is not a JSON object"))
    return header


class _Reader:
    """Walks a description and takes its arrays off the payload, from left to right."""

    def __init__(self, payload: bytes) -> None:
        self.payload, self.at, self.parts = payload, 0, 0

    def finish(self) -> None:
        if self.at != len(self.payload):
            raise FrameError(say("a frame holds {count} bytes too many", count=len(self.payload) - self.at))

    def tree(self, description: object, depth: int) -> Tree:
        self.parts += 1
        if type(description) is not dict or depth > MAX_DEPTH or self.parts > MAX_PARTS:
            raise FrameError(say("a returned value is not described as it must be"))
        match list(description):
            case ["dtype", "shape"]:
                return self.array(description)
            case ["opaque"]:
                return Opaque(_words(description["opaque"]))
            case ["tuple"]:
                return self.items("tuple", description["tuple"], depth)
            case ["list"]:
                return self.items("list", description["list"], depth)
        raise FrameError(say("a returned value is of no known kind"))

    def items(self, kind: Literal["tuple", "list"], descriptions: object, depth: int) -> Items:
        if type(descriptions) is not list:
            raise FrameError(say("a {kind} is not described as it must be", kind=kind))
        return Items(kind, tuple(self.tree(each, depth + 1) for each in descriptions))

    def array(self, description: object) -> Array:
        name, shape = _dtype_and_shape(description)
        start, size = self.at, math.prod(shape) * DTYPES[name].itemsize
        if size > len(self.payload) - start:
            raise FrameError(say("a frame holds too few bytes for its arrays"))
        self.at += size
        if name == "bool":  # any byte may have been sent, and NumPy takes a bool that is neither 0 nor 1 on trust
            array: Array = np.ndarray(shape, np.uint8, self.payload, start).astype(bool)
        else:
            array = np.ndarray(shape, DTYPES[name], self.payload, start).copy()
        return array


def _dtype_and_shape(description: object) -> tuple[str, tuple[int, ...]]:
    if type(description) is not dict or description.keys() != {"dtype", "shape"}:
        raise FrameError(say("an array is not described by dtype and shape"))
    name, shape = description["dtype"], description["shape"]
    if type(name) is not str or name not in DTYPES:
        raise FrameError(say("an array has a dtype that is not allowed"))
    if type(shape) is not list or len(shape) > MAX_DIMENSIONS:
        raise FrameError(say("an array has too many dimensions"))
    elements = 1
    for size in shape:
        if type(size) is not int or size < 0:
            raise FrameError(say("an array has a dimension that is no size"))
        elements *= size or 1
    if elements > MAX_ELEMENTS:
        raise FrameError(say("an array has too many elements"))
    return name, tuple(shape)


def _words(text: object) -> str:
    if type(text) is not str or not text.isascii() or not text.isprintable() or len(text) > MAX_DESCRIPTION:
        raise FrameError(say("a description is not plain text"))
    return text
