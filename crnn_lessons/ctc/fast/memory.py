"""Eight numbers in and out of an array: side by side, or each from a place of its own.

subtle: arrays have one axis here, and nobody checks that an entry exists.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from crnn_lessons.ctc.fast.simd import INT, LANES, VECTOR, first_of, lanes, spread, sum_of


@intrinsic
def pointer(_typing, address):
    """An address, of a tensor's first number, as a pointer."""
    return types.voidptr(types.int64), lambda context, builder, signature, args: builder.inttoptr(
        args[0], context.get_value_type(types.voidptr)
    )


def _entry(context, builder, array_type, array, i):
    """Where entry i of an array stands."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [i])


def _eight(builder, entry):
    """Where eight entries stand side by side from there on, as one vector of their own kind."""
    return builder.bitcast(entry, ir.VectorType(entry.type.pointee, LANES).as_pointer())


def _eight_apart(context, builder, signature, args):
    """Where the entries start + places[i], ..., start + places[i + 7] of an array stand, one after the other."""
    array, start, places, i = args[:4]
    first = _entry(context, builder, signature.args[0], array, start)
    for lane in range(LANES):
        place = _entry(context, builder, signature.args[2], places, builder.add(i, i.type(lane)))
        yield lane, builder.gep(first, [builder.load(place)])


@intrinsic
def load(_typing, array, i):
    """Entries i to i + 7 of an array, float64 or float32."""

    def generate(context, builder, signature, args):
        # align: a sample of a batch begins anywhere, and more than is true lets the processor fault
        values = builder.load(_eight(builder, _entry(context, builder, signature.args[0], *args)), align=4)
        return values if values.type == VECTOR else builder.fpext(values, VECTOR)

    return lanes(array, types.intp), generate


@intrinsic
def store(_typing, array, i, values):
    """Write entries i to i + 7 of an array."""

    def generate(context, builder, signature, args):
        address = _eight(builder, _entry(context, builder, signature.args[0], *args[:2]))
        kind = address.type.pointee
        builder.store(args[2] if kind == VECTOR else builder.fptrunc(args[2], kind), address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic
def collect(_typing, array, start, places, i):
    """The entries of an array that stand places[i], ..., places[i + 7] after its entry start."""

    def generate(context, builder, signature, args):
        values = ir.Constant(ir.VectorType(context.get_data_type(signature.args[0].dtype), LANES), ir.Undefined)
        for lane, address in _eight_apart(context, builder, signature, args):
            values = builder.insert_element(values, builder.load(address), INT(lane))
        return values if values.type == VECTOR else builder.fpext(values, VECTOR)

    return lanes(array, types.intp, places, types.intp), generate


@intrinsic
def subtract(_typing, array, start, places, i, values):
    """Take eight values from the entries that ``collect`` would read.

    subtle: one after the other, since a letter may stand in a target twice, and both take from the same entry.
    """

    def generate(context, builder, signature, args):
        kind = ir.VectorType(context.get_data_type(signature.args[0].dtype), LANES)
        values = args[4] if kind == VECTOR else builder.fptrunc(args[4], kind)
        for lane, address in _eight_apart(context, builder, signature, args):
            value = builder.extract_element(values, INT(lane))
            builder.store(builder.fsub(builder.load(address), value), address)
        return context.get_dummy_value()

    return types.void(array, types.intp, places, types.intp, lanes), generate


@intrinsic
def clear(_typing, array, i, end):
    """Make entries from i up to, without, end of an array 0."""

    def generate(context, builder, signature, args):
        first, end = (_entry(context, builder, signature.args[0], args[0], at) for at in args[1:])
        size = builder.sub(*(builder.ptrtoint(at, args[1].type) for at in (end, first)))
        cgutils.memset(builder, first, size, 0)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


@intrinsic
def fetch_soon(_typing, array, i):
    """Ask the processor to bring the cache line of entry i near; nothing else happens, wherever i points."""

    def generate(context, builder, signature, args):
        address = builder.bitcast(_entry(context, builder, signature.args[0], *args), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type, INT, INT, INT])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(prefetch, [address, INT(0), INT(3), INT(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@njit(error_model="numpy")
def read_lanes(numbers, i, stride):
    """One number a sample, from i on, for eight places of a row: eight samples' numbers, or one's in each lane."""
    return load(numbers, i) if stride > 1 else spread(numbers[i])


@njit(error_model="numpy")
def write_lanes(numbers, i, stride, values):
    """Write what ``read_lanes`` reads."""
    if stride > 1:
        store(numbers, i, values)
    else:
        numbers[i] = first_of(values)


@njit(error_model="numpy")
def sum_lanes(values, stride):
    """The sum over a row for each sample, given the sums over its places 0, 8, 16 and so on, 1, 9, 17 and so on."""
    return values if stride > 1 else spread(sum_of(values))
