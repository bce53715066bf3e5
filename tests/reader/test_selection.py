"""Words that are read already, and words that nobody could read, are left out; a young reader is shown all."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from crnn_lessons.ctc import forward_backward
from crnn_lessons.models import build
from crnn_lessons.reader import Reader, selection
from crnn_lessons.reader.selection import KEPT, label_probabilities, worth_showing
from crnn_lessons.text.render import render_word

SANS = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"


@pytest.fixture(scope="module")
def reader():
    return Reader()


def word(text, seed=0, wild=0.0):
    return render_word(text, SANS, np.random.default_rng(seed), height=40, wild=wild)


def test_the_probability_is_that_of_the_label(reader):
    words = [(word("Station"), "station"), (word("Go"), "go"), (word("Station"), "stations")]
    found = label_probabilities(reader.model, reader.alphabet, words)
    for (picture, label), value in zip(words, found, strict=True):
        shape = reader.model.config.shape_for(*picture.shape)
        log_probs = reader.log_probs(selection.fit(picture, *shape)).numpy()
        assert value == pytest.approx(
            forward_backward(log_probs, reader.alphabet.encode(label)).log_likelihood, abs=1e-3
        )
    assert found[0] > np.log(0.8) and found[2] < found[0] - 2


def test_easy_words_come_less_often_and_hopeless_ones_not_at_all(monkeypatch):
    log_p = np.log([0.99] * 10 + [0.5] * 3 + [0.01**4, 0.06**4])
    monkeypatch.setattr(selection, "label_probabilities", lambda *_: log_p)
    kept = worth_showing(None, None, [(None, "abcd")] * 15)
    assert kept[:10].sum() == 10 // KEPT and kept[10:13].all() and kept[13:].tolist() == [False, True]


def test_a_young_reader_is_shown_every_word(reader):
    words = [(word("Station", i), "station") for i in range(8)]
    model = build("tiny", reader.alphabet.num_classes).train()
    assert worth_showing(model, reader.alphabet, words).all() and model.training
