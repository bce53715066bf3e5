"""The prefixes of a beam search as a tree in one array, and the exact probability of whole texts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

NONE = -1
NOTHING = -math.inf
NEGLIGIBLE = 45.0
"""exp(-45) is 3e-20: added to 1, it changes no bit of a float64."""
SMALLEST = 1e-200
"""Of this share of all that was added up, a float64 has lost nothing that counts: it reaches down to 1e-308."""

NODE = np.dtype(
    [
        ("parent", np.int32),  # the prefix without its last label
        ("label", np.int32),  # its last label
        ("child", np.int32),  # the latest of its children; the others follow by ``sibling``
        ("sibling", np.int32),  # the child that its parent got before it
        ("place", np.int32),  # its node in the lexicon's trie
        ("state", np.int32),  # the state of the language behind it
        ("rank", np.int32),  # its place in the beam
        ("bonus", np.float64),  # what language and length add to the logarithm of its probability
    ],
    align=True,
)
"""A prefix. Node 0 is the empty one; NONE stands for no prefix, no label, no place."""

PLACE = np.dtype(
    [
        ("node", np.int64),
        ("by_blank", np.float64),  # logarithm of the probability of its paths that end in the blank
        ("by_label", np.float64),  # of those that end in its last label
        ("total", np.float64),  # of both
        ("to_blank", np.float64),  # the same three one frame later, for paths that add no label
        ("to_label", np.float64),
        ("to_total", np.float64),
    ]
)
"""A prefix in the beam."""


class Rules(NamedTuple):
    """What may be written, and what it is worth; arrays of length 0 where there is no lexicon or no language.

    Attributes:
        blank: the class index of the blank.
        start, label, word: the trie of a ``Lexicon``.
        table, following, first: the automaton of an ``NGram``.
        alpha: the weight of the language.
        beta: the reward for each label.
    """

    blank: int
    start: np.ndarray
    label: np.ndarray
    word: np.ndarray
    table: np.ndarray
    following: np.ndarray
    first: int
    alpha: float
    beta: float


@njit(error_model="numpy")
def log_add(a, b):
    """ln(exp a + exp b). It is called most, and two times in three one side is nothing beside the other."""
    high, low = max(a, b), min(a, b)
    return high + math.log1p(math.exp(low - high)) if high - low < NEGLIGIBLE else high


@njit(error_model="numpy")
def plant(tree, rules):
    """Make the empty prefix."""
    root = tree[0]
    root.parent, root.label, root.child, root.sibling = NONE, NONE, NONE, NONE
    root.place, root.state, root.rank, root.bonus = 0, rules.first, 0, 0.0


@njit(error_model="numpy")
def child_of(tree, n, k):
    """The child of prefix n by label k, or NONE."""
    child = tree[n].child
    while child != NONE and tree[child].label != k:
        child = tree[child].sibling
    return child


@njit(error_model="numpy")
def add_child(tree, n, new, k, place, rules):
    """Make ``new`` the child of prefix n by label k."""
    parent, child = tree[n], tree[new]
    child.parent, child.label, child.child, child.sibling = n, k, NONE, parent.child
    parent.child = new
    child.place, child.state, child.bonus = place, 0, parent.bonus + rules.beta
    if len(rules.table):
        child.state = rules.following[parent.state, k]
        child.bonus += rules.alpha * rules.table[parent.state, k]


@njit(error_model="numpy")
def spell(tree, n, text):
    """Write the labels of prefix n; returns how many."""
    length, m = 0, n
    while tree[m].parent != NONE:
        length, m = length + 1, tree[m].parent
    for i in range(length - 1, -1, -1):
        text[i], n = tree[n].label, tree[n].parent
    return length


@njit(error_model="numpy")
def odds_of(frames, texts, lengths, blank):
    """The probabilities of the classes that any text needs, by the largest of them in each frame; T x C, the rest of it
    is not written. And the sum of the logarithms of those largest.
    """
    T, C = frames.shape
    needed, odds, log_scale = np.zeros(C, np.bool_), np.empty((T, C)), 0.0
    needed[blank] = True
    for i in range(len(texts)):
        needed[texts[i, : lengths[i]]] = True
    for t in range(T):
        largest = NOTHING
        for k in range(C):
            if needed[k]:
                largest = max(largest, frames[t, k])
        for k in range(C):
            if needed[k]:
                odds[t, k] = math.exp(frames[t, k] - largest)
        log_scale += largest
    return odds, log_scale


@njit(error_model="numpy")
def weigh(odds, log_scale, text, blank):
    """ln p(text | frames) over all alignments; NaN where it is too small to be had in this way.

    The forward variables (Graves et al. 2006, equations 5 to 8) as plain numbers, each frame divided by the sum of the
    one before.
    """
    S, total = len(text), 1.0
    blanks, labels = np.zeros(S + 1), np.zeros(S + 1)  # paths in the blank after s labels, and in label s - 1
    blanks[0] = 1.0
    for t in range(len(odds)):
        row, scale = odds[t], 1.0 / total
        log_scale, total = log_scale + math.log(total), 0.0
        # subtle: from the last label to the first, so that each finds at its left what was there the frame before
        for s in range(min(S, t + 1), 0, -1):
            k, before = text[s - 1], blanks[s - 1]
            step = labels[s] + before
            if s > 1 and text[s - 2] != k:
                step += labels[s - 1]
            blanks[s] = (blanks[s] + labels[s]) * row[blank] * scale
            labels[s] = step * row[k] * scale
            total += blanks[s] + labels[s]
        blanks[0] *= row[blank] * scale
        total += blanks[0]
    final = blanks[S] + labels[S]
    return math.log(final) + log_scale if final > SMALLEST * total else math.nan
