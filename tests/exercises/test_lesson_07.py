"""Wrong answers to lesson 07 as learners write them: each must be caught, and its cause named."""

import math

import numpy as np
import pytest

from crnn_lessons.ctc import forward_backward
from tests.exercises.answers import assert_complete, assert_named, assert_right


def right_step(before, skip, emit):
    out = np.empty_like(before)
    for s in range(len(before)):
        total = before[s] + (before[s - 1] if s >= 1 else 0.0)
        if s >= 2:
            total = total + skip[s] * before[s - 2]
        out[s] = total * emit[s]
    return out


def one_column_by_cells(before, skip, emit):
    out = np.empty_like(before)
    for s in range(len(before)):
        total = before[s]
        if s >= 1:
            total += before[s - 1]
        if s >= 2 and skip[s]:
            total += before[s - 2]
        out[s] = total * emit[s]
    return out


def in_place_loop(before, skip, emit):
    row = before.copy()
    row[1:] = row[1:] + row[:-1]
    row[2:] = row[2:] + skip[2:] * row[:-2]
    return row * emit


def rolled(before, skip, emit):
    return emit * sum([before, np.roll(before, 1), skip * np.roll(before, 2)])


def padded_wrong_mask(before, skip, emit):
    one = np.concatenate([[0.0], before])[:-1]
    two = np.concatenate([[0.0, 0.0], skip * before])[: len(before)]
    return (before + one + two) * emit


def one_column_padded(before, skip, emit):
    one = np.concatenate([[0.0], before[:-1]])
    two = np.concatenate([[0.0, 0.0], before[:-2]])[: len(before)]
    return (before + one + skip * two) * emit


def padded_twice(before, skip, emit):
    beside = [(0, 0)] * (before.ndim - 1)
    one, two = np.pad(before, [(1, 0), *beside]), np.pad(before, [(2, 0), *beside])
    return (before + one[:-1] + skip * two[:-2]) * emit


def skip_then_step(before, skip, emit):
    row = np.array(before)
    row[2:] = row[2:] + skip[2:] * row[:-2]
    row[1:] = row[1:] + row[:-1]
    return row * emit


def pay_first(before, skip, emit):
    return right_step(before * emit, skip, np.ones(len(emit)))


def read_end(alpha, T, S):
    return np.array(
        [alpha[t - 1, n, 2 * s] + alpha[t - 1, n, 2 * s - 1] for n, (t, s) in enumerate(zip(T, S, strict=True))]
    )


def rows_past_the_end(alpha, T, S):
    n, t, s = np.arange(len(T)), np.array(T) - 1, 2 * np.array(S)
    return alpha[t, n, s] + alpha[t, n, s + 1]


def single_rows(alpha, T, S):
    return [alpha[t - 1, n, s] + alpha[t - 1, n, s - 1] for n, (t, s) in enumerate(zip(T, S, strict=True))]


def rescale(emit, skip, sign=1.0, rest=True):
    alpha = np.concatenate([emit[0, :2], np.zeros(emit.shape[1] - 2)])
    account = 0.0
    for t in range(1, len(emit)):
        account += sign * math.log(alpha.sum())
        alpha = right_step(alpha / alpha.sum(), skip, emit[t])
    return account + (math.log(alpha[-1] + alpha[-2]) if rest else 0.0)


def ending(read):
    def run(emit, skip):
        alpha = np.concatenate([emit[0, :2], np.zeros(emit.shape[1] - 2)])
        account = []
        for row in emit[1:]:
            account.append(math.log(alpha.sum()))
            alpha = right_step(alpha / alpha.sum(), skip, row)
        return read(sum(account), alpha)

    return run


def multiply_the_scales(emit, skip):
    alpha, product = np.concatenate([emit[0, :2], np.zeros(emit.shape[1] - 2)]), 1.0
    for row in emit[1:]:
        product *= alpha.sum()
        alpha = right_step(alpha / alpha.sum(), skip, row)
    return math.log(product * alpha[-2:].sum()) if product > 0 else -math.inf


def in_logarithms(emit, skip):
    e = np.log(emit)
    a = np.full(e.shape[1], -np.inf)
    a[:2] = e[0, :2]
    for row in e[1:]:
        two = np.where(skip[2:] > 0, a[:-2], -np.inf)
        a = np.logaddexp(a, np.append(-np.inf, np.logaddexp(a[:-1], np.append(-np.inf, two)))) + row
    return np.logaddexp(a[-1], a[-2])


