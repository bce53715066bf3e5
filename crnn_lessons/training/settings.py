"""How a run trains: its settings, its learning rate, the precision of its arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Settings:
    """How to train; a checkpoint can only be resumed with equal ones.

    Attributes:
        steps: optimiser steps in all; the learning rate falls to zero at the last.
        learning_rate: the highest, reached at the end of the warm-up.
        warm_up: share of the steps in which the learning rate rises.
        weight_decay: of AdamW, on matrices and kernels only.
        clip: greatest norm of the gradient; 0 for no clipping.
        average: decay of the running average of the weights; 0 for none.
        precision: "float32", "bfloat16", "float16", or "auto": bfloat16 where the device has it, else float16 on a GPU,
            else float32.
        seed: of the model's initial weights and of dropout.
    """

    steps: int
    learning_rate: float = 2e-3
    warm_up: float = 0.075
    weight_decay: float = 0.02
    clip: float = 5.0
    average: float = 0.0
    precision: str = "float32"
    seed: int = 0


def one_cycle(step: int, settings: Settings) -> float:
    """The learning rate of a step: a cosine up over the warm-up, a cosine down to zero (Smith, 2018)."""
    rise = max(1, round(settings.warm_up * settings.steps))
    if step < rise:
        low = settings.learning_rate / 25
        return low + (settings.learning_rate - low) * (1 - math.cos(math.pi * (step + 1) / rise)) / 2
    done = (step - rise) / max(1, settings.steps - rise)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """The type for the convolutions: what was asked for, or the faster one that this device has."""
    if precision == "auto":
        if device.type == "cpu":
            precision = "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
        elif device.type == "cuda":
            precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
        else:
            precision = "float32"
    if precision not in ("float32", "bfloat16", "float16"):
        raise ValueError(f"there is no precision {precision!r}; choose float32, bfloat16, float16 or auto")
    return getattr(torch, precision)
