"""Which words to render: dictionary words of mixed lengths and cases, numbers, prices, codes."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.random import Generator

from crnn_lessons.files import read_lines
from crnn_lessons.text.shaping import layout

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
# Letters of Greek and Cyrillic that look, in one of their cases, like a letter or a digit of English.
LOOK_ALIKES = frozenset("αβγεζηικμνορτυχωавезкмнопрстухьѕіј")
# Share of words of 1, 2, 3 ... letters. A dictionary is mostly long words; signs are mostly short ones.
LENGTHS = np.array([2, 7, 13, 16, 14, 13, 11, 8, 6, 4, 2.5, 1.5, 1, 0.5, 0.3, 0.2])


def load_words(paths: Iterable[str | os.PathLike], characters: str = LETTERS + DIGITS) -> list[str]:
    """Read word lists (one word a line, UTF-8), folded to lower case, each word of a list once.

    A word of several lists, or of one that is given twice, is drawn as many times as often: so a list of common words
    gets more weight. Words with a character outside ``characters`` are left out.

    Raises:
        FileNotFoundError: a list does not exist.
        ValueError: a list is not UTF-8, or there is no usable word in any of them.
    """
    allowed = set(unicodedata.normalize("NFC", characters))
    words = [word for word in _listed(paths) if allowed.issuperset(word)]
    if not words:
        raise ValueError(f"the word lists hold no word made of {characters!r} only; check their format")
    return words


def load_foreign(paths: Iterable[str | os.PathLike], characters: str = LETTERS + DIGITS) -> list[str]:
    """Read lists of words in other scripts (as :func:`load_words` does), of which a reader is to say nothing.

    Words with one of ``characters`` are left out, and those that could pass for English, as Cyrillic "мама" does:
    at least one letter in six must look like none of it.

    Raises:
        FileNotFoundError: a list does not exist.
        ValueError: a list is not UTF-8, or there is no usable word in any of them, or one is of a script that this
            Pillow cannot shape.
    """
    known = set(characters)
    words = [
        word for word in _listed(paths) if word.isalpha() and known.isdisjoint(word) and 6 * _own(word) >= len(word)
    ]
    if not words:
        raise ValueError("the lists of foreign words hold no word in another script; give Russian or Greek ones, say")
    for word in words:
        layout(word)
    return words


def _listed(paths: Iterable[str | os.PathLike]) -> Iterator[str]:
    """The words of lists, NFC in lower case, each word of a list once."""
    for path in map(Path, paths):
        if not path.is_file():
            raise FileNotFoundError(f"there is no word list {str(path)!r}; give a text file, one word a line")
        words = (unicodedata.normalize("NFC", line.strip().lower()) for line in read_lines(path))
        yield from dict.fromkeys(filter(None, words))


def _own(word: str) -> int:
    """How many letters of a word look like none of English, without and with their accents."""
    return sum(unicodedata.normalize("NFD", letter)[0] not in LOOK_ALIKES for letter in word)


class WordSource:
    """Draws words: dictionary words, numbers and codes, in lower, Title and UPPER case.

    Args:
        words: dictionary words in lower case; without any, only random strings are drawn.
        digits: share of numbers among the words drawn.
        random_letters: share of random strings of letters (they keep the reader from guessing words).
        mixed: share of random strings of letters and digits.
        letters: what random strings are made of, besides digits.
    """

    def __init__(
        self, words: Iterable[str] = (), digits: float = 0.12, random_letters: float = 0.1, mixed: float = 0.06,
        letters: str = LETTERS,
    ):  # fmt: skip
        self._letters = letters
        self._by_length = defaultdict(list)
        for word in words:
            self._by_length[len(word)].append(word)
        self._lengths = np.array(sorted(n for n in self._by_length if n <= len(LENGTHS)))
        shares = LENGTHS[self._lengths - 1] if len(self._lengths) else np.array([])
        self._shares = shares / shares.sum() if len(shares) else shares
        dictionary = 1 - digits - random_letters - mixed
        if not len(self._lengths):
            dictionary = 0.0
        kinds = np.array([dictionary, digits, random_letters, mixed])
        self._kinds = kinds / kinds.sum()

    def draw(self, rng: Generator) -> str:
        """One word, cased as it would stand on a sign."""
        kind = rng.choice(4, p=self._kinds)
        if kind == 0:
            words = self._by_length[int(rng.choice(self._lengths, p=self._shares))]
            word = words[int(rng.integers(len(words)))]
        elif kind == 1:
            word = self._number(rng)
        else:
            pool = self._letters if kind == 2 else self._letters + DIGITS
            n = int(rng.choice(len(LENGTHS), p=LENGTHS / LENGTHS.sum())) + 1
            word = "".join(pool[i] for i in rng.integers(len(pool), size=n))
        style = rng.random()
        if style < 0.45:
            return word.upper()
        return word.title() if style < 0.75 else word

    def _number(self, rng: Generator) -> str:
        kind = rng.random()
        if kind < 0.2:
            return str(rng.integers(1800, 2030))
        if kind < 0.35:
            return f"{rng.integers(1, 1000)}.{rng.integers(0, 100):02d}"  # a price
        if kind < 0.5:
            return "0" * int(rng.integers(0, 2)) + str(rng.integers(10**6, 10**10))  # a telephone number
        if kind < 0.6:
            return str(rng.integers(1, 100)) + str(rng.choice(["st", "nd", "th", "km", "am", "pm", "a", "b"]))
        return str(rng.integers(0, 10 ** int(rng.integers(1, 7))))


def decorate(rng: Generator, word: str) -> str:
    """Sometimes add the punctuation that stands beside a word on a sign; it is no part of the label."""
    r = rng.random()
    if r < 0.86:
        return word
    if r < 0.96:
        return word + str(
            rng.choice([".", ",", "!", ":", "...", "?", ";", "-", "'", "'s" if word[-1:].isalpha() else "%"])
        )
    if r < 0.98:
        return str(rng.choice(["$", "(", '"', "#", "-", "'"])) + word
    return str(rng.choice(['"{}"', "({})", "'{}'", "-{}-"])).format(word)
