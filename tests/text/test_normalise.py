"""Size and position normalisation: what maps where, what may change nothing, and the lines that break naive forms."""

from __future__ import annotations

import re
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from crnn_lessons.text.lines import print_line
from crnn_lessons.text.normalise import (
    FORMS,
    MOST,
    centre_line,
    cut,
    ink_mask,
    mean_deviation,
    moments,
    normalise,
    to_ink,
)

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
ALL = list(FORMS)
SIZED = {"moments": {"height": 20, "reach": 2.5}, "mean": {"height": 20, "reach": 3.0}, "centre line": {"height": 48}}


def text_line(text="recurrent 407", size=30.0, height=64, baseline=42, margin=2):
    return print_line(text, FONT, size=size, height=height, baseline=baseline, margin=margin) / 255


def spread(line):
    return np.nonzero(ink_mask(line))[0].std()


def bar(height, top, thick, width=50):
    line = np.zeros((height, width))
    line[top : top + thick, 5:-5] = 1
    return line


# what maps where


def test_moments_by_hand():
    line = np.zeros((9, 4))
    line[2, :], line[4, :], line[6, 1] = 1, 0.4, 0.8  # 0.4 is below half of the brightest: no ink
    rows = np.array([2, 2, 2, 2, 6])
    window = moments(line, reach=2, keep=0)
    assert window.centre.tolist() == [rows.mean()] * 4 == [2.8] * 4
    assert window.half == pytest.approx(2 * 1.6) and rows.std() == pytest.approx(1.6)


def test_mean_deviation_by_hand_weighs_each_pixel():
    line = np.zeros((9, 2))
    line[2], line[6, 0] = 1.0, 0.5  # weights 2 and 0.5: mean (4 + 3) / 2.5, deviations 0.8 and 3.2
    window = mean_deviation(line, reach=3, keep=0)
    assert window.centre == pytest.approx([2.8, 2.8])
    assert window.half == pytest.approx(3 * (2 * 0.8 + 0.5 * 3.2) / 2.5)


@pytest.mark.parametrize("h, r", [(80, 5), (48, 4), (20, 2.5)])
def test_sigma_becomes_h_over_2r_and_the_mean_the_middle(h, r):
    out = normalise(text_line(), "moments", height=h, reach=r)
    assert out.shape[0] == h
    assert spread(out) == pytest.approx(h / (2 * r), rel=0.04)
    assert np.nonzero(ink_mask(out))[0].mean() == pytest.approx(h / 2, abs=0.02 * h)


def test_rows_are_read_where_the_formula_says():
    """A ramp shows from which row each result row was read: offset + s i, with offset = mean - s h / 2."""
    line = np.arange(200.0)[:, None] * np.ones(40)
    window = moments(text_line(height=200, baseline=110))
    window = type(window)(np.full(40, window.centre[0]), window.half)
    h = 80
    s = 2 * window.half / h
    offset = window.centre[0] - s * h / 2
    got = cut(line, window, h)
    assert got.shape[1] == round(40 / s)
    np.testing.assert_allclose(got[:, 0], offset + s * np.arange(h), rtol=1e-5)


def test_centre_line_follows_a_line_that_drifts():
    line = np.zeros((48, 400))
    truth = 16 + 16 * np.arange(400) / 399
    for x in range(10, 390, 4):  # strokes of 9 rows
        top = round(truth[x]) - 4
        line[top : top + 9, x] = 1
    window = centre_line(line)
    assert np.abs(window.centre - truth)[60:340].max() < 1.5
    assert window.half == int(1 + 4 * np.abs(np.arange(48)[:, None] - window.centre)[line > 0].mean())
    flat = normalise(line, "centre line", padding=0)
    middles = [np.nonzero(column > 0.3)[0].mean() for column in flat.T[150:-150] if (column > 0.3).any()]
    assert max(middles) - min(middles) < 5 < 0.2 * (max(truth) - min(truth)) * 48 / (2 * window.half)
    assert np.ptp(moments(line).centre) == 0  # the other forms cannot follow


