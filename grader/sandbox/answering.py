"""Answers calls to a student's functions: runs the statements, makes the calls, says what came back; student code runs beside it.

In: a job, as box.py and run_here.py send it. Out: frames, the first for the load, then one for each call, in order. May know
nothing of walls, and nothing that Windows or macOS lack: the standard library and NumPy alone, on Python 3.11 and later.

It is used in three ways: inside.py loads it by its path, behind the walls; a plain process of the student's own machine is
given its text; `check` in the student's own kernel imports it. It never imports the grader. All that it says is untrusted,
since it shares its memory with student code. What it does with returned values (plain arrays or words, never a pickle) keeps
honest values whole; who listens checks each byte again. Frames: two little-endian lengths, a JSON header, raw bytes; the same
as in grader/tensors.py, written out twice because neither side may import the other.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import collections.abc
import contextlib
import dis
import faulthandler
import functools
import importlib.abc
import importlib.machinery
import json
import math
import os
import re
import struct
import sys
import types
import typing
import warnings
from typing import IO, Any, NoReturn

import numpy as np
from numpy import array as make_array  # by name, since student code may replace what hangs on numpy
from numpy import asarray, dtype, errstate, generic, ndarray

to_json = json.dumps
LENGTHS = struct.Struct("<IQ")
MAX_HEADER = 2 << 20  # bytes
MAX_DIMENSIONS = 32
MAX_ELEMENTS = 1 << 40
MAX_DEPTH = 16
MAX_PARTS = 10_000
MAX_LIST_NUMBERS = 4_000_000
MAX_MESSAGE = 500
MAX_LOAD_ERRORS = 50
MB = 1 << 20

# --- frames -----------------------------------------------------------------------------------------------------------


def encode(header: dict[str, Any], blobs: collections.abc.Iterable[bytes] = ()) -> bytes:
    """Return one frame."""
    text, body = to_json(header).encode(), b"".join(blobs)
    return b"".join((LENGTHS.pack(len(text), len(body)), text, body))


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Take one frame of the grader's, which is believed, off a stream."""
    header_size, payload_size = LENGTHS.unpack(stream.read(LENGTHS.size))
    return json.loads(stream.read(header_size)), stream.read(payload_size)


# --- stand-ins for what a notebook has and a box has not --------------------------------------------------------------


class Inert:
    """Stands for anything of a plotting or notebook library: can be called, entered, looped over; does nothing.

    A loop over it goes over a few stand-ins; over a progress bar, over what the bar was called with.
    """

    _is_bar = False
    _over: object = None

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        return Inert()

    def __call__(self, *arguments: object, **__: object) -> Inert:
        result = Inert()
        if self._is_bar and arguments:
            object.__setattr__(result, "_over", arguments[0])
        return result

    def __array__(self, *_: object, **__: object) -> Any:
        items = np.empty(FEW, dtype=object)
        for index in range(FEW):  # one by one: as a list they would be turned into arrays in their turn
            items[index] = Inert()
        return items

    def __enter__(self) -> Inert:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getitem__(self, _: object) -> Inert:
        return Inert()

    def __setitem__(self, _: object, __: object) -> None:
        pass

    def __setattr__(self, _: str, __: object) -> None:
        pass

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> collections.abc.Iterator[Any]:
        wanted = wanted_items(sys._getframe(1))
        if wanted is not None:
            return iter([Inert() for _ in range(wanted)])
        if type(self._over) is int:
            return iter(range(self._over))
        if isinstance(self._over, collections.abc.Iterable) and not isinstance(self._over, str | bytes):
            return iter(self._over)
        return iter([Inert() for _ in range(FEW)])


FEW = 64  # stand-ins in a loop over a stand-in: as many axes as a figure may have


def wanted_items(frame: types.FrameType) -> int | None:
    """Return how many items the frame unpacks just now, so that `figure, axes = plt.subplots()` works; None in a loop."""
    code, at = frame.f_code.co_code, frame.f_lasti
    name, count = dis.opname[code[at]], code[at + 1]
    if name == "UNPACK_EX":  # its low byte: names before the starred one
        return count
    return count if name == "UNPACK_SEQUENCE" else None


class InertModule(types.ModuleType):
    """A module of which everything is inert."""

    __version__ = "0"

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("__"):
            raise AttributeError(name)
        found = Inert()
        object.__setattr__(found, "_is_bar", self.__name__.partition(".")[0] in PROGRESS_BARS)
        return found


PROGRESS_BARS = ("tqdm",)


class InertModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for every module below the given top-level names."""

    def __init__(self, names: list[str]) -> None:
        self.names = frozenset(names)

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return InertModule(spec.name)

    def exec_module(self, _: types.ModuleType) -> None:
        pass


class Shell:
    """What get_ipython() returns: every method does nothing."""

    def __getattr__(self, _: str) -> typing.Callable[..., None]:
        return _nothing


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def leave(status: object = None) -> NoReturn:
    """Stand for `exit` and `quit`, which the site module would have made."""
    raise SystemExit(status)


def furnish(inert: list[str]) -> None:
    """Give the interpreter what student code expects to find, once, before any fork."""
    sys.meta_path.insert(0, InertModules(inert))
    vars(builtins).update(get_ipython=Shell, display=_nothing, exit=leave, quit=leave)
    warnings.simplefilter("ignore")
    sys.argv[:] = [""]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.addaudithook(note_act)


# --- exceptions -------------------------------------------------------------------------------------------------------

ACTS = {
    "socket.__new__": "open a network socket",
    "socket.connect": "connect to the network",
    "socket.getaddrinfo": "look up a host on the network",
    "socket.gethostbyname": "look up a host on the network",
    "subprocess.Popen": "start another program",
    "os.exec": "start another program",
    "os.posix_spawn": "start another program",
    "os.system": "start another program",
    "os.fork": "start another process",
    "os.forkpty": "start another process",
    "os.kill": "signal a process",
    "os.remove": "delete a file",
    "os.rename": "rename a file",
    "os.mkdir": "make a folder",
    "os.rmdir": "delete a folder",
    "os.listdir": "list a folder",
    "os.scandir": "list a folder",
    "os.chmod": "change a file's mode",
    "os.link": "make a link",
    "os.symlink": "make a link",
    "os.truncate": "change a file",
}
_last_act = [""]
reserve: list[object] = []  # what inside.py keeps back for the answer that says that there is no more memory


def note_act(event: str, details: tuple[Any, ...]) -> None:
    """Remember what was tried last, for words only: student code can lie about it, and no wall depends on it.

    A process that kills itself is let go, although seccomp denies every kill: it has ended itself, and that is what to report.
    """
    if event in ACTS:
        _last_act[0] = ACTS[event]
        if event == "os.kill" and details[0] == os.getpid() and details[1]:
            os._exit(128 + details[1])


def describe_error(error: BaseException) -> dict[str, Any]:
    """Put an exception into words and find the student's line in it; `error` may be of a hostile class."""
    kind = type(error)
    name, message = class_name(kind), error_message(error)
    cell, line = position(error)
    category = "error"
    if issubclass(kind, MemoryError):
        reserve.clear()
        name, category = "MemoryError", "memory"
    elif issubclass(kind, OSError):
        category, act = "forbidden", attempted(error)
        message = f"it tried to {act}: {message}" if act else message
    return {"exception": name, "message": message, "cell": cell, "line": line, "kind": category}


def error_message(error: BaseException) -> str:
    """Return the exception's own words, capped, or none when getting them fails."""
    try:
        return str.__getitem__(str(error), slice(MAX_MESSAGE))
    except BaseException:
        return ""


def attempted(error: Any) -> str:
    """Return what an OSError came from, in words; empty when it says so itself or nothing is known."""
    with contextlib.suppress(BaseException):
        if isinstance(error.filename, str | bytes | int):
            return "open or change a file"
    return _last_act[0]


def position(error: BaseException) -> tuple[int | None, int | None]:
    """Return cell and line of the innermost frame that is the student's own."""
    with contextlib.suppress(BaseException):
        if isinstance(error, SyntaxError) and cell_number(error.filename) is not None:
            return cell_number(error.filename), error.lineno
    found: tuple[int | None, int | None] = None, None
    trace = _traceback_of(error)
    while trace is not None:
        cell = cell_number(trace.tb_frame.f_code.co_filename)
        if cell is not None:
            found = cell, trace.tb_lineno
        trace = trace.tb_next
    return found


# Not by attribute: a hostile class may have a property of that name.
_traceback_of = typing.cast(Any, vars(BaseException)["__traceback__"]).__get__


def cell_number(filename: object) -> int | None:
    """Return N of `<cell N>`."""
    found = _CELL_NAME.fullmatch(filename) if type(filename) is str else None
    return int(found[1]) if found else None


_CELL_NAME = re.compile(r"<cell ([0-9]{1,9})>")


def class_name(kind: type) -> str:
    """Return a class's name, whatever its metaclass says."""
    return str(_name_of_class(kind))[:100]


