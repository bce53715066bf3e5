"""Scores, against values worked out by hand."""

import pytest

from crnn_lessons.metrics import character_error_rate, fold, one_minus_ned, word_accuracy


def test_fold_keeps_small_letters_and_digits():
    assert fold("Café No.7!") == "cafno7"
    assert fold("NEVADA'S $12.00") == "nevadas1200"
    assert fold("한국 ...") == ""


def test_word_accuracy_counts_exact_words():
    assert word_accuracy(["a", "bc", "d", ""], ["a", "bd", "d", "x"]) == 0.5


def test_character_error_rate_is_edits_over_reference_characters():
    # kitten -> sitting: 3 edits; '' -> ab: 2; same: 0; 6 reference characters too many are 6
    assert character_error_rate(["kitten", "", "same"], ["sitting", "ab", "same"]) == pytest.approx(5 / 13)
    assert character_error_rate(["aaaaaaa"], ["a"]) == 6


def test_one_minus_ned_divides_by_the_longer_text():
    assert one_minus_ned(["kitten", "", "x"], ["sitting", "", "xyzw"]) == pytest.approx((4 / 7 + 1 + 1 / 4) / 3)


@pytest.mark.parametrize("score", [word_accuracy, character_error_rate, one_minus_ned])
def test_unequal_or_empty_lists_are_refused(score):
    with pytest.raises(ValueError, match="2 predictions and 1 references"):
        score(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="nothing to score"):
        score([], [])


def test_references_without_characters_have_no_rate():
    with pytest.raises(ValueError, match="hold no character"):
        character_error_rate(["a"], [""])
