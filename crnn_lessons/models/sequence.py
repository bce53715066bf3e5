"""Sequence models: from `T N D` to `T N D'`, alone or one after another."""

from __future__ import annotations

import re

from einops import rearrange
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from crnn_lessons.models.grammar import Layer, layers
from crnn_lessons.models.parts import Conv
from crnn_lessons.models.widths import fill_outside


class BiLSTM(nn.Module):
    """A bidirectional LSTM that stops at each sample's own length, forwards and backwards.

    Args:
        in_features: size D of each step.
        hidden_size: units in each direction.
        num_layers: layers above one another.
    """

    def __init__(self, in_features: int, hidden_size: int, num_layers: int = 1):
        super().__init__()
        self.lstm = nn.LSTM(in_features, hidden_size, num_layers, bidirectional=True)
        self.out_features = 2 * hidden_size

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return self.lstm(steps)[0]
        # subtle: the backward direction must start at the last true step, not in the padding
        packed = pack_padded_sequence(steps, lengths.cpu(), enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], total_length=len(steps))[0]


class GRU(nn.Module):
    """A GRU in reading direction. It never looks ahead, so padding after a sample's end cannot reach the sample."""

    def __init__(self, in_features: int, hidden_size: int, num_layers: int = 1):
        super().__init__()
        self.gru = nn.GRU(in_features, hidden_size, num_layers)
        self.out_features = hidden_size

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.gru(steps)[0]


class NoSequence(nn.Module):
    """No recurrence: every step is read on its own (and with what its convolutions saw)."""

    def __init__(self, in_features: int, hidden_size: int = 0, num_layers: int = 0):
        super().__init__()
        self.out_features = in_features

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        return steps


class Map(nn.Module):
    """The same linear map at every step."""

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.out_features = out_features

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.linear(steps)


class Neighbours(nn.Module):
    """A convolution along time, of odd size, padded, with norm and ReLU: each step looks at a few neighbours."""

    def __init__(self, in_features: int, out_features: int, kernel: int):
        super().__init__()
        layer = Layer(f"conv {out_features} {kernel}", "conv", (out_features,), (1, kernel), (1, 1), (0, kernel // 2))
        self.conv = Conv(layer, in_features)
        self.out_features, self.kernel = out_features, kernel

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        widths = None if lengths is None else lengths.tolist()
        x = fill_outside(rearrange(steps, "t n d -> n d 1 t"), widths)
        return rearrange(self.conv(x, widths), "n d 1 t -> t n d")


class Chain(nn.Module):
    """Sequence models one after another."""

    def __init__(self, *parts: nn.Module):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.out_features = parts[-1].out_features

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        for part in self.parts:
            steps = part(steps, lengths)
        return steps


SEQUENCES: dict[str, type[nn.Module]] = {"bilstm": BiLSTM, "gru": GRU, "none": NoSequence}
"""Sequence models named by one word; their size is a matter of the configuration."""


def make_sequence(text: str, in_features: int, hidden_size: int, num_layers: int) -> nn.Module:
    """Build a sequence model.

    Args:
        text: a key of ``SEQUENCES``; or a chain of parts with sizes of their own, such as
            ``"bilstm 256, linear 256, bilstm 256"``; the parts are ``bilstm D``, ``gru D``, ``linear D`` and
            ``conv D k`` (odd k).
        in_features: size of each step.
        hidden_size, num_layers: for a key of ``SEQUENCES``.

    Raises:
        ValueError: a part that is not known.
    """
    if text in SEQUENCES:
        return SEQUENCES[text](in_features, hidden_size, num_layers)
    parts: list[nn.Module] = []
    for item in layers(text):
        match = re.fullmatch(r"(bilstm|gru|linear) ([1-9]\d*)|conv ([1-9]\d*) (\d*[13579])", item)
        if match is None:
            raise ValueError(
                f"there is no sequence model {item!r}; choose one of {', '.join(SEQUENCES)}, or write a chain of "
                "'bilstm D', 'gru D', 'linear D' and 'conv D k' (odd k) with commas between"
            )
        size = parts[-1].out_features if parts else in_features
        if match[3]:
            parts.append(Neighbours(size, int(match[3]), int(match[4])))
        else:
            parts.append({"bilstm": BiLSTM, "gru": GRU, "linear": Map}[match[1]](size, int(match[2])))
    return parts[0] if len(parts) == 1 else Chain(*parts)


def make_output(text: str, in_features: int, num_classes: int) -> nn.Module:
    """Build the map from a step to its C logits: ``"linear"``, or ``"mlp D"`` with D hidden units and a ReLU.

    Raises:
        ValueError: another text.
    """
    if text == "linear":
        return nn.Linear(in_features, num_classes)
    if match := re.fullmatch(r"mlp ([1-9]\d*)", text):
        hidden = int(match[1])
        return nn.Sequential(nn.Linear(in_features, hidden), nn.ReLU(), nn.Linear(hidden, num_classes))
    raise ValueError(f"there is no output {text!r}; write 'linear' or 'mlp D' with D hidden units")
