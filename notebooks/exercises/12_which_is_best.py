"""Exercises of lesson 12, Which is best?"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from crnn_lessons.exercises import Exercise, Mistake, mistakes

# 12-1 ---------------------------------------------------------------------------------------------------------------


def interval(a, b, t):
    difference = np.asarray(a, float) - np.asarray(b, float)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() - t * error, difference.mean() + t * error


INTERVAL = Exercise(
    key="12-1",
    title="the interval of a paired difference",
    solution=interval,
    mistakes=mistakes(
        interval,
        """
        subtracts one list from another :: np.asarray(a, float) - np.asarray(b, float) -> a - b
            Lists cannot be subtracted. Make them arrays first, `np.array(a) - np.array(b)`, or go through the pairs:
            `[x - y for x, y in zip(a, b)]`.
        tears the pairs apart :: difference.std(ddof=1) -> np.sqrt(np.var(a, ddof=1) + np.var(b, ddof=1))
            Row by row, both designs began from the same seed and saw the same words. Take the difference seed by seed
            first, then the deviation of these differences.
        takes the deviation of the population :: ddof=1 -> ddof=0
            The mean was estimated from the same few seeds, which makes them look closer to it than they are: divide by
            n - 1, `ddof=1`. With five seeds that is a tenth of the width.
        forgets the root of n :: / np.sqrt(len(difference)) ->
            That is how far one seed lies from the mean. The mean of n seeds is surer, by the root of n.
        divides by n, not by its root :: np.sqrt(len(difference)) -> len(difference)
            The error of a mean shrinks with the root of n: four times the seeds for half the width.
        divides by the root of n - 1 after dividing by n - 1 :: np.sqrt(len(difference)) -> np.sqrt(len(difference) - 1)
            The n - 1 belongs into the deviation, `ddof=1`. The error of the mean is the deviation over the root of n.
        takes the difference the wrong way round ::
            np.asarray(a, float) - np.asarray(b, float) -> np.asarray(b, float) - np.asarray(a, float)
            a minus b: these are errors, so below 0 the first design is the better one.
        gives the upper end first ::
            mean() - t -> mean() + t & mean() + t -> mean() - t
            The lower end comes first: t errors below the mean, then t errors above it.
        forgets the quantile :: t * error -> error
            One standard error to each side is too short: the true difference would lie outside in one of three races,
            and more with few seeds. Go `t` errors each way.
        takes the variance for the deviation :: difference.std(ddof=1) -> difference.var(ddof=1)
            The variance is in squared points. Take its root, the deviation.
        takes 2.78 for any number of seeds :: t * error -> 2.78 * error
        :: t * error -> 2.776 * error
            2.78 belongs to five seeds. The argument `t` is the quantile for as many as there are.
        leaves one side open :: , difference.mean() + t * error -> , np.inf
        :: difference.mean() - t * error, -> -np.inf,
            Both ends are asked for: t errors below the mean and t errors above it.
        goes half as far on each side :: t * error -> t / 2 * error
            t errors each way, so that the whole interval is 2 t errors long.
        takes 1.96 where the quantile of few seeds is given :: t * error -> 1.96 * error
            1.96 belongs to a deviation that is known. From five seeds it is estimated, and t = 2.78 makes up for it.
        gives the mean and its error ::
            difference.mean() - t * error, difference.mean() + t * error -> difference.mean(), error
        :: difference.mean() - t * error, difference.mean() + t * error -> difference.mean(), t * error
            The two ends of the interval are asked for: from mean - t * error to mean + t * error.
        """,
    ),
    cases=[
        ([8.0, 6.0], [7.0, 9.0], 12.71),
        ([10.0, 14.0, 12.0], [9.0, 12.0, 11.0], 4.3),
        ([21.5, 18.0, 25.5, 19.0, 30.5], [20.0, 17.5, 22.0, 18.0, 27.0], 2.776),
        ([3.1, 2.4, 3.0, 2.6], [5.2, 4.1, 5.0, 3.9], 3.182),
        ([7.0, 7.5, 8.0], [7.0, 7.5, 8.0], 4.3),
    ],
    hints=(
        ("what is paired?", "The same seed in both rows: `a[i] - b[i]`, one difference a seed."),
        ("how sure is their mean?", "Its standard error: the deviation of the differences, `ddof=1`, over √n."),
        ("and the interval?", "The mean, `t` standard errors less and `t` more, as a pair."),
    ),
    again=True,
)

# 12-2 ---------------------------------------------------------------------------------------------------------------


def at_equal_seconds(first, second):
    budget = min(first[-1][0], second[-1][0])
    reached = []
    for curve in (first, second):
        errors = [error for seconds, error in curve if seconds <= budget]
        reached.append(errors[-1])
    return tuple(reached)


def between(curve, budget):
    """The curve at a time, on the straight line between two checkpoints."""
    seconds, errors = zip(*curve, strict=True)
    return float(np.interp(budget, seconds, errors))


def first_after(curve, budget):
    return next((error for seconds, error in curve if seconds >= budget), curve[-1][1])


def nearest(curve, budget):
    return min(curve, key=lambda point: abs(point[0] - budget))[1]


AT_EQUAL_SECONDS = Exercise(
    key="12-2",
    title="two learning curves at equal seconds",
    solution=at_equal_seconds,
    mistakes=mistakes(
        at_equal_seconds,
        """
        takes each at its own end :: budget = min(first[-1][0], second[-1][0]) -> budget = float("inf")
        :: min(first[-1][0], second[-1][0]) -> max(first[-1][0], second[-1][0])
            That is what each could do in its own time. Both may spend only what the shorter run has spent.
        compares equal steps ::
            = lambda a, b: (a[min(len(a), len(b)) - 1][1], b[min(len(a), len(b)) - 1][1])
            Equal numbers of checkpoints are equal steps. In equal seconds, the faster design has made more of them.
        takes the checkpoint after the time is over ::
            reached.append(errors[-1]) -> reached.append(first_after(curve, budget))
            A checkpoint after the budget has spent more than the budget. Take the last one at or before it.
        takes the nearest checkpoint :: reached.append(errors[-1]) -> reached.append(nearest(curve, budget))
            The nearest one may lie beyond the budget. Take the last one at or before it.
        draws a line between checkpoints :: reached.append(errors[-1]) -> reached.append(between(curve, budget))
            Nobody has measured an error between two checkpoints, and curves are not straight. Take the last one at or
            before the budget.
        takes the best error so far :: errors[-1] -> min(errors)
            To know which checkpoint was best, one would have to look at the test. Take the last one.
        leaves out a checkpoint that comes just in time :: <= budget -> < budget
            A checkpoint at the budget has spent the budget and no more: it counts.
        takes the untrained network :: errors[-1] -> errors[0]
            The last checkpoint in time, not the first.
        gives the second first :: return tuple(reached) -> return tuple(reached[::-1])
            The error of the first curve, then that of the second.
        """,
    ),
    cases=[
        ([(0, 100), (2, 60), (4, 30), (6, 20)], [(0, 100), (3, 70), (6, 25), (9, 10)]),
        ([(0, 100), (1, 80), (2, 50), (3, 40)], [(0, 100), (2.5, 45), (5, 12)]),
        ([(0, 100), (5, 40), (10, 9), (15, 7)], [(0, 100), (2, 55), (4, 31), (6, 33), (8, 35)]),
        ([(0, 100), (4, 66), (8, 33)], [(0, 100), (1, 90), (2, 85), (3, 60), (4, 62), (5, 41), (7.5, 40)]),
        ([(0, 100), (9, 50), (18, 25)], [(0, 100), (1, 80), (2, 70)]),
    ],
    hints=(
        ("what is the budget?", "The time at which the shorter run ends: the smaller of the two last seconds."),
        ("between two checkpoints?", "Nobody measured there: the last checkpoint with `seconds <= budget` counts."),
    ),
    again=True,
)

# 12-3 ---------------------------------------------------------------------------------------------------------------


def seeds_needed(deviation, difference, t):
    n = 2
    while t(n) * deviation / n**0.5 > difference:
        n += 1
    return n


def t_of(n: int) -> float:
    """The quantile of Student's t for a 95 % interval from n seeds."""
    return float(stats.t.ppf(0.975, n - 1)) if n > 1 else math.inf


