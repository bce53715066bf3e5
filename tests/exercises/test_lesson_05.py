"""Wrong answers to lesson 05 as learners write them: each must be caught, and its cause named."""

import math
import re
from itertools import groupby, pairwise, product

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import alignments, collapse
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/05_alignments.py, which the engine compares with.


def filter_first(path):
    letters = [c for c in path if c != "-"]
    return "".join(c for i, c in enumerate(letters) if i == 0 or c != letters[i - 1])


def remember_last_letter(path):
    text, last = "", None
    for sign in path:
        if sign == "-":
            continue  # the blank is forgotten here
        if sign != last:
            text += sign
        last = sign
    return text


def start_at_one(path):
    return "".join(path[i] for i in range(1, len(path)) if path[i] != path[i - 1] and path[i] != "-")


def keep_blanks(path):
    text = ""
    for sign in path:
        if not text or text[-1] != sign:
            text += sign
    return text


def only_filter(path):
    return "".join(sign for sign in path if sign != "-")


def as_a_set(path):
    seen = []
    for sign in path:
        if sign not in seen and sign != "-":
            seen.append(sign)
    return "".join(seen)


def repeats(target):
    return sum(1 for i in range(1, len(target)) if target[i] == target[i - 1])


def best_alignment(probs, target):
    best = 0.0
    for path in alignments(len(probs), target):
        best = max(best, np.prod([probs[t][k] for t, k in enumerate(path)]))
    return best


def average(probs, target):
    values = [np.prod([probs[t][k] for t, k in enumerate(path)]) for path in alignments(len(probs), target)]
    return sum(values) / len(values) if values else 0.0


def plus_for_times(probs, target):
    total = 0.0
    for path in alignments(len(probs), target):
        p = 0.0
        for t, k in enumerate(path):
            p += probs[t, k]
        total += p
    return total


def skip_blanks(probs, target):
    total = 0.0
    for path in alignments(len(probs), target):
        p = 1.0
        for t, k in enumerate(path):
            if k:
                p *= probs[t, k]
        total += p
    return total


def always_step_zero(probs, target):
    return sum(np.prod(probs[0, list(path)]) for path in alignments(len(probs), target))


def halve_runs(path):
    text = ""
    while path:
        twice = len(path) > 1 and path[0] == path[1]
        text, path = text + path[0], path[2 if twice else 1 :]
    return text.replace("-", "")


def compare_with_next(path):
    return "".join(path[i] for i in range(len(path) - 1) if path[i] != path[i + 1] and path[i] != "-")


def start_with_the_first(path):
    text = "" if path[0] == "-" else path[0]
    for i in range(1, len(path)):
        text += path[i] if path[i] not in ("-", path[i - 1]) else ""
    return text


def one_product_for_all(probs, target):
    p, total = 1.0, 0.0
    for path in alignments(len(probs), target):
        for t, k in enumerate(path):
            p *= probs[t, k]
        total += p
    return total


def minus_np_log(probs, target):
    return -np.log(sum(np.prod([probs[t, k] for t, k in enumerate(p)]) for p in alignments(len(probs), target)))


def read(path):
    return tuple(int(k) for i, k in enumerate(path) if k and (i == 0 or path[i - 1] != k))


def from_the_second_step(scores):
    path = scores.argmax(1)
    return tuple(int(path[t]) for t in range(1, len(path)) if path[t] and path[t] != path[t - 1])


def by_products(probs, target, T=None):
    return sum(math.prod(probs[t, k] for t, k in enumerate(path)) for path in alignments(T or len(probs), target))


def largest_of_a_list(probs, target):
    return max([np.prod([probs[t, k] for t, k in enumerate(path)]) for path in alignments(len(probs), target)])


def first_path_alone(probs, target):
    for path in alignments(len(probs), target):
        return np.prod([probs[t, k] for t, k in enumerate(path)])
    return 0.0


def running_products(probs, target):
    return sum(np.cumprod([probs[t, k] for t, k in enumerate(p)]).sum() for p in alignments(len(probs), target))


