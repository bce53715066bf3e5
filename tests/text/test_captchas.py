"""Captchas with a seed."""

import secrets

import numpy as np
from captcha import image as maker

from crnn_lessons.text.captchas import make_captchas


def test_captchas_are_the_same_each_time_and_differ_by_seed_and_text():
    first = make_captchas(["ab1", "xyz"], seed=1)
    assert [picture.shape for picture in first] == [(60, 160)] * 2 and first[0].dtype == np.uint8
    assert first[0].std() > 10
    again, other = make_captchas(["ab1", "xyz"], seed=1), make_captchas(["ab1", "xyz"], seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[0], first[1])


def test_the_package_is_left_as_it_was():
    make_captchas(["ab1"], seed=1)
    assert maker.secrets is secrets
