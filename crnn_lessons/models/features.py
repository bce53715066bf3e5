"""Convolutional feature stacks: from an image `N C H W` to features `N D H' W'`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from crnn_lessons.models.grammar import layers, parse
from crnn_lessons.models.lstm2 import LSTM2
from crnn_lessons.models.parts import Block, Conv, Part, Pool
from crnn_lessons.models.resizing import FractionalPool, Keep, Up
from crnn_lessons.models.unet import UNet
from crnn_lessons.models.widths import fill_outside

__all__ = ["PARTS", "FeatureStack", "layers", "parse"]

PARTS: dict[str, type[Part]] = {
    "conv": Conv,
    "pool": Pool,
    "block": Block,
    "fmp": FractionalPool,
    "unet": UNet,
    "up": Up,
    "keep": Keep,
    "lstm2": LSTM2,
}
"""The layers by the first word of their text; see ``crnn_lessons.models.grammar.FORMS`` for what may follow it."""


class FeatureStack(nn.Module):
    """Layers of convolution and pooling, in the order given.

    Args:
        layers: one text a layer, such as ``"conv 64"`` or ``"pool 2 2"``; the forms are in
            ``crnn_lessons.models.grammar.FORMS``.
        in_channels: channels of the image.

    With ``widths``, columns to the right of each image's own width take no part in any layer, so that an image gives
    the same features alone and padded in a batch; in training, its padding does not enter the statistics of the
    norms either. (The places of a fractional max pool are drawn at random in training.)
    """

    def __init__(self, layers: Sequence[str], in_channels: int = 1):
        super().__init__()
        self.layers, self.in_channels = tuple(layers), in_channels
        self.blocks = nn.ModuleList()
        channels = in_channels
        for text in self.layers:
            layer = parse(text)
            self.blocks.append(PARTS[layer.kind](layer, channels))
            channels = self.blocks[-1].out_channels
        self.out_channels = channels

    def size(self, axis: int, image: int) -> list[int]:
        """Size along one axis (0: height, 1: width) after every layer, for an image of the given size."""
        sizes = [image]
        for block in self.blocks:
            sizes.append(block.size(axis, sizes[-1], image))
        return sizes[1:]

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width after every layer, for an image of the given size; 0 where nothing is left."""
        return list(zip(self.size(0, height), self.size(1, width), strict=True))

    def reach(self, axis: int, index: int, image: int, layer: int | None = None) -> tuple[int, int]:
        """The receptive field along one axis: the first and last row or column of the image that an output depends on.

        Args:
            axis: 0 for rows, 1 for columns.
            index: the row or column of the features.
            image: size of the image along that axis.
            layer: after which layer, counted from 0; the last one by default.

        Raises:
            ValueError: there is no such row or column.
        """
        last = len(self.blocks) - 1 if layer is None else layer
        sizes = [image, *self.size(axis, image)]
        if not 0 <= index < sizes[last + 1]:
            name = ("row", "column")[axis]
            raise ValueError(f"{name} {index} does not exist: {sizes[last + 1]} are left of an image of {image}")
        span = (index, index)
        for i in range(last, -1, -1):
            span = self.blocks[i].reach(axis, span, sizes[i], image)
        return span

    def forward(self, images: Tensor, widths: Tensor | Sequence[int] | None = None) -> Tensor:
        image, image_widths = images.shape[-1], None if widths is None else [int(w) for w in widths]
        x, own = fill_outside(images, image_widths), image_widths  # N C H W
        for block in self.blocks:
            x = block(x, own, image, image_widths) if isinstance(block, Keep) else block(x, own)  # N D H W
            own = None if own is None else [block.size(1, w, i) for w, i in zip(own, image_widths, strict=True)]
        return x
