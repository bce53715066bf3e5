"""Memory as the compiled loops see it: eight numbers in and out of an array, and the arrays of a group's workspace.

subtle: arrays have one axis here, and nobody checks that an entry exists.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from crnn_lessons.ctc.fast.group import places, whole_lines
from crnn_lessons.ctc.fast.simd import INT, LANES, VECTOR, first_of, lanes, spread, sum_of


class Workspace(NamedTuple):
    """Numbers of T steps, in rows of P places, for ``stride`` samples, 1 or LANES: row after row on one axis, or step
    after step ``stride`` numbers.

    A step has two rows, S + 1 blanks and S labels; label k stands between blank k and blank k + 1. A group is either
    one sample, and eight neighbouring places of a row are then eight labels; or eight short samples, and place 8 k + j
    is label k of sample j. Both are the same program: label k - 1 stands ``stride`` = 1 or 8 places before label k.

    Rows begin at a cache line and are padded to P places, whole lines. The padding are labels of probability 0 above
    the last: nothing ever comes down from there. Of each row only the places from ``first_place`` to ``end_place`` are
    in use at a step: elsewhere stands what was there before.

    Attributes:
        emit_blank: T + 1 steps, the blank's probability; before that, its logarithm. In all that has T + 1 steps, the
            last of them is one after the end.
        emit_label: T + 1 rows, the labels' likewise, 0 where no alignment can be.
        enter: P, a factor for the step from blank k into label k; 1 beyond S.
        skip: P, a factor for the step from label k - 1 into label k; 0 where it is not allowed, and beyond S.
        blank_alpha: 2 rows, at even and at odd steps.
        label_alpha: 1 + T rows, the first of them before the beginning.
        scale: T + 1 steps, a power of two, by which all of step t - 1 is multiplied on its way to step t.
        log_scale: LANES, minus the sum of the logarithms of the scales to base 2; NaN where alpha grew too large.
        blank_beta, label_beta: 2 rows each, at even and at odd steps.
    """

    emit_blank: np.ndarray
    emit_label: np.ndarray
    enter: np.ndarray
    skip: np.ndarray
    blank_alpha: np.ndarray
    label_alpha: np.ndarray
    scale: np.ndarray
    log_scale: np.ndarray
    blank_beta: np.ndarray
    label_beta: np.ndarray


def workspace_size(T: int, S: int, stride: int) -> int:
    """How many float64 a workspace for T steps and at most S labels takes."""
    return (2 * T + 10) * places.py_func(S, stride) + 2 * whole_lines.py_func((T + 1) * stride) + LANES


@njit(error_model="numpy")
def workspace_in(memory, T, S, stride):
    """A workspace for T steps and at most S labels at the start of the memory; what stood there is lost."""
    P, numbers = places(S, stride), whole_lines((T + 1) * stride)
    rows = (T + 1) * P
    few, steps = memory[2 * rows : 2 * rows + 8 * P], memory[2 * rows + 8 * P :]
    return Workspace(
        emit_blank=steps[:numbers],
        emit_label=memory[:rows],
        enter=few[:P],
        skip=few[P : 2 * P],
        blank_alpha=few[2 * P : 4 * P],
        label_alpha=memory[rows : 2 * rows],
        scale=steps[numbers : 2 * numbers],
        log_scale=steps[2 * numbers : 2 * numbers + LANES],
        blank_beta=few[4 * P : 6 * P],
        label_beta=few[6 * P :],
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
    """Take eight values from the entries that ``collect`` would read. One after the other: places may be the same."""

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
