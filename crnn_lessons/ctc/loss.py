"""The CTC loss of a batch, with its exact gradient: the drop-in for ``torch.nn.functional.ctc_loss``.

Source: Graves et al., "Connectionist Temporal Classification", ICML 2006: the loss is equation 12's objective for one
sample, -ln p(Y | X); its derivative with respect to a log-probability is minus the posterior of that class at that
step (equation 15 times y), and with respect to a logit softmax minus posterior (equation 16).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank
from crnn_lessons.ctc.arguments import Lengths, check_log_probs_tensor, check_ranges, read_targets
from crnn_lessons.ctc.gradient import differentiable_ctc

REDUCTIONS = ("none", "sum", "mean")


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = BLANK,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The CTC loss -ln p(target | log_probs), in nats.

    Args:
        log_probs: T N C, or T C for one sample: log-probabilities, as from ``log_softmax``. They are used as they
            stand, and need not sum to one. Half precisions are computed in float32.
        targets: N S, padded with anything; or one axis with all labels one after the other. Any integer type.
        input_lengths: T of each sample: a tensor, list or tuple of N numbers, or an int for one sample.
        target_lengths: S of each sample, likewise.
        blank: the class index of the blank.
        reduction: "none": N losses; "sum": their sum; "mean": the mean over the samples of loss / max(S, 1).
        zero_infinity: count a sample whose target has the probability zero as a loss of 0.

    Returns:
        The loss: no axis, or N where the reduction is "none" and log_probs have three axes.

        The gradient is the exact derivative with respect to log_probs: minus the posterior. (torch's own is that of
        the log-softmax behind it; trained through ``log_softmax`` the two agree.) A target that cannot be spelt
        costs +inf, and its gradient is 0: no change of log_probs would help. ``explain_infeasible`` says why.
        NaN or +inf in what a target needs makes its loss and its gradient NaN, its neighbours' never. What stands
        in frames past a sample's length, or in classes that its target does not need, reaches nothing. Label k of S
        (from 0) is needed from step k to step T - S + k: earlier k labels find no room, later the rest does not.

        On a CPU the very first call compiles its kernel, some ten to twenty seconds; the machine code is kept on disk,
        and later processes begin within two or three seconds.

    Raises:
        ValueError: shapes or lengths that do not fit, labels that are no class or are the blank, empty log_probs.
        TypeError: targets or lengths that are not whole numbers.
    """
    return _loss(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity, logits=False)


def ctc_loss_from_logits(
    logits: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = BLANK,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The CTC loss of ``log_softmax(logits)``, both in one step: the gradient is softmax minus posterior.

    Args and errors are those of ``ctc_loss``, with logits in place of log_probs. A NaN in any class of a frame that
    counts makes the loss of its sample NaN.

    Source: Graves et al. 2006, equation 16.
    """
    return _loss(logits, targets, input_lengths, target_lengths, blank, reduction, zero_infinity, logits=True)


class CTCLoss(torch.nn.Module):
    """``ctc_loss`` as a module: its drop-in for ``torch.nn.CTCLoss``.

    Args:
        blank: the class index of the blank.
        reduction: "none", "sum" or "mean".
        zero_infinity: count a sample whose target has the probability zero as a loss of 0.
    """

    def __init__(self, blank: int = BLANK, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__()
        self.blank, self.reduction, self.zero_infinity = check_blank(blank), reduction, zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths) -> Tensor:
        """The loss of a batch; the arguments are those of ``ctc_loss``."""
        return ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )

    def __prepare_scriptable__(self) -> None:
        raise TypeError("CTCLoss cannot be scripted: script the network alone, and call the loss from Python")

    def extra_repr(self) -> str:
        return f"blank={self.blank}, reduction={self.reduction!r}, zero_infinity={self.zero_infinity}"


def explain_infeasible(
    input_lengths: Lengths, targets: Tensor, target_lengths: Lengths, blank: int = BLANK
) -> dict[int, str]:
    """Which samples have too few time steps for their targets (T < S + r), and by how much.

    Args:
        input_lengths: T of each sample.
        targets: as for ``ctc_loss``.
        target_lengths: S of each sample.
        blank: the class index of the blank.

    Returns:
        A sentence for each sample that cannot be spelt, by its number; empty where all is well. A loss of +inf of a
        sample that is not listed comes from log_probs: each of its alignments has a step of probability zero.
    """
    N = target_lengths.numel() if isinstance(target_lengths, Tensor) else np.size(target_lengths)
    batch = read_targets(targets, input_lengths, target_lengths, N, check_blank(blank))
    check_ranges(batch)
    found = {}
    for n in range(N):
        T, S, labels = int(batch.input_lengths[n]), int(batch.lengths[n]), batch.of(n)
        r = int((labels[1:] == labels[:-1]).sum())
        if S + r > T:
            found[n] = (
                f"sample {n}: T = {T} time steps cannot spell S = {S} labels with r = {r} adjacent repeats, "
                f"which need S + r = {S + r}; give it {S + r - T} more (a wider image, less pooling), "
                "or leave it out"
            )
    return found


def _loss(
    scores: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int,
    reduction: str,
    zero_infinity: bool,
    logits: bool,
) -> Tensor:
    if torch._C._is_tracing():
        raise TypeError("ctc_loss cannot be traced: trace the network alone, and call the loss from Python")
    check_log_probs_tensor(scores, "logits" if logits else "log_probs")
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, and is {reduction!r}")
    if scores.dtype not in (torch.float32, torch.float64):
        scores = scores.float()
    if type(blank) is not int or not 0 <= blank < scores.shape[-1]:
        blank = check_blank(blank, scores.shape[-1])
    batched, rest = scores.ndim == 3, (blank, reduction, zero_infinity, logits)
    losses = differentiable_ctc(
        scores if batched else scores.unsqueeze(1), targets, input_lengths, target_lengths, *rest
    )
    return losses if batched or reduction != "none" else losses[0]
