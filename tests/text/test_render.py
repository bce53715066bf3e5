"""A rendered word is the word: repeatable, varied, in any alphabet the font has."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from crnn_lessons.text.render import draw_mask, render_word

FONTS = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf"
SANS = FONTS / "DejaVuSans.ttf"


def test_the_same_generator_gives_the_same_picture():
    a, b = (render_word("Street9", SANS, np.random.default_rng(5)) for _ in range(2))
    assert a.dtype == np.uint8 and np.array_equal(a, b)
    assert not any(np.array_equal(a, render_word("Street9", SANS, np.random.default_rng(s))) for s in range(10, 14))


def test_the_height_is_what_was_asked_for():
    for seed in range(20):
        assert render_word("word", SANS, np.random.default_rng(seed), height=24).shape[0] == 24


def test_ink_is_cropped_tightly_and_padded():
    tight = draw_mask("H", SANS)
    assert tight[0].any() and tight[-1].any() and tight[:, 0].any() and tight[:, -1].any()
    padded = draw_mask("H", SANS, pad=3)
    assert np.array_equal(padded[3:-3, 3:-3], tight)
    assert not padded[:3].any() and not padded[:, -3:].any()


def test_an_h_has_two_bars_and_an_i_has_one():
    def bars(letter):
        row = draw_mask(letter, SANS)[3] > 127  # near the top: no crossbar there
        return int(np.diff(row.astype(int), prepend=0).clip(0).sum())

    assert (bars("H"), bars("I"), bars("HI")) == (2, 1, 3)


def test_without_wildness_it_is_black_print_on_white():
    picture = render_word("plain", SANS, np.random.default_rng(0), height=32, wild=0)
    assert picture[0].min() > 250 and picture.min() < 40
    assert np.median(picture) > 200


def test_pictures_vary_as_photographs_do():
    pictures = [render_word("VARIETY", SANS, np.random.default_rng(i)) for i in range(300)]
    middle = [float(np.median(p)) for p in pictures]
    contrast = [float(np.percentile(p, 98) - np.percentile(p, 2)) for p in pictures]
    aspect = [p.shape[1] / p.shape[0] for p in pictures]
    dark = sum(m < 90 for m in middle) / 300
    light = sum(m > 165 for m in middle) / 300
    assert 0.15 < dark < 0.7 and 0.15 < light < 0.7  # either may be the paper
    assert min(contrast) < 60 and max(contrast) > 200
    assert np.std(aspect) > 0.3
    assert all(p.std() > 1 for p in pictures)  # none is blank


@pytest.mark.parametrize("text", ["Žluťoučký", "Đường", "ΑΩ", "привет"])
def test_any_alphabet_that_the_font_has(text):
    picture = render_word(text, SANS, np.random.default_rng(1))
    assert picture.std() > 1


def test_missing_glyphs_are_an_error_that_names_them():
    with pytest.raises(ValueError, match=r"DejaVuSans\.ttf has no glyph for '한국'"):
        render_word("한국", SANS, np.random.default_rng(0))


def test_a_text_without_ink_is_an_error():
    for text in ("", "  "):
        with pytest.raises(ValueError, match="no ink"):
            render_word(text, SANS, np.random.default_rng(0))
