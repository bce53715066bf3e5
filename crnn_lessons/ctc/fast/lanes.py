"""Eight float64 side by side, as one value of a compiled function: ``a + b`` is eight sums and few instructions.

Compilers find such groups in loops by themselves, but not in every loop, and they often stop at half the width that
the processor has. Here the program says what belongs together. LLVM cuts an operation on eight into whatever the
processor does at once: eight (AVX-512), four (AVX2) or two (SSE, NEON).
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8
"""Numbers side by side; a cache line holds as many float64."""

VECTOR, WHOLE = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(ir.IntType(64), LANES)
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
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(VECTOR, ir.Undefined), everywhere)


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
            which = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(first, first + LANES)))
            return builder.shuffle_vector(*args, which)

        return lanes(lanes, lanes), generate

    return chosen


one_down, one_up = _neighbours(LANES - 1), _neighbours(1)
"""Two vectors that stand side by side, and what stands one place before the second, or one place after the first. To
read it from memory instead takes long: a processor cannot forward one number that crosses two it has just written."""


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
    take = lambda _context, builder, _signature, args: builder.extract_element(args[0], ir.IntType(32)(0))  # noqa: E731
    return types.float64(lanes), take


@intrinsic
def sum_of(_typing, values):
    """The sum of the lanes, a float64."""

    def generate(_context, builder, _signature, args):
        pieces = [builder.extract_element(args[0], ir.IntType(32)(i)) for i in range(LANES)]
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
