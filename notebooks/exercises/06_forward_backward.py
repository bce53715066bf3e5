"""Exercises of lesson 06, Forward-backward."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np

from crnn_lessons.ctc import count_alignments, extend, forward_backward, predecessors
from crnn_lessons.exercises import Exercise, mistakes
from crnn_lessons.exercises.compare import short

# Lattices on which cells are tried: no repeat, a repeat, both, no letter, a letter that comes back, three letters.
TARGETS = ((1, 2), (1, 1), (2, 2, 1), (), (1, 2, 1), (1, 2, 3))


def _lattices():
    rng = np.random.default_rng(6)
    for target in TARGETS:
        probs = rng.dirichlet(np.ones(4 if 3 in target else 3), size=5)  # T C
        lattice = forward_backward(np.log(probs), target)
        yield target, probs, extend(target), np.exp(lattice.alpha), np.exp(lattice.beta)


def _alpha_cases():
    """Each cell from t = 1 on, with the cells before it filled and the others zero, as in the recursion."""
    cases = []
    for _, probs, rows, alpha, _ in _lattices():
        for t in range(1, len(probs)):
            for s in range(len(rows)):
                known = np.where(np.arange(len(probs))[:, None] < t, alpha, 0.0)
                known[t, :s] = alpha[t, :s]
                cases.append((known, t, s, rows, probs))
    return cases


def _beta_cases():
    cases = []
    for _, probs, rows, _, beta in _lattices():
        for t in range(len(probs) - 2, -1, -1):
            for s in range(len(rows)):
                known = np.where(np.arange(len(probs))[:, None] > t, beta, 0.0)
                known[t, :s] = beta[t, :s]
                cases.append((known, t, s, rows, probs))
    return cases


def _show_cell(name, step):
    """A case of one cell, with the numbers that it takes: those at ``t + step`` of the table, and the probabilities."""

    def show(table, t, s, rows, probs):
        signs = "".join("-abc"[k] for k in rows)
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


def _largest_way_in(alpha, t, s, rows, probs):
    return max(alpha[t - 1, q] for q in predecessors(rows, s)) * probs[t, rows[s]]


def _last_way_only(alpha, t, s, rows, probs):
    *others, last = (alpha[t - 1, q] for q in predecessors(rows, s))
    return sum(others) + last * probs[t, rows[s]]


def _paid_where_it_comes_from(alpha, t, s, rows, probs):
    return sum(alpha[t - 1, q] * probs[t, rows[q]] for q in predecessors(rows, s))


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
        skips only into a letter that has not occurred before :: rows[s] != rows[s - 2] -> rows[s] not in rows[:s]
            Only the letter in row s - 2 counts: in 'aba' the second a may be entered from the b.
        skips in place of stepping ::
            s >= 1 -> s >= 1 and not (s >= 2 and rows[s] != 0 and rows[s] != rows[s - 2])
            Where the skip is allowed, the step from row s - 1 still is: three ways in. (`if`, not `elif`.)
        steps from row 2 on only :: s >= 1 -> s >= 2
            Row 1 is entered from row 0: ask for `s >= 1`.
        skips into blanks only :: rows[s] != 0 and rows[s] != rows[s - 2] -> rows[s] == 0
            It is the other way round: the skip is for rows with a label, and jumps over the blank between two of them.
        skips between equal labels only :: rows[s] != rows[s - 2] -> rows[s] == rows[s - 2]
            Between equal labels the blank must stay, or the two merge. The skip is for *different* ones.
        takes the probability of the row that it comes from :: = _paid_where_it_comes_from
            A way in ends with the sign of row s, whichever row it comes from: `probs[t, rows[s]]`, once.
        takes the class of the row before :: probs[t, rows[s]] -> probs[t, rows[s - 1]]
            The path arrives in row s: `rows[s]`.
        takes the probability of the next step :: probs[t, -> probs[min(t + 1, len(probs) - 1),
            The path is in row s at step t: `probs[t, rows[s]]`.
        adds the probability of the sign :: * probs[t, rows[s]] -> + probs[t, rows[s]]
            The path gets here *and* the sign is seen: multiply.
        cannot stay in its row :: total = alpha[t - 1, s] -> total = 0.0
            A sign may be held for several steps: add `alpha[t - 1, s]`.
        cannot come from the row before :: s >= 1 -> False
            Add `alpha[t - 1, s - 1]`, where there is such a row.
        steps within column t :: alpha[t - 1, s - 1] -> alpha[t, s - 1]
        :: alpha[t - 1, s - 1] -> alpha[t, s - 1] & alpha[t - 1, s - 2] -> alpha[t, s - 2]
            A step takes one time step: all three ways in come from column t - 1.
        takes the largest of the ways in, not their sum :: = _largest_way_in
            All beginnings that end in this cell count: add the ways in. (Their maximum belongs to the best path.)
        multiplies only the last way in by the probability :: = _last_way_only
            In Python `a + b + c * p` multiplies c alone. Each way in ends with the sign of row s: put brackets around
            the sum.
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
            Column t is the one being filled. Read `alpha[t - 1, ...]`.
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
        lets the two l's merge, or has 27 steps :: = count(26, (1, 2, 3, 4, 5))
            The rows of the two l's need the same class, so that the skip between them is closed. If they have it,
            look at the shape of `probs`: 27 steps give the same number.
        has only one l :: = count(26, (1, 2, 3, 4))
            That is the number for 'helo'; 'hello' is (1, 2, 3, 3, 4).
        reads only the last cell of the last column, or has 25 steps :: = count(25, hello)
            A path may end in the last label as well: two cells. With two cells and 25 steps the number is the same:
            then look at the shape of `probs`.
        adds all cells of the last column :: = 34_833_007
            A path that ends in an earlier row has not spelled the whole word: two cells.
        takes probabilities that sum to 1 at each step, such as 1/5 :: = count(26, hello) / 5**26
            Then each path has a tiny product. Which factor leaves a product of 1?
        counts all paths, whatever they spell :: = 5**26
            Every path over five classes has 26 steps; the ones that spell 'hello' are asked for: use `forward`.
        gives the logarithm :: = math.log(count(26, hello))
            The number itself is asked for.
        reads only the cell of the last label :: = count(26, hello) - count(25, hello)
            A path may end in the blank after it as well: two cells.
        """,
        count=count_alignments,
        math=math,
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
    ways = forward(np.ones((26, 5)), (1, 2, 3, 3, 4))
    answer = int(ways[-1, -2:].sum())  # the formula of lesson 05 says the same
    """,
)

# 06-3 ---------------------------------------------------------------------------------------------------------------


def _rows_of_alpha(beta, t, s, rows, probs):
    return sum(beta[t + 1, q] * probs[t + 1, rows[q]] for q in predecessors(rows, s))


def _largest_way_on(beta, t, s, rows, probs):
    ways = [q for q in range(s, min(s + 3, len(rows))) if s in predecessors(rows, q)]
    return max(beta[t + 1, q] * probs[t + 1, rows[q]] for q in ways)


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
        skips from blank to blank ::
            rows[s + 2] != 0 and rows[s + 2] != rows[s] -> (rows[s + 2] == 0 or rows[s + 2] != rows[s])
            That would jump over a label, and the text would lose it: row s + 2 must hold a label.
        skips always :: and rows[s + 2] != 0 and rows[s + 2] != rows[s] ->
            Two skips lose a letter: from blank to blank, and between equal labels. Test `rows[s + 2]` for both.
        skips where alpha does ::
            rows[s + 2] != 0 and rows[s + 2] != rows[s] -> s >= 2 and rows[s] != 0 and rows[s] != rows[s - 2]
        :: rows[s + 2] != 0 and rows[s + 2] != rows[s] -> rows[s] != 0 and rows[s] != rows[s - 2]
            The row that a skip arrives in decides. For alpha that is row s, coming from s - 2; here it is row s + 2:
            compare `rows[s + 2]` with 0 and with `rows[s]`.
        skips only into a letter that has not occurred before ::
            rows[s + 2] != rows[s] -> rows[s + 2] not in rows[: s + 2]
            Only the letter in row s counts: in 'aba' the path may skip from the b into the second a.
        cannot stay in its row :: total = beta[t + 1, s] * probs[t + 1, rows[s]] -> total = 0.0
            A sign may be held for several steps: row s itself is one of the ways on.
        cannot go on to the next row :: s + 1 < L -> False
            Add the way on to row s + 1, where there is such a row: `beta[t + 1, s + 1]`. (In column t it is 0 still.)
        skips in place of stepping ::
            s + 1 < L -> s + 1 < L and not (s + 2 < L and rows[s + 2] != 0 and rows[s + 2] != rows[s])
            Where the skip is allowed, the step to row s + 1 still is: three ways on. (`if`, not `elif`.)
        stops one row early :: L = len(rows) -> L = len(rows) - 1
            The last row is `len(rows) - 1`, and paths go there too: ask `s + 1 < len(rows)` and `s + 2 < len(rows)`.
        skips into blanks only :: rows[s + 2] != 0 and rows[s + 2] != rows[s] -> rows[s + 2] == 0
            It is the other way round: the skip is for rows with a label, and jumps over the blank between two of them.
        steps and skips within column t :: beta[t + 1, s + 1] -> beta[t, s + 1] & beta[t + 1, s + 2] -> beta[t, s + 2]
            A step takes one time step: all three ways on lead to column t + 1.
        reads column t in place of column t + 1 :: beta[t + 1, -> beta[t,
            Column t is the one being filled. Read `beta[t + 1, ...]`.
        reads column t - 1, as alpha does :: beta[t + 1, -> beta[t - 1,
        :: beta[t + 1, -> beta[t - 1, & probs[t + 1, -> probs[t - 1,
            Endings lie later: read `beta[t + 1, ...]` and pay with `probs[t + 1, ...]`.
        takes the number of the row for the class ::
            rows[s]] -> s] & rows[s + 1]] -> s + 1] & rows[s + 2]] -> s + 2]
            `probs` has a column for each class, not for each row. The class of row s + 1 is `rows[s + 1]`.
        takes the largest of the ways on, not their sum :: = _largest_way_on
            All endings that begin in this cell count: add the ways on. (Their maximum belongs to the best path.)
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
    for target, probs, rows, _, _ in islice(_lattices(), 4):
        cases.append((forward_backward(np.log(probs), target).posterior, rows, 3))
    return [*cases, (*cases[-2][:2], 5)]


def _show_posterior(posterior, rows, C):
    numbers = f"{short(posterior)}" if posterior.size <= 6 else "posterior"
    return f"class_posterior({numbers}, rows, {C}) for the rows {''.join('-abc'[k] for k in rows)!r}"


def class_posterior(posterior, rows, C):
    q = np.zeros((len(posterior), C))
    for s, k in enumerate(rows):
        q[:, k] += posterior[:, s]
    return q


CLASS_POSTERIOR = Exercise(
    key="06-4",
    title="from rows to classes",
    solution=class_posterior,
    mistakes=mistakes(
        class_posterior,
        """
        keeps one row of each class :: += -> =
            Each class is written once only, and the blank stands in S + 1 rows: `=` overwrites what an earlier row of
            the class has put there, and so does `q[:, rows] += posterior`. Add, row by row, or use `np.add.at`.
        leaves the blank out :: posterior[:, s] -> posterior[:, s] if k != 0 else 0.0
            The blank is a class, with a gradient like any other.
        keeps the minus sign :: += -> -=
            The class posterior itself is asked for; the minus belongs to the gradient.
        takes the largest of the rows of a class ::
            += posterior[:, s] -> = np.maximum(q[:, k], posterior[:, s])
            Being in one row excludes being in another: add, so that each step still sums to 1.
        leaves out the last row :: enumerate(rows) -> enumerate(rows[:-1])
            The blank after the last letter is a row like any other.
        takes the number of the row for the class ::
            = lambda posterior, rows, C: np.pad(posterior, ((0, 0), (0, C)))[:, :C]
            `rows[s]` is the class of row s: add `posterior[:, s]` to the column `rows[s]`.
        divides each class by its sum over the steps :: return q -> return q / np.maximum(q.sum(axis=0), 1e-300)
            Each *step* sums to 1, and does so without dividing.
        adds up the steps :: return q -> return q.sum(axis=0)
        adds up the classes :: return q -> return q.sum(axis=1)
            The table asked for is T × C: one number for each step and class.
        gives what is missing to 1 :: return q -> return 1 - q
            How probable it is that step t *does* emit class k is asked for.
        stores whole numbers :: C)) -> C), int)
        :: C)) -> C), int) & += posterior -> = q[:, k] + posterior
            An array of `int` cuts off what comes after the point: `np.zeros((len(posterior), C))` holds floats.
        has as many classes as the rows hold :: C)) -> 1 + max(rows)))
            The number of columns is `C`, also where a class stands in no row.
        averages over the rows of a class :: posterior[:, s] -> posterior[:, s] / list(rows).count(k)
            Being in one row excludes being in another: add, so that each step still sums to 1.
        puts the classes before the steps :: return q -> return q.T
            The table asked for is T × C: a row for each step, as in `probs`.
        has 3 classes whatever C is :: C)) -> 3))
            The number of columns is `C`, also where a class stands in no row.
        """,
    ),
    cases=_posterior_cases(),
    array=True,
    show_case=_show_posterior,
    hints=(
        ("what is asked?", "At step t, how probable is it that the alignment emits class k, in whichever row?"),
        ("the blank comes out too small", "Check `q.sum(axis=1)`: it must be 1 at each step."),
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
            If you take out -900, exp(-5 + 900) is too large for floating point; if you take out -inf, the difference is
            infinite. m must be the larger of the two, in whichever order they come.
        forgets to add the larger one back :: return m + -> return
            ln(e^a + e^b) = m + ln(e^(a-m) + e^(b-m)).
        gives nan for two impossible events :: m == -np.inf -> False
            -inf - (-inf) is nan. If both are -inf, so is the sum: return it before you subtract.
        returns one of the two when they are equal :: m == -np.inf -> a == b & return -np.inf -> return a
            That is right for -inf alone. Two equal probabilities add up to twice the one: ln 2 more.
        takes logarithms to another base :: np.log -> np.log10
        :: np.log -> np.log2
            Natural logarithms, `np.log`, go with `np.exp`.
        forgets the logarithm :: np.log(np.exp(a - m) + np.exp(b - m)) -> np.exp(a - m) + np.exp(b - m)
            ln(e^a + e^b) = m + ln(e^(a-m) + e^(b-m)).
        gives the sum of the probabilities :: = lambda a, b: np.exp(a) + np.exp(b)
        :: = lambda a, b: math.exp(a) + math.exp(b)
            The logarithm of that is asked for.
        takes the mean of the probabilities :: return m + -> return m - np.log(2) +
            The sum is asked for: nothing is divided by 2.
        subtracts what it should add :: return m + -> return m -
        multiplies where it should add :: return m + -> return m *
            ln(e^a + e^b) = m + ln(e^(a-m) + e^(b-m)).
        takes the difference the wrong way round :: np.exp(a - m) + np.exp(b - m) -> 1 + np.exp(max(a, b) - min(a, b))
            The exponent is the smaller minus the larger, 0 or less. The other way round it overflows.
        takes the smaller one alone :: = min
            The sum is larger than each of the two.
        gives 0 for two impossible events :: return -np.inf -> return 0.0
            0 is the logarithm of 1. Two probabilities of 0 add up to 0, whose logarithm is `-np.inf`.
        leaves the smaller one out where it is far below ::
            m == -np.inf -> abs(a - b) > 10 & return -np.inf -> return m
        :: m == -np.inf -> m == -np.inf or abs(a - b) > 5 & return -np.inf -> return m
            exp(-10) is 0.00005, and that shows. No case needs to be left out: what is too small vanishes by itself.
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
        (-2.5, -2.5),
        (-1.0, -12.0),
    ],
    hints=(
        ("-inf comes out", "Which of the two exponentials became 0? Subtract `m = max(a, b)` from both first."),
        ("nan comes out", "What is `m` when both are -inf?"),
    ),
)

# 06-6 ---------------------------------------------------------------------------------------------------------------


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def forward(probs, target):
    rows = extend(target)
    alpha = np.zeros((len(probs), len(rows)))
    alpha[0, :2] = probs[0, rows[:2]]
    for t in range(1, len(probs)):
        for s in range(len(rows)):
            alpha[t, s] = alpha_cell(alpha, t, s, rows, probs)
    return alpha


def backward(probs, target):
    rows = extend(target)
    beta = np.zeros((len(probs), len(rows)))
    beta[-1, -2:] = 1
    for t in range(len(probs) - 2, -1, -1):
        for s in range(len(rows)):
            beta[t, s] = beta_cell(beta, t, s, rows, probs)
    return beta


def loss_and_gradient(logits, target):
    p = softmax(logits)
    alpha, beta = forward(p, target), backward(p, target)
    probability = alpha[-1, -2:].sum()
    posterior = alpha * beta / probability
    q = class_posterior(posterior, extend(target), p.shape[1])
    return -np.log(probability), p - q


def _logits(T, C, seed):
    return np.random.default_rng(seed).normal(size=(T, C)).round(2)


LOSS_AND_GRADIENT = Exercise(
    key="06-6",
    title="the loss and its gradient with respect to the logits",
    solution=loss_and_gradient,
    part="the gradient of CTC",
    mistakes=mistakes(
        loss_and_gradient,
        """
        gives q - p :: p - q -> q - p
            The gradient points to a larger loss, and training subtracts it: p - q.
        gives the gradient with respect to the log-probabilities :: p - q -> -q
            That is -q. Behind a softmax p is added: section 8 derives p - q.
        subtracts q from the logits :: p - q -> logits - q
            The gradient is p - q, and p is the softmax of the logits.
        does not divide by p(Y | X) :: alpha * beta / probability -> alpha * beta
            The posterior of each step sums to 1: divide by `probability`.
        gives the probability in place of the loss :: -np.log(probability) -> probability
            The loss is -ln p(Y | X).
        gives ln p(Y | X), without the minus :: -np.log -> np.log
            The loss is -ln p(Y | X), 0 or more.
        reads the last cell alone :: alpha[-1, -2:].sum() -> alpha[-1, -1]
            An alignment may end in the last blank or in the last label: two cells.
        takes the logits for probabilities :: softmax(logits) -> logits
        :: softmax(logits) -> np.exp(logits)
            `forward` wants probabilities, and p stands in the gradient, too: take the softmax of the logits first.
        takes the logits for logarithms of probabilities ::
            softmax(logits) -> np.exp(logits) & p - q -> softmax(logits) - q
            `forward` wants probabilities: exp(logits) do not sum to 1. Take the softmax.
        takes the softmax over the steps :: softmax(logits) -> softmax(logits.T).T
            The classes of one step sum to 1: they lie along axis 1.
        gives q alone, without p :: p - q -> q
        gives p alone, without q :: p - q -> p
            The gradient is what the network says, minus what the alignments ask for: p - q.
        divides the gradient by the number of steps :: p - q -> (p - q) / len(p)
            The loss is that of the whole text, and so is its gradient: nothing is divided.
        divides the loss by the length of the target ::
            -np.log(probability), -> -np.log(probability) / max(1, len(target)),
            The loss is -ln p(Y | X), and nothing is divided.
        gives the gradient with respect to the probabilities :: p - q -> -q / p
            Section 8 goes on to the logits: there it is p - q.
        multiplies by p once more :: p - q -> p * (p - q)
            Section 8 has gone through the softmax already: p - q is all.
        gives the logits after a step :: p - q -> logits - (p - q)
            The gradient itself is asked for; the training subtracts it.
        puts the classes before the steps :: p - q -> (p - q).T
            The gradient has the shape of the logits, T × C.
        takes a logarithm to another base :: np.log -> np.log10
        :: np.log -> np.log2
            The loss is -ln p(Y | X): `np.log`.
        gives the loss alone :: -np.log(probability), p - q -> -np.log(probability)
        gives the gradient alone :: -np.log(probability), p - q -> p - q
            Two results are asked for: `return loss, gradient`.
        gives the posterior of the rows :: p - q -> posterior
            That is one number for each row of the lattice. Your `class_posterior` adds them up by class.
        gives the gradient before the loss :: -np.log(probability), p - q -> p - q, -np.log(probability)
            The loss comes first: `return loss, gradient`.
        """,
    ),
    cases=[
        (_logits(2, 2, 0), (1,)),
        (_logits(4, 3, 1), (1, 2)),
        (_logits(5, 3, 2), (2, 2)),
        (_logits(3, 3, 3), ()),
        (_logits(7, 4, 4), (1, 2, 1)),
    ],
    array=True,
    show_case=lambda logits, target: f"loss_and_gradient({np.asarray(logits).tolist()}, {target})",
    hints=(
        ("where do I begin?", "`p = softmax(logits)`; then `forward(p, target)` and `backward(p, target)`."),
        ("from alpha and beta to q", "The posterior is alpha * beta / p(Y | X); `class_posterior` makes q of it."),
        ("what comes out?", "Two values: `return -np.log(probability), p - q`."),
    ),
)

EXERCISES = (ALPHA_CELL, COUNT, BETA_CELL, CLASS_POSTERIOR, LOG_ADD, LOSS_AND_GRADIENT)