def batch(targets):
    """Rows, may-skip and ends of a batch, L x N, by loops."""
    N, L = len(targets), max(2 * len(y) + 1 for y in targets)
    rows, skip, ends = np.zeros((L, N), dtype=int), np.zeros((L, N)), np.zeros((L, N))
    for n, y in enumerate(targets):
        for i, k in enumerate(y):
            rows[2 * i + 1, n] = k
            skip[2 * i + 1, n] = float(i > 0 and k != y[i - 1])
        ends[2 * len(y), n] = 1
        if y:
            ends[2 * len(y) - 1, n] = 1
    return rows, skip, ends


def wait(log_probs, rows, T_n):
    emit = np.exp(np.take_along_axis(log_probs, rows.T[None], axis=2)).transpose(0, 2, 1)  # T L N
    for n, T in enumerate(T_n):
        emit[T:, :, n] = rows[:, n] == 0
    return emit


def swept(start, emit, skip, pay=lambda emit, t: emit[t - 1], scale=lambda paid: paid.sum(axis=0), free=True):
    reached, account = [np.asarray(start, dtype=float)], np.zeros(emit.shape[2])
    for t in range(1, len(emit)):
        paid = reached[-1] * pay(emit, t)
        by = scale(paid)
        account = account + np.log(by)
        column = paid / by
        column[1:] += (paid / by)[:-1]
        column[2:] += skip[2:] * (paid / by)[:-2]
        reached.append(column if free else column * emit[t])
    return np.stack(reached), account


def step_and_divide(parts):
    """07-4, each column divided after it has stepped; ``parts`` gives what steps, and what it pays then."""

    def run(start, emit, skip):
        reached, account = [np.array(start)], 0.0
        for t in range(1, len(emit)):
            what, price = parts(reached[-1], emit, t)
            column = padded_twice(what, skip, price)
            account = account + np.log(column.sum(axis=0))
            reached.append(column / column.sum(axis=0))
        return np.array(reached), account

    return run


def product_of_scales(start, emit, skip):
    reached, account = swept(start, emit, skip)
    return reached, np.exp(account)


def whole(
    log_probs, targets, T_n, turn=lambda skip: np.vstack([skip[2:], 0 * skip[:2]])[::-1], begin=lambda ends: ends[::-1],
    back=lambda b: b[::-1, ::-1], pay=True, divide=True, cured=True, result=None, account=lambda a, b: a, add=True,
    cut=True, turn_emissions=lambda emit: emit[::-1, ::-1], buffered=False,
):  # fmt: skip
    """07-5 written apart: each argument is a way to go wrong."""
    rows, skip, ends = batch(targets)
    emit = wait(np.asarray(log_probs), rows, T_n)
    start = np.zeros(rows.shape)
    start[:2] = 1.0
    front, scales = swept(start, emit, skip)
    back_swept, more = swept(begin(ends), turn_emissions(emit), turn(skip))
    gamma = front * back(back_swept) * (emit if pay else 1.0)
    sums = gamma.sum(1)
    with np.errstate(all="ignore"):
        losses = -account(scales, more) - np.log(sums[-1])
        if divide:
            gamma = gamma / (np.where(sums == 0, 1, sums) if cured else sums)[:, None]
    q = np.zeros(np.shape(log_probs))
    if buffered:
        q[:, np.arange(len(targets)), rows] += gamma
    for n in range(len(targets)):
        for s in range(0 if buffered else len(rows)):
            q[:, n, rows[s, n]] = gamma[:, s, n] + (q[:, n, rows[s, n]] if add else 0)
        if cut:
            q[T_n[n] :, n] = 0
    return (losses, q) if result is None else result(losses, q)


def wrong_whole(**slip):
    return lambda log_probs, targets, T_n: whole(log_probs, targets, T_n, **slip)


def three_terms(before, skip, stay=1.0, step=1.0, back=2, add=np.add):
    """07-1 without the emissions, each of its terms by itself."""
    one, two = 0 * before, 0 * before
    one[1:] = before[:-1]
    two[2:] = before[2 - back : len(before) - back] if len(before) > 2 else 0
    return add(add(stay * before, step * one), skip * two)


def ends(read):
    """07-2 with the two cells read in another way, of alpha, t, n and s."""
    return lambda a, T, S: read(a, np.array(T) - 1, np.arange(len(T)), 2 * np.array(S))


