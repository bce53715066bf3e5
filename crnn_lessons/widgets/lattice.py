"""The lattice widget: alpha, beta, posterior and best path of a target, cell by cell, with the numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK_SIGN, Alphabet
from crnn_lessons.ctc import Lattice as Numbers
from crnn_lessons.ctc import extend, forced_alignment, forward_backward, min_frames
from crnn_lessons.widgets.base import Widget, module, show_number, stylesheet
from crnn_lessons.widgets.picture import lattice_picture
from crnn_lessons.widgets.probabilities import Probabilities, as_array, check_probs

MODES = ("alpha", "beta", "posterior", "best")


class Lattice(Widget):
    """The lattice of a target over a matrix of probabilities.

    Args:
        probs: T x C probabilities, each row summing to 1; class 0 is the blank.
        target: the text, over ``characters``; it needs at most T time steps.
        characters: the C - 1 characters of classes 1, 2, ...: an Alphabet, or a text with each of them once.
        log_probs: T x C natural logarithms, instead of ``probs``.
        t, s: the time step and row selected at first.
        mode: what is shaded at first: "alpha", "beta", "posterior" or "best" (the best path through each cell).

    Raises:
        ValueError: the arguments do not fit each other; the sentence says which and how.

    Every argument but ``characters`` and ``log_probs`` is a trait: it follows what the learner does, and may be set.

    Source: Graves et al. 2006, section 4.1, figure 3.
    """

    kind = "lattice"
    shown = ("probs", "target", "characters", "t", "s", "mode")
    _esm = module("lattice.js")
    _css = stylesheet("lattice.css")

    probs = Probabilities().tag(sync=True)
    target = traitlets.Unicode().tag(sync=True)
    characters = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    t = traitlets.Int(0).tag(sync=True)
    s = traitlets.Int(0).tag(sync=True)
    mode = traitlets.Enum(MODES, default_value="alpha").tag(sync=True)

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
        self._alphabet = characters if isinstance(characters, Alphabet) else Alphabet(characters)
        values = check_probs(np.exp(as_array(log_probs, "log_probs")) if probs is None else probs)
        if values.shape[1] != self._alphabet.num_classes:
            raise ValueError(
                f"probs has {values.shape[1]} classes, and the characters {''.join(self._alphabet.characters)!r} with "
                f"the blank make {self._alphabet.num_classes}; the blank is not listed among the characters"
            )
        target = unicodedata.normalize("NFC", target)
        labels = self._labels(target, len(values))
        for name, value, limit in (("t", t, len(values)), ("s", s, 2 * len(labels) + 1)):
            if not 0 <= value < limit:
                raise ValueError(f"{name} runs from 0 to {limit - 1} in this lattice, and got {value}")
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}, and got {mode!r}")
        self.set_trait("characters", list(self._alphabet.characters))
        state = {"probs": values.tolist(), "target": target, "t": int(t), "s": int(s), "mode": mode}
        super().__init__(**state, start=state)

    @property
    def numbers(self) -> Numbers:
        """Alpha, beta, posterior and log p(Y | X) of the present state, computed in Python."""
        return forward_backward(self._log_probs(), self._alphabet.encode(self.target))

    def _log_probs(self) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(np.asarray(self.probs))  # T C

    def _labels(self, target: str, T: int) -> list[int]:
        labels = self._alphabet.encode(target)
        if min_frames(labels) > T:
            raise ValueError(f"the target {target!r} needs {min_frames(labels)} time steps, and probs has {T}")
        return labels

    @traitlets.validate("target", "probs", "t", "s")
    def _check_together(self, proposal: dict) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        state = {key: getattr(self, key) for key in ("target", "probs", "t", "s")} | {name: value}
        T, C = np.shape(state["probs"])
        if C != self._alphabet.num_classes:
            raise traitlets.TraitError(
                f"probs has {C} classes, and this lattice has {self._alphabet.num_classes}: the blank and "
                f"{''.join(self.characters)!r}"
            )
        if name in ("target", "probs"):
            try:
                self._labels(state["target"], T)
            except ValueError as problem:
                raise traitlets.TraitError(str(problem)) from None
            return unicodedata.normalize("NFC", value) if name == "target" else value
        limit = T if name == "t" else 2 * len(state["target"]) + 1
        if not 0 <= value < limit:
            raise traitlets.TraitError(f"{name} runs from 0 to {limit - 1} in this lattice, and got {value}")
        return value

    @traitlets.observe("target", "probs")
    def _keep_cell(self, change: dict) -> None:
        self.t = min(self.t, len(self.probs) - 1)
        self.s = min(self.s, 2 * len(self.target))

    def alt(self) -> str:
        numbers = self.numbers
        path, rows = self._best(), extend(self._alphabet.encode(self.target))
        best = "no path has a probability above zero" if path is None else f"most probable path {self._written(path)!r}"
        return (
            f"CTC lattice of the target {self.target!r}: {len(self.probs)} time steps, {len(rows)} rows; p(Y|X) = "
            f"{show_number(np.exp(numbers.log_likelihood))}, loss {show_number(-numbers.log_likelihood)}; {best}."
        )

    def _best(self) -> np.ndarray | None:
        try:
            return forced_alignment(self._log_probs(), self._alphabet.encode(self.target))[0]
        except ValueError:
            return None

    def _written(self, path: np.ndarray) -> str:
        rows = extend(self._alphabet.encode(self.target))
        return self._alphabet.show(rows[path], "∅" if BLANK_SIGN in self._alphabet else BLANK_SIGN)

    def picture(self) -> str:
        """The posterior of every cell, whatever is shown live, with the best path drawn as a line."""
        numbers = self.numbers
        p, loss = show_number(float(np.exp(numbers.log_likelihood))), show_number(-numbers.log_likelihood)
        caption = f"target {self.target}: p(Y|X) = {p}, loss = {loss}"
        return lattice_picture(self._written(np.arange(len(numbers.rows))), numbers.posterior, self._best(), caption)

    def __repr__(self) -> str:
        T, C = len(self.probs), len(self.characters) + 1
        return f"Lattice(target={self.target!r}, T={T}, C={C}, t={self.t}, s={self.s}, mode={self.mode!r})"
