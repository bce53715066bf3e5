"""How far off are float32 losses and gradients, ours and torch's? ``python tests/benchmarks/ctc_accuracy.py``

Both get the same float32 log-probabilities; the truth is our log-space form on the same numbers in float64. Errors of
the loss are relative, those of the gradient with respect to log_probs absolute; from torch's the softmax is taken off
that it adds. Then the method that our CPU kernel needed for as many samples: linear, tilted or log.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons.ctc import ctc_loss, use_kernel
from crnn_lessons.ctc.arguments import read_targets
from crnn_lessons.ctc.fast.numba import solve_by

SIZES = [(26, 64, 37, 12), (100, 32, 80, 30), (500, 16, 80, 80), (500, 16, 1000, 80)]
METHODS = ("impossible", "linear", "tilted", "log")


def solve(loss: Callable, log_probs: torch.Tensor, targets: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    T, N, _C = log_probs.shape
    leaf = log_probs.detach().requires_grad_()
    losses = loss(leaf, targets, (T,) * N, (targets.shape[1],) * N, reduction="none")
    losses.sum().backward()
    gradient = leaf.grad.double() - (log_probs.double().exp() if loss is F.ctc_loss else 0)
    return losses.detach().double().numpy(), gradient.numpy()


def main() -> None:
    print(f"{'T, N, C, S':<22} {'logits x':>8} {'torch loss':>11} {'ours':>9} {'torch grad':>11} {'ours':>9}  methods")
    for size in SIZES:
        T, N, C, S = size
        for scale in (1, 5, 20, 100):
            generator = torch.Generator().manual_seed(0)
            log_probs = (scale * torch.randn(T, N, C, generator=generator)).log_softmax(2)
            targets = torch.randint(1, C, (N, S), generator=generator)
            with use_kernel("torch"):
                losses, gradient = solve(ctc_loss, log_probs.double(), targets)
            errors = []
            for loss in (F.ctc_loss, ctc_loss):
                found, grad = solve(loss, log_probs, targets)
                errors += [np.abs(found / losses - 1).max(), np.abs(grad - gradient).max()]
            methods = solve_by(log_probs, read_targets(targets, [T] * N, [S] * N, N), None)[2]
            used = ", ".join(f"{METHODS[m]} {k}" for m, k in zip(*np.unique(methods, return_counts=True), strict=True))
            numbers = f"{errors[0]:>11.1e} {errors[2]:>9.1e} {errors[1]:>11.1e} {errors[3]:>9.1e}"
            print(f"{size!s:<22} {scale:>8} {numbers}  {used}", flush=True)


if __name__ == "__main__":
    main()
