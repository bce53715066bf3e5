"""Exercises of lesson 05, Alignments."""

from __future__ import annotations

import math
import re
from itertools import groupby, pairwise, product

import numpy as np

from crnn_lessons.ctc import alignments, collapse
from crnn_lessons.exercises import Exercise, Mistake, mistakes
from crnn_lessons.exercises.compare import holds_text, short

# 05-1 ---------------------------------------------------------------------------------------------------------------


def collapse_text(path):
    merged = [sign for sign, run in groupby(path)]
    return "".join(sign for sign in merged if sign != "-")


COLLAPSE_TEXT = Exercise(
    key="05-1",
    title="write B: merge runs, then drop blanks",
    solution=collapse_text,
    part="the map B",
    mistakes=mistakes(
        collapse_text,
        r"""
        drops the blanks before it merges :: groupby(path) -> groupby(path.replace("-", ""))
            Once the blank between two equal letters is gone, nothing keeps them apart. Compare each sign with its left
            neighbour in the path, blank or not.
        merges runs and keeps the blanks :: if sign != "-" ->
            The second half of B is missing: take out every '-'.
        drops the blanks and merges nothing :: in merged -> in path
            The first half of B is missing: a run such as 'hh' is one letter, held for two steps.
        loses the letter of the first step ::
            [sign for sign, run in groupby(path)] -> [b for a, b in pairwise(path) if b != a]
            The first sign has no left neighbour, so a test of 'differs from the previous sign' never looks at it.
        compares the first sign with the last ::
            [sign for sign, run in groupby(path)] -> [path[i] for i in range(len(path)) if path[i] != path[i - 1]]
            At i = 0, `path[i - 1]` is `path[-1]`, the last sign. The first sign has no left neighbour.
        keeps each letter once in the whole path :: in merged -> in dict.fromkeys(path)
            Merge only neighbours: in 'abab' nothing is merged.
        merges pairs, and so leaves two of a run of three ::
            [sign for sign, run in groupby(path)] -> re.sub(r"(.)\1", r"\1", path)
            A run may be of any length: 'aaa' is one letter. Compare each sign with the one before, or take whole runs.
        drops the letter of each sign that the next one repeats, blank or not ::
            [sign for sign, run in groupby(path)] -> [a for a, b in pairwise(path) if a != b]
            The last sign has no right neighbour, so a test of 'differs from the sign after' never looks at it.
        writes capitals small :: groupby(path) -> groupby(path.lower())
            A capital is another letter: B changes no sign, it only leaves some out.
        drops every sign but the letters a to z :: sign != "-" -> "a" <= sign <= "z"
        :: groupby(path) -> groupby(path.lower()) & sign != "-" -> "a" <= sign <= "z"
        drops the spaces :: sign != "-" -> sign not in "- "
            Any sign may stand in a text: capitals, digits, a space. Only '-' is dropped.
        drops blanks at the ends alone :: "".join(sign for sign in merged if sign != "-") -> "".join(merged).strip("-")
            `strip` stops at the first letter. The blanks inside must go, too.
        returns within the loop :: groupby(path)] -> groupby(path)][:1]
            The `return` stands inside the loop, which ends at the first sign. Move it to the left, under `for`.
        asks for the first sign of an empty path ::
            [sign for sign, run in groupby(path)] -> [path[0], *(b for a, b in pairwise(path) if b != a)]
            `path[0]` of an empty path does not exist. Begin with a sign that no path has, such as `before = None`.
        """,
        re=re,
    ),
    cases=[
        (path,)
        for path in (
            "hh-e-ll-lo",
            "aab",
            "-a-",
            "a-a",
            "aa",
            "--",
            "ab-",
            "",
            "abab",
            "bookk-k",
            "aaa",
            "aaaab",
            "a---a",
            "Aa-a",
            "1-00-0",
            "ab  -c",
        )
    ],
    large=[("hhhh-eeeee-l-l--oooo",)],
    show_case=lambda path: f"collapse_text({path!r})",
    hints=(
        ("I do not know where to begin", "Walk along the path with a variable that holds the previous sign."),
        ("'hello' comes out as 'helo'", "The previous sign may be a blank. Remember it too: `before = sign`, always."),
        ("nearly there", "Keep a sign if it differs from the previous sign, and is not `'-'`."),
    ),
)

