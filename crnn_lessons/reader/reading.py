"""The reader: from a picture of one word to its text, with a confidence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models import load
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader.decoder import Decoder
from crnn_lessons.text.augment import fit

WEIGHTS = "weights/reader.safetensors"
WIDEST = 4  # times the width in training; what is longer still is squeezed


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        text: the characters, of the reader's alphabet only; may be empty.
        confidence: p(text | image), 0 to 1: the probability of the text under CTC, summed over all its
            alignments. The other texts share the rest, so it is no promise, but texts compare by it.
        alternatives: the next best texts with their confidence, as many as the decoder gives.
    """

    text: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()


class Reader:
    """Reads words with a trained recogniser. Its ``decoder`` finds the texts, and may be set.

    Args:
        weights: a file that ``train`` wrote; the one shipped with the package when not given.

    Raises:
        FileNotFoundError, ValueError: there are no such weights, or they are not a recogniser's.
    """

    def __init__(self, weights: str | os.PathLike | None = None):
        if weights is not None:
            self.model, self.alphabet, self.notes = load(weights)
        else:
            with as_file(files("crnn_lessons") / WEIGHTS) as path:
                self.model, self.alphabet, self.notes = load(path)
        self.decoder = Decoder(self.alphabet)

    def prepare(self, source: Source) -> np.ndarray:
        """The picture as the model gets it: grey, uint8 `H W`, of the model's height.

        The width keeps the picture's proportions, but is never less than in training: short words are
        stretched, long ones get more time steps (Shi et al. 2015, section 3.2).
        """
        grey, config = load_grey(source), self.model.config
        width = round(grey.shape[1] * config.height / grey.shape[0])
        return fit(grey, config.height, min(max(width, config.width), WIDEST * config.width))

    @torch.inference_mode()
    def log_probs(self, picture: np.ndarray) -> Tensor:
        """The log-probabilities `T C` of every class at every time step of a prepared picture."""
        images = torch.from_numpy(picture.astype(np.float32) / 255)[None]  # N H W
        logits, _ = self.model(to_input(images))  # T N C
        return logits[:, 0].log_softmax(-1)

    def look(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """What the reader saw: the prepared picture, uint8 `H W`, and the log-probabilities `T C`."""
        picture = self.prepare(source)
        return picture, self.log_probs(picture).numpy()

    def read(self, source: Source) -> Reading:
        """Read one word.

        Args:
            source: a path, bytes, a Pillow image or an array; see :func:`~crnn_lessons.data.pictures.load_grey`.

        Raises:
            FileNotFoundError, ValueError: in one sentence, why it cannot be read.
        """
        log_probs = self.log_probs(self.prepare(source)).numpy()  # T C
        found = [(self.alphabet.decode(h.labels), min(1.0, float(np.exp(h.log_prob)))) for h in self.decoder(log_probs)]
        return Reading(*found[0], tuple(found[1:]))
