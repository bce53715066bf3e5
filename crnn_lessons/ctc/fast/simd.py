"""Eight float64 side by side, as one value of a compiled function: ``a + b`` is eight sums and few instructions.

Compilers find such groups in loops by themselves, but not in every loop, and they often stop at half the width that
the processor has. Here the program says what belongs together. LLVM cuts an operation on eight into whatever the
processor does at once: eight (AVX-512), four (AVX2) or two (SSE, NEON).
"""

from __future__ import annotations

import math
import operator

from llvmlite import ir
from numba import njit, types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8
"""Numbers side by side; a cache line holds as many float64."""

VECTOR, WHOLE = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(ir.IntType(64), LANES)
INT = ir.IntType(32)
FUSED = ("contract",)  # a * b + c may be rounded once instead of twice


class _Lanes(types.Type):
    def __init__(self):
        super().__init__("lanes")


lanes = _Lanes()


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, VECTOR)


def _in_lanes(builder, value):
    """The same number in each lane; a vector stays what it is."""
    if value.type == VECTOR:
        return value
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, INT(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(INT, LANES), [0] * LANES))


def _operator(symbol, instruction):
    pairs = [(lanes, lanes), (lanes, types.float64), (types.float64, lanes)]

    @infer_global(symbol)
    class _Typed(ConcreteTemplate):
        cases = [signature(lanes, *pair) for pair in pairs]  # noqa: RUF012, a list is what numba asks for

    def generate(_context, builder, _signature, args):
        return getattr(builder, instruction)(*(_in_lanes(builder, arg) for arg in args), flags=FUSED)

    for pair in pairs:
        lower_builtin(symbol, *pair)(generate)


for _symbol, _instruction in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    _operator(getattr(operator, _symbol), _instruction)


def _neighbours(first):
    """Of sixteen numbers side by side the eight from ``first`` on."""

    @intrinsic
    def chosen(_typing, a, b):
        def generate(_context, builder, _signature, args):
            which = ir.Constant(ir.VectorType(INT, LANES), list(range(first, first + LANES)))
            return builder.shuffle_vector(*args, which)

        return lanes(lanes, lanes), generate

    return chosen


one_down, one_up = _neighbours(LANES - 1), _neighbours(1)
"""Two vectors that stand side by side, and what stands one place before the second, or one place after the first.
subtle: reading it from memory instead stalls: a processor cannot forward a load that crosses two stores just made."""


@intrinsic
def spread(_typing, x):
    """The same number in each lane."""
    return lanes(types.float64), lambda _context, builder, _signature, args: _in_lanes(builder, args[0])


@intrinsic
def choose_below(_typing, a, b, yes, no):
    """Lane by lane ``yes`` where a < b, else ``no``; NaN is below nothing. A number stands for eight equal ones."""

    def generate(_context, builder, _signature, args):
        a, b, yes, no = (_in_lanes(builder, arg) for arg in args)
        return builder.select(builder.fcmp_ordered("<", a, b), yes, no)

    return lanes(a, b, yes, no), generate


@intrinsic
def first_of(_typing, values):
    """Lane 0, a float64."""
    return types.float64(lanes), lambda _context, builder, _signature, args: builder.extract_element(args[0], INT(0))


@intrinsic
def sum_of(_typing, values):
    """The sum of the lanes, a float64."""

    def generate(_context, builder, _signature, args):
        pieces = [builder.extract_element(args[0], INT(lane)) for lane in range(LANES)]
        while len(pieces) > 1:  # pairs of pairs of pairs
            half = len(pieces) // 2
            pieces = [builder.fadd(a, b) for a, b in zip(pieces[:half], pieces[half:], strict=True)]
        return pieces[0]

    return types.float64(lanes), generate


@intrinsic
def power_of_two(_typing, rounded):
    """2 to the n, where n stands in the low bits of a float64: written into the exponent bits of another."""

    def generate(_context, builder, _signature, args):
        n = builder.add(builder.bitcast(args[0], WHOLE), ir.Constant(WHOLE, [1023] * LANES))
        return builder.bitcast(builder.shl(n, ir.Constant(WHOLE, [52] * LANES)), VECTOR)

    return lanes(lanes), generate


@intrinsic
def exponent_of(_typing, values):
    """The whole n with 2^n <= number < 2^(n + 1), of positive numbers, from the exponent bits; 1024 of inf and NaN."""

    def generate(_context, builder, _signature, args):
        bits = builder.lshr(builder.bitcast(args[0], WHOLE), ir.Constant(WHOLE, [52] * LANES))
        beside = builder.or_(bits, ir.Constant(WHOLE, [(1023 + 52) << 52] * LANES))  # 2^52 + bits, as a float64
        return builder.fsub(builder.bitcast(beside, VECTOR), ir.Constant(VECTOR, [2.0**52 + 1023] * LANES))

    return lanes(lanes), generate


# exp: numba calls the C library's for one number at a time, which takes longer than all the rest of CTC. So here is one
# for eight, after Cody and Waite, "Software Manual for the Elementary Functions", 1980, chapter 6:
#     x = n ln 2 + r with n whole and |r| <= ln 2 / 2,    so e^x = 2^n e^r,
# with e^r from a polynomial, and 2^n written straight into the exponent bits of a float64.

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
    rounded = v * LOG2_E + ROUND  # subtle: n now stands in the low bits, where power_of_two finds it
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
