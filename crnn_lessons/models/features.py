"""Convolutional feature stacks: from an image `N C H W` to features `N D H' W'`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def parse(layer: str) -> tuple[str, list[int]]:
    """Split a layer such as ``"conv 64 3 3"`` or ``"pool 2 1"`` into its kind and its numbers.

    Raises:
        ValueError: an unknown layer; the message lists the known ones.
    """
    kind, *numbers = layer.split()
    counts = {"conv": (1, 3), "pool": (2,)}
    if kind not in counts or len(numbers) not in counts[kind] or not all(n.isdigit() for n in numbers):
        raise ValueError(
            f"{layer!r} is no feature layer; write 'conv CHANNELS' (3 x 3, padded), "
            "'conv CHANNELS KERNEL_HEIGHT KERNEL_WIDTH' (not padded) or 'pool HEIGHT WIDTH'"
        )
    return kind, [int(n) for n in numbers]


def layers(text: str) -> tuple[str, ...]:
    """Split ``"conv 16, pool 2 2"`` into its layers."""
    return tuple(layer.strip() for layer in text.split(","))


class FeatureStack(nn.Module):
    """Convolutions with batch normalisation and ReLU, and max pools, in the order given.

    Args:
        layers: ``"conv D"`` (3 x 3, size kept), ``"conv D h w"`` (kernel h x w, no padding),
            ``"pool h w"`` (max pool, stride as its size).
        in_channels: channels of the image.

    With ``widths``, columns to the right of each image's own width are held at zero before and after every
    layer, so that an image gives the same features alone and padded in a batch.
    """

    def __init__(self, layers: Sequence[str], in_channels: int = 1):
        super().__init__()
        self.layers = tuple(layers)
        self.blocks = nn.ModuleList()
        channels = in_channels
        for layer in self.layers:
            kind, numbers = parse(layer)
            if kind == "pool":
                self.blocks.append(nn.MaxPool2d(tuple(numbers)))
                continue
            out, kernel = numbers[0], tuple(numbers[1:]) or (3, 3)
            padding = 1 if len(numbers) == 1 else 0
            convolution = nn.Conv2d(channels, out, kernel, padding=padding, bias=False)
            self.blocks.append(nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)))
            channels = out
        self.out_channels = channels

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width after every layer, for an image of the given size."""
        sizes = []
        for layer in self.layers:
            kind, numbers = parse(layer)
            if kind == "pool":
                height, width = height // numbers[0], width // numbers[1]
            elif len(numbers) == 3:
                height, width = height - numbers[1] + 1, width - numbers[2] + 1
            sizes.append((height, width))
        return sizes

    def forward(self, images: Tensor, widths: Tensor | None = None) -> Tensor:
        x = _blank_outside(images, widths)  # N C H W
        for layer, block in zip(self.layers, self.blocks, strict=True):
            widths = None if widths is None else shrink(layer, widths)
            x = _blank_outside(block(x), widths)  # N D H W
        return x


def _blank_outside(x: Tensor, widths: Tensor | None) -> Tensor:
    if widths is None:
        return x
    outside = torch.arange(x.shape[-1], device=x.device) >= widths[:, None]  # N W
    return x.masked_fill(outside[:, None, None, :], 0.0)


def shrink(layer: str, widths: Tensor) -> Tensor:
    """The width of each image after a layer."""
    kind, numbers = parse(layer)
    if kind == "pool":
        return widths // numbers[1]
    return widths - (numbers[2] - 1) if len(numbers) == 3 else widths
