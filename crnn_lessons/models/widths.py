"""Images of different widths in one batch: what stands to the right of each image's own width must not matter."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from crnn_lessons.training import distributed

Widths = Sequence[int] | None
"""The true width of each sample in columns, or None where every sample fills the batch."""


def check_widths(widths: Tensor | Sequence[int] | None, count: int, widest: int) -> Tensor | None:
    """The true widths of a batch, as int64 `N` on the processor; None where none are given.

    Raises:
        ValueError: not one whole number for each image, or one that is below 1 or beyond the batch.
    """
    if widths is None:
        return None
    try:
        given = torch.as_tensor(widths).cpu()
        numbers = given.long() if given.numel() else given.new_zeros(given.shape, dtype=torch.long)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"widths hold one whole number for each image, and are {reprlib.repr(widths)}") from None
    whole = not (given.is_floating_point() or given.is_complex() or given.dtype == torch.bool)
    if not (whole or not given.numel()) or given.shape != (count,):
        raise ValueError(
            f"widths hold one whole number for each of the {count} images, and are {given.dtype} of the shape "
            f"{tuple(given.shape)}"
        )
    for n, width in enumerate(numbers.tolist()):
        if not 1 <= width <= widest:
            raise ValueError(f"each width is from 1 to the {widest} columns of the batch, and image {n} has {width}")
    return numbers


def inside(x: Tensor, widths: Sequence[int]) -> Tensor:
    """Which columns belong to their sample: `N 1 1 W`, bool."""
    limits = torch.tensor(widths, device=x.device)
    return (torch.arange(x.shape[-1], device=x.device) < limits[:, None])[:, None, None, :]


def fill_outside(x: Tensor, widths: Widths, value: float = 0.0) -> Tensor:
    """`N D H W` with the columns to the right of each sample's width set to a value."""
    return x if widths is None else x.masked_fill(~inside(x, widths), value)


def by_width(x: Tensor, widths: Widths, transform: Callable[[Tensor], Tensor], width: int) -> Tensor:
    """Run a layer that depends on the width as a whole on each sample at its true width.

    Args:
        x: `N D H W`.
        widths: true widths; samples of the same width go together.
        transform: from `n D H w` to `n D' H' w'`.
        width: columns of the result; the rest is zero.
    """
    if widths is None:
        return transform(x)
    groups = [(w, [n for n, own in enumerate(widths) if own == w]) for w in sorted(set(widths))]
    parts = [(rows, transform(x[rows, :, :, :w])) for w, rows in groups]
    out = parts[0][1].new_zeros(len(widths), *parts[0][1].shape[1:3], width)
    for rows, part in parts:
        out[rows, :, :, : part.shape[-1]] = part
    return out


def full_precision(x: Tensor) -> Tensor:
    """What autocast made narrower as float32; the rest as it is."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class Norm(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) whose statistics in training leave padding out.

    In a group of processes they are those of the whole batch, as in one process.
    """

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        if not self.training or (widths is None and not distributed.active()):
            return super().forward(x)
        x = full_precision(x)  # N D H W
        mask = inside(x, [x.shape[-1]] * len(x) if widths is None else widths)
        count = distributed.total(mask.sum() * x.shape[2])
        mean = distributed.total((x * mask).sum(dim=(0, 2, 3))) / count  # D
        squares = (x - mean[:, None, None]).square() * mask
        variance = distributed.total(squares.sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            unbiased = variance * count / (count - 1).clamp_min(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
        scale = self.weight / (variance + self.eps).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]