# 05-2 ---------------------------------------------------------------------------------------------------------------

LEAST_STEPS = Exercise(
    key="05-2",
    title="the least number of steps for 'bookkeeper'",
    solution=13,
    mistakes=mistakes(
        13,
        """
        counts the letters alone :: = 10
            Three pairs of equal letters need something between them.
        sees two of the three pairs :: = 10 + 2
        sees one of the three pairs :: = 10 + 1
            Read the word once more, letter by letter: oo, kk, ee. Three pairs.
        puts a blank between all letters :: = 10 + 9
            Different letters may stand side by side.
        puts a blank around all letters :: = 10 + 11
            Blanks at the ends and between different letters may go.
        counts equal letters that are not neighbours :: = 10 + 4
            Three e's, but between the second and the third stands a p: only neighbours need a blank between them.
        counts the forced blanks alone :: = 3
            The letters take a step each, too.
        merges the pairs :: = 7
            Those are the letters after merging. B must give all ten, so each pair takes two steps and one between.
        gives each of the six letters in pairs a blank :: = 10 + 6
            One blank parts two letters: count the pairs.
        """,
    ),
    hints=(
        ("what is forced?", "Every letter takes a step. Which blanks can you not leave out?"),
        ("which pairs?", "Look for equal neighbours: oo, kk, ee."),
    ),
    source="answer = 10 + 3  # S letters, and a blank within each of oo, kk, ee",
)

# 05-3 ---------------------------------------------------------------------------------------------------------------


def count_paths(T, target):
    S = len(target)
    r = sum(a == b for a, b in pairwise(target))
    return math.comb(T + S - r, 2 * S)


COUNT_PATHS = Exercise(
    key="05-3",
    title="count the alignments with the formula",
    solution=count_paths,
    mistakes=mistakes(
        count_paths,
        """
        forgets the repeats :: - r ->
            Each pair of equal neighbours forces one blank, which takes a step out of the free ones: r.
        lets each label have one step only :: T + S - r, 2 * S -> max(T - r, 0), S
            Labels may be held as blanks may: the free steps go into 2S + 1 runs, not into the S + 1 of blanks.
        counts equal letters that are not neighbours as repeats ::
            sum(a == b for a, b in pairwise(target)) -> S - len(set(target))
            In 'aba' the two a's are kept apart by the b; r counts neighbours.
        counts a run of equal labels once ::
            sum(a == b for a, b in pairwise(target)) -> sum(len(list(run)) > 1 for _, run in groupby(target))
            In 'aaa' there are two pairs of neighbours, and two blanks are forced: r counts pairs.
        compares the first letter with the last ::
            sum(a == b for a, b in pairwise(target)) -> sum(target[i] == target[i - 1] for i in range(S))
            At i = 0, `target[i - 1]` is the last letter. Begin at i = 1, or take `zip(target, target[1:])`.
        compares the last letter with one behind it ::
            sum(a == b for a, b in pairwise(target)) -> sum(target[i] == target[i + 1] for i in range(S))
            At the last i there is no `target[i + 1]`. Stop one earlier, or take `zip(target, target[1:])`.
        leaves out the bars, or some of them, among the places :: T + S - r -> T - S - r
        :: T + S - r -> max(T - S - r, 0)
        :: T + S - r -> T - r
        :: T + S - r -> max(T - r, 0)
            The T - S - r stars and the 2S bars stand in one row: together they take T + S - r places.
        gives a float :: return math -> return 1.0 * math
            A float has some 16 digits, and the last case has 26: stay with whole numbers, and with // where you divide.
        adds the repeats where they should be taken away :: - r -> + r
            A forced blank leaves fewer choices, not more.
        chooses S places, not 2S :: 2 * S -> S
            2S + 1 runs have 2S borders between them.
        chooses 2S + 1 places :: 2 * S -> 2 * S + 1
        :: T + S - r, 2 * S -> T + S - r + 1, 2 * S + 1
            2S + 1 runs have 2S borders between them, and each bar is a border.
        hands over to comb in the wrong order :: T + S - r, 2 * S -> 2 * S, T + S - r
            `math.comb(n, k)` chooses k of n: the places come first, the bars second.
        gives 0 where there are no steps :: return -> return 0 if T < 1 else
            The empty path spells the empty text: with no steps there is one alignment of ''.
        chooses the places for the free steps :: 2 * S -> T - S - r
            That is the same number as long as there are free steps. Where T is below S + r there are fewer than none,
            and `math.comb` refuses; the 2S places for bars work there, too. (If you raise the error yourself: a text
            that does not fit has 0 alignments, and that is no error.)
        """,
    ),
    cases=[
        (3, "a"),
        (4, "ab"),
        (3, "aa"),
        (2, "aa"),
        (5, "abb"),
        (5, "aba"),
        (4, ""),
        (0, ""),
        (7, "aab"),
        (6, "abc"),
        (7, "aaa"),
        (8, "aabbb"),
    ],
    large=[(26, "reading!"), (100, "hello"), (200, "committee")],  # nobody lists these, and no float holds the last
    hints=(
        ("which function?", "`math.comb(n, k)` counts the ways to choose k of n, and is 0 where k > n."),
        ("how do I get r?", "`zip(target, target[1:])` gives all pairs of neighbours."),
    ),
)

