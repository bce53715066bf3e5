"""The reader: from a picture to the words in it, with a confidence and a place for each letter."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.ctc import Hypothesis
from crnn_lessons.data.pictures import Source, load_grey
from crnn_lessons.models import load
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import legible
from crnn_lessons.reader.decoder import Decoder, allowed
from crnn_lessons.reader.locate import content
from crnn_lessons.reader.results import Letter, Reading, joined, reading_of
from crnn_lessons.reader.search import ALWAYS, CLEAR, NEVER, Part, best_reading, fills, grown, whole
from crnn_lessons.reader.spaces import Box, cut_out, inset
from crnn_lessons.reader.vocabulary import shipped
from crnn_lessons.text.augment import fit, lean

__all__ = ["Letter", "Reader", "Reading"]

WEIGHTS = "weights/reader.safetensors"
CROPS = (0.0, 0.08)  # shares of the height that are cut off on every side
LEANS = ((0, 0.3), (0, -0.3))  # degrees and slants at which an unsure word is seen again
Seen = tuple[np.ndarray, list[Hypothesis], float]  # log-probabilities, texts, and whether there is any that can be read
View = tuple[*Seen, Box]  # the same of a crop, and the crop
TOGETHER = 32  # pictures of one size that go through the network at once


class Reader:
    """Reads words with a trained recogniser. Its ``decoder`` finds the texts, and may be set.

    Args:
        weights: a file that ``train`` wrote; the one shipped with the package when not given.
        crops: a picture that its word fills is cut by so much of its height on every side. Where the first crop reads
            badly, all are read, and the reading with the highest confidence is taken. A word that was found in a larger
            picture is read once.
        words: whether, where a picture leaves it open, a text that is a word of English, or a name, is preferred to
            one that is none (see :mod:`~crnn_lessons.reader.vocabulary`). A decoder with a lexicon or a language
            knows better, and has its way.

    Raises:
        FileNotFoundError, ValueError: there are no such weights, or they are not a recogniser's of grey pictures.
    """

    def __init__(self, weights: str | os.PathLike | None = None, crops: Sequence[float] = CROPS, *, words: bool = True):
        self.crops, self.words = tuple(crops), words
        if weights is not None:
            self.model, self.alphabet, self.notes = load(weights)
        else:
            with as_file(files("crnn_lessons") / WEIGHTS) as path:
                self.model, self.alphabet, self.notes = load(path)
        if self.model.config.in_channels != 1:
            raise ValueError("these weights read pictures in colour, and the reader gives grey ones; use the model")
        self.legible = legible.shipped() if weights is None else None
        self.model.to(memory_format=torch.channels_last)  # which torch's convolutions on one thread are faster with
        self.decoder = Decoder(self.alphabet)

    def prepare(self, source: Source, crop: float = 0.0) -> np.ndarray:
        """The picture as the model gets it: grey, uint8 `H W`, of a size at which it reads (see ``Config.size_for``).

        Args:
            source: what to read; a wide border is cut off.
            crop: share of the height to cut off on every side then.
        """
        grey = load_grey(source)
        ink = content(grey)
        return self._fit(grey, inset(whole(grey) if fills(grey, ink) else grown(ink, grey), crop))

    def log_probs(self, picture: np.ndarray) -> Tensor:
        """The log-probabilities of every class at every time step: `T C` of a prepared picture, `N T C` of `N H W`."""
        return self.log_probs(picture[None])[0] if picture.ndim == 2 else self._run(picture)[0]

    @torch.inference_mode()
    def _run(self, pictures: np.ndarray) -> tuple[Tensor, Tensor]:
        """Of prepared pictures `N H W` the log-probabilities, `N T C`, and how probable it is that they can be read."""
        steps, _ = self.model.steps(to_input(torch.from_numpy(pictures.astype(np.float32) / 255)))  # T N D
        can = torch.ones(len(pictures)) if self.legible is None else self.legible(steps)
        return self.model.classes(steps).log_softmax(-1).transpose(0, 1), can

    def look(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """What the reader saw of one word: the crop that was taken, uint8 `H W`, and its log-probabilities `T C`."""
        grey = load_grey(source)
        ink = content(grey)
        part = Part(grey, whole(grey), ink, ALWAYS) if fills(grey, ink) else Part(grey, grown(ink, grey), ink)
        (word,) = self._read([part], None)
        log_probs, cut = word.frames[0]
        return self._fit(grey, cut), log_probs

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
        mask = allowed(self.alphabet, allow)
        found = best_reading(lambda parts: self._read(parts, mask), load_grey(source), turns)
        return [self._weighed(word, mask).doubted() for word in found]

    def _weighed(self, word: Reading, mask: np.ndarray | None) -> Reading:
        """A word as it was read; if that is unsure, seen again, leaning, and weighed with what is known of words."""
        vocabulary = shipped(len(self.alphabet.characters))
        known = self.decoder.lexicon or self.decoder.language
        if not self.words or known or word.picture is None or vocabulary.settles(word.text, word.confidence):
            return word
        frames = [log_probs for log_probs, _ in word.frames]
        pictures = [lean(word.picture, *how) for how in LEANS]
        again = self._see([self._fit(picture, whole(picture)) for picture in pictures], mask)
        weighed = vocabulary.weigh([*frames, *(log_probs for log_probs, *_ in again)], self.alphabet.decode)
        found = [(labels, seen[: len(frames)]) for labels, seen in weighed[: self.decoder.top]]
        texts = [Hypothesis(labels, float(seen.max()), float(seen.max())) for labels, seen in found]
        log_probs, cut = word.frames[int(found[0][1].argmax())]
        better = reading_of(self.alphabet, log_probs, texts, cut, word.box)
        if len({letter.left for letter in word.letters}) < len(word.letters):  # one below the other
            first = word.letters[0]
            letters = (replace(letter, left=first.left, right=first.right) for letter in better.letters)
            better = replace(better, letters=tuple(letters))
        return replace(better, turned=word.turned, picture=word.picture, frames=word.frames, legible=word.legible)

    def _read(self, parts: Sequence[Part], mask: np.ndarray | None) -> list[Reading]:
        """Read parts of pictures; at all crops those that ask for it and are not clear at the first."""
        views: list[list[View]] = [[] for _ in parts]

        def see(cuts: Sequence[tuple[int, Box]]) -> None:
            seen = self._see([self._fit(parts[number].picture, cut) for number, cut in cuts], mask)
            for (number, cut), one in zip(cuts, seen, strict=True):
                views[number].append((*one, cut))

        see([(n, inset(part.cut, self.crops[0] * (part.hope < NEVER))) for n, part in enumerate(parts)])
        sure = [np.exp(texts[0].log_prob) * bool(texts[0].labels) for ((_, texts, *_),) in views]
        unclear = [n for n, part in enumerate(parts) if part.hope <= sure[n] < CLEAR]
        see([(n, inset(parts[n].cut, crop)) for n in unclear for crop in self.crops[1:]])
        readings = []
        for part, own in zip(parts, views, strict=True):
            own.sort(key=_rank, reverse=True)
            (log_probs, texts, _, cut), can = own[0], float(np.mean([can for _, _, can, _ in own]))
            picture, frames = cut_out(part.picture, part.cut), tuple((view[0], view[-1]) for view in own)
            reading = reading_of(self.alphabet, log_probs, texts, cut, part.ink)
            readings.append(replace(reading, picture=picture, frames=frames, legible=can))
        return readings

    def _see(self, pictures: Sequence[np.ndarray], mask: np.ndarray | None) -> list[Seen]:
        """What is read of prepared pictures; those of one size go through the network together."""
        sizes = defaultdict(list)
        for number, picture in enumerate(pictures):
            sizes[picture.shape].append(number)
        seen = {}
        for same in sizes.values():
            for some in (same[start : start + TOGETHER] for start in range(0, len(same), TOGETHER)):
                batch, can = self._run(np.stack([pictures[number] for number in some]))
                batch = batch.numpy()  # N T C
                if mask is not None:
                    batch = batch + mask
                    batch -= np.logaddexp.reduce(batch, axis=-1, keepdims=True)
                found = zip(some, batch, can.tolist(), strict=True)
                seen |= {number: (one, self.decoder(one), p) for number, one, p in found}
        return [seen[number] for number in range(len(pictures))]

    def _fit(self, grey: np.ndarray, cut: Box) -> np.ndarray:
        grey = cut_out(grey, cut)
        return fit(grey, *self.model.config.size_for(*grey.shape))


def _rank(view: View) -> tuple[bool, float]:
    """A crop in which something is read, however unsure, goes before one in which nothing is."""
    _, texts, *_ = view
    return bool(texts[0].labels), texts[0].log_prob
