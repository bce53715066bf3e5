"""Wrong answers to lesson 15 as learners write them; its hidden patients; its index of symptoms."""

import math
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
import torch

from crnn_lessons.clinic import examine
from crnn_lessons.exercises.catalogue import find, load
from crnn_lessons.exercises.engine import judge
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/15_clinic.py, which the engine compares with.

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
RIGHT_ONES = load("15").DIAGNOSES


def needs(target):
    return len(target) + sum(target[i] == target[i - 1] for i in range(1, len(target)))


def without_repeats(lengths, targets):
    return [n for n in range(len(targets)) if lengths[n] < len(targets[n])]


def just_fits_is_too_short(lengths, targets):
    return [n for n in range(len(targets)) if lengths[n] <= needs(targets[n])]


def twice(lengths, targets):
    return [n for n in range(len(targets)) if lengths[n] < 2 * len(targets[n])]


def equal_anywhere(lengths, targets):
    return [n for n, y in enumerate(targets) if lengths[n] < len(y) + sum(c - 1 for c in Counter(y).values())]


def how_many(lengths, targets):
    return sum(T < needs(y) for T, y in zip(lengths, targets, strict=True))


def from_one(lengths, targets):
    return [n for n, (T, y) in enumerate(zip(lengths, targets, strict=True), start=1) if T < needs(y)]


def those_that_fit(lengths, targets):
    return [n for n, (T, y) in enumerate(zip(lengths, targets, strict=True)) if T >= needs(y)]


def poison(images, n):
    images = images.clone()
    images[n] = float("nan")
    return images


def along_frames(network, images, n):
    scores = network(poison(images, n))
    return [m for m in range(scores.shape[0]) if scores[m].isnan().any()]


def all_numbers(network, images, n):
    scores = network(poison(images, n))
    return [m for m in range(scores.shape[1]) if scores[:, m].isnan().all()]


def equal_to_nan(network, images, n):
    scores = network(poison(images, n))
    return [m for m in range(scores.shape[1]) if (scores[:, m] == float("nan")).any()]


def one_column(network, images, n):
    images = images.clone()
    images[:, :, :, n] = torch.nan
    scores = network(images)
    return [m for m in range(scores.shape[1]) if scores[:, m].isnan().any()]


def others(network, images, n):
    scores = network(poison(images, n))
    return [m for m in range(scores.shape[1]) if m != n and scores[:, m].isnan().any()]


def with_(name, said):
    return {**RIGHT_ONES, name: said}


