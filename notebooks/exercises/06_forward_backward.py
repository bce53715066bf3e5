"""Exercises of lesson 06, Forward-backward."""

from __future__ import annotations

import math

import numpy as np

from crnn_lessons.ctc import count_alignments, extend, forward_backward, predecessors
from crnn_lessons.exercises import Exercise, Mistake
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


def _alpha_variant(stay=True, step=True, skip="rule", guard=True, emit="now", column=-1, swap=""):
    """Wrong answers to 06-1 differ from the right one in one of these choices."""

    def cell(alpha, t, s, rows, probs):
        alpha = alpha.T if "alpha" in swap else alpha
        probs = probs.T if "probs" in swap else probs
        before = alpha[t + column]
        total = before[s] if stay else 0.0
        if step and (s >= 1 or not guard):
            total = total + before[s - 1]
        allowed = {
            "rule": s >= 2 and rows[s] != 0 and rows[s] != rows[s - 2],
            "never": False,
            "equal too": s >= 2 and rows[s] != 0,
            "blanks too": s >= 2 and (rows[s] == 0 or rows[s] != rows[s - 2]),
            "always": s >= 2,
            "without guard": rows[s] != 0 and rows[s] != rows[max(s - 2, -len(rows))],
        }[skip]
        if allowed:
            total = total + before[s - 2]
        if emit == "never":
            return total
        at, k = {"now": (t, rows[s]), "before": (t - 1, rows[s]), "row for class": (t, s)}[emit]
        return total * probs[at, k]

    return cell


# 06-3 ---------------------------------------------------------------------------------------------------------------


def beta_cell(beta, t, s, rows, probs):
    L = len(rows)
    total = beta[t + 1, s] * probs[t + 1, rows[s]]
    if s + 1 < L:
        total += beta[t + 1, s + 1] * probs[t + 1, rows[s + 1]]
    if s + 2 < L and rows[s + 2] != 0 and rows[s + 2] != rows[s]:
        total += beta[t + 1, s + 2] * probs[t + 1, rows[s + 2]]
    return total


def _beta_variant(skip="rule", emit="arrival", swap=""):
    def cell(beta, t, s, rows, probs):
        beta = beta.T if "beta" in swap else beta
        probs = probs.T if "probs" in swap else probs
        total = 0.0
        for q in (s, s + 1, s + 2):
            if q >= len(rows):
                continue
            if q == s + 2:
                rule = rows[q] != 0 and rows[q] != rows[s]
                if not {"rule": rule, "never": False, "equal too": rows[q] != 0}[skip]:
                    continue
            if emit == "never":
                total += beta[t + 1, q]
                continue
            at, row = {
                "arrival": (t + 1, q),
                "own row": (t + 1, s),
                "now": (t, q),
                "as in alpha": (t, s),
            }[emit]
            total += beta[t + 1, q] * probs[at, rows[row]]
        return total

    return cell


def _beta_with_step_t(beta, t, s, rows, probs):
    return beta_cell(beta, t, s, rows, probs) * probs[t, rows[s]]


def _beta_upwards(beta, t, s, rows, probs):
    """The rows of alpha, s - 1 and s - 2, in place of s + 1 and s + 2."""
    came = predecessors(rows, s)
    return sum(beta[t + 1, q] * probs[t + 1, rows[q]] for q in came)


def _beta_past_the_end(skip_guarded):
    """Reads rows[s + 1] of the last row; without a guard of the skip already rows[s + 2] of the last but one."""

    def cell(beta, t, s, rows, probs):
        total = sum(beta[t + 1, q] * probs[t + 1, rows[q]] for q in (s, s + 1))
        if (s + 2 < len(rows) or not skip_guarded) and rows[s + 2] not in (0, rows[s]):
            total += beta[t + 1, s + 2] * probs[t + 1, rows[s + 2]]
        return total

    return cell


# 06-4 ---------------------------------------------------------------------------------------------------------------


def class_posterior(gamma, rows, C):
    posterior = np.zeros((len(gamma), C))
    for s, k in enumerate(rows):
        posterior[:, k] += gamma[:, s]
    return posterior


def _posterior_cases():
    """A small one with numbers to do by hand; those of the lattices; and one with classes that no row holds."""
    cases = [(np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]), extend((1,)), 2)]
    for target, probs, rows, _, _ in _lattices():
        cases.append((forward_backward(np.log(probs), target).posterior, rows, 3))
    return [*cases, (*cases[-2][:2], 5)]


