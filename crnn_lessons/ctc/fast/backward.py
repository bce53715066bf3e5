"""Beta of one sample, or of eight side by side, in probabilities, and the gradient; see ``linear``.

Beta of a step, the posteriors and what they take from the gradient are one loop: a row of posteriors is never stored.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from crnn_lessons.ctc.fast.group import high, low
from crnn_lessons.ctc.fast.lanes import LANES, choose_below, first_of, one_up, spread
from crnn_lessons.ctc.fast.load import clear, fetch_soon, load, store, subtract
from crnn_lessons.ctc.fast.room import each, each_sum
from crnn_lessons.ctc.fast.rows import AHEAD, LINE

TINY = 1e-260
LEAST = 1e-30
"""Posteriors below this count as 0: as float32 they would be denormal numbers, which are slow."""


@njit(error_model="numpy")
def backward(room, group, gradient, step, anew):
    """Fill in beta, too small if anything, and take the posteriors from the gradient, or, anew, from 0.

    Beta is filled in where alignments can be; below that both rows are 0 from the start. The posteriors of a step sum
    to 1, and what those of the labels leave of it is the blanks'.

    Args:
        gradient: the gradient on one axis; of no size if it is not wanted.
        step: how far apart two frames of it stand.
    """
    stride, P, T = len(group.S), len(room.enter), len(room.label_alpha) // len(room.enter) - 1
    emit_blank, emit_label, enter, skip, scales = room.emit_blank, room.emit_label, room.enter, room.skip, room.scale
    label_alpha, blank_beta, label_beta = room.label_alpha, room.blank_beta, room.label_beta
    target, band, wanted, zero = group.target, group.band, len(gradient) > 0, spread(0.0)
    shares, ends = each(group.shares, 0, stride), each(group.T, 0, stride)
    own_first, own_end = group.begin[0], group.begin[1]
    end, all_places, blanks = high(band, T, stride), band[0] * stride, len(target) - stride
    for t in range(T - 1, -1, -1):
        then, after, at = (t + 1) * P, (t + 1) % 2 * P, t % 2 * P  # where the rows of t + 1, t + 1 and t begin
        above, first, end = end, low(band, t, stride), high(band, t, stride)
        if wanted:
            earlier = max(t - AHEAD, 0) * step
            for c in range(own_first, own_end, LINE):
                fetch_soon(gradient, earlier + c)
            if anew:
                clear(gradient, t * step + own_first, t * step + own_end)
        scale = each(scales, (t + 1) * stride, stride)
        blank_probability = each(emit_blank, (t + 1) * stride, stride) * scale
        after_blank = after_skip = all_labels = zero
        if end < above:  # one line above there is more, of which the last place goes on to this one
            through = load(label_beta, after + end) * (load(emit_label, then + end) * scale)
            after_blank, after_skip = load(blank_beta, after + end) * blank_probability, load(skip, end) * through
        for i in range(end - LANES, first - LANES, -LANES):
            through = load(label_beta, after + i) * (load(emit_label, then + i) * scale)  # all that goes on by label k
            blank, skipping = load(blank_beta, after + i) * blank_probability, load(skip, i) * through
            if stride == 1:
                from_label = through + one_up(blank, after_blank) + one_up(skipping, after_skip)
            else:
                from_label = through + after_blank + after_skip
            after_blank, after_skip = blank, skipping
            from_blank = blank + load(enter, i) * through
            from_label = choose_below(TINY, from_label, from_label, 0.0)
            store(blank_beta, at + i, choose_below(TINY, from_blank, from_blank, 0.0))
            store(label_beta, at + i, from_label)
            posterior = load(label_alpha, then + i) * from_label  # alpha of t: its first row is before the beginning
            if wanted and i < all_places:
                subtract(gradient, t * step, target, i, choose_below(posterior, LEAST, 0.0, posterior * shares))
            all_labels = all_labels + posterior
        if wanted:
            blank_posterior = choose_below(float(t), ends, 1.0 - each_sum(all_labels, stride), 0.0)
            blank_posterior = choose_below(blank_posterior, LEAST, 0.0, blank_posterior * shares)
            if stride == 1:
                gradient[np.uint64(t * step) + target[blanks]] -= first_of(blank_posterior)
            else:
                subtract(gradient, t * step, target, blanks, blank_posterior)
