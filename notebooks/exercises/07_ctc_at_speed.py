"""Exercises of lesson 07, CTC at speed."""

from __future__ import annotations

import numpy as np

from crnn_lessons.exercises import Exercise, mistakes

# 07-1 ---------------------------------------------------------------------------------------------------------------


def _step_cases():
    rng = np.random.default_rng(7)
    first = np.array([0.1, 0.3, 0.2, 0.4, 0.1]), np.array([0, 0, 0, 1.0, 0]), np.array([0.5, 0.2, 0.5, 0.3, 0.5])
    masks = ([0, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 1, 0], [0])
    return [first, *((rng.random(len(m)), np.array(m, dtype=float), rng.random(len(m))) for m in masks)]


def alpha_step(before, skip, emit):
    total = before.copy()
    total[1:] += before[:-1]
    total[2:] += skip[2:] * before[:-2]
    return total * emit


ALPHA_STEP = Exercise(
    key="07-1",
    title="a whole column at once",
    solution=alpha_step,
    mistakes=mistakes(
        alpha_step,
        """
        reads rows that it has already changed :: before[ -> total[
            All three terms belong to the column *before*. Add them from an array that stays as it was.
        lets the last rows come back in at the first ::
            = lambda before, skip, emit: (before + np.roll(before, 1) + skip * np.roll(before, 2)) * emit
            `np.roll` moves in a circle. Nothing comes before row 0: shift with slices.
        looks the skip up in the row it comes from :: skip[2:] -> skip[:-2]
            `skip[s]` says whether row s may be skipped *into*: it goes with `total[2:]`, as `skip[2:]`.
        leaves out the probability of the sign :: * emit ->
            Multiply the sum by `emit`.
        multiplies by the probability before it adds :: total = -> before = before * emit; total = & * emit ->
            The probability is that of the row the path *arrives in*: add first, then multiply.
        never skips :: total[2:] += skip[2:] * before[:-2] ->
            Where `skip[s]` is 1, row s - 2 of the column before comes in, too.
        skips into every row :: skip[2:] * ->
            Row s - 2 comes in only where `skip[s]` is 1: multiply by it.
        takes from the rows above ::
            total[1:] -> total[:-1] & before[:-1] -> before[1:] & total[2:] -> total[:-2] & before[:-2] -> before[2:]
            Paths move to higher rows: row s takes from s, s - 1 and s - 2 of the column before.
        """,
    ),
    cases=_step_cases(),
    show_case=lambda before, skip, emit: (
        f"alpha_step with before = {before.round(3).tolist()}, skip = {skip.astype(int).tolist()} and "
        f"emit = {emit.round(3).tolist()}"
    ),
    hints=(
        ("how do I shift without a loop?", "`before[:-1]` added to `total[1:]` moves everything to the next row."),
        ("the numbers are too large", "Is `total` read after it was changed? Work on a copy, read from `before`."),
    ),
)

# 07-2 ---------------------------------------------------------------------------------------------------------------


def _end_cases():
    rng = np.random.default_rng(8)
    return [
        (np.arange(24).reshape(3, 2, 4) / 100, [3, 2], [1, 1]),
        (rng.random((5, 3, 7)) / 2, [5, 3, 4], [3, 1, 2]),
        (rng.random((4, 2, 5)) / 2, [4, 4], [2, 2]),
        (rng.random((6, 4, 5)) / 2, [2, 6, 3, 5], [1, 2, 2, 1]),
    ]


def _show_end(alpha, T, S):
    table = " and alpha = np.arange(24).reshape(3, 2, 4) / 100" if alpha.shape == (3, 2, 4) else ""
    return f"probabilities_at_end with input_lengths {T} and target_lengths {S}{table}"


def probabilities_at_end(alpha, input_lengths, target_lengths):
    n = np.arange(len(input_lengths))
    t, s = np.array(input_lengths) - 1, 2 * np.array(target_lengths)
    return alpha[t, n, s] + alpha[t, n, s - 1]


PROBABILITIES_AT_END = Exercise(
    key="07-2",
    title="where each sample of a batch ends",
    solution=probabilities_at_end,
    mistakes=mistakes(
        probabilities_at_end,
        """
        reads every sample at the last step of the batch :: alpha[t, -> alpha[-1,
            Past its own length a sample's alpha has run on over padding: read step `input_lengths - 1`.
        reads the last rows of the longest target :: np.array(target_lengths) -> max(target_lengths)
            A shorter target ends in row 2S, with its own S.
        reads all samples in the last corner of the batch :: t, n, s] -> -1, :, -1] & t, n, s - 1] -> -1, :, -2]
            `alpha[-1, :, -2:]` is the end of a sample that has the most steps and the most labels of the batch. Use
            both lengths: step T - 1 and rows 2S and 2S - 1, with each sample's own T and S.
        reads one cell :: + alpha[t, n, s - 1] ->
            A path may end in the blank, row 2S, or in the last label, row 2S - 1.
        is off by one row :: 2 * np.array(target_lengths) -> 2 * np.array(target_lengths) - 1
            There are 2S + 1 rows, so the last one is row 2S.
        reads all pairs of samples ::
            alpha[t, n, s] -> alpha[t][:, :, s].sum((1, 2)) & alpha[t, n, s - 1] -> alpha[t][:, :, s - 1].sum((1, 2))
            Slices give every sample at every one of the places. Index with three arrays: `alpha[t, n, s]`.
        """,
    ),
    cases=_end_cases(),
    show_case=_show_end,
    hints=(
        ("one number per sample", "With `n = np.arange(N)`, `alpha[t, n, s]` takes one cell for each n."),
        ("which cells?", "Step T - 1, rows 2S and 2S - 1, each sample with its own T and S."),
    ),
)

