"""Words come in the lengths, cases and kinds that signs have."""

import numpy as np
import pytest

from crnn_lessons.metrics import fold
from crnn_lessons.text import shaping
from crnn_lessons.text.words import WordSource, decorate, load_foreign, load_words


def test_lists_are_folded_merged_and_cleaned(tmp_path):
    (tmp_path / "a.txt").write_text("Cat\ndog\n\nnaïve\ndog\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("cat\r\nowl\r\nit's\r\n", encoding="utf-8")
    assert load_words([tmp_path / "a.txt"]) == ["cat", "dog"]
    assert load_words([tmp_path / "a.txt", tmp_path / "b.txt"]) == ["cat", "dog", "cat", "owl"]


def test_words_of_several_lists_are_drawn_more_often(tmp_path):
    (tmp_path / "all.txt").write_text("cat\nowl\n")
    (tmp_path / "common.txt").write_text("cat\n")
    source = WordSource(load_words([tmp_path / n for n in ("all.txt", "common.txt", "common.txt")]))
    drawn = [source.draw(np.random.default_rng(i)).lower() for i in range(3000)]
    assert drawn.count("cat") / drawn.count("owl") == pytest.approx(3, rel=0.2)


def test_a_missing_or_useless_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no word list '.*none\.txt'"):
        load_words([tmp_path / "none.txt"])
    (tmp_path / "ko.txt").write_text("한국\n", encoding="utf-8")
    with pytest.raises(ValueError, match="hold no word"):
        load_words([tmp_path / "ko.txt"])


def test_foreign_words_are_those_that_cannot_pass_for_english(tmp_path, monkeypatch):
    passing = ["мама", "торт", "сосна", "αναν", "ρομα", "ромашка"]  # mama, topt, cocha, avav, poma, pomawka
    clear = ["привет", "Ёжик", "площадь", "λόγος", "ψωμί", "שלום"]
    (tmp_path / "a.txt").write_text("\n".join([*passing, *clear, "cat", "naïve", "ж1", "до-до", ""]), encoding="utf-8")
    assert load_foreign([tmp_path / "a.txt"]) == [word.lower() for word in clear]
    with pytest.raises(FileNotFoundError, match=r"no word list '.*none\.txt'"):
        load_foreign([tmp_path / "none.txt"])
    monkeypatch.setattr(shaping, "_has_raqm", lambda: False)
    with pytest.raises(ValueError, match=r"'שלום' must be shaped .* this Pillow has no Raqm"):  # before a word is drawn
        load_foreign([tmp_path / "a.txt"])
    (tmp_path / "en.txt").write_text("cat\n")
    with pytest.raises(ValueError, match="no word in another script"):
        load_foreign([tmp_path / "en.txt"])


def test_shares_of_kinds_and_cases():
    words = ["of", "sun", "moon", "river", "candle", "antidisestablishment"]
    source, rng = WordSource(words), np.random.default_rng(0)
    drawn = [source.draw(rng) for _ in range(4000)]
    known = [w for w in drawn if w.lower() in words]
    assert 0.68 < len(known) / 4000 < 0.76  # the rest are numbers, random letters and codes
    assert 0.4 < sum(w.isupper() for w in known) / len(known) < 0.5
    assert 0.25 < sum(w.istitle() for w in known) / len(known) < 0.35
    assert "antidisestablishment" not in {w.lower() for w in drawn}  # longer than any step count allows
    assert 0.07 < sum(fold(w).isdigit() for w in drawn) / 4000 < 0.15


def test_without_words_only_random_strings_are_drawn():
    rng = np.random.default_rng(1)
    drawn = [WordSource().draw(rng) for _ in range(200)]
    assert all(fold(w) for w in drawn) and len(set(drawn)) > 150


def test_decoration_never_loses_the_word():
    rng = np.random.default_rng(2)
    decorated = [decorate(rng, "Word") for _ in range(2000)]
    assert {fold(d) for d in decorated} == {"word", "words"}  # the genitive is read too
    assert 0.1 < sum(d != "Word" for d in decorated) / 2000 < 0.2