# 05-4 ---------------------------------------------------------------------------------------------------------------


def _random_probs(T, C, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(C), T).round(3)


def text_probability(probs, target):
    total = 0.0
    for path in alignments(len(probs), target):
        product = 1.0
        for t, k in enumerate(path):
            product *= probs[t, k]
        total += product
    return total


def _max_of_a_list(probs, target):
    return max(math.prod(probs[t, k] for t, k in enumerate(path)) for path in alignments(len(probs), target))


def _adds_too_often(probs, target):
    total = 0.0
    for path in alignments(len(probs), target):
        product = 1.0
        for t, k in enumerate(path):
            product *= probs[t, k]
            total += product
    return total


def _adds_the_last_alone(probs, target):
    total = 0.0
    for path in alignments(len(probs), target):
        product = 1.0
        for t, k in enumerate(path):
            product *= probs[t, k]
    total += product
    return total


TEXT_PROBABILITY = Exercise(
    key="05-4",
    title="p(Y | X) by enumeration",
    solution=text_probability,
    mistakes=mistakes(
        text_probability,
        """
        takes the best alignment alone :: total += product -> total = max(total, product)
        :: = _max_of_a_list
            All alignments spell the text, so their probabilities are added.
        keeps the last path alone :: total += product -> total = product
        :: = _adds_the_last_alone
            Each path adds to those before: `total += product`.
        begins the product with 0 :: product = 1.0 -> product = 0.0
            0 times anything is 0. A sum begins with 0, a product with 1.
        keeps the last step of a path alone :: *= -> =
            Each step multiplies what was there: `product *= probs[t, k]`.
        leaves out the first step of each path :: in enumerate(path) -> in list(enumerate(path))[1:]
        leaves out the last step of each path :: in enumerate(path) -> in list(enumerate(path))[:-1]
            A path has T steps, t = 0 to T - 1, and pays for each of them.
        returns after the first step :: *= probs[t, k] -> *= probs[t, k]; return product
        :: *= probs[t, k] -> *= probs[t, k]; return product & return total ->
            The `return` stands inside both loops. Move it to the left, under `for path`.
        takes the target for a path :: = lambda probs, target: math.prod(probs[t, k] for t, k in enumerate(target))
        :: alignments(len(probs), target) -> alignments(len(target), target)
            The target has S labels, a path has T steps. `alignments(len(probs), target)` lists the paths.
        adds the logarithms of the paths :: total += product -> total += math.log(product)
            The logarithm of a sum is not the sum of the logarithms. Add the probabilities; no logarithm is asked for.
        gives a list, one number a path ::
            = lambda probs, target: [probs[range(len(p)), p].prod() for p in alignments(len(probs), target)]
            These are the probabilities of the alignments: add them up.
        returns after the first path :: total += product -> total += product; return total
        :: total += product -> return product & return total ->
            The `return` stands inside the loop over the paths. Move it to the left, under `for path`.
        begins the sum with 1 :: total = 0.0 -> total = 1.0
            A sum begins with 0, a product with 1.
        adds after every step of a path :: = _adds_too_often
            A path counts once, when its product is complete: add below the inner loop, not in it.
        puts the class before the step :: probs[t, k] -> probs[k, t]
            Time comes first: `probs[t, k]`.
        knows three classes only ::
            in alignments(len(probs), target) -> in (p for p in alignments(len(probs), target) if max(p) < 3)
            C may be any number: `probs.shape[1]` of them, or let `alignments` list the paths.
        returns the loss :: return total -> return -math.log(total)
        :: return total -> return -np.log(total)
        gives ln p :: return total -> return math.log(total)
        :: return total -> return np.log(total)
            The probability itself is asked for, without the logarithm.
        begins the product once for all paths :: total = 0.0 -> total, product = 0.0, 1.0 & product = 1.0 ->
            Each path has a product of its own: begin it with 1.0 inside the loop over the paths.
        takes the mean over the alignments ::
            return total -> return total / max(1, len(list(alignments(len(probs), target))))
            The alignments exclude each other: probabilities of exclusive events are added, not averaged.
        adds the probabilities within a path :: product = 1.0 -> product = 0.0 & *= -> +=
            All steps of a path must happen, independently: their probabilities are multiplied.
        leaves the blanks out of the product :: probs[t, k] -> probs[t, k] if k != 0 else 1.0
            A blank is a class with a probability like any other.
        reads the first row at every step :: probs[t, k] -> probs[0, k]
            Step t has its own row: `probs[t, k]`.
        """,
    ),
    cases=[
        (np.array([[0.1, 0.4, 0.5], [0.1, 0.4, 0.5]]), (1,)),
        (_random_probs(3, 3, 0), (1, 2)),
        (_random_probs(4, 3, 1), (2, 2)),
        (_random_probs(5, 3, 2), (1,)),
        (_random_probs(3, 3, 3), ()),
        (_random_probs(2, 3, 4), (1, 1)),
        (_random_probs(3, 4, 5), (3,)),
    ],
    show_case=lambda probs, target: f"text_probability({np.asarray(probs).tolist()}, {target})",
    hints=(
        ("where do I get the alignments?", "`alignments(len(probs), target)` yields tuples, one class a step."),
        ("the probability of one path", "Start from 1.0 and multiply by `probs[t, k]` for `t, k in enumerate(path)`."),
        ("0.16 where 0.24 is asked", "Three paths spell 'a' in two steps. Add them all up."),
    ),
)

