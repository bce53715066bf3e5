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


def _skip_then_step(before, skip, emit):
    total = before.copy()
    total[2:] += skip[2:] * total[:-2]
    total[1:] += total[:-1]
    return total * emit


def _best_way(before, skip, emit):
    total = before.copy()
    total[1:] = np.maximum(total[1:], before[:-1])
    total[2:] = np.maximum(total[2:], skip[2:] * before[:-2])
    return total * emit


def _one_column_only(before, skip, emit, said="the truth value of an array is ambiguous"):
    if before.ndim > 1:
        raise ValueError(said)
    return alpha_step(before, skip, emit)


def _rolled(before, by):
    """Shifted in the order in which an array lies in memory, with 0 in the first rows."""
    shifted = np.roll(before, by)
    shifted[:by] = 0
    return shifted


def _last_axis(before, skip, emit):
    total = before.copy()
    total[..., 1:] += before[..., :-1]
    total[..., 2:] += skip[..., 2:] * before[..., :-2]
    return total * emit


def _side_by_side():
    """Columns of three samples side by side, L x N: right answers made of slices take them as they are."""
    rng = np.random.default_rng(70)
    return rng.random((5, 3)), np.array([[0.0] * 3] * 3 + [[1.0, 0.0, 1.0], [0.0] * 3]), rng.random((5, 3))


ALPHA_STEP = Exercise(
    key="07-1",
    title="a whole column at once",
    solution=alpha_step,
    mistakes=mistakes(
        alpha_step,
        """
        reads rows that it has already changed :: before[ -> total[
            All three terms belong to the column *before*. Add them from an array that stays as it was.
        skips first and then steps from what it has changed :: = _skip_then_step
            The step reads rows that the skip has changed. Add both from an array that stays as it was.
        lets the last rows come back in at the first ::
            = lambda before, skip, emit: (before + np.roll(before, 1) + skip * np.roll(before, 2)) * emit
            `np.roll` moves in a circle. Nothing comes before row 0: shift with slices.
        looks the skip up in the row it comes from :: skip[2:] -> skip[:-2]
            `skip[s]` says whether row s may be skipped *into*: it goes with `total[2:]`, as `skip[2:]`.
        leaves out the probability of the sign :: * emit ->
            Multiply the sum by `emit`.
        multiplies by the probability before it adds :: total = -> before = before * emit; total = & * emit ->
            The probability is that of the row the path *arrives in*: add first, then multiply.
        does not let a path stay where it is :: before.copy() -> np.zeros_like(before)
            A sign may be held for several steps: `before[s]` comes in, too.
        never steps :: total[1:] += before[:-1] -> pass
            Row s - 1 of the column before always comes in, whether there is a skip or not.
        skips in place of stepping :: before[:-1] -> (1 - skip[1:]) * before[:-1]
            Where a row may be skipped into, the step from row s - 1 is still allowed: all three come in.
        takes one row for two where it skips :: before[:-2] -> before[1:-1]
            A skip comes from row s - 2: `before[:-2]` for `total[2:]`.
        takes a 0 in `skip` for yes :: skip[2:] -> (1 - skip[2:])
            Where `skip[s]` is 1, row s may be skipped into; where it is 0, not.
        takes the best way into a cell :: = _best_way
            That is the most probable path alone. All ways into a cell count: add them.
        adds the probability of the sign :: * emit -> + emit
            The path goes on *and* the sign is seen: multiply by `emit`.
        never skips :: total[2:] += skip[2:] * before[:-2] ->
            Where `skip[s]` is 1, row s - 2 of the column before comes in, too.
        skips into every row :: skip[2:] * ->
            Row s - 2 comes in only where `skip[s]` is 1: multiply by it.
        takes from the rows above ::
            total[1:] -> total[:-1] & before[:-1] -> before[1:] & total[2:] -> total[:-2] & before[:-2] -> before[2:]
            Paths move to higher rows: row s takes from s, s - 1 and s - 2 of the column before.
        rolls along every axis ::
            = lambda before, skip, emit: (before + _rolled(before, 1) + skip * _rolled(before, 2)) * emit
            `np.roll` without an axis runs on from one row into the next. Shift along the first axis: slices such as
            `total[1:] += before[:-1]` do.
        shifts along the last axis :: = _last_axis
            The rows lie along the *first* axis: `total[1:] += before[:-1]`, without dots in front.
        takes one column, and not several side by side :: = _one_column_only
        :: = lambda before, skip, emit: _one_column_only(before, skip, emit, "could not be broadcast")
            One column comes out right. A second axis needs no line of its own: slices of the first axis take it along,
            as in `total[1:] += before[:-1]`, and `skip[s] * before[s - 2]` does what `if skip[s]` does.
        """,
        _rolled=_rolled,
    ),
    array=True,
    cases=_step_cases(),
    large=[_side_by_side()],
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
        (np.arange(72).reshape(3, 3, 8) / 100, [2, 3, 3], [1, 3, 2]),  # a swap of axes or of lengths stays inside
        (rng.random((5, 3, 7)) / 2, [5, 3, 4], [3, 1, 2]),
        (rng.random((4, 2, 5)) / 2, [4, 4], [2, 2]),
        (rng.random((6, 4, 5)) / 2, [2, 6, 3, 5], [1, 2, 2, 1]),
    ]


