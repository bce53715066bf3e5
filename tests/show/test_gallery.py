"""Words side by side: every picture has its caption, and what is wrong can be told without colour."""

import io

import numpy as np
import pytest
from PIL import Image

from crnn_lessons.show.gallery import gallery

PICTURES = [np.full((20 + i, 60 + 9 * i), 40 * i, np.uint8) for i in range(5)]


def test_the_alternative_text_names_every_picture_and_marks_the_wrong_ones():
    shown = gallery(PICTURES, ["one", "two\n2", "three", "four", "five"], "Five greys", columns=3, wrong=[1])
    assert shown.alt == "Five greys: one; two: 2 (wrong); three; four; five."


@pytest.mark.parametrize(("columns", "rows"), [(5, 1), (3, 2), (1, 5)])
def test_pictures_stand_in_rows(columns, rows):
    shown = gallery(PICTURES, list("abcde"), "Greys", columns=columns)
    width, height = Image.open(io.BytesIO(shown.png)).size
    assert height / width == pytest.approx(rows * (7.5 / columns / 3.2 + 0.25) / 7.5, rel=0.01)


def test_a_mark_changes_the_picture():
    plain, marked = (gallery(PICTURES, list("abcde"), "Greys", wrong=wrong) for wrong in ([], [2]))
    assert plain.png != marked.png