def sweeping(after=lambda reached, account, emit: (reached, account), step=padded_twice, first=1, log=np.log, **part):
    """07-4 with a part of it in another way."""

    def run(start, emit, skip):
        reached = np.zeros(emit.shape)
        reached[0] = start
        accounts = np.zeros(emit.shape[part.get("axis_of_accounts", 2)])
        for t in range(first, len(emit)):
            paid = reached[t - 1] * emit[t - 1]
            scale = part.get("scale", lambda paid: paid.sum(0))(paid)
            with np.errstate(all="ignore"):
                accounts += log(scale)
                reached[t] = step(paid / scale if part.get("divide", True) else paid, skip, np.ones(skip.shape))
            if part.get("hurry", False):
                return reached, accounts
        return after(reached, accounts, emit)

    return run


def paid_in_place(reached, account, emit):
    paid = reached[:-1] * emit[:-1]
    return np.concatenate([paid / paid.sum(1, keepdims=True), reached[-1:]]), account


def by_rows(log_probs, targets, T_n, counted=lambda s: True, loss=None, undo=None):
    """07-5 from its parts: which rows count, how the loss is read, and what the columns are divided by."""
    rows, skip, ends = batch(targets)
    emit = wait(log_probs, rows, T_n)
    start = 0 * ends
    start[:2] = 1.0
    front, scales = swept(start, emit, skip)
    mirror = swept(ends[::-1], emit[::-1, ::-1], np.vstack([skip[2:], 0 * skip[:2]])[::-1])[0]
    joint = front * emit * mirror[::-1, ::-1]
    q, sums = np.zeros(log_probs.shape), joint.sum(1)
    by = sums if undo is None else undo(sums)
    with np.errstate(divide="ignore"):
        losses = -scales - np.log(sums[-1] if loss is None else loss(front[-1] * emit[-1], sums))
    for n, T in enumerate(T_n):
        for s in filter(counted, range(len(rows))):
            q[:T, n, rows[s, n]] += (joint[:, s, n] / np.where(by > 0, by, 1)[..., n])[:T]
    return losses, q


def read_off(**part):
    return lambda log_probs, targets, T_n: by_rows(log_probs, targets, T_n, **part)


def logits_gradient(log_probs, targets, T_n):
    losses, q = whole(log_probs, targets, T_n)
    return losses, np.exp(log_probs) - q


def per_label(log_probs, targets, T_n):
    losses, q = whole(log_probs, targets, T_n)
    return [loss / max(len(y), 1) for loss, y in zip(losses, targets, strict=True)], q


def sample_by_sample(log_probs, targets, T_n):
    """07-5 by the package, one sample after the other."""
    losses, q = [], np.zeros_like(log_probs)
    for n, (y, T) in enumerate(zip(targets, T_n, strict=True)):
        lattice = forward_backward(log_probs[:T, n], y)
        losses.append(-lattice.log_likelihood)
        for s, k in enumerate(lattice.rows):
            q[:T, n, k] += lattice.posterior[:, s]
    return np.array(losses), q


def steps(emit, skip, step=None, account=lambda old, new: old + new, first=1, begin=lambda a: a, divide=True):
    """07-3 with a part of it in another way."""
    alpha = np.zeros(emit.shape[1])
    alpha[:2] = emit[0, :2]
    alpha, total = np.asarray(begin(alpha)), 0.0
    for t in range(first, len(emit)):
        with np.errstate(divide="ignore"):
            total = account(total, np.log(alpha.sum()))
        alpha = alpha / alpha.sum() if divide else alpha
        alpha = right_step(alpha, skip, emit[t]) if step is None else step(alpha, t)
    with np.errstate(divide="ignore"):
        return total + np.log(alpha[-2] + alpha[-1])


def by_constant(emit, skip, scale):
    alpha, account = np.concatenate([emit[0, :2], np.zeros(emit.shape[1] - 2)]), 0.0
    for row in emit[1:]:
        account += math.log(scale)
        alpha = right_step(alpha / scale, skip, row)
    with np.errstate(all="ignore"):
        return account + np.log(alpha[-1] + alpha[-2])


def rolled_through(before, skip, emit):
    one, two = np.roll(before, 1), np.roll(before, 2)
    one[0], two[:2] = 0, 0
    return (before + one + skip * two) * emit


def along_the_last_axis(before, skip, emit):
    return (
        np.moveaxis(right_step(before.T, skip.T, emit.T), -1, 0) if before.ndim > 1 else right_step(before, skip, emit)
    )


