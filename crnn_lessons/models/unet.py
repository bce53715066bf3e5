"""A U-net as one layer of a feature stack: down to coarse, wide views and back up to the full size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crnn_lessons.models.grammar import Layer, Pair, parse
from crnn_lessons.models.parts import Conv, Part, Span, seen
from crnn_lessons.models.widths import Widths, fill_outside


class UNet(Part):
    """A U-net (Ronneberger et al. 2015, figure 1): what is seen coarsely below joins what is seen finely here.

    One level is a 3 x 3 convolution; a 2 x 2 max pool; the levels below; a transposed convolution 2 x 2 back to this
    size, with zeros where an odd row or column has no counterpart; and a 3 x 3 convolution over both halves side by
    side. The lowest level is one 3 x 3 convolution.
    """

    def __init__(self, layer: Layer, in_channels: int):
        super().__init__()
        self.layer = layer
        self.out_channels = own = layer.channels[0]
        conv = parse(f"conv {own}")
        self.before = Conv(conv, in_channels)
        if below := layer.channels[1:]:
            self.below = UNet(Layer(layer.text, "unet", below), own)
            self.up = nn.ConvTranspose2d(self.below.out_channels, own, 2, 2)
            self.after = Conv(conv, 2 * own)

    @property
    def lowest(self) -> bool:
        return len(self.layer.channels) == 1

    def size(self, axis: int, size: int, image: int) -> int:
        return size if size >> (len(self.layer.channels) - 1) else 0  # something must be left at the lowest level

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        if self.lowest:
            return seen(span, 3, 1, 1, size)
        first, last = seen(span, 3, 1, 1, size)  # of both halves
        left, right = seen((first, last), 3, 1, 1, size)
        half = size // 2
        if first < 2 * half:
            low, high = self.below.reach(axis, (first // 2, min(last // 2, half - 1)), half, image)
            below = seen((2 * low, 2 * high + 1), 3, 1, 1, size)
            left, right = min(left, below[0]), max(right, below[1])
        return left, right

    def multiply_adds(self, size: Pair) -> int:
        total = self.before.multiply_adds(size)
        if not self.lowest:
            half = (size[0] // 2, size[1] // 2)
            total += self.below.multiply_adds(half) + self.after.multiply_adds(size)
            total += self.up.weight.numel() * half[0] * half[1]
        return total

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        fine = self.before(x, widths)  # N D H W
        if self.lowest:
            return fine
        half = None if widths is None else [w // 2 for w in widths]
        # after a ReLU nothing is below zero, so the zeros beyond an image's own width never win the pool
        coarse = self.up(self.below(fill_outside(F.max_pool2d(fine, 2), half), half))
        coarse = fill_outside(coarse, None if half is None else [2 * w for w in half])
        coarse = F.pad(coarse, (0, fine.shape[-1] - coarse.shape[-1], 0, fine.shape[-2] - coarse.shape[-2]))
        return self.after(torch.cat([fine, coarse], dim=1), widths)
