"""Diseases of the decoder: it is tried on paths whose text is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.clinic.check import Unseen, disease, in_words
from crnn_lessons.clinic.measure import kind_of
from crnn_lessons.clinic.patient import Patient
from crnn_lessons.ctc.alignments import collapse

Text = tuple[Any, ...]


class Reads:
    """The decoder, called in the first form in which it reads two letters with blanks around them.

    Forms: scores of one sample, `T C`, as a tensor or an array; a batch in the model's layout; the best classes.
    """

    def __init__(self, patient: Patient):
        if patient.decode is None:
            raise Unseen("no decoder was given")
        self.patient, self.blank, C, why = patient, patient.blank, patient.C, "no text"
        self.letters = [k for k in range(C) if k not in (patient.blank, 0, C - 1)]
        if len(self.letters) < 2:
            raise Unseen("it takes five classes to try a decoder")
        for form in self._forms():
            self.form = form
            try:
                if 2 <= len(self(self.path("-a-b-"))) <= 5:
                    return
            except Exception as error:  # somebody else's function: another form may be what it takes
                why = in_words(error)
        raise Unseen(f"the decoder takes no form of scores that was tried ({why})")

    def path(self, signs: str) -> list[int]:
        """The classes of a path that is written with a and b, two letters, and - for the blank."""
        return [self.blank if sign == "-" else self.letters["ab".index(sign)] for sign in signs]

    def _forms(self) -> Iterator[Callable[[Tensor], Any]]:
        decode, axis = self.patient.decode, int(self.patient.time_first)
        yield decode
        yield lambda x: decode(x.numpy())
        yield lambda x: decode(torch.stack([x, x], axis))
        yield lambda x: decode(torch.stack([x, x], axis).numpy())
        yield lambda x: decode(torch.stack([x, x], axis), torch.tensor([len(x)] * 2))
        yield lambda x: decode(x.argmax(-1).tolist())
        yield lambda x: decode(torch.stack([x, x], axis).argmax(-1))
        yield lambda x: decode(torch.stack([x, x], axis).argmax(-1), torch.tensor([len(x)] * 2))

    def __call__(self, path: Sequence[int]) -> Text:
        """What the decoder makes of scores whose best path is this one, as a tuple of characters or classes."""
        probs = torch.full((len(path), self.patient.C), 0.02 / self.patient.C)
        probs[torch.arange(len(path)), list(path)] += 0.98
        said = self.form(probs if kind_of(self.patient.scores) == "probabilities" else probs.log())
        said = said.tolist() if isinstance(said, (Tensor, np.ndarray)) else said
        while isinstance(said, (list, tuple)) and said and not isinstance(said[0], (int, np.integer)):
            if all(isinstance(x, str) and len(x) == 1 for x in said) and len(set(said)) > 1:
                break  # a text as a list of its characters; a batch would hold the same text twice
            said = said[0].tolist() if isinstance(said[0], (Tensor, np.ndarray)) else said[0]
        return tuple(said)

    def symbol(self, k: int) -> Any:
        """What the decoder writes for a class; None where that is not one sign."""
        said = self([self.blank, k, self.blank])
        return said[0] if len(said) == 1 else None

    @staticmethod
    def show(text: Text) -> str:
        return repr("".join(text)) if all(isinstance(x, str) for x in text) else str(list(text))


def _reads(patient: Patient, signs: str, wrong: Callable[[Text], Text]) -> str | None:
    """The evidence, where the decoder makes of a path the wrong text that is asked about."""
    reads = Reads(patient)
    path = reads.path(signs)
    said, right = reads(path), tuple(reads.symbol(k) for k in collapse(path, reads.blank))
    if None in right or said == right or said != wrong(right):
        return None
    return f"the path {signs} is read as {reads.show(said)}, and is {reads.show(right)}"


@disease("decoder loses the first letter", "before = None  # compare the first frame with nothing, not with itself")
def loses_first(patient: Patient) -> str | None:
    """A loop that compares each frame with the one before it and begins at the second."""
    return _reads(patient, "a-b-", lambda right: right[1:])


@disease("decoder loses the last letter", "text.append(k)  # as soon as it differs; do not wait for the next frame")
def loses_last(patient: Patient) -> str | None:
    """A loop that writes a letter when the next frame differs: a last frame has none, and an end in 'll' is lost."""
    for signs in ("-a-b", "-a-a"):
        lost, ended = (_reads(patient, path, lambda right: right[:-1]) for path in (signs, signs + "-"))
        if lost and not ended:
            return lost
    return None


@disease("decoder merges doubled letters", "[k for k, _ in groupby(path) if k != blank]  # merge, then drop blanks")
def merges_doubles(patient: Patient) -> str | None:
    """Blanks are dropped before runs are merged, or the text is merged once more: 'hello' reads 'helo'."""
    return _reads(patient, "-a-ab-", lambda right: right[1:])


@disease("decoder keeps repeats", "[k for k, _ in groupby(path) if k != blank]  # merge, then drop blanks")
def keeps_repeats(patient: Patient) -> str | None:
    """Runs are not merged: a letter that is held for two frames is read twice."""
    return _reads(patient, "-aa-b", lambda right: right[:1] + right)


@disease("decoder takes another blank", "if k != blank: ...  # the class that the loss has for the blank")
def another_blank(patient: Patient) -> str | None:
    """Blanks are written out as a character, or a character is dropped as if it were the blank."""
    reads = Reads(patient)
    a, blank = reads.letters[0], reads.blank
    if len(said := reads([blank, a, blank])) > 1:
        return f"the path -a- is read as {reads.show(said)}, with a = class {a}: blanks are written out"
    dropped = [k for k in {0, patient.C - 1} - {blank} if not reads([blank, k, blank])]
    return f"class {dropped[0]} is read as nothing, and the blank is class {blank}" if dropped else None


@disease("decoder off by one", "''.join(characters[k - 1] for k in labels)  # class 0 is the blank")
def off_by_one(patient: Patient) -> str | None:
    """The decoder writes another character for a class than the alphabet has, most often its neighbour."""
    reads = Reads(patient)
    if patient.characters is None:
        raise Unseen("no alphabet was given")
    classes = [k for k in range(patient.C) if k != patient.blank]
    for k, character in zip(classes, patient.characters, strict=False):
        if k in reads.letters and isinstance(reads.symbol(k), str) and reads.symbol(k) != character:
            return f"class {k} is {character!r} in the alphabet, and the decoder writes {reads.symbol(k)!r}"
    return None
