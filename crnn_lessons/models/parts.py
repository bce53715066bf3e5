"""The layers of a feature stack: convolution, max pool, residual block, transposed convolution, back to the width.

Each is a module from `N D H W` to `N D' H' W'` that also answers, without running: which size it gives, which columns
or rows of its input an output looks at, and how many multiplications it does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crnn_lessons.models.grammar import Layer, Pair
from crnn_lessons.models.widths import Norm, Widths, by_width, fill_outside

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
        return 0


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

    def multiply_adds(self, size: Pair) -> int:
        height, width = (self.size(axis, size[axis], 0) for axis in (0, 1))
        return self[0].weight.numel() * height * width

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
        self.layer, self.kernel, bias = layer, layer.kernel or (3, 3), layer.kernel is not None
        self.first = nn.Conv2d(in_channels, out, self.kernel, layer.stride, layer.padding, bias=bias)
        self.first_norm = Norm(out)
        self.second = nn.Conv2d(out, out, 3, padding=1, bias=bias)
        self.second_norm = Norm(out)
        if layer.kernel is not None:
            self.shortcut = nn.Conv2d(in_channels, out, self.kernel, layer.stride)
        elif in_channels != out or layer.stride != (1, 1):
            self.shortcut = nn.Conv2d(in_channels, out, 1, layer.stride, bias=False)
            self.shortcut_norm = Norm(out)

    def size(self, axis: int, size: int, image: int) -> int:
        return shrunk(size, self.kernel[axis], self.layer.stride[axis], self.layer.padding[axis])

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        span = seen(span, 3, 1, 1, self.size(axis, size, image))  # of the second; it holds the shortcut's
        return seen(span, self.kernel[axis], self.layer.stride[axis], self.layer.padding[axis], size)

    def multiply_adds(self, size: Pair) -> int:
        height, width = (self.size(axis, size[axis], 0) for axis in (0, 1))
        weights = sum(m.weight.numel() for m in self.modules() if isinstance(m, nn.Conv2d))
        return weights * height * width

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        after = None if widths is None else [self.size(1, w, 0) for w in widths]
        y = F.relu(self.first_norm(self.first(x), after))
        y = self.second_norm(self.second(fill_outside(y, after)), after)
        if hasattr(self, "shortcut"):
            x = self.shortcut(x)
        if hasattr(self, "shortcut_norm"):
            x = self.shortcut_norm(x, after)
        return fill_outside(F.relu(x + y), after)


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
