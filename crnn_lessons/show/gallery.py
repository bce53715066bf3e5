"""Pictures of words side by side, each with what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from crnn_lessons.show.figures import Picture, new_figure, show
from crnn_lessons.show.palette import INK, VERMILLION

WIDTH = 7.5  # inches
PROPORTIONS = 3.2  # of the place for a picture, across to down


def gallery(
    pictures: Sequence[np.ndarray], captions: Sequence[str], what: str, columns: int = 6, wrong: Collection[int] = ()
) -> Picture:
    """Grey pictures in rows, a caption of one or two lines above each.

    Args:
        pictures: uint8 ``H W``, of any size; all are shown at the same one.
        captions: one for each.
        what: what these pictures are, for the alternative text, which goes on with the captions.
        columns: pictures in a row.
        wrong: numbers of pictures that are marked by a cross and a second colour.
    """
    lines = 1 + max(caption.count("\n") for caption in captions)
    rows = -(-len(pictures) // columns)
    height = rows * (WIDTH / columns / PROPORTIONS + 0.17 * lines + 0.08)
    figure, grid = new_figure(WIDTH, height, nrows=rows, ncols=columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    told = []
    for i, (axes, picture, caption) in enumerate(zip(grid.flat, pictures, captions, strict=False)):
        mark = "✗ " if i in wrong else ""
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title(mark + caption, fontsize=8, loc="center", color=VERMILLION if mark else INK, pad=2)
        told.append(caption.replace("\n", ": ") + (" (wrong)" if mark else ""))
    return show(figure, f"{what}: {'; '.join(told)}.")
