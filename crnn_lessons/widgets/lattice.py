"""The lattice widget: alpha, beta, posterior and best path of a target, cell by cell, with the numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK_SIGN, Alphabet
from crnn_lessons.arrays import as_array
from crnn_lessons.ctc import Lattice as Numbers
from crnn_lessons.ctc import extend, forced_alignment, forward_backward, min_frames
from crnn_lessons.show.numbers import short, show_number
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Place, Text

MOST_FRAMES, MOST_CLASSES = 100, 500


def check_probs(probs: ArrayLike) -> list[list[float]]:
    """Return probabilities as T x C nested lists, or say in one sentence why they are none.

    Raises:
        ValueError: the wrong shape, too much to draw, a number outside 0 to 1, or a row that does not sum to 1 (within
            1e-4).
    """
    values = as_array(probs, "probs must be a T x C array of numbers")
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"probs must be T x C (time steps by classes), T at least 1, and has the shape {values.shape}")
    if values.shape[0] > MOST_FRAMES or values.shape[1] > MOST_CLASSES:
        raise ValueError(
            f"the widget draws at most {MOST_FRAMES} time steps of {MOST_CLASSES} classes, and probs is "
            f"{values.shape[0]} x {values.shape[1]}; give it a part"
        )
    for t, k in np.argwhere(~((values >= 0) & (values <= 1 + 1e-6))).tolist():
        raise ValueError(f"a probability lies between 0 and 1, and probs[{t}, {k}] is {values[t, k]:g}")
    sums = values.sum(axis=1)
    for t in np.flatnonzero(np.abs(sums - 1) > 1e-4).tolist():
        raise ValueError(
            f"the classes of each time step must sum to 1, and at t={t} they sum to {sums[t]:.6g}; "
            "apply a softmax over the classes, or give log_probs="
        )
    return values.tolist()


class Lattice(Widget):
    """The lattice of a target over a matrix of probabilities.

    Args:
        probs: T x C probabilities, each row summing to 1; class 0 is the blank. At most 100 x 500.
        target: the text, over ``characters``; it needs at most T time steps.
        characters: the C - 1 characters of classes 1, 2, ...: an Alphabet, or a text with each of them once.
        log_probs: T x C natural logarithms, instead of ``probs``.
        t, s: the time step and row selected at first.
        mode: what is shaded at first: "alpha", "beta", "posterior" or "best" (the best path through each cell).

    Every argument but ``characters`` and ``log_probs`` follows what the learner does, and may be set.

    Raises:
        ValueError: the arguments do not fit each other; the sentence says which and how.

    Source: Graves et al. 2006, section 4.1, figure 3.
    """

    kind = "lattice"
    probs = Entry(check_probs)
    target = Text()
    characters = Entry(fixed=True)
    t = Place("T", said="{name} runs from {low} to {high} in this lattice")
    s = Place("L", said="{name} runs from {low} to {high} in this lattice")
    mode = Choice("alpha", "beta", "posterior", "best")

    def __init__(
        self,
        probs: ArrayLike | None = None,
        target: str = "",
        characters: Alphabet | Iterable[str] = "",
        *,
        log_probs: ArrayLike | None = None,
        t: int = 0,
        s: int = 0,
        mode: str = "alpha",
    ):
        if (probs is None) == (log_probs is None):
            raise ValueError("a lattice needs either probs or log_probs (T x C), and got both or neither")
        if probs is None:
            probs = np.exp(as_array(log_probs, "log_probs must be a T x C array of numbers"))
        probs = check_probs(probs)  # before the characters: how many there may be is said here
        alphabet = characters if isinstance(characters, Alphabet) else Alphabet(characters)
        characters = list(alphabet.characters)
        super().__init__(probs=probs, target=target, characters=characters, t=t, s=s, mode=mode)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        alphabet, (T, C) = Alphabet(state["characters"]), np.shape(state["probs"])
        characters = "".join(state["characters"])
        if C != alphabet.num_classes and self.state:
            here = f"{alphabet.num_classes}: the blank and {characters!r}"
            raise ValueError(f"probs has {C} classes, and this lattice has {here}")
        if C != alphabet.num_classes:
            raise ValueError(
                f"probs has {C} classes, and the characters {characters!r} with the blank make "
                f"{alphabet.num_classes}; the blank is not listed among the characters"
            )
        target, needed = state["target"], min_frames(list(map(ord, state["target"])))
        if needed > T:
            raise ValueError(f"the target {short(target)} needs {needed} time steps, and probs has {T}")
        return {"T": T, "L": 2 * len(alphabet.encode(target)) + 1}

    @property
    def numbers(self) -> Numbers:
        """Alpha, beta, posterior and log p(Y | X) of the present state, computed in Python."""
        return forward_backward(*self._given())

    def _given(self) -> tuple[np.ndarray, list[int]]:
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(self.probs)), Alphabet(self.characters).encode(self.target)  # T C; S

    def alt(self) -> str:
        log_probs, labels = self._given()
        log_p, rows, best = self.numbers.log_likelihood, extend(labels), "no path has a probability above zero"
        if log_p > -np.inf:
            blank = "∅" if BLANK_SIGN in self.characters else BLANK_SIGN
            path = Alphabet(self.characters).show(rows[forced_alignment(log_probs, labels)[0]], blank)
            best = f"most probable path {path!r}"
        return (
            f"CTC lattice of the target {self.target!r}: {len(self.probs)} time steps, {len(rows)} rows; p(Y|X) = "
            f"{show_number(np.exp(log_p))}, loss {show_number(-log_p)}; {best}."
        )

    def __repr__(self) -> str:
        T, C = len(self.probs), len(self.characters) + 1
        return f"Lattice(target={self.target!r}, T={T}, C={C}, t={self.t}, s={self.s}, mode={self.mode!r})"