def _show_posterior(gamma, rows, C):
    numbers = f"{short(gamma)}" if gamma.size <= 6 else "gamma"
    return f"class_posterior({numbers}, rows, {C}) for the rows {''.join('-ab'[k] for k in rows)!r}"


def _last_row_wins(gamma, rows, C):
    posterior = np.zeros((len(gamma), C))
    posterior[:, rows] += gamma
    return posterior


def _labels_only(gamma, rows, C):
    posterior = class_posterior(gamma, rows, C)
    posterior[:, 0] = 0.0
    return posterior


def _mean_of_rows(gamma, rows, C):
    counts = np.maximum(np.bincount(rows, minlength=C), 1)
    return class_posterior(gamma, rows, C) / counts


# 06-5 ---------------------------------------------------------------------------------------------------------------


def log_add(a, b):
    m = max(a, b)
    if m == -np.inf:
        return -np.inf
    return m + np.log(np.exp(a - m) + np.exp(b - m))


def _quiet(function):
    def run(a, b):
        with np.errstate(all="ignore"):
            return function(np.float64(a), np.float64(b))

    return run


def _naive_with_math(a, b):
    return math.log(math.exp(a) + math.exp(b))


def _relative_to(pick, guard, exp):
    """ln(e^m + e^n) = m + ln(1 + e^(n - m)), where ``pick`` orders the two, and m need not be the larger."""

    def log_add(a, b):
        m, n = pick(a, b)
        if guard == "each" and -np.inf in (a, b):
            return max(a, b)
        if guard == "m" and m == -np.inf:
            return m
        return m + np.log1p(exp(n - m))

    return _quiet(log_add)


_NOT_THE_LARGER = [
    _relative_to(pick, guard, exp)
    for pick in (lambda a, b: (a, b), lambda a, b: (b, a), lambda a, b: (min(a, b), max(a, b)))
    for guard in ("each", "m", "none")
    for exp in (np.exp, math.exp)
]


