"""How probable a text is before its picture is seen: on signs, words are commoner than other strings.

CTC prefers no string to another of the same length. Here a text ``y`` of ``n`` characters, out of ``K``, is any string
with probability ``u``, and otherwise a word out of one of several lists, which go from the common to the rare:

    P(y) = u K^-n + (1 - u) sum_j m_j [y in list j] / |list j|,        m_j proportional to RARER^j.

By Bayes' rule a text is as good as p(picture | y) P(y), and p(picture | y) is proportional to p(y | picture) K^n where
nothing was preferred before (Bourlard and Morgan 1994, of hybrid models). So what is added to the logarithm of CTC's
probability is ``worth(y) = log(P(y) K^n)``: log u for a string that is no word, and for a word the more the longer it
is, since a long string is seldom a word by chance. It is weighed by WEIGHT, since CTC is surer than it should be.
"""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from zlib import crc32

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from crnn_lessons.ctc import beam_search, text_log_probs
from crnn_lessons.files import write_atomically

# Set by the mean word accuracy on the even halves of four sets of photographs, see weights/README.md.
UNKNOWN = 0.2  # u, of strings that are no words
RARER = 0.7  # how much less probable each list is than the one before
WEIGHT = 0.5
BEAM = 50  # texts of each view that are weighed
SURE = (0.95, 0.5)  # a string, and a word, that reads so surely is not weighed against others


class Vocabulary:
    """Lists of words, from common to rare, as sorted keys: a set of 150,000 words in 0.6 MB that is loaded at once.

    Args:
        lists: the keys of each list's words, see :func:`key`.
        characters: K, how many characters a text can be made of.

    Attributes:
        keys: of all lists, uint32, in rising order.
        log_probs: of each key, the natural logarithm of its word's probability among words.
    """

    def __init__(self, lists: Sequence[np.ndarray], characters: int):
        share = np.array([RARER**j * bool(len(keys)) for j, keys in enumerate(lists)])
        shares = zip(share / share.sum(), lists, strict=True)
        each = [np.full(len(keys), math.log(m / max(1, len(keys)))) for m, keys in shares]
        keys = np.concatenate(lists)
        order = np.argsort(keys, kind="stable")
        self.keys, self.log_probs = keys[order], np.concatenate(each)[order]
        self._log_characters = math.log(characters)

    @classmethod
    def load(cls, path: str | os.PathLike, characters: int) -> Vocabulary:
        """Read what :func:`save_lists` wrote."""
        with safe_open(path, "np") as file:
            return cls([file.get_tensor(name) for name in sorted(file.keys())], characters)

    def word_log_prob(self, text: str) -> float:
        """The natural logarithm of the probability of a word, as far as it is one; -inf if it is none."""
        wanted = np.uint32(key(text.lower()))  # of the keys' own type, or all of them would be converted to search one
        at = np.searchsorted(self.keys, wanted)
        return float(self.log_probs[at]) if at < len(self.keys) and self.keys[at] == wanted else -math.inf

    def worth(self, text: str) -> float:
        """log(P(text) K^n), the natural logarithm."""
        word = math.log(1 - UNKNOWN) + self.word_log_prob(text) + len(text) * self._log_characters
        return float(np.logaddexp(math.log(UNKNOWN), word))

    def settles(self, text: str, confidence: float) -> bool:
        """Whether a text is so sure that no other need be looked at; nothing where nothing is read."""
        string, word = SURE
        return not text or confidence >= string or (confidence >= word and self.word_log_prob(text) > -math.inf)

    def weigh(self, frames: Sequence[np.ndarray], decode: Callable[[Sequence[int]], str]) -> list[tuple]:
        """The texts that one picture may say, the best first.

        Args:
            frames: log-probabilities `T C`, one for each view of the picture; their probabilities are averaged.
            decode: from labels to text.

        Returns:
            Labels and log-probabilities in each view, one pair a text.
        """
        frames = [np.asarray(view, np.float64) for view in frames]
        found = sorted({hypothesis.labels for view in frames for hypothesis in beam_search(view, BEAM, top=BEAM)})
        seen = np.stack([text_log_probs(view, found) for view in frames])  # views x texts
        worth = WEIGHT * np.array([self.worth(decode(labels)) for labels in found])
        order = np.argsort(-(np.logaddexp.reduce(seen, axis=0) + worth), kind="stable")
        return [(found[i], seen[:, i]) for i in order]


def key(text: str) -> int:
    """A number of 32 bits for a word; one in 30,000 strings has that of some word of 150,000 by chance."""
    return crc32(text.encode())


def save_lists(path: str | os.PathLike, lists: Sequence[Sequence[str]], notes: dict) -> None:
    """Write the keys of lists of words, from common to rare; a word of two lists counts in the first."""
    tensors, known = {}, np.empty(0, np.uint32)
    for number, words in enumerate(lists):
        keys = np.setdiff1d(np.array([key(word) for word in words], np.uint32), known)
        tensors[f"{number:02d}"], known = keys, np.union1d(known, keys)
    write_atomically(path, save(tensors, {"notes": json.dumps(notes)}))


@functools.lru_cache(maxsize=4)
def shipped(characters: int) -> Vocabulary:
    """The words that come with the package, for an alphabet of so many characters."""
    with as_file(files("crnn_lessons") / "weights/words.safetensors") as path:
        return Vocabulary.load(path, characters)
