"""Exercises of lesson 09, Decoding."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from rapidfuzz.distance import Levenshtein

from crnn_lessons.ctc import collapse, extend, forward_backward, predecessors
from crnn_lessons.exercises import Exercise
from crnn_lessons.exercises.compare import short
from crnn_lessons.exercises.slips import mistakes


def _random_probs(T, C, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(C), T).round(2)


# 09-1 ---------------------------------------------------------------------------------------------------------------


def grow(beam, row):
    grown = {}

    def add(prefix, end, p):
        ends = grown.setdefault(prefix, [0.0, 0.0])
        ends[end] += p

    for prefix, (by_blank, by_label) in beam.items():
        total, last = by_blank + by_label, prefix[-1:]
        add(prefix, 0, total * row[0])
        for k in range(1, len(row)):
            if last == (k,):
                add(prefix, 1, by_label * row[k])
                add((*prefix, k), 1, by_blank * row[k])
            else:
                add((*prefix, k), 1, total * row[k])
    return grown


BEAMS = (
    ({(): (1.0, 0.0)}, (0.6, 0.4)),
    ({(): (0.36, 0.0), (1,): (0.24, 0.4)}, (0.5, 0.5)),
    ({(1,): (0.2, 0.3), (1, 1): (0.05, 0.1)}, (0.3, 0.7)),
    ({(): (0.1, 0.0), (2,): (0.15, 0.2), (1,): (0.25, 0.3)}, (0.2, 0.5, 0.3)),
    ({(2, 1): (0.125, 0.25), (2,): (0.4, 0.05), (2, 1, 2): (0.02, 0.03)}, (0.1, 0.2, 0.7)),
)

GROW = Exercise(
    key="09-1",
    title="one frame of prefix beam search",
    solution=grow,
    cases=[(beam, np.array(row)) for beam, row in BEAMS],
    show_case=lambda beam, row: f"grow({short(beam)}, {row.tolist()})",
    mistakes=mistakes(
        grow,
        """
        keeps the larger where two ways lead to one prefix :: ends[end] += p -> ends[end] = max(ends[end], p)
        :: ends[end] += p -> ends[end] = max(ends[end], p) & by_blank + by_label -> max(by_blank, by_label)
            Paths exclude each other, so their probabilities are added: `+=`.
        forgets what other ways have brought to a prefix :: ends[end] += p -> ends[end] = p
            Two ways may lead to one prefix: `a` comes from `a` and from the empty one. Add, do not overwrite.
        writes a letter twice without a blank between :: by_blank * row[k] -> total * row[k]
        writes and holds the letter twice without a blank between ::
            by_blank * row[k] -> total * row[k] & by_label * row[k] -> total * row[k]
            After a, another a is held, and B merges the two. It is a new letter only for paths that end in the blank.
        cannot write a letter twice in a row :: add((*prefix, k), 1, by_blank * row[k]) -> pass
            The paths of `a` that end in the blank may go on with a second a: that is how `aa` is written.
        merges equal letters across a blank ::
            add((*prefix, k), 1, by_blank * row[k]) -> pass & by_label * row[k] -> total * row[k]
            B merges before it drops the blanks. An a after a blank is a second a, and the prefix grows.
        lets a held letter be written again ::
            add(prefix, 1, by_label * row[k]) -> add((*prefix, k), 1, by_label * row[k])
            Paths that end in the letter hold it: B merges the two, and the prefix stays as it is.
        holds a letter across a blank :: by_label * row[k] -> total * row[k]
            Only paths that end in the letter can hold it; those that end in the blank write a new one.
        loses the paths that hold their last letter :: add(prefix, 1, by_label * row[k]) -> pass
            A letter may fill several frames: paths that end in it may stay in it, and the prefix stays as it is.
        forgets the blank :: add(prefix, 0, total * row[0]) -> pass
            In each frame every path may take the blank, too, `row[0]`; the prefix stays as it is.
        takes the blank after a blank only :: total * row[0] -> by_blank * row[0]
            Any path may take the blank next, whether it ends in a blank or in a letter.
        writes a letter after a blank only :: total * row[k] -> by_blank * row[k]
            Different letters may stand side by side without a blank: both kinds of paths may go on.
        writes a letter after a letter only :: total * row[k] -> by_label * row[k]
            The empty prefix has no paths that end in a letter, and so it would never grow. Use both kinds.
        treats the blank as a letter :: range(1, len(row)) -> range(len(row))
            The blank is never written: prefixes grow by the classes 1, 2, ...
        leaves out the last class :: range(1, len(row)) -> range(1, len(row) - 1)
            `range` stops before its end, and `row` has a number for the blank, too: `range(1, len(row))`.
        swaps the two numbers of a prefix :: ends[end] -> ends[1 - end]
            First the paths that end in the blank, then those that end in the last letter.
        compares with the first letter of the prefix :: prefix[-1:] -> prefix[:1]
            What is merged stands side by side: compare k with the last label, `prefix[-1]`.
        """,
    ),
    hints=(
        ("I do not know where to begin", "Start from an empty dictionary, and take the prefixes of the beam in turn."),
        (
            "which new prefixes are there?",
            "From each prefix: itself (the blank, or its last letter held), and itself with one more label.",
        ),
        (
            "'aa' gets a wrong number",
            "When k is the last label, the paths part: those that end in the letter hold it, and the prefix stays; "
            "those that end in the blank write it again, and the prefix grows.",
        ),
        (
            "a prefix is missing something",
            "Two prefixes may grow into the same one. Add to what is there: `grown.setdefault(prefix, [0.0, 0.0])`.",
        ),
    ),
)

# 09-2 ---------------------------------------------------------------------------------------------------------------


def prefix_search(probs, width):
    beam = {(): (1.0, 0.0)}
    for row in probs:
        grown = grow(beam, row)
        best = sorted(grown, key=lambda prefix: sum(grown[prefix]), reverse=True)
        beam = {prefix: grown[prefix] for prefix in best[:width]}
    text = max(beam, key=lambda prefix: sum(beam[prefix]))
    return text, sum(beam[text])


SEARCH = Exercise(
    key="09-2",
    title="the whole search",
    solution=prefix_search,
    cases=[
        (np.array([[0.6, 0.4], [0.6, 0.4]]), 10),
        (np.array([[0.2, 0.8], [0.9, 0.1], [0.1, 0.9]]), 10),
        (_random_probs(4, 3, 5), 2),
        (_random_probs(6, 4, 7), 3),
        (_random_probs(6, 4, 8), 1),
        (_random_probs(7, 3, 9), 4),
        (np.array([[0.1, 0.0, 0.9], [0.1, 0.9, 0.0], [0.8, 0.1, 0.1]]), 4),
    ],
    show_case=lambda probs, width: f"prefix_search({probs.tolist()}, {width})",
    mistakes=mistakes(
        prefix_search,
        """
        ranks prefixes by the paths that end in the blank :: sum(grown[prefix]) -> grown[prefix][0]
        ranks all by the paths that end in the blank ::
            sum(grown[prefix]) -> grown[prefix][0] & sum(beam[prefix]) -> beam[prefix][0]
            What a prefix is worth is the sum of its two numbers.
        ranks prefixes by the paths that end in the letter :: sum(grown[prefix]) -> grown[prefix][1]
            What a prefix is worth is the sum of its two numbers.
        picks the text by the paths that end in the letter :: sum(beam[prefix]) -> beam[prefix][1]
        picks the text by the paths that end in the blank :: sum(beam[prefix]) -> beam[prefix][0]
            A path may end in either: at the end, too, the two numbers are added.
        keeps the worst prefixes :: reverse=True -> reverse=False
            `sorted` puts the smallest first, unless `reverse=True`.
        never prunes :: best[:width] -> best
            After each frame only the `width` most probable prefixes stay.
        keeps one prefix too many :: best[:width] -> best[: width + 1]
            `best[:width]` are `width` prefixes.
        takes the last prefix in the order of labels :: max(beam, key=lambda prefix: sum(beam[prefix])) -> max(beam)
            `max` of a dictionary compares its keys. Give it a key: the sum of a prefix's two numbers.
        takes the longest prefix :: max(beam, key=lambda prefix: sum(beam[prefix])) -> max(beam, key=len)
            The most probable prefix is wanted, however long it is.
        returns one of the two numbers :: return text, sum(beam[text]) -> return text, beam[text][0]
        :: return text, sum(beam[text]) -> return text, beam[text][1]
            The probability of the text is the sum of the two: its paths end in the blank or in the letter.
        returns the text alone :: return text, sum(beam[text]) -> return text
            Two things are asked for: the text and its probability.
        writes the text backwards :: return text -> return text[::-1]
            A prefix begins with its first label: it is the text as it stands.
        merges equal labels of the text :: return text -> return collapse(text)
            B is done with: the search has merged what was to be merged, and a double letter in the text is one.
        starts with both numbers 1 :: (1.0, 0.0) -> (1.0, 1.0)
            Before the first frame there is one path, of no steps, with the probability 1. Count it once: as one that
            ends in the blank.
        returns the logarithm :: return text, sum(beam[text]) -> return text, np.log(sum(beam[text]))
            The probability itself is asked for.
        """,
        collapse=collapse,
    ),
    hints=(
        ("what is in the beam at first?", "The empty prefix `()`, with its one path counted as ending in the blank."),
        ("which prefixes stay?", "Sort by the sum of the two numbers, the largest first, and take `width` of them."),
        ("the numbers are right, and no text comes out", "Return two things: the prefix, and the sum of its numbers."),
    ),
)

# 09-3 ---------------------------------------------------------------------------------------------------------------


def near(tree, text, most):
    found, compared, waiting = [], 0, [tree]
    while waiting:
        word, children = waiting.pop()
        d = Levenshtein.distance(text, word)
        compared += 1
        if d <= most:
            found.append(word)
        for edge, child in children.items():
            if d - most <= edge <= d + most:
                waiting.append(child)
    return sorted(found), compared


def plant(words):
    """A BK-tree: each node a word, and its children by their distance from it."""
    tree = words[0], {}
    for word in words[1:]:
        node = tree
        while (d := Levenshtein.distance(word, node[0])) in node[1]:
            node = node[1][d]
        node[1][d] = word, {}
    return tree


SIGNS = [
    "open",
    "closed",
    "sale",
    "exit",
    "entry",
    "taxi",
    "bakery",
    "parking",
    "hotel",
    "hostel",
    "motel",
    "hospital",
    "station",
    "nation",
    "notion",
    "motion",
]
TREE = plant(SIGNS)

NEAR = Exercise(
    key="09-3",
    title="near words in a BK-tree",
    solution=near,
    cases=[
        (TREE, text, most)
        for text, most in (("sale", 0), ("hotel", 1), ("motion", 1), ("sole", 2), ("x", 3), ("hote", 2))
    ],
    show_case=lambda tree, text, most: f"With the tree of {len(SIGNS)} words on signs, near(tree, {text!r}, {most})",
    mistakes=mistakes(
        near,
        """
        looks at all words :: if d - most <= edge <= d + most -> if True
            The words found are right, and every word was compared. The triangle inequality says which children can hold
            near words: those at a distance of d - most to d + most.
        has no lower bound :: d - most <= edge <= d + most -> edge <= d + most
            A child can be too close to its parent as well: `d - most <= edge`.
        has no upper bound :: d - most <= edge <= d + most -> d - most <= edge
            A child can be too far from its parent as well: `edge <= d + most`.
        follows only children at the distance of the text :: d - most <= edge <= d + most -> edge == d
            A word at most `most` edits from the text may be `most` edits nearer to the node, or farther.
        follows only children within reach of the node :: d - most <= edge <= d + most -> edge <= most
            The child need not be near its parent, but near the text, and that is d away from the parent.
        leaves out the bounds themselves :: d - most <= edge <= d + most -> d - most < edge < d + most
            Both bounds can be reached: `<=`.
        leaves out words exactly that far away :: d <= most -> d < most
            "At most" includes it: `d <= most`.
        goes on below near words only ::
            for edge, child in children.items(): -> for edge, child in children.items() if d <= most else ():
            A word that is far from the text may have children that are near it.
        stops below near words ::
            for edge, child in children.items(): -> for edge, child in children.items() if d > most else ():
            A word that is near the text may have children that are near it, too.
        does not count the root :: found, compared, waiting = [], 0, [tree] -> found, compared, waiting = [], -1, [tree]
            The first word of the tree is compared like any other.
        counts the words it has found :: return sorted(found), compared -> return sorted(found), len(found)
            Count each call of `Levenshtein.distance`, also where the word is too far away.
        does not sort :: return sorted(found), compared -> return found, compared
        :: return sorted(found), compared -> return found, compared & waiting.pop() -> waiting.pop(0)
            The words are asked for in alphabetical order: `sorted(found)`.
        """,
    ),
    hints=(
        (
            "I do not know where to begin",
            "Keep a list of nodes to look at. It begins as `[tree]`; take one, compare it.",
        ),
        (
            "which children can be left out?",
            "Going from the text to the child, and from there to the node, is no shorter than going straight: "
            "d <= most + edge. And from the node to the child by way of the text: edge <= d + most.",
        ),
        ("what is counted?", "Every word whose distance from the text was computed, found or not."),
    ),
)

# 09-4 ---------------------------------------------------------------------------------------------------------------


def p_next(counts, context, sign, C):
    shorter = p_next(counts, context[1:], sign, C) if context else 1 / C
    if context not in counts:
        return shorter
    n, u = sum(counts[context].values()), len(counts[context])
    return (counts[context][sign] + u * shorter) / (n + u)


def count_signs(words, order):
    """After each context, how often each sign followed; a dot stands before the beginning and for the end."""
    counts = defaultdict(Counter)
    for word in words:
        word = f".{word}."
        for i in range(1, len(word)):
            for length in range(min(order - 1, i) + 1):
                counts[word[i - length : i]][word[i]] += 1
    return dict(counts)


COUNTS = count_signs(["banana", "bandana", "ban", "nab"], 3)

P_NEXT = Exercise(
    key="09-4",
    title="the probability of the next letter",
    solution=p_next,
    cases=[
        (COUNTS, context, sign, 5)
        for context, sign in (
            ("", "a"),
            ("", "x"),
            ("n", "a"),
            ("b", "a"),
            ("an", "d"),
            ("an", "x"),
            ("dd", "a"),
            (".b", "n"),
        )
    ],
    show_case=lambda counts, context, sign, C: f"p_next(counts, {context!r}, {sign!r}, {C})",
    mistakes=mistakes(
        p_next,
        """
        divides the counts and leaves it at that ::
            (counts[context][sign] + u * shorter) / (n + u) -> counts[context][sign] / n
            A sign that never followed would get the probability 0, and any text with it, too. The shorter context has u
            votes: add `u * shorter` above and u below.
        adds one to every count ::
            (counts[context][sign] + u * shorter) / (n + u) -> (counts[context][sign] + 1) / (n + C)
            That is Laplace's rule: all signs that never followed get the same. Here the shorter context decides.
        shortens the context at the wrong end :: context[1:] -> context[:-1]
            What stands right before the next sign tells most about it. Take the first sign away: `context[1:]`.
        gives the shorter context one vote :: + u * shorter) / (n + u) -> + shorter) / (n + 1)
            It has u votes, as many as there are different signs that have followed.
        counts followers where different ones are meant :: len(counts[context]) -> sum(counts[context].values())
            u is the number of different signs: `len(counts[context])`.
        does not divide by the votes of the shorter context :: (n + u) -> n
            There are n + u votes in all, and the probabilities of all signs must sum to 1.
        trusts the empty context alone :: if context else 1 / C -> if context else 0.0
            Below the empty context stands the last resort: all C signs alike, 1 / C.
        gives 0 after a context that was never seen :: return shorter -> return 0.0
            What was never seen knows nothing: then the shorter context has all the votes.
        """,
    ),
    hints=(
        (
            "I do not know where to begin",
            "Ask for the probability after the shorter context first: the function calls itself.",
        ),
        ("where does it end?", "At the empty context the shorter probability is 1 / C: all signs alike."),
        (
            "what if the context was never seen?",
            "Then n and u are 0. Return the probability after the shorter context.",
        ),
    ),
)

# 09-5 ---------------------------------------------------------------------------------------------------------------


def align(probs, rows):
    T, L = len(probs), len(rows)
    best, came_from = np.zeros((T, L)), np.zeros((T, L), dtype=int)
    best[0, :2] = probs[0, rows[:2]]
    for t in range(1, T):
        for s in range(L):
            before = sorted(predecessors(rows, s))
            q = max(before, key=lambda q: best[t - 1, q])
            best[t, s] = best[t - 1, q] * probs[t, rows[s]]
            came_from[t, s] = q
    path = [max(range(L)[-2:], key=lambda s: best[-1, s])]
    for t in range(T - 1, 0, -1):
        path.append(came_from[t, path[-1]])
    return path[::-1]


def _strict(before, best, t):
    """How a well-known library chose among three ways (pytorch/audio, issue 4221): by strict comparisons alone."""
    x = [best[t - 1, q] for q in before[::-1]]  # stay, step, skip
    if len(x) == 3 and x[2] > x[1] and x[2] > x[0]:
        return before[0]
    if len(x) > 1 and x[1] > x[0] and (len(x) < 3 or x[1] > x[2]):
        return before[-2]
    return before[-1]


def _row_by_row(probs, rows):
    """The best cell of each column of alpha, as if they were a path."""
    alpha = np.exp(forward_backward(np.log(probs), rows[1::2]).alpha)
    return alpha.argmax(axis=1).tolist()


TIE = np.array([[0.4, 0.4, 0.2], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
GRID = np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2], [1, 2, 1], [2, 1, 1], [1, 1, 2]]) / 4  # whole numbers tie often

ALIGN = Exercise(
    key="09-5",
    title="the best path through the lattice",
    solution=align,
    cases=[
        (np.array([[0.6, 0.4], [0.3, 0.7]]), extend((1,))),
        (_random_probs(4, 3, 11), extend((1, 2))),
        (_random_probs(5, 3, 12), extend((1, 1))),
        (_random_probs(6, 3, 13), extend((2, 1))),
        (_random_probs(3, 3, 14), extend(())),
        (TIE, extend((2, 1))),
        (GRID, extend((1, 2))),
        (GRID[::-1].copy(), extend((2, 1, 2))),
        (GRID, extend((2, 2))),
        (np.full((2, 2), 0.5), extend((1,))),
    ],
    show_case=lambda probs, rows: f"align({short(probs)}, {rows.tolist()})",
    mistakes=mistakes(
        align,
        """
        adds the ways where the best one counts ::
            best[t - 1, q] * probs[t, rows[s]] -> sum(best[t - 1, before]) * probs[t, rows[s]]
            The sum over all ways is alpha. Here only the best way goes on.
        begins in any row :: best[0, :2] = probs[0, rows[:2]] -> best[0] = probs[0, rows]
            A path begins with the blank or with the first label: rows 0 and 1.
        begins with the blank only :: best[0, :2] = probs[0, rows[:2]] -> best[0, 0] = probs[0, 0]
            A path may begin with the first label, too: row 1.
        ends in the last row only :: range(L)[-2:] -> range(L)[-1:]
            A path may end in the last label or in the blank after it: the last two rows.
        ends in any row :: range(L)[-2:] -> range(L)
            A path that ends earlier has not spelled the text: only the last two rows count.
        takes the best row of each step :: = row_by_row
            The best cell of each column may not lie on one path. Remember where each cell came from, and go back from
            the end.
        returns the path from its end :: return path[::-1] -> return path
            Going back gives the last step first: turn it around.
        takes the highest of equal rows :: sorted(predecessors(rows, s)) -> predecessors(rows, s)
            `max` takes the first of equal ones: let the lowest row stand first.
        takes the later of equal ends :: range(L)[-2:] -> range(L)[-2:][::-1]
            Where the last two rows are equally good, the one with the smaller s counts, at the end as on the way.
        compares strictly where rows tie :: max(before, key=lambda q: best[t - 1, q]) -> strict(before, best, t)
            Where two ways tie and both beat the third, the third was taken: each of the two failed to be larger than
            the other. (torchaudio's forced_align did this.)
        takes the row for the class :: probs[t, rows[s]] -> probs[t, s % len(probs[t])]
            Row s of the lattice holds the class `rows[s]`.
        leaves out the probability of the step before ::
            best[t, s] = best[t - 1, q] * probs[t, rows[s]] -> best[t, s] = probs[t, rows[s]]
            A path is as probable as all of its steps together: multiply by `best[t - 1, q]`.
        """,
        strict=_strict,
        row_by_row=_row_by_row,
    ),
    hints=(
        (
            "how does this differ from alpha?",
            "alpha adds up what comes from the rows before. Take the largest instead.",
        ),
        ("and the path?", "Remember for each cell which row was the best to come from, then walk back from the end."),
        ("where does it end?", "In one of the last two rows, the better of them: `range(L)[-2:]`."),
        (
            "the path is right, but not on ties",
            "Look at the rows before in order, the lowest first; `max` takes the first.",
        ),
    ),
)

EXERCISES = (GROW, SEARCH, NEAR, P_NEXT, ALIGN)
