"""Exercises of lesson 05, Alignments."""

from __future__ import annotations

import math
from itertools import groupby, pairwise, product

import numpy as np

from crnn_lessons.ctc import alignments, best_path, collapse
from crnn_lessons.exercises import Exercise, Mistake

# 05-1 ---------------------------------------------------------------------------------------------------------------


def collapse_text(path):
    merged = [sign for sign, run in groupby(path)]
    return "".join(sign for sign in merged if sign != "-")


def _drop_then_merge(path):
    return "".join(sign for sign, run in groupby(path.replace("-", "")))


def _lose_first(path):
    return "".join(b for a, b in pairwise(path) if b != a and b != "-")


def _wrap_around(path):
    return "".join(path[i] for i in range(len(path)) if path[i] != path[i - 1] and path[i] != "-")


def _each_letter_once(path):
    return "".join(dict.fromkeys(path.replace("-", "")))


# 05-3 ---------------------------------------------------------------------------------------------------------------


def count_paths(T, target):
    S = len(target)
    r = sum(a == b for a, b in pairwise(target))
    return math.comb(T + S - r, 2 * S)


def _one_step_a_label(T, target):
    r = sum(a == b for a, b in pairwise(target))
    return math.comb(max(T - r, 0), len(target))


def _runs_for_repeats(T, target):
    runs = sum(len(list(run)) > 1 for _, run in groupby(target))
    return math.comb(T + len(target) - runs, 2 * len(target))


def _equal_anywhere(T, target):
    return math.comb(max(T + len(set(target)), 0), 2 * len(target))


# 05-4 ---------------------------------------------------------------------------------------------------------------


def text_probability(probs, target):
    total = 0.0
    for path in alignments(len(probs), target):
        product = 1.0
        for t, k in enumerate(path):
            product *= probs[t, k]
        total += product
    return total


def _products(probs, target):
    steps = np.arange(len(probs))
    return [probs[steps, list(path)].prod() for path in alignments(len(probs), target)]


def _sum_of_sums(probs, target):
    steps = np.arange(len(probs))
    return sum(probs[steps, list(path)].sum() for path in alignments(len(probs), target))


def _without_blanks(probs, target):
    return sum(math.prod(probs[t, k] for t, k in enumerate(path) if k != 0) for path in alignments(len(probs), target))


def _first_row_only(probs, target):
    return sum(math.prod(probs[0, k] for k in path) for path in alignments(len(probs), target))


def _random_probs(T, C, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(C), T).round(3)


# 05-5 ---------------------------------------------------------------------------------------------------------------

SHAPE = "The answer is a T x 2 array, one row a time step: the probabilities of the blank and of the letter a."
AGREE = "On this matrix they agree."
DRAW = "then there is no one best path. Let one of the two be more probable at each step."
TIE = "Two texts share the first place exactly; let one of them be clearly the most probable."


def best_path_misses(probs):
    """None if best path decoding misses the most probable text of this matrix, else a sentence."""
    probs = np.asarray(probs, dtype=float)
    if probs.ndim != 2 or probs.shape[1] != 2 or not 1 <= len(probs) <= 10:
        return f"{SHAPE} Yours has the shape {probs.shape}; T may be 1 to 10."
    if (probs < 0).any() or not np.allclose(probs.sum(axis=1), 1):
        bad = int(np.argmax((probs < 0).any(axis=1) | ~np.isclose(probs.sum(axis=1), 1)))
        return f"Row {bad} is {probs[bad].tolist()}: probabilities are 0 or more, and each row sums to 1."
    totals = {}
    for path in product(range(2), repeat=len(probs)):
        text = collapse(path)
        totals[text] = totals.get(text, 0.0) + float(np.prod(probs[np.arange(len(probs)), path]))
    ranked = sorted(totals, key=totals.get, reverse=True)
    greedy, best = best_path(probs), ranked[0]
    if (probs[:, 0] == probs[:, 1]).any():
        return f"Row {int(np.argmax(probs[:, 0] == probs[:, 1]))} is a draw: {DRAW}"
    if len(ranked) > 1 and math.isclose(totals[best], totals[ranked[1]], rel_tol=1e-9):
        return TIE

    def say(text):
        return f"'{'a' * len(text)}' ({totals[text]:.3f})"

    if greedy == best:
        return f"{AGREE} The best path spells {say(greedy)}, and no text has more; the next best is {say(ranked[1])}."
    return None


