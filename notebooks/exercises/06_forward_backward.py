"""Exercises of lesson 06, Forward-backward."""

from __future__ import annotations

import math

import numpy as np

from crnn_lessons.ctc import count_alignments, extend, forward_backward, predecessors
from crnn_lessons.exercises import Exercise, mistakes
from crnn_lessons.exercises.compare import short

# Lattices on which cells are tried: no repeat, a repeat, both, and the empty target.
TARGETS = ((1, 2), (1, 1), (2, 2, 1), ())


def _lattices():
    rng = np.random.default_rng(6)
    for target in TARGETS:
        probs = rng.dirichlet(np.ones(3), size=5)  # T C
        lattice = forward_backward(np.log(probs), target)
        yield target, probs, extend(target), np.exp(lattice.alpha), np.exp(lattice.beta)


def _alpha_cases():
    """Each cell from t = 1 on, with the columns before it filled and the others zero, as in the recursion."""
    cases = []
    for _, probs, rows, alpha, _ in _lattices():
        for t in range(1, len(probs)):
            known = np.where(np.arange(len(probs))[:, None] < t, alpha, 0.0)
            cases += [(known, t, s, rows, probs) for s in range(len(rows))]
    return cases


def _beta_cases():
    cases = []
    for _, probs, rows, _, beta in _lattices():
        for t in range(len(probs) - 2, -1, -1):
            known = np.where(np.arange(len(probs))[:, None] > t, beta, 0.0)
            cases += [(known, t, s, rows, probs) for s in range(len(rows))]
    return cases


def _show_cell(name, step):
    """A case of one cell, with the numbers that it takes: those at ``t + step`` of the table, and the probabilities."""

    def show(table, t, s, rows, probs):
        signs = "".join("-ab"[k] for k in rows)
        at, emitted = t + step, max(t, t + step)
        numbers = f"{name}[{at}] = {short(table[at])} and probs[{emitted}] = {short(probs[emitted])}"
        return f"At t={t}, s={s} of the rows {signs!r}, with {numbers}, {name}_cell"

    return show


# 06-1 ---------------------------------------------------------------------------------------------------------------


def alpha_cell(alpha, t, s, rows, probs):
    total = alpha[t - 1, s]
    if s >= 1:
        total += alpha[t - 1, s - 1]
    if s >= 2 and rows[s] != 0 and rows[s] != rows[s - 2]:
        total += alpha[t - 1, s - 2]
    return total * probs[t, rows[s]]


ALPHA_CELL = Exercise(
    key="06-1",
    title="one cell of alpha",
    solution=alpha_cell,
    mistakes=mistakes(
        alpha_cell,
        """
        skips between equal labels too :: and rows[s] != rows[s - 2] ->
            From one a straight into the next a the two would merge: compare `rows[s]` with `rows[s - 2]`.
        never skips a blank :: s >= 2 -> False
            From a straight into b is allowed: the blank between different labels may be left out.
        skips from blank to blank :: rows[s] != 0 and rows[s] != rows[s - 2] -> (rows[s] == 0 or rows[s] != rows[s - 2])
            That would jump over a label, and the text would lose it: the skip is for rows with a label.
        skips always :: and rows[s] != 0 and rows[s] != rows[s - 2] ->
            Two skips lose a letter: from blank to blank, and between equal labels. Test `rows[s]` for both.
        cannot stay in its row :: total = alpha[t - 1, s] -> total = 0.0
            A sign may be held for several steps: add `alpha[t - 1, s]`.
        cannot come from the row before :: s >= 1 -> False
            Add `alpha[t - 1, s - 1]`, where there is such a row.
        reads row -1 where s = 0 :: s >= 1 -> True
            In Python row -1 is the last row. Ask for `s >= 1` first.
        reads row -1 where s = 1 :: s >= 2 and ->
        reads row -1 where s = 0 and s = 1 :: s >= 1 -> True & s >= 2 and ->
            In Python row -1 is the last row. Ask for `s >= 2` before the skip, and `s >= 1` before the step.
        leaves out the probability of the sign :: * probs[t, rows[s]] ->
            Multiply the sum by `probs[t, rows[s]]`.
        takes the probability of the step before :: probs[t, -> probs[t - 1,
            The path is in row s at step t: `probs[t, rows[s]]`.
        takes the number of the row for the class :: probs[t, rows[s]] -> probs[t, s]
            `probs` has a column for each class, not for each row, and `probs[t, s]` reads class s. The class of row s
            is `rows[s]`.
        reads column t in place of column t - 1 :: alpha[t - 1, -> alpha[t,
            Column t is the one being filled; in these cases it is still 0. Read `alpha[t - 1, ...]`.
        swaps the axes of alpha :: alpha -> alpha.T
        swaps the axes of probs :: probs -> probs.T
        swaps the axes of alpha and probs :: alpha -> alpha.T & probs -> probs.T
            The time step comes first: `alpha[t - 1, s]` and `probs[t, rows[s]]`.
        """,
    ),
    cases=_alpha_cases(),
    show_case=_show_cell("alpha", -1),
    hints=(
        ("which cells lead here?", "At most three, all in column t - 1: rows s, s - 1 and s - 2."),
        ("when is the skip allowed?", "If row s holds a label, and a different one from row s - 2."),
        ("and then?", "Add what you found, and multiply once by the probability of the sign of row s at step t."),
    ),
)

