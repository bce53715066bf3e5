"""ACE: count the characters, ask not where they stand; and A-CTC, which adds it to CTC."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.arguments import Lengths
from crnn_lessons.ctc.loss import ctc_loss
from crnn_lessons.losses.batch import CheckedBatch, read, reduce


def ace_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = BLANK,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Aggregation cross-entropy -sum_k q_k ln y_k of each sample: counts that are due against counts predicted.

    With N_k the number of times that class k stands in the target (for the blank: the T - S frames that are left),
    q_k = N_k / T; and y_k is the mean of class k's probability over the T frames. Its least value is the entropy of q,
    not 0. The order of the labels does not enter.

    Args:
        log_probs, targets, input_lengths, target_lengths, blank, zero_infinity: as for
            :func:`crnn_lessons.ctc.ctc_loss`.
        reduction: "none": N losses; "sum"; "mean": over the samples, not divided by S, for each is a mean already.

    Returns:
        The loss. A target with S > T, or one with a class that is due and has the probability 0 at all frames, costs
        +inf, with a gradient of 0.

    Raises:
        ValueError, TypeError: those of ``ctc_loss``.

    Source: Xie et al., "Aggregation Cross-Entropy for Sequence Recognition", CVPR 2019.
    """
    batch = read(log_probs, targets, input_lengths, target_lengths, blank)
    losses = ace_losses(batch)
    return reduce(batch, torch.zeros_like(losses), reduction, zero_infinity, extra=losses)


def a_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    weight: float = 0.1,
    blank: int = BLANK,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """A-CTC: the CTC loss plus ``weight`` times ACE.

    Args and errors are those of :func:`crnn_lessons.ctc.ctc_loss`. With the reduction "mean" the CTC part of a sample
    is divided by max(S, 1), as there, and the ACE part, a mean over frames already, is not.

    Source: PaddleOCR's enhanced CTC losses, which give ACE the weight 0.1.
    """
    batch = read(log_probs, targets, input_lengths, target_lengths, blank)
    ctc = ctc_loss(batch.log_probs, targets, input_lengths, target_lengths, blank, "none")
    return reduce(batch, ctc, reduction, zero_infinity, extra=weight * ace_losses(batch))


def due_counts(batch: CheckedBatch) -> Tensor:
    """How often each class is due, N C: labels as they stand in the target, the blank for the frames that are left."""
    _, N, C = batch.log_probs.shape
    counts = torch.zeros(N, C, dtype=batch.log_probs.dtype, device=batch.log_probs.device)
    sample = torch.repeat_interleave(torch.arange(N, device=counts.device), batch.labels)
    labels = torch.as_tensor(np.concatenate([batch.targets.of(n) for n in range(N)]), device=counts.device)
    counts.index_put_((sample, labels), torch.ones_like(labels, dtype=counts.dtype), accumulate=True)
    counts[:, batch.targets.blank] = (batch.frames - batch.labels).to(counts.dtype)
    return counts


def ace_losses(batch: CheckedBatch) -> Tensor:
    """The ACE loss of each sample of a checked batch: N."""
    counts = due_counts(batch)
    T = batch.frames.clamp_min(1).to(counts.dtype)[:, None]  # N 1
    log_probs = batch.log_probs.masked_fill(~batch.inside[..., None], -torch.inf)  # T N C
    due = counts > 0
    never = due & (log_probs.amax(0) == -torch.inf)  # N C
    # What is not due must not reach the gradient, not even as 0 times inf; 0 stands in for it.
    log_probs = torch.where(due & ~never, log_probs, torch.zeros_like(log_probs))
    log_y = log_probs.logsumexp(0) - T.log()  # N C
    losses = -(counts / T * torch.where(due, log_y, torch.zeros_like(log_y))).sum(1)
    hopeless = never.any(1) | (batch.labels > batch.frames)
    return losses.masked_fill(hopeless, torch.inf)
