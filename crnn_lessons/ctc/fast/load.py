"""Between an array and eight numbers side by side: reading and writing them, and asking for them ahead of time."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from crnn_lessons.ctc.fast.lanes import LANES, VECTOR, lanes


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
def collect(_typing, array, start, places, i):
    """The entries of an array that stand places[i], ..., places[i + 7] after its entry start; nobody checks that."""

    def generate(context, builder, signature, args):
        array_type, _, places_type, _ = signature.args
        first = builder.gep(context.make_array(array_type)(context, builder, args[0]).data, [args[1]])
        where = context.make_array(places_type)(context, builder, args[2]).data
        values = ir.Constant(ir.VectorType(first.type.pointee, LANES), ir.Undefined)
        for lane in range(LANES):
            place = builder.load(builder.gep(where, [builder.add(args[3], ir.IntType(64)(lane))]))
            values = builder.insert_element(values, builder.load(builder.gep(first, [place])), ir.IntType(32)(lane))
        return values if values.type == VECTOR else builder.fpext(values, VECTOR)

    return lanes(array, types.intp, places, types.intp), generate


@intrinsic
def subtract(_typing, array, start, places, i, values):
    """Take eight values from the entries that ``collect`` would read, one after the other: places may be the same."""

    def generate(context, builder, signature, args):
        array_type, _, places_type, _, _ = signature.args
        first = builder.gep(context.make_array(array_type)(context, builder, args[0]).data, [args[1]])
        where = context.make_array(places_type)(context, builder, args[2]).data
        kind = ir.VectorType(first.type.pointee, LANES)
        values = args[4] if kind == VECTOR else builder.fptrunc(args[4], kind)
        for lane in range(LANES):
            place = builder.load(builder.gep(where, [builder.add(args[3], ir.IntType(64)(lane))]))
            address = builder.gep(first, [place])
            value = builder.extract_element(values, ir.IntType(32)(lane))
            builder.store(builder.fsub(builder.load(address), value), address)
        return context.get_dummy_value()

    return types.void(array, types.intp, places, types.intp, lanes), generate


@intrinsic
def clear(_typing, array, i, end):
    """Make entries from i up to, without, end of an array of one axis 0; nobody checks that they exist."""

    def generate(context, builder, signature, args):
        first = builder.gep(context.make_array(signature.args[0])(context, builder, args[0]).data, [args[1]])
        size = builder.mul(
            builder.sub(args[2], args[1]), context.get_constant(types.intp, signature.args[0].dtype.bitwidth // 8)
        )
        cgutils.memset(builder, first, size, 0)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate


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
