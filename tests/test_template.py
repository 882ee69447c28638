"""The hand-out as students meet it: it says what the course wrote, runs in a kernel, opens in JupyterLab, survives other editors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from playwright.sync_api import Page

from grader.assignment import Assignment
from grader.extract import extract
from grader.handout import read_template
from grader.model import Extraction
from grader.pipeline import Course
from grader.verify import fill_in
from tests.chromium import ABSENT, WHY_ABSENT, open_chromium
from tests.editors import EDITORS, Notebook, lose_headings, lose_tags
from tests.lab import ADDRESS, Lab, open_lab, own_folders
from tests.support import ATTENTION, MULTI_HEAD, ROOT

TEMPLATE = ROOT / "student_template" / "attention" / "attention.ipynb"
TAGS = {
    "data": ["data"], "stub-self-attention": ["stub-self_attention"], "stub-multi-head-attention": ["stub-multi_head_attention"],
    "answer-c": ["answer-c"], "answer-d": ["answer-d"],
}
ANSWERS = {"c": "Each head has its own $W_i$.\n\n* and a softmax of its own", "d": "The rows swap.\n\n    indented\n\nNothing else."}


@pytest.fixture
def read(attention: Assignment) -> Callable[[bytes], Extraction]:
    return lambda content: extract(content, attention, read_template(attention))


def untouched() -> Notebook:
    notebook: Notebook = json.loads(TEMPLATE.read_bytes())
    return notebook


def source(cell: Notebook) -> str:
    return "".join(cell["source"])


def fill(notebook: Notebook, sources: dict[str, str]) -> Notebook:
    """The notebook with other text in the cells that have these ids."""
    unknown = sources.keys() - {cell["id"] for cell in notebook["cells"]}
    assert not unknown
    return {**notebook, "cells": [
        {**cell, "source": sources[cell["id"]].splitlines(keepends=True)} if cell["id"] in sources else cell
        for cell in notebook["cells"]
    ]}


def tags_of(notebook: Notebook) -> list[list[str]]:
    return [cell["metadata"].get("tags", []) for cell in notebook["cells"]]


# --- what the course wrote --------------------------------------------------------------------------------------------


def as_written(text: str) -> list[str]:
    """Lines that say something, without what marks cells and formulas: a letter in a formula's own alphabet is that letter."""
    plain = re.sub(r"\$|\\[()]", "", unicodedata.normalize("NFKC", text).replace("In [None]:", ""))
    return [line.rstrip() for line in plain.split("\n") if line.strip()]


def first_line_left_out(wanted: list[str], given: list[str]) -> str | None:
    """The first wanted line that is not among the given ones, in order; None if all of them are."""
    rest = iter(given)
    return next((line for line in wanted if line not in rest), None)


def test_the_template_carries_the_course_text_line_by_line() -> None:
    text = (ROOT / "tests" / "handout.txt").read_text(encoding="utf-8")
    wanted = as_written(re.sub(r"inputs=$", "inputs?", text.strip()))  # the one slip of the pen that the template mends
    given = as_written("\n\n".join(source(cell) for cell in untouched()["cells"]))
    assert len(wanted) == 80
    assert first_line_left_out(wanted, given) is None
    for at in range(len(given)):  # this test sees each line of the course go
        assert given[at] not in wanted or first_line_left_out(wanted, given[:at] + given[at + 1:]) is not None, given[at]


def test_the_template_is_a_valid_notebook_without_outputs_whose_tags_are_known() -> None:
    notebook = untouched()
    nbformat.validate(notebook)
    assert [cell["id"] for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")] == []
    assert {cell["id"]: cell["metadata"]["tags"] for cell in notebook["cells"] if cell["metadata"]} == TAGS


# --- in a kernel ------------------------------------------------------------------------------------------------------


def run_all(content: bytes, folder: Path) -> tuple[Notebook, str]:
    """Run a notebook as `jupyter nbconvert --execute` does; the notebook with its outputs, {} where it stopped, and what was said."""
    (folder / "tried.ipynb").write_bytes(content)
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "tried.ipynb", "--output", "done.ipynb"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=own_folders(folder), timeout=240, check=False)
    done = folder / "done.ipynb"
    assert done.exists() == (run.returncode == 0), run.stderr
    return json.loads(done.read_bytes()) if done.exists() else {}, re.sub(r"\x1b\[[\d;]*m", "", run.stderr)


