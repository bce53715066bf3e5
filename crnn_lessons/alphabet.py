"""Text to class indices and back; class 0 is the blank."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

BLANK = 0
"""The class index of the blank everywhere in this package."""

BLANK_SIGN = "-"
"""How the blank is printed when a path is shown as text."""


class Alphabet:
    """An ordered set of characters, numbered from 1; number 0 is the blank.

    Args:
        characters: each character once, in the order of its class index. Every entry is one Unicode
            code point after NFC normalisation, so Korean syllables and Vietnamese letters count as one.

    Raises:
        ValueError: an empty alphabet, a character that stands twice, or one that is not a single code point.

    >>> digits = Alphabet("0123456789")
    >>> digits.encode("407"), digits.decode([5, 1, 8]), digits.num_classes
    ([5, 1, 8], '407', 11)
    """

    def __init__(self, characters: Iterable[str]):
        if isinstance(characters, str):  # a letter and its combining accent become one character
            characters = unicodedata.normalize("NFC", characters)
        self.characters = tuple(unicodedata.normalize("NFC", c) if isinstance(c, str) else c for c in characters)
        if not self.characters:
            raise ValueError("an alphabet needs at least one character, and got none")
        for character in self.characters:
            if not isinstance(character, str) or len(character) != 1:
                size = f"has {len(character)} code points" if isinstance(character, str) else "is no text"
                raise ValueError(
                    f"an alphabet is made of single characters, and got {character!r}, which {size}; "
                    "split it, or leave it out"
                )
        twice = sorted({c for c in self.characters if self.characters.count(c) > 1})
        if twice:
            raise ValueError(f"each character may stand once in an alphabet; {twice} stand more often")
        self._index = {c: i for i, c in enumerate(self.characters, start=1)}

    @property
    def num_classes(self) -> int:
        """The number of classes C: the characters and the blank."""
        return len(self.characters) + 1

    def encode(self, text: str) -> list[int]:
        """Turn a text into class indices (none of them the blank).

        Raises:
            ValueError: a character that the alphabet lacks; the message names it and its place.
        """
        text = unicodedata.normalize("NFC", text)
        for place, character in enumerate(text):
            if character not in self._index:
                raise ValueError(
                    f"the character {character!r} at place {place} of {text!r} is not in the alphabet "
                    f"{''.join(self.characters)!r}; add it to the alphabet or take it out of the text"
                )
        return [self._index[c] for c in text]

    def decode(self, indices: Sequence[int]) -> str:
        """Turn class indices into text. The blank has no character: collapse a path before decoding it.

        Raises:
            ValueError: an index that is the blank or lies outside the alphabet.
        """
        return "".join(self._character(int(i)) for i in indices)

    def show(self, path: Sequence[int], blank_sign: str = BLANK_SIGN) -> str:
        """Write a path as text, one sign a time step, the blank as ``blank_sign``."""
        return "".join(blank_sign if int(k) == BLANK else self._character(int(k)) for k in path)

    def _character(self, index: int) -> str:
        if not 1 <= index < self.num_classes:
            what = "the blank, which has no character" if index == BLANK else "no class of this alphabet"
            raise ValueError(f"index {index} is {what}; characters have the indices 1 to {self.num_classes - 1}")
        return self.characters[index - 1]

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: str) -> bool:
        return unicodedata.normalize("NFC", character) in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        return f"Alphabet({''.join(self.characters)!r})"
