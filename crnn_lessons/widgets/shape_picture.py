"""The shape widget as a drawing, for readers and pages where no script runs."""

from __future__ import annotations

from crnn_lessons.models import Summary
from crnn_lessons.widgets.picture import GREY, VERMILLION, svg, svg_box, svg_text


def shape_picture(summary: Summary, field: tuple[int, int], frame: int, width: int) -> str:
    """The rows of a summary, the totals, and the field of one frame on a bar as long as the image.

    Args:
        summary: of a recogniser.
        field: first and last column that the frame sees.
        frame: which one.
        width: of the image.
    """
    head = ("layer", "shape", "parameters", "multiply-adds", "sees")
    rows = [head]
    for row in summary.rows:
        parameters = " + ".join(f"{p:,}" for p in row.parameters) or "0"
        sees = " × ".join(map(str, row.sees)) if row.sees else ""
        rows.append((row.name, " × ".join(map(str, row.shape)), parameters, f"{row.multiply_adds:,}", sees))
    rows.append(("together", "", f"{summary.num_parameters:,}", f"{summary.multiply_adds:,}", ""))
    parts = []
    for line, row in enumerate(rows):
        fill = GREY if line == 0 else "#1a1a1a"
        places = ((10, "start"), (250, "start"), (480, "end"), (610, "end"), (690, "end"))
        for (x, anchor), text in zip(places, row, strict=True):
            parts.append(svg_text(x, 22 + 20 * line, text, size=12, anchor=anchor, fill=fill))
    y, scale = 36 + 20 * len(rows), 680 / width
    first, last = field
    parts.append(svg_box(10, y, 680, 16, stroke=GREY))
    parts.append(svg_box(10 + scale * first, y, scale * (last - first + 1), 16, fill=VERMILLION))
    said = f"frame {frame} sees columns {first} to {last} of {width}"
    parts.append(svg_text(10, y + 36, said, size=13))
    return svg(700, y + 48, *parts)
