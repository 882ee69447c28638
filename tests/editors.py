"""What editors make of a notebook when they save it: a notebook as data in, the same notebook in another's form out.

Each form follows notebooks that the editor has written, as far as their keys go; the editors themselves were not run for this,
JupyterLab excepted (`test_template.py`). That metadata of a cell stays is what format 4 asks of a program, and no editor's promise:
`lose_tags` is what remains where it does not, as after copying texts into cells of one's own; `lose_headings` is the other way round.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

Notebook = dict[str, Any]
Rewrite = Callable[[Notebook], Notebook]


def save_in_colab(notebook: Notebook) -> Notebook:
    """Format 4.0 with its own keys first; each cell's id moves into its metadata, and outputs get ids too."""
    cells = []
    for cell in _without_ids(notebook)["cells"]:
        metadata = {**cell["metadata"], "id": _sign(cell, 12)}
        if cell.get("outputs"):
            metadata |= {"colab": {"base_uri": "https://localhost:8080/", "height": 206}, "outputId": _sign(cell, 36)}
        cells.append({"cell_type": cell["cell_type"], "source": _lines(cell), "metadata": metadata, **_results(cell)})
    return {
        "nbformat": 4, "nbformat_minor": 0,
        "metadata": {
            "colab": {"name": "attention.ipynb", "provenance": [], "toc_visible": True, "authorship_tag": "ABX9Ty"},
            "kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}, "accelerator": "GPU",
        },
        "cells": cells,
    }


def save_in_colab_with_ids(notebook: Notebook) -> Notebook:
    """A notebook of format 4.5 may also come back with the ids that it had."""
    saved = save_in_colab(notebook)
    cells = [{**cell, "id": before["id"]} for cell, before in zip(saved["cells"], notebook["cells"], strict=True)]
    return {**saved, "nbformat_minor": 5, "cells": cells}


def save_in_old_colab(notebook: Notebook) -> Notebook:
    """Before 2022 each cell also told its type, and who had run it."""
    saved = save_in_colab(notebook)
    for cell in saved["cells"]:
        kind = "code" if cell["cell_type"] == "code" else "text"
        cell["metadata"] |= {"colab_type": kind}
        if kind == "code":
            cell["metadata"]["executionInfo"] = {"status": "ok", "timestamp": 1637252642083, "user": {"displayName": "A"}}
    return saved


def save_in_vscode(notebook: Notebook) -> Notebook:
    """Ids stay where format 4.5 has them; the interpreter's version is told, and a code cell's language once it was chosen."""
    saved = copy.deepcopy(notebook)
    for cell in saved["cells"]:
        cell["source"] = _lines(cell)
        if cell["cell_type"] == "code":
            cell["metadata"]["vscode"] = {"languageId": "python"}
    kernel = {"display_name": ".venv (3.12.3)", "language": "python", "name": "python3"}
    return {**saved, "metadata": {"kernelspec": kernel, "language_info": {**_INTERPRETER, "version": "3.12.3"}}}


def save_in_old_vscode(notebook: Notebook) -> Notebook:
    """Before 2022: format 4.2 without ids, with notes on the format and the interpreter it had found."""
    saved = save_in_vscode(_without_ids(notebook))
    more = {"orig_nbformat": 4, "vscode": {"interpreter": {"hash": "0" * 64}}}
    return {**saved, "nbformat_minor": 2, "metadata": {**saved["metadata"], **more}}


def save_in_jupyterlab(notebook: Notebook) -> Notebook:
    """Ids and tags stay; what was collapsed, and when cells ran, comes in, and an empty list of tags where there was none."""
    saved = copy.deepcopy(notebook)
    for cell in saved["cells"]:
        cell["source"] = _lines(cell)
        cell["metadata"] = {
            "editable": True, "slideshow": {"slide_type": ""}, "tags": [], **cell["metadata"],
            **({"jupyter": {"source_hidden": True}, "execution": {"iopub.status.busy": "2026-01-01T00:00:00.000000Z"}}
               if cell["cell_type"] == "code" else {"jp-MarkdownHeadingCollapsed": True}),
        }
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {**saved, "metadata": {"kernelspec": kernel, "language_info": {**_INTERPRETER, "version": "3.11.2"}}}