EXERCISES = (
    Exercise(
        key="05-1",
        title="write B: merge runs, then drop blanks",
        solution=collapse_text,
        cases=[(p,) for p in ("hh-e-ll-lo", "aab", "-a-", "a-a", "aa", "--", "ab-", "", "abab", "bookk-k")],
        show_case=lambda path: f"collapse_text({path!r})",
        mistakes=(
            Mistake(
                "drops the blanks before it merges",
                _drop_then_merge,
                "Once the blank between two equal letters is gone, nothing keeps them apart. Compare each sign with "
                "its left neighbour in the path, blank or not.",
            ),
            Mistake(
                "merges runs and keeps the blanks",
                lambda path: "".join(sign for sign, run in groupby(path)),
                "The second half of B is missing: take out every '-'.",
            ),
            Mistake(
                "drops the blanks and merges nothing",
                lambda path: path.replace("-", ""),
                "The first half of B is missing: a run such as 'hh' is one letter, held for two steps.",
            ),
            Mistake(
                "loses the letter of the first step",
                _lose_first,
                "The first sign has no left neighbour, so a test of 'differs from the sign before' never looks at it.",
            ),
            Mistake(
                "compares the first sign with the last",
                _wrap_around,
                "At i = 0, `path[i - 1]` is `path[-1]`, the last sign. The first sign has no left neighbour.",
            ),
            Mistake(
                "keeps each letter once in the whole path",
                _each_letter_once,
                "Merge only neighbours: in 'abab' nothing is merged.",
            ),
        ),
        hints=(
            (
                "I do not know where to begin",
                "Walk along the path with a variable that holds the sign before this one.",
            ),
            (
                "'hello' comes out as 'helo'",
                "The sign before may be a blank. Remember it too: `before = sign`, always.",
            ),
            ("nearly there", "Keep a sign if it differs from the sign before, and is not `'-'`."),
        ),
    ),
    Exercise(
        key="05-2",
        title="the least number of steps for 'bookkeeper'",
        solution=13,
        mistakes=(
            Mistake("counts the letters alone", 10, "Three pairs of equal letters need something between them."),
            Mistake(
                "sees two of the three pairs", 12, "Read the word once more, letter by letter: oo, kk, ee. Three pairs."
            ),
            Mistake("puts a blank between all letters", 19, "Different letters may stand side by side."),
            Mistake("puts a blank around all letters", 21, "Blanks at the ends and between different letters may go."),
            Mistake(
                "gives each of the six letters in pairs a blank", 16, "One blank parts two letters: count the pairs."
            ),
        ),
        hints=(
            ("what is forced?", "Every letter takes a step. Which blanks can you not leave out?"),
            ("which pairs?", "Look for equal neighbours: oo, kk, ee."),
        ),
        source="answer = 10 + 3  # S letters, and a blank within each of oo, kk, ee",
    ),
    Exercise(
        key="05-3",
        title="count the alignments with the formula",
        solution=count_paths,
        cases=[
            (3, "a"),
            (4, "ab"),
            (3, "aa"),
            (2, "aa"),
            (5, "abb"),
            (5, "aba"),
            (4, ""),
            (7, "aab"),
            (6, "abc"),
            (7, "aaa"),
            (8, "aabbb"),
        ],
        mistakes=(
            Mistake(
                "forgets the repeats",
                lambda T, target: math.comb(T + len(target), 2 * len(target)),
                "Each pair of equal neighbours forces one blank, which takes a step out of the free ones: r.",
            ),
            Mistake(
                "lets each label have one step only",
                _one_step_a_label,
                "Labels may be held as blanks may: the free steps go into 2S + 1 runs, not into the S + 1 of blanks.",
            ),
            Mistake(
                "counts equal letters that are not neighbours as repeats",
                _equal_anywhere,
                "In 'aba' the two a's are kept apart by the b; r counts neighbours.",
            ),
            Mistake(
                "counts a run of equal labels once",
                _runs_for_repeats,
                "In 'aaa' there are two pairs of neighbours, and two blanks are forced: r counts pairs.",
            ),
            Mistake(
                "adds the repeats where they should be taken away",
                lambda T, target: math.comb(
                    T + len(target) + sum(a == b for a, b in pairwise(target)), 2 * len(target)
                ),
                "A forced blank leaves fewer choices, not more.",
            ),
            Mistake(
                "chooses S places, not 2S",
                lambda T, target: math.comb(T + len(target) - sum(a == b for a, b in pairwise(target)), len(target)),
                "2S + 1 runs have 2S borders between them.",
            ),
        ),
        hints=(
            ("which function?", "`math.comb(n, k)` counts the ways to choose k of n, and is 0 where k > n."),
            ("how do I get r?", "`zip(target, target[1:])` gives all pairs of neighbours."),
        ),
    ),
    Exercise(
        key="05-4",
        title="p(Y | X) by enumeration",
        solution=text_probability,
        cases=[
            (np.array([[0.1, 0.4], [0.1, 0.4]]), (1,)),
            (_random_probs(3, 3, 0), (1, 2)),
            (_random_probs(4, 3, 1), (2, 2)),
            (_random_probs(5, 3, 2), (1,)),
            (_random_probs(3, 3, 3), ()),
            (_random_probs(2, 3, 4), (1, 1)),
        ],
        show_case=lambda probs, target: f"text_probability({np.asarray(probs).tolist()}, {target})",
        mistakes=(
            Mistake(
                "takes the best alignment alone",
                lambda probs, target: max(_products(probs, target), default=0.0),
                "All alignments spell the text, so their probabilities are added.",
            ),
            Mistake(
                "returns the loss",
                lambda probs, target: -math.log(text_probability(probs, target)),
                "The probability itself is asked for, without the logarithm.",
            ),
            Mistake(
                "takes the mean over the alignments",
                lambda probs, target: float(np.mean(_products(probs, target))) if _products(probs, target) else 0.0,
                "The alignments exclude each other: probabilities of exclusive events are added, not averaged.",
            ),
            Mistake(
                "adds the probabilities within a path",
                _sum_of_sums,
                "All steps of a path must happen, independently: their probabilities are multiplied.",
            ),
            Mistake(
                "leaves the blanks out of the product",
                _without_blanks,
                "A blank is a class with a probability like any other.",
            ),
            Mistake(
                "reads the first row at every step",
                _first_row_only,
                "Step t has its own row: `probs[t, k]`.",
            ),
        ),
        hints=(
            ("where do I get the alignments?", "`alignments(len(probs), target)` yields tuples, one class a step."),
            (
                "the probability of one path",
                "Start from 1.0 and multiply by `probs[t, k]` for `t, k in enumerate(path)`.",
            ),
            ("0.16 where 0.24 is asked", "Three paths spell 'a' in two steps. Add them all up."),
        ),
    ),
    Exercise(
        key="05-5",
        title="make best path decoding miss the most probable text",
        solution=np.array([[0.6, 0.4], [0.6, 0.4]]),
        verify=best_path_misses,
        mistakes=(
            Mistake("is not a T x 2 array", np.array([0.6, 0.4]), SHAPE),
            Mistake("gives both the same text", np.array([[0.4, 0.6], [0.4, 0.6]]), AGREE),
            Mistake("has a step without a winner", np.array([[0.5, 0.5], [0.5, 0.5]]), DRAW),
            Mistake("has a tie between texts", np.array([[2 / 3, 1 / 3], [0.75, 0.25]]), TIE),
        ),
        hints=(
            (
                "what does the best path overlook?",
                "A text with many alignments can win though no single one of them does.",
            ),
            ("which text has one alignment only?", "The empty one: blanks at every step. 'a' has many."),
            ("numbers", "Two steps, the blank a little more probable than a at both."),
        ),
        source="answer = [[0.6, 0.4], [0.6, 0.4]]  # '' has 0.6 * 0.6 = 0.36, 'a' has 1 - 0.36 = 0.64",
    ),
    Exercise(
        key="05-6",
        title="alignments through one cell",
        solution=9,
        mistakes=(
            Mistake("counts the beginnings alone", 3, "Each of them goes on to the end in several ways."),
            Mistake("adds beginnings and endings", 6, "Every beginning goes with every ending: multiply."),
            Mistake("counts all alignments of the text", 35, "Only those which are in row 2 at t = 2."),
        ),
        hints=(
            (
                "how do I count beginnings?",
                "How many ways lead to row 2 at t = 2? List the first three signs: '_ _ -'.",
            ),
            ("and then?", "How many ways lead on from there? Each beginning fits each ending."),
        ),
        source="answer = 3 * 3  # beginnings aa-, -a-, a--; endings -b, b-, bb",
    ),
)
