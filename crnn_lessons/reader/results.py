"""What a reader gives: a text with its confidence, and where each letter stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import Hypothesis, forward_backward
from crnn_lessons.reader.spaces import Box, around


@dataclass(frozen=True)
class Letter:
    """One letter of a reading.

    Attributes:
        character: what was read.
        left, right: its columns in the picture, in pixels: to halfway between it and its neighbours.
        confidence: the probability of its class at the frame where it most probably stands, 0 to 1.
    """

    character: str
    left: float
    right: float
    confidence: float


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        text: the characters, of the reader's alphabet only; may be empty. Several words have spaces between them.
        confidence: p(text | image), 0 to 1: the probability of the text under CTC, summed over all its
            alignments, times ``legible``; 0 where nothing was read. The other texts share the rest, so it is no
            promise, but texts compare by it. Of several words, the product.
        alternatives: the next best texts with their confidence, as many as the decoder gives; of one word only.
        letters: one for each letter of the text.
        box: where the text stands: left, top, right, bottom in pixels.
        turned: by how many degrees the picture was turned clockwise to read it: 0, 90, 180 or 270. Columns and box
            are those of the turned picture.
        picture: the part of the picture that was read, before it was cropped, uint8 `H W`; of one word only.
        legible: how probable it is that the letters are some that the reader can write; 1 where that is not known, as
            with weights of one's own (see :mod:`~crnn_lessons.reader.legible`).
        frames: what the network said of each crop, the surest first: log-probabilities `T C`, and the crop's box.
    """

    text: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()
    letters: tuple[Letter, ...] = ()
    box: Box = (0, 0, 0, 0)
    turned: int = 0
    legible: float = 1.0
    picture: np.ndarray | None = field(default=None, repr=False, compare=False)
    frames: tuple[tuple[np.ndarray, Box], ...] = field(default=(), repr=False, compare=False)

    def doubted(self) -> Reading:
        """With confidences that count whether anything is legible at all."""
        others = tuple((text, confidence * self.legible) for text, confidence in self.alternatives)
        return replace(self, confidence=self.confidence * self.legible, alternatives=others)


def reading_of(alphabet: Alphabet, log_probs: np.ndarray, texts: Sequence[Hypothesis], cut: Box, box: Box) -> Reading:
    """The best text with its confidence and its letters' columns.

    Args:
        alphabet: of the reader.
        log_probs: `T C`, of the frames of a cut of the picture.
        texts: what may be written there, the best first.
        cut: the columns that the frames cover, and rows.
        box: where the ink of the text is.
    """
    (text, confidence), *others = [(alphabet.decode(h.labels), min(1.0, float(np.exp(h.log_prob)))) for h in texts]
    confidence = confidence if text else 0.0
    letters: tuple[Letter, ...] = ()
    if text:
        labels = list(texts[0].labels)
        at = forward_backward(log_probs, labels).posterior[:, 1::2]  # T S, that letter s stands at frame t
        middle = (np.arange(len(at)) + 0.5) @ at / at.sum(axis=0) * (cut[2] - cut[0]) / len(at) + cut[0]
        edges = [box[0], *(middle[1:] + middle[:-1]) / 2, box[2]]
        best = np.exp(log_probs[at.argmax(axis=0), labels])
        found = zip((alphabet.decode([k]) for k in labels), edges[:-1], edges[1:], best, strict=True)
        letters = tuple(Letter(c, *map(float, where)) for c, *where in found)
    return Reading(text, confidence, tuple(others), letters, box)


def joined(words: Sequence[Reading]) -> Reading:
    """Several words as one reading."""
    if len(words) == 1:
        return words[0]
    letters = tuple(letter for word in words for letter in word.letters)
    confidence = float(np.prod([word.confidence for word in words]))
    box, legible = around([word.box for word in words]), float(np.prod([word.legible for word in words]))
    return Reading(" ".join(word.text for word in words), confidence, (), letters, box, words[0].turned, legible)


def certainty(words: Sequence[Reading]) -> float:
    """The geometric mean of the words' confidences, each as heavy as it is long; 0 where nothing was read."""
    weights = [len(word.text) for word in words]
    if not any(weights):
        return 0.0
    return float(np.exp(np.average(np.log([max(word.confidence, 1e-9) for word in words]), weights=weights)))
