"""e to the x for a whole array, eight numbers at a time.

numba calls the C library's exp number by number, which takes longer than all the rest of CTC. The method is the usual
one (Cody and Waite, "Software Manual for the Elementary Functions", 1980, chapter 6):

    x = n ln 2 + r with n whole and |r| <= ln 2 / 2,    so e^x = 2^n e^r,

with e^r from a polynomial, and 2^n written straight into the exponent bits of a float64.
"""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.fast.lanes import LANES, choose_below, power_of_two
from crnn_lessons.ctc.fast.load import load, store

SMALLEST = 1e-290
"""Results below this are returned as 0, so that no later product meets a denormal number, which is slow."""

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693147180369123816490  # ln 2 in two parts: n times the high one is exact
LN2_LOW = 1.90821492927058770002e-10
ROUND = 6755399441055744.0  # 1.5 * 2^52: a float64 of this size has no room for a fraction, so adding it rounds
POLYNOMIAL = (
    1.0, 1.0, 0.5000000000000006, 0.1666666666666667, 0.04166666666657239, 0.008333333333326084, 0.0013888888932751,
    0.0001984126987500228, 2.4801504014426906e-05, 2.755725517000089e-06, 2.7626495546432196e-07,
    2.5105312729622103e-08,
)  # fmt: skip
"""1 + r q(r), where q of degree 10 is (e^r - 1) / r at 11 Chebyshev nodes on the range of r: e^r to 1e-17, one degree
less than the Taylor series needs."""
LOWEST, HIGHEST = -667.0, 700.0  # ln SMALLEST, and what a float64 can hold


@njit(error_model="numpy")
def exp(v):
    """e to the power of each of eight numbers.

    The relative error is below 1e-15. Minus infinity gives 0, NaN stays NaN, and above 700 the result is +inf.
    """
    rounded = v * LOG2_E + ROUND
    n = rounded - ROUND
    r = (v - n * LN2_HIGH) - n * LN2_LOW
    r2 = r * r
    r4 = r2 * r2  # in pairs of pairs, since a processor can compute these at the same time (Estrin's scheme)
    low = (POLYNOMIAL[0] + POLYNOMIAL[1] * r) + (POLYNOMIAL[2] + POLYNOMIAL[3] * r) * r2
    middle = (POLYNOMIAL[4] + POLYNOMIAL[5] * r) + (POLYNOMIAL[6] + POLYNOMIAL[7] * r) * r2
    high = (POLYNOMIAL[8] + POLYNOMIAL[9] * r) + (POLYNOMIAL[10] + POLYNOMIAL[11] * r) * r2
    polynomial = low + (middle + high * r4) * r4
    e = choose_below(v, LOWEST, 0.0, polynomial * power_of_two(rounded))  # out of range, the product is anything
    return choose_below(HIGHEST, v, math.inf, e)


@njit(error_model="numpy")
def exp_in_place(x):
    """Replace each entry of a float64 array of one axis by e to its power; its size is a multiple of eight."""
    for i in range(0, x.size, LANES):
        store(x, i, exp(load(x, i)))
