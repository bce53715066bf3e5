"""Prefix beam search in machine code: the recursion of ``ctc/beam.py`` over a batch, several sequences at a time.

Two things make it fast, and neither leaves anything out:

- A prefix is a node of a tree, with all that never changes about it. To make it longer is to name a child.
- Only ``width`` prefixes survive a frame. Those of the beam are weighed first. A longer one that does not beat the
  worst of the best ``width`` so far cannot survive, and a class that no prefix can win with is not looked at.
"""

from __future__ import annotations

import heapq
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
from numba import njit, prange, types

from crnn_lessons.ctc.beam import Found
from crnn_lessons.ctc.fast.numba import compiled, on_threads, threads_for, version
from crnn_lessons.ctc.fast.prefixes import (
    NODE,
    NONE,
    NOTHING,
    PLACE,
    Rules,
    add_child,
    child_of,
    log_add,
    odds_of,
    plant,
    spell,
    weigh,
)
from crnn_lessons.ctc.language import NGram
from crnn_lessons.ctc.lexicon import Lexicon


def search(
    log_probs: np.ndarray,
    input_lengths: np.ndarray,
    width: int,
    blank: int,
    lexicon: Lexicon | None,
    language: NGram | None,
    alpha: float,
    beta: float,
) -> list[tuple[list[Found], bool]]:
    """What ``beam.search`` returns, of each of N sequences, T N C."""
    T, N, _ = log_probs.shape
    none = np.zeros(0, np.int64)
    trie = (lexicon.start, lexicon.label, lexicon.word) if lexicon else (none, none, none)
    table, following = np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int32)
    automaton = (language.table, language.following, language.first) if language else (table, following, 0)
    nodes = min(1 + T * width, len(trie[2])) if lexicon else 1 + T * width
    texts, lengths = np.empty((N, width, T), np.int64), np.empty((N, width), np.int64)
    bonus, weights = np.empty((N, width)), np.empty((N, width))
    counts, full = np.empty(N, np.int64), np.empty(N, np.bool_)
    frames = np.ascontiguousarray(log_probs.transpose(1, 0, 2))  # N T C
    results = texts, lengths, bonus, weights, counts, full
    arguments = frames, input_lengths, width, nodes, blank, *trie, *automaton, alpha, beta, *results
    threads = threads_for(N, frames.size * width)
    if threads == 1:
        _loop(False)(*arguments)
    else:
        on_threads(threads, _loop(True), *arguments)
    found = []
    for n in range(N):
        each = zip(texts[n], lengths[n], bonus[n].tolist(), weights[n].tolist(), strict=True)
        found.append([(tuple(text[:S].tolist()), extra, p) for text, S, extra, p in islice(each, counts[n])])
    return list(zip(found, full.tolist(), strict=True))


@cache
def _loop(parallel: bool) -> Any:
    stamp, whole, real = version(parallel), types.int64, types.float64
    given = real[:, :, ::1], whole[::1], *(whole,) * 3, *(whole[::1],) * 3
    language = types.float32[:, ::1], types.int32[:, ::1], whole, real, real
    results = whole[:, :, ::1], whole[:, ::1], *(real[:, ::1],) * 2, whole[::1], types.boolean[::1]

    # fmt: off
    def loop(frames, input_lengths, width, nodes, blank, start, label, word, table, following, first, alpha, beta,
             texts, lengths, bonus, log_probs, counts, full):
        for n in prange(len(frames) + 0 * stamp):
            rules = Rules(blank, start, label, word, table, following, first, alpha, beta)
            counts[n], full[n] = search_one(
                frames[n, : input_lengths[n]], width, nodes, rules, texts[n], lengths[n], bonus[n], log_probs[n])
    # fmt: on
    return compiled(loop, types.void(*given, *language, *results), parallel)


