"""How a reader's texts are found: the options of ``read`` and what they do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import Lexicon, NGram, beam_search, best_path, forward_backward, lexicon_search
from crnn_lessons.reader.decoder import Decoder

LETTERS = Alphabet("abcdefghijklmnopqrstuvwxyz")
LOG_PROBS = np.log(
    0.6 * np.eye(27)[[*LETTERS.encode("a"), 0, *LETTERS.encode("p"), 0, *LETTERS.encode("plc"), 0]]
    + 0.4 * np.random.default_rng(0).dirichlet(np.full(27, 0.3), size=8)
    + 1e-9
)


@pytest.fixture
def words(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("Apple\napply\napplc-x\nample\n\nzebra\n", encoding="utf-8")
    return file


def texts(found) -> list[str]:
    return [LETTERS.decode(hypothesis.labels) for hypothesis in found]


def test_without_options_it_is_the_best_path_with_its_probability():
    (found,) = Decoder(LETTERS)(LOG_PROBS.astype(np.float32))
    labels = best_path(LOG_PROBS)
    assert found.labels == labels and LETTERS.decode(labels) == "applc"
    want = forward_backward(LOG_PROBS.astype(np.float32), labels).log_likelihood
    assert math.isclose(found.log_prob, want, rel_tol=1e-9)


def test_a_lexicon_alone_weighs_the_near_words_and_with_a_beam_nothing_else_is_read(words):
    lexicon = Lexicon(map(LETTERS.encode, ["apple", "apply", "ample", "zebra"]))
    near = Decoder(LETTERS, lexicon=words, alternatives=1)(LOG_PROBS)
    assert near == lexicon_search(LOG_PROBS, lexicon, 3, top=2) and set(texts(near)) <= {"apple", "apply"}
    bound = Decoder(LETTERS, beam=20, lexicon=words, alternatives=3)(LOG_PROBS)
    assert bound == beam_search(LOG_PROBS, 20, top=4, lexicon=lexicon)
    far = np.log(0.9 * np.eye(27)[LETTERS.encode("qxwqvkqj")] + 0.1 / 27)
    assert texts(Decoder(LETTERS, lexicon=words)(far)) == ["qxwqvkqj"]
    assert texts(Decoder(LETTERS, beam=5, lexicon=words)(far))[0] in {"apple", "apply", "ample", "zebra"}
    short = np.log(np.full((2, 27), 1 / 27))  # no word fits into two frames
    assert texts(Decoder(LETTERS, beam=5, lexicon=words)(short)) == [""]


def test_a_language_is_counted_from_words_or_read_from_its_own_file(words, tmp_path):
    ngram = NGram.train(map(LETTERS.encode, ["apple", "apply", "ample", "zebra"]), 27)
    ngram.save(tmp_path / "language")
    counted = Decoder(LETTERS, language=words, alternatives=2)(LOG_PROBS)
    assert counted == Decoder(LETTERS, language=tmp_path / "language", alternatives=2)(LOG_PROBS)
    assert counted == beam_search(LOG_PROBS, 10, top=3, language=ngram)
    assert {"apple", "apply"} & set(texts(counted)) and not {"apple", "apply"} & set(
        texts(Decoder(LETTERS, 10)(LOG_PROBS))
    )


def test_alternatives_need_a_beam_that_holds_them():
    assert Decoder(LETTERS, alternatives=3)(LOG_PROBS) == beam_search(LOG_PROBS, 10, top=4)
    assert len(Decoder(LETTERS, beam=2, alternatives=11)(LOG_PROBS)) == 12


def test_what_cannot_be_is_refused_before_the_work(words, tmp_path):
    with pytest.raises(FileNotFoundError, match="no word list"):
        Decoder(LETTERS, lexicon=tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match="no word list"):
        Decoder(LETTERS, language=tmp_path / "none.txt")
    for beam, alternatives in [(-1, 0), (0, -1), (1001, 0), (10**9, 3), (0, 1000), (10, 10**8)]:
        with pytest.raises(ValueError, match=f"at most 1000 and 999; they are {beam} and {alternatives}$"):
            Decoder(LETTERS, beam=beam, alternatives=alternatives)
    assert Decoder(LETTERS, beam=1000, alternatives=999).width == 1000
    NGram.train([(1,)], 5).save(tmp_path / "small")
    with pytest.raises(ValueError, match="was made for 5 classes, and the reader has 27"):
        Decoder(LETTERS, language=tmp_path / "small")
    (tmp_path / "digits.txt").write_text("123\n")
    with pytest.raises(ValueError, match="no word made of"):
        Decoder(LETTERS, lexicon=tmp_path / "digits.txt")
