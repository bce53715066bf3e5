"""CTC over a batch in plain torch: log space, one vectorised step a time step, on any device.

The recursions are those of Graves et al., "Connectionist Temporal Classification", ICML 2006, equations 5 to 16, in
the convention of ``lattice.py`` (beta without the probability emitted at t). All N samples move through their
lattices side by side; a sample that has fewer than T steps waits.

Every kernel module has a function ``solve`` with these arguments and results.
"""

from __future__ import annotations

import numpy as np
import torch
from einops import rearrange, repeat
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets, check_ranges


def solve(
    scores: Tensor, targets: Targets, shares: np.ndarray | None, logits: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The loss of each sample, and the gradient of their weighed sum.

    Args:
        scores: T N C log-probabilities, or logits.
        targets: N targets.
        shares: N weights of the losses in the sum, or None where no gradient is wanted.
        logits: whether the scores are logits, which a log-softmax makes log-probabilities.

    Returns:
        N losses in float64 (nats; +inf where no alignment has a probability), and the gradient of
        sum_n share_n loss_n with respect to the scores, T N C (0 where the loss is +inf), or None.

    Raises:
        ValueError: lengths or labels out of range, as ``check_ranges`` says.
    """
    check_ranges(targets, len(scores), scores.shape[2])
    log_sum = log_sums(scores) if logits else scores.new_zeros(scores.shape[:2], dtype=_precise(scores))
    losses, posterior, rows = solve_lattices(scores, log_sum, targets)
    if shares is None:
        return losses, None
    share = torch.as_tensor(shares, device=scores.device).to(losses.dtype).masked_fill(losses == torch.inf, 0.0)
    total = torch.zeros(scores.shape, dtype=losses.dtype, device=scores.device)  # T N C
    total.scatter_add_(2, repeat(rows, "n l -> t n l", t=len(scores)), posterior)  # the rows of a class add up
    taken = torch.where(rearrange(share == 0, "n -> n 1"), 0.0, total * rearrange(share, "n -> n 1"))
    gradient = softmax_share(scores, targets, share) - taken if logits else -taken
    return losses, gradient.to(scores.dtype)


def log_sums(logits: Tensor) -> Tensor:
    """The logarithm of the sum of the exponentials of each frame, T N, in float64; NaN where one is NaN or +inf.

    It is taken apart from the largest logit, so that large ones lose nothing. What the exponentials lose in float32 is
    the same for all rows of a lattice: it cancels in the posteriors.
    """
    largest = logits.amax(2)
    total = (logits - rearrange(largest, "t n -> t n 1")).exp().sum(2, dtype=_precise(logits))
    return largest.to(total.dtype) + total.log()


def softmax_share(logits: Tensor, targets: Targets, share: Tensor) -> Tensor:
    """share * softmax, T N C, and 0 past the end of each sample, whatever stands there."""
    T_of = torch.as_tensor(targets.input_lengths, device=logits.device)
    running = rearrange(torch.arange(len(logits), device=logits.device), "t -> t 1 1") < rearrange(T_of, "n -> n 1")
    counts = running & rearrange(share != 0, "n -> n 1")  # elsewhere NaN may stand, and NaN times 0 is NaN
    return torch.where(counts, logits.softmax(2) * rearrange(share.to(logits.dtype), "n -> n 1"), 0.0)


def solve_lattices(scores: Tensor, log_sum: Tensor, targets: Targets) -> tuple[Tensor, Tensor, Tensor]:
    """The N losses, the posterior of each row at each step, T N L, and the class of each row, N L.

    The log-probabilities are scores - log_sum (T N C and T N).
    """
    device, dtype, T = scores.device, _precise(scores), len(scores)
    S, T_of = (torch.as_tensor(x, device=device) for x in (targets.lengths, targets.input_lengths))
    rows = torch.as_tensor(extended_rows(targets), device=device)  # N L
    L = rows.shape[1]
    s = torch.arange(L, device=device)
    exists = s < rearrange(2 * S + 1, "n -> n 1")  # N L
    skip = torch.zeros_like(exists)  # the blank in between may be skipped: into a label unlike the one before it
    skip[:, 2:] = (rows[:, 2:] != targets.blank) & (rows[:, 2:] != rows[:, :-2])
    last = rearrange(T_of - 1, "n -> n 1")

    emit = scores.gather(2, repeat(rows, "n l -> t n l", t=T)).to(dtype) - rearrange(log_sum, "t n -> t n 1")  # T N L
    step, k = rearrange(torch.arange(T, device=device), "t -> t 1 1"), s // 2
    running = step <= last
    repeats = (exists[:, 3::2] & (rows[:, 3::2] == rows[:, 1:-2:2])).sum(1)
    fits = rearrange(T_of >= S + repeats, "n -> n 1")
    in_time = (k <= step) & (step - last <= k - rearrange(S - 1, "n -> n 1"))  # k labels come before, the rest after
    emit = torch.where(
        exists & running & fits & (in_time | (s % 2 == 0)), emit, -torch.inf
    )  # no other score is ever read
    poisoned = ((emit.isnan() | (emit == torch.inf)).any(2)).any(0)  # N

    alpha = torch.full_like(emit, -torch.inf)
    alpha[0, :, :2] = emit[0, :, :2]  # a path begins with the blank or the first label
    for t in range(1, T):
        stay, step, jump = alpha[t - 1], _shift(alpha[t - 1], 1), _shift(alpha[t - 1], 2)
        alpha[t] = _logaddexp3(stay, step, torch.where(skip, jump, -torch.inf)) + emit[t]

    ends = exists & (s >= rearrange(2 * S - 1, "n -> n 1"))  # a path ends with the last label or the blank after it
    at_end = torch.where(ends, 0.0, -torch.inf).to(dtype)
    beta = torch.full_like(emit, -torch.inf)
    beta[T - 1] = torch.where(last == T - 1, at_end, -torch.inf)
    for t in range(T - 2, -1, -1):
        after = beta[t + 1] + emit[t + 1]
        stay, step, jump = after, _shift(after, -1), _shift(torch.where(skip, after, -torch.inf), -2)
        beta[t] = torch.where(last == t, at_end, _logaddexp3(stay, step, jump))

    at_start = torch.where(s < 2, emit[0] + beta[0], -torch.inf)
    log_likelihood = torch.logsumexp(at_start, 1)  # N
    no_steps = T_of == 0  # the empty path spells the empty target, and nothing else
    log_likelihood = torch.where(no_steps, torch.where(S == 0, 0.0, -torch.inf).to(dtype), log_likelihood)
    possible = (log_likelihood > -torch.inf) & ~no_steps
    posterior = torch.exp(alpha + beta - rearrange(log_likelihood, "n -> n 1"))
    posterior = torch.where(rearrange(possible, "n -> n 1") & running, posterior, 0.0)
    spoilt = rearrange(poisoned, "n -> n 1") & running & exists
    posterior = torch.where(spoilt, torch.nan, posterior)
    losses = torch.where(poisoned, torch.nan, -log_likelihood)
    return losses + 0.0, posterior, rows  # + 0.0: a certain target costs 0, not -0


def extended_rows(targets: Targets) -> np.ndarray:
    """The classes of the rows of all lattices, N x L: a blank before each label and one after the last.

    Where a target is shorter than the longest, blanks fill up its rows.
    """
    N, longest = len(targets.lengths), int(targets.lengths.max(initial=0))
    rows = np.full((N, 2 * longest + 1), targets.blank, dtype=np.int64)
    rows[:, 1::2][np.arange(longest) < targets.lengths[:, None]] = targets.packed()
    return rows


def _precise(scores: Tensor) -> torch.dtype:
    """float64 where it exists: float32 loses a digit of the gradient for each decade of the loss."""
    return torch.float32 if scores.device.type == "mps" else torch.float64


def _shift(row: Tensor, by: int) -> Tensor:
    """Move the rows (the last axis) up by ``by`` places, down where negative; minus infinity comes in at the end."""
    moved = torch.full_like(row, -torch.inf)
    if by > 0:
        moved[..., by:] = row[..., :-by]
    else:
        moved[..., :by] = row[..., -by:]
    return moved


def _logaddexp3(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.logaddexp(torch.logaddexp(a, b), c)