def in_base(base, reached, account):
    return reached, account / np.log(base)


def always_from_the_first_rows(start, emit, skip):
    begin = np.zeros(start.shape)
    begin[0] = begin[1] = 1
    return swept(begin, emit, skip)


def fading(start, emit, skip):
    """Columns that nothing has divided, and the sums of what they have paid."""
    columns, sums = [start], []
    for price in emit[:-1]:
        paid = columns[-1] * price
        sums.append(paid.sum(axis=0))
        columns.append(padded_twice(paid, skip, 1.0))
    return columns, sums


def undivided(start, emit, skip):
    columns, sums = fading(start, emit, skip)
    with np.errstate(all="ignore"):
        return np.stack([columns[0], *(c / s for c, s in zip(columns[1:], sums, strict=True))]), np.log(sums[-1])


def last_scale_alone(start, emit, skip):
    reached = swept(start, emit, skip)[0]
    return reached, np.log((reached[-2] * emit[-2]).sum(axis=0))


def never_steps(start, emit, skip):
    reached, account = [start], 0.0
    for price in emit[:-1]:
        paid = reached[-1] * price
        account = account + np.log(paid.sum(axis=0))
        reached.append(paid / paid.sum(axis=0))
    return np.stack(reached), account


def log_of_the_product(start, emit, skip):
    reached, product = swept(start, emit, skip)[0], 1.0
    for column, price in zip(reached[:-1], emit[:-1], strict=True):
        product = product * (column * price).sum(axis=0)
    with np.errstate(all="ignore"):
        return reached, np.log(product)


def never_divided(log_probs, targets, T_n):
    rows, skip, ends = batch(targets)
    emit = wait(np.asarray(log_probs), rows, T_n)
    start = np.zeros(rows.shape)
    start[:2] = 1.0
    last = (fading(start, emit, skip)[0][-1] * emit[-1] * ends).sum(axis=0)
    with np.errstate(divide="ignore"):
        losses = -np.log(last)
    q = whole(log_probs, targets, T_n)[1]
    return losses, q * (last > 0)[:, None]


def rows_for_classes(log_probs, targets, T_n):
    rows, skip, ends = batch(targets)
    emit = wait(np.asarray(log_probs), rows, T_n)
    start = np.zeros(rows.shape)
    start[:2] = 1.0
    front, account = swept(start, emit, skip)
    back = swept(ends[::-1], emit[::-1, ::-1], np.vstack([skip[2:], 0 * skip[:2]])[::-1])[0][::-1, ::-1]
    product = front * emit * back
    with np.errstate(divide="ignore"):
        return -account - np.log(product[-1].sum(0)), product / np.maximum(product.sum(1), 1e-300)[:, None]


def from_above(before, skip, emit):
    one, two = np.append(before[1:], 0.0), np.append((skip * before)[2:], [0.0, 0.0])
    return (before + one + two[: len(before)]) * emit


def never_rescale(emit, skip):
    alpha = np.concatenate([emit[0, :2], np.zeros(emit.shape[1] - 2)])
    for row in emit[1:]:
        alpha = right_step(alpha, skip, row)
    return math.log(alpha[-2:].sum()) if alpha[-2:].sum() > 0 else -math.inf


LENGTH_L = "makes L numbers where N accounts belong, or L × N ones"

