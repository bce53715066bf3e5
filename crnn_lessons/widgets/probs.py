"""Widgets over a matrix of probabilities that the learner edits: what the lattice and the beam share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.arrays import as_array
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Characters, Entry

MOST_FRAMES, MOST_CLASSES = 100, 500


def check_probs(probs: ArrayLike) -> list[list[float]]:
    """Return probabilities as T x C nested lists, or say in one sentence why they are none, or too many to draw."""
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


class OverProbs(Widget):
    """A widget over T x C probabilities, class 0 the blank, and the characters of the other classes."""

    probs = Entry(check_probs)  # the first: it says how many characters there may be
    characters = Characters()

    def __init__(
        self,
        probs: ArrayLike | None,
        characters: Alphabet | Iterable[str],
        log_probs: ArrayLike | None,
        **more: object,
    ):
        if (probs is None) == (log_probs is None):
            raise ValueError(f"a {self.kind} needs either probs or log_probs (T x C), and got both or neither")
        if probs is None:
            probs = np.exp(as_array(log_probs, "log_probs must be a T x C array of numbers"))
        super().__init__(probs=probs, characters=characters, **more)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        (T, C), characters = np.shape(state["probs"]), "".join(state["characters"])
        if C != len(characters) + 1 and self.state:
            here = f"this {self.kind} has {len(characters) + 1}: the blank and {characters!r}"
            raise ValueError(f"probs has {C} classes, and {here}")
        if C != len(characters) + 1:
            here = f"the characters {characters!r} with the blank make {len(characters) + 1}"
            raise ValueError(f"probs has {C} classes, and {here}; the blank is not listed among the characters")
        return {"T": T, "moments": T + 1}

    @property
    def alphabet(self) -> Alphabet:
        """The characters as an alphabet."""
        return Alphabet(self.characters)

    @property
    def log_probs(self) -> np.ndarray:
        """The natural logarithms of the present probabilities, T x C."""
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(self.probs))
