"""The memory in which one sample or eight are solved together, and the tables of where their numbers stand in a batch.

With the tables at hand, collecting a row of emissions and giving back a row of posteriors are loops over the places of
the row, without a question inside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from crnn_lessons.ctc.fast.simd import LANES


class Workspace(NamedTuple):
    """Numbers of T steps, in rows of P places, for ``stride`` samples, 1 or LANES: row after row on one axis, or step
    after step ``stride`` numbers.

    A step has two rows, S + 1 blanks and S labels; label k stands between blank k and blank k + 1. A group is either
    one sample, and eight neighbouring places of a row are then eight labels; or eight short samples, and place 8 k + j
    is label k of sample j. Both are the same program: label k - 1 stands ``stride`` places before label k.

    Rows begin at a cache line and are padded to P places, whole lines. The padding are labels of probability 0 above
    the last: nothing ever comes down from there. Of each row only the places from ``first_place`` to ``end_place`` are
    in use at a step: elsewhere stands what was there before.

    Attributes:
        stride, P, T, S: as above; T and S are the largest of the group.
        first, end: the number of its first sample, and that after its last.
        S_before, spare: the smallest S - 1 and the smallest S - T of the group.
        lengths, steps, shares: stride, S and T of each sample (T as float64, since lanes are compared with it; 0 for
            one that takes no part), and what the loss of each counts.
        source: P, where each label stands in a frame of the scores; for logits, in ``rows``.
        target: P + stride, where each stands in a frame of the gradient, and after the labels the blanks.
        since, until: P, the first and the last step at which an alignment can be at a label; until is -1 where a place
            of a row has no label. As float64.
        may_skip: P, 1 where a label may be entered from the label before it, else 0.
        enter: P, a factor for the step from blank k into label k; 1 beyond S.
        skip: P, ``enter`` times ``may_skip``.
        emit_blank: T + 1 steps, the blank's probability; before that, its logarithm. In all that has T + 1 steps, the
            last of them is one after the end.
        emit_label: T + 1 rows, the labels' likewise, 0 where no alignment can be.
        blank_alpha: 2 rows, at even and at odd steps.
        label_alpha: 1 + T rows, the first of them before the beginning.
        blank_beta, label_beta: 2 rows each, at even and at odd steps.
        scale: T + 1 steps, a power of two, by which all of step t - 1 is multiplied on its way to step t.
        log_scale: LANES, minus the sum of the logarithms of the scales to base 2; NaN where alpha grew too large.
        relative, inverse: T + 1 steps, to which logit the exponentials of a frame are relative, and 1 / their sum.
        rows: stride rows of W places, the exponentials of one frame's logits.
    """

    stride: int
    P: int
    T: int
    S: int
    first: int
    end: int
    S_before: int
    spare: int
    lengths: np.ndarray
    steps: np.ndarray
    shares: np.ndarray
    source: np.ndarray
    target: np.ndarray
    since: np.ndarray
    until: np.ndarray
    may_skip: np.ndarray
    enter: np.ndarray
    skip: np.ndarray
    emit_blank: np.ndarray
    emit_label: np.ndarray
    blank_alpha: np.ndarray
    label_alpha: np.ndarray
    blank_beta: np.ndarray
    label_beta: np.ndarray
    scale: np.ndarray
    log_scale: np.ndarray
    relative: np.ndarray
    inverse: np.ndarray
    rows: np.ndarray


@register_jitable
def workspace_size(T, S, stride, W):
    """How many float64 a workspace for T steps and at most S labels takes; whole cache lines. W: 0 without logits."""
    return (2 * T + 15) * places(S, stride) + 4 * whole_lines((T + 1) * stride) + 5 * LANES + stride * W


@njit(error_model="numpy")
def workspace_for(memory, samples, first, stride, shares, methods, waiting):
    """A workspace at the start of the memory, its tables filled in for the samples from first on that are waiting."""
    end, T, S, S_before, spare = min(first + stride, len(methods)), 0, 0, len(samples.labels), len(samples.labels)
    for n in range(first, end):
        if methods[n] == waiting:
            T, S = max(T, samples.input_lengths[n]), max(S, samples.lengths[n])
            S_before = min(S_before, samples.lengths[n] - 1)
            spare = min(spare, samples.lengths[n] - samples.input_lengths[n])
    P, W, line = places(S, stride), whole_lines(samples.C) if samples.logits else 0, whole_lines((T + 1) * stride)
    a, b, c = 2 * (T + 1) * P, 2 * (T + 1) * P + 4 * line, 2 * (T + 1) * P + 4 * line + 6 * P
    rows, steps = memory[:a].reshape((2, (T + 1) * P)), memory[a:b].reshape((4, line))
    pairs, tables = memory[b:c].reshape((3, 2 * P)), memory[c : c + 6 * P].reshape((6, P))
    target, rest = memory[c + 6 * P : c + 7 * P + LANES].view(np.uint64), memory[c + 7 * P + LANES :]
    workspace = Workspace(
        stride=stride, P=P, T=T, S=S, first=first, end=end, S_before=S_before, spare=spare,
        lengths=rest[:stride].view(np.int64), steps=rest[LANES : LANES + stride],
        shares=rest[2 * LANES : 2 * LANES + stride], log_scale=rest[3 * LANES : 4 * LANES],
        source=tables[0].view(np.uint64), target=target[: P + stride], since=tables[1], until=tables[2],
        may_skip=tables[3], enter=tables[4], skip=tables[5], emit_blank=steps[0], emit_label=rows[0],
        blank_alpha=pairs[0], label_alpha=rows[1], blank_beta=pairs[1], label_beta=pairs[2],
        scale=steps[1], relative=steps[2], inverse=steps[3], rows=rest[4 * LANES : 4 * LANES + stride * W],
    )  # fmt: skip
    for j in range(stride):
        n = first + j
        waits = n < end and methods[n] == waiting
        n = n if waits else first
        S_n, T_n = (samples.lengths[n], samples.input_lengths[n]) if waits else (0, 0)
        workspace.lengths[j], workspace.steps[j], workspace.shares[j] = S_n, T_n, shares[n]
        from_row, apart = (j * W, 1) if samples.logits else (n * samples.sample_step, samples.class_step)
        target[P + j], before = n * samples.C + samples.blank, samples.blank
        for k in range(P // stride):
            i = k * stride + j
            label = samples.labels[samples.starts[n] + k] if k < S_n else samples.blank
            workspace.source[i], target[i] = from_row + label * apart, n * samples.C + label
            workspace.since[i], workspace.until[i] = k, T_n - S_n + k if k < S_n else -1
            workspace.may_skip[i] = 1.0 if label != before else 0.0  # from the blank before label 0: nothing is there
            before = label
    return workspace


@register_jitable
def first_place(S_before, spare, t, stride):
    """The first place of a row in which an alignment can be at step t; the start of a cache line.

    At most one label is left behind with each step, and S - T + t of them must be by step t. A sample that is over
    before the longest of its group waits in its last blank.
    """
    return max(min(S_before, spare + t), 0) * stride & -LANES


@register_jitable
def end_place(S, t, stride):
    """The end of the places in which an alignment can be at step t, whole cache lines: no more than t + 1 labels."""
    return whole_lines((min(t, S) + 1) * stride)


@register_jitable
def places(S, stride):
    """P, for targets of at most S labels: room for S + 1 blanks of each sample, in whole cache lines."""
    return whole_lines((S + 1) * stride)


@register_jitable
def whole_lines(size):
    """The least multiple of LANES that is not below size."""
    return size + LANES - 1 & -LANES