# 05-5 ---------------------------------------------------------------------------------------------------------------

SHAPE = "The answer is a T x 2 array, one row a time step: the probabilities of the blank and of the letter a."
AGREE = "On this matrix they agree."
DRAW = "then there is no one best path. Let one of the two be more probable at each step."
TIE = "Two texts share the first place exactly; let one of them be clearly the most probable."


def best_path_misses(probs):
    """None if best path decoding misses the most probable text of this matrix, else a sentence."""
    try:
        if holds_text(probs):
            return f"{SHAPE} Yours holds text: write numbers, without quotes."
        probs = np.asarray(probs, dtype=float)
    except (TypeError, ValueError):
        return f"{SHAPE} Yours is {short(probs)}: give each row two numbers."
    if probs.ndim != 2 or probs.shape[1] != 2 or not 1 <= len(probs) <= 10:
        return f"{SHAPE} Yours has the shape {probs.shape}; T may be 1 to 10."
    if (probs < 0).any() or not np.allclose(probs.sum(axis=1), 1):
        if np.shape(probs) == (2, 2) and np.allclose(probs.sum(axis=0), 1):
            return f"{SHAPE} In yours each column sums to 1: swap rows and columns."
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


MAKE_IT_MISS = Exercise(
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
        ("what does the best path overlook?", "A text with many alignments can win though no single one of them does."),
        ("which text has one alignment only?", "The empty one: blanks at every step. 'a' has many."),
        ("numbers", "Two steps, the blank a little more probable than a at both."),
    ),
    source="answer = [[0.6, 0.4], [0.6, 0.4]]  # '' has 0.6 * 0.6 = 0.36, 'a' has 1 - 0.36 = 0.64",
)

