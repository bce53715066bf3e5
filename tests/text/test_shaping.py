"""Scripts that run from right to left, or whose letters join, are shaped by a library; or refused in one sentence."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import ImageFont, features

from crnn_lessons.data.spec import PoolSpec, rendered_word
from crnn_lessons.text import shaping
from crnn_lessons.text.lines import print_line
from crnn_lessons.text.render import render_word

DEJAVU = str(Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf")
raqm = pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no Raqm")
HEBREW, ARABIC = "\u05e9\u05dc\u05d5\u05dd", "\u0633\u0644\u0627\u0645"


def drawn(text):
    return render_word(text, DEJAVU, np.random.default_rng(0), height=60, wild=0)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (HEBREW, True),
        (ARABIC, True),
        ("abc " + HEBREW, True),
        ("abc", False),
        ("123", False),
        ("\u0440\u0443\u0441", False),
    ],
)
def test_direction(text, left):
    assert shaping.runs_left(text) is left
    assert shaping.is_shaped(text) is left


def test_scripts_whose_letters_change_are_shaped():
    assert shaping.is_shaped("\u0939\u093f\u0928\u094d\u0926\u0940")  # Hindi
    assert not shaping.is_shaped("\ud55c\uad6d") and not shaping.is_shaped("Ti\u1ebfng")


@raqm
def test_hebrew_begins_at_the_right(monkeypatch):
    """Its letters do not join: the word is the letters, put from left to right in the reverse order."""
    shaped = print_line(HEBREW, DEJAVU, 40, 60, 45)
    monkeypatch.setattr("crnn_lessons.text.lines.layout", lambda text: ImageFont.Layout.BASIC)
    reverse, mirrored = print_line(HEBREW[::-1], DEJAVU, 40, 60, 45), print_line(HEBREW, DEJAVU, 40, 60, 45)
    width = min(shaped.shape[1], reverse.shape[1], mirrored.shape[1])

    def likeness(picture):
        return np.corrcoef(shaped[:, :width].ravel(), picture[:, :width].ravel())[0, 1]

    assert likeness(reverse) > 0.95 > 0.7 > likeness(mirrored)


@raqm
def test_arabic_letters_join():
    """The four letters, drawn one by one, are four separate pieces; in the word some of them are one."""
    import cv2

    def pieces(text):
        return cv2.connectedComponents((drawn(text) < 128).astype(np.uint8))[0] - 1

    assert pieces(ARABIC) < sum(pieces(letter) for letter in ARABIC)


def test_without_raqm_one_sentence(monkeypatch):
    monkeypatch.setattr(shaping, "_has_raqm", lambda: False)
    for text in (HEBREW, ARABIC):
        with pytest.raises(ValueError, match="must be shaped by the rules of its script, and this Pillow has no Raqm"):
            drawn(text)
        with pytest.raises(ValueError, match="no Raqm"):
            print_line(text, DEJAVU)
    drawn("abc")


def test_a_pool_refuses_labels_that_run_against_the_reading():
    spec = PoolSpec(1, 0, (DEJAVU,), (HEBREW,), characters=HEBREW)
    with pytest.raises(ValueError, match="runs from right to left, and a label as CTC reads, from left to right"):
        for i in range(20):
            rendered_word(spec, i)
