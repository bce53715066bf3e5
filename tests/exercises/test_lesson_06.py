"""Wrong answers to lesson 06 as learners write them, and the tracer that draws what a recursion reads."""

import math

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import extend, forward_backward
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.trace import trace_backward, trace_forward
from tests.exercises.answers import assert_complete, assert_named, assert_right

PROBS = np.random.default_rng(0).dirichlet(np.ones(3), size=5)  # T C


def alpha(rule, emission=lambda t, s, rows, probs: probs[t][rows[s]]):
    """An alpha cell that adds the rows of column t - 1 that the rule lists."""

    def cell(table, t, s, rows, probs):
        return sum(table[t - 1][q] for q in rule(s, rows)) * emission(t, s, rows, probs)

    return cell


def beta(rule, emission=lambda t, q, s, rows, probs: probs[t + 1, rows[q]]):
    def cell(table, t, s, rows, probs):
        follow = [q for q in rule(s, rows) if q < len(rows)]
        return sum(table[t + 1, q] * emission(t, q, s, rows, probs) for q in follow)

    return cell


def up_to_two(s):
    return [q for q in (s, s - 1) if q >= 0]


def right_rule(s, rows):
    return up_to_two(s) + ([s - 2] if s > 1 and rows[s] not in (0, rows[s - 2]) else [])


def right_beta_rule(s, rows):
    return [s, s + 1] + ([s + 2] if s + 2 < len(rows) and rows[s + 2] not in (0, rows[s]) else [])


def posterior_by_fancy_index(gamma, rows, C):
    out = np.zeros((len(gamma), C))
    out[:, rows] += gamma  # a class in several rows is written once
    return out


def posterior_in_a_loop(gamma, rows, C):
    out = np.zeros((len(gamma), C))
    for s in range(len(rows)):
        out[:, rows[s]] = gamma[:, s]
    return out


def posterior_of_labels(gamma, rows, C):
    return np.stack([gamma[:, rows == k].sum(1) * (k > 0) for k in range(C)], axis=1)


def posterior_mean(gamma, rows, C):
    return np.stack([gamma[:, rows == k].mean(1) if k in rows else np.zeros(len(gamma)) for k in range(C)], axis=1)


def naive_log_add(a, b):
    with np.errstate(all="ignore"):
        return np.log(np.exp(np.float64(a)) + np.exp(np.float64(b)))


def no_guard(a, b):
    with np.errstate(all="ignore"):
        m = np.maximum(a, b)
        return m + np.log(np.exp(a - m) + np.exp(b - m))


def not_added_back(a, b):
    m = max(a, b)
    return m if m == -math.inf else math.log(math.exp(a - m) + math.exp(b - m))


def first_taken_out(a, b, exp=np.exp):
    if a == -math.inf:
        return b
    if b == -math.inf:
        return a
    with np.errstate(all="ignore"):
        return a + np.log1p(exp(b - a))


def min_for_max(a, b):
    m = min(a, b)
    if m == -math.inf:
        return -math.inf
    return m + math.log(math.exp(a - m) + math.exp(b - m))


def skips_without_guard(table, t, s, rows, probs, may_step):
    total = table[t - 1, s]
    if s in may_step:
        total += table[t - 1, s - 1]
    if rows[s] != 0 and rows[s] != rows[s - 2]:
        total += table[t - 1, s - 2]
    return total * probs[t, rows[s]]


def column_t(table, t, s, rows, probs):
    return sum(table[t, q] for q in right_rule(s, rows)) * probs[t, rows[s]]


def alpha_swapped(table, t, s, rows, probs):
    total = table[s, t - 1]
    if s >= 1:
        total += table[s - 1, t - 1]
    if s >= 2 and rows[s] != rows[s - 2]:
        total += table[s - 2, t - 1]
    return total * probs[t, rows[s]]


def beta_swapped(table, t, s, rows, probs):
    return sum(table[q, t + 1] * probs[t + 1, rows[q]] for q in right_beta_rule(s, rows) if q < len(rows))


