"""CTC over a batch on a CUDA GPU: alpha and beta of all samples at once, one program each, in probabilities.

The recursions and the proof are those of ``passes`` (Graves et al. 2006, equations 5 to 11): alpha is never too
small, beta never too large, and where the two disagree on p(Y | X), ``torch`` solves the sample in log space.
A row of a lattice stays in registers from step to step; what is written to memory, nothing waits for. A third kind of
program then multiplies alpha and beta, all steps at once. It awaits a run on a GPU: so far Triton's interpreter is all
that has executed it.
"""

from __future__ import annotations

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets, check_ranges
from crnn_lessons.ctc.fast import torch as in_torch
from crnn_lessons.ctc.fast.torch import log_sums, softmax_share

AGREEMENT = 1e-8
"""How far ln p(Y | X) by alpha and by beta may differ: each sums T logarithms."""
FLOOR, TINY = tl.constexpr(1e-240), tl.constexpr(1e-260)
NARROW, WIDE = tl.constexpr(1e-90), tl.constexpr(1e90)
SMALLEST = tl.constexpr(-667.0)  # ln 1e-290: below this an emission is 0


@triton.jit
def scan(scores, t_stride, n_stride, c_stride, log_sum, labels, lengths, input_lengths, blank, T, N, S_max,
         rows, log_scales, log_p, K: tl.constexpr):  # fmt: skip
    """Program (n, 0) fills in alpha of sample n, program (n, 1) beta, each scaled by its own sum at each step.

    rows is 2 x N x T x 2 x K: (alpha, beta), sample, step, (blanks, labels), row; log_scales is 2 x N x T.
    """
    n, back = tl.program_id(0), tl.program_id(1)
    k = tl.arange(0, K)
    S, T_n = tl.load(lengths + n), tl.load(input_lengths + n)
    label = tl.load(labels + n * S_max + k, mask=k < S, other=blank)
    before = tl.load(labels + n * S_max + k - 1, mask=(k > 0) & (k < S), other=-1)
    skip = tl.where((k > 0) & (k < S) & (label != before), 1.0, 0.0).to(tl.float64)  # into label k, past blank k
    below, above = tl.maximum(k - 1, 0), tl.minimum(k + 1, K - 1)
    skip_above = tl.where(k + 1 < K, tl.gather(skip, above, 0), 0.0)
    out = rows + ((back * N + n) * T) * 2 * K
    logs = log_scales + (back * N + n) * T
    here = scores + n * n_stride
    floor = tl.where(back == 0, FLOOR, 0.0).to(tl.float64)
    log_scale = (S * 0.0).to(tl.float64)
    blanks = tl.zeros([K], tl.float64)
    row = tl.zeros([K], tl.float64)
    for step in range(T_n):
        t = tl.where(back == 0, step, T_n - 1 - step)
        at = here + t * t_stride
        normaliser = tl.load(log_sum + t * N + n).to(tl.float64)
        log_blank = tl.load(at + blank * c_stride).to(tl.float64) - normaliser
        log_label = tl.load(at + label * c_stride).to(tl.float64) - normaliser
        emit_blank = tl.where(log_blank < SMALLEST, 0.0, tl.exp(log_blank))
        emit_label = tl.where(log_label < SMALLEST, 0.0, tl.exp(log_label))
        emit_label = tl.where((k < S) & (k <= t) & (t - k <= T_n - S), emit_label, 0.0)  # where alignments can be
        if back == 0:
            under = tl.where(k > 0, tl.gather(row, below, 0), 0.0)  # label k - 1
            blank_new = tl.where(step == 0, tl.where(k == 0, 1.0, 0.0), blanks + under) * emit_blank
            label_new = tl.where(step == 0, tl.where(k == 0, 1.0, 0.0), row + blanks + skip * under) * emit_label
            blanks = tl.where(k <= S, blank_new + floor, 0.0)
            row = tl.where(k < S, label_new + floor, 0.0)
            seen_blanks, seen_row = blanks, row
        else:  # what is stored leaves out the emission at t; what is carried on holds it
            over = tl.where(k + 1 < K, tl.gather(row, above, 0), 0.0)
            over_blank = tl.where(k + 1 < K, tl.gather(blanks, above, 0), 0.0)
            seen_blanks = tl.where(step == 0, tl.where(k == S, 1.0, 0.0), blanks + row).to(tl.float64)
            seen_row = tl.where(step == 0, tl.where(k == S - 1, 1.0, 0.0), row + over_blank + skip_above * over)
            seen_blanks = tl.where(seen_blanks > TINY, seen_blanks, 0.0)
            seen_row = tl.where((seen_row > TINY) & (k < S), seen_row, 0.0).to(tl.float64)
            blanks, row = seen_blanks * emit_blank, seen_row * emit_label
        tl.store(out + t * 2 * K + k, seen_blanks)
        tl.store(out + t * 2 * K + K + k, seen_row)
        tl.store(logs + t, log_scale)
        if step < T_n - 1:
            total = tl.sum(blanks, 0) + tl.sum(row, 0)
            total = tl.where((total > NARROW) & (total < WIDE), total, float("nan"))  # NaN: left to log space
            log_scale += tl.log(total)
            blanks, row = blanks / total, row / total
    ends = tl.where(k == S, blanks, 0.0) + tl.where(k == S - 1, row, 0.0)
    starts = tl.where(k == 0, blanks + row, 0.0)
    tl.store(log_p + back * N + n, log_scale + tl.log(tl.sum(tl.where(back == 0, ends, starts), 0)))


