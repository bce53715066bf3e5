"""A character n-gram: how probable each label is after the few labels before it, counted on words or lines of text.

Smoothed after Witten and Bell 1991 (method C), in the form of Chen and Goodman 1998, equation 17: where a context has
been followed by u different labels, the shorter context gets u votes beside those that were counted,

    P(k | h) = (count(h, k) + u(h) P(k | h')) / (count(h) + u(h)),        h' is h without its first label.
"""

from __future__ import annotations

import os
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank, check_target


class NGram:
    """A character n-gram as an automaton whose states are the contexts that it has seen.

    Attributes:
        table: states x C, natural logarithms: how probable each label is next. No text has the blank in it, and the
            blank's column stands for the end of the text; so the probabilities of a row sum to 1.
        following: states x C, the state after each label.
        first: the state before the first label.
        blank: the class index of the blank.
    """

    def __init__(self, table: np.ndarray, following: np.ndarray, first: int, blank: int = BLANK):
        self.table, self.following = np.ascontiguousarray(table, np.float32), np.ascontiguousarray(following, np.int32)
        self.first, self.blank = int(first), check_blank(blank)
        states, C = self.table.shape
        inside = self.following.size and 0 <= self.following.min() and self.following.max() < states
        if self.following.shape != (states, C) or not inside or not 0 <= self.first < states or not 0 <= self.blank < C:
            raise ValueError("table and following must be states x C, and following and first must be states")

    @classmethod
    def train(cls, texts: Iterable[Sequence[int]], num_classes: int, order: int = 5, blank: int = BLANK) -> NGram:
        """Count texts.

        Args:
            texts: tuples of class indices; a text that stands twice counts twice.
            num_classes: C, the blank among them.
            order: how many labels are looked at together, the next one among them; 1 counts single labels.
            blank: the class index of the blank.

        Raises:
            ValueError: no texts, an order below 1, a label that is the blank or no class.
        """
        if order != int(order) or order < 1:
            raise ValueError(f"the order of an n-gram is 1 or more, and is {order!r}")
        blank = check_blank(blank, num_classes)
        counts: dict[tuple[int, ...], Counter] = defaultdict(Counter)
        for text in texts:
            whole = (blank, *check_target(text, blank, num_classes), blank)  # beginnings and ends count, too
            for i in range(1, len(whole)):
                for n in range(min(order - 1, i) + 1):
                    counts[whole[i - n : i]][whole[i]] += 1
        if not counts:
            raise ValueError("an n-gram needs at least one text to count, and got none")

        contexts = sorted(counts, key=len)  # so that the shorter context has its row before
        state = {context: s for s, context in enumerate(contexts)}
        table = np.empty((len(contexts), num_classes))
        following = np.zeros((len(contexts), num_classes), np.int32)  # state 0 is the empty context
        for s, context in enumerate(contexts):
            shorter, seen = state.get(context[1:], 0), counts[context]
            table[s] = len(seen) * table[shorter] if context else len(seen) / num_classes
            table[s, list(seen)] += list(seen.values())
            table[s] /= seen.total() + len(seen)
            following[s] = following[shorter]
            longer = {k: state[(*context, k)] for k in seen if (*context, k) in state}
            following[s, list(longer)] = list(longer.values())
        return cls(np.log(table), following, state[(blank,)] if order > 1 else 0, blank)

    def start(self) -> int:
        """The state before the first label."""
        return self.first

    def step(self, state: int, label: int) -> tuple[int, float]:
        """The state after one more label, and the natural logarithm of that label's probability."""
        return int(self.following[state, label]), float(self.table[state, label])

    def end(self, state: int) -> float:
        """The natural logarithm of the probability that the text ends here."""
        return float(self.table[state, self.blank])

    def log_prob(self, text: Sequence[int]) -> float:
        """The natural logarithm of a whole text's probability, its end included."""
        state, total = self.first, 0.0
        for label in text:
            state, log_prob = self.step(state, label)
            total += log_prob
        return total + self.end(state)

    def save(self, path: str | os.PathLike) -> None:
        """Write the automaton to a file in NumPy's npz format: arrays of numbers, no code."""
        with open(path, "wb") as file:  # given a name alone, NumPy would add .npz to it
            np.savez_compressed(file, table=self.table, following=self.following, first=self.first, blank=self.blank)

    @classmethod
    def load(cls, path: str | os.PathLike) -> NGram:
        """Read what ``save`` wrote.

        Raises:
            OSError, ValueError: there is no such file, or it is no n-gram.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(*(arrays[name] for name in ("table", "following", "first", "blank")))
        except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as problem:
            raise ValueError(f"{str(path)!r} is no n-gram that NGram.save wrote: {problem}") from None