def beta_with_step_t(table, t, s, rows, probs):
    return probs[t, rows[s]] * beta(right_beta_rule)(table, t, s, rows, probs)


def beta_past_the_end(table, t, s, rows, probs):
    total = table[t + 1, s] * probs[t + 1, rows[s]] + table[t + 1, s + 1] * probs[t + 1, rows[s + 1]]
    if rows[s + 2] != 0 and rows[s + 2] != rows[s]:
        total += table[t + 1, s + 2] * probs[t + 1, rows[s + 2]]
    return total


def beta_step_past_the_end(table, t, s, rows, probs):
    total = table[t + 1, s] * probs[t + 1, rows[s]] + table[t + 1, s + 1] * probs[t + 1, rows[s + 1]]
    if s + 2 < len(rows) and rows[s + 2] != 0 and rows[s + 2] != rows[s]:
        total += table[t + 1, s + 2] * probs[t + 1, rows[s + 2]]
    return total


def vectorised_beta(table, t, s, rows, probs):
    e = table[t + 1] * probs[t + 1, rows]
    skip = s + 2 < len(rows) and rows[s + 2] not in (0, rows[s])
    return e[s : s + 2].sum() + (e[s + 2] if skip else 0.0)


def ways_in(table, t, s, rows):
    return [table[t - 1, q] for q in right_rule(s, rows)]


def brackets_forgotten(table, t, s, rows, probs):
    p = probs[t, rows[s]]
    if s > 1 and rows[s] != 0 and rows[s] != rows[s - 2]:
        return table[t - 1, s] + table[t - 1, s - 1] + table[t - 1, s - 2] * p
    if s > 0:
        return table[t - 1, s] + table[t - 1, s - 1] * p
    return table[t - 1, s] * p


def within_the_column(table, t, s, rows, probs, skip_too):
    total = table[t - 1, s] + (table[t, s - 1] if s > 0 else 0.0)
    if s > 1 and rows[s] != 0 and rows[s] != rows[s - 2]:
        total += table[t - skip_too, s - 2]
    return total * probs[t, rows[s]]


def first_time_only(s, rows):
    return up_to_two(s) + ([s - 2] if s > 1 and rows[s] and list(rows).index(rows[s]) == s else [])


def own_row_holds_a_label(s, rows):
    """The same rule: every second row holds a label, so row s holds one where row s + 2 does."""
    return [s, s + 1] + ([s + 2] if s + 2 < len(rows) and rows[s] not in (0, rows[s + 2]) else [])


def condition_of_alpha(s, rows):
    return [s, s + 1] + ([s + 2] if s > 1 and rows[s] not in (0, rows[s - 2]) else [])


def first_time_only_in_beta(s, rows):
    return [s, s + 1] + ([s + 2] if s + 2 < len(rows) and rows[s + 2] and rows[s + 2] not in rows[: s + 2] else [])


def blanks_too(s, rows):
    return [s, s + 1] + ([s + 2] if s + 2 < len(rows) and (s % 2 == 0 or rows[s + 2] != rows[s]) else [])


def tables(logits, target, probs=None):
    """Alpha, beta, probabilities and q, by the package."""
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True) if probs is None else probs
    lattice = forward_backward(np.log(p), target)
    q = np.stack([lattice.posterior[:, lattice.rows == k].sum(1) for k in range(p.shape[1])], 1)
    return lattice, p, q


def training_step(answer):
    """An answer to 06-6 from (loss, p, q)."""

    def run(logits, target):
        lattice, p, q = tables(logits, target)
        return answer(-lattice.log_likelihood, p, q)

    return run


def not_divided(logits, target):
    lattice, p, q = tables(logits, target)
    return -lattice.log_likelihood, p - q * math.exp(lattice.log_likelihood)


def last_cell_alone(logits, target):
    lattice, p, q = tables(logits, target)
    end = math.exp(lattice.alpha[-1, -1])
    return -math.log(end), p - q * math.exp(lattice.log_likelihood) / end


