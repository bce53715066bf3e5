"""What the CTC tests compare with: the readable float64 lattice of one sequence, and random batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.ctc import forward_backward


@dataclass
class Batch:
    """N samples in the form that a reader of the tests can see through: a list of targets, log_probs T N C."""

    log_probs: np.ndarray
    targets: list[list[int]]
    input_lengths: list[int]
    blank: int = 0

    @property
    def target_lengths(self) -> list[int]:
        return [len(target) for target in self.targets]

    def concatenated(self) -> Tensor:
        return torch.tensor([k for target in self.targets for k in target], dtype=torch.int64)

    def padded(self, filling: int = -7) -> Tensor:
        width = max(1, *self.target_lengths)
        return torch.tensor([target + [filling] * (width - len(target)) for target in self.targets])

    def tensor(self, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.tensor(self.log_probs, dtype=dtype).requires_grad_()

    def arguments(self) -> tuple:
        return self.concatenated(), self.input_lengths, self.target_lengths, self.blank


def reference(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Losses, N, and the exact derivative of each loss with respect to log_probs, T N C: minus the posteriors."""
    gradient = np.zeros(batch.log_probs.shape)
    losses = np.zeros(len(batch.targets))
    for n, (target, T) in enumerate(zip(batch.targets, batch.input_lengths, strict=True)):
        lattice = forward_backward(batch.log_probs[:T, n], target, batch.blank)
        losses[n] = -lattice.log_likelihood
        for s, k in enumerate(lattice.rows):
            gradient[:T, n, k] -= lattice.posterior[:, s]
    return losses, gradient


def random_batch(seed: int, T: int = 12, N: int = 5, C: int = 6, S: int = 6, peaked: float = 0.5) -> Batch:
    """Random sizes up to those given, random lengths (0 among them), random blank; feasible or not."""
    rng = np.random.default_rng(seed)
    T, N, C = (int(rng.integers(low, high + 1)) for low, high in ((1, T), (1, N), (2, C)))
    blank = int(rng.integers(C))
    labels = [k for k in range(C) if k != blank]
    with np.errstate(divide="ignore"):
        log_probs = np.log(rng.dirichlet(np.full(C, peaked), size=(T, N)))
    return Batch(
        log_probs,
        [[int(k) for k in rng.choice(labels, size=rng.integers(0, S + 1))] for _ in range(N)],
        [int(t) for t in rng.integers(0, T + 1, size=N)],
        blank,
    )
