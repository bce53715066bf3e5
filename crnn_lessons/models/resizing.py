"""Layers that change sizes by a ratio: transposed convolution, back to the width, fractional max pool."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crnn_lessons.models.grammar import Layer, Pair
from crnn_lessons.models.parts import Part, Span
from crnn_lessons.models.widths import Norm, Widths, by_width, fill_outside


class Up(nn.Sequential, Part):
    """A transposed convolution whose stride is its kernel: each input fills a field of its own; norm and ReLU."""

    def __init__(self, layer: Layer, in_channels: int):
        self.layer, self.out_channels = layer, layer.channels[0]
        transposed = nn.ConvTranspose2d(in_channels, self.out_channels, layer.kernel, layer.kernel, bias=False)
        super().__init__(transposed, Norm(self.out_channels), nn.ReLU(inplace=True))

    def size(self, axis: int, size: int, image: int) -> int:
        return size * self.layer.kernel[axis]

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        return span[0] // self.layer.kernel[axis], span[1] // self.layer.kernel[axis]

    def multiply_adds(self, size: Pair) -> int:
        return self[0].weight.numel() * size[0] * size[1]

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        after = None if widths is None else [self.size(1, w, 0) for w in widths]
        return fill_outside(self[2](self[1](self[0](x), after)), after)


class Keep(Part):
    """Every column of the image gets the nearest column of the features; the height stays as it is."""

    def __init__(self, layer: Layer, in_channels: int):
        super().__init__()
        self.layer, self.out_channels = layer, in_channels

    def size(self, axis: int, size: int, image: int) -> int:
        return size if axis == 0 or size == 0 else image

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        return span if axis == 0 else (span[0] * size // image, span[1] * size // image)

    def forward(self, x: Tensor, widths: Widths, image: int, image_widths: Widths) -> Tensor:
        if widths is None:
            return x[..., torch.arange(image, device=x.device) * x.shape[-1] // image]
        out = x.new_zeros(*x.shape[:-1], image)
        for n, (own, wide) in enumerate(zip(widths, image_widths, strict=True)):
            out[n, :, :, :wide] = x[n, :, :, torch.arange(wide, device=x.device) * own // wide]
        return out


class FractionalPool(Part):
    """A max pool whose windows of 3 x 3 lie at uneven distances, so that sizes shrink by a fraction (Graham 2014).

    In training the places are drawn anew at each call (torch's ``FractionalMaxPool2d``). In evaluation they are fixed:
    those of a draw of 1/2, in whole numbers. They depend on the width as a whole, so samples of a batch are pooled
    each at its true width.
    """

    def __init__(self, layer: Layer, in_channels: int):
        super().__init__()
        self.layer, self.out_channels = layer, in_channels
        self.random = nn.FractionalMaxPool2d(3, output_ratio=layer.ratio)

    def size(self, axis: int, size: int, image: int) -> int:
        out = int(size * self.layer.ratio[axis])
        return out if out + 2 <= size else 0  # torch asks for as much

    def starts(self, axis: int, size: int) -> list[int]:
        """Where the windows begin in evaluation, along one axis."""
        out = self.size(axis, size, 0)
        room, steps = size - 3, 2 * max(1, out - 1)
        return [(2 * i + 1) * room // steps - room // steps for i in range(out - 1)] + [room]

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        """In training, windows lie within one step of this, and at most one column further."""
        starts = self.starts(axis, size)
        return starts[span[0]], starts[span[1]] + 2

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        return by_width(x, widths, self.random if self.training else self._fixed, self.size(1, x.shape[-1], 0))

    def _fixed(self, x: Tensor) -> Tensor:
        for axis, dim in ((0, 2), (1, 3)):
            starts = torch.tensor(self.starts(axis, x.shape[dim]), device=x.device)
            x = torch.stack([x.index_select(dim, starts + i) for i in range(3)]).amax(0)
        return x
