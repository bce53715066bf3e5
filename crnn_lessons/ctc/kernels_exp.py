"""e to the x for a whole array, in a loop that the compiler can turn into vector instructions.

numba calls the C library's exp number by number, which takes longer than all the rest of CTC. The method is the usual
one (Cody and Waite, "Software Manual for the Elementary Functions", 1980, chapter 6):

    x = n ln 2 + r with n whole and |r| <= ln 2 / 2,    so e^x = 2^n e^r,

with e^r from its Taylor series, and 2^n written straight into the exponent bits of a float64.
"""

from __future__ import annotations

from llvmlite import ir
from numba import float64, int64, njit
from numba.extending import intrinsic

SMALLEST = 1e-290
"""Results below this are returned as 0, so that no later product meets a denormal number, which is slow."""

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693147180369123816490  # ln 2 in two parts: n times the high one is exact
LN2_LOW = 1.90821492927058770002e-10
ROUND = 6755399441055744.0  # 1.5 * 2^52: a float64 of this size has no room for a fraction, so adding it rounds
LOWEST, HIGHEST = -667.0, 700.0  # ln SMALLEST, and what a float64 can hold


@intrinsic
def _bits(typing_context, x):
    return int64(float64), lambda _context, builder, _signature, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def _number(typing_context, bits):
    return float64(int64), lambda _context, builder, _signature, args: builder.bitcast(args[0], ir.DoubleType())


# no "reassoc" here: it would turn (x + ROUND) - ROUND back into x
@njit(fastmath={"contract", "nsz"}, error_model="numpy")
def exp_in_place(x):
    """Replace each entry of a float64 array of one axis by e to its power.

    The relative error is below 1e-15. Minus infinity gives 0, NaN stays NaN, and above 700 the result is +inf.
    """
    for i in range(x.size):
        v = x[i]
        a = LOWEST if v < LOWEST else v  # written so that NaN stays
        a = HIGHEST if a > HIGHEST else a
        rounded = a * LOG2_E + ROUND
        n = rounded - ROUND
        r = (a - n * LN2_HIGH) - n * LN2_LOW
        series = 1.0 / 479001600.0
        series = series * r + 1.0 / 39916800.0
        series = series * r + 1.0 / 3628800.0
        series = series * r + 1.0 / 362880.0
        series = series * r + 1.0 / 40320.0
        series = series * r + 1.0 / 5040.0
        series = series * r + 1.0 / 720.0
        series = series * r + 1.0 / 120.0
        series = series * r + 1.0 / 24.0
        series = series * r + 1.0 / 6.0
        series = series * r + 0.5
        series = series * r + 1.0
        series = series * r + 1.0
        power = _number((_bits(rounded) + 1023) << 52)  # the low bits of `rounded` are n
        e = series * power
        e = 0.0 if v < LOWEST else e
        x[i] = float("inf") if v > HIGHEST else e