# 06-2 ---------------------------------------------------------------------------------------------------------------

COUNT = Exercise(
    key="06-2",
    title="count with the recursion: 'hello' over 26 steps",
    solution=count_alignments(26, (1, 2, 3, 3, 4)),
    mistakes=mistakes(
        count_alignments(26, (1, 2, 3, 3, 4)),
        """
        lets the two l's merge :: = count(26, (1, 2, 3, 4, 5))
            The rows of the two l's need the same class, so that the skip between them is closed.
        has only one l :: = count(26, (1, 2, 3, 4))
            That is the number for 'helo'; 'hello' is (1, 2, 3, 3, 4).
        reads only the last cell of the last column, or has 25 steps :: = count(25, hello)
            A path may end in the last label as well: two cells. With two cells and 25 steps the number is the same:
            then look at the shape of `probs`.
        adds all cells of the last column :: = 34_833_007
            A path that ends in an earlier row has not spelled the whole word: two cells.
        takes probabilities that sum to 1 at each step, such as 1/5 :: = count(26, hello) / 5**26
            Then each path has a tiny product. Which factor leaves a product of 1?
        reads only the cell of the last label :: = count(26, hello) - count(25, hello)
            A path may end in the blank after it as well: two cells.
        """,
        count=count_alignments,
        hello=(1, 2, 3, 3, 4),
    ),
    hints=(
        (
            "how can a sum of probabilities count?",
            "If each path had the probability 1, their sum would be their number.",
        ),
        ("which matrix?", "`np.ones((26, 5))`: every class has the value 1 at every step."),
        ("what is read at the end?", "The last two cells of the last column, added."),
    ),
    source="""
    alpha = forward(np.ones((26, 5)), (1, 2, 3, 3, 4))
    answer = int(alpha[-1, -2:].sum())  # the closed formula of lesson 05 says the same
    """,
)

# 06-3 ---------------------------------------------------------------------------------------------------------------


def _rows_of_alpha(beta, t, s, rows, probs):
    return sum(beta[t + 1, q] * probs[t + 1, rows[q]] for q in predecessors(rows, s))


def beta_cell(beta, t, s, rows, probs):
    L = len(rows)
    total = beta[t + 1, s] * probs[t + 1, rows[s]]
    if s + 1 < L:
        total += beta[t + 1, s + 1] * probs[t + 1, rows[s + 1]]
    if s + 2 < L and rows[s + 2] != 0 and rows[s + 2] != rows[s]:
        total += beta[t + 1, s + 2] * probs[t + 1, rows[s + 2]]
    return total


