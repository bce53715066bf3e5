"""One look for all figures of the course: style, and pictures that carry their description with them.

The palette is Okabe and Ito's, told apart by colour-blind readers too; figures use shapes, labels or line styles beside
it, so that nothing hangs on colour alone.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crnn_lessons.show.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
STYLE = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.cycler(color=CYCLE),
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "legend.frameon": False,
    "svg.hashsalt": "crnn-lessons",
}


@dataclass(frozen=True)
class Picture:
    """A finished figure: shown in a notebook as an image with alternative text."""

    png: bytes
    alt: str
    width: int

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode("ascii")
        return (
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" style="max-width: 100%; background: white" '
            f'src="data:image/png;base64,{data}">'
        )

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def new_figure(width: float = 7.0, height: float = 3.0, **grid) -> tuple[Figure, Axes]:
    """A figure in the course's style, outside pyplot: nothing is shown twice and nothing stays open.

    Args:
        width, height: in inches, at 110 pixels an inch.
        grid: passed on to ``Figure.subplots``: nrows, ncols, sharex ...
    """
    mpl.rcParams.update(STYLE)  # for good: titles and legends look the style up when they are added, later
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(**grid)


def show(figure: Figure, alt: str) -> Picture:
    """Render a figure as the output of a notebook cell.

    Args:
        figure: made by ``new_figure``.
        alt: what the figure shows, in a sentence with its numbers, for readers who do not see it.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=2 * STYLE["figure.dpi"], metadata={"Software": None})
    return Picture(buffer.getvalue(), alt, round(figure.get_figwidth() * STYLE["figure.dpi"]))