def without_softmax(logits, target, probs, subtracted_from):
    rows = extend(target)
    a, b = np.zeros((len(logits), len(rows))), np.zeros((len(logits), len(rows)))
    a[0, :2], b[-1, -2:] = probs[0, rows[:2]], 1
    for t in range(1, len(logits)):
        for s in range(len(rows)):
            a[t, s] = alpha(right_rule)(a, t, s, rows, probs)
    for t in range(len(logits) - 2, -1, -1):
        for s in range(len(rows)):
            b[t, s] = beta(right_beta_rule)(b, t, s, rows, probs)
    p_text = a[-1, -2:].sum()
    q = np.stack([(a * b / p_text)[:, rows == k].sum(1) for k in range(logits.shape[1])], 1)
    with np.errstate(all="ignore"):
        return -np.log(p_text), subtracted_from - q


def softmax_over_steps(logits, target):
    p = np.exp(logits) / np.exp(logits).sum(0)
    lattice, _, q = tables(None, target, p)
    return -lattice.log_likelihood, p - q


def skips_instead(s, rows):
    return [s] + ([s - 2] if s > 1 and rows[s] not in (0, rows[s - 2]) else up_to_two(s)[1:])


def skips_instead_in_beta(s, rows):
    return [s] + ([s + 2] if s + 2 < len(rows) and rows[s + 2] not in (0, rows[s]) else [s + 1])


def every_blank(s, rows):
    return up_to_two(s) + ([s - 2] if s > 1 and s % 2 == 0 else [])


def equal_labels(s, rows):
    return up_to_two(s) + ([s - 2] if s > 1 and rows[s] and rows[s] == rows[s - 2] else [])


def from_row_two(s, rows):
    return right_rule(s, rows) if s >= 2 else [s]


def paid_at_the_row_before(table, t, s, rows, probs):
    return sum(table[t - 1, q] * probs[t, rows[q]] for q in right_rule(s, rows))


def paid_by_adding(table, t, s, rows, probs):
    return sum(table[t - 1, q] for q in right_rule(s, rows)) + probs[t, rows[s]]


def beta_at(column, step=1):
    """A beta cell that reads another column than t + 1."""

    def cell(table, t, s, rows, probs):
        follow = [q for q in right_beta_rule(s, rows) if q < len(rows)]
        return sum(table[t + column, q] * probs[t + step, rows[q]] for q in follow)

    return cell


def beta_within(table, t, s, rows, probs):
    follow = [q for q in right_beta_rule(s, rows) if q < len(rows)]
    return sum(table[t + (q == s), q] * probs[t + 1, rows[q]] for q in follow)


def ends_a_row_early(s, rows):
    return [s] + [q for q in right_beta_rule(s, rows)[1:] if q < len(rows) - 1]


def by_class(combine, rows_of=lambda rows: rows):
    """06-4 class by class: the columns of posterior in one class, T by their number, combined."""

    def run(gamma, rows, C):
        rows = rows_of(rows)
        held = [gamma[:, : len(rows)][:, rows == k] for k in range(C)]
        return np.stack([combine(part) if part.size else np.zeros(len(gamma)) for part in held], axis=1)

    return run


sums_by_class = by_class(lambda part: part.sum(1))


def stored_whole(gamma, rows, C):
    q = np.zeros((len(gamma), C), dtype=int)
    for s, k in enumerate(rows):
        q[:, k] = q[:, k] + gamma[:, s]
    return q


def first_columns(gamma, rows, C):
    return np.stack([gamma[:, k] if k < gamma.shape[1] else np.zeros(len(gamma)) for k in range(C)], axis=1)


def from_m(combine, both=-np.inf):
    """06-5 from the larger m and the sum of the two exponentials."""

    def run(a, b):
        m = max(a, b)
        return both if m == -np.inf else combine(m, np.exp(a - m) + np.exp(b - m))

    return run


def other_way_round(a, b):
    m, low = max(a, b), min(a, b)
    with np.errstate(all="ignore"):
        return m if m == -np.inf else m + np.log1p(np.exp(m - low))


