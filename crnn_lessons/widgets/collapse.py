"""The collapse widget: edit a path letter by letter, see repeats merge and blanks fall."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from crnn_lessons.alphabet import BLANK_SIGN, Alphabet
from crnn_lessons.ctc import collapse, count_alignments, repeats
from crnn_lessons.show.numbers import counted
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Place, Text, as_alphabet

MOST_STEPS = 64
"""The longest path the widget shows."""

EXAMPLES = ("hh-e-ll-lo", "hheelllloo", "--hel-lo--")


class Collapse(Widget):
    """The map B by hand: a path of one sign a time step, its merged runs, its text, and how many paths share it.

    Args:
        path: T signs, ``-`` for the blank.
        alphabet: the characters that may be typed; any, where it is None.
        examples: paths offered as buttons; three stand there by default, as far as the alphabet can write them.

    ``path``, ``position`` (the marked step) and ``use_blank`` follow what the learner does, and may be set.

    Raises:
        ValueError: the path is longer than ``MOST_STEPS``, or has a character that the alphabet lacks.

    Source: Graves et al. 2006, section 3.1.
    """

    kind = "collapse"
    path = Text(said="a path is a text with one sign a time step")
    position = Place("boxes", said="position is a step of the path, 0 to {high} (one past its end)")
    use_blank = Choice(True, False, said="use_blank is True or False")
    alphabet = Entry(fixed=True)
    examples = Entry(fixed=True)

    def __init__(
        self,
        path: str = EXAMPLES[0],
        alphabet: Alphabet | Iterable[str] | None = None,
        examples: Sequence[str] | None = None,
    ):
        if alphabet is not None:
            alphabet = list(as_alphabet(alphabet).characters)
            if BLANK_SIGN in alphabet:
                raise ValueError(f"{BLANK_SIGN!r} stands for the blank in this widget; take it out of the alphabet")
        if examples is None:
            examples = [example for example in EXAMPLES if _problem(example, alphabet) is None]
        examples = [type(self).path.read(example) for example in examples]
        super().__init__(path=path, position=0, use_blank=True, alphabet=alphabet, examples=examples)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        for path in (state["path"], *state["examples"]):
            if problem := _problem(path, state["alphabet"]):
                raise ValueError(problem)
        return {"boxes": len(state["path"]) + 1}

    @property
    def text(self) -> str:
        """What the path collapses to, or merges to where the blank does not exist."""
        return "".join(map(chr, collapse(map(ord, self._signs()), blank=ord(BLANK_SIGN))))

    @property
    def count(self) -> int:
        """How many paths of as many steps give the same text, this one included."""
        T, labels = len(self._signs()), [ord(sign) for sign in self.text]
        if self.use_blank:
            return count_alignments(T, labels)
        if repeats(labels):
            return 0
        return math.comb(T - 1, len(labels) - 1) if labels else int(T == 0)

    def _signs(self) -> str:
        return self.path if self.use_blank else self.path.replace(BLANK_SIGN, "")

    def alt(self) -> str:
        merge = "runs of equal signs merge, then blanks are dropped"
        return (
            f"The path {self.path!r} of {counted(len(self.path), 'step')} collapses to {self.text!r}: "
            f"{merge if self.use_blank else 'its blanks left out, runs merge'}. "
            f"Paths of {len(self._signs())} steps with this text: {self.count:,}."
        )

    def __repr__(self) -> str:
        return f"Collapse(path={self.path!r}, text={self.text!r})"


def _problem(path: str, alphabet: Sequence[str] | None) -> str | None:
    """Why a path cannot be shown, in one sentence; None where it can."""
    if len(path) > MOST_STEPS:
        return f"the widget shows at most {MOST_STEPS} steps, and the path has {len(path)}; shorten it"
    for t, sign in enumerate(path if alphabet is not None else ""):
        if sign != BLANK_SIGN and sign not in alphabet:
            return (
                f"the sign {sign!r} at step {t} of {path!r} is neither the blank {BLANK_SIGN!r} nor in the alphabet "
                f"{''.join(alphabet)!r}"
            )
    return None
