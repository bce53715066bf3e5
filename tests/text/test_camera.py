"""The camera blurs, coarsens and compresses by as much as it is told."""

import numpy as np
import pytest

from crnn_lessons.text import camera
from crnn_lessons.text.effects import NO_EFFECTS, STREET, only

H, W = 32, 100


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_camera_without_faults_only_rounds():
    picture = rng().uniform(0, 255, size=(H, W)).astype(np.float32)
    assert np.array_equal(camera.degrade(rng(1), picture, NO_EFFECTS), picture.astype(np.uint8))


def test_degrade_keeps_the_size_and_gives_grey_bytes():
    picture = np.tile(np.linspace(0, 255, W, dtype=np.float32), (H, 1))
    for seed in range(50):
        out = camera.degrade(rng(seed), picture, STREET)
        assert out.shape == (H, W) and out.dtype == np.uint8
        assert np.corrcoef(out.mean(axis=0), picture.mean(axis=0))[0, 1] > 0.9  # still the same ramp


def test_blur_is_at_most_a_tenth_of_the_letters():
    """The width of a blurred edge: its slope at the middle is 255 / (sigma sqrt(2 pi))."""
    edge = np.zeros((60, 120), np.float32)
    edge[:, 60:] = 255
    for letters in (60.0, 30.0):
        out = [camera.degrade(rng(i), edge, only(blurred=1.0), letters)[30].astype(float) for i in range(200)]
        sigma = [255 / np.diff(row).max() / np.sqrt(2 * np.pi) for row in out]
        assert max(sigma) <= 0.1 * letters * 1.05 and max(sigma) > 0.07 * letters
        assert min(sigma) < 0.5


def test_noise_does_not_bury_what_is_faint():
    faint = np.tile(np.array([100, 108], np.float32).repeat(W // 2), (H, 1))
    for seed in range(60):
        out = camera.degrade(rng(seed), faint, only(noisy=1.0)).astype(float)
        assert out[:, W // 2 :].mean() - out[:, : W // 2].mean() == pytest.approx(8, abs=2)
        assert out[:, : W // 2].std() < 9


def test_a_coarse_picture_has_fewer_pixels():
    stripes = np.tile(np.array([0, 255], np.float32), (H, W // 2))
    assert camera.coarsen(rng(0), stripes, 2.0).std() < 5  # stripes of one pixel are gone
    ramp = np.tile(np.linspace(0, 255, W, dtype=np.float32), (H, 1))
    assert np.abs(camera.coarsen(rng(0), ramp, 4.0) - ramp).max() < 15
    small = np.zeros((9, 30), np.float32)
    small[:, 10:20] = 200
    assert np.array_equal(camera.degrade(rng(3), small, only(coarse=1.0)), small.astype(np.uint8))  # as it is


def test_overexposure_leaves_a_difference():
    board = np.tile(np.array([200, 250], np.float32).repeat(W // 2), (H, 1))
    for seed in range(60):
        out = camera.degrade(rng(seed), board, only(exposed=1.0)).astype(float)
        assert out[:, -1].mean() - out[:, 0].mean() > 10 or out[:, -1].mean() == 255


def test_motion_blur_keeps_the_light_and_spreads_it():
    point = np.zeros((31, 31), np.float32)
    point[15, 15] = 100
    out = camera.motion_blur(rng(2), point, 7)
    assert out.sum() == pytest.approx(100, rel=1e-4) and out.max() < 50


def test_jpeg_loses_more_at_lower_quality():
    picture = rng().integers(0, 256, size=(H, W)).astype(np.uint8)
    errors = [np.abs(camera.jpeg(picture, q).astype(int) - picture).mean() for q in (95, 50, 15)]
    assert errors[0] < errors[1] < errors[2]
