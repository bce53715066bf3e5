"""What figures compute: frames, lattices, and their description."""

import numpy as np
import pytest

from crnn_lessons.show import drawings, figures


def test_letters_of_a_word_lie_side_by_side_from_0_to_1():
    _, spans = drawings.glyph_spans("hello")
    assert spans[0, 0] == pytest.approx(0)
    assert spans[-1, 1] == pytest.approx(1)
    assert (spans[1:, 0] > spans[:-1, 1]).all()


def test_a_frame_shows_the_letter_at_its_middle():
    spans = np.array([[0.0, 0.25], [0.6, 1.0]])
    assert drawings.frame_labels(spans, 5) == [0, None, None, 1, 1]  # middles at 0.1, 0.3 ... 0.9


def test_a_lattice_draws_each_arrow_once():
    _, axes = figures.new_figure(3, 2)
    assert drawings.draw_lattice(axes, "-a-", 3, [[0, 1, 2], [0, 1, 1], [0, 0, 1]]) == 5


def test_a_picture_carries_its_description_and_is_the_same_each_time():
    def draw():
        figure, axes = figures.new_figure(2, 1)
        axes.plot([1, 2])
        return figures.show(figure, 'a "line"')

    assert 'alt="a &quot;line&quot;"' in draw()._repr_html_()
    assert draw().png == draw().png
    assert draw().png.startswith(b"\x89PNG")