def wide_t(n: int) -> float:
    """The same for 99 %."""
    return float(stats.t.ppf(0.995, n - 1)) if n > 1 else math.inf


def lesson_t(n: int) -> float:
    """The quantile as the lesson computes it: from one seed there is none, and it is nan."""
    return float(stats.t.ppf(0.975, n - 1))


def always_2(n: int) -> float:
    """No quantile, but a number that makes half an interval come out even."""
    return 2.0


QUANTILES = {
    lesson_t: "the t of the lesson",
    t_of: "the t of the lesson and t(1) infinite",
    wide_t: "the t of a 99 % interval",
    always_2: "a t(n) that is 2.0 for every n",
}

SEEDS_NEEDED = Exercise(
    key="12-3",
    title="how many seeds does a difference need?",
    solution=seeds_needed,
    mistakes=mistakes(
        seeds_needed,
        """
        begins at one seed :: n = 2 -> n = 1
            One seed has no deviation, and `t(1)` is nan. That is not larger than anything, so the loop ends at once:
            begin with n = 2.
        takes "at most" for "less than" :: > difference -> >= difference
            Half the interval may be as long as the difference: the smallest n with half <= difference.
        stops looking too early :: > difference -> > difference and n < 100
        :: > difference -> > difference and n < 99
        :: > difference -> > difference and n < 1000
        :: > difference -> > difference and n < 999
            A small difference needs more seeds than that. Set no last n: `while` goes on until one fits.
        takes 1.96 for the quantile of any number of seeds :: t(n) -> 1.96
            With few seeds the quantile is larger: 12.7 for two, 2.8 for five. Call `t(n)` for each n that you try.
        hands over the degrees of freedom :: t(n) -> t(n - 1)
        :: t(n) * deviation / n**0.5 > difference -> not t(n - 1) * deviation / n**0.5 <= difference
            `t` takes the number of seeds, and subtracts the 1 itself.
        keeps the quantile of two seeds :: t(n) -> t(2)
            The quantile changes with n: call `t(n)` anew for each.
        asks that one standard error fit :: t(n) * ->
            The interval reaches t(n) standard errors to each side.
        asks that the whole interval fit :: t(n) * -> 2 * t(n) *
            The interval reaches `t(n) * deviation / √n` to each side of the mean: it is this half that must not reach
            from the difference down to 0.
        divides by n, not by its root :: n**0.5 -> n
            The error of a mean shrinks with the root of n.
        gives the last number that is not enough :: return n -> return n - 1
            The smallest n at which the half width is at most the difference.
        gives a number that is not whole :: = lambda deviation, difference, t: (1.96 * deviation / difference) ** 2
            Half a seed cannot be run. Besides, the 1.96 of this formula is too small where n is: try n = 2, 3, ...
            with `t(n)`.
        """,
    ),
    cases=[
        (1.0, 2.0, t_of),
        (2.0, 2.0, t_of),
        (4.0, 2.0, t_of),
        (3.0, 0.5, t_of),
        (0.1, 1.0, t_of),
        (2.5, 1.5, wide_t),
        (4.0, 2.0, lesson_t),
        (1.0, 1.0, always_2),
        (30.0, 1.1, always_2),
    ],
    show_case=lambda deviation, difference, t: f"seeds_needed({deviation}, {difference}, t), with {QUANTILES[t]},",
    hints=(
        ("what must hold?", "The interval around a mean of `difference` must not reach 0: half width <= difference."),
        ("how wide is it for n seeds?", "Half of it: `t(n) * deviation / n**0.5`. It shrinks as n grows."),
        ("t depends on n, too", "So there is nothing to solve for: begin with n = 2, and add 1 until it fits."),
    ),
    indices=True,
)