def sum_of_last_column():
    table = np.zeros((26, 11))
    table[0, :2] = 1
    rows, ones = extend((1, 2, 3, 3, 4)), np.ones((26, 5))
    for t in range(1, 26):
        for s in range(11):
            table[t, s] = alpha(right_rule)(table, t, s, rows, ones)
    return int(table[-1].sum())


WRONG = [
    ("06-1", alpha(skips_instead), "skips in place of stepping"),
    ("06-1", alpha(from_row_two), "steps from row 2 on only"),
    ("06-1", alpha(every_blank), "skips into blanks only"),
    ("06-1", alpha(equal_labels), "skips between equal labels only"),
    ("06-1", paid_at_the_row_before, "takes the probability of the row that it comes from"),
    ("06-1", alpha(right_rule, lambda t, s, rows, probs: probs[t][rows[s - 1]]), "takes the class of the row before"),
    (
        "06-1",
        alpha(right_rule, lambda t, s, rows, probs: probs[t + 1 if t + 1 < len(probs) else t][rows[s]]),
        "takes the probability of the next step",
    ),
    ("06-1", paid_by_adding, "adds the probability of the sign"),
    ("06-2", 1490116119384765625, "counts all paths, whatever they spell"),
    ("06-2", math.log(math.comb(30, 10)), "gives the logarithm"),
    ("06-3", beta(lambda s, rows: right_beta_rule(s, rows)[1:]), "cannot stay in its row"),
    ("06-3", beta(lambda s, rows: [q for q in right_beta_rule(s, rows) if q != s + 1]), "cannot go on to the next row"),
    ("06-3", beta(skips_instead_in_beta), "skips in place of stepping"),
    ("06-3", beta(ends_a_row_early), "stops one row early"),
    ("06-3", beta(lambda s, rows: [s, s + 1] + [s + 2] * (s % 2 == 0)), "skips into blanks only"),
    ("06-3", beta_within, "steps and skips within column t"),
    ("06-3", beta_at(0), "reads column t in place of column t + 1"),
    ("06-3", beta_at(-1), "reads column t - 1, as alpha does"),
    ("06-3", beta_at(-1, step=-1), "reads column t - 1, as alpha does"),
    (
        "06-3",
        beta(right_beta_rule, lambda t, q, s, rows, probs: probs[t + 1, q]),
        "takes the number of the row for the class",
    ),
    ("06-4", by_class(lambda part: part.max(1)), "takes the largest of the rows of a class"),
    ("06-4", by_class(lambda part: part.sum(1), rows_of=lambda rows: rows[:-1]), "leaves out the last row"),
    ("06-4", first_columns, "takes the number of the row for the class"),
    (
        "06-4",
        lambda *given: (
            sums_by_class(*given) / np.where(sums_by_class(*given).sum(0) > 0, sums_by_class(*given).sum(0), 1)
        ),
        "divides each class by its sum over the steps",
    ),
    ("06-4", lambda *given: sum(sums_by_class(*given)), "adds up the steps"),
    ("06-4", lambda gamma, rows, C: gamma.sum(1), "adds up the classes"),
    ("06-4", lambda *given: 1 - sums_by_class(*given), "gives what is missing to 1"),
    ("06-4", stored_whole, "stores whole numbers"),
    ("06-4", lambda gamma, rows, C: sums_by_class(gamma, rows, max(rows) + 1), "has as many classes as the rows hold"),
    ("06-5", from_m(lambda m, total: m + math.log10(total)), "takes logarithms to another base"),
    ("06-5", from_m(lambda m, total: m + math.log2(total)), "takes logarithms to another base"),
    ("06-5", from_m(lambda m, total: m + total), "forgets the logarithm"),
    ("06-5", lambda a, b: math.e**a + np.exp(b), "gives the sum of the probabilities"),
    ("06-5", from_m(lambda m, total: m + np.log(total / 2)), "takes the mean of the probabilities"),
    ("06-5", from_m(lambda m, total: m - np.log(total)), "subtracts what it should add"),
    ("06-5", from_m(lambda m, total: m * np.log(total)), "multiplies where it should add"),
    ("06-5", other_way_round, "takes the difference the wrong way round"),
    ("06-5", lambda a, b: np.minimum(a, b), "takes the smaller one alone"),
    ("06-5", from_m(lambda m, total: m + np.log(total), both=0), "gives 0 for two impossible events"),
    (
        "06-5",
        lambda a, b: np.logaddexp(a, b) if abs(a - b) <= 10 else max(a, b),
        "leaves the smaller one out where it is far below",
    ),
    ("06-6", training_step(lambda loss, p, q: (loss, q)), "gives q alone, without p"),
    ("06-6", training_step(lambda loss, p, q: (loss, p)), "gives p alone, without q"),
    (
        "06-6",
        training_step(lambda loss, p, q: (loss, (p - q) / p.shape[0])),
        "divides the gradient by the number of steps",
    ),
    (
        "06-6",
        lambda z, y: training_step(lambda loss, p, q: (loss / (len(y) or 1), p - q))(z, y),
        "divides the loss by the length of the target",
    ),
    (
        "06-6",
        training_step(lambda loss, p, q: (loss, np.negative(q) / p)),
        "gives the gradient with respect to the probabilities",
    ),
    ("06-6", training_step(lambda loss, p, q: (loss, p * p - p * q)), "multiplies by p once more"),
    (
        "06-6",
        lambda z, y: training_step(lambda loss, p, q: (loss, z - p + q))(z, y),
        "gives the logits after a step",
    ),
    ("06-6", training_step(lambda loss, p, q: (loss, np.transpose(p - q))), "puts the classes before the steps"),
    ("06-6", training_step(lambda loss, p, q: (loss / math.log(10), p - q)), "takes a logarithm to another base"),
    ("06-6", training_step(lambda loss, p, q: loss), "gives the loss alone"),
    ("06-6", training_step(lambda loss, p, q: p - q), "gives the gradient alone"),
    (
        "06-1",
        alpha(lambda s, rows: up_to_two(s) + ([s - 2] if s > 1 and rows[s] != 0 else [])),
        "skips between equal labels too",
    ),
    ("06-1", alpha(lambda s, rows: up_to_two(s)), "never skips a blank"),
    (
        "06-1",
        alpha(
            lambda s, rows: up_to_two(s) + ([s - 2] if s > 1 and not (rows[s] == rows[s - 2] and rows[s] > 0) else [])
        ),
        "skips from blank to blank",
    ),
    ("06-1", alpha(lambda s, rows: [q for q in (s, s - 1, s - 2) if q >= 0]), "skips always"),
    ("06-1", alpha(lambda s, rows: [q for q in right_rule(s, rows) if q != s]), "cannot stay in its row"),
    ("06-1", alpha(lambda s, rows: [q for q in right_rule(s, rows) if q != s - 1]), "cannot come from the row before"),
    (
        "06-1",
        alpha(lambda s, rows: [s, s - 1] + ([s - 2] if s > 1 and rows[s] not in (0, rows[s - 2]) else [])),
        "reads row -1 where s = 0",
    ),
    ("06-1", alpha(right_rule, lambda t, s, rows, probs: 1.0), "leaves out the probability of the sign"),
    (
        "06-1",
        alpha(right_rule, lambda t, s, rows, probs: probs[t - 1][rows[s]]),
        "takes the probability of the step before",
    ),
    (
        "06-1",
        alpha(right_rule, lambda t, s, rows, probs: probs[t][s]),
        "takes the number of the row for the class",
    ),
    ("06-2", math.comb(31, 10), "lets the two l's merge, or has 27 steps"),
    ("06-2", math.comb(29, 10), "reads only the last cell of the last column, or has 25 steps"),
    ("06-2", 5852925, "has only one l"),
    ("06-2", sum_of_last_column(), "adds all cells of the last column"),
    ("06-2", 2.0162868255e-11, "takes probabilities that sum to 1 at each step, such as 1/5"),
    ("06-2", 0, "takes probabilities that sum to 1 at each step, such as 1/5"),
    ("06-1", lambda *given: skips_without_guard(*given, [1, 2, 3, 4, 5, 6]), "reads row -1 where s = 1"),
    ("06-1", lambda *given: skips_without_guard(*given, range(7)), "reads row -1 where s = 0 and s = 1"),
    ("06-1", column_t, "reads column t in place of column t - 1"),
    ("06-1", alpha_swapped, "swaps the axes of alpha"),
    ("06-1", alpha(right_rule, lambda t, s, rows, probs: probs[rows[s]][t]), "swaps the axes of probs"),
    (
        "06-1",
        lambda table, t, s, rows, probs: alpha_swapped(table, t, s, rows, probs.T),
        "swaps the axes of alpha and probs",
    ),
    ("06-3", beta_with_step_t, "includes step t"),
    (
        "06-3",
        beta(right_beta_rule, lambda t, q, s, rows, probs: probs[t, rows[s]]),
        "multiplies by one probability outside the sum, as alpha does",
    ),
    ("06-3", beta(right_rule), "reads rows s - 1 and s - 2"),
    ("06-3", beta_past_the_end, "reads past the last row"),
    ("06-3", beta_step_past_the_end, "reads past the last row"),
    ("06-3", beta_swapped, "swaps the axes of beta"),
    ("06-3", beta(right_beta_rule, lambda t, q, s, rows, probs: probs[rows[q], t + 1]), "swaps the axes of probs"),
    (
        "06-3",
        lambda table, t, s, rows, probs: beta_swapped(table, t, s, rows, probs.T),
        "swaps the axes of probs",
    ),
    (
        "06-4",
        lambda g, rows, C: np.stack([g[:, rows == k].sum(1) for k in range(C)]),
        "puts the classes before the steps",
    ),
    ("06-4", lambda g, rows, C: np.stack([g[:, rows == k].sum(1) for k in range(3)], 1), "has 3 classes whatever C is"),
    ("06-5", lambda a, b: math.log(math.exp(a) + math.exp(b)), "goes through exp and back"),
    ("06-5", first_taken_out, "takes out one that is not always the larger"),
    ("06-5", lambda a, b: first_taken_out(b, a), "takes out one that is not always the larger"),
    ("06-5", lambda a, b: first_taken_out(a, b, math.exp), "takes out one that is not always the larger"),
    ("06-5", min_for_max, "takes out one that is not always the larger"),
    (
        "06-3",
        beta(lambda s, rows: [s, s + 1] + ([s + 2] if s + 2 < len(rows) and rows[s + 2] else [])),
        "skips between equal labels too",
    ),
    ("06-3", beta(lambda s, rows: [s, s + 1]), "never skips a blank"),
    (
        "06-3",
        beta(right_beta_rule, lambda t, q, s, rows, probs: probs[t + 1, rows[s]]),
        "multiplies by the probability of its own row",
    ),
    (
        "06-3",
        beta(right_beta_rule, lambda t, q, s, rows, probs: probs[t, rows[q]]),
        "takes the probability of its own step",
    ),
    ("06-3", beta(right_beta_rule, lambda t, q, s, rows, probs: 1.0), "leaves out the probabilities"),
    (
        "06-1",
        lambda table, t, s, rows, probs: max(ways_in(table, t, s, rows)) * probs[t, rows[s]],
        "takes the largest of the ways in, not their sum",
    ),
    ("06-1", brackets_forgotten, "multiplies only the last way in by the probability"),
    ("06-1", lambda *given: within_the_column(*given, skip_too=1), "steps within column t"),
    ("06-1", lambda *given: within_the_column(*given, skip_too=0), "steps within column t"),
    ("06-1", alpha(first_time_only), "skips only into a letter that has not occurred before"),
    ("06-3", beta(first_time_only_in_beta), "skips only into a letter that has not occurred before"),
    ("06-3", beta(lambda s, rows: [s, s + 1, s + 2]), "skips always"),
    ("06-3", beta(condition_of_alpha), "skips where alpha does"),
    ("06-3", beta(blanks_too), "skips from blank to blank"),
    (
        "06-3",
        lambda table, t, s, rows, probs: max(
            table[t + 1, q] * probs[t + 1, rows[q]] for q in right_beta_rule(s, rows) if q < len(rows)
        ),
        "takes the largest of the ways on, not their sum",
    ),
    ("06-6", training_step(lambda loss, p, q: (loss, q - p)), "gives q - p"),
    ("06-6", lambda z, y: training_step(lambda loss, p, q: (loss, z - q))(z, y), "subtracts q from the logits"),
    (
        "06-6",
        training_step(lambda loss, p, q: (loss, -q)),
        "gives the gradient with respect to the log-probabilities",
    ),
    ("06-6", not_divided, "does not divide by p(Y | X)"),
    ("06-6", training_step(lambda loss, p, q: (math.exp(-loss), p - q)), "gives the probability in place of the loss"),
    ("06-6", training_step(lambda loss, p, q: (-loss, p - q)), "gives ln p(Y | X), without the minus"),
    ("06-6", last_cell_alone, "reads the last cell alone"),
    ("06-6", lambda z, y: without_softmax(z, y, z, z), "takes the logits for probabilities"),
    ("06-6", lambda z, y: without_softmax(z, y, np.exp(z), np.exp(z)), "takes the logits for probabilities"),
    (
        "06-6",
        lambda z, y: without_softmax(z, y, np.exp(z), np.exp(z) / np.exp(z).sum(1, keepdims=True)),
        "takes the logits for logarithms of probabilities",
    ),
    ("06-6", softmax_over_steps, "takes the softmax over the steps"),
    (
        "06-6",
        lambda z, y: (-tables(z, y)[0].log_likelihood, tables(z, y)[0].posterior),
        "gives the posterior of the rows",
    ),
    ("06-6", training_step(lambda loss, p, q: (p - q, loss)), "gives the gradient before the loss"),
    ("06-4", posterior_in_a_loop, "keeps one row of each class"),
    ("06-4", posterior_by_fancy_index, "keeps one row of each class"),
    ("06-4", posterior_of_labels, "leaves the blank out"),
    ("06-4", posterior_mean, "averages over the rows of a class"),
    ("06-2", math.comb(30, 10) - math.comb(29, 10), "reads only the cell of the last label"),
    ("06-4", lambda g, rows, C: -np.stack([g[:, rows == k].sum(1) for k in range(C)], 1), "keeps the minus sign"),
    (
        "06-5",
        lambda a, b: np.logaddexp(a, b) if np.isfinite([a, b]).all() else -np.inf,
        "gives up when one of the two is impossible",
    ),
    ("06-5", lambda a, b: b if b == a else np.logaddexp(b, a), "returns one of the two when they are equal"),
    ("06-5", naive_log_add, "goes through exp and back"),
    ("06-5", not_added_back, "forgets to add the larger one back"),
    ("06-5", no_guard, "gives nan for two impossible events"),
    ("06-5", lambda a, b: b + a, "adds the logarithms"),
    ("06-5", lambda a, b: np.maximum(a, b), "takes the larger one alone"),
]


