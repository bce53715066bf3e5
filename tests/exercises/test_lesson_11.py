"""Wrong answers to lesson 11 as learners write them: each must be caught, and its cause named."""

import pytest

from tests.exercises.answers import assert_complete, assert_named, assert_right


def runs(path, blanks=False):
    out, start = [], 0
    for t in range(1, len(path) + 1):
        if t == len(path) or path[t] != path[start]:
            if blanks or path[start] != 0:
                out.append([path[start], start, t - 1])
            start = t
    return out


def without_looking_at_blanks(path):
    kept = [(t, k) for t, k in enumerate(path) if k != 0]
    out = []
    for t, k in kept:
        if out and out[-1][0] == k:
            out[-1][2] = t
        else:
            out.append([k, t, t])
    return out


WRONG = [
    ("11-1", 4 * len("bookkeeper"), "forgets the three double letters"),
    ("11-1", 13, "counts frames, not pixels"),
    ("11-1", len("bookkeeper"), "counts frames, and forgets the double letters"),
    ("11-1", 51, "rounds the width down"),
    ("11-2", lambda f: f.reshape(f.shape[3], f.shape[0], -1), "reshapes where it should move axes"),
    ("11-2", lambda f: f.permute(0, 3, 1, 2).flatten(2), "leaves the batch first"),
    ("11-2", lambda f: f.permute(2, 0, 1, 3).flatten(2), "takes the height as time"),
    ("11-2", lambda f: f.permute(3, 0, 2, 1).flatten(2), "puts the rows before the channels"),
    ("11-2", lambda f: f.permute(3, 0, 1, 2)[..., 0], "keeps one row of the features"),
    ("11-3", lambda path: runs(path, blanks=True), "lists the blanks too"),
    ("11-3", without_looking_at_blanks, "joins equal letters across a blank"),
    ("11-3", lambda path: [[k, a, b + 1] for k, a, b in runs(path)], "ends one frame too late"),
    ("11-3", lambda path: [[r[0], i, i] for i, r in enumerate(runs(path))], "counts the letters, not the frames"),
]


@pytest.mark.parametrize(("key", "answer", "name"), WRONG)
def test_wrong_answer_is_caught_and_named(key, answer, name):
    assert_named(key, answer, name)


def test_every_named_mistake_has_a_wrong_answer_here():
    assert_complete(WRONG)


@pytest.mark.parametrize(
    ("key", "answer"),
    [("11-1", 52), ("11-2", lambda f: f.permute(3, 0, 1, 2).flatten(2)), ("11-3", runs)],
)
def test_right_answers_written_in_another_way_pass(key, answer):
    assert_right(key, answer)