WRONG = [
    ("07-1", lambda b, k, e: three_terms(b, k, stay=0) * e, "does not let a path stay where it is"),
    ("07-1", lambda b, k, e: three_terms(b, k, step=0) * e, "never steps"),
    ("07-1", lambda b, k, e: three_terms(b, k, step=1 - k) * e, "skips in place of stepping"),
    ("07-1", lambda b, k, e: three_terms(b, k, back=1) * e, "takes one row for two where it skips"),
    ("07-1", lambda b, k, e: three_terms(b, k == 0) * e, "takes a 0 in `skip` for yes"),
    ("07-1", lambda b, k, e: three_terms(b, k, add=np.maximum) * e, "takes the best way into a cell"),
    ("07-1", lambda b, k, e: three_terms(b, k) + e, "adds the probability of the sign"),
    ("07-2", lambda a, T, S: read_end(a, S, T), "takes the input lengths for the target lengths"),
    ("07-2", ends(lambda a, t, n, s: a[n, t, s] + a[n, t, s - 1]), "puts the sample before the step"),
    ("07-2", ends(lambda a, t, n, s: a[t, n, s] * a[t, n, s - 1]), "multiplies the two cells"),
    ("07-2", ends(lambda a, t, n, s: np.maximum(a[t, n, s - 1], a[t, n, s])), "takes the better of the two ends"),
    ("07-2", ends(lambda a, t, n, s: [sum(a[t[i], i]) for i in n]), "reads all rows"),
    ("07-2", lambda a, T, S: sum(read_end(a, T, S)), "adds up all samples"),
    ("07-2", ends(lambda a, t, n, s: a[t - 1, n, s] + a[t - 1, n, s - 1]), "reads the step before the last"),
    ("07-2", ends(lambda a, t, n, s: [a[t[i], i, s[i] - 1 : s[i]].sum() for i in n]), "reads one cell"),
    ("07-2", ends(lambda a, t, n, s: a[t, s, n] + a[t, s - 1, n]), "reads past the end"),
    ("07-3", lambda emit, skip: steps(emit, skip, divide=False), "adds to the account and does not divide"),
    (
        "07-3",
        lambda emit, skip: steps(emit, skip, account=lambda old, new: old + math.exp(new)),
        "adds the sums, not their logarithms",
    ),
    ("07-3", lambda emit, skip: steps(emit, skip, begin=lambda a: [a[0], *(0 * a[1:])]), "begins in the blank alone"),
    ("07-3", ending(lambda account, a: account + a[-1] + a[-2]), "takes no logarithm at the end"),
    ("07-3", ending(lambda account, a: account + np.log(a[0] + a[1])), "reads the first two cells"),
    ("07-3", ending(lambda account, a: account + math.log(a[-2])), "reads the last label alone"),
    (
        "07-3",
        ending(lambda account, a: account / math.log(2) + math.log(a[-2:].sum())),
        "takes logarithms to another base",
    ),
    ("07-6", 2 * 500 * 16 * 1000 * 4 / 1000, "gives kilobytes"),
    ("07-6", 64e6 / 1e9, "gives gigabytes"),
    ("07-6", 2 * 500 * 1000 * 4, "forgets the batch"),
    ("07-6", 3 * 500 * 16 * 1000 * 4, "moves three arrays"),
    ("07-6", 500 * 16 * 1000 * 32, "takes a number for 32 bytes"),
    ("07-4", sweeping(axis_of_accounts=1), LENGTH_L),
    ("07-4", sweeping(step=lambda x, k, ones: right_step(x, k, ones) * np.ones(len(x))), LENGTH_L),
    ("07-4", sweeping(scale=lambda paid: paid.max(0)), "divides by another number than the sum"),
    ("07-4", sweeping(scale=lambda paid: paid.mean(0)), "divides by another number than the sum"),
    ("07-4", sweeping(divide=False), "adds to the accounts and does not divide"),
    ("07-4", sweeping(log=lambda scale: scale), "adds the sums, not their logarithms"),
    ("07-4", sweeping(step=lambda x, k, ones: right_step(x, ones, k)), "hands over the ones before the skips"),
    ("07-4", sweeping(step=lambda x, k, ones: right_step(x, ones, ones)), "skips into every row"),
    ("07-4", sweeping(step=lambda x, k, ones: right_step(x, 0 * k, ones)), "never skips"),
    ("07-4", sweeping(after=paid_in_place), "writes what has been paid into `reached`"),
    (
        "07-4",
        sweeping(after=lambda r, a, emit: (r * emit, a)),
        "gives alpha, which has paid, in place of what is reached",
    ),
    (
        "07-4",
        sweeping(after=lambda r, a, emit: (r, a + np.log((r[-1] * emit[-1]).sum(0)))),
        "counts the last column's sum, too",
    ),
    ("07-4", sweeping(hurry=True), "returns within the loop"),
    ("07-4", sweeping(first=0), "begins the loop at t = 0"),
    ("07-5", wrong_whole(turn=lambda skip: np.roll(skip, -2, axis=0)), "moves the skips and does not turn them"),
    ("07-5", wrong_whole(turn=lambda skip: np.roll(skip, -2)[::-1]), "moves the skips along every axis"),
    ("07-5", wrong_whole(turn=lambda skip: np.roll(skip, -1, 0)[::-1]), "moves the skips by one row"),
    ("07-5", wrong_whole(turn=lambda skip: np.vstack([skip[2:], skip[:2]])[::-1, ::-1]), "turns the samples, too"),
    ("07-5", wrong_whole(begin=lambda ends: np.flip(ends)), "turns the samples, too"),
    ("07-5", wrong_whole(turn_emissions=np.flip), "turns the samples, too"),
    ("07-5", wrong_whole(back=np.flip), "turns the samples, too"),
    ("07-5", wrong_whole(turn_emissions=lambda emit: emit[:, ::-1]), "turns the rows of the emissions alone"),
    ("07-5", wrong_whole(turn_emissions=lambda emit: emit), "does not turn the emissions"),
    ("07-5", read_off(loss=lambda end, sums: sums[0]), "reads the first column in place of the last"),
    ("07-5", read_off(undo=lambda sums: sums[-1:]), "divides every column by the sum of the last"),
    ("07-5", read_off(loss=lambda end, sums: end[-1] + end[-2]), "reads the last rows of the longest target"),
    ("07-5", read_off(loss=lambda end, sums: end.sum(0)), "reads the loss from all rows"),
    ("07-5", read_off(counted=lambda s: s % 2), "leaves out the blanks"),
    ("07-5", read_off(counted=lambda s: s % 2 == 0), "leaves out the labels"),
    ("07-5", logits_gradient, "gives the gradient with respect to the logits"),
    ("07-5", per_label, "divides each loss by the length of its target"),
    ("07-5", wrong_whole(result=lambda losses, q: (np.mean(losses), q)), "takes the mean of the losses"),
    ("07-1", in_place_loop, "reads rows that it has already changed"),
    ("07-1", rolled, "lets the last rows come back in at the first"),
    ("07-1", padded_wrong_mask, "looks the skip up in the row it comes from"),
    ("07-1", lambda b, k, e: right_step(b, k, np.ones(len(b))), "leaves out the probability of the sign"),
    ("07-1", pay_first, "multiplies by the probability before it adds"),
    ("07-1", lambda b, k, e: right_step(b, 0 * k, e), "never skips"),
    ("07-1", lambda b, k, e: right_step(b, 0 * k + 1, e), "skips into every row"),
    ("07-1", from_above, "takes from the rows above"),
    ("07-1", skip_then_step, "skips first and then steps from what it has changed"),
    ("07-1", one_column_by_cells, "takes one column, and not several side by side"),
    ("07-1", one_column_padded, "takes one column, and not several side by side"),
    (
        "07-2",
        lambda a, T, S: np.array([a[t - 1, n, -2:].sum() for n, t in enumerate(T)]),
        "reads the last two rows of the table",
    ),
    ("07-2", single_rows, "takes S for the row, not 2S"),
    ("07-2", lambda a, T, S: a[T - 1, range(len(T)), 2 * S], "takes 1 from a list"),
    ("07-3", in_logarithms, "works in logarithms"),
    ("07-6", 2 * 500 * 16 * 1000 * 4 / 1024**2, "gives mebibytes"),
    ("07-4", lambda *given: swept(*given, scale=lambda paid: np.ones(paid.shape[1])), "does not rescale"),
    ("07-4", lambda *given: swept(*given, scale=lambda paid: paid.sum()), "divides all samples by one sum"),
    ("07-4", lambda *given: swept(*given, scale=lambda paid: paid.sum(1)), "sums over the samples"),
    ("07-4", lambda *given: swept(*given, pay=lambda emit, t: 1.0), "steps without paying"),
    (
        "07-4",
        lambda *given: swept(*given, pay=lambda emit, t: emit[t]),
        "pays for the step that it arrives at",
    ),
    ("07-4", lambda *given: swept(*given, free=False), "pays twice"),
    (
        "07-4",
        step_and_divide(lambda reached, emit, t: (reached * emit[t - 1], 1.0)),
        "divides after the step, not before it",
    ),
    (
        "07-4",
        step_and_divide(lambda reached, emit, t: (reached, emit[t])),
        "computes alpha, which has paid for step t",
    ),
    ("07-4", lambda start, emit, skip: swept(emit[0] * start, emit, skip), "starts with step 0 paid"),
    ("07-4", product_of_scales, "multiplies the scales in place of adding logarithms"),
    ("07-4", lambda *given: (swept(*given)[0], 0 * swept(*given)[1]), "forgets the account"),
    ("07-4", lambda *given: (swept(*given)[0], -swept(*given)[1]), "counts with the wrong sign"),
    ("07-4", lambda *given: swept(*given)[1], "gives the account alone"),
    ("07-4", lambda *given: swept(*given)[0], "gives `reached` alone"),
    ("07-4", always_from_the_first_rows, "begins in the first two rows, whatever `start` is"),
    ("07-4", undivided, "keeps what it has divided, and goes on with what it has not"),
    ("07-4", lambda *given: in_base(10, *swept(*given)), "takes logarithms to another base"),
    ("07-4", lambda *given: in_base(2, *swept(*given)), "takes logarithms to another base"),
    ("07-4", last_scale_alone, "keeps the last scale alone"),
    ("07-4", lambda *given: (swept(*given)[0], swept(*given)[1].sum()), "adds up the accounts of all samples"),
    ("07-4", lambda *given: swept(*given)[::-1], "returns the account first"),
    ("07-4", never_steps, "does not step"),
    ("07-4", log_of_the_product, "multiplies the scales in place of adding logarithms"),
    ("07-1", rolled_through, "rolls along every axis"),
    ("07-1", along_the_last_axis, "shifts along the last axis"),
    ("07-2", lambda a, T, S: read_end(a, np.array(T) + 1, S), "reads past the end"),
    ("07-2", rows_past_the_end, "reads past the end"),
    (
        "07-2",
        lambda a, T, S: a[np.array(T) - 1, range(len(T)), np.array(2 * S)],
        "makes a list twice as long, where numbers should be doubled",
    ),
    ("07-2", lambda a, T, S: -np.log(read_end(a, T, S)), "gives the losses"),
    ("07-3", lambda emit, skip: by_constant(emit, skip, 0.1), "divides by a number that is always the same"),
    ("07-3", lambda emit, skip: by_constant(emit, skip, 0.5), "does not rescale"),
    ("07-3", lambda emit, skip: rescale(emit, skip) / math.log(10), "takes logarithms to another base"),
    ("07-3", lambda emit, skip: rescale(emit, skip) / math.log(2), "takes logarithms to another base"),
    ("07-3", lambda emit, skip: steps(emit, skip, account=lambda old, new: new), "keeps the last scale alone"),
    ("07-3", lambda emit, skip: steps(emit[:2], skip), "returns after the first step"),
    (
        "07-3",
        lambda emit, skip: steps(emit, skip, step=lambda a, t: right_step(a, emit[t], skip)),
        "hands over the step's arguments in the wrong order",
    ),
    (
        "07-3",
        lambda emit, skip: steps(emit, skip, step=lambda a, t: right_step(a, skip, emit[t - 1])),
        "pays for the step before",
    ),
    ("07-3", lambda emit, skip: steps(emit, skip, first=0), "pays for the first step twice"),
    ("07-3", lambda emit, skip: steps(emit, skip, begin=lambda a: emit[0]), "begins in every row"),
    ("07-3", lambda emit, skip: steps(emit, skip, begin=np.ceil), "begins without paying"),
    (
        "07-3",
        ending(lambda account, a: account + math.log(a[-1]) + math.log(a[-2])),
        "adds logarithms at the end, not probabilities",
    ),
    ("07-5", never_divided, "does not rescale"),
    ("07-5", wrong_whole(back=lambda b: b[::-1]), "turns time but not the rows back"),
    ("07-5", wrong_whole(back=lambda b: b[:, ::-1]), "turns the rows but not time back"),
    ("07-5", wrong_whole(begin=lambda ends: ends), "does not turn the ends"),
    ("07-5", wrong_whole(turn_emissions=lambda emit: emit[::-1]), "turns the emissions in time alone"),
    ("07-5", rows_for_classes, "gives the posterior of the rows"),
    ("07-5", wrong_whole(buffered=True), "keeps one row of each class"),
    ("07-5", wrong_whole(result=lambda losses, q: (sum(losses), q)), "adds up the losses of the batch"),
    ("07-5", wrong_whole(result=lambda losses, q: (q, losses)), "gives the gradient first"),
    ("07-5", wrong_whole(turn=lambda skip: skip[::-1]), "turns the skips without moving them"),
    (
        "07-5",
        wrong_whole(turn=lambda skip: skip[::-1], cured=False, cut=False),
        "turns the skips without moving them",
    ),
    ("07-5", wrong_whole(divide=False, cut=False), "does not divide by the sum of the column"),
    ("07-5", wrong_whole(turn=lambda skip: skip), "does not turn the skips"),
    ("07-5", wrong_whole(turn=lambda skip: np.roll(skip, 2, axis=0)[::-1]), "moves the skips the wrong way"),
    (
        "07-5",
        wrong_whole(begin=lambda ends: (np.arange(len(ends)) < 2)[:, None] * np.ones(ends.shape)),
        "starts the mirrored sweep in the first two rows",
    ),
    ("07-5", wrong_whole(back=lambda b: b), "does not turn the result back"),
    ("07-5", wrong_whole(pay=False), "leaves the emissions out of the product"),
    ("07-5", wrong_whole(divide=False), "does not divide by the sum of the column"),
    ("07-5", wrong_whole(account=lambda a, b: 0.0 * a), "forgets the account"),
    ("07-5", wrong_whole(account=lambda a, b: -a), "adds the account with the wrong sign"),
    ("07-5", wrong_whole(account=lambda a, b: a + b), "adds the account of the mirrored sweep, too"),
    ("07-5", wrong_whole(add=False), "keeps one row of each class"),
    ("07-5", wrong_whole(cut=False), "leaves something where a sample is over"),
    ("07-5", wrong_whole(result=lambda losses, q: (losses, -q)), "gives -q"),
    ("07-5", wrong_whole(result=lambda losses, q: (-losses, q)), "gives ln p in place of the loss"),
    ("07-5", wrong_whole(cured=False), "divides 0 by 0 where a target cannot be spelled"),
    ("07-2", lambda a, T, S: read_end(a, [len(a)] * len(T), S), "reads every sample at the last step of the batch"),
    ("07-2", lambda a, T, S: read_end(a, T, [max(S)] * len(S)), "reads the last rows of the longest target"),
    ("07-2", lambda a, T, S: a[-1, :, -2:].sum(axis=1), "reads all samples in the last corner of the batch"),
    ("07-2", lambda a, T, S: [a[t - 1, n, 2 * s] for n, (t, s) in enumerate(zip(T, S, strict=True))], "reads one cell"),
    (
        "07-2",
        lambda a, T, S: [
            a[t - 1, n, 2 * s - 1] + a[t - 1, n, 2 * s - 2] for n, (t, s) in enumerate(zip(T, S, strict=True))
        ],
        "is off by one row",
    ),
    (
        "07-2",
        lambda a, T, S: sum(a[np.array(T) - 1][..., 2 * np.array(S) - d].sum(axis=(1, 2)) for d in (0, 1)),
        "reads all pairs of samples",
    ),
    ("07-3", never_rescale, "does not rescale"),
    ("07-3", lambda emit, skip: rescale(emit, skip, sign=0.0), "forgets what it divided by"),
    ("07-3", lambda emit, skip: rescale(emit, skip, sign=-1.0), "takes the account off a second time"),
    ("07-3", lambda emit, skip: rescale(emit, skip, rest=False), "leaves out the last two cells"),
    ("07-3", multiply_the_scales, "does not rescale"),
    (
        "07-3",
        ending(lambda account, a: account + math.log(a.sum()) + math.log(a[-2:].sum())),
        "counts the last column's sum, too",
    ),
    (
        "07-3",
        ending(lambda account, a: account + math.log((a / a.sum())[-2:].sum())),
        "divides the last column without an entry",
    ),
    ("07-3", ending(lambda account, a: account + math.log(a.sum())), "reads all of the last column"),
    ("07-3", ending(lambda account, a: account + math.log(a[-1])), "reads the last cell alone"),
    ("07-3", ending(lambda account, a: -(account + math.log(a[-2:].sum()))), "gives the loss"),
    ("07-3", ending(lambda account, a: math.exp(account + math.log(a[-2:].sum()))), "gives the probability"),
    ("07-3", lambda emit, skip: rescale(emit[:-1], skip), "stops a step early"),
    ("07-6", 64, "gives megabytes"),
    ("07-6", 2 * 32 * 500 * 16 * 1000, "counts bits"),
    ("07-6", 500 * 16 * 1000 * 4, "counts the input alone"),
    ("07-6", 2 * 500 * 16 * 1000, "counts numbers, not bytes"),
    ("07-6", 500 * 16 * 1000, "counts the numbers of the input"),
    ("07-6", 2 * 8 * 500 * 16 * 1000, "takes a number for 8 bytes"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("07-1", right_step),
        ("07-1", padded_twice),
        ("07-2", read_end),
        ("07-3", rescale),
        ("07-6", 64e6),
        ("07-4", swept),
        ("07-4", sweeping()),
        ("07-5", whole),
        ("07-5", by_rows),
        ("07-5", sample_by_sample),
    ],
)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)