def refuses_short_pictures(T, target):
    if len(target) + repeats(target) > T:
        raise ValueError("the picture is too short")
    return math.comb(T + len(target) - repeats(target), 2 * len(target))


def along(probs, path, first=0, end=None):
    return math.prod(probs[t, path[t]] for t in range(len(probs))[first:end])


def sum_of_paths(probs, target, **part):
    return sum(along(probs, path, **part) for path in alignments(len(probs), target))


def added_below_the_loop(probs, target):
    for path in alignments(len(probs), target):
        p = along(probs, path)
    return 0.0 + p


def last_path(probs, target):
    return ([0.0] + [along(probs, path) for path in alignments(len(probs), target)])[-1]


def returns_the_first_number(probs, target):
    for path in alignments(len(probs), target):
        for t, k in enumerate(path):
            return probs[t, k]


def returns_a_product(probs, target):
    for path in alignments(len(probs), target):
        return along(probs, path)


def last_class_for_blank(scores):
    path, last = scores.argmax(1).tolist(), scores.shape[1] - 1
    return tuple(k for k, _ in groupby(path) if k != last)


def ring(scores):
    path = scores.argmax(1)
    return tuple(int(path[t]) for t in range(len(path)) if path[t] and path[t] != path[t - 1])


def text_rule(path):
    return "".join(sign for sign, _ in groupby(path) if sign != "-")


def read_floats(path):
    return [k for i, k in enumerate(path) if k and (i == 0 or path[i - 1] != k)]


def before_the_next(scores):
    path = scores.argmax(1).tolist()
    return tuple(path[t] for t in range(len(path) - 1) if path[t] and path[t] != path[t + 1])


DIGITS = "goes through a text, in which class 12 becomes 1 and 2"
ZERO = "makes a text of the path, and forgets that its blank is '0'"
BARS = "leaves out the bars, or some of them, among the places"
ROUNDED = "rounds the scores before it compares them"
ABOVE_0 = "looks for a score above 0"

