"""Alpha of one sample, or of eight side by side, in probabilities; see ``linear``.

A step takes eight places of a row at a time, which are eight labels of one sample or one label of eight samples; how
far label k - 1 is from label k (``stride``) is all that differs.
"""

from __future__ import annotations

import math

from numba import njit

from crnn_lessons.ctc.fast.exp import ROUND
from crnn_lessons.ctc.fast.group import high, low
from crnn_lessons.ctc.fast.lanes import LANES, choose_below, exponent_of, one_down, power_of_two, spread
from crnn_lessons.ctc.fast.load import load, store
from crnn_lessons.ctc.fast.room import each, each_sum, keep

FLOOR = 1e-240


@njit(error_model="numpy")
def forward(room, group, exponent, most):
    """Fill in alpha, too large if anything, where alignments can be, and 0 in the line above: the next step reads it.

    At every second step the sum of alpha gives the scale two steps on, which makes it about 2^exponent. So nobody has
    to wait for a sum, and as a power of two a scale rounds nothing. Where the sum, scaled for the next step, is above
    most times 2^exponent, alpha failed.
    """
    stride, P, T = len(group.S), len(room.enter), len(room.label_alpha) // len(room.enter) - 1
    emit_blank, emit_label, enter, skip, scales = room.emit_blank, room.emit_label, room.enter, room.skip, room.scale
    blank_alpha, label_alpha, band, zero = room.blank_alpha, room.label_alpha, group.band, spread(0.0)
    first, log_scale, total, largest = 0, zero, zero, zero
    for t in range(T):
        now, blanks_now, labels_now = t * P, t % 2 * P, (t + 1) * P
        blanks, labels = P - blanks_now, now
        below_first, first, end = first, low(band, t, stride), high(band, t, stride)
        scale = each(scales, t * stride, stride)
        blank_probability = each(emit_blank, t * stride, stride) * scale
        largest = choose_below(largest, total * scale, total * scale, largest)
        total, before = zero, load(label_alpha, labels + below_first) if below_first < first else zero
        for i in range(first, end, LANES):
            blank, label = load(blank_alpha, blanks + i), load(label_alpha, labels + i)
            below = one_down(before, label) if stride == 1 else before
            before = label
            into_blank = (blank + below) * blank_probability + FLOOR
            reached = label + load(enter, i) * blank + load(skip, i) * below
            into_label = reached * (load(emit_label, now + i) * scale) + FLOOR
            store(blank_alpha, blanks_now + i, into_blank)
            store(label_alpha, labels_now + i, into_label)
            total = total + (into_blank + into_label)
        if end < high(band, t + 1, stride):  # in a row of its own; the two rows of blanks are 0 there from the start
            store(label_alpha, labels_now + end, zero)
        if t % 2 == 0 and t + 2 < T:
            n = exponent_of(each_sum(total, stride)) - exponent
            keep(scales, (t + 2) * stride, stride, power_of_two(ROUND - n))
            log_scale = log_scale + n
    store(room.log_scale, 0, choose_below(each_sum(largest, stride), most * 2.0**exponent, log_scale, math.nan))
