"""The character n-gram: its numbers by the formula, and its file."""

from __future__ import annotations

import math
import zipfile

import numpy as np
import pytest

from crnn_lessons.ctc import NGram

WORDS = [(1, 2, 1), (1, 2), (2, 2, 2, 3), (3,), (3,)]


def by_formula(texts, context, k, C, blank=0):
    """P(k | context), counting the texts anew for each context: slow and plain."""
    shorter = by_formula(texts, context[1:], k, C, blank) if context else 1 / C
    padded = [(blank, *text, blank) for text in texts]
    followers = [
        whole[i + len(context)]
        for whole in padded
        for i in range(len(whole) - len(context))
        if whole[i : i + len(context)] == context and i + len(context) >= 1
    ]
    if not followers:
        return shorter
    u = len(set(followers))
    return (followers.count(k) + u * shorter) / (len(followers) + u)


def test_one_letter_counted_by_hand():
    """Of the signs after nothing: 3 times 1, 5 times 2, 3 times 3, 5 ends; four kinds, with one vote each of 1/4."""
    language = NGram.train(WORDS, 4, order=1)
    assert np.allclose(np.exp(language.table), [[(5 + 1) / 20, (3 + 1) / 20, (5 + 1) / 20, (3 + 1) / 20]])


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("blank", [0, 4])
def test_every_state_is_its_context(order, blank):
    texts = [tuple(k - 1 for k in word) for word in WORDS] if blank else WORDS
    language = NGram.train(texts, 5, order, blank)
    assert np.allclose(np.exp(language.table).sum(axis=1), 1, atol=1e-6)
    rng = np.random.default_rng(order)
    labels = [k for k in range(5) if k != blank]
    for _ in range(60):
        text, state, context = rng.choice(labels, size=5).tolist(), language.start(), (blank,)
        for k in text:
            context = context[-(order - 1) :] if order > 1 else ()
            state, log_prob = language.step(state, k)
            assert math.isclose(math.exp(log_prob), by_formula(texts, context, k, 5, blank), rel_tol=1e-5)
            context = (*context, k)
    total = language.log_prob(texts[0])
    steps, context = 0.0, (blank,)
    for k in (*texts[0], blank):
        context = context[-(order - 1) :] if order > 1 else ()
        steps += math.log(by_formula(texts, context, k, 5, blank))
        context = (*context, k)
    assert math.isclose(total, steps, rel_tol=1e-5)


def test_what_is_written_is_read_again_and_holds_numbers_alone(tmp_path):
    language, path = NGram.train(WORDS, 4, 3), tmp_path / "language.bin"
    language.save(path)
    again = NGram.load(path)
    assert np.array_equal(again.table, language.table) and np.array_equal(again.following, language.following)
    assert (again.first, again.blank) == (language.first, language.blank)
    assert all(name.endswith(".npy") for name in zipfile.ZipFile(path).namelist())
    np.load(path, allow_pickle=False)["table"]  # raises where it takes a pickle


def test_a_file_that_is_no_ngram_is_refused(tmp_path):
    path = tmp_path / "language.npz"
    with pytest.raises(FileNotFoundError):
        NGram.load(path)
    NGram.train(WORDS, 4, 2).save(path)
    whole = path.read_bytes()
    for data in (b"", b"words\n", whole[: len(whole) // 2], whole[:40]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="is no n-gram that"):
            NGram.load(path)
    table = np.zeros((2, 3), np.float32)
    for following, first in ((np.full((2, 3), 2), 0), (np.zeros((2, 4), int), 0), (np.zeros((2, 3), int), 5)):
        np.savez(path, table=table, following=following, first=first, blank=0)
        with pytest.raises(ValueError, match="is no n-gram"):  # it would lead the machine code out of its arrays
            NGram.load(path)
    np.savez(path, table=np.array([{}], dtype=object), following=[[0]], first=0, blank=0)
    with pytest.raises(ValueError, match="is no n-gram"):
        NGram.load(path)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: NGram.train([], 4), "at least one text"),
        (lambda: NGram.train(WORDS, 4, order=0), "order of an n-gram is 1 or more, and is 0"),
        (lambda: NGram.train(WORDS, 3), "has 3 at place"),
        (lambda: NGram.train([(0,)], 3), "has the blank"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