def test_the_tie_break_decides_only_where_there_is_no_ink():
    """Far from all ink the blurred line is 0 in each row, and the first row would be taken for the centre."""
    line = np.zeros((20, 600))
    line[11:15, 5:40] = 1
    window = centre_line(line)
    assert np.abs(window.centre - 12.5).max() < 1.5


def test_width_is_scaled_as_the_height_and_padding_is_added():
    line = text_line()
    out = normalise(line, "moments", height=40, reach=4)
    s = 2 * 4 * spread(line) / 40
    assert out.shape == (40, round(line.shape[1] / s))
    padded = normalise(line, "centre line")
    assert padded.shape[0] == 48 and not padded[:, :16].any() and not padded[:, -16:].any()
    np.testing.assert_array_equal(padded[:, 16:-16], normalise(line, "centre line", padding=0))


# what changes nothing


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("shift", [-9, 5, 17])
def test_a_shift_changes_nothing(form, shift):
    line = text_line(height=96, baseline=55)
    moved = np.roll(line, shift, axis=0)
    one, two = (normalise(x, form, **SIZED[form]) for x in (line, moved))
    if form == "centre line":  # its centre is a smoothed row number, and its blur ends at the picture's edge
        assert one.shape == two.shape and np.abs(one - two).mean() < 0.01
    else:
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("scale", [0.6, 1.7])
def test_a_scale_changes_little(form, scale):
    line = text_line(size=36, height=72, baseline=48)
    other = text_line(size=36 * scale, height=round(72 * scale), baseline=round(48 * scale))
    one, two = (normalise(x, form, **SIZED[form], padding=0) for x in (line, other))
    assert one.shape[1] == pytest.approx(two.shape[1], rel=0.06)
    assert spread(one) == pytest.approx(spread(two), rel=0.06)
    before = spread(other) / spread(line)
    assert before == pytest.approx(scale, rel=0.06)  # what there was to take out


@pytest.mark.parametrize("form", ALL)
def test_light_and_empty_rows_change_nothing(form):
    line = text_line(height=64)
    settings = SIZED[form]
    np.testing.assert_allclose(
        normalise(0.3 * line, form, **settings), 0.3 * normalise(line, form, **settings), atol=1e-6
    )
    if form != "centre line":  # whose blur grows with the picture
        taller = np.pad(line, ((30, 11), (0, 0)))
        np.testing.assert_allclose(normalise(taller, form, **settings), normalise(line, form, **settings), atol=1e-5)


@pytest.mark.parametrize("form", ALL)
def test_the_same_line_gives_the_same_bits(form):
    line = text_line()
    before = line.copy()
    assert normalise(line, form).tobytes() == normalise(line, form).tobytes()
    np.testing.assert_array_equal(line, before)
    bytes_ = (line * 255).astype(np.uint8)
    np.testing.assert_allclose(normalise(bytes_, form), normalise(bytes_ / 255, form), atol=1e-6)


# guards


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("shape", [(40, 100), (1, 1), (3, 200)])
def test_an_empty_line_becomes_a_blank_one(form, shape):
    out = normalise(np.zeros(shape), form, height=20, padding=0)
    s = max(shape[0] / 20, 1 / MOST)
    assert out.shape == (20, max(1, round(shape[1] / s))) and not out.any()


@pytest.mark.parametrize("form", ALL)
def test_one_pixel(form):
    line = np.zeros((40, 30))
    line[33, 12] = 1
    out = normalise(line, form, height=20, padding=0)
    assert out.shape[0] == 20 and out.shape[1] <= MOST * 30 and np.isfinite(out).all()
    y, x = np.unravel_index(out.argmax(), out.shape)
    assert out.max() > 0.5 and abs(y - 10) <= 8 and abs(x / out.shape[1] - 12.5 / 30) < 0.05


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("height", [1, 12, 64])
def test_all_ink(form, height):
    out = normalise(np.ones((height, 50)), form, height=20, padding=0)
    assert np.isfinite(out).all() and out[10].max() == pytest.approx(1)
    if height > 1:  # the ink is a bar in the middle, paper above and below
        assert out[0].max() < 1 and out[-1].max() < 1


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("top", [0, 58])
def test_text_at_the_edge_wraps_nowhere(form, top):
    """Cutting rows by index from a picture with too little padding would take rows from its other end."""
    line = bar(64, top, 6)
    out = normalise(line, form, height=20, padding=0)
    rows = np.nonzero((out > 0.5).any(axis=1))[0]
    assert np.ptp(rows) == len(rows) - 1 and abs(rows.mean() - 9.5) < 2.5
    assert (out > 0.5).mean() > 0.01


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("r", [0.0, 0.5, 1.0])
def test_too_small_a_window_grows_until_it_holds_the_ink(form, r):
    line = text_line("(jumping)", height=96, baseline=60)
    kept = normalise(line, form, height=40, padding=0, reach=r)
    cropped = normalise(line, form, height=40, padding=0, reach=r, keep=0.0)
    ink = np.count_nonzero(ink_mask(line))
    share = lambda out: np.count_nonzero(out > 0.5) * (line.shape[1] / out.shape[1]) ** 2 / ink  # noqa: E731
    assert share(kept) > 0.93
    if r < 1:
        assert share(cropped) < 0.9


