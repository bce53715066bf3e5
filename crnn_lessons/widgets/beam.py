"""The beam widget: prefix beam search over a matrix of probabilities, a frame at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK, Alphabet
from crnn_lessons.ctc import beam, best_path
from crnn_lessons.show.numbers import counted, show_number
from crnn_lessons.widgets.probs import OverProbs
from crnn_lessons.widgets.spec import Place, Whole


class Beam(OverProbs):
    """Prefix beam search: the tree of prefixes after each frame, with what ends in the blank and in the last label.

    Args:
        probs: T x C probabilities, each row summing to 1; class 0 is the blank. At most 100 x 500.
        characters: the C - 1 characters of classes 1, 2, ...: an Alphabet, or a text with each of them once.
        log_probs: T x C natural logarithms, instead of ``probs``.
        width: how many prefixes are kept after each frame, 1 to 20.
        t: after how many frames the tree is shown at first, 0 to T.

    ``probs``, ``width`` and ``t`` follow what the learner does, and may be set.

    Raises:
        ValueError: the arguments do not fit each other; the sentence says which and how.

    Source: Hannun et al. 2014, algorithm 1.
    """

    kind = "beam"
    width = Whole(1, 20)
    t = Place("moments", said="{name} is a number of frames, {low} to {high} here")

    def __init__(
        self,
        probs: ArrayLike | None = None,
        characters: Alphabet | Iterable[str] = "",
        *,
        log_probs: ArrayLike | None = None,
        width: int = 3,
        t: int = 0,
    ):
        super().__init__(probs, characters, log_probs, width=width, t=t)

    @property
    def beams(self) -> list[dict[str, tuple[float, float]]]:
        """After each frame the texts in the beam, the best first: what ends in the blank, and in the last label."""
        found: list[dict[str, tuple[float, float]]] = []
        read = self.alphabet.decode
        beam.search(
            self.log_probs, self.width, BLANK, None, None, 0.0, 0.0,
            lambda kept: found.append({read(x): (math.exp(b), math.exp(n)) for x, (b, n) in kept.items()}),
        )  # fmt: skip
        return found

    @property
    def text(self) -> str:
        """The best text of the last beam."""
        return next(iter(self.beams[-1]))

    def alt(self) -> str:
        last, read = self.beams[-1], self.alphabet.decode(best_path(np.asarray(self.probs)))
        text, shares = next(iter(last.items()))
        return (
            f"Prefix beam search over {counted(len(self.probs), 'frame')} with a beam of {self.width}: at the end "
            f"{text!r} is the best of {counted(len(last), 'text')}, with {show_number(sum(shares))}; the best path "
            f"reads {read!r}."
        )

    def __repr__(self) -> str:
        T, C = np.shape(self.probs)
        return f"Beam(T={T}, C={C}, width={self.width}, t={self.t}, text={self.text!r})"
