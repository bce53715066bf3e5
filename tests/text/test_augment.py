"""Distortions do what they say, and nothing else."""

import numpy as np
import pytest

from crnn_lessons.text import augment

H, W = 32, 100


def rng(seed=0):
    return np.random.default_rng(seed)


def test_fit_shrinks_by_averaging_and_enlarges_without_steps():
    stripes = np.zeros((64, 200), np.uint8)
    stripes[:, ::2] = 200
    assert np.all(augment.fit(stripes, 32, 100) == 100)  # two columns become their mean
    ramp = augment.fit(np.array([[0, 100]] * 2, np.uint8), 8, 40)
    assert np.all(np.diff(ramp[0].astype(int)) >= 0) and len(np.unique(ramp)) > 10


def test_a_quad_without_distortion_is_the_picture():
    corners = augment.quad(rng(), H, W, rotation=0, jitter=0, shear=0)
    assert np.allclose(corners, [[0, 0], [W, 0], [W, H], [0, H]])


def test_a_quad_turns_about_its_centre_and_keeps_its_size():
    corners = augment.quad(rng(), H, W, rotation=10, jitter=0, shear=0)
    assert np.allclose(corners.mean(axis=0), [W / 2, H / 2], atol=1e-3)
    side = corners[1] - corners[0]
    assert np.hypot(*side) == pytest.approx(W, rel=1e-4)
    assert abs(np.rad2deg(np.arctan2(side[1], side[0]))) == pytest.approx(10, abs=1e-3)
    down = corners[3] - corners[0]
    assert side @ down == pytest.approx(0, abs=1e-2)
    assert side[0] * down[1] - side[1] * down[0] == pytest.approx(W * H, rel=1e-4)  # turned, not mirrored


def test_shear_moves_the_top_and_only_it():
    straight = augment.quad(rng(), H, W, 0, 0, 0)
    slanted = augment.quad(rng(), H, W, 0, 0, 0.5)
    assert np.allclose(slanted - straight, [[H / 2, 0], [H / 2, 0], [0, 0], [0, 0]])


@pytest.mark.parametrize("amount", [6.0, -6.0])
def test_a_bent_line_is_lower_at_its_ends_or_its_middle(amount):
    line = np.zeros((20, 101), np.uint8)
    line[5] = 255
    bent = augment.bend(line, amount)
    at = bent.argmax(axis=0)
    assert at[50] == (5 if amount > 0 else 11)
    assert at[0] == at[100] == (11 if amount > 0 else 5)


def test_degrade_keeps_the_size_and_gives_grey_bytes():
    picture = np.tile(np.linspace(0, 255, W, dtype=np.float32), (H, 1))
    for seed in range(50):
        out = augment.degrade(rng(seed), picture)
        assert out.shape == (H, W) and out.dtype == np.uint8
        assert np.corrcoef(out.mean(axis=0), picture.mean(axis=0))[0, 1] > 0.9  # still the same ramp


def test_jitter_repeats_changes_and_does_not_touch_its_input():
    images = rng().random((6, H, W), dtype=np.float32)
    before = images.copy()
    first, second = augment.jitter_batch(rng(3), images), augment.jitter_batch(rng(3), images)
    assert np.array_equal(first, second) and np.array_equal(images, before)
    assert not np.allclose(first, augment.jitter_batch(rng(4), images))


def test_jitter_moves_a_bar_by_a_few_pixels_at_most():
    images = np.zeros((200, H, W), np.float32)
    images[:, :, 50:53] = 1
    out = augment.jitter_batch(rng(1), images)
    polarity = np.where(out.mean(axis=(1, 2)) > 0.5, -1, 1)[:, None, None]
    middle = (out * polarity)[:, H // 2].argmax(axis=1)
    assert np.abs(middle - 51).max() <= 5
    assert middle.std() > 0.5


def test_motion_blur_keeps_the_light_and_spreads_it():
    point = np.zeros((31, 31), np.float32)
    point[15, 15] = 100
    out = augment.motion_blur(rng(2), point, 7)
    assert out.sum() == pytest.approx(100, rel=1e-4) and out.max() < 50
