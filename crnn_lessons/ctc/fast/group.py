"""The samples that are solved together, one or eight, and where their numbers stand in a batch.

With these tables at hand, collecting a row of emissions and giving back a row of posteriors are loops over the places
of the row, without a question inside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.simd import LANES


class Samples(NamedTuple):
    """The samples of a batch: their targets as ``arguments.Targets`` has them, and where their scores stand.

    Attributes:
        labels: the labels of all targets, one after the other.
        starts: N, where each target starts.
        lengths: N, S of each.
        input_lengths: N, T of each.
        blank: the class index of the blank.
        C: the number of classes.
        sample_step: how far apart two samples stand in a frame of the scores.
        class_step: how far apart two classes stand.
    """

    labels: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    input_lengths: np.ndarray
    blank: int
    C: int
    sample_step: int
    class_step: int


class Group(NamedTuple):
    """The tables of ``stride`` samples, for rows of P places. Indices have no sign: one that has Python counts from the
    end where it is negative, and to ask takes time.

    Attributes:
        begin: where its first sample begins in a frame of the gradient, and where its last one ends.
        source: P, where each label stands in a frame of the scores.
        target: P + stride, where each stands in a frame of the gradient, and after the labels the blanks.
        sources, span: where each sample begins in a frame of the scores, and (one number) how far its classes reach; 0
            where they do not stand side by side.
        blank_source: stride, where the blanks stand in a frame of the scores.
        since, until: P, the first and the last step at which an alignment can be at a label; until is -1 where a place
            of a row has no label. As float64, since lanes are compared with them.
        band: the largest S, the smallest S - 1, and the smallest S - T: see ``first_place`` and ``end_place``.
        may_skip: P, 1 where a label may be entered from the label before it, else 0.
        S: stride, the target lengths.
        T: stride, the input lengths, as float64 like ``since``; 0 for who takes no part.
        shares: stride, what the loss of each counts.
    """

    begin: np.ndarray
    source: np.ndarray
    target: np.ndarray
    sources: np.ndarray
    span: np.ndarray
    blank_source: np.ndarray
    since: np.ndarray
    until: np.ndarray
    band: np.ndarray
    may_skip: np.ndarray
    S: np.ndarray
    T: np.ndarray
    shares: np.ndarray


@njit(error_model="numpy")
def new_group(S, stride):
    """Tables for targets of at most S labels, to be filled in."""
    P = places(S, stride)
    return Group(
        np.empty(2, np.int64), np.empty(P, np.uint64), np.empty(P + stride, np.uint64), np.empty(stride, np.int64),
        np.empty(1, np.int64), np.empty(stride, np.uint64), np.empty(P), np.empty(P), np.empty(3, np.int64),
        np.empty(P), np.empty(stride, np.int64), np.empty(stride), np.empty(stride),
    )  # fmt: skip


@njit(error_model="numpy")
def fill_group(group, samples, first, shares, methods, waiting):
    """Enter the samples from ``first`` on whose method is ``waiting``; returns their largest T and S."""
    stride, P, N, T_max, S_max = len(group.S), len(group.source), len(methods), 0, 0
    S_min, spare_min = len(samples.labels), len(samples.labels)
    group.begin[0], group.begin[1] = first * samples.C, min(first + stride, N) * samples.C
    for j in range(stride):
        n = first + j
        here = n < N and methods[n] == waiting
        n = n if here else first
        S, T = (samples.lengths[n], samples.input_lengths[n]) if here else (0, 0)
        group.S[j], group.T[j], group.shares[j] = S, T, shares[n]
        T_max, S_max = max(T, T_max), max(S, S_max)
        if here:
            S_min, spare_min = min(S, S_min), min(S - T, spare_min)
        source, target = n * samples.sample_step, n * samples.C
        group.sources[j], group.span[0] = source, samples.C if samples.class_step == 1 else 0
        group.blank_source[j], group.target[P + j] = source + samples.blank * samples.class_step, target + samples.blank
        before = samples.blank
        for k in range(P // stride):
            i = k * stride + j
            label = samples.labels[samples.starts[n] + k] if k < S else samples.blank
            group.source[i], group.target[i] = source + label * samples.class_step, target + label
            group.since[i], group.until[i] = k, T - S + k if k < S else -1
            group.may_skip[i] = 1.0 if label != before else 0.0  # from the blank before label 0, too: nothing is there
            before = label
    group.band[0], group.band[1], group.band[2] = S_max, S_min - 1, spare_min
    return T_max, S_max


@njit(error_model="numpy")
def first_place(band, t, stride):
    """The first place of a row in which an alignment can be at step t; the start of a cache line.

    At most one label is left behind with each step, and S - T + t of them must be by step t. A sample that is over
    before the longest of its group waits in its last blank.
    """
    return max(min(band[1], band[2] + t), 0) * stride & -LANES


@njit(error_model="numpy")
def end_place(band, t, stride):
    """The end of the places in which an alignment can be at step t, whole cache lines: no more than t + 1 labels."""
    return whole_lines((min(t, band[0]) + 1) * stride)


@njit(error_model="numpy")
def places(S, stride):
    """P, for targets of at most S labels: room for S + 1 blanks of each sample, in whole cache lines."""
    return whole_lines((S + 1) * stride)


@njit(error_model="numpy")
def whole_lines(size):
    """The least multiple of LANES that is not below size."""
    return size + LANES - 1 & -LANES
