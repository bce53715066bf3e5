"""CTC as a function that torch can differentiate, vectorise (``torch.vmap``) and take Jacobians of (``torch.func``).

Source: Graves et al. 2006, equations 15 and 16. The kernels compute the gradient along with the loss, as what they
know then is what the gradient needs. It waits in memory for the backward pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.ctc.arguments import Lengths, Targets, read_targets
from crnn_lessons.ctc.fast.choose import kernel_for

NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


def differentiable_ctc(
    scores: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int,
    reduction: str,
    zero_infinity: bool,
    logits: bool,
) -> Tensor:
    """Log-probabilities (or logits), T N C, to the reduced loss; the arguments are those of ``ctc_loss``."""
    if _transformed():  # the numbers of targets cannot be read here: behind a tensor may stand many
        lengths = input_lengths, target_lengths
        return CTCFunction.apply(scores, targets, *lengths, blank, reduction, zero_infinity, logits, True)[0]
    # Read into arrays of our own: whoever changes a tensor of lengths later does not change this loss's gradient
    own = read_targets(targets, input_lengths, target_lengths, scores.shape[1], blank)
    wanted = scores.requires_grad and torch.is_grad_enabled()
    return _apply(scores, own, None, None, blank, reduction, zero_infinity, logits, wanted)[0]


class CTCFunction(torch.autograd.Function):
    """``differentiable_ctc`` and its gradient. Targets are read already, except under a transform of ``torch.func``."""

    @staticmethod
    def forward(
        scores: Tensor,
        targets: Targets | Tensor,
        input_lengths: Lengths | None,
        target_lengths: Lengths | None,
        blank: int,
        reduction: str,
        zero_infinity: bool,
        logits: bool,
        wanted: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """The reduced loss, its gradient if it is wanted, and the loss of each sample, N, as the kernel gave it."""
        if not isinstance(targets, Targets):
            targets = read_targets(targets, input_lengths, target_lengths, scores.shape[1], blank)
        shares = _shares(targets, reduction)
        losses, gradient = kernel_for(scores.device).solve(scores, targets, shares if wanted else None, logits)
        value = torch.where(losses == torch.inf, 0.0, losses) if zero_infinity else losses
        if reduction == "none":
            return value.to(scores.dtype, copy=True), gradient, losses  # subtle: one tensor must not be two outputs
        if value.is_cpu:  # a small batch is done sooner than torch calls three functions
            return torch.from_numpy(np.array(value.numpy().dot(shares), dtype=NUMPY[scores.dtype])), gradient, losses
        return torch.dot(value, torch.from_numpy(shares).to(value)).to(scores.dtype), gradient, losses

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        scores, targets, _, _, _, reduction, _, logits, _ = inputs
        _, gradient, losses = output
        ctx.gradient, ctx.losses = gradient, losses
        ctx.set_materialize_grads(False)  # or backward would be handed zeros for the gradient's own gradient, T N C
        ctx.mark_non_differentiable(losses, *(() if gradient is None else (gradient,)))
        ctx.save_for_backward(scores)
        ctx.rest, ctx.reduced = (targets, reduction, logits), reduction != "none"

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if grad_out is None:  # nobody asks
            return (None,) * 9
        (scores,) = ctx.saved_tensors
        targets, reduction, logits = ctx.rest
        # Handed over, not copied: whoever comes a second time (retain_graph=True) has the gradient computed again. But
        # under a transform grad_out may stand for many, and one gradient must serve them all
        kept = not (isinstance(targets, Targets) and _has_numbers(grad_out))
        gradient = ctx.gradient
        if gradient is None:
            gradient = kernel_for(scores.device).solve(scores, targets, _shares(targets, reduction), logits)[1]
        if not kept:
            ctx.gradient = None
        factor = grad_out if ctx.reduced else grad_out[:, None]
        if kept:
            gradient = gradient * factor
        elif not ctx.reduced or not grad_out.is_cpu or grad_out.item() != 1:  # to ask a GPU takes longer
            gradient *= factor
        if not ctx.reduced:
            nothing = (ctx.losses == torch.inf) | (grad_out == 0)
            if kept or nothing.any():
                gradient.masked_fill_(nothing[:, None], 0.0)  # 0 * inf and 0 * NaN are NaN
        if torch.is_grad_enabled():  # create_graph=True
            gradient = _NoSecondDerivative.apply(gradient, scores, grad_out)
        return gradient, *(None,) * 8

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> None:
        raise RuntimeError(
            "ctc_loss has no derivative in forward mode; take it in reverse mode, as torch.func.grad and jacrev do"
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *inputs: Any) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """One call after the other: each has its own targets, and inside each the samples run side by side."""
        each = [
            CTCFunction.apply(
                *(x.select(d, b) if isinstance(d, int) else x for x, d in zip(inputs, in_dims, strict=True))
            )
            for b in range(info.batch_size)
        ]
        return tuple(torch.stack(outputs) for outputs in zip(*each, strict=True)), (0, 0, 0)


class _NoSecondDerivative(torch.autograd.Function):
    """Hands a gradient on, and says so where someone wants the derivative of it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, *_comes_from: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:
        raise RuntimeError(
            "the gradient of ctc_loss cannot be differentiated again; take differences of gradients instead"
        )


# subtle: the apply of torch.autograd.Function reads the signature of forward anew at each call, which takes as long as
# a small batch. The one that it calls in the end is this
_apply = super(torch.autograd.Function, CTCFunction).apply
_transformed = torch._C._are_functorch_transforms_active


def _has_numbers(x: Tensor) -> bool:
    """Whether a tensor is one by itself, or stands for others (in ``vmap``, ``grad`` or with ``is_grads_batched``)."""
    try:
        x.data_ptr()
    except RuntimeError:
        return False
    return True


def _shares(targets: Targets, reduction: str) -> np.ndarray:
    """What the loss of each sample counts in the result, N."""
    N = len(targets.lengths)
    return 1.0 / (N * np.maximum(targets.lengths, 1)) if reduction == "mean" else np.ones(N)