def _show_end(alpha, T, S):
    table = " and alpha = np.arange(72).reshape(3, 3, 8) / 100" if alpha.shape == (3, 3, 8) else ""
    return f"probabilities_at_end with input_lengths {T} and target_lengths {S}{table}"


def probabilities_at_end(alpha, input_lengths, target_lengths):
    n = np.arange(len(input_lengths))
    t, s = np.array(input_lengths) - 1, 2 * np.array(target_lengths)
    return alpha[t, n, s] + alpha[t, n, s - 1]


def _from_a_list(alpha, input_lengths, target_lengths):
    return input_lengths - 1


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
        reads the last two rows of the table :: [t, n, s] -> [t, n, -1] & [t, n, s - 1] -> [t, n, -2]
            The step is each sample's own, and the rows should be, too: a shorter target ends in rows 2S - 1 and 2S.
        takes S for the row, not 2S :: 2 * np.array(target_lengths) -> np.array(target_lengths)
            Blanks stand between the labels: S labels have 2S + 1 rows, and the last is row 2S.
        takes 1 from a list :: = _from_a_list
            A list has no minus: make an array of it first, `np.array(input_lengths) - 1`.
        reads all samples in the last corner of the batch :: t, n, s] -> -1, :, -1] & t, n, s - 1] -> -1, :, -2]
            `alpha[-1, :, -2:]` is the end of a sample that has the most steps and the most labels of the batch. Use
            both lengths: step T - 1 and rows 2S and 2S - 1, with each sample's own T and S.
        takes the input lengths for the target lengths ::
            np.array(input_lengths) -> np.array(target_lengths) & np.array(target_lengths) -> np.array(input_lengths)
            The input length T says at which step to read, the target length S in which rows.
        puts the sample before the step :: [t, n, s] -> [n, t, s] & [t, n, s - 1] -> [n, t, s - 1]
            `alpha` is T × N × L: `alpha[t, n, s]`.
        multiplies the two cells :: + alpha[t, n, s - 1] -> * alpha[t, n, s - 1]
            A path ends in the one cell *or* in the other: add them.
        takes the better of the two ends ::
            return alpha -> return np.maximum(alpha & + alpha -> , alpha & s - 1] -> s - 1])
            Both ends count, and no path has both: add them.
        reads all rows :: alpha[t, n, s] + alpha[t, n, s - 1] -> alpha[t, n].sum(axis=1)
            Only what stands in the last two rows has spelled the whole target: rows 2S and 2S - 1.
        adds up all samples :: return alpha -> return (alpha & s - 1] -> s - 1]).sum()
            N numbers are asked for, one a sample.
        reads the step before the last :: np.array(input_lengths) - 1 -> np.array(input_lengths) - 2
            The steps of a sample are 0 to T - 1: read step T - 1.
        makes a list twice as long, where numbers should be doubled ::
            2 * np.array(target_lengths) -> np.array(2 * list(target_lengths))
            `2 * [3, 1]` is `[3, 1, 3, 1]`. Make an array of the list before you double: `2 * np.array(target_lengths)`.
        reads one cell :: + alpha[t, n, s - 1] ->
        :: alpha[t, n, s] + ->
            A path may end in the blank, row 2S, or in the last label, row 2S - 1.
        is off by one row :: 2 * np.array(target_lengths) -> 2 * np.array(target_lengths) - 1
            There are 2S + 1 rows, so the last one is row 2S.
        reads past the end :: np.array(input_lengths) - 1 -> np.array(input_lengths)
        :: 2 * np.array(target_lengths) -> 2 * np.array(target_lengths) + 1
            Count from 0: the last step of a sample of length T is step T - 1, and its last row is row 2S. (Or are the
            axes in another order? `alpha` is T × N × L: `alpha[t, n, s]`.)
        gives the losses :: return alpha -> return -np.log(alpha & s - 1] -> s - 1])
            The probabilities themselves are asked for; the lesson takes their logarithms after.
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


