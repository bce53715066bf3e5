"""A lexicon: words in a trie, for a beam search that can write nothing else, and for the words near a text.

The CRNN paper (Shi, Bai, Yao 2015, section 2.3.2) looks near words up in a BK-tree. The trie gives the same words and
is faster: words that begin alike share the beginning of their comparison with the text, while a BK-tree compares one
word after the other, and at a distance of 3 half of them all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank, check_target
from crnn_lessons.ctc.fast.choose import available

ROOT = 0


class Lexicon:
    """Words, each a tuple of class indices, in a trie.

    Args:
        words: in any order; one that stands twice counts once. The empty word is a word.
        blank: the class index of the blank, which no word has.

    Raises:
        ValueError: there are no words, or one has a blank or a negative label.

    Attributes:
        words: the different words, in the order of their labels.
        start: one number more than there are nodes. The children of node n are the nodes start[n] to start[n + 1] - 1;
            node 0 is the root, and nodes are numbered level by level.
        label: the label that leads to each node; -1 at the root.
        word: the number of the word that ends at each node; -1 where none does.
    """

    def __init__(self, words: Iterable[Sequence[int]], blank: int = BLANK):
        self.words = sorted({check_target(word, blank) for word in words})
        if not self.words:
            raise ValueError("a lexicon needs at least one word, and got none")
        self.blank = check_blank(blank)
        self.start, self.label, self.word = _trie(self.words)

    def after(self, place: int) -> list[tuple[int, int]]:
        """The labels that may follow at a node, each with the node that it leads to."""
        first, end = self.start[place : place + 2].tolist()
        return list(zip(self.label[first:end].tolist(), range(first, end), strict=True))

    def near(self, text: Sequence[int], distance: int) -> list[tuple[tuple[int, ...], int]]:
        """The words within an edit distance of a text, each with its distance, the nearest first.

        Args:
            text: class indices.
            distance: how many labels may be put in, taken out or replaced, 0 or more.

        Raises:
            ValueError: a distance below 0 or not whole, or a blank in the text.

        Source: Levenshtein 1966; rows shared along a trie, and left where no entry is small enough, after Shang and
        Merrettal 1996.
        """
        if distance != int(distance) or distance < 0:
            raise ValueError(f"distance is a number of edits, 0 or more, and is {distance!r}")
        target = check_target(text, self.blank)
        found = np.empty((len(self), 2), np.int64)
        count = walker()(np.array(target, np.int64), int(distance), self.start, self.label, self.word, found)
        nearest = np.lexsort(found[:count].T[::-1])
        return [(self.words[n], d) for d, n in found[nearest].tolist()]

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: Sequence[int]) -> bool:
        n = bisect_left(self.words, tuple(word))
        return n < len(self.words) and self.words[n] == tuple(word)

    def __repr__(self) -> str:
        return f"Lexicon({len(self.words):,} words, {len(self.label):,} nodes)"


def _trie(words: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``start``, ``label`` and ``word`` of the trie of different words in order, level by level."""
    depth = np.array([len(word) for word in words])
    letters = np.full((len(words), depth.max()), -1)
    for n, word in enumerate(words):
        letters[n, : len(word)] = word
    label, parent, nodes = [np.array([-1])], [], 1
    node = np.zeros(len(words), dtype=np.int64)  # how far down each word has come
    differs = np.arange(len(words)) == 0  # from the word before it, in the labels so far
    for level in range(depth.max()):
        differs[1:] |= letters[1:, level] != letters[:-1, level]
        new = differs & (depth > level)
        label.append(letters[new, level])
        parent.append(node[new])
        node = np.where(depth > level, nodes - 1 + np.cumsum(new), node)
        nodes += len(label[-1])
    word = np.full(nodes, -1)
    word[node] = np.arange(len(words))
    start = 1 + np.searchsorted(np.concatenate([*parent, []]), np.arange(nodes + 1))
    return start, np.concatenate(label), word


def walk(text: np.ndarray, most: int, start: np.ndarray, label: np.ndarray, word: np.ndarray, found: np.ndarray) -> int:
    """Write distance and number of each word within reach of the text into ``found``, and return how many there are.

    Each node has a row of the table of edit distances: from its labels to the first 0, 1, 2 ... of the text. Loops over
    numbers and nothing else, so that it can be compiled as it stands.
    """
    length, count, waiting = len(text), 0, [(0, 0)]
    # subtle: one row a level is enough. Depth first, a level is written again only when all below it is done. No node
    # lies deeper than this: each label beyond the text's length is an edit.
    rows = np.empty((length + most + 2, length + 1), np.int64)
    rows[0] = np.arange(length + 1)
    while len(waiting) > 0:
        node, level = waiting.pop()
        row, least = rows[level], level  # at the root the least is 0
        if level > 0:
            above, row[0] = rows[level - 1], level
            for j in range(length):
                cost = min(row[j], above[j + 1]) + 1
                row[j + 1] = min(cost, above[j] + (text[j] != label[node]))
                least = min(least, row[j + 1])
        if word[node] >= 0 and row[length] <= most:
            found[count, 0], found[count, 1] = row[length], word[node]
            count += 1
        if least <= most:
            for child in range(start[node], start[node + 1]):
                waiting.append((child, level + 1))
    return count


@cache
def walker() -> Callable[..., int]:
    """``walk``, as fast as it can be had here."""
    if not available("numba"):
        return walk
    from crnn_lessons.ctc.fast.near import compiled_walk

    return compiled_walk(walk)
