"""Each face of letters puts light and dark where it says."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from crnn_lessons.text import relief
from crnn_lessons.text.effects import FACES, NO_EFFECTS, STREET, only
from crnn_lessons.text.letters import draw_mask

SANS = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf"
MASK = draw_mask("HO", SANS, size=96, pad=24)  # strokes of 19 pixels
PAPER, COLOUR = 60.0, 200.0


def painted(layers, paper=PAPER):
    picture = np.full(MASK.shape, paper, np.float32)
    for alpha, value in layers:
        picture += alpha.astype(np.float32) / 255 * (value - picture)
    return picture


def draw(name, seed=0):
    return painted(relief.MAKERS[name](MASK, np.random.default_rng(seed), PAPER, COLOUR))


def test_the_table_and_the_makers_name_the_same_faces():
    assert set(FACES) == set(relief.MAKERS) and sum(getattr(STREET, name) for name in FACES) < 1


def test_without_effects_letters_have_one_grey():
    assert relief.face(MASK, np.random.default_rng(0), PAPER, COLOUR, NO_EFFECTS) == [(MASK, COLOUR)]


@pytest.mark.parametrize("name", FACES)
def test_an_effect_alone_is_the_face_that_is_drawn(name):
    made = relief.face(MASK, np.random.default_rng(3), PAPER, COLOUR, only(**{name: 1.0}))
    rng = np.random.default_rng(3)
    rng.random()
    again = relief.MAKERS[name](MASK, rng, PAPER, COLOUR)
    assert np.array_equal(painted(made), painted(again))


@pytest.mark.parametrize("name", ["shadowed", "extruded", "outlined", "neon"])
def test_the_face_stays_and_something_is_beside_it(name):
    beside = []
    for seed in range(12):
        picture = draw(name, seed)
        inside, outside = relief.grown(MASK, -2) == 255, MASK == 0
        if name != "neon":  # whose letter may be a tube along the rim
            assert np.all(picture[inside] == COLOUR)
        beside.append(float(np.abs(picture[outside] - PAPER).max()))
    assert np.median(beside) > 20  # a shadow may fall straight down, or a rim have the ground's grey


def test_sides_reach_as_far_as_the_depth_and_no_further():
    for seed in range(10):
        layers = relief.extruded(MASK, np.random.default_rng(seed), PAPER, COLOUR)
        rng = np.random.default_rng(seed)
        rng.uniform(0, 2 * np.pi)
        depth = int(rng.integers(3, 11))
        side = np.max([alpha for alpha, _ in layers], axis=0)
        rows, columns = (np.flatnonzero(side.max(axis=a) > 127) for a in (1, 0))
        ink_rows, ink_columns = (np.flatnonzero(MASK.max(axis=a) > 127) for a in (1, 0))
        reach = np.hypot(np.ptp(rows) - np.ptp(ink_rows), np.ptp(columns) - np.ptp(ink_columns))
        assert depth - 1.5 <= reach <= depth + 1.5
        assert len({value for _, value in layers[:-1]}) == 3  # tones along the depth


def test_hollow_letters_have_the_colour_at_their_rim_alone():
    for seed in range(10):
        picture = draw("hollow", seed)
        assert np.all(np.abs(picture[relief.grown(MASK, -6) == 255] - COLOUR) > 0.5)
        assert (np.abs(picture - COLOUR) < 1).sum() > 100


def test_an_edge_towards_the_light_shines_and_the_other_is_dark():
    for seed in range(10):
        picture = draw("embossed", seed)
        edges = picture[(relief.grown(MASK, 2) > 0) & (relief.grown(MASK, -3) == 0)]
        flat = picture[relief.grown(MASK, -7) == 255]
        assert edges.max() - flat.mean() > 10 and flat.mean() - edges.min() > 10 and flat.std() < 3
        assert abs(float(picture[relief.grown(MASK, -5) == 255].mean()) - PAPER) < 0.62 * abs(COLOUR - PAPER)


def test_lamps_are_dots_and_their_rows_make_the_letter():
    picture = draw("lamps", 2)
    lit = picture > (PAPER + COLOUR) / 2
    assert 0.25 < lit[MASK == 255].mean() < 0.95 and lit[relief.grown(MASK, 6) == 0].mean() == 0
    strokes = lit[relief.grown(MASK, -4) == 255]
    assert 0.3 < strokes.mean() < 0.98  # between the dots it is dark


def test_motley_letters_keep_to_their_side_of_the_ground():
    for seed in range(10):
        picture = draw("motley", seed)
        face = picture[relief.grown(MASK, -2) == 255]
        assert len(np.unique(face)) >= 2 and face.min() >= PAPER + 0.3 * (COLOUR - PAPER) and face.max() <= COLOUR


def test_moved_and_grown_by_pixels():
    dot = np.zeros((15, 15), np.uint8)
    dot[7, 7] = 255
    assert np.argwhere(relief.moved(dot, 3, -2)).tolist() == [[5, 10]]
    disc = relief.grown(dot, 3)
    assert disc[7, 4] == disc[4, 7] == 255 and not disc[7, 3] and not disc[4, 4]
    assert np.array_equal(relief.grown(disc, -3), dot)
