"""How exact are the gradients in float32? Largest difference to float64, the package's beside torch's.

python tests/benchmarks/ctc_accuracy.py
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons.ctc import ctc_loss, use_kernel

SIZES = [(26, 64, 37, 12), (100, 32, 80, 30), (500, 16, 80, 80), (500, 16, 1000, 80), (1500, 8, 32, 200)]


def gradient(function, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The gradient at the logits, as float64."""
    T, N, _ = scores.shape
    leaf = scores.detach().requires_grad_()
    function(leaf.log_softmax(2), targets, [T] * N, [targets.shape[1]] * N, reduction="sum").backward()
    return leaf.grad.double()


def main() -> None:
    print(
        f"{'T, N, C, S':22}{'torch':>12}{'package':>12}   (float32; truth: the torch kernel of the package in float64)"
    )
    for T, N, C, S in SIZES:
        rng = np.random.default_rng(0)
        logits = torch.tensor(rng.normal(size=(T, N, C)), dtype=torch.float32)
        targets = torch.tensor(rng.integers(1, C, size=(N, S)))
        with use_kernel("torch"):
            exact = gradient(ctc_loss, logits.double(), targets)
        errors = [(gradient(f, logits, targets) - exact).abs().max().item() for f in (F.ctc_loss, ctc_loss)]
        print(f"{(T, N, C, S)!s:22}{errors[0]:12.1e}{errors[1]:12.1e}", flush=True)


if __name__ == "__main__":
    main()
