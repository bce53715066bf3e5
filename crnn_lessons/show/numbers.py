"""Numbers and values in sentences, as the widgets write them; their words.js writes the same."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def show_number(x: float) -> str:
    """A number as the widgets write it: four significant digits, scientific below a thousandth."""
    x = float(f"{x:.12g}")  # the last bits differ between machines, and a tie must not hang on them
    if x == 0 or x != x or x in (float("inf"), -float("inf")):
        return {0.0: "0", float("inf"): "∞", -float("inf"): "−∞"}.get(x, "undefined")
    if abs(x) >= 1e-3:
        return minus(f"{x:.4g}" if abs(x) < 9999.5 else f"{x:.0f}")
    mantissa, exponent = f"{x:.3e}".split("e")
    return minus(f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}")


def minus(text: str) -> str:
    """Text for the eye: a minus as long as a plus, in place of the hyphen that a computer writes."""
    return text.replace("-", "−")


def counted(n: int, one: str) -> str:
    """How many of what: 1 step, 2 steps."""
    return f"{n:,} {one}{'' if n == 1 else 's'}"


def listed(rows: Sequence[ArrayLike]) -> str:
    """Rows of numbers for a sentence: (1, 0), (0.5, 2); a single number stands without parentheses."""
    written = [[show_number(float(v)) for v in np.atleast_1d(row)] for row in rows]
    return ", ".join(row[0] if len(row) == 1 else f"({', '.join(row)})" for row in written)


def short(value: object) -> str:
    """A value as an error shows it: on one line, and cut where it is long."""
    return " ".join(reprlib.repr(value).split())