def by_torch(logits, target):
    z = torch.tensor(logits, requires_grad=True)
    labels = torch.tensor([target], dtype=torch.long).reshape(1, -1)
    log_probs = z.log_softmax(1)[:, None]  # T N C
    loss = torch.nn.functional.ctc_loss(log_probs, labels, [len(z)], [len(target)], reduction="sum")
    loss.backward()
    return loss.item(), z.grad


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("06-1", alpha(right_rule)),
        ("06-3", beta(right_beta_rule)),
        ("06-3", beta(own_row_holds_a_label)),
        ("06-4", sums_by_class),
        ("06-5", np.logaddexp),
        ("06-2", math.comb(30, 10)),
        ("06-6", training_step(lambda loss, p, q: (loss, p - q))),
        ("06-6", by_torch),
    ],
)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize("target", [(1, 2), (1, 1, 2), ()])
def test_the_tracer_fills_the_same_tables_as_the_package(target):
    lattice = forward_backward(np.log(PROBS), target)
    forward = trace_forward(alpha(right_rule), PROBS, target, "-ab")
    backward = trace_backward(beta(right_beta_rule), PROBS, target, "-ab")
    for trace, table in ((forward, lattice.alpha), (backward, lattice.beta)):
        assert not trace.missing
        assert not trace.wrong
        assert np.allclose(trace.table, np.exp(table))


