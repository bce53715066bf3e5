"""A recogniser on paper: shape, parameters, multiplications and receptive field of every layer, without running it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from crnn_lessons.models.features import FeatureStack
from crnn_lessons.models.recogniser import Recogniser
from crnn_lessons.models.sequence import Chain
from crnn_lessons.show.table import html_table


@dataclass(frozen=True)
class Row:
    """One layer of a recogniser, for one image of a given size.

    Attributes:
        name: the layer as the configuration writes it.
        shape: D, H, W after a layer of the feature stack; T, D after one of the sequence.
        parameters: of its modules: convolutions and the like first, then norms; () where it has none.
        multiply_adds: multiplications for this image, each with its addition. Norms, activations, pools and biases,
            which are few beside them, are left out.
        sees: height and width in pixels of the part of the image that one output depends on, at most; None after the
            feature stack, where the answer may be: everything.
    """

    name: str
    shape: tuple[int, ...]
    parameters: tuple[int, ...]
    multiply_adds: int
    sees: tuple[int, int] | None


@dataclass(frozen=True)
class Summary:
    """The rows of a recogniser or of a feature stack; shown as a table."""

    rows: tuple[Row, ...]
    image: tuple[int, int, int]

    @property
    def num_parameters(self) -> int:
        return sum(sum(row.parameters) for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    def _cells(self) -> list[tuple[str, ...]]:
        cells = [
            (
                row.name,
                " × ".join(map(str, row.shape)),
                " + ".join(f"{p:,}" for p in row.parameters) or "0",
                f"{row.multiply_adds:,}",
                " × ".join(map(str, row.sees)) if row.sees else "",
            )
            for row in self.rows
        ]
        return [*cells, ("together", "", f"{self.num_parameters:,}", f"{self.multiply_adds:,}", "")]

    def _head(self) -> tuple[str, ...]:
        image = " × ".join(map(str, self.image))
        return (f"image {image}", "shape", "parameters", "multiply-adds", "sees")

    def __repr__(self) -> str:
        table = [self._head(), *self._cells()]
        wide = [max(len(row[i]) for row in table) for i in range(5)]
        lines = []
        for row in table:
            left = [cell.ljust(w) for cell, w in zip(row[:2], wide[:2], strict=True)]
            right = [cell.rjust(w) for cell, w in zip(row[2:], wide[2:], strict=True)]
            lines.append("  ".join(left + right).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # a shape over two lines cannot be read
        rows = [[cell.replace(" × ", "\u00a0×\u00a0") for cell in row] for row in self._cells()]
        return html_table(self._head(), rows, numbers=(2, 3, 4))


def summarise(model: Recogniser | FeatureStack, width: int | None = None, height: int | None = None) -> Summary:
    """Describe a recogniser, or a feature stack alone, on an image of a size.

    Args:
        model: what to describe.
        width: of the image in pixels; a recogniser has one of its own, which is the default.
        height: of the image; of a feature stack only, a recogniser has its own.

    Raises:
        ValueError: a size is missing, or nothing is left of such an image.
    """
    stack, config = (model, None) if isinstance(model, FeatureStack) else (model.features, model.config)
    if config is not None:
        width, height = width or config.width, height or config.height
        if height != config.height:
            raise ValueError(f"this recogniser reads images of height {config.height}, and got {height}")
    if not width or not height:
        raise ValueError("a feature stack alone has no image size of its own: give width and height")
    rows = _stack_rows(stack, height, width)
    if 0 in rows[-1].shape:
        raise ValueError(f"nothing is left of an image of {height} x {width}: use fewer pools or a larger image")
    if config is not None:
        channels, _, steps = rows[-1].shape
        rows += _sequence_rows(model, channels, rows[-1].shape[1], steps)
    return Summary(tuple(rows), (stack.in_channels, height, width))


def _stack_rows(stack: FeatureStack, height: int, width: int) -> list[Row]:
    sizes = [(height, width), *stack.sizes(height, width)]
    rows = []
    for i, (text, block) in enumerate(zip(stack.layers, stack.blocks, strict=True)):
        sees = tuple(_widest(stack, axis, sizes[0][axis], i) for axis in (0, 1)) if min(sizes[i + 1]) else None
        shape = (block.out_channels, *sizes[i + 1])
        work = block.multiply_adds(sizes[i]) if min(sizes[i + 1]) else 0
        rows.append(Row(text, shape, _parameters(block), work, sees))
    return rows


def _widest(stack: FeatureStack, axis: int, image: int, layer: int) -> int:
    spans = (stack.reach(axis, i, image, layer) for i in range(stack.size(axis, image)[layer]))
    return max(last - first + 1 for first, last in spans)


def _sequence_rows(model: Recogniser, channels: int, height: int, steps: int) -> list[Row]:
    config = model.config
    size, work = model.projection.out_features, steps * height * _weights(model.projection)
    rows = [Row(f"project: {config.projection}", (steps, size), _parameters(model.projection), work, None)]
    parts = list(model.sequence.parts) if isinstance(model.sequence, Chain) else [model.sequence]
    names = config.sequence.split(",") if len(parts) > 1 or " " in config.sequence else [config.sequence]
    if names[0] in ("bilstm", "gru"):
        names = [f"{names[0]} {config.hidden_size}" + (f" x {config.num_layers}" if config.num_layers > 1 else "")]
    named = [(f"sequence: {name.strip()}", part.out_features, part) for name, part in zip(names, parts, strict=True)]
    for name, size, part in [*named, (f"output: {config.output}", model.num_classes, model.output)]:
        rows.append(Row(name, (steps, size), _parameters(part), steps * _weights(part), None))
    return rows


def _weights(module: nn.Module) -> int:
    """Multiplications at one step, of all recurrent, linear and convolutional layers in a module: each weight once."""
    layers = (m for m in module.modules() if isinstance(m, (nn.RNNBase, nn.Linear, nn.Conv2d)))
    return sum(p.numel() for m in layers for name, p in m.named_parameters() if name.startswith("weight"))


def _parameters(module: nn.Module) -> tuple[int, ...]:
    norms = sum(p.numel() for m in module.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    others = sum(p.numel() for p in module.parameters()) - norms
    return tuple(count for count in (others, norms) if count)