_name_of_class = typing.cast(Any, vars(type)["__name__"]).__get__

# --- returned values: plain arrays, or words --------------------------------------------------------------------------

NUMBERS = (bool, int, float, complex, generic)
WIRE_NAMES: dict[Any, str] = {
    dtype(name).newbyteorder("<"): name
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
WIRE_TYPES = {dtype: dtype for dtype in WIRE_NAMES}
WORDS: dict[type, str] = {
    type(None): "None",
    dict: "a dict",
    set: "a set",
    frozenset: "a set",
    str: "a string",
    bytes: "bytes",
    range: "a range",
    slice: "a slice",
    type: "a class",
    types.GeneratorType: "a generator",
    types.CoroutineType: "a coroutine",
    types.FunctionType: "a function",
    types.BuiltinFunctionType: "a function",
    types.MethodType: "a method",
    types.ModuleType: "a module",
    type(Ellipsis): "an ellipsis (...)",
    type(NotImplemented): "NotImplemented",
    Inert: "an object of a plotting or notebook library",
}
ARRAY_WORDS = {
    "O": "an array of Python objects",
    "U": "an array of strings",
    "S": "an array of strings",
    "T": "an array of strings",
    "V": "a structured array",
    "M": "an array of dates",
    "m": "an array of time spans",
}


class Unreturnable(Exception):  # noqa: N818  it is no error
    """A value that cannot be sent; its text says what it was."""


class Leaves:
    """Turns one returned value into a description and the bytes of its arrays."""

    def __init__(self, budget: int) -> None:
        self.budget, self.parts, self.numbers = budget, 0, 0
        self.blobs: list[bytes] = []

    def tree(self, value: object, depth: int = 0) -> dict[str, Any]:
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise Unreturnable(f"a structure of more than {MAX_PARTS:,} parts")
        if depth > MAX_DEPTH:
            raise Unreturnable(f"a structure nested more than {MAX_DEPTH} deep, or in itself")
        kind = type(value)
        if issubclass(kind, tuple):
            return {"tuple": [self.tree(item, depth + 1) for item in tuple.__iter__(typing.cast(Any, value))]}
        if issubclass(kind, list):
            return self._list(list.copy(typing.cast(Any, value)), depth)
        array = plain_array(value)
        return {"opaque": describe_value(value)} if array is None else self.leaf(array)

    def _list(self, items: list[Any], depth: int) -> dict[str, Any]:
        if self._rectangular(items) is not None:
            return self.leaf(make_array(items))
        return {"list": [self.tree(item, depth + 1) for item in items]}

    def _rectangular(self, items: list[Any], depth: int = 1) -> tuple[int, ...] | None:
        """Return the shape of a list of numbers, or of lists of them; None for any other list, and an empty one."""
        self.numbers += len(items) + 16  # a list costs about as much time as 16 numbers
        if self.numbers > MAX_LIST_NUMBERS:
            raise Unreturnable(f"a list of more than {MAX_LIST_NUMBERS:,} parts")
        kinds = set(map(type, items))
        if not kinds or depth > MAX_DIMENSIONS:
            return None
        if all(issubclass(kind, NUMBERS) for kind in kinds):
            return (len(items),)
        if kinds != {list}:
            return None
        shapes = {self._rectangular(item, depth + 1) for item in items}
        shape = shapes.pop()
        return None if shapes or shape is None else (len(items), *shape)

    def leaf(self, array: Any) -> dict[str, Any]:
        shape, size = array.shape, int(array.size)
        most = self.budget // 8 if array.dtype.kind == "O" else self.budget  # a number takes a byte at least
        if size > most or len(shape) > MAX_DIMENSIONS or (not size and math.prod(n or 1 for n in shape) > MAX_ELEMENTS):
            return {"opaque": big(size)}
        if array.dtype.kind == "O":
            array = numbers_of(array)
        target = WIRE_TYPES.get(array.dtype) or WIRE_TYPES.get(narrowed(array.dtype))
        if target is None:
            return {"opaque": ARRAY_WORDS.get(array.dtype.kind, "an array of an unusual dtype")}
        if size * target.itemsize > self.budget:
            return {"opaque": big(size)}
        blob = array.astype(target, copy=False).tobytes()
        self.budget -= len(blob)
        self.blobs.append(blob)
        return {"dtype": WIRE_NAMES[target], "shape": shape}


def big(size: int) -> str:
    """Return the words for an array that is too large to send."""
    return f"an array of {float(size):.1e} numbers"


def plain_array(value: Any) -> Any:
    """Return an array, a number or what offers itself as an array as a base-class array; None for anything else."""
    kind = type(value)
    if kind is ndarray:
        return value
    if issubclass(kind, ndarray):
        return ndarray.view(value, ndarray)
    if issubclass(kind, Inert):
        return None
    if not issubclass(kind, NUMBERS) and not hasattr(kind, "__array__"):
        return None
    array = asarray(value)
    return array if type(array) is ndarray else None


def numbers_of(array: Any) -> Any:
    """Return an object array as an array of numbers where all its elements are numbers, else as it is."""
    items = array.ravel().tolist()
    if not items or not all(issubclass(kind, NUMBERS) for kind in set(map(type, items))):
        return array
    plain = make_array(items)
    if plain.dtype.kind == "O":  # integers beyond 64 bits
        plain = make_array([complex(item) if isinstance(item, complex) else float(item) for item in items])
    return plain.reshape(array.shape)


def narrowed(given: Any) -> Any:
    """Return the dtype of the same kind that can be sent: little-endian, 8 bytes a number at most, 16 if complex."""
    if given.kind in "fc":
        return dtype(f"<{given.kind}{min(given.itemsize, 16 if given.kind == 'c' else 8)}")
    return given.newbyteorder("<") if given.kind in "iu" else given


def describe_value(value: object) -> str:
    """Say in plain ASCII what kind of thing a value is, without asking the value."""
    for known in type(value).__mro__:
        if known in WORDS:
            return WORDS[known]
    name = class_name(type(value)).encode("ascii", "backslashreplace").decode()
    return "an object of type " + "".join(c for c in name if c.isprintable())[:100]


# --- a job ------------------------------------------------------------------------------------------------------------

FEATURES = (getattr(__future__, name) for name in __future__.all_feature_names)
FUTURES = functools.reduce(lambda flags, feature: flags | feature.compiler_flag, FEATURES, 0)
# Student code may replace the originals.
_get_trace, _get_profile, _get_recursion = sys.gettrace, sys.getprofile, sys.getrecursionlimit
_set_trace, _set_profile, _set_recursion = sys.settrace, sys.setprofile, sys.setrecursionlimit
_write, _exit = os.write, os._exit
_recursion_limit = sys.getrecursionlimit()


class Replies:
    """Writes one frame after the other down the reply pipe, within the bytes that the grader will take."""

    def __init__(self, fd: int, budget: int) -> None:
        self.fd, self.budget, self.number = fd, budget, 0

    def send(self, content: dict[str, Any], blobs: list[bytes] | None = None) -> None:
        frame = encode({"number": self.number, **content}, blobs or ())
        self.number += 1
        if blobs is not None:
            self.budget -= len(frame)
        view = memoryview(frame)
        while view:
            view = view[self.put(view) :]

    def put(self, view: memoryview) -> int:
        """Pass bytes on; returns how many of them."""
        return _write(self.fd, view)

    def send_value(self, value: object, changed: list[int]) -> None:
        tree, blobs = self._convert(value)
        self.send({"returned": tree, "changed": changed}, blobs)

    def _convert(self, value: object) -> tuple[dict[str, Any], list[bytes]]:
        leaves = Leaves(max(self.budget, 0))
        try:
            with errstate(all="ignore"):
                tree = leaves.tree(value)
        except Unreturnable as problem:
            return {"opaque": str(problem)}, []
        except BaseException:  # the value's own code raised while it was looked at
            return {"opaque": f"{describe_value(value)} that cannot be turned into an array"}, []
        if leaves.parts > 100 and len(to_json(tree)) > min(self.budget, MAX_HEADER - 1024):
            return {"opaque": f"a structure of {leaves.parts:,} parts"}, []
        return tree, leaves.blobs


def run_child(job: dict[str, Any], payload: bytes, replies: Replies) -> None:
    """Load the student's statements, make the calls, send the answers."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    load = load_cells(job["cells"], vars(module))
    settle()
    replies.send({"load": load[:MAX_LOAD_ERRORS]})
    for function, arguments in job["calls"]:
        call(vars(module), function, arguments, payload, replies)


def load_cells(cells: list[dict[str, Any]], namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the wanted statements of each cell, going on after one that raises; returns what was raised."""
    errors: list[dict[str, Any]] = []
    flags = 0
    for cell in cells:
        filename = f"<cell {cell['cell']}>"
        try:
            body = ast.parse(cell["source"], filename).body
        except Exception as error:
            errors.append(describe_error(error))
            continue
        for index in cell["statements"]:
            for statement in one_import_each(body[index]):
                try:
                    module = ast.Module([without_annotations(statement)], [])
                    code = compile(module, filename, "exec", flags, dont_inherit=True)
                    flags |= code.co_flags & FUTURES
                    exec(code, namespace)  # noqa: S102  what this file is for
                except BaseException as error:
                    settle()
                    errors.append(describe_error(error))
    return errors


def one_import_each(statement: ast.stmt) -> list[ast.stmt]:
    """Take `import absent, numpy as np` as two statements, so that what is absent costs only itself."""
    if not isinstance(statement, ast.Import):
        return [statement]
    return [ast.copy_location(ast.Import([alias]), statement) for alias in statement.names]


def without_annotations(statement: ast.stmt) -> ast.stmt:
    """A statement whose functions carry no annotations: they may name modules that are not here, and compute nothing.

    Those in a class stay, since a dataclass reads them.
    """
    for node in ast.walk(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return ast.copy_location(ast.Assign([statement.target], statement.value), statement)
    return statement


def call(namespace: dict[str, Any], function: str, arguments: list[Any], payload: bytes, replies: Replies) -> None:
    """Make one call and answer it."""
    values = [build(argument, payload) for argument in arguments]
    _last_act[0] = ""
    try:
        if function not in namespace:
            raise NameError(f"name '{function}' is not defined")
        result = namespace[function](*values)
    except BaseException as error:
        settle()
        replies.send({"raised": describe_error(error)})
        return
    settle()
    changed = [i for i, argument in enumerate(arguments) if "at" in argument and differs(values[i], argument, payload)]
    replies.send_value(result, changed)


def settle() -> None:
    """Undo what student code may have set that would disturb what is done between the calls."""
    if _get_trace() is not None:
        _set_trace(None)
    if _get_profile() is not None:
        _set_profile(None)
    if _get_recursion() != _recursion_limit:
        _set_recursion(_recursion_limit)


def build(argument: dict[str, Any], payload: bytes) -> Any:
    """Return a fresh argument that student code may write to."""
    if "value" in argument:
        return argument["value"]
    return ndarray(argument["shape"], argument["dtype"], payload, argument["at"]).copy()


def differs(array: Any, argument: dict[str, Any], payload: bytes) -> bool:
    """Tell whether an array argument is no longer what was passed."""
    if array.dtype != argument["dtype"] or array.shape != tuple(argument["shape"]):  # a list, where it went through JSON
        return True
    return not payload.startswith(array.tobytes(), argument["at"])


# --- a plain process, where there is no wall --------------------------------------------------------------------------

READY = b"\0"  # run_here.py knows it too; no text that others may print while Python starts holds it
SPARE_SECONDS = 5.0  # beyond the time that run_here.py allows: it may have been ended itself, and then nobody ends this process
MADE_BY_SITE = ("copyright", "credits", "help", "license")


def answer_once(stream: IO[bytes], without_memory: int) -> NoReturn:
    """Be the process that runs student code on the student's own machine: one job off a stream, its answers to standard output.

    READY comes before the first frame: what is raised until then is no fault of the student's. `without_memory` is the status to
    leave with when there is no memory left to answer with. Whatever student code does, the process leaves at its end.
    """
    (config, _), (job, payload) = read_frame(stream), read_frame(stream)
    furnish(config["inert"])
    for name in MADE_BY_SITE:  # behind the walls there is no site module, and no such name
        vars(builtins).pop(name, None)
    fd = take_output()
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for as long as the process lives
    faulthandler.dump_traceback_later(job["limits"]["wall_seconds"] + SPARE_SECONDS, exit=True, file=nowhere)
    answer_and_leave(job, payload, fd, without_memory)


def answer_and_leave(job: dict[str, Any], payload: bytes, fd: int, without_memory: int) -> NoReturn:
    """Answer one job and end the process; as deep in calls as it is behind the walls, so that recursion has the same room."""
    status = 70
    try:
        _write(fd, READY)
        run_child(job, payload, Replies(fd, job["limits"]["output_mb"] * MB))
        status = 0
    except MemoryError:
        status = without_memory
    except BaseException:
        status = 70
    finally:
        _exit(status)


def take_output() -> int:
    """Return standard output under another number; what reads and writes as usual meets nothing from now on."""
    taken, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for usual in (0, 1, 2):
        os.dup2(nothing, usual)
    os.close(nothing)
    return taken
