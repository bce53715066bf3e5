"""Wrong answers to lesson 07 as learners write them: each must be caught, and its cause named."""

import math

import numpy as np
import pytest

from tests.exercises.answers import assert_complete, assert_named, assert_right


def right_step(before, skip, emit):
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


def pay_first(before, skip, emit):
    return right_step(before * emit, skip, np.ones(len(emit)))


def read_end(alpha, T, S):
    return np.array(
        [alpha[t - 1, n, 2 * s] + alpha[t - 1, n, 2 * s - 1] for n, (t, s) in enumerate(zip(T, S, strict=True))]
    )


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


def from_above(before, skip, emit):
    one, two = np.append(before[1:], 0.0), np.append((skip * before)[2:], [0.0, 0.0])
    return (before + one + two[: len(before)]) * emit


def never_rescale(emit, skip):
    alpha = np.concatenate([emit[0, :2], np.zeros(emit.shape[1] - 2)])
    for row in emit[1:]:
        alpha = right_step(alpha, skip, row)
    return math.log(alpha[-2:].sum()) if alpha[-2:].sum() > 0 else -math.inf


WRONG = [
    ("07-1", in_place_loop, "reads rows that it has already changed"),
    ("07-1", rolled, "lets the last rows come back in at the first"),
    ("07-1", padded_wrong_mask, "looks the skip up in the row it comes from"),
    ("07-1", lambda b, k, e: right_step(b, k, np.ones(len(b))), "leaves out the probability of the sign"),
    ("07-1", pay_first, "multiplies by the probability before it adds"),
    ("07-1", lambda b, k, e: right_step(b, 0 * k, e), "never skips"),
    ("07-1", lambda b, k, e: right_step(b, 0 * k + 1, e), "skips into every row"),
    ("07-1", from_above, "takes from the rows above"),
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
    ("07-4", 64, "gives megabytes"),
    ("07-4", 2 * 32 * 500 * 16 * 1000, "counts bits"),
    ("07-4", 500 * 16 * 1000 * 4, "counts the input alone"),
    ("07-4", 2 * 500 * 16 * 1000, "counts numbers, not bytes"),
    ("07-4", 500 * 16 * 1000, "counts the numbers of the input"),
    ("07-4", 2 * 8 * 500 * 16 * 1000, "takes a number for 8 bytes"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


@pytest.mark.parametrize(
    ("key", "answer"), [("07-1", right_step), ("07-2", read_end), ("07-3", rescale), ("07-4", 64e6)]
)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)
