"""What the losses share: a checked batch, and one way to put the losses of its samples together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from crnn_lessons.ctc.alignments import check_blank
from crnn_lessons.ctc.arguments import Lengths, Targets, check_log_probs_tensor, check_ranges, read_targets
from crnn_lessons.ctc.loss import REDUCTIONS


@dataclass(frozen=True)
class CheckedBatch:
    """A batch whose shapes, lengths and labels have been checked.

    Attributes:
        log_probs: T N C, float32 or float64.
        targets: the labels and all lengths.
        batched: whether the caller's log_probs had the axis N.
    """

    log_probs: Tensor
    targets: Targets
    batched: bool

    @property
    def frames(self) -> Tensor:
        """T of each sample: N, int64."""
        return self._tensor(self.targets.input_lengths)

    @property
    def labels(self) -> Tensor:
        """S of each sample: N, int64."""
        return self._tensor(self.targets.lengths)

    @property
    def inside(self) -> Tensor:
        """T N, True at the frames that belong to their sample."""
        steps = torch.arange(len(self.log_probs), device=self.log_probs.device)
        return steps[:, None] < self.frames

    def _tensor(self, lengths) -> Tensor:
        return torch.as_tensor(lengths, device=self.log_probs.device)


def read(
    log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, blank: int
) -> CheckedBatch:
    """Check the arguments of a loss; they and the errors are those of :func:`crnn_lessons.ctc.ctc_loss`."""
    check_log_probs_tensor(log_probs)
    if log_probs.dtype not in (torch.float32, torch.float64):
        log_probs = log_probs.float()
    batched = log_probs.ndim == 3
    log_probs = log_probs if batched else log_probs.unsqueeze(1)
    T, N, C = log_probs.shape
    read_in = read_targets(targets, input_lengths, target_lengths, N, check_blank(blank, C))
    check_ranges(read_in, T, C)
    return CheckedBatch(log_probs, read_in, batched)


def reduce(
    batch: CheckedBatch, losses: Tensor, reduction: str, zero_infinity: bool = False, extra: Tensor | float = 0.0
) -> Tensor:
    """Put the losses of N samples together.

    Args:
        batch: the samples.
        losses: N, each a sum over a sample's labels or frames; "mean" divides it by max(S, 1), as CTC losses do.
        reduction: "none", "sum" or "mean" (over the samples).
        zero_infinity: count a sample with the loss +inf as 0.
        extra: N, added to the losses as it is: what is a mean already.

    Raises:
        ValueError: no such reduction.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, and is {reduction!r}")
    if reduction == "mean":
        losses = losses / batch.labels.clamp_min(1)
    if isinstance(extra, Tensor):  # a sample that CTC gives up must not be trained by what is added to CTC
        extra = torch.where(losses == torch.inf, torch.zeros_like(extra), extra)
    losses = losses + extra
    if zero_infinity:
        losses = torch.where(losses == torch.inf, torch.zeros_like(losses), losses)
    if reduction == "none":
        return losses if batch.batched else losses[0]
    return losses.sum() if reduction == "sum" else losses.mean()
