"""Wrong answers to lesson 13 as learners write them; its table of effects; the lesson with photographs."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from nbclient import NotebookClient

from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge
from crnn_lessons.text.effects import GROUPS
from notebooks import build
from tests.exercises.answers import assert_complete, assert_named, assert_right

# Written apart from the catalogue in notebooks/exercises/13_photographs.py, which the engine compares with.

ROOT = Path(__file__).resolve().parents[2]


def homogeneous(points):
    return np.column_stack([points, np.ones(len(points))])  # N 3


def bounds(xy):
    return (*xy.min(axis=0), *xy.max(axis=0))


def project(projection, points):
    seen = homogeneous(points) @ projection.T
    return seen[:, :2] / seen[:, 2:]


def undivided(projection, points):
    return bounds((homogeneous(points) @ projection.T)[:, :2])


def wrong_side(projection, points):
    seen = homogeneous(points) @ projection
    return bounds(seen[:, :2] / seen[:, 2:])


def largest_depth(projection, points):
    seen = homogeneous(points) @ projection.T
    return bounds(seen[:, :2] / seen[:, 2].max())


def two_corners(projection, points):
    seen = project(projection, points)
    return (*seen[0], *seen[2])


def with_size(projection, points):
    left, top, right, bottom = bounds(project(projection, points))
    return left, top, right - left, bottom - top


def down_first(projection, points):
    left, top, right, bottom = bounds(project(projection, points))
    return top, left, bottom, right


def middles(box, height, width, half=0.5):
    left, top, right, bottom = box
    x = [left + (j + half) / width * (right - left) for j in range(width)]
    y = [top + (i + half) / height * (bottom - top) for i in range(height)]
    return np.array([[(a, b) for a in x] for b in y])  # H W 2


def through(matrix, places):
    height, width, _ = places.shape
    moved = project(matrix, places.reshape(-1, 2)).reshape(height, width, 2)
    return moved[..., 0], moved[..., 1]


def backward(projection, box, height, width):
    return through(np.linalg.inv(projection), middles(box, height, width))


def forward(projection, box, height, width):
    return through(projection, middles(box, height, width))


def transposed(projection, box, height, width):
    return through(projection.T, middles(box, height, width))


def no_depth(projection, box, height, width):
    places = middles(box, height, width).reshape(-1, 2)
    moved = (homogeneous(places) @ np.linalg.inv(projection).T).reshape(height, width, 3)
    return moved[..., 0], moved[..., 1]


def pixel_corners(projection, box, height, width):
    return through(np.linalg.inv(projection), middles(box, height, width, half=0.0))


def to_the_edges(projection, box, height, width):
    x, y = np.meshgrid(np.linspace(box[0], box[2], width), np.linspace(box[1], box[3], height))
    return through(np.linalg.inv(projection), np.stack([x, y], axis=2))


def from_zero(projection, box, height, width):
    left, top, right, bottom = box
    return backward(projection, (0, 0, right - left, bottom - top), height, width)


def columns_by_rows(projection, box, height, width):
    x, y = backward(projection, box, height, width)
    return x.T, y.T


def y_before_x(projection, box, height, width):
    return backward(projection, box, height, width)[::-1]


def contrast(change, cover):
    return np.sqrt(np.average(change**2, weights=cover))


def blend(ground, cover, grey, least):
    laid = (1 - cover) * ground + cover * grey
    there = contrast(laid - ground, cover)
    return laid if there >= least else ground + (laid - ground) * (least / there)


def additive(ground, cover, grey, least):
    change = cover * grey
    return ground + change * max(1, least / contrast(change, cover))


def measured(measure, always=False):
    """An answer that measures the contrast in another way."""

    def answer(ground, cover, grey, least):
        change = cover * (grey - ground)
        there = measure(change, cover)
        return ground + change * least / there if always or there < least else ground + change

    return answer


def whole_picture(ground, cover, grey, least):
    change = cover * (grey - ground)
    return (ground + change) * max(1, least / contrast(change, cover))


def constant_added(ground, cover, grey, least):
    change = cover * (grey - ground)
    return ground + change + cover * max(0, least - contrast(change, cover))


def unchecked(ground, cover, grey, least):
    return (1 - cover) * ground + cover * grey


def differences(a, b):
    return np.array([x - y for x, y in zip(a, b, strict=True)], float)


def interval(a, b, times=1.96, root=True, ddof=1):
    d = differences(a, b)
    error = np.sqrt(d.var(ddof=ddof)) / (len(d) ** 0.5 if root else len(d))
    return d.mean() - times * error, d.mean() + times * error


def unpaired(a, b):
    error = np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
    return np.mean(a) - np.mean(b) - 1.96 * error, np.mean(a) - np.mean(b) + 1.96 * error


def spread_of_one(a, b):
    d = differences(a, b)
    return d.mean() - 1.96 * d.std(ddof=1), d.mean() + 1.96 * d.std(ddof=1)


def mean_and_error(a, b):
    d = differences(a, b)
    return d.mean(), d.std(ddof=1) / len(d) ** 0.5


def cropped(picture, crop):
    n, (height, width) = round(crop * picture.shape[0]), picture.shape
    return picture[n : height - n, n : width - n]


def readings(read, picture, crops):
    return [read(cropped(picture, crop)) for crop in crops]


def choose(read, picture, crops):
    best = None
    for reading in readings(read, picture, crops):
        if best is None or reading[1] > best[1]:
            best = reading
    return best


def rows_alone(read, picture, crops):
    cuts = [round(crop * len(picture)) for crop in crops]
    return max((read(picture[n : len(picture) - n]) for n in cuts), key=lambda reading: reading[1])


def width_for_itself(read, picture, crops):
    def cut(crop):
        n, m = round(crop * picture.shape[0]), round(crop * picture.shape[1])
        return picture[n : picture.shape[0] - n, m : picture.shape[1] - m]

    return max((read(cut(crop)) for crop in crops), key=lambda reading: reading[1])


def to_minus_cut(read, picture, crops):
    cuts = [round(crop * len(picture)) for crop in crops]
    return max((read(picture[n:-n, n:-n]) for n in cuts), key=lambda reading: reading[1])


def crop_of_crop(read, picture, crops):
    found = []
    for crop in crops:
        picture = cropped(picture, crop)
        found.append(read(picture))
    return max(found, key=lambda reading: reading[1])


def joined(letters, gap, order=sorted, far=lambda word, box: box[0] - word[2], near=lambda d, gap: d <= gap):
    words = []
    for box in order(letters):
        if words and near(far(words[-1], box), gap):
            word = words.pop()
            box = min(word[0], box[0]), min(word[1], box[1]), max(word[2], box[2]), max(word[3], box[3])
        words.append(tuple(box))
    return words


def from_left_edges(letters, gap):
    return joined(letters, gap, far=lambda word, box: box[0] - word[0])


def below_the_limit(letters, gap):
    return joined(letters, gap, near=lambda distance, limit: distance < limit)


def last_letter_ends(letters, gap):
    words = []
    for left, top, right, bottom in sorted(letters):
        if words and left - words[-1][2] <= gap:
            word = words.pop()
            words.append((word[0], min(word[1], top), right, max(word[3], bottom)))
        else:
            words.append((left, top, right, bottom))
    return words


def first_letter_high(letters, gap):
    words = []
    for left, top, right, bottom in sorted(letters):
        if words and left - words[-1][2] <= gap:
            word = words.pop()
            words.append((word[0], word[1], max(word[2], right), word[3]))
        else:
            words.append((left, top, right, bottom))
    return words


def growing_list(letters, gap):
    words = []
    for left, top, right, bottom in sorted(letters):
        if words and left - words[-1][2] <= gap:
            word = words[-1]
            words.append((word[0], min(word[1], top), max(word[2], right), max(word[3], bottom)))
        else:
            words.append((left, top, right, bottom))
    return words


WRONG = [
    ("13-1", undivided, "forgets to divide by the depth"),
    ("13-1", wrong_side, "multiplies from the wrong side"),
    ("13-1", largest_depth, "divides each number by the largest depth"),
    ("13-1", two_corners, "takes the first and the third point for the corners of the box"),
    ("13-1", with_size, "gives width and height in place of right and bottom"),
    ("13-1", down_first, "swaps across and down"),
    ("13-1", lambda projection, points: bounds(points), "boxes the points before they are seen"),
    ("13-2", forward, "goes forward, from the word to the picture"),
    ("13-2", transposed, "takes the transpose for the inverse"),
    ("13-2", no_depth, "forgets to divide by the depth"),
    ("13-2", pixel_corners, "takes the corner of a pixel for its middle"),
    ("13-2", to_the_edges, "puts the first and the last pixel on the edges of the box"),
    ("13-2", from_zero, "begins at 0 and not at the box"),
    ("13-2", columns_by_rows, "swaps rows and columns"),
    ("13-2", y_before_x, "gives down before across"),
    ("13-3", additive, "adds the letters to the ground"),
    ("13-3", measured(lambda d, cover: np.sqrt(np.mean(d**2))), "measures the contrast over the whole picture"),
    ("13-3", measured(lambda d, cover: abs(np.average(d, weights=cover))), "lets brighter and darker places cancel"),
    (
        "13-3",
        measured(lambda d, cover: np.average(abs(d), weights=cover)),
        "takes the mean distance and not the root of the mean square",
    ),
    ("13-3", measured(lambda d, cover: contrast(d, cover) ** 2), "forgets the root"),
    ("13-3", measured(contrast, always=True), "weakens letters that stand out"),
    ("13-3", unchecked, "checks nothing"),
    ("13-3", whole_picture, "makes the whole picture stronger"),
    ("13-3", constant_added, "adds what is missing to every letter"),
    ("13-4", unpaired, "treats the two as if they had read different words"),
    ("13-4", spread_of_one, "forgets the root of the number of words"),
    ("13-4", lambda a, b: interval(a, b, root=False), "divides by the number of words, not by its root"),
    ("13-4", lambda a, b: interval(a, b, times=1), "gives one standard error each way"),
    ("13-4", lambda a, b: interval(a, b, times=2 * 1.96), "gives twice the width"),
    ("13-4", lambda a, b: interval(b, a), "asks how much better the second is"),
    ("13-4", lambda a, b: interval(a, b, ddof=0), "divides by N where the deviation is estimated"),
    ("13-4", mean_and_error, "gives the difference and its error"),
    ("13-5", rows_alone, "cuts above and below alone"),
    ("13-5", width_for_itself, "cuts as large a share of the width"),
    ("13-5", to_minus_cut, "cuts everything away where the cut is 0"),
    ("13-5", lambda *given: readings(*given)[-1], "believes the last crop"),
    ("13-5", lambda *given: sorted(readings(*given), key=lambda r: r[1])[0], "believes the least sure crop"),
    ("13-5", lambda *given: max(readings(*given), key=lambda r: len(r[0])), "takes the longest text"),
    ("13-5", lambda *given: sorted(readings(*given))[-1], "takes the last text of the alphabet"),
    ("13-5", crop_of_crop, "cuts crop after crop"),
    ("13-5", lambda *given: choose(*given)[0], "gives the text alone"),
    ("13-6", lambda letters, gap: joined(letters, gap, order=list), "takes the letters as they come"),
    ("13-6", from_left_edges, "measures from left edge to left edge"),
    ("13-6", last_letter_ends, "lets the word end where its last letter ends"),
    ("13-6", first_letter_high, "keeps the height of the first letter"),
    ("13-6", below_the_limit, "parts letters whose gap is just the limit"),
    (
        "13-6",
        lambda letters, gap: joined(letters, gap, near=lambda d, g: d > g),
        "joins what is far apart and parts what is near",
    ),
    ("13-6", growing_list, "gives the letters back"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


RIGHT = [
    ("13-1", lambda projection, points: bounds(project(projection, points))),
    ("13-1", lambda projection, points: list(bounds(project(projection, points)))),
    ("13-2", backward),
    ("13-2", lambda *given: np.stack(backward(*given))),
    ("13-3", blend),
    ("13-4", interval),
    ("13-4", lambda a, b: np.array(interval(a, b))),
    ("13-5", choose),
    ("13-6", joined),
]


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)


def test_an_answer_that_changes_the_ground_is_told():
    def in_place(ground, cover, grey, least):
        change = cover * (grey - ground)
        ground += change * max(1, least / contrast(change, cover))
        return ground

    status, message, _ = judge(find("13-3"), in_place)
    assert status == "wrong" and "changed its own argument" in message


# The table of effects


def table() -> list[dict[str, str]]:
    with open(ROOT / "notebooks/effects.csv", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_every_row_of_the_table_of_effects_has_the_same_three_seeds_or_more():
    rows = table()
    names = {row["row"] for row in rows} - {"beginner"}
    seeds = {row["seed"] for row in rows if row["row"] == "none"}
    assert len(seeds) >= 3 and {"none", "all"} <= names <= {"none", "all", *GROUPS}
    pairs = [(row["row"], row["seed"]) for row in rows]
    assert sorted(pairs) == sorted([("beginner", "0"), *((name, seed) for name in names for seed in seeds)])
    scores = [float(value) for row in rows for name, value in row.items() if name not in ("row", "seed")]
    assert all(0 <= score <= 100 for score in scores) and len(set(scores)) > 30


# With photographs


DATA = Path(os.environ.get("CRNN_LESSONS_DATA") or ROOT.parent / "shared/data")


@pytest.mark.skipif(not list(DATA.glob("words_*/labels.tsv")), reason="there are no photographs beside the repository")
def test_the_lesson_runs_with_photographs(tmp_path, monkeypatch):
    """A few of each set, in a folder of the same form."""
    for source in sorted(DATA.glob("words_*/labels.tsv")):
        target = tmp_path / source.parent.name
        target.mkdir()
        lines = source.read_text(encoding="utf-8").splitlines()[:24]
        for line in lines:
            name = line.partition("\t")[0]
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((source.parent / name).read_bytes())
        (target / "labels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("CRNN_LESSONS_DATA", str(tmp_path))
    book = build.read_twin(ROOT / "notebooks/py/13_photographs.py")
    NotebookClient(
        book, kernel_name="python3", timeout=600, resources={"metadata": {"path": str(ROOT / "notebooks")}},
        extra_arguments=["--log-level=CRITICAL"],
    ).execute()  # fmt: skip
    said = "".join(out.get("text", "") for cell in book.cells for out in cell.get("outputs", []))
    assert "no photographs here" not in said
    for folder in tmp_path.iterdir():
        assert f"{folder.name}: 24 photographs" in said and f"{folder.name}: " in said
    html = "".join(out.get("data", {}).get("text/html", "") for cell in book.cells for out in cell.get("outputs", []))
    assert "Misread photographs" in html