# 05-6 ---------------------------------------------------------------------------------------------------------------

THROUGH_ONE_CELL = Exercise(
    key="05-6",
    title="alignments through one cell",
    solution=9,
    mistakes=mistakes(
        9,
        """
        counts the beginnings alone :: = 3
            Each of them goes on to the end in several ways.
        counts at t = 1 or at t = 3, or adds beginnings and endings :: = 6
            Steps count from 0, so t = 2 is the third sign of the path. And every beginning goes with every ending:
            3 and 3 are multiplied, not added.
        counts the paths through a letter, row 1 or row 3 :: = 12
            Rows count from 0: - a - b -. Row 2 is the blank in the middle.
        lets a path go on for three steps :: = 3 * 6
            After t = 2 come t = 3 and t = 4, two steps.
        counts all alignments of the text :: = 35
            Only those which are in row 2 at t = 2.
        """,
    ),
    hints=(
        ("how do I count beginnings?", "How many ways lead to row 2 at t = 2? List the first three signs: '_ _ -'."),
        ("and then?", "How many ways lead on from there? Each beginning fits each ending."),
    ),
    source="answer = 3 * 3  # beginnings aa-, -a-, a--; endings -b, b-, bb",
)

# 05-7 ---------------------------------------------------------------------------------------------------------------


def best_path(scores):
    path = np.argmax(scores, axis=1).tolist()
    merged = [k for k, run in groupby(path)]
    return tuple(k for k in merged if k != 0)


def _scores(path, seed):
    scores = np.random.default_rng(seed).normal(size=(len(path), 4)).round(2) - 3
    scores[np.arange(len(path)), path] = 0.5 + np.arange(len(path)) % 3
    return scores


def _through_text(scores):
    text = collapse_text("".join("-" if k == 0 else str(k) for k in np.argmax(scores, axis=1)))
    return tuple(int(sign) for sign in text)


