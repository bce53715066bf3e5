"""What a network said of a picture, kept small enough for a notebook, and what follows from it."""

from __future__ import annotations

import math
from functools import cached_property, partial
from itertools import groupby

import numpy as np

from crnn_lessons.alphabet import BLANK, Alphabet
from crnn_lessons.ctc import Lattice, forward_backward
from crnn_lessons.show.numbers import minus, show_number
from crnn_lessons.widgets import steps

PER_NAT = 2048
"""A log-probability is kept as 16 bits: its distance from 0 in 2048ths of a nat; all below -32 nats is one."""

RIVALS = 5
"""How many classes are listed at a frame."""

to_steps = partial(steps.to_steps, per_nat=PER_NAT, dtype="<u2")


def chance(log_p: float) -> str:
    """A probability, given by its logarithm, in words.

    Softmax leaves neither 0 nor 1, and 90 zeros say no more than 12.
    """
    if log_p > math.log(0.9999):
        return "above 0.9999"
    return minus("below 1e-12") if -math.inf < log_p < math.log(1e-12) else show_number(math.exp(log_p))


def equals(log_p: float) -> str:
    """The same behind the letter p: p = 0.5, p above 0.9999."""
    words = chance(log_p)
    return f"= {words}" if words[0].isdigit() else words


class Evidence:
    """What a network said of a picture: T x C log-probabilities as whole numbers, and what follows from them.

    The page computes the same from the same numbers (autopsy.js).
    """

    def __init__(self, steps: np.ndarray, alphabet: Alphabet):
        self.steps, self.alphabet = steps, alphabet

    @cached_property
    def log_probs(self) -> np.ndarray:
        """T x C. Each row is made to sum to 1 again: rounding spoils what is near 1, and the others still know it."""
        values = -self.steps.astype(np.float64) / PER_NAT
        return values - np.log(np.exp(values).sum(axis=1, keepdims=True))

    @cached_property
    def spans(self) -> list[tuple[int, int, int]]:
        """Each letter of the best path: class, first frame, last frame. Of equally probable classes the lowest."""
        runs = [list(run) for _, run in groupby(enumerate(self.steps.argmin(axis=1).tolist()), key=lambda at: at[1])]
        return [(run[0][1], run[0][0], run[-1][0]) for run in runs if run[0][1] != BLANK]

    @property
    def text(self) -> str:
        """What the best path reads."""
        return self.alphabet.decode([k for k, _, _ in self.spans])

    @property
    def confidence(self) -> float:
        """p(text | picture): the sum over all alignments of the text that was read."""
        return float(np.exp(self.lattice.log_likelihood))

    def span(self, letter: int) -> tuple[int, int]:
        """The first and the last frame of a letter on the best path."""
        return self.spans[letter][1:]

    @cached_property
    def lattice(self) -> Lattice:
        return forward_backward(self.log_probs, [k for k, _, _ in self.spans])

    def posterior(self, letter: int) -> np.ndarray:
        """The probability that each frame is spent on a letter, given that the text is right: T numbers."""
        return self.lattice.posterior[:, 2 * letter + 1]

    def peak(self, letter: int) -> int:
        """The frame that is most probably spent on a letter; the first of equal ones."""
        gamma = self.posterior(letter)
        return int(np.argmax(gamma >= gamma.max() - 1e-9))  # the last bits differ between machines

    def rivals(self, frame: int, most: int = RIVALS) -> list[tuple[int, float]]:
        """The most probable classes at a frame, best first, with their probabilities."""
        order = np.argsort(self.steps[frame], kind="stable")[:most]
        return [(int(k), float(np.exp(self.log_probs[frame, k]))) for k in order]
