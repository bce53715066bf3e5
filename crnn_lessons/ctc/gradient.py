"""CTC as a function that torch can differentiate.

Source: Graves et al. 2006, equations 15 and 16. The kernels compute the gradient along with the loss, as what they
know then is what the gradient needs. It waits in memory for the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from crnn_lessons.ctc.arguments import Targets
from crnn_lessons.ctc.fast.choose import kernel_for

NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


class CTCFunction(torch.autograd.Function):
    """Log-probabilities (or logits), T N C, to the reduced loss. The targets are read already; kernels check them."""

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, targets: Targets, reduction: str, zero_infinity: bool, logits: bool
    ) -> Tensor:
        shares = _shares(targets, reduction)
        ctx.save_for_backward(scores)
        ctx.solve = kernel_for(scores.device).solve
        ctx.rest = targets, shares, logits
        ctx.reduced = reduction != "none"
        losses, ctx.gradient = ctx.solve(scores, targets, shares if ctx.needs_input_grad[0] else None, logits)
        if zero_infinity or not ctx.reduced:
            ctx.impossible = losses == torch.inf
        if zero_infinity:
            losses = torch.where(ctx.impossible, 0.0, losses)
        if ctx.reduced and losses.device.type == "cpu":  # a small batch is done sooner than torch calls three functions
            return torch.from_numpy(np.array(losses.numpy() @ shares, dtype=NUMPY[scores.dtype]))
        if ctx.reduced:
            losses = torch.dot(losses, torch.from_numpy(shares).to(losses))
        return losses.to(scores.dtype)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        (scores,) = ctx.saved_tensors
        # handed over, not copied: whoever comes a second time (retain_graph=True) has it computed again
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            _losses, gradient = ctx.solve(scores, *ctx.rest)
        if not ctx.reduced:
            gradient *= rearrange(grad_out, "n -> n 1")
            gradient[:, ctx.impossible | (grad_out == 0)] = 0.0  # 0 * inf and 0 * NaN would be NaN
        elif grad_out.device.type != "cpu" or grad_out.item() != 1:  # on a GPU asking takes longer than multiplying
            gradient *= grad_out
        if torch.is_grad_enabled():  # create_graph=True
            gradient = _NoSecondDerivative.apply(gradient, scores, grad_out)
        return gradient, None, None, None, None


class _NoSecondDerivative(torch.autograd.Function):
    """Hands a gradient on, and says so where someone wants the derivative of it."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *_comes_from: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:
        raise RuntimeError(
            "the gradient of ctc_loss cannot be differentiated again; take differences of gradients instead"
        )


def _shares(targets: Targets, reduction: str) -> np.ndarray:
    """What the loss of each sample counts in the result, N."""
    N = len(targets.lengths)
    return 1.0 / (N * np.maximum(targets.lengths, 1)) if reduction == "mean" else np.ones(N)