# 07-3 ---------------------------------------------------------------------------------------------------------------


def _rescaled_cases():
    rng = np.random.default_rng(9)
    skip = np.array([0, 0, 0, 1.0, 0])
    first = np.array([[0.5, 0.2, 0.5, 0.3, 0.5], [0.2, 0.4, 0.2, 0.4, 0.2], [0.5, 0.1, 0.5, 0.4, 0.5]])
    return [(first, skip), *((rng.dirichlet(np.ones(6), size=T)[:, :5], skip) for T in (3, 12, 100, 900))]


def _show_rescaled(emit, skip):
    numbers = f", emit = {emit.tolist()} and skip = {skip.astype(int).tolist()}" if emit[0, 0] == 0.5 else ""
    return f"log_likelihood_rescaled over T = {len(emit)} steps{numbers}"


def log_likelihood_rescaled(emit, skip):
    alpha = np.zeros(emit.shape[1])
    alpha[:2] = emit[0, :2]
    log_scales = 0.0
    for t in range(1, len(emit)):
        scale = alpha.sum()
        log_scales += np.log(scale)
        alpha = alpha_step(alpha / scale, skip, emit[t])
    return log_scales + np.log(alpha[-2:].sum())


LOG_LIKELIHOOD_RESCALED = Exercise(
    key="07-3",
    title="rescale, and keep the account",
    solution=log_likelihood_rescaled,
    mistakes=mistakes(
        log_likelihood_rescaled,
        """
        does not rescale :: scale = alpha.sum() -> scale = 1.0
            After a few hundred steps a number is 0: alpha, if you do not divide it by its own sum at each step, or the
            product of the scales, if you multiply them. Divide, and add up logarithms.
        forgets what it divided by :: return log_scales + -> return
            Each division takes ln(scale) off the result: add them up, and put them back.
        takes the account off a second time :: return log_scales + -> return -log_scales +
            You divided, so the true value is larger: add ln(scale).
        leaves out the last two cells :: + np.log(alpha[-2:].sum()) ->
            The account is of the whole column; the text's share of it is in its last two cells.
        counts the last column's sum, too :: return log_scales + -> return log_scales + np.log(alpha.sum()) +
            The last column is not divided any more, so its sum does not go into the account: that runs to T - 2.
        divides the last column without an entry :: alpha[-2:].sum() -> alpha[-2:].sum() / alpha.sum()
            If you divide the last column as well, ln of its sum belongs in the account.
        reads all of the last column :: alpha[-2:].sum() -> alpha.sum()
            A path that spells the target ends in one of the last two rows.
        reads the last cell alone :: alpha[-2:].sum() -> alpha[-1]
            A path may end in the last blank or in the last label: the last two cells.
        gives the loss :: return log_scales + -> return -log_scales -
            ln p(Y | X) is asked for; the loss is minus that.
        gives the probability :: log_scales + np.log(alpha[-2:].sum()) -> np.exp(log_scales) * alpha[-2:].sum()
            ln p(Y | X) is asked for: on a long line the probability itself is too small for a float64.
        stops a step early :: range(1, len(emit)) -> range(1, len(emit) - 1)
            There are T - 1 steps after the first column, with `emit[1]` to `emit[T - 1]`.
        """,
    ),
    cases=_rescaled_cases(),
    show_case=_show_rescaled,
    hints=(
        ("what is the scale?", "`scale = alpha.sum()` of the column before; divide by it, then step."),
        ("what comes back at the end?", "The sum of all ln(scale), plus ln of the last two cells."),
    ),
)

# 07-4 ---------------------------------------------------------------------------------------------------------------

MOVED = Exercise(
    key="07-4",
    title="the least that must be moved",
    solution=64_000_000,
    mistakes=mistakes(
        64_000_000,
        """
        counts the input alone :: = 32_000_000
            The gradient has the same shape, and must be written.
        counts numbers, not bytes :: = 16_000_000
            A float32 has 4 bytes.
        counts the numbers of the input :: = 8_000_000
            4 bytes each, once in and once out.
        takes a number for 8 bytes :: = 128_000_000
            float32 is 32 bits, and 8 bits are a byte.
        gives megabytes :: = 64
            Bytes are asked for, and a megabyte has a million of them.
        counts bits :: = 512_000_000
            8 bits are a byte.
        """,
    ),
    hints=(
        ("what is moved?", "T x N x C numbers come in, as many go out, 4 bytes each."),
        ("units", "32 bits are 4 bytes."),
    ),
    source="answer = 2 * 500 * 16 * 1000 * 4",
)

EXERCISES = (ALPHA_STEP, PROBABILITIES_AT_END, LOG_LIKELIHOOD_RESCALED, MOVED)
