"""Results -> JSON, its schema, grades.csv; and the one way this project writes a file."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from grader.assignment import Assignment
from grader.model import Result
from grader.report.text import clean_text

SCHEMA_FILE = Path(__file__).parent / "result.schema.json"
FORMULA_STARTS = "=+-@|%\u2212"
"""What makes a spreadsheet compute; some convert wide, small and raised forms to these, too."""
CELL_START = re.compile(r"^|[;|\t]")
"""Where a cell may begin: where half of the world's spreadsheets expect `;`, they part a line at it."""


def encode_result(result: Result) -> bytes:
    """results/<id>.json: indented, UTF-8, one newline at the end. Raises ValueError for a NaN or infinite score."""
    _check_finite(result)
    try:
        data = msgspec.json.encode(result)
    except UnicodeEncodeError:  # half a surrogate pair in a student's text; no file can hold it
        data = msgspec.json.encode(_whole(msgspec.to_builtins(result)))
    return msgspec.json.format(data, indent=2) + b"\n"


def decode_result(data: bytes) -> Result:
    """The inverse of `encode_result`; raises msgspec.ValidationError with the path of what is wrong."""
    return msgspec.json.decode(data, type=Result)


def result_schema() -> dict[str, Any]:
    """JSON Schema of results/<id>.json, as kept in result.schema.json."""
    schema = msgspec.json.schema(Result)
    definitions = schema["$defs"]
    version = definitions["Result"]["properties"]["schema"]
    version["const"] = version.pop("enum")[0]
    for definition in definitions.values():  # always written, whatever has a default in Python
        definition["required"] = list(definition["properties"])
        for value in definition["properties"].values():
            value.pop("default", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "results/<id>.json", **schema}


def _check_finite(result: Result) -> None:
    numbers = [("score", result.score), ("points", result.points)]
    for name, exercise in result.exercises.items():
        numbers += [(f"exercises.{name}", exercise.score), (f"exercises.{name}", exercise.points)]
        for check in exercise.checks:
            numbers += [(f"exercises.{name}.{check.id}", check.score), (f"exercises.{name}.{check.id}", check.points)]
    for name, question in result.questions.items():
        numbers += [(f"questions.{name}", question.score), (f"questions.{name}", question.points)]
    for place, number in numbers:
        if number is not None and not math.isfinite(number):
            raise ValueError(f"{result.submission.id}: {place} is {number}, which is no mark")


def _whole(value: Any) -> Any:
    """The same tree with every half surrogate pair replaced."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


# --- grades.csv -------------------------------------------------------------------------------------------------------


def encode_grades(results: Sequence[Result], assignment: Assignment) -> str:
    """One row for each submission: UTF-8 without a byte order mark, which programs would take for part of the first heading."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_header(assignment))
    for result in results:
        writer.writerow([_cell(value) for value in _grades(result, assignment)])
    return text.getvalue()


def _header(assignment: Assignment) -> list[str]:
    names = ["id", "source", "status", "score", "points"]
    for exercise in assignment.exercises:
        names += [f"{exercise}_verdict", f"{exercise}_score"]
    return [*names, *(f"question_{question}_score" for question in assignment.questions), "diagnoses", "notices"]


def _grades(result: Result, assignment: Assignment) -> list[str | float | None]:
    row: list[str | float | None] = [result.submission.id, result.submission.source, result.status, result.score, result.points]
    for name in assignment.exercises:
        exercise = result.exercises.get(name)
        row += [exercise.verdict, exercise.score] if exercise else [None, None]
    for name in assignment.questions:
        question = result.questions.get(name)
        row.append(question.score if question else None)
    slips = dict.fromkeys(diagnosis.id for exercise in result.exercises.values() for diagnosis in exercise.diagnoses)
    return [*row, ";".join(slips), ";".join(dict.fromkeys(notice.code for notice in result.notices))]


def _cell(value: str | float | None) -> str:
    """A number as it is; a text in one line, with an apostrophe before each place from which a spreadsheet would compute.

    To undo it, take away one apostrophe at each such place (a cell's start, or after `;` and `|`, when the first sign that is
    no quote, space or mark is one of FORMULA_STARTS).
    """
    if not isinstance(value, str):
        return "" if value is None else f"{value:.10g}"
    text = clean_text(value).replace("\n", " ").replace("\t", " ")
    return CELL_START.sub(lambda found: found[0] + "'" * _computes(text[found.end():]), text)


def _computes(text: str) -> bool:
    """Whether a cell with this text is taken for a formula once quotes, spaces and what nobody sees are gone."""
    first = next((sign for sign in text if sign not in "'\"" and unicodedata.category(sign)[0] not in "CZM"), " ")
    return unicodedata.normalize("NFKC", first)[:1] in FORMULA_STARTS


# --- writing ----------------------------------------------------------------------------------------------------------

UNFINISHED = ".writing-"
"""How the name of a file starts that is not in its place yet."""


def write_file(path: Path, content: bytes | str) -> None:
    """Put a whole file in place, so that a reader sees the old one or the new one and never half of one.

    Raises OSError that names `path`, also where it was the disk that had no more room.
    """
    try:
        _write(path, content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