EXERCISES = (
    Exercise(
        key="06-1",
        title="one cell of alpha",
        solution=alpha_cell,
        cases=_alpha_cases(),
        show_case=_show_cell("alpha", -1),
        mistakes=(
            Mistake(
                "skips between equal labels too",
                _alpha_variant(skip="equal too"),
                "From one a straight into the next a the two would merge: compare `rows[s]` with `rows[s - 2]`.",
            ),
            Mistake(
                "never skips a blank",
                _alpha_variant(skip="never"),
                "From a straight into b is allowed: the blank between different labels may be left out.",
            ),
            Mistake(
                "skips from blank to blank",
                _alpha_variant(skip="blanks too"),
                "That would jump over a label, and the text would lose it: the skip is for rows with a label.",
            ),
            Mistake(
                "skips always",
                _alpha_variant(skip="always"),
                "Two skips lose a letter: from blank to blank, and between equal labels. Test `rows[s]` for both.",
            ),
            Mistake(
                "cannot stay in its row",
                _alpha_variant(stay=False),
                "A sign may be held for several steps: add `alpha[t - 1, s]`.",
            ),
            Mistake(
                "cannot come from the row before",
                _alpha_variant(step=False),
                "Add `alpha[t - 1, s - 1]`, where there is such a row.",
            ),
            Mistake(
                "reads row -1 where s = 0",
                _alpha_variant(guard=False),
                "In Python row -1 is the last row. Ask for `s >= 1` first.",
            ),
            *(
                Mistake(
                    f"reads row -1 where {where}",
                    _alpha_variant(skip="without guard", guard=guard),
                    "In Python row -1 is the last row. Ask for `s >= 2` before the skip, and `s >= 1` before the step.",
                )
                for guard, where in ((True, "s = 1"), (False, "s = 0 and s = 1"))
            ),
            Mistake(
                "leaves out the probability of the sign",
                _alpha_variant(emit="never"),
                "Multiply the sum by `probs[t, rows[s]]`.",
            ),
            Mistake(
                "takes the probability of the step before",
                _alpha_variant(emit="before"),
                "The path is in row s at step t: `probs[t, rows[s]]`.",
            ),
            Mistake(
                "takes the number of the row for the class",
                _alpha_variant(emit="row for class"),
                "`probs` has a column for each class, not for each row, and `probs[t, s]` reads class s. The class of "
                "row s is `rows[s]`.",
            ),
            Mistake(
                "reads column t in place of column t - 1",
                _alpha_variant(column=0),
                "Column t is the one being filled; in these cases it is still 0. Read `alpha[t - 1, ...]`.",
            ),
            *(
                Mistake(
                    f"swaps the axes of {tables}",
                    _alpha_variant(swap=tables),
                    "The time step comes first: `alpha[t - 1, s]` and `probs[t, rows[s]]`.",
                )
                for tables in ("alpha", "probs", "alpha and probs")
            ),
        ),
        hints=(
            ("which cells lead here?", "At most three, all in column t - 1: rows s, s - 1 and s - 2."),
            ("when is the skip allowed?", "If row s holds a label, and a different one from row s - 2."),
            ("and then?", "Add what you found, and multiply once by the probability of the sign of row s at step t."),
        ),
    ),
    Exercise(
        key="06-2",
        title="count with the recursion: 'hello' over 26 steps",
        solution=count_alignments(26, (1, 2, 3, 3, 4)),
        mistakes=(
            Mistake(
                "lets the two l's merge",
                count_alignments(26, (1, 2, 3, 4, 5)),
                "The rows of the two l's need the same class, so that the skip between them is closed.",
            ),
            Mistake(
                "has only one l",
                count_alignments(26, (1, 2, 3, 4)),
                "That is the number for 'helo'; 'hello' is (1, 2, 3, 3, 4).",
            ),
            Mistake(
                "reads only the last cell of the last column, or has 25 steps",
                count_alignments(25, (1, 2, 3, 3, 4)),
                "A path may end in the last label as well: two cells. With two cells and 25 steps the number is the "
                "same: then look at the shape of `probs`.",
            ),
            Mistake(
                "adds all cells of the last column",
                34_833_007,  # the other cells hold paths that spell only a beginning of the word
                "A path that ends in an earlier row has not spelled the whole word: two cells.",
            ),
            Mistake(
                "takes probabilities that sum to 1 at each step, such as 1/5",
                count_alignments(26, (1, 2, 3, 3, 4)) / 5**26,
                "Then each path has a tiny product. Which factor leaves a product of 1?",
            ),
            Mistake(
                "reads only the cell of the last label",
                count_alignments(26, (1, 2, 3, 3, 4)) - count_alignments(25, (1, 2, 3, 3, 4)),
                "A path may end in the blank after it as well: two cells.",
            ),
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
    ),
    Exercise(
        key="06-3",
        title="one cell of beta",
        solution=beta_cell,
        cases=_beta_cases(),
        show_case=_show_cell("beta", +1),
        mistakes=(
            Mistake(
                "skips between equal labels too",
                _beta_variant(skip="equal too"),
                "The rule is the same as for alpha, seen from the other end: `rows[s + 2]` against `rows[s]`.",
            ),
            Mistake(
                "never skips a blank",
                _beta_variant(skip="never"),
                "From label to different label is allowed: row s + 2.",
            ),
            Mistake(
                "multiplies by the probability of its own row",
                _beta_variant(emit="own row"),
                "The sign emitted next is that of the row arrived in: `rows[s]`, `rows[s + 1]` or `rows[s + 2]`.",
            ),
            Mistake(
                "takes the probability of its own step",
                _beta_variant(emit="now"),
                "In this course beta leaves step t out, since alpha has it: the first probability is that of t + 1.",
            ),
            Mistake(
                "leaves out the probabilities",
                _beta_variant(emit="never"),
                "Each way on is paid for: `probs[t + 1, ...]` of the row it arrives in.",
            ),
            Mistake(
                "includes step t",
                _beta_with_step_t,
                "In this course beta leaves step t out, since alpha has it: no `probs[t, ...]` here.",
            ),
            Mistake(
                "multiplies by one probability outside the sum, as alpha does",
                _beta_variant(emit="as in alpha"),
                "Each of the three emits its own sign at t + 1: the probability goes inside the sum.",
            ),
            Mistake(
                "reads rows s - 1 and s - 2",
                _beta_upwards,
                "A path goes on to later rows: s, s + 1 and s + 2.",
            ),
            *(
                Mistake(
                    "reads past the last row",
                    _beta_past_the_end(skip_guarded),
                    "Rows end at `len(rows) - 1`: ask `s + 1 < len(rows)` and `s + 2 < len(rows)` before you read.",
                )
                for skip_guarded in (False, True)
            ),
            *(
                Mistake(
                    f"swaps the axes of {tables}",
                    _beta_variant(swap=tables),
                    "The time step comes first: `beta[t + 1, s]` and `probs[t + 1, rows[s]]`.",
                )
                for tables in ("beta", "probs")  # both at once stop at the same case as probs alone
            ),
        ),
        hints=(
            ("which cells come next?", "At most three, all in column t + 1: rows s, s + 1 and s + 2."),
            ("where does the probability go?", "Inside the sum: each of the three emits another sign at t + 1."),
            ("the index runs over", "Rows end at `len(rows) - 1`: ask before you read."),
        ),
    ),
    Exercise(
        key="06-4",
        title="from rows to classes",
        solution=class_posterior,
        cases=_posterior_cases(),
        show_case=_show_posterior,
        mistakes=(
            Mistake(
                "keeps one row of each class",
                _last_row_wins,
                "`posterior[:, rows] += gamma` writes a class that stands in several rows once only, and the blank "
                "stands in S + 1 of them. Loop over the rows, or use `np.add.at`.",
            ),
            Mistake("leaves the blank out", _labels_only, "The blank is a class, with a gradient like any other."),
            Mistake(
                "keeps the minus sign",
                lambda gamma, rows, C: -class_posterior(gamma, rows, C),
                "The posterior itself is asked for; the minus belongs to the gradient.",
            ),
            Mistake(
                "averages over the rows of a class",
                _mean_of_rows,
                "Being in one row excludes being in another: add, so that each step still sums to 1.",
            ),
            Mistake(
                "puts the classes before the steps",
                lambda gamma, rows, C: class_posterior(gamma, rows, C).T,
                "The table asked for is T × C: a row for each step, as in `probs`.",
            ),
            Mistake(
                "has 3 classes whatever C is",
                lambda gamma, rows, C: class_posterior(gamma, rows, 3),
                "The number of columns is `C`, also where a class stands in no row.",
            ),
        ),
        hints=(
            ("what is asked?", "At step t, how probable is it that the alignment emits class k, in whichever row?"),
            ("the blank comes out too small", "Check `posterior.sum(axis=1)`: it must be 1 at each step."),
        ),
    ),
    Exercise(
        key="06-5",
        title="add in log space",
        solution=log_add,
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
        mistakes=(
            Mistake(
                "goes through exp and back",
                _quiet(lambda a, b: np.log(np.exp(a) + np.exp(b))),
                "exp(-1000) is 0 in floating point, and its logarithm -inf. Take the larger one out first.",
            ),
            Mistake(
                "goes through exp and back",
                _naive_with_math,
                "math.exp(-1000) is 0, and math.log(0) is an error. Take the larger one out first.",
            ),
            *(
                Mistake(
                    "takes out one that is not always the larger",
                    answer,
                    "exp(895) is too large for floating point. m must be the larger of the two, in whichever order "
                    "they come.",
                )
                for answer in _NOT_THE_LARGER
            ),
            Mistake(
                "forgets to add the larger one back",
                _quiet(
                    lambda a, b: (
                        np.log(np.exp(a - max(a, b)) + np.exp(b - max(a, b))) if max(a, b) > -np.inf else max(a, b)
                    )
                ),
                "ln(e^a + e^b) = m + ln(e^(a-m) + e^(b-m)).",
            ),
            Mistake(
                "gives nan for two impossible events",
                _quiet(lambda a, b: max(a, b) + np.log(np.exp(a - max(a, b)) + np.exp(b - max(a, b)))),
                "-inf - (-inf) is nan. If both are -inf, so is the sum: return it before you subtract.",
            ),
            Mistake(
                "adds the logarithms",
                lambda a, b: a + b,
                "a + b is the logarithm of the product. The logarithm of the sum is asked for.",
            ),
            Mistake(
                "gives up when one of the two is impossible",
                lambda a, b: -np.inf if -np.inf in (a, b) else log_add(a, b),
                "If one has the probability 0, the sum is the other one.",
            ),
            Mistake("takes the larger one alone", max, "Near, when they are far apart; wrong when they are close."),
        ),
        hints=(
            ("-inf comes out", "Which of the two exponentials became 0? Subtract `m = max(a, b)` from both first."),
            ("nan comes out", "What is `m` when both are -inf?"),
        ),
    ),
)
