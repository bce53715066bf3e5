"""The reader: from a picture to the words in it, with a confidence and a place for each letter."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.ctc import best_path
from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models import load
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader.locate import content
from crnn_lessons.reader.results import Letter, Reading, joined, reading_of
from crnn_lessons.reader.search import Part, best_reading, fills, grown
from crnn_lessons.text.augment import fit

__all__ = ["Letter", "Reader", "Reading"]

WEIGHTS = "weights/reader.safetensors"
WIDEST = 4  # times the width in training; what is longer still is squeezed
TOGETHER = 32  # pictures of one width that go through the network at once


class Reader:
    """Reads words with a trained recogniser.

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
        self.model.to(memory_format=torch.channels_last)  # which torch's convolutions on one thread are faster with

    def prepare(self, source: Source) -> np.ndarray:
        """The picture as the model gets it: grey, uint8 `H W`, of the model's height, without a wide border.

        The width keeps the picture's proportions, but is never less than in training: short words are
        stretched, long ones get more time steps (Shi et al. 2015, section 3.2).
        """
        grey = load_grey(source)
        ink = content(grey)
        return self._fit(grey, (0, 0, *grey.shape[::-1]) if fills(grey, ink) else grown(ink, grey))

    def _fit(self, grey: np.ndarray, cut: tuple[int, int, int, int]) -> np.ndarray:
        grey, config = grey[cut[1] : cut[3], cut[0] : cut[2]], self.model.config
        width = round(grey.shape[1] * config.height / grey.shape[0])
        return fit(grey, config.height, min(max(width, config.width), WIDEST * config.width))

    def log_probs(self, picture: np.ndarray) -> Tensor:
        """The log-probabilities `T C` of every class at every time step of a prepared picture."""
        return self._log_probs(picture[None])[:, 0]

    @torch.inference_mode()
    def _log_probs(self, pictures: np.ndarray) -> Tensor:
        images = torch.from_numpy(pictures.astype(np.float32) / 255)  # N H W
        logits, _ = self.model(to_input(images))  # T N C
        return logits.log_softmax(-1)

    def look(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """What the reader saw: the prepared picture, uint8 `H W`, and the log-probabilities `T C`."""
        picture = self.prepare(source)
        return picture, self.log_probs(picture).numpy()

    def read(self, source: Source, *, turns: bool = True, allow: Iterable[str] | None = None) -> Reading:
        """Read a picture of a word, or of several, whose texts come with spaces between them.

        Args:
            source: a path, bytes, an open file, a Pillow image or an array; see
                :func:`~crnn_lessons.data.pictures.load_grey`.
            turns: whether a picture that reads badly is tried upside down and on its sides, too.
            allow: characters that may be read; all of the alphabet when not given.

        Raises:
            FileNotFoundError, ValueError: in one sentence, why it cannot be read.
        """
        return joined(self.read_all(source, turns=turns, allow=allow))

    def read_all(self, source: Source, *, turns: bool = True, allow: Iterable[str] | None = None) -> list[Reading]:
        """Read each word of a picture by itself, in reading order; see :meth:`read`.

        Returns:
            At least one reading; its text is empty where there is none.
        """
        mask = self._mask(allow)
        return best_reading(lambda parts: self._read(parts, mask), load_grey(source), turns)

    def _read(self, parts: Sequence[Part], mask: np.ndarray | None) -> list[Reading]:
        """Read parts of pictures, those of one width together."""
        pictures = [self._fit(grey, cut) for grey, cut, _ in parts]
        widths = defaultdict(list)
        for i, picture in enumerate(pictures):
            widths[picture.shape[1]].append(i)
        found: list[Reading] = [None] * len(parts)
        for same in widths.values():
            for start in range(0, len(same), TOGETHER):
                group = same[start : start + TOGETHER]
                one = len(group) == 1
                batch = self.log_probs(pictures[group[0]])[:, None] if one else self._log_probs(np.stack([pictures[i] for i in group]))
                for n, i in enumerate(group):
                    log_probs = batch[:, n].numpy()
                    if mask is not None:
                        log_probs = log_probs + mask
                        log_probs -= np.logaddexp.reduce(log_probs, axis=1, keepdims=True)
                    labels = best_path(log_probs)
                    found[i] = reading_of(self.alphabet.decode(labels), labels, log_probs, *parts[i][1:])
        return found

    def _mask(self, allow: Iterable[str] | None) -> np.ndarray | None:
        """What to add to log-probabilities so that some characters only can be read."""
        if allow is None:
            return None
        wanted = list(unicodedata.normalize("NFC", "".join(allow)))
        known = [c if c in self.alphabet else c.lower() for c in wanted]
        unknown = "".join(c for c, k in zip(wanted, known, strict=True) if k not in self.alphabet)
        if unknown or not known:
            what = f"cannot write {unknown!r}" if unknown else "would have nothing to write"
            raise ValueError(f"the reader {what}; allow some of {''.join(self.alphabet.characters)!r}")
        mask = np.full(self.alphabet.num_classes, -np.inf)
        mask[[0, *self.alphabet.encode("".join(known))]] = 0
        return mask