class _Plain(np.ndarray):
    """Numbers of which no more than two at a time may be turned into logarithms: the point is to do without."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **how):
        plain = [np.asarray(x) if isinstance(x, _Plain) else x for x in inputs]
        if ufunc in LOGARITHMS and max(map(np.size, plain)) > 2:
            raise ArithmeticError(f"np.{ufunc.__name__} of {max(map(np.size, plain))} cells: {IN_LOGS}")
        if out is not None:
            how["out"] = tuple(np.asarray(x) if isinstance(x, _Plain) else x for x in out)
        got = getattr(ufunc, method)(*plain, **how)
        return got.view(_Plain) if isinstance(got, np.ndarray) else got


LOGARITHMS = (np.log, np.log2, np.log10, np.log1p, np.logaddexp)
IN_LOGS = "this exercise keeps the cells as they are, and takes one logarithm a step"


def _rescaled_cases():
    rng = np.random.default_rng(9)
    skip = np.array([0, 0, 0, 1.0, 0])
    first = np.array([[0.5, 0.2, 0.5, 0.3, 0.5], [0.2, 0.4, 0.2, 0.4, 0.2], [0.5, 0.1, 0.5, 0.4, 0.5]])
    emits = [first, *(rng.dirichlet(np.ones(6), size=T)[:, :5] for T in (3, 12, 100, 900))]
    emits[2] = rng.dirichlet(np.ones(8), size=12)[:, :7]  # three letters
    emits.append(np.concatenate([emits[-1] ** 0.1, emits[-1] ** 3]))  # no fixed scale fits both halves
    return [(emit.view(_Plain), skip if emit.shape[1] == 5 else np.append(skip, [1.0, 0])) for emit in emits]


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
        divides by a number that is always the same :: scale = alpha.sum() -> scale = 0.1
            Lines fade at their own pace, and one line at several: a number that fits one is too large or too small for
            another. Divide by the column's own sum.
        takes logarithms to another base :: np.log(scale) -> np.log10(scale) & + np.log( -> + np.log10(
        :: np.log(scale) -> np.log2(scale) & + np.log( -> + np.log2(
        :: np.log(scale) -> np.log10(scale)
        :: np.log(scale) -> np.log2(scale)
            Natural logarithms, `np.log`, throughout.
        adds to the account and does not divide :: alpha / scale -> alpha
            The account is of what was divided out. Divide the column by its sum before it steps: `alpha / scale`.
        adds the sums, not their logarithms :: np.log(scale) -> scale
            The scales multiply, so their logarithms add: `log_scales += np.log(scale)`.
        keeps the last scale alone :: log_scales += -> log_scales =
            Each step adds its logarithm to those before: `log_scales += np.log(scale)`.
        returns after the first step ::
            skip, emit[t]) -> skip, emit[t]); return log_scales + np.log(alpha[-2:].sum())
            The `return` stands inside the loop. Move it to the left, under `for`.
        hands over the step's arguments in the wrong order :: skip, emit[t]) -> emit[t], skip)
            `alpha_step(before, skip, emit)`: the skips come second.
        pays for the step before :: emit[t]) -> emit[t - 1])
            The path arrives at step t, and pays `emit[t]`.
        pays for the first step twice :: range(1, len(emit)) -> range(len(emit))
            `alpha[:2] = emit[0, :2]` has paid for step 0; the loop begins at 1.
        begins in every row :: alpha[:2] = emit[0, :2] -> alpha[:] = emit[0]
            A path begins in the blank or in the first label: rows 0 and 1 alone.
        begins in the blank alone :: alpha[:2] = emit[0, :2] -> alpha[0] = emit[0, 0]
            A path may begin with the first label as well: `alpha[:2] = emit[0, :2]`.
        takes no logarithm at the end :: np.log(alpha[-2:].sum()) -> alpha[-2:].sum()
            The last two cells are probabilities, the account is of logarithms: add `np.log` of the cells' sum.
        reads the first two cells :: alpha[-2:] -> alpha[:2]
            A path that spells the target ends in the last two rows: `alpha[-2:]`.
        begins without paying :: alpha[:2] = emit[0, :2] -> alpha[:2] = 1
            Step 0 is paid, too: `alpha[:2] = emit[0, :2]`.
        adds logarithms at the end, not probabilities :: np.log(alpha[-2:].sum()) -> np.log(alpha[-2:]).sum()
            That is the logarithm of a product. Add the two cells first: `np.log(alpha[-2:].sum())`.
        forgets what it divided by :: return log_scales + -> return
            Each division takes ln(scale) off the result: add them up, and put them back. (Take the sum before you
            divide: after it the sum is 1, and its logarithm 0.)
        takes the account off a second time :: return log_scales + -> return -log_scales +
            What was divided by a scale must be multiplied by it again, so ln(scale) is added, whatever its sign. (The
            scales are below 1, so their logarithms are negative, and adding them makes the result smaller.)
        leaves out the last two cells :: + np.log(alpha[-2:].sum()) ->
            The account is of the whole column; the text's share of it is in its last two cells.
        counts the last column's sum, too :: return log_scales + -> return log_scales + np.log(alpha.sum()) +
            The last column is not divided any more, so its sum does not go into the account: that runs to T - 2.
        divides the last column without an entry :: alpha[-2:].sum() -> alpha[-2:].sum() / alpha.sum()
            If you divide the last column as well, ln of its sum belongs in the account.
        reads all of the last column :: alpha[-2:].sum() -> alpha.sum()
            A path that spells the target ends in one of the last two rows.
        reads the last cell alone :: alpha[-2:].sum() -> alpha[-1]
        reads the last label alone :: alpha[-2:].sum() -> alpha[-2]
            A path may end in the last blank or in the last label: the last two cells.
        gives the loss :: return log_scales + -> return -log_scales -
            ln p(Y | X) is asked for; the loss is minus that.
        gives the probability :: log_scales + np.log(alpha[-2:].sum()) -> np.exp(log_scales) * alpha[-2:].sum()
            ln p(Y | X) is asked for: on a long line the probability itself is too small for a float64.
        works in logarithms :: = lambda emit, skip: np.log(emit)
            That is exact, and it is lesson 06: exponentials and logarithms for each cell. Keep the cells as they
            are, divide each column by its sum, and take the logarithm of that sum alone.
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

# 07-6 ---------------------------------------------------------------------------------------------------------------

MOVED = Exercise(
    key="07-6",
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
        gives kilobytes :: = 64_000
        gives gigabytes :: = 0.064
            Bytes are asked for, all of them.
        forgets the batch :: = 4_000_000
            There are N = 16 samples.
        moves three arrays :: = 96_000_000
            Two are enough: read the logits, write the gradient.
        takes a number for 32 bytes :: = 256_000_000
            float32 has 32 *bits*, and 8 bits are a byte.
        gives mebibytes :: = 64e6 / 2**20
            Bytes are asked for; a mebibyte (MiB) has 2**20 of them.
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

# 07-4 ---------------------------------------------------------------------------------------------------------------


def batch_rows_of(targets):
    N, L = len(targets), 2 * max(map(len, targets)) + 1
    rows, skip, last = np.zeros((L, N), int), np.zeros((L, N)), np.zeros((L, N))
    for n, target in enumerate(targets):
        S = len(target)
        rows[1 : 2 * S : 2, n] = target
        last[max(2 * S - 1, 0) : 2 * S + 1, n] = 1
    skip[2:] = (rows[2:] != 0) & (rows[2:] != rows[:-2])
    return rows, skip, last


def emissions(log_probs, rows, input_lengths):
    emit = np.exp(log_probs[:, np.arange(rows.shape[1]), rows].astype(float))
    for n, T in enumerate(input_lengths):
        emit[T:, :, n] = rows[:, n] == 0
    return emit


def _log_probs(T, N, C, seed):
    z = np.random.default_rng(seed).normal(size=(T, N, C))
    return z - np.log(np.exp(z).sum(axis=2, keepdims=True))


def _sweep_cases():
    cases = []
    for T, targets in [(2, [[1], [2], [1]]), (5, [[1, 2], [1, 1], [2]]), (900, [[1, 2, 1], [3, 3]])]:
        rows, skip, last = batch_rows_of(targets)
        emit = emissions(_log_probs(T, len(targets), 4, T), rows, [T] * len(targets))
        start = np.zeros(rows.shape)
        start[:2] = 1
        cases.append((start, emit, skip))
        if T == 5:  # as the mirror of 07-5 hands it over: the ends, turned
            cases.append((last[::-1], emit[::-1, ::-1], np.roll(skip, -2, axis=0)[::-1]))
    cases[0] = (
        cases[0][0],
        np.array(  # L = N: a sum along the other axis has the right shape, and shows in the numbers
            [[[0.5, 0.6, 0.1], [0.2, 0.3, 0.8], [0.5, 0.6, 0.1]], [[0.4, 0.1, 0.2], [0.3, 0.7, 0.2], [0.4, 0.1, 0.2]]]
        ),
        cases[0][2],
    )
    return cases


def _show_sweep(start, emit, skip):
    said = f"sweep(start, emit, skip) with T, L, N = {emit.shape}"
    if len(emit) > 2:
        return said if start[:2].all() else f"{said} and start = np.array({start.astype(int).tolist()})"
    given = f"start = np.array({start.astype(int).tolist()}), emit = np.array({emit.tolist()})"
    return f"{said}, {given} and skip = np.zeros({skip.shape})"


def sweep(start, emit, skip):
    reached, log_scales = np.zeros_like(emit), np.zeros(emit.shape[2])
    reached[0] = start
    for t in range(1, len(emit)):
        paid = reached[t - 1] * emit[t - 1]
        scale = paid.sum(axis=0)
        log_scales += np.log(scale)
        reached[t] = alpha_step(paid / scale, skip, np.ones_like(skip))
    return reached, log_scales


def _alpha_swept(start, emit, skip):
    alpha, log_scales = np.zeros_like(emit), np.zeros(emit.shape[2])
    alpha[0] = start
    for t in range(1, len(emit)):
        column = alpha_step(alpha[t - 1], skip, emit[t])
        log_scales += np.log(column.sum(axis=0))
        alpha[t] = column / column.sum(axis=0)
    return alpha, log_scales


def _divided_after(start, emit, skip):
    reached, log_scales = np.zeros_like(emit), np.zeros(emit.shape[2])
    reached[0] = start
    for t in range(1, len(emit)):
        column = alpha_step(reached[t - 1] * emit[t - 1], skip, np.ones_like(skip))
        log_scales += np.log(column.sum(axis=0))
        reached[t] = column / column.sum(axis=0)
    return reached, log_scales


def _paid_in_place(start, emit, skip):
    reached, log_scales = np.zeros_like(emit), np.zeros(emit.shape[2])
    reached[0] = start
    for t in range(1, len(emit)):
        reached[t - 1] *= emit[t - 1]
        scale = reached[t - 1].sum(axis=0)
        reached[t - 1] /= scale
        log_scales += np.log(scale)
        reached[t] = alpha_step(reached[t - 1], skip, np.ones_like(skip))
    return reached, log_scales


def _log_of_the_product(start, emit, skip):
    reached, _ = sweep(start, emit, skip)
    return reached, np.log((reached[:-1] * emit[:-1]).sum(axis=1).prod(axis=0))


def _kept_apart(start, emit, skip):
    reached, log_scales = np.zeros_like(emit), np.zeros(emit.shape[2])
    reached[0] = start
    column = start
    for t in range(1, len(emit)):
        paid = column * emit[t - 1]
        log_scales = np.log(paid.sum(axis=0))  # of everything so far, since nothing was divided
        column = alpha_step(paid, skip, np.ones_like(skip))
        reached[t] = column / paid.sum(axis=0)
    return reached, log_scales


SWEEP = Exercise(
    key="07-4",
    title="sweep over a batch, rescaled",
    solution=sweep,
    mistakes=mistakes(
        sweep,
        """
        does not rescale :: scale = paid.sum(axis=0) -> scale = np.ones(emit.shape[2])
            Divide each sample by its sum over the rows before it steps.
        divides all samples by one sum :: paid.sum(axis=0) -> paid.sum()
            Each sample has an account of its own: sum over the rows alone, `sum(axis=0)`.
        sums over the samples :: axis=0 -> axis=1
            The rows are the first axis of a column, the samples the second: `sum(axis=0)`.
        makes L numbers where N accounts belong, or L × N ones :: np.zeros(emit.shape[2]) -> np.zeros(emit.shape[1])
        :: np.ones_like(skip) -> np.ones(len(skip))
            That is right where L = N, and nowhere else. There is one account a sample, `np.zeros(emit.shape[2])`, and
            the ones that the step pays have the shape of `skip`, L × N.
        divides by another number than the sum :: paid.sum( -> paid.max(
        :: paid.sum( -> paid.mean(
            That keeps the numbers in range as well, and the loss comes out right. Here `reached` and the accounts are
            compared, so divide by the sum over the rows: `paid.sum(axis=0)`.
        adds to the accounts and does not divide :: paid / scale -> paid
            The account is of what was divided out: step with `paid / scale`.
        adds the sums, not their logarithms :: np.log(scale) -> scale
            The scales multiply, so their logarithms add: `log_scales += np.log(scale)`.
        hands over the ones before the skips :: skip, np.ones_like(skip)) -> np.ones_like(skip), skip)
            `alpha_step(before, skip, emit)`: the skips come second, and the ones are what the step pays.
        skips into every row :: skip, np.ones_like(skip)) -> np.ones_like(skip), np.ones_like(skip))
        never skips :: skip, np.ones_like(skip)) -> np.zeros_like(skip), np.ones_like(skip))
            `skip` says which rows may be skipped into: hand it to the step as it is.
        writes what has been paid into `reached` :: = _paid_in_place
        gives alpha, which has paid, in place of what is reached :: return reached -> return reached * emit
            `reached[t]` has not paid for step t. Pay in a variable of its own: `paid = reached[t - 1] * emit[t - 1]`.
        counts the last column's sum, too ::
            return reached, log_scales -> return reached, log_scales + np.log((reached[-1] * emit[-1]).sum(axis=0))
            The last column is never divided, so its sum does not go into the account.
        returns within the loop :: np.ones_like(skip)) -> np.ones_like(skip)); return reached, log_scales
            The `return` stands inside the loop, which ends after one step. Move it to the left, under `for`.
        begins the loop at t = 0 :: range(1, len(emit)) -> range(len(emit))
            At t = 0, `reached[t - 1]` is the last column, still empty. Column 0 is `start`: begin at t = 1.
        begins in the first two rows, whatever `start` is :: reached[0] = start -> reached[0, :2] = 1
        :: reached[0] = start -> reached[0, :2] = start[:2]
            Where a sample begins is for `start` to say, in all its rows: `reached[0] = start`. (In a mirror it begins
            where its text ends.)
        keeps what it has divided, and goes on with what it has not :: = _kept_apart
            The column that steps must be the divided one, too, or it fades: write it back before the next step.
        takes logarithms to another base :: np.log(scale) -> np.log10(scale)
        :: np.log(scale) -> np.log2(scale)
            Natural logarithms, `np.log`.
        keeps the last scale alone :: log_scales += -> log_scales =
            Each step adds to the account: `log_scales += np.log(scale)`.
        adds up the accounts of all samples :: return reached, log_scales -> return reached, log_scales.sum()
            Each sample has an account of its own: N numbers.
        returns the account first :: return reached, log_scales -> return log_scales, reached
            `reached` comes first: `return reached, log_scales`.
        does not step :: alpha_step(paid / scale, skip, np.ones_like(skip)) -> paid / scale
            After the division the path goes on: `alpha_step(..., skip, np.ones_like(skip))`.
        steps without paying :: reached[t - 1] * emit[t - 1] -> reached[t - 1]
            Each step multiplies by `emit[t - 1]` before the path goes on.
        pays for the step that it arrives at :: emit[t - 1] -> emit[t]
            What is reached at t has not paid for step t: the price is `emit[t - 1]`, that of the cell left.
        pays twice :: np.ones_like(skip)) -> emit[t])
            Here the step itself is free: `np.ones_like(skip)` in place of the emissions.
        divides after the step, not before it :: = _divided_after
            That keeps the numbers in range as well. But here the sum is taken of what has been paid, before the step:
            pay, divide, step.
        computes alpha, which has paid for step t :: = _alpha_swept
            What is reached at t has not paid for step t. Pay with `emit[t - 1]` for the cell left, divide, then step at
            no cost.
        starts with step 0 paid :: reached[0] = start -> reached[0] = start * emit[0]
            `reached[0]` is `start` itself: step 0 is paid on the way to step 1.
        multiplies the scales in place of adding logarithms ::
            np.zeros(emit.shape[2]) -> np.ones(emit.shape[2]) & log_scales += np.log(scale) -> log_scales *= scale
        :: = _log_of_the_product
            The product of some hundred scales is too small for a float64: add `np.log(scale)`.
        forgets the account :: log_scales += np.log(scale) -> log_scales += 0.0
            Each sample's `np.log(scale)` goes into its account. (Take the sum before you divide: after it the sum is 1,
            and its logarithm 0.)
        counts with the wrong sign :: log_scales += -> log_scales -=
            What was divided out must come back: add `np.log(scale)`.
        gives the account alone :: return reached, log_scales -> return log_scales
        gives `reached` alone :: return reached, log_scales -> return reached
            Two results are asked for: `return reached, log_scales`.
        """,
    ),
    cases=_sweep_cases(),
    array=True,
    show_case=_show_sweep,
    hints=(
        ("where does it begin?", "`reached = np.zeros_like(emit)`, `reached[0] = start`, and zeros for the accounts."),
        ("one step", "`paid = reached[t - 1] * emit[t - 1]`; divide by `paid.sum(axis=0)`; step at no cost."),
        ("which sum?", "Rows are axis 0 of a column, samples axis 1: `paid.sum(axis=0)` has N numbers."),
    ),
)

# 07-5 ---------------------------------------------------------------------------------------------------------------


def ctc_losses_and_posteriors(log_probs, targets, input_lengths):
    rows, skip, last = batch_rows_of(targets)  # L N each
    emit = emissions(log_probs, rows, input_lengths)  # T L N
    start = np.zeros(rows.shape)
    start[:2] = 1
    reached, log_scales = sweep(start, emit, skip)
    mirrored, _ = sweep(last[::-1], emit[::-1, ::-1], np.roll(skip, -2, axis=0)[::-1])
    joint = reached * emit * mirrored[::-1, ::-1]  # alpha times beta, each column up to a factor
    total = joint.sum(axis=1)  # T N
    with np.errstate(divide="ignore"):  # a target that cannot be spelled has the probability 0
        losses = -log_scales - np.log(total[-1])
    joint /= np.where(total > 0, total, 1.0)[:, None]  # now the posterior
    q = np.zeros(log_probs.shape)
    q[:, :, 0] = joint[:, ::2].sum(axis=1)  # the blanks
    for s in range(1, len(rows), 2):
        q[:, np.arange(len(targets)), rows[s]] += joint[:, s]
    for n, T in enumerate(input_lengths):
        q[T:, n] = 0.0
    return losses, q


def _batch_cases():
    batches = [
        (3, [[1]], [3]),
        (6, [[1, 2], [2, 2]], [6, 6]),
        (7, [[1, 2, 1], [3], []], [7, 7, 7]),
        (8, [[1, 1, 2], [2, 3, 3]], [8, 8]),  # skips that are not the same in a mirror
        (9, [[1, 2, 3], [2], [1, 1]], [9, 4, 6]),
        (5, [[1, 1], [1, 2]], [2, 5]),  # the first cannot be spelled
        (900, [[1, 2, 3], [2]], [900, 900]),  # a long line
    ]
    cases = [(_log_probs(T, len(targets), 4, T), targets, lengths) for T, targets, lengths in batches]
    cases[0] = (np.log([[[0.5, 0.5]], [[0.25, 0.75]], [[0.5, 0.5]]]), *cases[0][1:])
    return cases


def _show_batch(log_probs, targets, lengths):
    said = f"ctc_losses_and_posteriors(log_probs, {targets}, {lengths})"
    if len(log_probs) == 3:
        return f"{said} with log_probs = np.log({np.exp(log_probs).round(2).tolist()})"
    return f"{said} with T, N, C = {log_probs.shape}"


def _unscaled(start, emit, skip):
    reached = [start]
    for price in emit[:-1]:
        reached.append(alpha_step(reached[-1] * price, skip, np.ones_like(skip)))
    return np.stack(reached), 0.0


CTC_LOSSES_AND_POSTERIORS = Exercise(
    key="07-5",
    title="losses and posteriors of a batch",
    solution=ctc_losses_and_posteriors,
    part="CTC at speed",
    mistakes=mistakes(
        ctc_losses_and_posteriors,
        """
        turns the skips without moving them :: np.roll(skip, -2, axis=0)[::-1] -> skip[::-1]
            `skip[s]` belongs to the arrow from row s - 2 into row s. Turned round, the arrow ends in row s - 2: move
            the skips by two rows towards row 0 first, `np.roll(skip, -2, axis=0)[::-1]`.
        moves the skips and does not turn them :: np.roll(skip, -2, axis=0)[::-1] -> np.roll(skip, -2, axis=0)
            The rows are turned, so their skips must be, once they have moved: `np.roll(skip, -2, axis=0)[::-1]`.
        moves the skips along every axis :: np.roll(skip, -2, axis=0) -> np.roll(skip, -2)
            `np.roll` without an axis runs on from one row into the next. The rows are axis 0.
        moves the skips by one row :: np.roll(skip, -2, -> np.roll(skip, -1,
            A skip goes over two rows, so it moves by two: `np.roll(skip, -2, axis=0)`.
        turns the samples, too :: np.roll(skip, -2, axis=0)[::-1] -> np.roll(skip, -2, axis=0)[::-1, ::-1]
        :: last[::-1] -> last[::-1, ::-1]
        :: emit[::-1, ::-1] -> emit[::-1, ::-1, ::-1]
        :: mirrored[::-1, ::-1] -> mirrored[::-1, ::-1, ::-1]
            The mirror turns time and rows. The samples, the last axis, stay in their order.
        does not turn the skips :: np.roll(skip, -2, axis=0)[::-1] -> skip
            The rows are turned, so their skips must be: `np.roll(skip, -2, axis=0)[::-1]`.
        moves the skips the wrong way :: np.roll(skip, -2, -> np.roll(skip, 2,
            The skip into row s ends, turned round, in row s - 2, two rows nearer to row 0: `np.roll(skip, -2, axis=0)`.
        starts the mirrored sweep in the first two rows :: last[::-1] -> start
            That is right for the longest target alone. Each sample ends in rows of its own: start in `last[::-1]`.
        does not turn the result back :: * mirrored[::-1, ::-1] -> * mirrored
            What comes out of the mirror has its time and its rows turned: `mirrored[::-1, ::-1]`.
        leaves the emissions out of the product :: reached * emit * -> reached *
            Neither of the two sweeps has paid for step t: multiply by `emit` once.
        does not divide by the sum of the column :: joint /= np.where(total > 0, total, 1.0)[:, None] -> pass
            The posterior of each step sums to 1: divide each column by its sum over the rows.
        does not rescale :: sweep( -> _unscaled(
            Right on short lines. On a long one the numbers fade to 0: let `sweep` divide, and use its account.
        turns time but not the rows back :: mirrored[::-1, ::-1] -> mirrored[::-1]
        turns the rows but not time back :: mirrored[::-1, ::-1] -> mirrored[:, ::-1]
            What comes out of the mirror has its time and its rows turned: `mirrored[::-1, ::-1]`.
        does not turn the ends :: last[::-1] -> last
            The rows are turned in the mirror, and those in which a sample starts with them: `last[::-1]`.
        turns the emissions in time alone :: emit[::-1, ::-1] -> emit[::-1]
            In the mirror the last row becomes row 0: turn both, `emit[::-1, ::-1]`.
        turns the rows of the emissions alone :: emit[::-1, ::-1] -> emit[:, ::-1]
        does not turn the emissions :: emit[::-1, ::-1] -> emit
            In the mirror the last step comes first, and the last row: turn both, `emit[::-1, ::-1]`.
        reads the first column in place of the last :: total[-1] -> total[0]
            The account runs up to the last column, so the loss takes the rest from there: `total[-1]`. (In the mirror
            that is where it begins, and has divided nothing yet.)
        divides every column by the sum of the last :: total > 0, total, 1.0)[:, None] -> total[-1] > 0, total[-1], 1.0)
            In `reached` and in beta each column has been divided by numbers of its own: divide each by its own sum.
        reads the last rows of the longest target ::
            np.log(total[-1]) -> np.log((reached[-1] * emit[-1])[-2:].sum(axis=0))
            A shorter target ends in rows of its own: `last` marks them, and `total[-1]` has them already.
        reads the loss from all rows :: np.log(total[-1]) -> np.log((reached[-1] * emit[-1]).sum(axis=0))
            Only the rows in which the target ends count: multiply by `last` before you add, or take `total[-1]`.
        leaves out the blanks :: joint[:, ::2].sum(axis=1) -> 0.0
            The blank is a class with a posterior like any other: every other row of the lattice belongs to it.
        leaves out the labels :: += joint[:, s] -> += 0.0
            Row s of a label belongs to the class `rows[s, n]` of each sample: add its posterior there.
        gives the gradient with respect to the logits ::
            return losses, q -> return losses, np.exp(log_probs) - q
            Here the posteriors q themselves are asked for.
        divides each loss by the length of its target ::
            return losses, q -> return losses / np.array([max(1, len(y)) for y in targets]), q
            The loss of a sample is -ln p(Y | X), and nothing is divided.
        takes the mean of the losses :: return losses, q -> return losses.mean(), q
            The batch has N losses: return them all.
        gives the posterior of the rows :: return losses, q -> return losses, joint
            That is one number for each row of the lattice. The posterior of a class is the sum over its rows.
        adds up the losses of the batch :: return losses, q -> return losses.sum(), q
            The batch has N losses: return them all.
        gives the gradient first :: return losses, q -> return q, losses
            The losses come first: `return losses, q`.
        forgets the account :: -log_scales - np.log(total[-1]) -> -np.log(total[-1])
            ln p(Y | X) is what is left at the end plus all that was divided out: `log_scales`.
        adds the account with the wrong sign :: -log_scales -> log_scales
            ln p is `log_scales` plus ln of the end, and the loss is minus all of it.
        adds the account of the mirrored sweep, too :: mirrored, _ -> mirrored, more & -log_scales -> -more - log_scales
            At the last step the mirrored sweep has not been divided by anything yet. One account is enough.
        keeps one row of each class :: joint[:, ::2].sum(axis=1) -> joint[:, -1] & += joint -> = joint
        :: += joint -> = joint
            The blank stands in many rows, and a letter may: add them up, row by row. (`q[:, n, rows] += posterior`
            reads all of q before it adds, and keeps one row as well; `np.add.at` adds each.)
        leaves something where a sample is over :: q[T:, n] = 0.0 -> pass
            A sample that waits has no gradient: `q[T:, n] = 0` for each sample n, with its own T.
        gives -q :: return losses, q -> return losses, -q
            The posteriors are asked for; the minus belongs to the gradient.
        gives ln p in place of the loss ::
            -log_scales - np.log(total[-1]) -> log_scales + np.log(total[-1])
            The loss is -ln p(Y | X).
        divides 0 by 0 where a target cannot be spelled :: np.where(total > 0, total, 1.0) -> total
            A target without an alignment has the sum 0 at each step. Divide by 1 there, and its q stays 0.
        """,
    ),
    array=True,
    cases=_batch_cases()[:4],
    large=_batch_cases()[4:],  # what fails on these alone is not mixed up with other mistakes
    show_case=_show_batch,
    hints=(
        (
            "the forward half",
            "Take `losses_of` up to its sweep. Keep `reached` and its account.",
        ),
        ("the mirror", "`sweep(last[::-1], emit[::-1, ::-1], np.roll(skip, -2, axis=0)[::-1])`; turn its result back."),
        (
            "losses",
            "`total = (reached * emit * beta).sum(axis=1)` is T × N; with the account, its last row gives p.",
        ),
        (
            "from rows to classes",
            "The blanks are every other row: `q[:, :, 0] = posterior[:, ::2].sum(axis=1)`. Then, for each row s of a "
            "label, `q[:, np.arange(N), rows[s]] += posterior[:, s]`.",
        ),
        ("nan for a text that is too long", "Its sums over the rows are 0. Divide by `np.where(total > 0, total, 1)`."),
    ),
)

EXERCISES = (
    ALPHA_STEP,
    PROBABILITIES_AT_END,
    LOG_LIKELIHOOD_RESCALED,
    SWEEP,
    CTC_LOSSES_AND_POSTERIORS,
    MOVED,
)
