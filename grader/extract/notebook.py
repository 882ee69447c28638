"""Bytes -> Notebook: decode, parse, upgrade, and say in plain words what is wrong where that cannot be done.

Nothing here trusts the file: every field may be absent or of another kind.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.extract.jupyter import nbformat
from grader.extract.pictures import read_pictures
from grader.messages import Message, say
from grader.model import Attention, Notice

MOST_CHARACTERS = 3_000_000
"""In all cells of a notebook; outputs do not count."""

MOST_TOKENS = 300_000
"""Words, signs and lines in all code cells. Python's tree takes a kilobyte and 20 µs for each; a long string is one."""

MOST_CELLS = 10_000

TOKEN = re.compile(r"\w+|[^\w\s]|\n")

PYTHON_NAMES = ("python", "ipython", "xpython", "pyodide", "sage")


@dataclass(frozen=True)
class Cell:
    """One cell as the student left it; `number` counts all cells from 1, `pictures` are (name, data URI) of what was pasted."""

    number: int
    kind: str
    source: str
    tags: frozenset[str]
    printed: str = ""
    pictures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Notebook:
    """A notebook's cells, and what its metadata says the language is ("" when it says nothing)."""

    cells: tuple[Cell, ...]
    language: str
    notices: tuple[Notice, ...] = ()


class UnreadableError(Exception):
    """The file is no notebook that can be read; carries the reason for the teacher and the student."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.attention = Attention(code, message)


def read_notebook(content: bytes) -> Notebook:
    """Read an .ipynb of any format version; raises UnreadableError, and nothing else, whatever the bytes are."""
    text, notices = _decode(content)
    data = _parse(text)
    if not isinstance(data, dict) or not ("cells" in data or "worksheets" in data):
        raise UnreadableError("not_a_notebook", say("The file is JSON, but not a notebook: it has no cells."))
    upgraded = _upgrade(data)
    cells = upgraded.get("cells")
    if not isinstance(cells, list):
        raise UnreadableError("not_a_notebook", say("The notebook's `cells` are not a list; save it again from Jupyter."))
    if len(cells) > MOST_CELLS:
        message = say("The notebook has {count:,} cells, more than {most:,}; cut it down.", count=len(cells), most=MOST_CELLS)
        raise UnreadableError("too_much", message)
    read = tuple(_read_cell(number, cell) for number, cell in enumerate(cells, 1))
    _check_length(read)
    return Notebook(read, _language(upgraded.get("metadata")), notices)


def _check_length(cells: Sequence[Cell]) -> None:
    length = sum(len(cell.source) for cell in cells)
    if length > MOST_CHARACTERS:
        message = say("The notebook's cells are {length:,} characters long, more than {most:,}; what they hold of data belongs "
                      "in a file.", length=length, most=MOST_CHARACTERS)
        raise UnreadableError("too_much", message)
    tokens = sum(1 for cell in cells if cell.kind == "code" for _ in TOKEN.finditer(cell.source))
    if tokens > MOST_TOKENS:
        message = say("The notebook's code has {count:,} words, signs and lines, more than {most:,}; what it holds of data "
                      "belongs in a file.", count=tokens, most=MOST_TOKENS)
        raise UnreadableError("too_much", message)


def _decode(content: bytes) -> tuple[str, tuple[Notice, ...]]:
    if not content.strip(b"\0 \t\r\n"):
        raise UnreadableError("empty_file", say("The file is empty; the notebook has to be handed in again."))
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode(encoding, errors="replace")
        message = say("The file is not valid {encoding}; unreadable characters were replaced.", encoding=encoding.upper())
        return text, (Notice("encoding", message),)
    if encoding == "utf-8":
        return text, ()
    if encoding == "utf-8-sig":
        return text, (Notice("encoding", say("The file starts with a byte order mark, which was skipped.")),)
    message = say("The file is saved as {encoding}; notebooks are UTF-8. It was read all the same.", encoding=encoding.upper())
    return text, (Notice("encoding", message),)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] != "{":
            raise UnreadableError("not_a_notebook", say("The file is not a notebook: it does not hold JSON.")) from None
        raise UnreadableError("invalid_json", _what_is_wrong(text, error)) from None
    except RecursionError:
        raise UnreadableError("too_deep", TOO_DEEP) from None
    except ValueError:  # an integer of thousands of digits
        message = say("The notebook's JSON holds a number that is too long to be read.")
        raise UnreadableError("invalid_json", message) from None


TOO_DEEP = say("The notebook's JSON is nested too deeply to be read.")


def _what_is_wrong(text: str, error: json.JSONDecodeError) -> Message:
    """Where the JSON ends too early, or is wrong."""
    if len(text.rstrip()) - error.pos < 3 or "Unterminated" in error.msg:
        return say("The notebook breaks off: its JSON ends at line {line}, column {column}; it has to be handed in again.",
                   line=error.lineno, column=error.colno)
    return say("The notebook is damaged: its JSON is wrong at line {line}, column {column}; it has to be handed in again.",
               line=error.lineno, column=error.colno)


def _upgrade(data: dict[str, Any]) -> Mapping[str, Any]:
    """Bring notebook formats 1 to 3 to 4; format 4, and whatever claims to be later, is taken as it is."""
    major = data.get("nbformat")
    if isinstance(data.get("cells"), list) and (not isinstance(major, int) or major >= 4):
        return data
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upgraded: Mapping[str, Any] = nbformat.convert(nbformat.from_dict(data), 4)
    except RecursionError:
        raise UnreadableError("too_deep", TOO_DEEP) from None
    except Exception as error:  # nbformat trusts old files: any damage may raise anything
        message = say("The notebook is of format {format} and cannot be brought to format 4 ({error}).",
                      format=f"{major!r:.20}", error=type(error).__name__)
        raise UnreadableError("not_a_notebook", message) from None
    return upgraded


def _read_cell(number: int, cell: object) -> Cell:
    if not isinstance(cell, dict):
        return Cell(number, "raw", "", frozenset())
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    kind = cell.get("cell_type")
    return Cell(
        number, kind if isinstance(kind, str) else "raw", _text(cell.get("source")),
        frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else frozenset(),
        _printed(cell.get("outputs")), read_pictures(cell.get("attachments")),
    )


def _text(source: object) -> str:
    """A source as one text with \\n line ends and no lone surrogates, which no encoder accepts."""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return ""
    return source.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")


def _printed(outputs: object) -> str:
    """What a cell printed when the student ran it."""
    if not isinstance(outputs, list):
        return ""
    streams = (output for output in outputs if isinstance(output, dict) and output.get("output_type") == "stream")
    return "".join(_text(stream.get("text")) for stream in streams)


def _language(metadata: object) -> str:
    if not isinstance(metadata, dict):
        return ""
    info, kernel = metadata.get("language_info"), metadata.get("kernelspec")
    names = [info.get("name") if isinstance(info, dict) else None]
    names += [kernel.get("language"), kernel.get("name")] if isinstance(kernel, dict) else []
    known = [name.lower() for name in names if isinstance(name, str) and name]
    return known[0] if known else ""


def is_python(language: str) -> bool:
    """Whether a notebook that names this language may hold Python; no name counts as Python."""
    return not language or any(name in language for name in PYTHON_NAMES)
