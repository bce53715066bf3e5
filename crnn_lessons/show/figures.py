"""One look for all figures of the course: palette, style, and pictures that carry their description with them.

The palette is Okabe and Ito's, told apart by colour-blind readers too; figures use shapes, labels or line styles beside
it, so that nothing hangs on colour alone.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, GREY = "#56B4E9", "#CC79A7", "#999999"
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


def glyph_spans(text: str, family: str = "DejaVu Sans") -> tuple[TextPath, np.ndarray]:
    """The outline of a line of text, and where each letter's ink begins and ends.

    Args:
        text: letters without ligatures.
        family: a font that matplotlib brings or finds.

    Returns:
        The outline, scaled to a width of 1 and beginning at 0, and len(text) x 2 positions of the ink along it.
    """
    font = FontProperties(family=family)
    outline = TextPath((0, 0), text, size=100, prop=font)
    ends = [TextPath((0, 0), text[: i + 1], size=100, prop=font).get_extents().x1 for i in range(len(text))]
    starts = []
    for i, letter in enumerate(text):  # a letter's left edge: its own width back from its right edge
        box = TextPath((0, 0), letter, size=100, prop=font).get_extents()
        starts.append(ends[i] - box.width)
    spans = np.stack([starts, ends], axis=1)
    left, width = spans[0, 0], spans[-1, 1] - spans[0, 0]
    outline = outline.transformed(mpl.transforms.Affine2D().translate(-left, 0).scale(1 / width))
    return outline, (spans - left) / width


def frame_labels(spans: np.ndarray, T: int) -> list[int | None]:
    """Which letter has its ink at the middle of each of T frames of equal width; None between letters."""
    middles = (np.arange(T) + 0.5) / T
    return [next((i for i, (a, b) in enumerate(spans) if a <= x <= b), None) for x in middles]


def draw_path_grid(axes: Axes, paths: Sequence[str], colours: dict[str, str]) -> None:
    """Draw paths as rows of lettered boxes, one box a time step; signs without a colour stay white."""
    for row, path in enumerate(paths):
        for t, sign in enumerate(path):
            face = colours.get(sign, "white")
            axes.add_patch(mpl.patches.Rectangle((t, row), 0.94, 0.9, facecolor=face, edgecolor=GREY, linewidth=0.6))
            axes.text(t + 0.47, row + 0.46, sign, ha="center", va="center", fontsize=8)
    axes.set(xlim=(-0.2, max(map(len, paths)) + 0.2), ylim=(len(paths) + 0.1, -0.1), yticks=[])
    axes.set_xticks(np.arange(max(map(len, paths))) + 0.47, [str(t) for t in range(max(map(len, paths)))])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def draw_lattice(
    axes: Axes, rows: Sequence[str], T: int, paths: Sequence[Sequence[int]], highlight: Sequence[int] | None = None
) -> int:
    """Draw paths over lattice rows on top of each other; the number of different arrows is returned.

    Args:
        axes: where to draw.
        rows: the sign of each row, the first at the top.
        T: number of time steps.
        paths: each a sequence of T row numbers.
        highlight: one path to draw thick.
    """
    arrows = {(t, a, b) for path in paths for t, (a, b) in enumerate(pairwise(path))}
    for t, a, b in sorted(arrows):
        axes.plot([t, t + 1], [a, b], color=GREY, linewidth=1, zorder=1)
    cells = sorted({(t, s) for path in paths for t, s in enumerate(path)})
    for t, s in cells:
        axes.scatter(t, s, s=220, facecolor="white", edgecolor="black", linewidth=1, zorder=3)
        axes.text(t, s, rows[s], ha="center", va="center", zorder=4)
    if highlight is not None:
        axes.plot(range(T), highlight, color=VERMILLION, linewidth=3, zorder=2)
    axes.set(xticks=range(T), yticks=range(len(rows)), xlabel="time step t", ylabel="row s")
    axes.set(xlim=(-0.5, T - 0.5), ylim=(len(rows) - 0.5, -0.5))
    return len(arrows)
