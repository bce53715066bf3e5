"""Wrong answers to lesson 12 as learners write them; its tables."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from notebooks import menu
from tests.exercises.answers import assert_complete, assert_named, assert_right

NOTEBOOKS = Path(menu.__file__).parent

# Written apart from the catalogue in notebooks/exercises/12_which_is_best.py, which the engine compares with.


def pairs(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def around(middle, half):
    return middle - half, middle + half


def paired(a, b, t):
    of = pairs(a, b)
    return around(statistics.mean(of), t * statistics.stdev(of) / math.sqrt(len(of)))


def unpaired(a, b, t):
    error = math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b))
    return around(statistics.mean(a) - statistics.mean(b), t * error)


def of_population(a, b, t):
    of = pairs(a, b)
    return around(statistics.mean(of), t * statistics.pstdev(of) / math.sqrt(len(of)))


def with_error_of(divide, times=1.0):
    def answer(a, b, t):
        of = pairs(a, b)
        return around(statistics.mean(of), times * t * statistics.stdev(of) / divide(len(of)))

    return answer


def with_another_quantile(a, b, t):
    return paired(a, b, 1.96)


def above_only(a, b, t):
    return paired(a, b, t)[0], math.inf


def below_only(a, b, t):
    return -math.inf, paired(a, b, t)[1]


def mean_and_error(a, b, t):
    low, high = paired(a, b, 1.0)
    return (low + high) / 2, (high - low) / 2


def mean_and_half(a, b, t):
    low, high = paired(a, b, t)
    return (low + high) / 2, (high - low) / 2


def subtracted(a, b, t):
    of = np.array(a - b)
    return around(of.mean(), t * stats.sem(of))


def by_variance(a, b, t):
    of = pairs(a, b)
    return around(statistics.mean(of), t * statistics.variance(of) / math.sqrt(len(of)))


def seeds(deviation, difference, t, half=lambda n, deviation, t: t(n) * deviation / math.sqrt(n)):
    return next(n for n in range(2, 1_000_000) if half(n, deviation, t) <= difference)


def seeds_by(half):
    return lambda deviation, difference, t: seeds(deviation, difference, t, half)


def by_the_formula(deviation, difference, t):
    return (1.96 * deviation / difference) ** 2


def from_one(deviation, difference, t):
    n = 1
    while t(n) * deviation / n**0.5 > difference:
        n += 1
    return n


def less_than(deviation, difference, t):
    return next(n for n in range(2, 1_000_000) if difference > t(n) * deviation / math.sqrt(n))


def capped(cap):
    def answer(deviation, difference, t):
        for n in range(2, cap):
            if t(n) * deviation / math.sqrt(n) <= difference:
                break
        return n

    return answer


def degrees_by_while(deviation, difference, t):
    n = 2
    while difference < deviation * t(n - 1) / math.sqrt(n):
        n += 1
    return n


def winners_luck(errors, truth):
    return statistics.mean(float(truth[np.argmin(race)] - min(race)) for race in errors)


def mean_first(errors, truth):
    means = errors.mean(axis=0)
    return truth[means.argmin()] - means.min()


def best_of_all(errors, truth):
    return np.mean([truth[np.argmin(race)] for race in errors]) - errors.min()


def along_columns(errors, truth):
    return (truth - errors.min(axis=0)).mean()


def losers(errors, truth):
    return statistics.mean(float(truth[np.argmax(race)] - max(race)) for race in errors)


def beyond(reference):
    return lambda errors, truth: np.mean([reference(race, truth) - min(race) for race in errors])


def whole_columns(errors, truth):
    return np.mean(truth[errors.argmin(1)] - errors[:, errors.argmin(1)])


def each_race(errors, truth):
    return [float(truth[np.argmin(race)] - min(race)) for race in errors]


def over_races(average):
    return lambda errors, truth: average(each_race(errors, truth))


def curves_at(choose, budget=min):
    def answer(first, second):
        time = budget(first[-1][0], second[-1][0])
        return choose(first, time), choose(second, time)

    return answer


def last_until(curve, time):
    error = None
    for seconds, reached in curve:
        if seconds > time:
            break
        error = reached
    return error


def once_over(curve, time):
    for seconds, error in curve:
        if seconds >= time:
            return error
    return curve[-1][1]


def straight_line(curve, time):
    for (s0, e0), (s1, e1) in pairwise(curve):
        if s0 <= time <= s1:
            return e0 + (e1 - e0) * (time - s0) / (s1 - s0)
    return curve[-1][1]


def closest(curve, time):
    distances = [abs(seconds - time) for seconds, _ in curve]
    return curve[distances.index(min(distances))][1]


def until_before(curve, time):
    return [error for seconds, error in curve if seconds < time][-1]


def equal_steps(first, second):
    together = list(zip(first, second, strict=False))
    return together[-1][0][1], together[-1][1][1]


def of_levels(average, matches=lambda row, factor, a, b, level: row[factor] == level, order=sorted):
    def answer(rows, factor, a, b):
        result = []
        for level in (a, b):
            found = defaultdict(list)
            for row in rows:
                if matches(row, factor, a, b, level):
                    found[row["seed"]].append(row["error"])
            result.append([average(found[seed]) for seed in order(found)])
        return tuple(result)

    return answer


def by_a_set(rows, factor, a, b):
    seeds = set([row["seed"] for row in rows])
    return [[right_means([r for r in rows if r["seed"] == s], factor, a, b)[i][0] for s in seeds] for i in (0, 1)]


right_means = of_levels(statistics.mean)


def pooled(rows, factor, a, b):
    return tuple(np.mean([row["error"] for row in rows if row[factor] == level]) for level in (a, b))


def pooled_for_each(rows, factor, a, b):
    many = len({row["seed"] for row in rows})
    return tuple([mean] * many for mean in pooled(rows, factor, a, b))


def not_a(row, factor, a, b, level):
    return (row[factor] == a) if level == a else (row[factor] != a)


def by_masks(rows, factor, a, b):
    seed, level, error = (np.array([row[name] for row in rows]) for name in ("seed", factor, "error"))
    return [[error[(seed == s) & (level == name)].mean() for s in np.unique(seed)] for name in (a, b)]


WRONG = [
    ("12-1", unpaired, "tears the pairs apart"),
    ("12-1", of_population, "takes the deviation of the population"),
    ("12-1", with_error_of(lambda n: 1), "forgets the root of n"),
    ("12-1", with_error_of(lambda n: n), "divides by n, not by its root"),
    ("12-1", with_error_of(lambda n: math.sqrt(n - 1)), "divides by the root of n - 1 after dividing by n - 1"),
    ("12-1", lambda a, b, t: paired(b, a, t), "takes the difference the wrong way round"),
    ("12-1", subtracted, "subtracts one list from another"),
    ("12-1", lambda *given: paired(*given)[::-1], "gives the upper end first"),
    ("12-1", lambda a, b, t: paired(a, b, 1), "forgets the quantile"),
    ("12-1", by_variance, "takes the variance for the deviation"),
    ("12-1", lambda a, b, t: paired(a, b, 2.78), "takes 2.78 for any number of seeds"),
    ("12-1", lambda a, b, t: paired(a, b, 2.776), "takes 2.78 for any number of seeds"),
    ("12-1", above_only, "leaves one side open"),
    ("12-1", below_only, "leaves one side open"),
    ("12-1", with_error_of(math.sqrt, times=0.5), "goes half as far on each side"),
    ("12-1", with_another_quantile, "takes 1.96 where the quantile of few seeds is given"),
    ("12-1", mean_and_error, "gives the mean and its error"),
    ("12-1", mean_and_half, "gives the mean and its error"),
    ("12-2", lambda first, second: (first[-1][1], second[-1][1]), "takes each at its own end"),
    ("12-2", curves_at(last_until, max), "takes each at its own end"),
    ("12-2", equal_steps, "compares equal steps"),
    ("12-2", curves_at(once_over), "takes the checkpoint after the time is over"),
    ("12-2", curves_at(closest), "takes the nearest checkpoint"),
    ("12-2", curves_at(straight_line), "draws a line between checkpoints"),
    ("12-2", curves_at(lambda c, time: min(e for s, e in c if s <= time)), "takes the best error so far"),
    ("12-2", curves_at(until_before), "leaves out a checkpoint that comes just in time"),
    ("12-2", lambda first, second: (first[0][1], second[0][1]), "takes the untrained network"),
    ("12-2", lambda first, second: curves_at(last_until)(second, first), "gives the second first"),
    ("12-3", from_one, "begins at one seed"),
    ("12-3", less_than, 'takes "at most" for "less than"'),
    ("12-3", capped(100), "stops looking too early"),
    ("12-3", capped(101), "stops looking too early"),
    ("12-3", capped(1000), "stops looking too early"),
    ("12-3", capped(1001), "stops looking too early"),
    ("12-3", degrees_by_while, "hands over the degrees of freedom"),
    ("12-3", seeds_by(lambda n, d, t: 1.96 * d / math.sqrt(n)), "takes 1.96 for the quantile of any number of seeds"),
    ("12-3", seeds_by(lambda n, d, t: t(n - 1) * d / math.sqrt(n)), "hands over the degrees of freedom"),
    ("12-3", seeds_by(lambda n, d, t: t(2) * d / math.sqrt(n)), "keeps the quantile of two seeds"),
    ("12-3", seeds_by(lambda n, d, t: d / math.sqrt(n)), "asks that one standard error fit"),
    ("12-3", seeds_by(lambda n, d, t: 2 * t(n) * d / math.sqrt(n)), "asks that the whole interval fit"),
    ("12-3", seeds_by(lambda n, d, t: t(n) * d / n), "divides by n, not by its root"),
    ("12-3", lambda *given: seeds(*given) - 1, "gives the last number that is not enough"),
    ("12-3", by_the_formula, "gives a number that is not whole"),
    ("12-4", mean_first, "averages over the races before it looks for a winner"),
    ("12-4", whole_columns, "takes whole columns for the winners' results"),
    ("12-4", over_races(sum), "adds the races up"),
    ("12-4", over_races(statistics.median), "takes the median of the races"),
    ("12-4", best_of_all, "takes the best result of all races"),
    ("12-4", along_columns, "looks for the winner along the wrong axis"),
    ("12-4", losers, "takes the worst for the winner"),
    ("12-4", lambda *given: -winners_luck(*given), "gives it the wrong sign"),
    ("12-4", beyond(lambda race, truth: min(truth)), "measures against the best design there is"),
    ("12-4", beyond(lambda race, truth: np.mean(truth)), "measures against the mean of all designs"),
    ("12-4", beyond(lambda race, truth: np.mean(race)), "measures against what the others showed"),
    ("12-4", each_race, "gives a number for each race"),
    ("12-5", "cbgcae", "overlooks unequal budgets"),
    ("12-5", "dagcae", "overlooks the best of five seeds"),
    ("12-5", "dbfcae", "sees a flaw where there is none"),
    ("12-5", "dbggae", "overlooks a choice by the test words"),
    ("12-5", "dbgcfe", "overlooks a borrowed learning rate"),
    ("12-5", "dbgcab", "takes noise for a result"),
    ("12-6", pooled, "pools the seeds"),
    ("12-6", pooled_for_each, "pools the seeds"),
    ("12-6", of_levels(min), "keeps the best design of each level"),
    ("12-6", of_levels(statistics.median), "takes the median"),
    ("12-6", of_levels(statistics.median_high), "takes the median"),
    ("12-6", of_levels(sum), "adds the errors up"),
    ("12-6", of_levels(statistics.mean, matches=not_a), "holds a against all that is not a"),
    ("12-6", of_levels(statistics.mean, order=list), "takes the seeds as they come"),
    ("12-6", by_a_set, "leaves the order of the seeds to a set"),
    ("12-6", of_levels(statistics.mean, order=lambda seeds: sorted(seeds, key=str)), "sorts the seeds as words"),
    ("12-6", of_levels(lambda errors: errors[0]), "takes one design of each level"),
    ("12-6", lambda *given: right_means(*given)[::-1], "gives b first"),
    ("12-6", lambda *given: pairs(*right_means(*given)), "gives the differences"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def by_scipy(a, b, t):
    of = np.subtract(a, b)
    error = stats.sem(of)
    return [of.mean() - t * error, of.mean() + t * error]


RIGHT = [
    ("12-1", paired),
    ("12-1", by_scipy),
    ("12-1", lambda a, b, t: np.array(paired(a, b, t))),
    ("12-2", curves_at(last_until)),
    ("12-2", lambda first, second: list(curves_at(last_until)(first, second))),
    ("12-3", seeds),
    ("12-3", lambda *given: np.int64(seeds(*given))),
    ("12-4", winners_luck),
    ("12-4", lambda errors, truth: np.mean(each_race(errors, truth))),
    ("12-5", "dbgcae"),
    ("12-5", "DBGCAE"),
    ("12-5", "d b g c a e"),
    ("12-5", "D, B, G, C, A, E\n"),
    ("12-6", right_means),
    ("12-6", by_masks),
    ("12-6", lambda *given: [np.array(means) for means in right_means(*given)]),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


def yields_means(rows, factor, a, b):
    yield from right_means(rows, factor, a, b)


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("12-1", lambda *given: (end for end in paired(*given)), "Return a list or a tuple"),
        ("12-2", lambda *given: (error for error in curves_at(last_until)(*given)), "Return a list or a tuple"),
        ("12-6", yields_means, "Return a list or a tuple"),
        ("12-3", lambda *given: float(seeds(*given)), "and 4.0 is a float. A whole number is asked for"),
        ("12-3", lambda *given: np.ceil(seeds(*given) - 0.5), "and 4.0 is a float64. A whole number is asked for"),
    ],
)
def test_right_numbers_that_the_lesson_cannot_go_on_with_are_explained(key, answer, sentence):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong" and sentence in message


def test_the_sound_table_is_found_by_ruling_out():
    _, message, named = judge(find("12-5"), "dbfcae")
    assert "Table 3: not f" in message and "rule out" in message
    assert named == "sees a flaw where there is none"


def test_the_answer_that_begins_at_one_seed_is_told_of_nan():
    assert "`t(1)` is nan" in judge(find("12-3"), from_one)[1]


@pytest.mark.parametrize("answer", ["abc", ["d", "b"], "dbgcah"])
def test_an_answer_of_another_form_is_explained(answer):
    status, message, _ = judge(find("12-5"), answer)
    assert status == "wrong" and "a string of six letters, a to g" in message


# The table of the lesson, and the learner's functions against the grid's own

COLUMNS = ("error_400_steps", "error_3.2_s")


def complete() -> list[menu.Row]:
    """The rows of the table at the seeds that every design has had."""
    rows = menu.read_table(NOTEBOOKS / "menu.csv")
    count = Counter(row["seed"] for row in rows)
    return [row for row in rows if count[row["seed"]] == max(count.values())]


def test_every_design_of_the_table_has_the_same_seeds_on_both_tasks():
    rows = complete()
    names, seeds = {row["name"] for row in rows}, {row["seed"] for row in rows}
    assert names == set(menu.grid()) and len(seeds) >= 5
    assert Counter((row["task"], row["name"], row["seed"]) for row in rows) == Counter(
        product(menu.TASKS, names, seeds)
    )
    for column in COLUMNS:
        assert all(0 <= row[column] <= 1.5 for row in rows if row["name"] not in menu.BUILDS or "steps" not in column)


@pytest.mark.parametrize("task", menu.TASKS)
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(
    ("factor", "a", "b"),
    [("sequence", "lstm", "none"), ("normalisation", "moments", "none"), ("reduction", "max", "sum")],
)
def test_main_effects_are_those_of_the_grids_own_contrasts(task, column, factor, a, b):
    rows, plain = complete(), set(menu.plain())
    chosen = [row | {"error": row[column]} for row in rows if row["task"] == task and row["name"] in plain]
    means = right_means(chosen, factor, a, b)
    low, high = paired(*means, stats.t.ppf(0.975, len(means[0]) - 1))
    found = menu.contrast(rows, {"task": task, factor: a}, {"task": task, factor: b}, column)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
