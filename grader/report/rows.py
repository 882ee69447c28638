"""What a page holds many of (a matrix's cells, an example's numbers, lines of code) -> markup, a whole table or listing at once.

A template places one value at a time, which for these would be half of what a page costs. Whatever comes in is escaped here.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from grader.report.code import CodeView
from grader.report.example_view import Rows
from grader.report.heatmap import GridView, PictureView
from grader.report.text import clean_text
from grader.report.wording import Wording


def place_matrix(grid: GridView, picture: PictureView) -> Markup:
    """A heat map's head and body; each heading names its axis to those who hear the page."""
    column, row = (f'<span class="sr">{_safe(name)} </span>' for name in (picture.column_name, picture.row_name))
    before, after = ('<span class="sr">', "</span>") if grid.dense else ("", "")
    heads = "".join([f'<th scope="col">{column}{number}</th>' for number in grid.columns])
    lines = [f"<thead><tr><td></td>{heads}</tr></thead>\n<tbody>\n"]
    for one in grid.rows:
        numbers = str(escape(" ".join((*one.exact, *one.texts)))).split(" ")
        cells = [f'<td class="{colour}" title="{exact}">{before}{text}{after}</td>'
                 for colour, exact, text in zip(one.colours, numbers, numbers[len(one.exact):], strict=False)]
        lines.append(f'<tr><th scope="row">{row}{one.number}</th>{"".join(cells)}</tr>\n')
    return Markup("".join([*lines, "</tbody>\n"]))  # noqa: S704  escaped above


def place_numbers(rows: Rows) -> Markup:
    """A small table's rows; they hold numbers, so nothing has to be cleaned."""
    return Markup("".join([f"<tr>{''.join([f'<td>{escape(number)}</td>' for number in row])}</tr>" for row in rows]))  # noqa: S704  escaped


def place_lines(listing: CodeView, words: Wording) -> Markup:
    """Lines of code, and below each what is said of it."""
    lines = []
    for line in listing.lines:
        hit, where = (" hit", _safe(words.line(line.number))) if line.messages else ("", "")
        lines.append(f'<span class="line{hit}" data-n="{line.number}">{line.markup}\n</span>')
        lines += [f'<span class="note"><b>{where}:</b> {_safe(message)}\n</span>' for message in line.messages]
    return Markup("".join(lines))  # noqa: S704  what is no markup yet is escaped above


def _safe(text: str) -> str:
    return str(escape(clean_text(text)))
