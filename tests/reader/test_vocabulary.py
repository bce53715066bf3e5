"""What is known of words: the formula, the file, and what it does to readings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from safetensors import safe_open

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import best_path, text_log_probs
from crnn_lessons.reader import Reader, vocabulary
from crnn_lessons.reader.commands import main
from crnn_lessons.reader.decoder import Decoder
from crnn_lessons.reader.vocabulary import RARER, UNKNOWN, Vocabulary, save_lists, shipped
from crnn_lessons.text.augment import lean
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word

SANS = system_directories()[-1] / "DejaVuSans.ttf"
LETTERS = Alphabet("abcdefghijklmnopqrstuvwxyz")


@pytest.fixture
def two_lists(tmp_path):
    save_lists(tmp_path / "words", [["cat", "dog"], ["cat", "newt", "okapi"]], {"source": "four animals"})
    return Vocabulary.load(tmp_path / "words", 26)


def test_the_probabilities_of_all_texts_sum_to_one(two_lists):
    words = ["cat", "dog", "newt", "okapi"]
    assert sum(math.exp(two_lists.word_log_prob(word)) for word in words) == pytest.approx(1)
    assert two_lists.word_log_prob("cat") == pytest.approx(math.log(1 / (1 + RARER) / 2))  # not in the second list
    assert two_lists.word_log_prob("okapi") == pytest.approx(math.log(RARER / (1 + RARER) / 2))
    assert (
        two_lists.word_log_prob("CAT") == two_lists.word_log_prob("cat") and two_lists.word_log_prob("cta") == -math.inf
    )
    # worth(y) = log(P(y) K^n): with P summed over all strings of three letters, 26^-3 each, and the words among them
    total = sum(math.exp(two_lists.worth(text)) for text in ("cat", "dog")) + (26**3 - 2) * UNKNOWN
    assert total / 26**3 == pytest.approx(UNKNOWN + (1 - UNKNOWN) * 1 / (1 + RARER))


def test_a_word_is_worth_more_the_longer_it_is(two_lists):
    assert two_lists.worth("xyz") == two_lists.worth("q" * 12) == pytest.approx(math.log(UNKNOWN))
    assert two_lists.worth("okapi") > two_lists.worth("newt") > two_lists.worth("xyz")


def frames(*texts: tuple[str, float], classes: int = 27) -> np.ndarray:
    """Frames on which each text is as probable as given; letter, blank, letter, blank ..., all of one length."""
    rows = []
    for place in zip(*(text for text, _ in texts), strict=True):
        rows.append(np.full(classes, 1e-6))
        for letter, (_, share) in zip(place, texts, strict=True):
            rows[-1][LETTERS.encode(letter)] += share
        rows.append(np.eye(classes)[0] + 1e-6)
    rows = np.array(rows)
    return np.log(rows / rows.sum(axis=1, keepdims=True))


def test_what_the_picture_and_the_words_say_together(two_lists):
    said = frames(("okaqi", 0.7), ("okapi", 0.3))
    assert LETTERS.decode(best_path(said)) == "okaqi"
    labels, seen = two_lists.weigh([said], LETTERS.decode)[0]
    assert LETTERS.decode(labels) == "okapi" and seen == pytest.approx([math.log(0.3)], abs=1e-3)
    clear = frames(("okaqi", 1 - 1e-5), ("okapi", 1e-5))
    assert LETTERS.decode(two_lists.weigh([clear], LETTERS.decode)[0][0]) == "okaqi"  # what is plain to see stands
    short = frames(("cq", 0.7), ("ca", 0.3))
    assert LETTERS.decode(two_lists.weigh([short], LETTERS.decode)[0][0]) == "cq"
    # crops are averaged: one that is sure of a word outweighs one that is half sure of another string
    labels, seen = two_lists.weigh([frames(("newz", 0.6), ("newt", 0.4)), frames(("newt", 0.9), ("newz", 0.1))],
                                   LETTERS.decode)[0]  # fmt: skip
    assert LETTERS.decode(labels) == "newt" and np.exp(seen) == pytest.approx([0.4, 0.9], abs=1e-2)

    # the mean of the views, and not the largest of them: 0.57 against 0.43, though 0.9 against 0.8
    views = [frames(("newa", 0.9), ("newb", 0.1)), *[frames(("newa", 0.2), ("newb", 0.8))] * 2]
    assert LETTERS.decode(two_lists.weigh(views, LETTERS.decode)[0][0]) == "newb"


def test_what_reads_surely_is_not_weighed(two_lists):
    assert two_lists.settles("cat", 0.5) and not two_lists.settles("cat", 0.49)
    assert two_lists.settles("cta", 0.95) and not two_lists.settles("cta", 0.94)
    assert two_lists.settles("", 0.01)  # where nothing is read, no word is made up


def test_the_shipped_words():
    words = shipped(36)
    assert all(words.word_log_prob(word) > -math.inf for word in ("the", "restaurant", "london", "dont", "bookshop"))
    assert words.word_log_prob("the") > words.word_log_prob("restaurant") > words.word_log_prob("zygote")
    rng = np.random.default_rng(0)
    strings = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz0123456789"), 8)) for _ in range(20_000)]
    assert sum(words.word_log_prob(text) > -math.inf for text in strings) <= 3  # 0.7 expected by chance
    with safe_open(vocabulary.files("crnn_lessons") / "weights/words.safetensors", "np") as file:
        assert sum(len(file.get_tensor(name)) for name in file.keys())  # noqa: SIM118 > 149_000
        assert "Kevin Atkinson" in file.metadata()["notes"]


@pytest.fixture(scope="module")
def blurred():
    """Printed words, too small for every letter to be sure."""
    rng = np.random.default_rng(5)
    words = ["museum", "station", "library", "kitchen", "garden", "theatre", "market", "village", "hospital", "bridge"]
    return [(word, render_word(word, SANS, rng, wild=1)) for word in words * 3]


def test_words_of_the_street_are_read_better(blurred):
    right = {}
    for words in (False, True):
        reader = Reader(words=words)
        right[words] = [reader.read(picture).text == word for word, picture in blurred]
    assert np.mean(right[True]) >= np.mean(right[False]) + 0.05


def test_a_lexicon_of_ones_own_has_its_way(blurred, tmp_path):
    (tmp_path / "mine.txt").write_text("musenm\nstatiom\n", encoding="utf-8")
    reader, literal = Reader(), Reader(words=False)
    reader.decoder = literal.decoder = Decoder(reader.alphabet, lexicon=tmp_path / "mine.txt")
    for _, picture in blurred[:20]:
        assert reader.read(picture) == literal.read(picture)


def test_a_reading_that_was_changed_is_whole(blurred):
    reader, literal = Reader(), Reader(words=False)
    reader.decoder = Decoder(reader.alphabet, alternatives=2)
    changed = 0
    for _, picture in blurred:
        new, old = reader.read(picture), literal.read(picture)
        assert "".join(letter.character for letter in new.letters) == new.text.replace(" ", "")
        assert new.box == old.box and new.turned == old.turned and len(new.alternatives) == 2
        assert all(a.right == b.left for a, b in zip(new.letters, new.letters[1:], strict=False))
        changed += new.text != old.text
        if new.text != old.text and " " not in new.text:  # p(text | picture), in the crop where it is largest
            labels = reader.alphabet.encode(new.text)
            sums = [text_log_probs(log_probs, [tuple(labels)])[0] for log_probs, _ in new.frames]
            assert new.confidence == pytest.approx(math.exp(max(sums)) * new.legible, rel=1e-6)
    assert changed >= 2


def test_the_option_literal(blurred, tmp_path, capsys):
    from PIL import Image

    reader, literal = Reader(), Reader(words=False)
    picture = next(p for _, p in blurred if reader.read(p).text != literal.read(p).text)
    Image.fromarray(picture).save(tmp_path / "word.png")
    assert main(["read", str(tmp_path / "word.png")]) == 0
    assert capsys.readouterr().out.strip() == reader.read(picture).text
    assert main(["read", "--literal", str(tmp_path / "word.png")]) == 0
    assert capsys.readouterr().out.strip() == literal.read(picture).text


def test_leaning_keeps_the_middle_and_the_size():
    picture = np.zeros((41, 81), np.uint8)
    picture[18:23, 20:61] = 255
    assert np.array_equal(lean(picture, 0, 0), picture)
    turned, slanted = lean(picture, 8, 0), lean(picture, 0, 0.5)
    assert turned.shape == slanted.shape == picture.shape and turned[20, 40] == slanted[20, 40] == 255
    rows = np.arange(41) @ turned / np.maximum(1, turned.sum(axis=0, dtype=float))
    assert np.degrees(np.arctan2(rows[25] - rows[55], 30)) == pytest.approx(8, abs=0.5)  # counter-clockwise
    bar = np.zeros((40, 80), np.uint8)
    bar[:, 38:42] = 255
    leaned = lean(bar, 0, 0.5)
    middles = [np.average(np.arange(80), weights=leaned[row].astype(float)) for row in (5, 35)]
    assert middles == pytest.approx([32, 47], abs=0.5)


def test_an_unsure_word_is_seen_again_and_a_sure_one_is_not(monkeypatch):
    from crnn_lessons.reader import reading

    clear = {word: render_word(word, SANS, np.random.default_rng(0), height=40, wild=0) for word in ("museum", "qzxv")}
    seen = []
    monkeypatch.setattr(reading, "lean", lambda picture, *how: seen.append(how) or clear["museum"])
    reader = Reader()
    assert reader.read(clear["qzxv"]).text == "qzxv" and not seen  # no word, and sure all the same
    spoilt = np.random.default_rng(3).integers(90, 160, clear["museum"].shape, dtype=np.uint8)
    spoilt[8:32, 20:60] -= 80  # reads as something, and badly
    before = Reader(words=False).read(spoilt)
    assert before.text and before.confidence < 0.5
    assert reader.read(spoilt).text == "museum"  # what most of the views say
    assert sorted(seen) == sorted(reading.LEANS) and len(seen) == 2
