"""Sequence models: from `T N D` to `T N (directions * hidden)`."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


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


class NoSequence(nn.Module):
    """No recurrence: every step is read on its own (and with what its convolutions saw)."""

    def __init__(self, in_features: int, hidden_size: int = 0, num_layers: int = 0):
        super().__init__()
        self.out_features = in_features

    def forward(self, steps: Tensor, lengths: Tensor | None = None) -> Tensor:
        return steps


SEQUENCES: dict[str, type[nn.Module]] = {"bilstm": BiLSTM, "none": NoSequence}
