"""What the toy tasks share: a batch of padded samples, and the settings with which a network learns one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Recipe:
    """How to train a small network on a toy task: the settings that a benchmark found quick and dependable.

    Attributes:
        cell: "RNN", "LSTM" or "GRU", one layer of it.
        hidden_size: its units; a linear layer reads them.
        batch_size: N, fresh samples in each step.
        steps: optimiser steps in all.
        learning_rate: the highest of one cycle.
        warm_up: share of the steps in which the learning rate rises.
        clip: greatest norm of the gradient.
        noise: on the inputs in training.
    """

    cell: str
    hidden_size: int
    batch_size: int
    steps: int
    learning_rate: float
    warm_up: float
    clip: float
    noise: float = 0.0


class Samples(NamedTuple):
    """Samples of a toy task.

    Attributes:
        inputs: N T features, or N T where digits are given as indices.
        lengths: the number of steps of each sample, N.
        targets: what to answer: a digit for each sample, N; or a bit for each step, N T.
    """

    inputs: Tensor
    lengths: Tensor
    targets: Tensor

    @property
    def mask(self) -> Tensor:
        """True where a step belongs to a sample, False in the padding, N T."""
        return torch.arange(self.inputs.shape[1], device=self.lengths.device) < self.lengths[:, None]


def check_range(name: str, low: int, high: int | None = None) -> None:
    """Say in one sentence why a number (at least 1) or a range is none, if so."""
    if high is None and low < 1:
        raise ValueError(f"the {name} must be at least 1, and is {low}")
    if high is not None and not 1 <= low <= high:
        raise ValueError(f"the {name} must go from at least 1 up to no less, and goes from {low} to {high}")
