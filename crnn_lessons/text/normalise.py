"""Size and position normalisation: bring a line of text to one height, wherever it stood and however large it was.

Three ways to say where the text stands: by the moments of its ink, by its mean and mean deviation, and by a centre line
that follows the text along the width. Each gives a window of rows; one function cuts the window out and scales it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from einops import reduce
from numpy.typing import ArrayLike
from scipy import ndimage

MOST = 8.0
"""No line is magnified more: the ink of one pixel or of a hyphen has no spread to measure by."""
FINEST = 128  # rows; the centre of a higher line is measured on a smaller picture


@dataclass(frozen=True)
class Window:
    """The rows that a line occupies.

    Attributes:
        centre: W row positions, one for each column, the same everywhere but in the centre-line form.
        half: rows above and below the centre that belong to the line, in pixels.
    """

    centre: np.ndarray
    half: float


def moments(line: ArrayLike, reach: float = 5.0, keep: float = 0.99) -> Window:
    """The window of mean ± ``reach`` standard deviations of the rows of ink.

    Scaled to the height h, the standard deviation σ becomes h / (2 reach): the scale is 2 reach σ / h.

    Args:
        line: ``H W``, ink bright on 0; ink is what exceeds half of the brightest pixel.
        reach: how many standard deviations fit above and below the mean.
        keep: the window grows, if need be, until it holds this share of the ink.
    """
    line = check_line(line)
    ink, rows = ink_mask(line), np.arange(len(line))
    if not ink.any():
        return _blank(line)
    mean = float(np.average(rows, weights=ink.sum(axis=1)))
    variance = float(np.average((rows - mean) ** 2, weights=ink.sum(axis=1)))
    return _window(ink, np.full(line.shape[1], mean), reach * variance**0.5, keep)


def mean_deviation(line: ArrayLike, reach: float = 5.0, keep: float = 0.99) -> Window:
    """The window of mean ± ``reach`` mean absolute deviations of the rows, each pixel weighted by its brightness."""
    line = check_line(line)
    if not line.any():
        return _blank(line)
    weight, rows = line.sum(axis=1), np.arange(len(line))
    mean = float(np.average(rows, weights=weight))
    deviation = float(np.average(np.abs(rows - mean), weights=weight))
    return _window(line, np.full(line.shape[1], mean), reach * deviation, keep)


def centre_line(
    line: ArrayLike, reach: float = 4.0, smoothness: float = 1.0, extra: float = 0.3, keep: float = 0.99
) -> Window:
    """The window of ± int(1 + ``reach`` · mean deviation) rows around a centre that follows the text.

    The line is blurred (σ = H/2 down, ``smoothness`` · H along); the brightest row of each column, smoothed along the
    width (σ = ``extra`` · H), is the centre. To the blurred line a thousandth of its profile, averaged over columns,
    is added: it decides where a column has no ink near by, and nothing is left to chance. A line higher than
    ``FINEST`` is shrunk first: a blur so wide leaves nothing finer, and its time grows with the cube of H.
    """
    line = check_line(line)
    ink, (rows, columns) = ink_mask(line), line.shape
    if not ink.any():
        return _blank(line)
    by = max(1, rows // FINEST)
    small = reduce(np.pad(line, ((0, -rows % by), (0, -columns % by))), "(h a) (w b) -> h w", "mean", a=by, b=by)
    height = rows / by
    blurred = ndimage.gaussian_filter(small, (0.5 * height, smoothness * height), mode="constant")
    profile = ndimage.uniform_filter1d(blurred.mean(axis=1), max(1, round(0.5 * height)), mode="constant")
    peak = (blurred + 0.001 * profile[:, None]).argmax(axis=0).astype(float)
    centre = ndimage.gaussian_filter1d(peak, extra * height, mode="nearest") * by + (by - 1) / 2
    centre = np.interp(np.arange(columns), by * np.arange(len(centre)) + (by - 1) / 2, centre)
    deviation = np.abs(np.arange(rows)[:, None] - centre)[ink].mean()
    return _window(ink, centre, float(int(1 + reach * deviation)), keep)


FORMS = {"moments": (moments, 80, 0), "centre line": (centre_line, 48, 16), "mean": (mean_deviation, 80, 0)}
"""Each form with its usual height and padding, in pixels."""


def normalise(
    line: ArrayLike, form: str = "moments", height: int | None = None, padding: int | None = None, **settings: float
) -> np.ndarray:
    """Bring one line to a height, in one of three forms.

    The result depends on this line alone, never on others of a batch. A line without ink becomes a blank one.

    Args:
        line: ``H W``, ink bright on 0: uint8, or floats that are 0 or more.
        form: "moments", "centre line" or "mean".
        height: rows of the result; 80, 48 and 80 when not given.
        padding: empty columns added at each end; 0, 16 and 0 when not given.
        settings: ``reach`` and what else the form takes.

    Returns:
        float32 ``height W'``, 0 to 1 for a uint8 line; the width is scaled as the height is.

    Raises:
        ValueError: no such form, no picture, or numbers that cannot be ink.
    """
    if form not in FORMS:
        raise ValueError(f"there is no form {form!r}; choose one of {', '.join(FORMS)}")
    measure, usual_height, usual_padding = FORMS[form]
    height = usual_height if height is None else height
    padding = usual_padding if padding is None else padding
    if height < 1 or padding < 0:
        raise ValueError(f"the height must be 1 or more and the padding 0 or more; got {height} and {padding}")
    return np.pad(cut(line, measure(line, **settings), height), ((0, 0), (padding, padding)))


def cut(line: ArrayLike, window: Window, height: int) -> np.ndarray:
    """Cut a window out of a line and scale it; beyond the picture is paper.

    Row i and column j of the result are read at row centre + scale (i - height/2) and column scale j, with
    scale = 2 half / height; between pixels by linear interpolation. Where the line shrinks, each is the mean over a
    field of scale x scale pixels, and the fields cover the line without a gap, so that no stroke is lost.
    """
    line = check_line(line)
    scale = max(2 * window.half / height, 1 / MOST)
    columns = max(1, round(line.shape[1] / scale))
    step = line.shape[1] / columns if scale > 1 else scale  # subtle: scale, rounded so that no end is left out
    field, wide = max(1.0, scale), max(1.0, step)  # rows and columns that a value of the result is the mean of
    across = step * np.arange(columns) + (wide - 1) / 2
    centre = np.interp(across, np.arange(line.shape[1]), window.centre)
    rows = centre + scale * (np.arange(height)[:, None] - height / 2) + (field - 1) / 2
    return _area(_area(line.T, across, wide).T, rows, field).astype(np.float32)


def _area(pixels: np.ndarray, at: np.ndarray, field: float) -> np.ndarray:
    """The mean of ``pixels`` `H W` down each column over a field round each place, `h` or `h W`: `h W`.

    It comes from the sum up to a place, linear within a pixel; a field of one pixel gives linear interpolation.
    """
    height, width = pixels.shape
    total = np.zeros((height + 2, width))  # up to the upper edge of each row; paper above and below
    np.cumsum(pixels, axis=0, out=total[1:-1])
    total[-1] = total[-2]
    at = np.broadcast_to(at if at.ndim == 2 else at[:, None], (len(at), width))
    edges = np.clip([at + (1 - field) / 2, at + (1 + field) / 2], 0, height)
    below = edges.astype(np.int64)
    low, high = (np.take_along_axis(total[None], below + one, 1) for one in (0, 1))
    return np.diff(low + (edges - below) * (high - low), axis=0)[0] / field


def ink_mask(line: np.ndarray) -> np.ndarray:
    """Where ink is: brighter than half of the brightest pixel. Nowhere on a blank line."""
    return line > 0.5 * line.max()


def to_ink(picture: ArrayLike) -> np.ndarray:
    """A scan of either polarity as ink, 0 (paper) to 1; a picture of one grey has none.

    Paper is the median, since it covers more than half of a line; ink is what lies furthest from it, up to a hundredth
    of the pixels.
    """
    picture = check_line(picture)
    paper = np.median(picture)
    dark, bright = np.percentile(picture, [1, 99])
    ink = dark if paper - dark >= bright - paper else bright
    return np.clip((picture - paper) / (ink - paper), 0, 1) if ink != paper else np.zeros_like(picture)


def check_line(line: ArrayLike) -> np.ndarray:
    """Return a line as floats, uint8 as 0 to 1; ValueError where it is no ``H W``, empty, or negative or not finite."""
    raw = np.asarray(line)
    if raw.ndim != 2 or 0 in raw.shape:
        raise ValueError(f"a line is a picture H x W of at least one pixel, and this has the shape {raw.shape}")
    values = raw / 255 if raw.dtype == np.uint8 else raw.astype(np.float64)
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError("the pixels of a line are numbers from 0 (paper) up, and some are negative or not finite")
    return values


def _window(weight: np.ndarray, centre: np.ndarray, half: float, keep: float) -> Window:
    """Let a window grow, if it is too small, until it holds a share of the ink."""
    distance = np.abs(np.arange(len(weight))[:, None] - centre)
    missing = keep * weight.sum() - (weight * (distance <= half)).sum()
    if missing > 0:
        outside = (distance > half) & (weight > 0)
        order = np.argsort(distance[outside], kind="stable")
        held = np.cumsum(weight[outside][order])
        half = float(distance[outside][order[np.searchsorted(held, min(missing, held[-1]))]]) + 0.5
    return Window(centre, half)


def _blank(line: np.ndarray) -> Window:
    return Window(np.full(line.shape[1], len(line) / 2), len(line) / 2)