WRONG = [
    ("15-1", "cfbdea", "looks elsewhere when the loss is infinite"),
    ("15-1", "adbcef", "takes the plateau for a disease"),
    ("15-1", "afadec", "looks elsewhere when the loss is below zero"),
    ("15-1", "afbeec", "does not think of the two modes"),
    ("15-1", "afbdbc", "blames the network for its decoder"),
    ("15-1", "afbdef", "does not ask whether samples keep apart"),
    ("15-2", without_repeats, "forgets the repeats"),
    ("15-2", just_fits_is_too_short, "refuses samples that just fit"),
    ("15-2", twice, "asks for twice as many frames as labels"),
    ("15-2", equal_anywhere, "counts equal labels that are not neighbours"),
    ("15-2", how_many, "tells how many, not which"),
    ("15-2", from_one, "counts the samples from 1"),
    ("15-2", those_that_fit, "gives those that fit"),
    ("15-3", lambda C: math.e / (math.e + C), "forgets that one of the C classes is the sure one"),
    ("15-3", lambda C: math.e / (C - 1), "leaves the sure class out of the sum"),
    ("15-3", lambda C: 1.0, "takes one softmax"),
    ("15-3", lambda C: 1 / C, "gives all classes the same"),
    ("15-3", lambda C: -math.log(math.e / (math.e + C - 1)), "gives the loss of it"),
    ("15-4", along_frames, "looks along the frames, not the samples"),
    ("15-4", all_numbers, "wants every number of a sample to be NaN"),
    ("15-4", equal_to_nan, "finds no NaN anywhere"),
    ("15-4", lambda network, images, n: [], "finds no NaN anywhere"),
    ("15-4", one_column, "poisons the same place in every picture"),
    ("15-4", others, "leaves the poisoned picture itself out"),
    ("15-5", with_("A", "samples mix"), "does not try the decoder (patient A)"),
    ("15-5", with_("B", "too few frames"), "does not see the ceiling (patient B)"),
    ("15-5", with_("C", "healthy"), "does not count the frames (patient C)"),
    ("15-5", with_("D", "softmax twice"), "takes the plateau for a disease (patient D)"),
    ("15-5", with_("E", "loss divided twice"), "does not poison a picture (patient E)"),
    ("15-5", with_("F", "healthy"), "does not take the batch twice (patient F)"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


RIGHT = [
    ("15-2", lambda lengths, targets: [n for n, y in enumerate(targets) if lengths[n] < needs(y)]),
    ("15-3", lambda C: torch.eye(C, dtype=torch.float64)[0].softmax(0).max().item()),
    (
        "15-4",
        lambda network, images, n: sorted(
            {m for _, m, _ in torch.isnan(network(poison(images, n))).nonzero().tolist()}
        ),
    ),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


def test_an_answer_that_changes_the_pictures_is_told():
    def changes(network, images, n):
        images[n] = torch.nan
        return [m for m, bad in enumerate(network(images).isnan().any(2).any(0)) if bad]

    status, message, _ = judge(find("15-4"), changes)
    assert status == "wrong" and "changed its own argument" in message


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("15-1", "abc", "a string of six letters"),
        ("15-1", ["a", "f"], "a string of six letters"),
        ("15-1", "abcdeg", "a string of six letters"),
        ("15-5", {"A": "healthy"}, "a diagnosis for each of the patients A to F"),
        ("15-5", dict.fromkeys("ABCDEF", ...), "There is a `...` in the answer still"),
        ("15-5", with_("C", ...), "There is a `...` in the answer still"),
        ("15-5", with_("B", "flu"), "'flu' is none of the names in the table"),
        ("15-5", dict.fromkeys("ABCDEF", "healthy"), "1 of 6 are right. Look at A again"),
    ],
)
def test_an_open_answer_is_explained(key, answer, sentence):
    status, message, _ = judge(find(key), answer)
    assert status == "wrong" and sentence in message


# The hidden patients


def test_the_patients_are_the_same_each_time_and_have_what_they_are_said_to_have():
    one, two = load("15").patients(), load("15").patients()
    assert list(one) == list(RIGHT_ONES)
    for name, patient in one.items():
        assert torch.equal(patient.network(patient.images), two[name].network(two[name].images))
        given = patient.images, patient.targets, patient.input_lengths, patient.target_lengths
        report = examine(patient.network, given, loss=patient.loss, decode=patient.decode, alphabet="0123456789")
        assert [f.disease for f in report.findings] == [RIGHT_ONES[name]] * (RIGHT_ONES[name] != "healthy"), report


def test_a_learner_can_find_each_of_them_with_the_functions_of_the_lesson():
    too_short, most_sure, reached = (find(key).solution for key in ("15-2", "15-3", "15-4"))
    found = {}
    for name, p in load("15").patients().items():
        targets = [row[:S].tolist() for row, S in zip(p.targets, p.target_lengths.tolist(), strict=True)]
        rest = p.targets, p.input_lengths, p.target_lengths
        scores = p.network(p.images)
        again = p.loss(scores.repeat(1, 2, 1), *(torch.cat([x, x]) for x in rest)) / p.loss(scores, *rest)
        path = torch.eye(11)[torch.tensor([0, 2, 0, 2, 3])]
        p.network.output.weight.data *= 1000
        if too_short(p.input_lengths.tolist(), targets):
            found[name] = "too few frames"
        elif reached(p.network, p.images, 0) != [0]:
            found[name] = "samples mix"
        elif p.network(p.images).exp().max() < most_sure(11) + 1e-3:
            found[name] = "softmax twice"
        elif again < 0.6:
            found[name] = "loss divided twice"
        elif p.decode(path) != "".join("0123456789"[k - 1] for k, _ in groupby([0, 2, 0, 2, 3]) if k):
            found[name] = "decoder merges doubled letters"
        else:
            found[name] = "healthy"
    assert found == RIGHT_ONES


# The index of symptoms


def twin(number: str) -> str:
    (path,) = NOTEBOOKS.glob(f"py/{number}_*.py")
    return path.read_text(encoding="utf-8")


def plain(text: str) -> str:
    """Words alone: without markers of comments, of code and of bold type, on one line."""
    return " ".join(re.sub(r"^# ?|[`*]", "", text, flags=re.MULTILINE).split())


def cases(number: str) -> list[str]:
    """What goes wrong in a lesson: each row of the table of that section, and each paragraph with a bold beginning."""
    (section,) = re.findall(r"^# ## \d+ What goes wrong$(.*?)^# ## ", twin(number), re.MULTILINE | re.DOTALL) or [""]
    rows = re.findall(r"^# \|(?! symptom|---).*", section, re.MULTILINE)
    return [plain(case) for case in rows + re.findall(r"^# \*\*.*(?:\n# .+)*", section, re.MULTILINE)]


def index() -> str:
    text = twin("15")
    return text[text.index("Index of symptoms") : text.index("What goes wrong with diagnoses")]


NAMED = re.findall(r"\[(\d\d) ([^]]+)\]\((\w+\.ipynb)\)", index())
LESSONS = sorted(p.stem[:2] for p in NOTEBOOKS.glob("py/[0-9][0-9]_*.py") if p.stem[:2] != "15")


@pytest.mark.parametrize(("number", "words", "file"), NAMED)
def test_the_index_names_cases_that_exist(number, words, file):
    assert (NOTEBOOKS / file).exists() and file.startswith(number), f"the index links {number} to {file}"
    if not any(words in case for case in cases(number)):
        told = "\n".join(f"  {case[:90]}" for case in cases(number))
        pytest.fail(
            f"Section 13 of lesson 15 names {words!r} in lesson {number}, whose section 'What goes wrong' has no such "
            f"words any more; write there which of these is meant, or leave it out:\n{told}",
            pytrace=False,
        )


@pytest.mark.parametrize("number", LESSONS)
def test_the_index_has_every_case_of_every_lesson(number):
    words = [words for n, words, _ in NAMED if n == number]
    missing = [case[:90] for case in cases(number) if not any(w in case for w in words)]
    if missing:
        told = "\n".join(f"  {case}" for case in missing)
        pytest.fail(
            f"Section 13 of lesson 15 has no row for these cases of 'What goes wrong' in lesson {number}:\n{told}",
            pytrace=False,
        )


def test_every_lesson_has_cases_and_the_index_points_to_sections_that_exist():
    assert {number for number in LESSONS if cases(number)} >= {f"{n:02}" for n in range(1, 12)}
    sections = set(re.findall(r"\b15\.(\d+)", index()))
    assert len(sections) >= 7 and sections <= set(re.findall(r"^# ## (\d+) ", twin("15"), re.MULTILINE))
    assert not re.search(r"\[\d\d\]\(", index()), "a link without the words of its case"


def test_every_published_training_of_the_lesson_is_examined_by_a_test():
    from tests.clinic.test_published import PUBLISHED

    text = twin("15")
    table = text[text.index("Training programs that others published") : text.index("Index of symptoms")]
    rows = [line for line in table.splitlines() if line.startswith("# | [")]
    assert len(rows) == len(PUBLISHED)
    assert Counter(row.split("|")[3].split(":")[0].strip() for row in rows) == Counter(
        d for d, *_ in PUBLISHED.values()
    )