def test_a_skip_between_equal_labels_is_drawn_as_wrong():
    trace = trace_forward(find("06-1").mistakes[0].answer, PROBS, (1, 1, 2), "-ab")
    assert {(a[1], b[1]) for a, b in trace.wrong} == {(1, 3)}
    assert not trace.missing
    assert "first wrong: from t=0, s=1 into t=1, s=3" in trace.summary()
    assert "4 wrong" in trace._repr_html_()


def test_a_read_of_row_minus_one_is_drawn_as_wrong_and_explained():
    cell = alpha(lambda s, rows: [s, s - 1])
    trace = trace_forward(cell, PROBS, (1,), "-ab")
    assert ((0, -1), (1, 0)) in trace.wrong
    assert "a negative row counts from the end" in trace.summary()


def test_a_stub_reads_nothing_so_all_arrows_are_missing():
    trace = trace_forward(lambda *arguments: ..., PROBS, (1, 2), "-ab")
    rows = extend((1, 2))
    arrows = sum(len(right_rule(s, rows)) for s in range(len(rows))) * (len(PROBS) - 1)
    assert (len(trace.right), len(trace.missing), len(trace.wrong)) == (0, arrows, 0)


def test_slices_and_rows_are_watched_too():
    def cell(table, t, s, rows, probs):
        low = s - 2 if s > 1 and rows[s] not in (0, rows[s - 2]) else max(s - 1, 0)
        return table[t - 1, low : s + 1].sum() * probs[t, rows[s]]

    trace = trace_forward(cell, PROBS, (1, 2), "-ab")
    assert not trace.missing
    assert not trace.wrong