BETA_CELL = Exercise(
    key="06-3",
    title="one cell of beta",
    solution=beta_cell,
    mistakes=mistakes(
        beta_cell,
        """
        skips between equal labels too :: and rows[s + 2] != rows[s] ->
            The rule is the same as for alpha, seen from the other end: `rows[s + 2]` against `rows[s]`.
        never skips a blank :: s + 2 < L -> False
            From label to different label is allowed: row s + 2.
        multiplies by the probability of its own row :: , rows[s + 1]] -> , rows[s]] & , rows[s + 2]] -> , rows[s]]
            The sign emitted next is that of the row the path arrives in: `rows[s]`, `rows[s + 1]` or `rows[s + 2]`.
        takes the probability of its own step :: probs[t + 1, -> probs[t,
            In this course beta leaves step t out, since alpha has it: the first probability is that of t + 1.
        leaves out the probabilities :: L = len(rows) -> L, probs = len(rows), np.ones_like(probs)
            Each way on is paid for: `probs[t + 1, ...]` of the row it arrives in.
        includes step t :: return total -> return total * probs[t, rows[s]]
            In this course beta leaves step t out, since alpha has it: no `probs[t, ...]` here.
        multiplies by one probability outside the sum, as alpha does ::
            probs[t + 1, -> probs[t, & rows[s + 1]] -> rows[s]] & rows[s + 2]] -> rows[s]]
            Each of the three emits its own sign at t + 1: the probability goes inside the sum.
        reads rows s - 1 and s - 2 :: = _rows_of_alpha
            A path goes on to later rows: s, s + 1 and s + 2.
        reads past the last row :: s + 1 < L -> True & s + 2 < L and ->
        :: s + 1 < L -> True
            Rows end at `len(rows) - 1`: ask `s + 1 < len(rows)` and `s + 2 < len(rows)` before you read.
        swaps the axes of beta :: beta -> beta.T
        swaps the axes of probs :: probs -> probs.T
            The time step comes first: `beta[t + 1, s]` and `probs[t + 1, rows[s]]`.
        """,
    ),
    cases=_beta_cases(),
    show_case=_show_cell("beta", +1),
    hints=(
        ("which cells come next?", "At most three, all in column t + 1: rows s, s + 1 and s + 2."),
        ("where does the probability go?", "Inside the sum: each of the three emits another sign at t + 1."),
        ("the index runs over", "Rows end at `len(rows) - 1`: ask before you read."),
    ),
)

# 06-4 ---------------------------------------------------------------------------------------------------------------


def _posterior_cases():
    """A small one with numbers to do by hand; those of the lattices; and one with classes that no row holds."""
    cases = [(np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]), extend((1,)), 2)]
    for target, probs, rows, _, _ in _lattices():
        cases.append((forward_backward(np.log(probs), target).posterior, rows, 3))
    return [*cases, (*cases[-2][:2], 5)]


def _show_posterior(gamma, rows, C):
    numbers = f"{short(gamma)}" if gamma.size <= 6 else "gamma"
    return f"class_posterior({numbers}, rows, {C}) for the rows {''.join('-ab'[k] for k in rows)!r}"


def class_posterior(gamma, rows, C):
    posterior = np.zeros((len(gamma), C))
    for s, k in enumerate(rows):
        posterior[:, k] += gamma[:, s]
    return posterior


CLASS_POSTERIOR = Exercise(
    key="06-4",
    title="from rows to classes",
    solution=class_posterior,
    mistakes=mistakes(
        class_posterior,
        """
        keeps one row of each class :: += -> =
            `posterior[:, rows] += gamma` writes a class that stands in several rows once only, and the blank stands in
            S + 1 of them. Loop over the rows, or use `np.add.at`.
        leaves the blank out :: gamma[:, s] -> gamma[:, s] if k != 0 else 0.0
            The blank is a class, with a gradient like any other.
        keeps the minus sign :: += -> -=
            The posterior itself is asked for; the minus belongs to the gradient.
        averages over the rows of a class :: gamma[:, s] -> gamma[:, s] / list(rows).count(k)
            Being in one row excludes being in another: add, so that each step still sums to 1.
        puts the classes before the steps :: return posterior -> return posterior.T
            The table asked for is T × C: a row for each step, as in `probs`.
        has 3 classes whatever C is :: C)) -> 3))
            The number of columns is `C`, also where a class stands in no row.
        """,
    ),
    cases=_posterior_cases(),
    show_case=_show_posterior,
    hints=(
        ("what is asked?", "At step t, how probable is it that the alignment emits class k, in whichever row?"),
        ("the blank comes out too small", "Check `posterior.sum(axis=1)`: it must be 1 at each step."),
    ),
)

