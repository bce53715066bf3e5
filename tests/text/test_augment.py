"""Pictures are fitted as they should be, and a second look at them differs a little."""

import numpy as np

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