@pytest.mark.parametrize(
    "line, words",
    [
        (np.zeros(5), "picture H x W of at least one pixel, and this has the shape (5,)"),
        (np.zeros((0, 5)), "at least one pixel"),
        (np.full((3, 3), np.nan), "negative or not finite"),
        (-np.ones((3, 3)), "negative or not finite"),
    ],
)
def test_what_is_no_line_is_refused_in_one_sentence(line, words):
    for form in ALL:
        with pytest.raises(ValueError, match=re.escape(words)):
            normalise(line, form)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="no form 'median'; choose one of moments, centre line, mean"):
        normalise(np.ones((3, 3)), "median")
    with pytest.raises(ValueError, match="the height must be 1 or more and the padding 0 or more; got 0 and 0"):
        normalise(np.ones((3, 3)), height=0)


# scans


@pytest.mark.parametrize("flip", [False, True])
def test_a_scan_of_either_polarity_becomes_ink(flip):
    ink = text_line()
    scan = (40 + 170 * (ink if flip else 1 - ink)).astype(np.uint8)
    np.testing.assert_allclose(to_ink(scan), ink, atol=0.02)
    assert not to_ink(np.full((5, 5), 200, np.uint8)).any()


# ---- shrinking and speed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize(("height", "width", "thick"), [(400, 1200, 2), (1000, 3000, 3), (300, 900, 1), (800, 900, 1)])
def test_shrinking_loses_no_stroke(form, height, width, thick):
    line = np.zeros((height, width))
    at = np.linspace(width // 40, width - width // 40, 20).astype(int)
    for x in at:
        line[height // 4 : 3 * height // 4, x : x + thick] = 1
    profile = normalise(line, form, padding=0).max(axis=0)
    assert len(profile) < width  # it shrinks
    inked = np.flatnonzero(np.diff((profile > 0).astype(int), prepend=0) == 1)
    scale = width / len(profile)
    assert len(inked) == 20 if scale < (at[1] - at[0] - thick) / 2 else len(inked) >= 1
    assert profile[np.minimum((at / scale).astype(int), len(profile) - 1)].min() > 0  # each is seen in its place


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize(("shape", "x"), [((400, 20), 9), ((400, 20), 0), ((600, 7), 3), ((1000, 30), 28)])
def test_a_lone_thin_letter_is_not_lost(form, shape, x):
    line = np.zeros(shape)
    line[shape[0] // 5 : -shape[0] // 5, x : x + 2] = 1
    assert normalise(line, form).max() > 0.05


@pytest.mark.parametrize("form", ALL)
def test_ink_keeps_its_amount_when_it_shrinks(form):
    line = np.zeros((300, 900))
    line[100:200, 100:800:7] = 1
    window = FORMS[form][0](line)
    scale = 2 * window.half / 40
    assert cut(line, window, 40).sum() * scale**2 == pytest.approx(line.sum(), rel=0.03)


@pytest.mark.parametrize("form", ALL)
def test_a_line_as_wide_as_a_page_takes_less_than_a_second(form):
    line = (np.random.default_rng(0).random((1000, 4000)) > 0.9).astype(float)
    began = time.process_time()  # of this process alone, whatever else the machine does
    normalise(line, form)
    assert time.process_time() - began < 1