BEST_PATH = Exercise(
    key="05-7",
    title="read off the text of the best path",
    solution=best_path,
    part="the decoder",
    indices=True,
    mistakes=mistakes(
        best_path,
        """
        looks for the best step of each class :: axis=1 -> axis=0
            Time comes first: the classes of a step lie along axis 1.
        takes the least probable class :: argmax -> argmin
            The largest score wins.
        goes through a text, in which class 12 becomes 1 and 2 :: = _through_text
            A class is a number of any size. Merge and drop on the list of numbers itself.
        looks for a score above 0 :: np.argmax(scores -> np.argmax(np.where(scores > 0, scores, 0.0)
            Logarithms are negative, all of them. Begin with the first score, or with -inf, not with 0.
        takes the last of equal scores ::
            np.argmax(scores, axis=1) -> (len(scores[0]) - 1 - scores[:, ::-1].argmax(axis=1))
            Of equal scores the lowest index wins, as with `np.argmax`: replace the best only by a larger one.
        takes the blank where no class has more than a half ::
            np.argmax(scores, axis=1) -> (np.argmax(scores, axis=1) * (scores.max(axis=1) > 0.5))
            The largest score wins, however small it is.
        compares the scores without their signs :: np.argmax(scores -> np.argmax(np.abs(scores)
            Of two negative scores the one nearer to 0 is the larger: leave `abs` out.
        takes the last class for the blank :: if k != 0 -> if k != scores.shape[1] - 1
            In this course class 0 is the blank.
        compares the first step with the last ::
            [k for k, run in groupby(path)] -> [path[t] for t in range(len(path)) if path[t] != path[t - 1]]
            At t = 0, `path[t - 1]` is `path[-1]`, the last step. The first step has none before it.
        hands class indices to a rule for text ::
            = lambda scores: "".join(k for k, _ in groupby(np.argmax(scores, axis=1)) if k != "-")
            `collapse_text` of 05-1 takes strings, and its blank is '-'. Here the path is a list of numbers, and its
            blank is 0: write the rule again for them.
        makes a text of the path, and forgets that its blank is '0' ::
            = lambda scores: collapse_text("".join(str(k) for k in np.argmax(scores, axis=1)))
        :: = lambda scores: tuple(int(k) for k in collapse_text("".join(str(k) for k in np.argmax(scores, axis=1))))
            `collapse_text` drops '-', and the blank of this path is 0. Merge and drop on the numbers themselves.
        gives a string of digits ::
            return tuple(k for k in merged if k != 0) -> return "".join(str(k) for k in merged if k)
            A tuple of class indices is asked for: `(1, 2)` and not `'12'`.
        takes the largest score for its class :: np.argmax(scores, axis=1) -> np.max(scores, axis=1)
            `max` gives the score itself. Which class has it? `argmax` says.
        never takes the blank :: np.argmax(scores, axis=1) -> (np.argmax(scores[:, 1:], axis=1) + 1)
            The blank is a class like any other: where its score is the largest, the path is in the blank.
        numbers the letters from 0 :: (k for k in merged if k != 0) -> (k - 1 for k in merged if k != 0)
            Class indices are asked for, as they are: the blank is 0, so the letters begin at 1.
        rounds the scores before it compares them :: np.argmax(scores -> np.argmax(scores.round(1)
        :: np.argmax(scores -> np.argmax(scores.round(2)
        :: np.argmax(scores -> np.argmax(scores.round(3)
        :: np.argmax(scores -> np.argmax(scores.round()
        :: np.argmax(scores -> np.argmax(scores.astype(int)
            Two scores may be very close, and the larger one wins all the same.
        returns within the loop :: (k for k in merged if k != 0) -> ([k for k in merged if k != 0][:1])
            The `return` stands inside the loop, which ends at the first letter. Move it to the left, under `for`.
        drops a letter that the next step repeats ::
            [k for k, run in groupby(path)] -> [a for a, b in pairwise(path) if a != b]
            The last step has no step after it, so a test of 'differs from the step after' never looks at it.
        takes the largest of the whole table :: np.argmax(scores, axis=1) -> np.argmax(scores)
            Without `axis=1` NumPy looks for one largest number in all steps.
        returns the path as it is :: (k for k in merged if k != 0) -> (path)
            Apply B to the path: merge runs, then drop the blanks.
        drops the blanks before it merges :: groupby(path) -> groupby([k for k in path if k != 0])
            Two equal letters with a blank between them would become one. Merge first.
        merges runs and keeps the blanks :: (k for k in merged if k != 0) -> (merged)
            Class 0 is the blank: drop it after merging.
        drops the blanks and merges nothing :: in merged -> in path
            A class held for several steps is one letter: merge runs before you drop the blanks.
        loses the letter of the first step ::
            [k for k, run in groupby(path)] -> [b for a, b in pairwise(path) if b != a]
            The first step has no step before it. A reader with this mistake loses the first letter whenever the picture
            begins with it.
        gives each letter once :: in merged -> in dict.fromkeys(merged)
            Merge neighbours alone: a letter may come back.
        """,
    ),
    cases=[
        (_scores(path, seed),)
        for seed, path in enumerate(
            ([0, 1, 1, 0, 2], [1, 1, 0, 1], [3, 2, 3], [0, 0], [2], [1, 0, 1, 0, 1, 1], [3, 3, 0, 3, 2, 2])
        )
    ]
    + [
        (_scores([1, 0, 2, 2], 7) - 9,),  # all negative, as logarithms are
        (np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]]),),  # of equal ones, the lowest
        (np.array([[0.33333, 0.33334, 0.33333], [0.33334, 0.33333, 0.33333], [0.33333, 0.33333, 0.33334]]),),  # close
        (np.eye(40)[[12, 0, 35, 35]],),
    ],
    show_case=lambda scores: f"best_path(scores), with the best class at each step {scores.argmax(axis=1).tolist()},",
    hints=(
        ("where is the largest?", "`np.argmax(scores, axis=1)` gives one class index a step."),
        ("that is a path", "Your rule of 05-1 turns a path into a text; here the blank is 0 and not '-'."),
        ("numbers of NumPy's type?", "`.tolist()` makes plain integers of them, and `tuple(...)` the answer."),
    ),
)

EXERCISES = (
    COLLAPSE_TEXT,
    LEAST_STEPS,
    COUNT_PATHS,
    TEXT_PROBABILITY,
    MAKE_IT_MISS,
    THROUGH_ONE_CELL,
    BEST_PATH,
)
