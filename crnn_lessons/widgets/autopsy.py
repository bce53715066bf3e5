"""The autopsy widget: click a letter that was read and see when and where it was seen, and what else it might be."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np
import torch
import traitlets
from PIL import Image

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models import Recogniser
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.text.augment import fit
from crnn_lessons.widgets.autopsy_evidence import Evidence, chance, equals, to_steps
from crnn_lessons.widgets.autopsy_picture import autopsy_picture
from crnn_lessons.widgets.base import Widget, module, stylesheet

MOST_BYTES = 130_000
"""The most that the log-probabilities may take in a notebook, once they are written as text."""


class Autopsy(Widget):
    """A reading laid open: each letter with its posterior over time, its frames, and the part of the picture they saw.

    Args:
        reader: a :class:`~crnn_lessons.reader.Reader`, or a recogniser.
        image: what :meth:`Reader.read` takes. A recogniser gets it resized to its own height and width, unless it has
            that height already.
        alphabet: of a recogniser; a reader has its own.
        letter: the letter of the text shown at first, counted from 0.

    Raises:
        ValueError: no such letter; a recogniser without its alphabet, or one that reads colour; a picture that cannot
            be read, or gives too much to be kept in a notebook.

    ``letter`` and ``frame`` are traits: they follow what the learner does, and may be set; ``letter`` is -1 where
    nothing was read. The fields are those of the convolutions; the recurrent layers bring in what is further away.
    """

    kind = "autopsy"
    shown = ("evidence", "characters", "letter", "frame")
    _esm = module("autopsy.js")
    _css = stylesheet("autopsy.css")

    evidence = traitlets.Dict(read_only=True).tag(sync=True)
    characters = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    letter = traitlets.Int(0).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        reader: Reader | Recogniser,
        image: Source,
        alphabet: Alphabet | Iterable[str] | None = None,
        letter: int = 0,
    ):
        model, alphabet = _parts(reader, alphabet)
        picture = reader.prepare(image) if isinstance(reader, Reader) else _own_size(model, image)
        steps = to_steps(_look(model, picture))
        if steps.nbytes * 4 / 3 > MOST_BYTES:
            raise ValueError(
                f"{steps.shape[0]} frames of {steps.shape[1]} classes take {steps.nbytes * 4 // 3:,} bytes and a "
                f"notebook bears {MOST_BYTES:,}; crop the picture"
            )
        self._of = Evidence(steps, alphabet)
        (H, W), T = picture.shape, len(steps)
        rows = [model.features.reach(0, h, H) for h in range(model.features.size(0, H)[-1])]
        self.set_trait(
            "evidence",
            {
                "T": T,
                "width": W,
                "height": H,
                "image": _png(picture),
                "steps": base64.b64encode(steps.tobytes()).decode("ascii"),
                "columns": [list(model.features.reach(1, t, W)) for t in range(T)],
                "rows": [min(first for first, _ in rows), max(last for _, last in rows)],
            },
        )
        self.set_trait("characters", list(alphabet.characters))
        S = len(self._of.spans)
        if S and not 0 <= letter < S:
            raise ValueError(f"letter runs from 0 to {S - 1} in {self.text!r}, and got {letter}")
        chosen = {"letter": int(letter), "frame": self.peak(letter)} if S else {"letter": -1, "frame": 0}
        super().__init__(**chosen, start=chosen)

    @property
    def text(self) -> str:
        """What the best path reads."""
        return self._of.text

    @property
    def confidence(self) -> float:
        """p(text | picture): the sum over all alignments of the text that was read."""
        return float(np.exp(self._of.lattice.log_likelihood))

    def posterior(self, letter: int) -> np.ndarray:
        """The probability that each frame is spent on a letter, given that the text is right: T numbers."""
        return self._of.posterior(letter)

    def peak(self, letter: int) -> int:
        """The frame that is most probably spent on a letter."""
        return self._of.peak(letter)

    def span(self, letter: int) -> tuple[int, int]:
        """The first and the last frame of a letter on the best path."""
        return self._of.spans[letter][1:]

    def rivals(self, frame: int) -> list[tuple[int, float]]:
        """The most probable classes at a frame, best first, with their probabilities."""
        return self._of.rivals(frame)

    @traitlets.validate("letter")
    def _check_letter(self, proposal: dict) -> int:
        S, value = len(self._of.spans), proposal["value"]
        if not (0 <= value < S or (S == 0 and value == -1)):
            allowed = f"letter runs from 0 to {S - 1} in {self.text!r}" if S else "nothing was read, so letter is -1"
            raise traitlets.TraitError(f"{allowed}, and got {value}")
        return value

    @traitlets.validate("frame")
    def _check_frame(self, proposal: dict) -> int:
        if not 0 <= proposal["value"] < self.evidence["T"]:
            raise traitlets.TraitError(
                f"frame runs from 0 to {self.evidence['T'] - 1} in this picture, and got {proposal['value']}"
            )
        return proposal["value"]

    def alt(self) -> str:
        first, last = self.evidence["columns"][self.frame]
        signs = ["blank", *self.characters]
        said = ", ".join(f"{signs[k]} {chance(np.log(p))}" for k, p in self.rivals(self.frame)[:3])
        letters = ", ".join(
            f"{signs[k]} at {a}" if a == b else f"{signs[k]} at {a} to {b}" for k, a, b in self._of.spans
        )
        return (
            f"Autopsy of a reading: {self.text or 'nothing'!r}, p {equals(self._of.lattice.log_likelihood)}, over "
            f"{self.evidence['T']} frames; {letters or 'blanks only'}. Frame {self.frame} sees columns {first} to "
            f"{last} of {self.evidence['width']}; most probable there: {said}."
        )

    def picture(self) -> str:
        """The picture with the field of the chosen frame, the letters, and the posterior of the chosen one."""
        return autopsy_picture(self.evidence, self._of, self.letter, self.frame)

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
    alphabet = alphabet if isinstance(alphabet, Alphabet) else Alphabet(alphabet)
    if alphabet.num_classes != reader.num_classes:
        raise ValueError(
            f"the recogniser has {reader.num_classes} classes and the alphabet {alphabet.num_classes}; they must agree"
        )
    if reader.config.in_channels != 1:
        raise ValueError(
            "the autopsy shows grey pictures, and this recogniser reads colour; give one with in_channels=1"
        )
    return reader, alphabet


def _own_size(model: Recogniser, image: Source) -> np.ndarray:
    grey, config = load_grey(image), model.config
    return grey if len(grey) == config.height else fit(grey, config.height, config.width)


def _look(model: Recogniser, picture: np.ndarray) -> np.ndarray:
    """The log-probabilities T x C of a picture H W uint8, in evaluation mode."""
    training, device = model.training, next(model.parameters()).device
    images = torch.from_numpy(picture.astype(np.float32) / 255)[None]  # N H W
    try:
        with torch.inference_mode():
            logits, _ = model.eval()(to_input(images).to(device))  # T N C
            return logits[:, 0].double().log_softmax(-1).cpu().numpy()
    finally:
        model.train(training)


def _png(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