def printed(notebook: Notebook) -> dict[str, str]:
    """What each code cell printed, by its id; nothing but print is expected."""
    outputs = {cell["id"]: cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"}
    assert {output["output_type"] for found in outputs.values() for output in found} <= {"stream"}
    assert {output["name"] for found in outputs.values() for output in found} <= {"stdout"}
    return {name: "".join("".join(output["text"]) for output in found) for name, found in outputs.items() if found}


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<!\w)-?\d+\.\d*(?:e[+-]\d+)?", text)]


def expected() -> tuple[list[float], list[float]]:
    """The numbers of (a) and of (b) in the order in which they are printed, from other code than the reference."""
    space: dict[str, Any] = {"np": np}
    data = next(source(cell) for cell in untouched()["cells"] if cell["id"] == "data")
    exec(f"{data}\n\n{ATTENTION}\n\n{MULTI_HEAD}", space)
    given = [space[name] for name in ("X", "Wq", "Wk", "Wv")]
    single, several = space["self_attention"](*given), space["multi_head_attention"](*given, 3)
    return [*single[0].flat, *single[1].flat], [*several[0].flat, *several[1].flat]


def check_printed(said: dict[str, str]) -> None:
    single, several = expected()
    assert numbers(said["print-self-attention"]) == pytest.approx(single, abs=0.051)
    assert numbers(said["print-multi-head-attention"]) == pytest.approx(several, abs=0.00051)


@pytest.mark.slow
def test_the_hand_out_with_the_reference_runs_in_a_kernel_and_prints_what_is_right(course: Course, tmp_path: Path) -> None:
    notebook, said = run_all(fill_in(course), tmp_path)
    assert notebook, said
    check_printed(printed(notebook))
    assert [cell["id"] for cell in notebook["cells"]] == [cell["id"] for cell in untouched()["cells"]]
    assert tags_of(notebook) == tags_of(untouched())


@pytest.mark.slow
def test_the_untouched_hand_out_stops_at_the_first_exercise_and_says_where_code_goes(tmp_path: Path) -> None:
    notebook, said = run_all(TEMPLATE.read_bytes(), tmp_path)
    assert notebook == {}
    assert "NameError: name 'output' is not defined" in said
    assert "# Your code goes here: it sets `output` and `attention_weights`." in said
    assert "# Compute the output\n" in said
    assert "# Compute multi-head attention" not in said


@pytest.mark.slow
@pytest.mark.parametrize("start", ["", "del output  # named otherwise, say"], ids=["as handed out", "other names in (a)"])
def test_results_of_a_are_not_taken_for_those_of_b(start: str, tmp_path: Path) -> None:
    stub = next(source(cell) for cell in untouched()["cells"] if cell["id"] == "stub-multi-head-attention")
    told = "This is the result of (a): multi_head_attention does not set its own output yet."
    alone = MULTI_HEAD.replace("return np.concatenate(outputs, axis=1), np.array(weights)", "return np.concatenate(outputs, axis=1)")
    body = f"{start}\n{alone}" if start else stub
    content = fill(untouched(), {"stub-self-attention": ATTENTION, "stub-multi-head-attention": body})
    notebook, said = run_all(json.dumps(content).encode(), tmp_path)
    assert notebook, said
    shown = printed(notebook)["print-multi-head-attention"]
    assert (told in shown) == (not start)
    assert "one per head" in shown or start


# --- in JupyterLab ----------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path / "lab") as opened:
        yield opened


