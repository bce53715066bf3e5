"""Texts that need the rules of their script to be drawn: from right to left, with joined or reordered letters."""

from __future__ import annotations

import functools
import unicodedata

from PIL import ImageFont, features


def runs_left(text: str) -> bool:
    """Whether a text has letters of a script that runs from right to left, as Hebrew and Arabic do."""
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)


def is_shaped(text: str) -> bool:
    """Whether letters of a text change with their neighbours: right-to-left scripts, and those of India and beyond.

    The latter are told by their spacing vowel signs and by the sign that takes the vowel away (combining class 9).
    """
    return runs_left(text) or any(unicodedata.category(c) == "Mc" or unicodedata.combining(c) == 9 for c in text)


def layout(text: str, marks: bool = False) -> ImageFont.Layout:
    """How Pillow is to lay a text out: with Raqm where the script or, if there are any, marks without a letter need it.

    Raises:
        ValueError: the script needs Raqm, and this Pillow has none.
    """
    if is_shaped(text) and not _has_raqm():
        raise ValueError(
            f"{text!r} must be shaped by the rules of its script, and this Pillow has no Raqm to do it; install Pillow "
            "from PyPI, whose wheels have it, or leave such texts out"
        )
    return ImageFont.Layout.RAQM if is_shaped(text) or (marks and _has_raqm()) else ImageFont.Layout.BASIC


@functools.cache
def _has_raqm() -> bool:
    return features.check("raqm")
