"""The autopsy widget: click a letter that was read and see when and where it was seen, and what else it might be."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.arrays import to_numpy
from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models import Recogniser
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.text.augment import fit as fit_picture
from crnn_lessons.widgets.autopsy_evidence import Evidence, chance, equals, to_steps
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Characters, Entry, Place, as_alphabet
from crnn_lessons.widgets.steps import MOST_BYTES, to_text


class Autopsy(Evidence, Widget):
    """A reading laid open: each letter with its posterior over time, its frames, and the part of the picture they saw.

    Args:
        reader: a :class:`~crnn_lessons.reader.Reader`, or a recogniser.
        image: what :meth:`Reader.read` takes. A recogniser gets it resized to its own height and width, unless it has
            that height already.
        alphabet: of a recogniser; a reader has its own.
        letter: the letter of the text shown at first, counted from 0.

    ``letter`` and ``frame`` follow what the learner does, and may be set; ``letter`` is -1 where nothing was read. The
    fields are those of the convolutions; the recurrent layers bring in what is further away.

    Raises:
        ValueError: no such letter; a recogniser without its alphabet, or one that reads colour; a picture that cannot
            be read, or gives too much to be kept in a notebook.
    """

    kind = "autopsy"
    evidence = Entry(fixed=True)
    characters = Characters()
    letter = Place("letters", said="{name} runs from {low} to {high} in {text!r}")
    frame = Place("T", said="{name} runs from {low} to {high} in this picture")

    def __init__(
        self,
        reader: Reader | Recogniser,
        image: Source,
        alphabet: Alphabet | Iterable[str] | None = None,
        letter: int = 0,
    ):
        model, alphabet = _parts(reader, alphabet)
        picture = reader.prepare(image) if isinstance(reader, Reader) else load_grey(image)
        if model is reader and len(picture) != model.config.height:
            picture = fit_picture(picture, model.config.height, model.config.width)
        steps = to_steps(_look(model, picture))
        if steps.nbytes * 4 / 3 > MOST_BYTES:
            raise ValueError(
                f"{steps.shape[0]} frames of {steps.shape[1]} classes take {steps.nbytes * 4 // 3:,} bytes and a "
                f"notebook bears {MOST_BYTES:,}; crop the picture"
            )
        Evidence.__init__(self, steps, alphabet)
        (H, W), T, S = picture.shape, len(steps), len(self.spans)
        rows = [model.features.reach(0, h, H) for h in range(model.features.size(0, H)[-1])]
        png = io.BytesIO()
        Image.fromarray(picture).save(png, format="png", optimize=True)
        evidence = {
            "T": T,
            "width": W,
            "height": H,
            "image": to_text(png.getvalue()),
            "steps": to_text(steps.tobytes()),
            "columns": [list(model.features.reach(1, t, W)) for t in range(T)],
            "rows": [min(first for first, _ in rows), max(last for _, last in rows)],
        }
        letter = type(self).letter.within(letter, S - 1, text=self.text) if S else -1
        frame = self.peak(letter) if S else 0
        Widget.__init__(self, evidence=evidence, characters=alphabet, letter=letter, frame=frame)

    def fit(self, state: dict, changed: list[str]) -> dict[str, object]:
        S = len(self.spans)
        if S == 0 and state["letter"] != -1:
            raise ValueError(f"nothing was read, so letter is -1, and got {state['letter']!r}")
        return {"letters": S, "T": len(self.steps), "text": self.text}

    def alt(self) -> str:
        first, last = self.evidence["columns"][self.frame]
        signs = ["blank", *self.characters]
        said = ", ".join(f"{signs[k]} {chance(np.log(p))}" for k, p in self.rivals(self.frame)[:3])
        letters = [f"{signs[k]} at {a}" if a == b else f"{signs[k]} at {a} to {b}" for k, a, b in self.spans]
        return (
            f"Autopsy of a reading: {self.text or 'nothing'!r}, p {equals(self.lattice.log_likelihood)}, over "
            f"{self.evidence['T']} frames; {', '.join(letters) or 'blanks only'}. Frame {self.frame} sees columns "
            f"{first} to {last} of {self.evidence['width']}; most probable there: {said}."
        )

    def __repr__(self) -> str:
        return f"Autopsy(text={self.text!r}, letter={self.letter}, frame={self.frame})"


def _parts(reader: Reader | Recogniser, alphabet: Alphabet | Iterable[str] | None) -> tuple[Recogniser, Alphabet]:
    if isinstance(reader, Reader):
        if alphabet is not None:
            raise ValueError("a reader has its own alphabet; leave alphabet out")
        return reader.model, reader.alphabet
    if not isinstance(reader, Recogniser):
        raise ValueError(f"Autopsy takes a Reader or a Recogniser, and got {type(reader).__name__}")
    if alphabet is None:
        raise ValueError("a recogniser does not know its characters: give alphabet as well")
    alphabet = as_alphabet(alphabet)
    if alphabet.num_classes != reader.num_classes:
        classes = f"{reader.num_classes} classes and the alphabet {alphabet.num_classes}"
        raise ValueError(f"the recogniser has {classes}; they must agree")
    if reader.config.in_channels != 1:
        raise ValueError(
            "the autopsy shows grey pictures, and this recogniser reads colour; give one with in_channels=1"
        )
    return reader, alphabet


def _look(model: Recogniser, picture: np.ndarray) -> np.ndarray:
    """The log-probabilities T x C of a picture H W uint8, in evaluation mode."""
    training, device = model.training, next(model.parameters()).device
    images = torch.from_numpy(picture.astype(np.float32) / 255)[None]  # N H W
    try:
        with torch.inference_mode():
            logits, _ = model.eval()(to_input(images).to(device))  # T N C
            return to_numpy(logits[:, 0].double().log_softmax(-1))
    finally:
        model.train(training)
