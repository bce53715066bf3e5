"""Focal CTC: a sample that is read well already counts less."""

from __future__ import annotations

import torch
from torch import Tensor

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.arguments import Lengths
from crnn_lessons.ctc.loss import ctc_loss
from crnn_lessons.losses.batch import read, reduce


def focal_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    alpha: float = 1.0,
    gamma: float = 2.0,
    blank: int = BLANK,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Focal CTC loss alpha (1 - p)^gamma L of each sample, with L = -ln p the CTC loss and p = p(Y | X) = e^-L.

    Args:
        log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity: as for
            :func:`crnn_lessons.ctc.ctc_loss`; log_probs must be normalised, or p is no probability.
        alpha: scale of the loss.
        gamma: how little well-read samples count; 0 gives alpha times the CTC loss.

    Returns:
        The loss: no axis, or N where the reduction is "none". A target that cannot be spelt costs +inf, as in CTC.

    Raises:
        ValueError, TypeError: those of ``ctc_loss``; gamma is negative.

    Source: Feng, Yao, Zhang, "Focal CTC Loss for Chinese Optical Character Recognition on Unbalanced Datasets",
    Complexity, 2019; the factor is that of Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
    """
    if not gamma >= 0:
        raise ValueError(f"gamma is 0 or more, and is {gamma}; a negative one would favour what is read well already")
    batch = read(log_probs, targets, input_lengths, target_lengths, blank)
    loss = ctc_loss(batch.log_probs, targets, input_lengths, target_lengths, blank, "none")  # N
    hopeless = loss == torch.inf
    L = torch.where(hopeless, torch.zeros_like(loss), loss)  # subtle: inf times e^-inf would make its gradient NaN
    # 1 - e^-L, exact for small L. The floor: for gamma < 1 the slope of x^gamma at 0 is infinite.
    missing = (-torch.expm1(-L)).clamp_min(torch.finfo(L.dtype).tiny)
    return reduce(batch, torch.where(hopeless, loss, alpha * missing**gamma * L), reduction, zero_infinity)
