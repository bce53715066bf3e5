"""The collapse widget: edit a path letter by letter, see repeats merge and blanks fall."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

import traitlets

from crnn_lessons.alphabet import BLANK_SIGN, Alphabet
from crnn_lessons.ctc import collapse, count_alignments, repeats
from crnn_lessons.widgets.base import Widget, module, stylesheet
from crnn_lessons.widgets.picture import collapse_picture

MOST_STEPS = 64
"""The longest path the widget shows."""

EXAMPLES = ("hh-e-ll-lo", "hheelllloo", "--hel-lo--")


class Collapse(Widget):
    """The map B by hand: a path of one sign a time step, its merged runs, its text, and how many paths share it.

    Args:
        path: T signs, ``-`` for the blank.
        alphabet: the characters that may be typed; any, where it is None.
        examples: paths offered as buttons; three stand there by default, as far as the alphabet can write them.

    Raises:
        ValueError: the path is longer than ``MOST_STEPS``, or has a character that the alphabet lacks.

    Source: Graves et al. 2006, section 3.1.
    """

    kind = "collapse"
    shown = ("path", "position", "use_blank", "alphabet", "examples")
    _esm = module("collapse.js")
    _css = stylesheet("collapse.css")

    path = traitlets.Unicode().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    use_blank = traitlets.Bool(True).tag(sync=True)
    alphabet = traitlets.List(traitlets.Unicode(), default_value=None, allow_none=True, read_only=True).tag(sync=True)
    examples = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)

    def __init__(
        self,
        path: str = EXAMPLES[0],
        alphabet: Alphabet | Iterable[str] | None = None,
        examples: Sequence[str] | None = None,
    ):
        if alphabet is not None:
            if not isinstance(alphabet, Alphabet):
                alphabet = Alphabet(alphabet)
            if BLANK_SIGN in alphabet:
                raise ValueError(f"{BLANK_SIGN!r} stands for the blank in this widget; take it out of the alphabet")
        characters = None if alphabet is None else list(alphabet.characters)
        if examples is None:
            examples = [example for example in EXAMPLES if _problem(example, characters) is None]
        for text in (path, *examples):
            if problem := _problem(text, characters):
                raise ValueError(problem)
        path = unicodedata.normalize("NFC", path)
        self.set_trait("alphabet", characters)
        self.set_trait("examples", [unicodedata.normalize("NFC", example) for example in examples])
        super().__init__(path=path, start={"path": path, "position": 0, "use_blank": True})

    @property
    def text(self) -> str:
        """What the path collapses to, or merges to where the blank does not exist."""
        return "".join(collapse_signs(self._signs()))

    @property
    def count(self) -> int:
        """How many paths of as many steps give the same text, this one included."""
        T, text = len(self._signs()), self.text
        if self.use_blank:
            return count_alignments(T, [ord(sign) for sign in text])
        if repeats([ord(sign) for sign in text]):
            return 0
        return math.comb(T - 1, len(text) - 1) if text else int(T == 0)

    def _signs(self) -> str:
        return self.path if self.use_blank else self.path.replace(BLANK_SIGN, "")

    @traitlets.validate("path")
    def _check_path(self, proposal: dict) -> str:
        if problem := _problem(proposal["value"], self.alphabet):
            raise traitlets.TraitError(problem)
        return unicodedata.normalize("NFC", proposal["value"])

    @traitlets.validate("position")
    def _check_position(self, proposal: dict) -> int:
        if not 0 <= proposal["value"] <= len(self.path):
            raise traitlets.TraitError(
                f"position is a step of the path, 0 to {len(self.path)} (one past its end), and got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.observe("path")
    def _keep_position(self, change: dict) -> None:
        self.position = min(self.position, len(self.path))

    def alt(self) -> str:
        steps = "step" if len(self.path) == 1 else "steps"
        how = (
            "runs of equal signs merge, then blanks are dropped"
            if self.use_blank
            else "its blanks left out, runs merge"
        )
        return (
            f"The path {self.path!r} of {len(self.path)} {steps} collapses to {self.text!r}: {how}. "
            f"Paths of {len(self._signs())} steps with this text: {self.count:,}."
        )

    def picture(self) -> str:
        return collapse_picture(self._signs(), self.text, self.count)

    def __repr__(self) -> str:
        return f"Collapse(path={self.path!r}, text={self.text!r})"


def collapse_signs(path: str) -> tuple[str, ...]:
    """The map B on signs instead of class indices."""
    return tuple(chr(code) for code in collapse([ord(sign) for sign in path], blank=ord(BLANK_SIGN)))


def _problem(path: str, characters: Sequence[str] | None) -> str | None:
    """Why a path cannot be shown, in one sentence; None where it can."""
    if not isinstance(path, str):
        return f"a path is a text with one sign a time step, and got {path!r}"
    path = unicodedata.normalize("NFC", path)
    if len(path) > MOST_STEPS:
        return f"the widget shows at most {MOST_STEPS} steps, and the path has {len(path)}; shorten it"
    if characters is not None:
        for t, sign in enumerate(path):
            if sign != BLANK_SIGN and sign not in characters:
                return (
                    f"the sign {sign!r} at step {t} of {path!r} is neither the blank {BLANK_SIGN!r} nor in the "
                    f"alphabet {''.join(characters)!r}"
                )
    return None
