"""A whole class of attackers through `grader grade`: what stands in grades.csv and on the terminal is text and no more."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import SubmissionName
from grader.report import clean_text, encode_grades
from tests.hostile_text import TERMINAL, TEXTS, file_name, raising
from tests.support import ROOT
from tests.test_report import ASSIGNMENT, CLASS

FULL = CLASS["full_marks"].result

# --- grades.csv -------------------------------------------------------------------------------------------------------

CALLS = ("HYPERLINK(\"http://attacker.test\")", "cmd|' /C calc'!A0", "SUM(1,1)")
SIGNS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫", "⁼", "⁺", "\u2212")
BEFORE = (
    "", " ", "\t", "\r", "\n", "\r\n", "'", '"', "''", '"\'', "\ufeff", "\u00a0", "\u3000", "\u2003", "\u202f", "\u1680", "\u200b",
    "\u200c", "\u200d", "\u2060", "\u00ad", "\u202e", "\x00", "\x1b[1m", "\ufe0f", "\u0301", "\u3164", "\U000e0041", "a;", "a; \"", "a;;'",
    "a\t", "a|", "a,b;", "a\";\"", "sep=;\n",
)
FORMULAS = [f"{before}{sign}{call}" for before in BEFORE for sign in SIGNS for call in CALLS]
COMPUTING = "=+-@|%\u2212"


def computes(cell: str) -> bool:
    """Whether a generous spreadsheet takes a cell for a formula. An apostrophe at its start is the promise that it is text."""
    first = next((sign for sign in cell if sign != '"' and unicodedata.category(sign)[0] not in "CZM"), "")
    return unicodedata.normalize("NFKC", first)[:1] in tuple(COMPUTING)


def table(names: list[str]) -> str:
    return encode_grades([replace(FULL, submission=SubmissionName(name, name, "0")) for name in names], ASSIGNMENT)


def readings(text: str) -> dict[str, list[list[str]]]:
    """A table as programs and as spreadsheets of several countries take it."""
    found = {delimiter: list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) for delimiter in ",;\t|"}
    found["sniffed"] = list(csv.reader(io.StringIO(text, newline=""), csv.Sniffer().sniff(text)))
    found["split at ;"] = [line.split(";") for line in text.splitlines()]
    found["split at ; and ,"] = [re.split("[;,]", line) for line in text.splitlines()]
    return found


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
def test_no_cell_computes_however_the_table_is_read(before: str) -> None:
    formulas = [formula for formula in FORMULAS if formula.startswith(before) or not before]
    for kind, rows in readings(table(formulas)).items():
        if kind != "split at ; and ,":  # a comma in quotes parts nothing
            assert [cell for row in rows for cell in row if computes(cell)] == [], kind


def test_the_table_of_a_hostile_class_is_a_table(hostile_class: Path) -> None:
    text = (hostile_class / "grades.csv").read_bytes().decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(text.splitlines()) == len(rows) + 1 == 4 * len(TEXTS) + 2
    assert sorted(row["id"] for row in rows) == sorted(clean_text(file.stem) for file in (hostile_class / "results").iterdir())
    assert {row["points"] for row in rows} == {"80"}
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    for kind, lines in readings(text).items():
        if kind != "split at ; and ,":
            assert [cell for line in lines for cell in line if computes(cell)] == [], kind
    assert csv.Sniffer().sniff(text).delimiter == ","


def undo(cell: str) -> str:
    """What the table's makers say gives the text back."""
    return re.sub(r"(^|[;|])'(?=(.*))", lambda found: found[1] if computes(found[2].replace("'", "")) else found[0], cell)


@given(st.text(st.sampled_from("=+-@|%;,'\" ax1é"), max_size=12) | st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_a_name_can_be_had_back(name: str) -> None:
    row = next(csv.DictReader(io.StringIO(table([name]), newline="")))
    assert undo(row["id"]) == name


# --- the terminal -----------------------------------------------------------------------------------------------------

ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
COLOURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[hl]|[12]K|1A)|\r")
"""What rich itself writes on a terminal."""


def test_nothing_printed_acts_on_a_terminal(hostile_class: Path) -> None:
    printed = (hostile_class / "printed").read_bytes().decode("utf-8")
    assert ACTIVE.findall(printed) == []
    assert "[red]red[∕red][link=https:∕∕attacker.test]x[∕link][∕][bold" in re.sub(r"\s+", "", printed)


def test_nothing_acts_on_a_terminal_with_colours(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for number, hostile in enumerate(TERMINAL.values()):
        (tmp_path / "class" / f"{number} {file_name(hostile)}.ipynb").write_bytes(raising(hostile))
        (tmp_path / "class" / f"link {number} {file_name(hostile)}.ipynb").symlink_to("nowhere")
    run = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")], capture_output=True,
        cwd=ROOT, timeout=100, env={**os.environ, "GRADER_SEED": "tests", "FORCE_COLOR": "1", "TERM": "xterm-256color"}, check=True,
    )
    printed = run.stdout.decode("utf-8")
    assert "\x1b[" in printed, "rich took it for a terminal"
    assert ACTIVE.findall(COLOURS.sub("", printed)) == []
    assert "[link=" in printed


def test_no_name_passes_for_a_line_of_the_graders(hostile_class: Path) -> None:
    lines = (hostile_class / "printed").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.fullmatch(r" *(?:ann|bob|eve): 80 of 80", line)] == []
