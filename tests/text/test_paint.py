"""Grounds and light: contrast within its bounds, and letters that stay visible."""

import cv2
import numpy as np
import pytest

from crnn_lessons.text import paint, texture
from crnn_lessons.text.effects import NO_EFFECTS, STREET, only


def rng(seed=0):
    return np.random.default_rng(seed)


def test_contrast_is_within_its_bounds():
    contrasts = {}
    for name, effects in (("plain", NO_EFFECTS), ("faint", only(faint=1.0))):
        pairs = np.array([paint.colours(rng(i), effects) for i in range(600)])
        assert pairs.min() >= 0 and pairs.max() <= 255
        assert 0.4 < np.mean(pairs[:, 0] > pairs[:, 1]) < 0.6  # either is the lighter
        contrasts[name] = np.abs(np.diff(pairs)).ravel()
    assert 10 <= contrasts["faint"].min() and contrasts["faint"].max() <= 40
    assert contrasts["plain"].min() >= 35 and contrasts["plain"].max() > 200


def test_a_plain_ground_is_flat_and_others_vary_with_the_contrast():
    flat = paint.ground(rng(), 30, 90, 120.0, 80.0, NO_EFFECTS, ())
    assert np.all(flat == 120)
    for contrast in (20.0, 120.0):
        drawn = [paint.ground(rng(i), 30, 90, 120.0, contrast, only(surface=1.0), ()) for i in range(40)]
        assert max(float(np.abs(d - 120).max()) for d in drawn) < 1.1 * contrast
        assert np.mean([d.std() for d in drawn]) > 0.02 * contrast


def test_frames_lie_near_the_border():
    for seed in range(40):
        picture = paint.ground(rng(seed), 60, 200, 100.0, 80.0, only(edges=1.0), ())
        assert np.all(picture[21:39, 70:130] == 100)
    assert any(np.any(paint.ground(rng(i), 60, 200, 100.0, 80.0, only(edges=1.0), ()) != 100) for i in range(5))


@pytest.mark.parametrize("level", [0.0, 100.0, 250.0])
@pytest.mark.parametrize("offset", [0.0, 1.0, -3.0, 5.0])
def test_letters_that_melt_into_the_ground_are_made_visible(level, offset):
    bare = np.full((20, 40), level, np.float32)
    mask = np.zeros_like(bare)
    mask[5:15, 10:30] = 1
    picture = paint.make_visible(bare + offset * mask, bare, mask)
    inside, outside = picture[mask == 1].mean(), picture[mask == 0].mean()
    assert abs(inside - outside) == pytest.approx(paint.LEAST_CONTRAST, abs=1e-3)
    if abs(offset) >= 0.5:
        assert np.sign(inside - outside) == np.sign(offset)


def test_what_is_visible_stays_as_it_is():
    bare = texture.blotches(rng(), 20, 40) * 20 + 100
    mask = np.zeros_like(bare)
    mask[5:15, 10:30] = 1
    picture = bare + 30 * mask
    assert paint.make_visible(picture, bare, mask) is picture


def test_light_falls_on_ground_and_letters_alike():
    board = np.tile(np.array([60, 180], np.float32).repeat(20), (40, 1))
    for seed in range(10):
        lit = paint.daylight(rng(seed), board.copy(), 120.0, only(uneven_light=1.0))
        share = lit / board
        assert share.min() > 0.59 and share.max() < 1.41
    glare = paint.daylight(rng(1), board.copy(), 120.0, only(glare=1.0))
    assert glare.max() > board.max() and np.all(glare >= np.minimum(board, 150) - 1e-3)


def test_a_wire_crosses_the_word_in_one_grey():
    board = np.full((40, 120), 90, np.float32)
    crossed = paint.daylight(rng(2), board.copy(), 120.0, only(crossed=1.0))
    assert 0.002 < np.mean(crossed != 90) < 0.4


def test_surfaces_are_about_zero():
    for seed in range(20):
        assert np.abs(texture.ramp(rng(seed), 20, 50)).max() == pytest.approx(1)
        assert abs(float(np.mean([texture.blotches(rng(1000 * seed + i), 20, 50).mean() for i in range(30)]))) < 0.25


def test_a_photograph_is_a_piece_of_its_file(tmp_path):
    path = str(tmp_path / "checks.png")
    cv2.imwrite(path, np.kron(np.indices((40, 60)).sum(0) % 2, np.ones((9, 9))).astype(np.uint8) * 255)
    for seed in range(10):
        piece = texture.photograph(rng(seed), 30, 80, [path])
        assert piece.shape == (30, 80) and piece.dtype == np.float32
        assert abs(float(piece.mean())) < 0.2 and 0.3 < piece.std() <= 1.001 and np.abs(piece).max() <= 2
    with pytest.raises(ValueError, match=r"nothing\.png is no picture that can be read"):
        texture.photograph(rng(), 30, 80, [str(tmp_path / "nothing.png")])


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 3)])
def test_a_material_may_be_narrower_than_any_word(tmp_path, shape):
    path = str(tmp_path / "strip.png")
    cv2.imwrite(path, (np.arange(shape[0] * shape[1]) % 2 * 255).astype(np.uint8).reshape(shape))
    for seed in range(10):
        piece = texture.photograph(rng(seed), 30, 80, [path])
        assert piece.shape == (30, 80) and np.isfinite(piece).all() and np.abs(piece).max() <= 2


def test_materials_on_the_ground_come_with_scikit_image():
    pytest.importorskip("skimage")
    names = [path.rsplit("/", 1)[-1] for path in texture.installed_materials()]
    assert names == ["brick.png", "gravel.png", "grass.png"]
    picture = paint.ground(rng(1), 40, 120, 128.0, 100.0, only(photograph=1.0), texture.installed_materials())
    assert 3 < picture.std() < 45
    assert STREET.photograph > 0