@njit(error_model="numpy")
def search_one(frames, width, nodes, rules, texts, lengths, bonus, log_probs):
    """One sequence; returns how many texts it has found, and whether the beam was ever full."""
    tree, beam, after = np.empty(nodes, NODE), np.empty(width, PLACE), np.empty(width, PLACE)
    plant(tree, rules)
    beam[0].node, beam[0].by_blank, beam[0].by_label, beam[0].total = 0, 0.0, NOTHING, 0.0
    used, size, full, choice = 1, 1, False, np.empty(frames.shape[1], np.int64)
    heap = [(0.0, 0, 0)]  # score, place in the beam, label or, with a lexicon, node of the trie; the worst comes first
    for t in range(len(frames)):
        row = frames[t]
        heap.clear()
        stay(beam[:size], tree, row, rules.blank, heap)
        extend(beam[:size], tree, row, rules, heap, width, choice)
        full |= len(heap) == width
        for i in range(size):
            tree[beam[i].node].rank = NONE
        size = len(heap)
        for rank in range(size):
            _, i, a = heap[rank]
            old, new = beam[i], after[rank]
            if a == NONE:
                new.node, new.by_blank, new.by_label, new.total = old.node, old.to_blank, old.to_label, old.to_total
            else:
                k = rules.label[a] if len(rules.start) else a
                new.total = row[k] + (old.by_blank if tree[old.node].label == k else old.total)
                new.node, new.by_blank, new.by_label = child_of(tree, old.node, k), NOTHING, new.total
                if new.node == NONE:
                    new.node, used = used, used + 1
                    add_child(tree, old.node, new.node, k, a, rules)
            tree[new.node].rank = rank
        beam, after = after, beam
    count = 0
    for i in range(size):
        prefix = tree[beam[i].node]
        if len(rules.start) == 0 or rules.word[prefix.place] != NONE:
            bonus[count] = prefix.bonus
            if len(rules.table):
                bonus[count] += rules.alpha * rules.table[prefix.state, rules.blank]
            lengths[count] = spell(tree, beam[i].node, texts[count])
            count += 1
    odds, log_scale = odds_of(frames, texts[:count], lengths, rules.blank)
    for i in range(count):
        log_probs[i] = weigh(odds, log_scale, texts[i, : lengths[i]], rules.blank)
    return count, full


@njit(error_model="numpy")
def stay(beam, tree, row, blank, heap):
    """Weigh the prefixes of the beam a frame later, and put them on the heap."""
    for i in range(len(beam)):
        old = beam[i]
        prefix = tree[old.node]
        k, parent = prefix.label, prefix.parent
        old.to_blank, old.to_label = old.total + row[blank], NOTHING
        if k != NONE:
            old.to_label = old.by_label + row[k]
            j = tree[parent].rank
            if j != NONE:
                # subtle: where its parent is in the beam, too, the parent's paths that take the label become this very
                # prefix. The two are added before anything is compared.
                mass = beam[j].by_blank if tree[parent].label == k else beam[j].total
                old.to_label = log_add(old.to_label, mass + row[k])
        old.to_total = log_add(old.to_blank, old.to_label)
        if old.to_total > NOTHING:
            heapq.heappush(heap, (old.to_total + prefix.bonus, i, NONE))


@njit(error_model="numpy")
def extend(beam, tree, row, rules, heap, width, choice):
    """Put prefixes with one more label on the heap, as long as they are among the best ``width`` there."""
    floor, best, choices = heap[0][0] if len(heap) == width else NOTHING, NOTHING, 0
    if len(rules.start) == 0:
        # A language takes something away, if its weight is not negative: the best prefix shows what cannot win.
        for i in range(len(beam)):
            best = max(best, beam[i].total + tree[beam[i].node].bonus + rules.beta)
        for k in range(len(row)):
            if k != rules.blank and (best + row[k] > floor or rules.alpha < 0):
                choice[choices], choices = k, choices + 1
    for i in range(len(beam)):
        old = beam[i]
        prefix = tree[old.node]
        begin, end = 0, choices
        if len(rules.start):
            begin, end = rules.start[prefix.place], rules.start[prefix.place + 1]
        base = old.total + prefix.bonus + rules.beta
        for c in range(begin, end):
            k, a = (rules.label[c], c) if len(rules.start) else (choice[c], choice[c])
            score = base + row[k]
            if len(rules.table):
                score += rules.alpha * rules.table[prefix.state, k]
            if not score > floor:
                continue
            if k == prefix.label:  # subtle: behind its own last label, a label is new only where a blank lies between
                score += old.by_blank - old.total
            child = child_of(tree, old.node, k)
            if not score > floor or (child != NONE and tree[child].rank != NONE):
                continue  # a child in the beam has been weighed in ``stay``, this way to it included
            if len(heap) < width:
                heapq.heappush(heap, (score, i, a))
            else:
                heapq.heapreplace(heap, (score, i, a))
            floor = heap[0][0] if len(heap) == width else NOTHING