# 12-4 ---------------------------------------------------------------------------------------------------------------


def luck(errors, truth):
    winner = errors.argmin(axis=1)
    shown = errors.min(axis=1)
    return (truth[winner] - shown).mean()


def _measured(repeats: int, truth: list[float], deviation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    noise = np.random.default_rng(seed).normal(scale=deviation, size=(repeats, len(truth)))
    return (np.array(truth) + noise).round(2), np.array(truth)


LUCK = Exercise(
    key="12-4",
    title="how much of the winner is luck?",
    solution=luck,
    mistakes=mistakes(
        luck,
        """
        averages over the races before it looks for a winner ::
            errors.argmin(axis=1) -> errors.mean(axis=0).argmin() & errors.min(axis=1) -> errors.mean(axis=0).min()
            Averaged over many races nobody is lucky. Each race has a winner of its own: find it row by row, and average
            at the end.
        takes whole columns for the winners' results :: errors.min(axis=1) -> errors[:, winner]
            That is a table: each winner's results in *all* races. Of each row one number is asked for,
            `errors[np.arange(len(errors)), winner]`, or shorter `errors.min(axis=1)`.
        adds the races up :: mean -> sum
            The mean over the races is asked for: divide by how many there are.
        takes the median of the races :: (truth[winner] - shown).mean() -> np.median(truth[winner] - shown)
            The mean over the races is asked for. The median leaves out how far the luckiest went.
        takes the best result of all races :: errors.min(axis=1) -> errors.min()
            One winner a race, one race a row: `axis=1`.
        looks for the winner along the wrong axis :: axis=1 -> axis=0 & truth[winner] -> truth
            A row is a race and a column a design: the winner is the smallest of its row.
        takes the worst for the winner :: argmin -> argmax & errors.min -> errors.max
            These are errors: the smallest one wins.
        gives it the wrong sign :: truth[winner] - shown -> shown - truth[winner]
            How much better than it is: the truth minus what was shown, so that luck is above 0.
        measures against the best design there is :: truth[winner] -> truth.min()
            The winner of a race need not be the best design. What is asked is how much better *it* looks than *it* is.
        measures against the mean of all designs :: truth[winner] -> truth.mean()
            The truth of the winner is asked for, `truth[winner]`, not that of the crowd.
        measures against what the others showed :: truth[winner] -> errors.mean(axis=1)
            That is the winner's lead in this race. Its luck is what it shows beyond its own truth.
        gives a number for each race :: .mean() ->
            One number is asked for: the mean over the races.
        """,
    ),
    cases=[
        (np.array([[9.0, 12.0], [11.0, 8.0]]), np.array([10.0, 10.0])),
        (np.array([[9.0, 12.0, 10.0], [11.0, 8.5, 9.0], [13.0, 10.0, 8.0]]), np.array([10.0, 11.0, 9.5])),
        _measured(40, [10.0] * 5, 1.0, 1),
        _measured(60, [8.0, 9.0, 12.0, 8.5], 2.0, 2),
    ],
    show_case=lambda errors, truth: (
        f"luck(np.array({errors.tolist()}), np.array({truth.tolist()}))"
        if len(errors) < 4
        else f"luck of {errors.shape[0]} races of {errors.shape[1]} designs"
    ),
    hints=(
        ("who wins a race?", "The design with the smallest error of its row: `errors.argmin(axis=1)`."),
        ("what does it show, and what is true?", "It shows `errors.min(axis=1)`; true is `truth[winner]`."),
        ("one number", "Truth minus what was shown, for each race, and then the mean."),
    ),
)

# 12-5 ---------------------------------------------------------------------------------------------------------------

FLAWS = "dbgcae"
WHY_FLAWED = (
    "In table 1, look at what each design was allowed to spend, and at the time behind the claim.",
    "In table 2, the two numbers are not of one kind: how many seeds stand behind each?",
    "In table 3, go through a to f: which of them does the caption rule out?",
    "In table 4, ask who has seen the test words before the last line was written.",
    "In table 5, ask where the learning rates come from.",
    "In table 6, compute the error of the difference: two deviations of about 3 points, and four seeds.",
)


def flaws(answer) -> str | None:
    """None if each table has its flaw, else a sentence on the first that has not."""
    if isinstance(answer, str):
        answer = "".join(sign for sign in answer.lower() if not sign.isspace() and sign not in ",;")
    if not isinstance(answer, str) or len(answer) != 6 or set(answer) - set("abcdefg"):
        return "The answer is a string of six letters, a to g, one for each table in order, such as 'abcdef'."
    wrong = [i for i, (said, right) in enumerate(zip(answer, FLAWS, strict=True)) if said != right]
    return f"Table {wrong[0] + 1}: not {answer[wrong[0]]}. {WHY_FLAWED[wrong[0]]}" if wrong else None


FIND_THE_FLAW = Exercise(
    key="12-5",
    title="find the flaw",
    solution=FLAWS,
    verify=flaws,
    mistakes=(
        Mistake("overlooks unequal budgets", "abgcae", WHY_FLAWED[0]),
        Mistake("overlooks the best of five seeds", "dfgcae", WHY_FLAWED[1]),
        Mistake("sees a flaw where there is none", "dbecae", WHY_FLAWED[2]),
        Mistake("overlooks a choice by the test words", "dbgbae", WHY_FLAWED[3]),
        Mistake("overlooks a borrowed learning rate", "dbgcde", WHY_FLAWED[4]),
        Mistake("takes noise for a result", "dbgcag", WHY_FLAWED[5]),
    ),
    hints=(
        ("what do I look for?", "For each design the same: search for a rate, seeds, budget, words. Then the error."),
        ("none of it seems wrong", "Go through a to f: which of them does the caption rule out?"),
        ("which one is sound?", "The one that gives an interval, and says by which words its rates were chosen."),
    ),
    source=f'answer = "{FLAWS}"',
)

# 12-6 ---------------------------------------------------------------------------------------------------------------


def level_means(rows, factor, a, b):
    means = {a: [], b: []}
    for level in (a, b):
        for seed in sorted({row["seed"] for row in rows}):
            of = [row["error"] for row in rows if row["seed"] == seed and row[factor] == level]
            means[level].append(sum(of) / len(of))
    return means[a], means[b]


def _factorial(levels: dict[str, str], seeds: list[int], seed: int) -> list[dict]:
    """Every combination of the levels at every seed, with errors drawn at random."""
    rng = np.random.default_rng(seed)
    rows = [{}]
    for factor, names in levels.items():
        rows = [{**row, factor: name} for row in rows for name in names.split()]
    return [{**row, "seed": s, "error": round(float(rng.uniform(2, 40)), 1)} for s in seeds for row in rows]


TWO = {"sequence": "none lstm", "reduction": "max sum"}
THREE = {"normalisation": "none mean moments", "sequence": "none lstm", "reduction": "max concat"}

LEVEL_MEANS = Exercise(
    key="12-6",
    title="one factor, averaged over all others",
    solution=level_means,
    mistakes=mistakes(
        level_means,
        """
        pools the seeds :: row["seed"] == seed and ->
        :: row["seed"] == seed and -> & return means[a], means[b] -> return means[a][0], means[b][0]
            One mean for each seed: the seeds are the pairs of exercise 12-1, and tell how sure the difference is.
        keeps the best design of each level :: sum(of) / len(of) -> min(of)
            The best of several is good and lucky, and the level with more designs is luckier. Take the mean over all
            designs with this level.
        takes the median :: sum(of) / len(of) -> sorted(of)[len(of) // 2]
        :: sum(of) / len(of) -> float(np.median(of))
            The main effect is a difference of means.
        adds the errors up :: / len(of) ->
            The mean over the designs is asked for: divide by how many there are.
        holds a against all that is not a :: row[factor] == level -> (row[factor] == a) == (level == a)
            Where a factor has three levels and more, only the rows with level b belong to b.
        takes the seeds as they come ::
            sorted({row["seed"] for row in rows}) -> dict.fromkeys(row["seed"] for row in rows)
            Sort the seeds: the first entry belongs to the smallest one, whatever the order of the rows.
        leaves the order of the seeds to a set :: sorted({row["seed"] for row in rows}) -> {row["seed"] for row in rows}
            A set has no order: it may give 10 before 2. Sort it.
        sorts the seeds as words :: for row in rows}) -> for row in rows}, key=str)
            As words, '10' comes before '2'. Sort the seeds as numbers, without a key.
        takes one design of each level :: sum(of) / len(of) -> of[0]
            Every design with this level counts: what a factor does is averaged over all that the others do.
        gives b first :: return means[a], means[b] -> return means[b], means[a]
            The means of a first, then those of b.
        gives the differences ::
            return means[a], means[b] -> return [x - y for x, y in zip(means[a], means[b], strict=True)]
            Two lists are asked for; `interval` of exercise 12-1 takes the differences.
        """,
    ),
    cases=[
        (_factorial(TWO, [1], 1), "sequence", "lstm", "none"),
        (_factorial(TWO, [1, 2], 2), "reduction", "max", "sum"),
        (_factorial(TWO, [7, 10, 2], 3), "sequence", "none", "lstm"),
        (_factorial(THREE, [1, 2], 4), "normalisation", "none", "moments"),
        (_factorial(THREE, [10, 8], 5)[::-1], "sequence", "lstm", "none"),
    ],
    show_case=lambda rows, factor, a, b: (
        f"level_means(rows, {factor!r}, {a!r}, {b!r}), on {len(rows)} rows with the seeds "
        f"{', '.join(str(seed) for seed in dict.fromkeys(row['seed'] for row in rows))},"
    ),
    hints=(
        ("which rows?", 'For one seed and one level: those with `row["seed"] == seed` and `row[factor] == level`.'),
        ("what of the other factors?", "Their levels occur equally often on both sides: average over all of them."),
        ("the result", "Two lists, one mean for each seed, the seeds in ascending order: first a's, then b's."),
    ),
    again=True,
)

EXERCISES = (INTERVAL, AT_EQUAL_SECONDS, SEEDS_NEEDED, LUCK, FIND_THE_FLAW, LEVEL_MEANS)