def choose(page: Page, menu: str, entry: str) -> None:
    """Choose from the menu bar."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(entry)}$")).click()


def check_rendered(page: Page, notebook: Notebook) -> None:
    """Each cell is there, headings are headings, formulas are typeset, and nothing asks or complains."""
    cells = page.locator(".jp-Notebook .jp-Cell")
    cells.nth(len(notebook["cells"]) - 1).wait_for(state="attached", timeout=60_000)
    assert cells.count() == len(notebook["cells"])
    titles = [title for cell in notebook["cells"] for title in re.findall(r"^#+ (.*)$", source(cell), re.M)
              if cell["cell_type"] == "markdown"]
    assert len(titles) == 8
    for title in titles:
        page.locator(".jp-RenderedMarkdown").locator("h2, h3, h4").filter(has_text=title).first.wait_for(state="attached")
    formulas = page.locator(".jp-MarkdownCell mjx-container")
    formulas.first.wait_for(state="attached", timeout=60_000)
    page.wait_for_function("document.querySelectorAll('.jp-MarkdownCell mjx-container[display=true]').length === 4")
    assert page.locator(".jp-MarkdownCell mjx-merror").count() == 0
    shown = " ".join(page.locator(".jp-RenderedMarkdown").all_text_contents())
    assert [left for left in ("$", "\\begin", "\\text") if left in shown] == []
    assert page.locator(".jp-Dialog").count() == 0


def save(page: Page, file: Path) -> Notebook:
    """Save through the menu, and wait until the file is another."""
    before = file.read_bytes()
    choose(page, "File", "Save Notebook")
    for _ in range(300):
        if file.read_bytes() != before:
            break
        page.wait_for_timeout(100)
    page.wait_for_selector(".jp-mod-dirty", state="detached")
    saved: Notebook = json.loads(file.read_bytes())
    return saved


@pytest.mark.slow
@pytest.mark.skipif(ABSENT, reason=WHY_ABSENT)
def test_the_hand_out_opens_runs_and_is_saved_in_jupyterlab(
    course: Course, lab: Lab, read: Callable[[bytes], Extraction]
) -> None:
    notebook = json.loads(fill_in(course))
    file = lab.work / "attention.ipynb"
    file.write_text(json.dumps(notebook), encoding="utf-8")
    errors: list[str] = []
    asked: list[str] = []
    with open_chromium(reach=ADDRESS) as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(lab.address_of(file.name), timeout=90_000)
        check_rendered(page, notebook)
        choose(page, "Kernel", "Restart Kernel and Run All Cells…")  # as the student's README says
        page.locator(".jp-Dialog button", has_text="Restart").click()
        page.locator(".jp-OutputArea-output", has_text="Multi-Head Attention Output:").wait_for(state="attached", timeout=90_000)
        assert page.locator(".jp-Dialog").count() == 0
        saved = save(page, file)
    assert errors == []
    assert [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))] == []
    nbformat.validate(saved)
    check_printed(printed(saved))
    assert [cell["id"] for cell in saved["cells"]] == [cell["id"] for cell in notebook["cells"]]
    assert tags_of(saved) == tags_of(untouched())
    assert [source(cell) for cell in saved["cells"]] == [source(cell) for cell in notebook["cells"]]
    found = read(file.read_bytes())
    assert {name: piece.state for name, piece in found.slices.items()} == dict.fromkeys(course.assignment.exercises, "defined")


# --- through other editors --------------------------------------------------------------------------------------------


def written() -> Notebook:
    """A hand-in with outputs: both functions, both answers."""
    notebook = fill(untouched(), {
        "stub-self-attention": ATTENTION, "stub-multi-head-attention": MULTI_HEAD, "answer-c": ANSWERS["c"], "answer-d": ANSWERS["d"],
    })
    output = {"output_type": "stream", "name": "stdout", "text": ["Self-Attention Output:\n", " [[0.1]]\n"]}
    for count, cell in enumerate(cell for cell in notebook["cells"] if cell["cell_type"] == "code"):
        cell |= {"execution_count": count + 1, "outputs": [output] if "print-" in cell["id"] else []}
    return notebook


def bodies(found: Extraction) -> dict[str, list[str]]:
    """The code that would be run, by exercise: what an editor may not change."""
    return {name: [listing.source for listing in piece.listings] for name, piece in found.slices.items()}


LOSSES: dict[str, Callable[[Notebook], Notebook]] = {
    "nothing": lambda notebook: notebook,
    "the tags": lose_tags,
    "the questions": lose_headings,
}


@pytest.mark.parametrize("lost", LOSSES)
@pytest.mark.parametrize("editor", EDITORS)
def test_a_notebook_saved_by_another_editor_is_read_the_same(editor: str, lost: str, read: Callable[[bytes], Extraction]) -> None:
    before = written()
    saved = EDITORS[editor](before)
    assert saved != before
    nbformat.validate(saved)
    assert tags_of(saved) == tags_of(before)
    after = LOSSES[lost](saved)
    assert (after == saved) == (lost == "nothing")
    found = read(json.dumps(after).encode())
    assert found.problem is None
    assert {name: piece.state for name, piece in found.slices.items()} == {"self_attention": "defined", "multi_head_attention": "defined"}
    assert bodies(found) == bodies(read(json.dumps(before).encode()))
    assert dict(found.answers) == ANSWERS


@pytest.mark.parametrize("editor", EDITORS)
def test_an_untouched_hand_out_saved_by_another_editor_still_holds_nothing(
    editor: str, read: Callable[[bytes], Extraction]
) -> None:
    for after in (EDITORS[editor](untouched()), lose_tags(EDITORS[editor](untouched()))):
        found = read(json.dumps(after).encode())
        assert {piece.state for piece in found.slices.values()} == {"missing"}
        assert dict(found.answers) == {"c": "", "d": ""}
