"""The lattice widget: alpha, beta, posterior and best path of a target, cell by cell, with the numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK_SIGN, Alphabet
from crnn_lessons.ctc import Lattice as Numbers
from crnn_lessons.ctc import extend, forced_alignment, forward_backward, min_frames
from crnn_lessons.show.numbers import short, show_number
from crnn_lessons.widgets.probs import OverProbs
from crnn_lessons.widgets.spec import Choice, Place, Text


class Lattice(OverProbs):
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
    target = Text()
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
        super().__init__(probs, characters, log_probs, target=target, t=t, s=s, mode=mode)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        sizes, target = super().fit(state, changed), state["target"]
        needed = min_frames(list(map(ord, target)))
        if needed > sizes["T"]:
            raise ValueError(f"the target {short(target)} needs {needed} time steps, and probs has {sizes['T']}")
        return sizes | {"L": 2 * len(Alphabet(state["characters"]).encode(target)) + 1}

    @property
    def numbers(self) -> Numbers:
        """Alpha, beta, posterior and log p(Y | X) of the present state, computed in Python."""
        return forward_backward(self.log_probs, self.alphabet.encode(self.target))

    def alt(self) -> str:
        labels = self.alphabet.encode(self.target)
        log_p, rows, best = self.numbers.log_likelihood, extend(labels), "no path has a probability above zero"
        if log_p > -np.inf:
            blank = "∅" if BLANK_SIGN in self.characters else BLANK_SIGN
            path = self.alphabet.show(rows[forced_alignment(self.log_probs, labels)[0]], blank)
            best = f"most probable path {path!r}"
        return (
            f"CTC lattice of the target {self.target!r}: {len(self.probs)} time steps, {len(rows)} rows; p(Y|X) = "
            f"{show_number(np.exp(log_p))}, loss {show_number(-log_p)}; {best}."
        )

    def __repr__(self) -> str:
        T, C = len(self.probs), len(self.characters) + 1
        return f"Lattice(target={self.target!r}, T={T}, C={C}, t={self.t}, s={self.s}, mode={self.mode!r})"
