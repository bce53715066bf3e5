"""Exercises of lesson 06, Forward-backward."""

from __future__ import annotations

import numpy as np

from crnn_lessons.ctc import count_alignments, extend, forward_backward
from crnn_lessons.exercises.engine import Exercise, Mistake

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


def _show_cell(name):
    def show(table, t, s, rows, probs):
        signs = "".join("-ab"[k] for k in rows)
        return f"At t={t}, s={s} of the rows {signs!r}, {name}"

    return show


# 06-1 ---------------------------------------------------------------------------------------------------------------


def alpha_cell(alpha, t, s, rows, probs):
    total = alpha[t - 1, s]
    if s >= 1:
        total += alpha[t - 1, s - 1]
    if s >= 2 and rows[s] != 0 and rows[s] != rows[s - 2]:
        total += alpha[t - 1, s - 2]
    return total * probs[t, rows[s]]


def _alpha_variant(stay=True, step=True, skip="rule", guard=True, emit="now"):
    """Wrong answers to 06-1 differ from the right one in one of these choices."""

    def cell(alpha, t, s, rows, probs):
        before = alpha[t - 1]
        total = before[s] if stay else 0.0
        if step and (s >= 1 or not guard):
            total = total + before[s - 1]
        allowed = {
            "rule": s >= 2 and rows[s] != 0 and rows[s] != rows[s - 2],
            "never": False,
            "equal too": s >= 2 and rows[s] != 0,
            "blanks too": s >= 2 and (rows[s] == 0 or rows[s] != rows[s - 2]),
            "always": s >= 2,
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


def _beta_variant(skip="rule", emit="arrival"):
    def cell(beta, t, s, rows, probs):
        total = 0.0
        for q in (s, s + 1, s + 2):
            if q >= len(rows):
                continue
            if q == s + 2:
                rule = rows[q] != 0 and rows[q] != rows[s]
                if not {"rule": rule, "never": False, "equal too": rows[q] != 0}[skip]:
                    continue
            emission = {"arrival": probs[t + 1, rows[q]], "own row": probs[t + 1, rows[s]], "never": 1.0}
            emission["now"] = probs[t, rows[q]]
            total += beta[t + 1, q] * emission[emit]
        return total

    return cell


# 06-4 ---------------------------------------------------------------------------------------------------------------


def class_posterior(gamma, rows, C):
    posterior = np.zeros((len(gamma), C))
    for s, k in enumerate(rows):
        posterior[:, k] += gamma[:, s]
    return posterior


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


EXERCISES = (
    Exercise(
        key="06-1",
        title="one cell of alpha",
        solution=alpha_cell,
        cases=_alpha_cases(),
        show_case=_show_cell("alpha_cell"),
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
                "reads only the last cell of the last column",
                count_alignments(25, (1, 2, 3, 3, 4)),
                "A path may end in the last label as well: two cells.",
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
        show_case=_show_cell("beta_cell"),
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
        cases=[
            (np.exp(a) * np.exp(b) / np.exp(z), rows, 3)
            for target, probs, rows, _, _ in _lattices()
            for lattice in [forward_backward(np.log(probs), target)]
            for a, b, z in [(lattice.alpha, lattice.beta, lattice.log_likelihood)]
        ],
        show_case=lambda gamma, rows, C: (
            f"class_posterior(gamma, rows, {C}) for the rows {''.join('-ab'[k] for k in rows)!r}"
        ),
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
            (800.0, 799.0),
        ],
        mistakes=(
            Mistake(
                "goes through exp and back",
                _quiet(lambda a, b: np.log(np.exp(a) + np.exp(b))),
                "exp(-1000) is 0 in floating point, and its logarithm -inf. Take the larger one out first.",
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