WRONG = [
    ("05-2", 11, "sees one of the three pairs"),
    ("05-2", 10 + 10 - len(set("bookkeeper")), "counts equal letters that are not neighbours"),
    ("05-2", 3, "counts the forced blanks alone"),
    ("05-2", len("bokeper"), "merges the pairs"),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) - sum(y[i] == y[i - 1] for i in range(len(y))), 2 * len(y)),
        "compares the first letter with the last",
    ),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) - len([1 for i, k in enumerate(y) if k == y[i + 1]]), 2 * len(y)),
        "compares the last letter with one behind it",
    ),
    ("05-3", lambda T, y: math.comb(T - len(y) - repeats(y), 2 * len(y)), BARS),
    ("05-3", lambda T, y: math.comb(T - len(y) - repeats(y), 2 * len(y)) if T >= len(y) + repeats(y) else 0, BARS),
    ("05-3", lambda T, y: math.comb(T - repeats(y), 2 * len(y)), BARS),
    ("05-3", lambda T, y: float(math.comb(T + len(y) - repeats(y), 2 * len(y))), "gives a float"),
    ("05-3", lambda T, y: math.comb(T + len(y) - repeats(y) + 1, 2 * len(y) + 1), "chooses 2S + 1 places"),
    ("05-4", last_path, "keeps the last path alone"),
    ("05-4", added_below_the_loop, "keeps the last path alone"),
    ("05-4", lambda probs, y: 0.0 * sum_of_paths(probs, y), "begins the product with 0"),
    ("05-4", lambda probs, y: sum_of_paths(probs, y, first=-1), "keeps the last step of a path alone"),
    ("05-4", lambda probs, y: sum_of_paths(probs, y, first=1), "leaves out the first step of each path"),
    ("05-4", lambda probs, y: sum_of_paths(probs, y, end=-1), "leaves out the last step of each path"),
    ("05-4", returns_the_first_number, "returns after the first step"),
    ("05-4", returns_a_product, "returns after the first path"),
    ("05-4", lambda probs, y: along(probs[: len(y)], y), "takes the target for a path"),
    (
        "05-4",
        lambda probs, y: sum(math.log(along(probs, p)) for p in alignments(len(probs), y)),
        "adds the logarithms of the paths",
    ),
    ("05-4", lambda probs, y: math.log(sum_of_paths(probs, y)), "gives ln p"),
    (
        "05-4",
        lambda probs, y: [along(probs, path) for path in alignments(len(probs), y)],
        "gives a list, one number a path",
    ),
    ("05-6", 6, "counts at t = 1 or at t = 3, or adds beginnings and endings"),
    ("05-6", 3 * 4, "counts the paths through a letter, row 1 or row 3"),
    ("05-6", 18, "lets a path go on for three steps"),
    ("05-7", lambda x: text_rule(x.argmax(1)), "hands class indices to a rule for text"),
    ("05-7", lambda x: tuple(map(int, text_rule("".join(map(str, x.argmax(1)))))), ZERO),
    ("05-7", lambda x: text_rule("".join(map(str, x.argmax(1)))), ZERO),
    ("05-7", lambda x: "".join(map(str, read(x.argmax(1)))), "gives a string of digits"),
    ("05-7", lambda x: read_floats(x.max(1)), "takes the largest score for its class"),
    ("05-7", lambda x: read(1 + x[:, 1:].argmax(1)), "never takes the blank"),
    ("05-7", lambda x: tuple(k - 1 for k in read(x.argmax(1))), "numbers the letters from 0"),
    ("05-7", lambda x: read(np.round(x, 1).argmax(1)), "rounds the scores before it compares them"),
    ("05-7", lambda x: read([[round(v, 2) for v in row].index(max(round(v, 2) for v in row)) for row in x]), ROUNDED),
    ("05-7", lambda x: read(x.astype(int).argmax(1)), ROUNDED),
    ("05-7", lambda x: read(x.argmax(1))[:1], "returns within the loop"),
    ("05-7", before_the_next, "drops a letter that the next step repeats"),
    ("05-1", filter_first, "drops the blanks before it merges"),
    ("05-1", remember_last_letter, "drops the blanks before it merges"),
    ("05-1", start_at_one, "loses the letter of the first step"),
    ("05-1", keep_blanks, "merges runs and keeps the blanks"),
    ("05-1", only_filter, "drops the blanks and merges nothing"),
    ("05-1", as_a_set, "keeps each letter once in the whole path"),
    ("05-2", 10, "counts the letters alone"),
    ("05-2", 10 + 2, "sees two of the three pairs"),
    ("05-2", 2 * 10 - 1, "puts a blank between all letters"),
    ("05-2", 2 * 10 + 1, "puts a blank around all letters"),
    ("05-2", 10 + 6, "gives each of the six letters in pairs a blank"),
    ("05-3", lambda T, y: math.comb(T + len(y), 2 * len(y)), "forgets the repeats"),
    ("05-3", lambda T, y: math.comb(T - repeats(y), len(y)), "lets each label have one step only"),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) - (len(y) - len(set(y))), 2 * len(y)),
        "counts equal letters that are not neighbours as repeats",
    ),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) + repeats(y), 2 * len(y)),
        "adds the repeats where they should be taken away",
    ),
    ("05-3", lambda T, y: math.comb(T + len(y) - repeats(y), len(y)), "chooses S places, not 2S"),
    ("05-4", best_alignment, "takes the best alignment alone"),
    ("05-4", average, "takes the mean over the alignments"),
    ("05-4", plus_for_times, "adds the probabilities within a path"),
    ("05-4", skip_blanks, "leaves the blanks out of the product"),
    ("05-4", always_step_zero, "reads the first row at every step"),
    ("05-5", [0.6, 0.4], "is not a T x 2 array"),
    ("05-5", [[0.1, 0.9], [0.9, 0.1]], "gives both the same text"),
    (
        "05-1",
        lambda p: "".join(c for i, c in enumerate(p) if c not in ("-", p[i - 1])),
        "compares the first sign with the last",
    ),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) - (len(re.findall(r"(.)\1+", y))), 2 * len(y)),
        "counts a run of equal labels once",
    ),
    (
        "05-4",
        lambda probs, y: (
            -math.log(sum(np.prod([probs[t, k] for t, k in enumerate(p)]) for p in alignments(len(probs), y)))
        ),
        "returns the loss",
    ),
    ("05-5", [[0.5, 0.5], [0.6, 0.4]], "has a step without a winner"),
    ("05-5", [[0.75, 0.25], [2 / 3, 1 / 3]], "has a tie between texts"),
    ("05-6", 3, "counts the beginnings alone"),
    ("05-6", 35, "counts all alignments of the text"),
    ("05-1", halve_runs, "merges pairs, and so leaves two of a run of three"),
    ("05-1", compare_with_next, "drops the letter of each sign that the next one repeats, blank or not"),
    ("05-1", start_with_the_first, "asks for the first sign of an empty path"),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) - repeats(y), T - len(y) - repeats(y)),
        "chooses the places for the free steps",
    ),
    ("05-4", one_product_for_all, "begins the product once for all paths"),
    ("05-4", minus_np_log, "returns the loss"),
    ("05-7", lambda x: read(x.T.argmax(1)), "looks for the best step of each class"),
    ("05-7", lambda x: read((-x).argmax(1)), "takes the least probable class"),
    ("05-7", lambda x: tuple(map(int, x.argmax(1))), "returns the path as it is"),
    ("05-7", lambda x: read([k for k in x.argmax(1) if k]), "drops the blanks before it merges"),
    ("05-7", lambda x: tuple(k for k, _ in groupby(x.argmax(1).tolist())), "merges runs and keeps the blanks"),
    ("05-7", lambda x: tuple(k for k in x.argmax(1).tolist() if k), "drops the blanks and merges nothing"),
    ("05-7", from_the_second_step, "loses the letter of the first step"),
    ("05-7", lambda x: tuple(dict.fromkeys(read(x.argmax(1)))), "gives each letter once"),
    ("05-1", lambda p: "".join(c for c, _ in groupby(p.lower()) if c != "-"), "writes capitals small"),
    ("05-1", lambda p: re.sub("[^a-z]", "", re.sub(r"(.)\1+", r"\1", p)), "drops every sign but the letters a to z"),
    ("05-1", lambda p: "".join(c for c, _ in groupby(p) if c not in ("-", " ")), "drops the spaces"),
    ("05-1", lambda p: re.sub(r"(.)\1+", r"\1", p).strip("-"), "drops blanks at the ends alone"),
    ("05-1", lambda p: p[:1].replace("-", ""), "returns within the loop"),
    ("05-3", lambda T, y: math.comb(T + len(y) - repeats(y), 2 * len(y) + 1), "chooses 2S + 1 places"),
    ("05-3", lambda T, y: math.comb(2 * len(y), T + len(y) - repeats(y)), "hands over to comb in the wrong order"),
    (
        "05-3",
        lambda T, y: math.comb(T + len(y) - repeats(y), 2 * len(y)) * (T > 0),
        "gives 0 where there are no steps",
    ),
    ("05-3", refuses_short_pictures, "chooses the places for the free steps"),
    ("05-4", largest_of_a_list, "takes the best alignment alone"),
    ("05-4", first_path_alone, "returns after the first path"),
    ("05-4", lambda probs, y: 1.0 + by_products(probs, y), "begins the sum with 1"),
    ("05-4", running_products, "adds after every step of a path"),
    ("05-4", lambda probs, y: by_products(probs.T, y, len(probs)), "puts the class before the step"),
    ("05-4", lambda probs, y: 0.0 if 3 in y else by_products(probs, y), "knows three classes only"),
    ("05-7", lambda x: read([int(c) for k in x.argmax(1) for c in str(k)]), DIGITS),
    ("05-7", lambda x: read([max((v, -k) for k, v in enumerate([0, *row[1:]]))[1] * -1 for row in x]), ABOVE_0),
    ("05-7", lambda x: read(np.argsort(x, axis=1, kind="stable")[:, -1]), "takes the last of equal scores"),
    (
        "05-7",
        lambda x: read([row.argmax() if row.max() > 0.5 else 0 for row in x]),
        "takes the blank where no class has more than a half",
    ),
    ("05-7", lambda x: read(abs(x).argmax(1)), "compares the scores without their signs"),
    ("05-7", last_class_for_blank, "takes the last class for the blank"),
    ("05-7", ring, "compares the first step with the last"),
    ("05-7", lambda x: read(x.argmax()), "takes the largest of the whole table"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


def count_along_the_lattice(T, y):
    rows = "-" + "".join(f"{k}-" for k in y)
    ways = [1] + [0] * len(rows)  # one way to stand before the first row
    for t in range(T):
        ways = [0] + [
            (ways[s + 1] if t else 0)
            + (ways[s] if t else int(s == 0))
            + (ways[s - 1] if t and s > 1 and k != "-" and k != rows[s - 2] else 0)
            + int(t == 0 and s == 1)
            for s, k in enumerate(rows)
        ]
    return sum(ways[-2:]) if y else int(T >= 0)


RIGHT = [
    ("05-1", lambda path: "".join(c for c, _ in groupby(path) if c != "-")),
    ("05-1", lambda path: "".join(b for a, b in pairwise("-" + path) if b not in (a, "-"))),
    ("05-3", count_along_the_lattice),
    ("05-7", lambda x: read(x.argmax(1))),
    ("05-7", lambda x: tuple(collapse(torch.tensor(x).argmax(dim=1).tolist()))),
    ("05-7", lambda x: tuple(k for k, _ in groupby(x.argmax(1)) if k)),  # whole numbers of NumPy
    (
        "05-4",
        lambda probs, y: sum(
            math.prod(row[k] for row, k in zip(probs, p, strict=True))
            for p in product(range(probs.shape[1]), repeat=len(probs))
            if collapse(p) == tuple(y)
        ),
    ),
    ("05-5", [[0.55, 0.45], [0.7, 0.3], [0.6, 0.4]]),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([["0.6", "0.4"], ["0.6", "0.4"]], "Yours holds text: write numbers, without quotes."),
        ([[0.6, 0.6], [0.4, 0.4]], "In yours each column sums to 1: swap rows and columns."),
        ([[0.6, 0.6], [0.5, 0.5]], "Row 0 is [0.6, 0.6]"),
        ([[0.6, 0.4], [1.5, -0.5]], "Row 1 is [1.5, -0.5]"),
        ("aa", "Yours holds text: write numbers, without quotes."),
        ([[0.6, 0.4], [1.0]], "Yours is [[0.6, 0.4], [1]]: give each row two numbers."),
        ({"a": 1}, "Yours is {'a': 1}: give each row two numbers."),
    ],
)
def test_an_open_answer_that_is_no_matrix_of_probabilities_is_explained(answer, sentence):
    status, message, _ = judge(find("05-5"), answer)
    assert status == "wrong"
    assert sentence in message


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: list(read(x.argmax(1))), "The numbers are right, as a list. Return a tuple of them: `tuple(...)`."),
        (lambda x: (k for k in read(x.argmax(1))), "The numbers are right, as a generator. Return a tuple of them"),
        (lambda x: np.array(read(x.argmax(1))), "The numbers are right, as an ndarray. Return a tuple of them"),
        (
            lambda x: tuple(map(float, read(x.argmax(1)))),
            "The numbers are right, and 1.0 is a float. An index is a",
        ),
    ],
)
def test_only_a_tuple_of_whole_numbers_is_a_text(answer, sentence):
    """All of these were accepted, and the lesson asks for a tuple of class indices."""
    status, message, _ = judge(find("05-7"), answer)
    assert status == "wrong"
    assert message.startswith(sentence)


def test_a_none_for_one_case_alone_is_told_with_the_case():
    _, message, _ = judge(find("05-1"), lambda path: text_rule(path) if path else None)
    assert message.startswith("collapse_text('') gave None, and other cases gave a value: ")
