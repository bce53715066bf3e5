"""What a recogniser is made of, and the designs that have a name."""

from __future__ import annotations

import math
from dataclasses import dataclass

from crnn_lessons.models.grammar import layers

WIDEST = 4  # times the width in training; what is longer still is squeezed


@dataclass(frozen=True)
class Config:
    """What a recogniser is made of; stored with its weights.

    Attributes:
        features: layers of the :class:`~crnn_lessons.models.features.FeatureStack`; also as one text with commas.
        projection: a key of ``PROJECTIONS``.
        sequence: a key of ``SEQUENCES``, or a chain such as ``"bilstm 256, linear 256, bilstm 256"``.
        hidden_size: units of the sequence model in each direction; a chain has its own.
        num_layers: layers of the sequence model; a chain has its own.
        in_channels: 1 for grey, 3 for colour.
        height: of the image, in pixels; fixed by the stack.
        width: of the image in training, in pixels; other widths can be read too.
        output: ``"linear"`` or ``"mlp D"``.
        shapes: heights and widths besides, for images of other proportions; the projection must take any height.
    """

    features: tuple[str, ...]
    projection: str = "concat"
    sequence: str = "bilstm"
    hidden_size: int = 128
    num_layers: int = 1
    in_channels: int = 1
    height: int = 32
    width: int = 100
    output: str = "linear"
    shapes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        features = layers(self.features) if isinstance(self.features, str) else tuple(self.features)
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "shapes", tuple((int(h), int(w)) for h, w in self.shapes))

    @property
    def all_shapes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of the images that the model is trained on."""
        return ((self.height, self.width), *self.shapes)

    def shape_for(self, height: int, width: int) -> tuple[int, int]:
        """The shape whose proportions are nearest to those of a picture."""
        return min(self.all_shapes, key=lambda shape: abs(math.log(shape[1] * height / (shape[0] * width))))

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """The size at which a picture is read: its shape; what is longer than the longest keeps its proportions.

        Long words get more time steps (Shi et al. 2015, section 3.2), up to ``WIDEST`` times as many.
        """
        rows, columns = self.shape_for(height, width)
        if (rows, columns) == max(self.all_shapes, key=lambda shape: shape[1] / shape[0]):
            columns = min(max(columns, round(width * rows / height)), WIDEST * columns)
        return rows, columns


# Shi et al. 2015, table 1: the last two pools halve the height alone, and their padding makes the width grow by one.
_TALL = "pool 2 2 stride 2 1 pad 0 1"

PRESETS: dict[str, Config] = {
    # 32 x 100 -> 25 steps of 192 features.
    "small": Config(
        "conv 16, pool 2 2, conv 48, pool 2 2, conv 96, conv 96, conv 128, pool 2 1, conv 192, pool 2 1, conv 192 2 1",
        hidden_size=144,
    ),
    # The shipped reader: "small" with a residual block more at each scale, and shapes of equal area for turned words.
    "street": Config(
        "conv 16, pool 2 2, conv 48, pool 2 2, conv 96, conv 96, block 96, conv 128, pool 2 1, block 128, conv 192, "
        "pool 2 1, block 192, conv 192 2 1",
        projection="attend", hidden_size=144, width=144, shapes=((48, 96), (64, 72)),
    ),
    # Learns to read in about a minute on two cores.
    "tiny": Config(
        "conv 16, pool 2 2, conv 32, pool 2 2, conv 64, pool 2 1, conv 64, pool 2 1",
        hidden_size=64,
    ),
    # Shi et al. 2015, with the norms where the authors' code has them: after the convolutions 3, 5 and 7.
    "paper": Config(
        "conv 64 plain, pool 2 2, conv 128 plain, pool 2 2, conv 256 bias, conv 256 plain, "
        f"{_TALL}, conv 512 bias, conv 512 plain, {_TALL}, conv 512 2 2 bias",
        sequence="bilstm 256, linear 256, bilstm 256",
    ),
    # A published rebuild in colour: no bias beside a norm, and one LSTM of two layers.
    "post": Config(
        "conv 64 plain, pool 2 2, conv 128 plain, pool 2 2, conv 256, conv 256 plain, "
        f"{_TALL}, conv 512, conv 512 plain, {_TALL}, conv 512 2 2",
        hidden_size=256, num_layers=2, in_channels=3,
    ),
    # A published reader of captchas: residual blocks without a pool, a GRU in one direction, two layers at the end.
    "captcha": Config(
        "4 * block 64 3 5 stride 2 1, conv 64 2 5 linear",
        sequence="gru", hidden_size=64, in_channels=3, height=50, width=200, output="mlp 128",
    ),
    # A menu of lectures on reading lines, each dish rebuilt at a height of 48 (80 where height is position).
    "conv_only": Config(
        "2 * conv 100, pool 2 2, 2 * conv 200, pool 2 2, 2 * conv 300, pool 2 2, 2 * conv 400",
        projection="max", sequence="conv 800 5", height=48, width=200,
    ),
    "conv_resnet": Config(
        "conv 64, 5 * block 64, pool 2 2, conv 128, 5 * block 128, pool 2 2, conv 192, 5 * block 192, pool 2 2, "
        "conv 256, 5 * block 256, conv 512",
        projection="max", sequence="conv 512 3", height=48, width=200,
    ),
    "lstm_resnet": Config(
        "conv 64, 5 * block 64, pool 2 2, conv 128, 5 * block 128, pool 2 2, conv 256, 5 * block 256",
        projection="sum", hidden_size=100, height=48, width=200,
    ),
    "lstm_keep": Config(
        "conv 50, pool 2 2, conv 100, pool 2 2, conv 150, pool 2 2, keep",
        projection="sum", sequence="conv 500 5, bilstm 200", height=48, width=200,
    ),
    "lstm_unet": Config(
        "conv 64, unet 64 128 256 512, conv 128",
        projection="sum", hidden_size=100, height=48, width=200,
    ),
    "lstm_fmp": Config(
        "conv 50, fmp 0.7 0.9, conv 100, fmp 0.7 0.9, conv 150, fmp 0.7 0.9, conv 200, fmp 0.7 0.9, conv 250, "
        "fmp 0.7 0.9, conv 300",
        projection="sum", hidden_size=100, height=48, width=200,
    ),
    "lstm_normalized": Config(
        "conv 50, pool 2 2, conv 100, pool 2 2, conv 150, pool 2 2",
        projection="concat", hidden_size=100, height=80, width=200,
    ),
}  # fmt: skip
