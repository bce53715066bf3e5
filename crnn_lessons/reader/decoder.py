"""How a reader finds its texts: by the best path, or with a beam, a lexicon and a language."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import Hypothesis, Lexicon, NGram, beam_search, best_path, lexicon_search, text_log_probs
from crnn_lessons.text.words import load_words

WIDTH = 10
WIDEST = 1000
"""Of a beam: each of its texts takes its share of time and memory, and the thousandth is never the one."""


class Decoder:
    """From a reader's log-probabilities to texts, the best first.

    Args:
        alphabet: of the reader.
        beam: the width of the beam; without one, a beam is used where a language or alternatives are wanted.
        lexicon: a file with a word a line. With a beam or a language only its words are read. Otherwise those within
            three edits of what is read are weighed, and where none is near, the reading stands.
        language: an n-gram that ``NGram.save`` wrote, or a file with a word a line, to count its letters.
        alternatives: how many texts are wanted beside the best one.

    Raises:
        FileNotFoundError, ValueError: a file is missing or holds nothing of use, or a number is out of range.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        beam: int = 0,
        lexicon: str | os.PathLike | None = None,
        language: str | os.PathLike | None = None,
        alternatives: int = 0,
    ):
        if not (0 <= beam <= WIDEST and 0 <= alternatives < WIDEST):
            least = f"beam and alternatives are 0 or more, and at most {WIDEST} and {WIDEST - 1}"
            raise ValueError(f"{least}; they are {beam} and {alternatives}")
        characters = "".join(alphabet.characters)
        self.top = 1 + alternatives
        self.lexicon = self.language = None
        if lexicon is not None:
            self.lexicon = Lexicon(alphabet.encode(word) for word in load_words([lexicon], characters))
        if language is not None and Path(language).is_file() and Path(language).read_bytes()[:2] == b"PK":  # an npz
            self.language = NGram.load(language)
        elif language is not None:
            words = load_words([language], characters)
            self.language = NGram.train(map(alphabet.encode, words), alphabet.num_classes)
        if self.language is not None and self.language.table.shape[1] != alphabet.num_classes:
            theirs = self.language.table.shape[1]
            raise ValueError(
                f"{str(language)!r} was made for {theirs} classes, and the reader has {alphabet.num_classes}"
            )
        search = beam or self.language is not None or (alternatives and self.lexicon is None)
        self.width = max(beam or WIDTH, self.top) if search else 0

    def __call__(self, log_probs: np.ndarray) -> list[Hypothesis]:
        """At least one text of log-probabilities, T x C."""
        frames = np.asarray(log_probs, dtype=np.float64)
        found = []
        if self.width:
            found = beam_search(frames, self.width, top=self.top, lexicon=self.lexicon, language=self.language)
        elif self.lexicon is not None:
            found = lexicon_search(frames, self.lexicon, top=self.top)
        if not found:  # no word fits, or nothing but the best path was asked for
            labels = best_path(frames)
            (log_prob,) = text_log_probs(frames, [labels]).tolist()
            found = [Hypothesis(labels, log_prob, log_prob)]
        return found


def allowed(alphabet: Alphabet, allow: Iterable[str] | None) -> np.ndarray | None:
    """What to add to log-probabilities so that only some characters can be read; nothing when all may.

    Raises:
        ValueError: the alphabet lacks one of them, or there is none.
    """
    if allow is None:
        return None
    wanted = list(unicodedata.normalize("NFC", "".join(allow)))
    known = [c if c in alphabet else c.lower() for c in wanted]
    unknown = "".join(c for c, k in zip(wanted, known, strict=True) if k not in alphabet)
    if unknown or not known:
        what = f"cannot write {unknown!r}" if unknown else "would have nothing to write"
        raise ValueError(f"the reader {what}; allow some of {''.join(alphabet.characters)!r}")
    mask = np.full(alphabet.num_classes, -np.inf)
    mask[[0, *alphabet.encode("".join(known))]] = 0
    return mask
