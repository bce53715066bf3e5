"""Lines of ink: printed on a baseline, or joined from pictures of characters."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from crnn_lessons.text.lines import digit_strings, join_glyphs, print_line, printed_lines

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"


def test_letters_stand_on_the_baseline():
    for baseline in (12, 15, 18):
        rows = np.flatnonzero((print_line("1111", FONT, baseline=baseline) > 128).any(axis=1))
        assert rows[-1] == baseline - 1  # a baseline is the edge below the row
    below = np.flatnonzero((print_line("gg", FONT, baseline=12) > 128).any(axis=1))
    assert below[-1] > 12


def test_size_is_the_only_difference_between_sizes():
    heights = [np.ptp(np.nonzero(print_line("0", FONT, size, 80, 60) > 128)[0]) + 1 for size in (20, 40, 60)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=1) and heights[2] == pytest.approx(3 * heights[0], abs=2)


def test_margins_are_empty_and_nothing_is_cut():
    line = print_line("W", FONT, margin=3)
    assert not line[:, :2].any() and not line[:, -2:].any() and line[:, 2:5].any() and line[:, -5:-2].any()
    assert (line.dtype, line.shape[0]) == (np.uint8, 20)


def test_texts_that_cannot_be_printed_are_refused():
    with pytest.raises(ValueError, match="the text is empty"):
        print_line("", FONT)
    with pytest.raises(ValueError, match="한"):
        print_line("한", FONT)


def test_digit_strings_are_even_and_seeded():
    texts = digit_strings(np.random.default_rng(0), 6000, 2, 4)
    assert texts == digit_strings(np.random.default_rng(0), 6000, 2, 4)
    lengths = np.bincount([len(text) for text in texts], minlength=5)
    assert lengths[:2].tolist() == [0, 0] and lengths[2:].min() > 1800 and len(lengths) == 5
    counts = np.bincount([int(c) for text in texts for c in text])
    assert len(counts) == 10 and counts.min() > 0.9 * counts.max()
    lines = printed_lines(texts[:3], [FONT], np.random.default_rng(1))
    assert [text for _, text in lines] == texts[:3]


def test_joined_glyphs_keep_all_their_ink_apart_from_overlaps():
    glyphs = [np.zeros((8, 8), np.uint8) for _ in range(4)]
    for i, glyph in enumerate(glyphs):
        glyph[1:7, 2:5] = 50 * (i + 1)
    for seed in range(20):
        line = join_glyphs(glyphs, np.random.default_rng(seed), height=12, overlap=0)
        assert line.shape[0] == 12 and not line[:, :2].any() and not line[:, -2:].any()
        assert line.astype(int).sum() == sum(glyph.astype(int).sum() for glyph in glyphs)
        order = [int(column.max()) for column in line.T if column.any()]
        assert order == sorted(order) and len(order) == 12
    assert (line == join_glyphs(glyphs, np.random.default_rng(19), height=12, overlap=0)).all()


def test_what_cannot_be_joined_is_refused():
    rng, dot = np.random.default_rng(0), np.full((4, 2), 255, np.uint8)
    with pytest.raises(ValueError, match="nothing to join"):
        join_glyphs([], rng)
    with pytest.raises(ValueError, match="glyph 1 has no ink"):
        join_glyphs([dot, np.zeros((4, 2), np.uint8)], rng)
    with pytest.raises(ValueError, match="glyph 0 is 4 rows high and the line 3"):
        join_glyphs([dot], rng, height=3)