@triton.jit
def subtract_posteriors(gradient, labels, lengths, input_lengths, blank, shares, T, N, C, S_max,
                        rows, log_scales, log_p, K: tl.constexpr):  # fmt: skip
    """Program (t, n) takes share * posterior from the gradient of sample n at step t."""
    t, n = tl.program_id(0), tl.program_id(1)
    share = tl.load(shares + n)
    if (t < tl.load(input_lengths + n)) & (share != 0.0):
        k, S = tl.arange(0, K), tl.load(lengths + n)
        label = tl.load(labels + n * S_max + k, mask=k < S, other=blank)
        alpha, beta = rows + (n * T + t) * 2 * K, rows + ((N + n) * T + t) * 2 * K
        log_factor = tl.load(log_scales + n * T + t) + tl.load(log_scales + (N + n) * T + t) - tl.load(log_p + n)
        factor = share * tl.exp(log_factor)
        of_blanks = tl.sum(tl.load(alpha + k) * tl.load(beta + k), 0) * factor
        of_labels = tl.load(alpha + K + k) * tl.load(beta + K + k) * factor
        out = gradient + (t * N + n) * C
        kind = gradient.dtype.element_ty
        tl.atomic_add(out + label, (-of_labels).to(kind), mask=k < S)  # a label may stand in a target twice
        tl.atomic_add(out + blank, (-of_blanks).to(kind))


def solve(
    scores: Tensor, targets: Targets, shares: np.ndarray | None, logits: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The loss of each sample, and the gradient of their weighed sum; see ``torch.solve``."""
    device, (T, N, C) = scores.device, scores.shape
    check_ranges(targets, T, C)
    S_max = max(1, int(targets.lengths.max()))
    padded = np.zeros((N, S_max), dtype=np.int64)
    padded[np.arange(S_max) < targets.lengths[:, None]] = targets.packed()
    labels, S, T_of = (torch.as_tensor(x, device=device) for x in (padded, targets.lengths, targets.input_lengths))
    K = triton.next_power_of_2(S_max + 1)
    rows, log_scales, log_p = (
        torch.empty(shape, dtype=torch.float64, device=device) for shape in ((2, N, T, 2, K), (2, N, T), (2, N))
    )
    log_sum = log_sums(scores) if logits else torch.zeros(T, N, dtype=torch.float64, device=device)
    scan[(N, 2)](
        scores, *scores.stride(), log_sum, labels, S, T_of, targets.blank, T, N, S_max, rows, log_scales, log_p, K=K
    )
    unproven = ~((log_p[0] - log_p[1]).abs() < AGREEMENT)  # NaN, too; T = 0 and what cannot be spelt end up here
    losses = -log_p[0]
    gradient = None
    if shares is not None:
        weights = torch.as_tensor(shares, device=device).masked_fill(unproven, 0.0)
        gradient = softmax_share(scores, targets, weights) if logits else torch.zeros_like(scores)
        gradient = gradient.contiguous()
        subtract_posteriors[(T, N)](
            gradient, labels, S, T_of, targets.blank, weights, T, N, C, S_max, rows, log_scales, log_p, K=K
        )
    if unproven.any():
        which = torch.nonzero(unproven).flatten()
        part = targets.only(which.cpu().numpy())
        some = None if shares is None else shares[which.cpu().numpy()]
        losses[which], part_gradient = in_torch.solve(scores[:, which], part, some, logits)
        if gradient is not None:
            gradient[:, which] = part_gradient
    return losses, gradient
