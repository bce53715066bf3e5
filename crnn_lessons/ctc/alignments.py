"""The definition of CTC: the map B, the alignments of a target, their number, and p(Y | X) by listing them all.

Everything here is slow and exact. It is what the fast forms are checked against.

Source: Graves, Fernández, Gomez, Schmidhuber, "Connectionist Temporal Classification", ICML 2006, section 3.1.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from itertools import combinations, groupby, pairwise

import numpy as np

from crnn_lessons.alphabet import BLANK

MOST_ALIGNMENTS = 5_000_000
"""More alignments than this are not enumerated: it would take minutes, and soon years."""


def collapse(path: Sequence[int], blank: int = BLANK) -> tuple[int, ...]:
    """The map B: merge each run of equal classes into one, then drop the blanks.

    Args:
        path: T class indices, one a time step.
        blank: the class index of the blank.

    Returns:
        The class indices that are left, at most T of them, without a blank.

    Source: Graves et al. 2006, section 3.1 (there written as a calligraphic B).
    """
    blank = check_blank(blank)
    merged = [label for label, _run in groupby(whole_number(k, "a class of a path") for k in path)]
    return tuple(label for label in merged if label != blank)


def repeats(target: Sequence[int]) -> int:
    """The number r of places where a target has two equal labels side by side."""
    return sum(a == b for a, b in pairwise(whole_number(k, "a label") for k in target))


def min_frames(target: Sequence[int]) -> int:
    """The least number of time steps that can spell a target: S + r.

    One step a label, and one step for the blank that must stand between two equal labels.
    """
    return len(target) + repeats(target)


def count_alignments(T: int, target: Sequence[int]) -> int:
    """How many paths of T steps collapse to the target: C(T + S - r, 2S), exactly, at any size.

    Args:
        T: number of time steps, 0 or more.
        target: S labels, of which r equal their left neighbour.

    Returns:
        The count as a Python integer; 0 where T < S + r.

    Raises:
        ValueError: T is negative or not a whole number.

    A path is a split of the T steps into 2S + 1 runs: a run of blanks before each label and one after the last
    (these may be empty, save those between equal labels), and a run of each label (at least one step). Once the
    S + r steps that must be there are set aside, T - S - r steps are free to go into 2S + 1 runs.
    """
    _check_steps(T)
    S, r = len(target), repeats(target)
    return math.comb(T + S - r, 2 * S)  # which is 0 where T < S + r


def alignments(T: int, target: Sequence[int], blank: int = BLANK) -> Iterator[tuple[int, ...]]:
    """Every path of T steps that collapses to the target, each once, one at a time.

    Args:
        T: number of time steps, 0 or more.
        target: S labels, none of them the blank.
        blank: the class index of the blank.

    Yields:
        Paths: tuples of T class indices.

    Raises:
        ValueError: a blank within the target, or T negative.
    """
    _check_steps(T)
    blank = check_blank(blank)
    target = check_target(target, blank)
    S, r = len(target), repeats(target)
    labels = [blank] + [k for label in target for k in (label, blank)]  # 2S + 1 runs, in order
    must = [0] + [1] * (2 * S)  # a label's run has a step at least; a blank's run, as follows
    for i in range(1, S + 1):
        must[2 * i] = int(i < S and target[i - 1] == target[i])
    free = T - S - r
    if free < 0:
        return iter(())

    def paths() -> Iterator[tuple[int, ...]]:
        # Stars and bars: 2S bars among free + 2S places cut the free steps into 2S + 1 runs.
        for bars in combinations(range(free + 2 * S), 2 * S):
            edges = (-1, *bars, free + 2 * S)
            extra = [right - left - 1 for left, right in pairwise(edges)]
            yield tuple(label for label, m, e in zip(labels, must, extra, strict=True) for _ in range(m + e))

    return paths()


def enumerate_probability(probs: np.ndarray, target: Sequence[int], blank: int = BLANK) -> float:
    """p(Y | X) by its definition: the sum, over all alignments, of the product of their probabilities.

    Args:
        probs: T x C probabilities, one row a time step.
        target: S class indices, none of them the blank.
        blank: the class index of the blank.

    Returns:
        The probability of the target.

    Raises:
        ValueError: ``probs`` is no T x C array, the target does not fit it, or it has more than
            ``MOST_ALIGNMENTS`` alignments.

    Source: Graves et al. 2006, equations 2 and 3.
    """
    probs = np.asarray(probs, dtype=np.float64)
    if probs.ndim != 2:
        raise ValueError(f"probs must be T x C (time steps by classes), and has the shape {probs.shape}")
    T, C = probs.shape
    target = check_target(target, blank, C)
    count = count_alignments(T, target)
    if count > MOST_ALIGNMENTS:
        raise ValueError(
            f"a target of {len(target)} labels has {count:,} alignments over {T} time steps, too many to list; "
            f"use forward_backward, which needs {T} x {2 * len(target) + 1} cells"
        )
    steps = np.arange(T)
    return math.fsum(probs[steps, list(path)].prod() for path in alignments(T, target, blank))


def whole_number(value: object, name: str) -> int:
    """Return a whole number as an int, or say that it is none: 2.5, "2" and True are refused.

    Raises:
        TypeError: no whole number.
    """
    try:  # operator.index refuses 2.5, which int() would round in silence
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be a whole number, and is {value!r}")


def check_blank(blank: int, num_classes: int | None = None) -> int:
    """Return the class index of the blank, or say why it is none.

    Raises:
        TypeError, ValueError: no whole number; negative, or not below ``num_classes``.
    """
    blank = whole_number(blank, "blank")
    if blank < 0 or (num_classes is not None and blank >= num_classes):
        raise ValueError(f"blank is class {blank}, and class indices run from 0{_up_to(num_classes)}")
    return blank


def check_target(target: Sequence[int], blank: int, num_classes: int | None = None) -> tuple[int, ...]:
    """Return the target as a tuple of ints, or say which of its labels cannot stand there.

    Raises:
        TypeError: a label or blank that is no whole number.
        ValueError: a label that is the blank, or a label or blank that is negative or not below ``num_classes``.
    """
    blank, labels = check_blank(blank, num_classes), tuple(whole_number(k, "a label") for k in target)
    for place, label in enumerate(labels):
        if label == blank:
            raise ValueError(
                f"the target has the blank (class {blank}) at place {place}; "
                "a target holds labels alone, the blank appears in paths"
            )
        if label < 0 or (num_classes is not None and label >= num_classes):
            raise ValueError(
                f"the target has {label} at place {place}, and class indices run from 0{_up_to(num_classes)}"
            )
    return labels


def _up_to(num_classes: int | None) -> str:
    return "" if num_classes is None else f" to {num_classes - 1}"


def _check_steps(T: int) -> None:
    if T != int(T) or T < 0:
        raise ValueError(f"T is a number of time steps, 0 or more, and is {T!r}")