@pytest.mark.parametrize("target", [(1, 2), (1, 1, 2)])
def test_a_column_read_whole_and_used_in_part_is_right(target):
    trace = trace_backward(vectorised_beta, PROBS, target, "-ab")
    assert not trace.missing
    assert not trace.wrong


@pytest.mark.parametrize(
    ("cell", "at", "arrows", "said"),
    [
        (beta_past_the_end, (3, 3), 7, "rows[5] does not exist: rows are 0 to 4"),
        (beta_step_past_the_end, (3, 4), 9, "[4, 5] does not exist: time steps are 0 to 4, rows 0 to 4, time first"),
        (lambda table, t, s, rows, probs: 1 / 0, (3, 0), 0, "ZeroDivisionError"),
    ],
)
def test_a_read_past_the_end_is_said_and_what_came_before_is_drawn(cell, at, arrows, said):
    trace = trace_backward(cell, PROBS, (1, 2), "-ab")
    assert trace.summary().startswith(f"stopped at t={at[0]}, s={at[1]} by ")
    assert said in trace.summary()
    assert len(trace.right) == arrows
    assert said in trace._repr_html_()


def test_swapped_axes_end_in_a_sentence():
    summary = trace_forward(alpha_swapped, PROBS, (1, 1, 2), "-ab").summary()
    assert "stopped at t=1, s=5" in summary
    assert "[5, 0] does not exist" in summary


def test_a_row_can_be_looped_over():
    trace = trace_forward(lambda table, t, s, rows, probs: sum(table[t - 1]), PROBS, (1, 2), "-ab")
    assert trace.wrong
    assert not trace.stopped
