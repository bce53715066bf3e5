"""Drawings that several lessons use: a word cut into frames, paths as rows of boxes, paths through a lattice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from crnn_lessons.show.palette import BLUE, GREY, ORANGE, VERMILLION


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


def draw_framed_word(axes: Axes, outline: TextPath, path: str) -> None:
    """Draw a word's outline, the borders of its frames, and under each frame its sign.

    Args:
        outline: of width 1, as ``glyph_spans`` gives it.
        path: one sign a frame.
    """
    T, height = len(path), outline.get_extents().y1
    axes.add_patch(mpl.patches.PathPatch(outline, color="black"))
    axes.vlines(np.arange(T + 1) / T, -0.02, height + 0.02, color=GREY, linewidth=0.6)
    for t, sign in enumerate(path):
        axes.text((t + 0.5) / T, -0.07, sign, ha="center", color=BLUE, family="monospace")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.1, height + 0.03), aspect="equal")
    axes.axis("off")


def draw_path_grid(axes: Axes, paths: Sequence[str], colours: dict[str, str]) -> None:
    """Draw paths as rows of lettered boxes, one box a time step; signs without a colour stay white."""
    for row, path in enumerate(paths):
        for t, sign in enumerate(path):
            face = colours.get(sign, "white")
            axes.add_patch(mpl.patches.Rectangle((t, row), 0.94, 0.9, facecolor=face, edgecolor=GREY, linewidth=0.6))
            axes.text(t + 0.47, row + 0.46, sign, ha="center", va="center", fontsize=8)
    axes.set(xlim=(-0.2, max(map(len, paths)) + 0.2), ylim=(len(paths) + 0.1, -0.1), yticks=[], xlabel="time step t")
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
        head = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 8, "shrinkB": 8}
        axes.annotate("", (t + 1, b), (t, a), arrowprops=head, zorder=1)
    cells = sorted({(t, s) for path in paths for t, s in enumerate(path)})
    for t, s in cells:
        axes.scatter(t, s, s=220, facecolor="white", edgecolor="black", linewidth=1, zorder=3)
        axes.text(t, s, rows[s], ha="center", va="center", zorder=4)
    if highlight is not None:
        axes.plot(range(T), highlight, color=VERMILLION, linewidth=3, zorder=2)
    axes.set(xticks=range(T), yticks=range(len(rows)), xlabel="time step t", ylabel="row s")
    axes.set(xlim=(-0.5, T - 0.5), ylim=(len(rows) - 0.5, -0.5))
    return len(arrows)


def draw_pictures(axes: Iterable[Axes], pictures: Iterable[np.ndarray], titles: Iterable[str]) -> None:
    """Draw grey pictures H W, uint8, each with its title above; axes that are left over stay empty."""
    axes = list(axes)
    for ax in axes:
        ax.axis("off")
    for ax, picture, title in zip(axes, pictures, titles, strict=False):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize=8)


def draw_letter_frames(
    above: Axes, below: Axes, picture: np.ndarray, probs: np.ndarray, spans: Sequence[tuple], names: Sequence[str]
) -> None:
    """Draw the frames of each letter over its picture, and below them the probabilities of all classes.

    Args:
        picture: H W, grey.
        probs: T K, of the K classes that are named.
        spans: (letter, first frame, last frame).
    """
    T, K = probs.shape
    above.imshow(picture, cmap="gray", extent=(0, T, 8, 0), aspect="auto")
    for letter, first, last in spans:
        above.axvspan(first, last + 1, color=ORANGE, alpha=0.35)
        above.text((first + last + 1) / 2, -0.5, letter, ha="center")
    below.imshow(probs.T, cmap="Blues", vmin=0, vmax=1, extent=(0, T, K, 0), aspect="auto")
    below.set_yticks(np.arange(K) + 0.5, names)
    below.set(xlabel="frame t", ylabel="class")
    above.set(yticks=[])


def draw_letter_places(axes: Axes, picture: np.ndarray, text: str, rows: Sequence[int]) -> None:
    """Draw a picture of a word, with a line to each frame in which its path is in a letter, and the letter above.

    Args:
        picture: H W, grey.
        text: S letters.
        rows: the row of the lattice in each of T frames; row 2i + 1 is letter i.
    """
    height, width = picture.shape
    axes.imshow(picture, cmap="gray", extent=(0, width, height, 0))
    for i, letter in enumerate(text):
        frames = [t for t, s in enumerate(rows) if s == 2 * i + 1]
        middles = (np.array(frames) + 0.5) * width / len(rows)
        axes.vlines(middles, -0.1 * height, height, color=VERMILLION, linewidth=1)
        axes.text(middles.mean(), -0.15 * height, letter, ha="center", va="bottom", color=VERMILLION)
    axes.set(xlim=(0, width), ylim=(height, -0.5 * height))
    axes.axis("off")


def draw_cells(
    axes: Axes, table: np.ndarray, names: Sequence[str], title: str, digits: int = 2, signed: bool = False
) -> None:
    """Draw a table as shaded cells with their numbers in them, t to the right.

    Args:
        axes: where to draw.
        table: T x R numbers between 0 and 1, or between -1 and 1 where ``signed``.
        names: of the R rows, the first at the top.
        title: above.
        digits: behind the point; an exact 0 is written bare.
        signed: shade numbers below 0 in another colour.
    """
    shades = {"cmap": "PuOr", "vmin": -1} if signed else {"cmap": "Blues", "vmin": 0}
    axes.imshow(table.T, vmax=1, aspect="auto", **shades)
    for (t, s), value in np.ndenumerate(table):
        written = f"{value:.{digits}f}".replace("-", "−") if value else "0"
        colour = "white" if abs(value) > 0.6 else "black"
        axes.text(t, s, written, ha="center", va="center", color=colour, fontsize=7)
    axes.set(title=title, xlabel="time step t", xticks=range(len(table)))
    axes.set_yticks(range(len(names)), list(names), family="monospace")


def draw_gains(axes: Axes, gains: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Draw a table of gains and losses, in points, as cells in two colours with their numbers in them.

    Args:
        gains: R x C.
        rows, columns: names of what was trained on, and tested on.
    """
    most = np.abs(gains).max()
    axes.imshow(gains, cmap="PuOr_r", vmin=-most, vmax=most, aspect="auto")
    for (row, column), value in np.ndenumerate(gains):
        colour = "white" if abs(value) > 0.6 * most else "black"
        written = f"{value:+.0f}".replace("-", "−")
        axes.text(column, row, written, ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(columns)), list(columns))
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(xlabel="tested on", ylabel="trained on")