# 06-5 ---------------------------------------------------------------------------------------------------------------


def log_add(a, b):
    m = max(a, b)
    if m == -np.inf:
        return -np.inf
    return m + np.log(np.exp(a - m) + np.exp(b - m))


LOG_ADD = Exercise(
    key="06-5",
    title="add in log space",
    solution=log_add,
    mistakes=mistakes(
        log_add,
        """
        goes through exp and back :: = lambda a, b: np.log(np.exp(a) + np.exp(b))
            exp(-1000) is 0 in floating point, and its logarithm -inf. Take the larger one out first.
        goes through exp and back :: = lambda a, b: math.log(math.exp(a) + math.exp(b))
            math.exp(-1000) is 0, and math.log(0) is an error. Take the larger one out first.
        takes out one that is not always the larger :: max(a, b) -> a if min(a, b) > -np.inf else max(a, b)
        :: max(a, b) -> a if min(a, b) > -np.inf else max(a, b) & np.exp -> math.exp
        :: max(a, b) -> a
        :: max(a, b) -> a & np.exp -> math.exp
        :: max(a, b) -> a & m == -np.inf -> False
        :: max(a, b) -> a & m == -np.inf -> False & np.exp -> math.exp
        :: max(a, b) -> b if min(a, b) > -np.inf else max(a, b)
        :: max(a, b) -> b if min(a, b) > -np.inf else max(a, b) & np.exp -> math.exp
        :: max(a, b) -> b
        :: max(a, b) -> b & np.exp -> math.exp
        :: max(a, b) -> b & m == -np.inf -> False
        :: max(a, b) -> b & m == -np.inf -> False & np.exp -> math.exp
        :: max(a, b) -> min(a, b) if min(a, b) > -np.inf else max(a, b)
        :: max(a, b) -> min(a, b) if min(a, b) > -np.inf else max(a, b) & np.exp -> math.exp
        :: max(a, b) -> min(a, b)
        :: max(a, b) -> min(a, b) & np.exp -> math.exp
        :: max(a, b) -> min(a, b) & m == -np.inf -> False
        :: max(a, b) -> min(a, b) & m == -np.inf -> False & np.exp -> math.exp
            exp(895) is too large for floating point. m must be the larger of the two, in whichever order they come.
        forgets to add the larger one back :: return m + -> return
            ln(e^a + e^b) = m + ln(e^(a-m) + e^(b-m)).
        gives nan for two impossible events :: m == -np.inf -> False
            -inf - (-inf) is nan. If both are -inf, so is the sum: return it before you subtract.
        adds the logarithms :: = lambda a, b: a + b
            a + b is the logarithm of the product. The logarithm of the sum is asked for.
        gives up when one of the two is impossible :: m == -np.inf -> -np.inf in (a, b)
            If one has the probability 0, the sum is the other one.
        takes the larger one alone :: = max
            Nearly right when they are far apart, wrong when they are close.
        """,
        math=math,
    ),
    cases=[
        (np.log(0.2), np.log(0.3)),
        (-1000.0, -1001.0),
        (-3.0, -np.inf),
        (-np.inf, -2000.0),
        (-np.inf, -np.inf),
        (-5.0, -900.0),
        (-900.0, -5.0),
        (800.0, 799.0),
    ],
    hints=(
        ("-inf comes out", "Which of the two exponentials became 0? Subtract `m = max(a, b)` from both first."),
        ("nan comes out", "What is `m` when both are -inf?"),
    ),
)

EXERCISES = (ALPHA_CELL, COUNT, BETA_CELL, CLASS_POSTERIOR, LOG_ADD)
