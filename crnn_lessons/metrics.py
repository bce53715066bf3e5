"""How well a reader reads: word accuracy, character error rate and 1-NED."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from rapidfuzz.distance import Levenshtein

_NOT_ALPHANUMERIC = re.compile(r"[^0-9a-z]")


def fold(text: str) -> str:
    """The field's rule for comparing scene words: lower case, and nothing but 0-9 and a-z kept."""
    return _NOT_ALPHANUMERIC.sub("", _composed(text).lower())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)  # a letter and its accent may be one code point or two


def _pairs(predictions: Sequence[str], references: Sequence[str]) -> Iterable[tuple[str, str]]:
    if len(predictions) != len(references):
        raise ValueError(
            f"there are {len(predictions)} predictions and {len(references)} references; they must pair up"
        )
    if not references:
        raise ValueError("there is nothing to score: both lists are empty")
    return zip(map(_composed, predictions), map(_composed, references), strict=True)


def word_accuracy(predictions: Sequence[str], references: Sequence[str]) -> float:
    """The share of predictions that equal their reference exactly, 0 to 1. Fold both first if case is moot."""
    return sum(p == r for p, r in _pairs(predictions, references)) / len(references)


def character_error_rate(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Edits (insert, delete, replace) needed in all, divided by the characters of the references.

    Above 1 when the predictions are much too long.

    Raises:
        ValueError: the references hold no character.
    """
    edits = sum(Levenshtein.distance(p, r) for p, r in _pairs(predictions, references))
    characters = sum(len(_composed(text)) for text in references)
    if not characters:
        raise ValueError("the references hold no character, so an error rate by character has no meaning")
    return edits / characters


def one_minus_ned(predictions: Sequence[str], references: Sequence[str]) -> float:
    """The mean of 1 - distance / longer length, 0 to 1; two empty texts agree fully."""
    scores = [Levenshtein.normalized_similarity(p, r) for p, r in _pairs(predictions, references)]
    return sum(scores) / len(scores)
