"""The layers of a feature stack: convolution, max pool, residual block; those that enlarge are in `resizing`.

Each is a module from `N D H W` to `N D' H' W'` that also answers, without running: which size it gives, which columns
or rows of its input an output looks at, and how many multiplications it does.
"""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from crnn_lessons.models.grammar import Layer, Pair
from crnn_lessons.models.widths import Norm, Widths, fill_outside

Span = tuple[int, int]
"""The first and the last index that something depends on."""


def shrunk(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many windows fit along one axis: floor((size + 2 padding - kernel) / stride) + 1; none where nothing is."""
    return max(0, (size + 2 * padding - kernel) // stride + 1) if size > 0 else 0


def seen(span: Span, kernel: int, stride: int, padding: int, size: int) -> Span:
    """Which of ``size`` inputs the outputs of a span look at: their windows, less what hangs over into the padding."""
    first, last = span
    return max(0, first * stride - padding), min(size - 1, last * stride - padding + kernel - 1)


class Part(nn.Module):
    """What every layer of a feature stack can say of itself."""

    out_channels: int

    def size(self, axis: int, size: int, image: int) -> int:
        """Output size along an axis (0: height, 1: width) for an input size; ``image`` is the size of the image."""
        raise NotImplementedError

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        """The first and last of ``size`` inputs that the outputs of a span depend on."""
        raise NotImplementedError

    def multiply_adds(self, size: Pair) -> int:
        """Multiplications of convolutions for one image whose input to this layer has the given height and width."""
        height, width = (self.size(axis, size[axis], 0) for axis in (0, 1))
        return height * width * sum(m.weight.numel() for m in self.modules() if isinstance(m, nn.Conv2d))


class Conv(nn.Sequential, Part):
    """A convolution, batch normalisation and ReLU; the last two only where the layer wants them."""

    def __init__(self, layer: Layer, in_channels: int):
        self.layer, self.out_channels, options = layer, layer.channels[0], layer.options
        parts: list[nn.Module] = [
            nn.Conv2d(
                in_channels, self.out_channels, layer.kernel, layer.stride, layer.padding, bias=bool(options)
            )  # each of the three options asks for the bias
        ]
        if not options & {"plain", "linear"}:
            parts.append(Norm(self.out_channels))
        if "linear" not in options:
            parts.append(nn.ReLU(inplace=True))
        super().__init__(*parts)

    def size(self, axis: int, size: int, image: int) -> int:
        layer = self.layer
        return shrunk(size, layer.kernel[axis], layer.stride[axis], layer.padding[axis])

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        layer = self.layer
        return seen(span, layer.kernel[axis], layer.stride[axis], layer.padding[axis], size)

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        after = None if widths is None else [self.size(1, w, 0) for w in widths]
        for module in self:
            x = module(x, after) if isinstance(module, Norm) else module(x)
        return fill_outside(x, after)


class Pool(Part):
    """The largest value of each window; what lies beyond an image's own width takes no part, as torch's padding."""

    def __init__(self, layer: Layer, in_channels: int):
        super().__init__()
        self.layer, self.out_channels = layer, in_channels

    size, reach = Conv.size, Conv.reach

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        layer = self.layer
        x = fill_outside(x, widths, float("-inf"))
        x = F.max_pool2d(x, layer.kernel, layer.stride, layer.padding)
        return fill_outside(x, None if widths is None else [self.size(1, w, 0) for w in widths])


class Block(Part):
    """A residual block (He et al. 2016, figure 2): two convolutions with a shortcut around them.

    Without a kernel the convolutions are 3 x 3 and padded, without bias; the shortcut is the input itself, or a
    1 x 1 convolution with a norm where the size or the number of channels changes. With a kernel, the first convolution
    and the shortcut have that kernel and no padding, and every convolution has a bias.
    """

    def __init__(self, layer: Layer, in_channels: int):
        super().__init__()
        out = self.out_channels = layer.channels[0]
        self.layer, bias = replace(layer, kernel=layer.kernel or (3, 3)), layer.kernel is not None
        self.first = nn.Conv2d(in_channels, out, self.layer.kernel, layer.stride, layer.padding, bias=bias)
        self.first_norm = Norm(out)
        self.second = nn.Conv2d(out, out, 3, padding=1, bias=bias)
        self.second_norm = Norm(out)
        if layer.kernel is not None:
            self.shortcut = nn.Conv2d(in_channels, out, layer.kernel, layer.stride)
        elif in_channels != out or layer.stride != (1, 1):
            self.shortcut = nn.Conv2d(in_channels, out, 1, layer.stride, bias=False)
            self.shortcut_norm = Norm(out)

    size = Conv.size

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        span = seen(span, 3, 1, 1, self.size(axis, size, image))  # of the second; it holds the shortcut's
        return Conv.reach(self, axis, span, size, image)

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        after = None if widths is None else [self.size(1, w, 0) for w in widths]
        y = F.relu(self.first_norm(self.first(x), after))
        y = self.second_norm(self.second(fill_outside(y, after)), after)
        if hasattr(self, "shortcut"):
            x = self.shortcut(x)
        if hasattr(self, "shortcut_norm"):
            x = self.shortcut_norm(x, after)
        return fill_outside(F.relu(x + y), after)
