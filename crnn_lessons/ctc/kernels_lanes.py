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


def _address(context, builder, array_type, array, i):
    """Where eight entries of an array stand, as eight of its own kind."""
    first = context.make_array(array_type)(context, builder, array).data
    kind = ir.VectorType(context.get_data_type(array_type.dtype), LANES)
    return builder.bitcast(builder.gep(first, [i]), kind.as_pointer())


@intrinsic
def load(_typing, array, i):
    """Entries i to i + 7 of an array of one axis, float64 or float32; nobody checks that they exist."""

    def generate(context, builder, signature, args):
        values = builder.load(_address(context, builder, signature.args[0], *args), align=4)
        return values if values.type == VECTOR else builder.fpext(values, VECTOR)

    return lanes(array, types.intp), generate


@intrinsic
def store(_typing, array, i, values):
    """Write entries i to i + 7 of an array."""

    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], *args[:2])
        kind = address.type.pointee
        builder.store(args[2] if kind == VECTOR else builder.fptrunc(args[2], kind), address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic
def collect(_typing, array, places, i):
    """The entries of an array that stand at places[i], ..., places[i + 7]; nobody checks that they exist."""

    def generate(context, builder, signature, args):
        first = context.make_array(signature.args[0])(context, builder, args[0]).data
        where = context.make_array(signature.args[1])(context, builder, args[1]).data
        values = ir.Constant(ir.VectorType(first.type.pointee, LANES), ir.Undefined)
        for lane in range(LANES):
            place = builder.load(builder.gep(where, [builder.add(args[2], ir.IntType(64)(lane))]))
            values = builder.insert_element(values, builder.load(builder.gep(first, [place])), ir.IntType(32)(lane))
        return values if values.type == VECTOR else builder.fpext(values, VECTOR)

    return lanes(array, places, types.intp), generate


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
def fetch_soon(_typing, array, i):
    """Ask the processor to bring the cache line of entry i near; nothing else happens, wherever i points."""

    def generate(context, builder, signature, args):
        first = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(first, [args[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(prefetch, [address, number(0), number(3), number(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


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
