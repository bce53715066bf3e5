"""The one HTML table: every table of the course that a notebook shows is made here."""

from __future__ import annotations

import html
from collections.abc import Sequence

Cell = str | tuple[str, str]
"""A cell's text; or a pair of an HTML tag to wrap it in and the text."""


def html_table(head: Sequence[str], rows: Sequence[Sequence[Cell]], caption: str = "", numbers: Sequence[int] = ()):
    """A table as HTML, everything in it escaped.

    Args:
        head: the title of each column.
        rows: one cell a column each.
        caption: a line above.
        numbers: the columns, counted from 0, that hold numbers and are set to the right.
    """

    def side(column: int) -> str:
        return f' style="text-align: {"right" if column in numbers else "left"}"'

    def inside(cell: Cell) -> str:
        tag, text = cell if isinstance(cell, tuple) else ("", cell)
        return f"<{tag}>{html.escape(text)}</{tag}>" if tag else html.escape(text)

    titles = "".join(f'<th scope="col"{side(i)}>{html.escape(title)}</th>' for i, title in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{side(i)}>{inside(cell)}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows
    )
    above = f"<p>{html.escape(caption)}</p>" if caption else ""
    return f"{above}<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