def save_in_kaggle(notebook: Notebook) -> Notebook:
    """Format 4.4, sources as one text, and `trusted` on each cell; `papermill` where it ran in one go."""
    saved = _without_ids(notebook)
    for cell in saved["cells"]:
        cell["source"] = "".join(cell["source"])
        cell["metadata"] |= {"_uuid": _sign(cell, 40), "_cell_guid": _sign(cell, 36), "trusted": True}
        cell["metadata"].setdefault("papermill", {"duration": 0.01, "exception": False, "status": "completed"})
    kaggle = {"accelerator": "none", "dataSources": [], "isGpuEnabled": False, "isInternetEnabled": True, "language": "python"}
    return {**saved, "nbformat_minor": 4, "metadata": {**saved["metadata"], "kaggle": {**kaggle, "sourceType": "notebook"}}}


def save_in_deepnote(notebook: Notebook) -> Notebook:
    """Ids become `cell_id`, sources one text; no kernelspec."""
    saved = _without_ids(notebook)
    for cell in saved["cells"]:
        cell["source"] = "".join(cell["source"])
        cell["metadata"] = {
            "tags": [], **cell["metadata"], "cell_id": _sign(cell, 32), "deepnote_cell_type": cell["cell_type"],
            "source_hash": _sign(cell, 8), "deepnote_to_be_reexecuted": False,
        }
    return {**saved, "nbformat_minor": 0, "metadata": {"deepnote": {}, "orig_nbformat": 2, "deepnote_execution_queue": []}}


def save_as_classic_notebook(notebook: Notebook) -> Notebook:
    """Format 4.2, `collapsed` on code cells; Windows' ends of lines after a detour through a text editor."""
    saved = _without_ids(notebook)
    for cell in saved["cells"]:
        cell["source"] = [line.replace("\n", "\r\n") for line in _lines(cell)]
        if cell["cell_type"] == "code":
            cell["metadata"]["collapsed"] = True
    return {**saved, "nbformat_minor": 2}


def lose_tags(notebook: Notebook) -> Notebook:
    """No metadata of a cell is left."""
    return {**notebook, "cells": [{**cell, "metadata": {}} for cell in notebook["cells"]]}


def lose_headings(notebook: Notebook) -> Notebook:
    """The cells that ask for answers are gone; the answers' own are there."""
    asking = ("### (c", "### (d")
    return {**notebook, "cells": [cell for cell in notebook["cells"] if not "".join(cell["source"]).startswith(asking)]}


EDITORS: Mapping[str, Rewrite] = {
    "Colab": save_in_colab,
    "Colab, ids kept": save_in_colab_with_ids,
    "Colab before 2022": save_in_old_colab,
    "VS Code": save_in_vscode,
    "VS Code before 2022": save_in_old_vscode,
    "JupyterLab": save_in_jupyterlab,
    "Kaggle": save_in_kaggle,
    "Deepnote": save_in_deepnote,
    "the classic Notebook": save_as_classic_notebook,
}

_INTERPRETER = {
    "codemirror_mode": {"name": "ipython", "version": 3}, "file_extension": ".py", "mimetype": "text/x-python", "name": "python",
    "nbconvert_exporter": "python", "pygments_lexer": "ipython3",
}


def _without_ids(notebook: Notebook) -> Notebook:
    copied = copy.deepcopy(notebook)
    for cell in copied["cells"]:
        cell.pop("id", None)
    return copied


def _lines(cell: Notebook) -> list[str]:
    """The source, split anew after each line's end."""
    source = "".join(cell["source"])
    return source.splitlines(keepends=True)


def _results(cell: Notebook) -> Notebook:
    return {key: cell[key] for key in ("execution_count", "outputs") if key in cell}


def _sign(cell: Notebook, length: int) -> str:
    """An id of some length that depends on nothing but the cell."""
    return hashlib.sha256("".join(cell["source"]).encode()).hexdigest()[:length]
