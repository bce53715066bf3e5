"""Captchas: pictures made to be hard for programs, by the package ``captcha``, and the same each time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from captcha import image as maker


def make_captchas(texts: Sequence[str], seed: int) -> list[np.ndarray]:
    """Draw a captcha of each text.

    Args:
        seed: of the distortions. (The package takes its random numbers from the operating system, for good reasons of
            its own; here they come from a generator, so that a lesson prints the same each time.)

    Returns:
        Grey pictures, uint8 60 x 160.
    """
    chance = random.Random(seed)
    numbers = SimpleNamespace(randbelow=chance.randrange, randbits=chance.getrandbits, choice=chance.choice)
    with patch.object(maker, "secrets", numbers):
        drawn = maker.ImageCaptcha(width=160, height=60)
        return [np.asarray(drawn.generate_image(text).convert("L")) for text in texts]
