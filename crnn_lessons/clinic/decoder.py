"""Diseases of the decoder: it is tried on paths whose text is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.clinic.check import Unseen, disease
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
        self.patient, self.blank, C = patient, patient.blank, patient.C
        self.letters = [k for k in range(C) if k not in (patient.blank, 0, C - 1)]
        if len(self.letters) < 2:
            raise Unseen("it takes five classes to try a decoder")
        a, b = self.letters[:2]
        for form in self._forms():
            self.form = form
            try:
                if 2 <= len(self([self.blank, a, self.blank, b, self.blank])) <= 5:
                    return
            except Exception as error:  # somebody else's function: another form may be what it takes
                self.error = f"{type(error).__name__}: {error}"
        raise Unseen(f"the decoder takes no form of scores that was tried ({getattr(self, 'error', 'no text')})")

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

    def differs(self, path: Sequence[int], wrong: Callable[[Text], Text]) -> str | None:
        """The evidence, where the decoder makes of a path the text that is asked about, in place of the right one."""
        said, right = self(path), tuple(self.symbol(k) for k in collapse(path, self.blank))
        if None in right or said == right or said != wrong(right):
            return None
        signs = " ".join("-" if k == self.blank else str(k) for k in path)
        return f"the path {signs} is read as {self.show(said)}, and is {self.show(right)}"

    def symbol(self, k: int) -> Any:
        """What the decoder writes for a class; None where that is not one sign."""
        said = self([self.blank, k, self.blank])
        return said[0] if len(said) == 1 else None

    @staticmethod
    def show(text: Text) -> str:
        return repr("".join(text)) if all(isinstance(x, str) for x in text) else str(list(text))


@disease("decoder loses the first letter", "before = None  # compare the first frame with nothing, not with itself")
def loses_first(patient: Patient) -> str | None:
    """A loop that compares each frame with the one before it and begins at the second.

    Source: lesson 11, exercise 5, from a published note; sbillburg/CRNN-with-STN issue 4 drops two frames.
    """
    reads = Reads(patient)
    a, b = reads.letters[:2]
    return reads.differs([a, reads.blank, b, reads.blank], lambda right: right[1:])


@disease("decoder loses the last letter", "text.append(k)  # as soon as it differs; do not wait for the next frame")
def loses_last(patient: Patient) -> str | None:
    """A loop that writes a letter when the next frame differs: a last frame has none, and an end in 'll' is lost.

    Source: ypwhs/captcha_break, ctc_pytorch_multigpu.py.
    """
    reads = Reads(patient)
    a, b = reads.letters[:2]
    for path in ([reads.blank, a, reads.blank, b], [reads.blank, a, reads.blank, a]):
        lost, ended = (reads.differs(p, lambda right: right[:-1]) for p in (path, [*path, reads.blank]))
        if lost and not ended:
            return lost
    return None


@disease("decoder merges doubled letters", "[k for k, _ in groupby(path) if k != blank]  # merge, then drop blanks")
def merges_doubles(patient: Patient) -> str | None:
    """Blanks are dropped before runs are merged, or the text is merged once more: 'hello' reads 'helo'.

    Source: abhishekkrthakur/captcha-recognition-pytorch issue 4; Belval/CRNN issues 19 and 23; keras issue 10852.
    """
    reads = Reads(patient)
    a, b = reads.letters[:2]
    return reads.differs([reads.blank, a, reads.blank, a, b, reads.blank], lambda right: right[1:])


@disease("decoder keeps repeats", "[k for k, _ in groupby(path) if k != blank]  # merge, then drop blanks")
def keeps_repeats(patient: Patient) -> str | None:
    """Runs are not merged: a letter that is held for two frames is read twice.

    Source: nihui/ncnn-android-ppocrv5 pull request 3; sooftware/kospeech issue 133.
    """
    reads = Reads(patient)
    a, b = reads.letters[:2]
    return reads.differs([reads.blank, a, a, reads.blank, b], lambda right: right[:1] + right)


@disease("decoder takes another blank", "if k != blank: ...  # the class that the loss has for the blank")
def another_blank(patient: Patient) -> str | None:
    """Blanks are written out as a character, or a character is dropped as if it were the blank.

    Source: Holmeyoung/crnn-pytorch issue 34.
    """
    reads = Reads(patient)
    a, blank = reads.letters[0], reads.blank
    if len(said := reads([blank, a, blank])) > 1:
        return f"the path - {a} - is read as {reads.show(said)}: blanks are written out"
    dropped = [k for k in {0, patient.C - 1} - {blank} if not reads([blank, k, blank])]
    return f"class {dropped[0]} is read as nothing, and the blank is class {blank}" if dropped else None


@disease("decoder off by one", "''.join(characters[k - 1] for k in labels)  # class 0 is the blank")
def off_by_one(patient: Patient) -> str | None:
    """The decoder writes another character for a class than the alphabet has, most often its neighbour.

    Source: Holmeyoung/crnn-pytorch issue 34 (add 1 to encode, take 1 away to decode).
    """
    reads = Reads(patient)
    if patient.characters is None:
        raise Unseen("no alphabet was given")
    classes = [k for k in range(patient.C) if k != patient.blank]
    for k, character in zip(classes, patient.characters, strict=False):
        if k in reads.letters and isinstance(reads.symbol(k), str) and reads.symbol(k) != character:
            return f"class {k} is {character!r} in the alphabet, and the decoder writes {reads.symbol(k)!r}"
    return None


CHECKS = (loses_first, loses_last, merges_doubles, keeps_repeats, another_blank, off_by_one)
