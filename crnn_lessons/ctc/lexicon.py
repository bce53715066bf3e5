"""A lexicon: words in a trie, for a beam search that can write nothing else, and for the words near a text.

The CRNN paper (Shi, Bai, Yao 2015, section 2.3.2) looks near words up in a BK-tree. The trie gives the same words and
is faster: words that begin alike share the beginning of their comparison with the text, while a BK-tree compares one
word after the other, and at a distance of 3 half of them all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_target
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
        self.blank = blank
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
        if available("numba"):
            from crnn_lessons.ctc.fast.near import near
        else:
            near = _near
        found = np.asarray(near(self, target, int(distance)), dtype=np.int64).reshape(-1, 2)
        return [(self.words[n], d) for d, n in found[np.lexsort(found.T[::-1])].tolist()]

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


def _near(lexicon: Lexicon, text: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Pairs of distance and word, by walking down the trie with one row of the table of edit distances a node."""
    found, waiting = [], [(ROOT, list(range(len(text) + 1)))]
    while waiting:
        place, row = waiting.pop()  # row[j]: from the node's labels to the first j of the text
        if lexicon.word[place] >= 0 and row[-1] <= most:
            found.append((row[-1], int(lexicon.word[place])))
        for label, child in lexicon.after(place):
            below = [row[0] + 1]
            for j, k in enumerate(text):
                below.append(min(below[j] + 1, row[j + 1] + 1, row[j] + (k != label)))
            if min(below) <= most:
                waiting.append((child, below))
    return found
