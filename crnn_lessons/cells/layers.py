"""Recurrent layers: the steps of ``steps``, scanned over a sequence.

Each is constructed and called like torch's layer of the same name and has the same ``state_dict``, so weights move
both ways.
"""

from __future__ import annotations

import torch
from torch import Tensor

from crnn_lessons.cells.recurrent import Recurrent
from crnn_lessons.cells.scan import State
from crnn_lessons.cells.steps import ACTIVATIONS, gru_step, lstm_step, rnn_step


class RNN(Recurrent):
    """A simple recurrent network, with the step ``rnn_step``; arguments as in ``Recurrent`` and ``torch.nn.RNN``.

    Args:
        nonlinearity: "tanh" or "relu".
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        if nonlinearity not in ACTIVATIONS:
            raise ValueError(f"there is no nonlinearity {nonlinearity!r}; choose one of {', '.join(ACTIVATIONS)}")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)
        self.nonlinearity = nonlinearity

    def step(self, projected: Tensor, *state: Tensor, weight_hh: Tensor, bias_hh: Tensor | None) -> State:
        return (rnn_step(projected, *state, weight_hh, bias_hh, self.nonlinearity),)


class LSTM(Recurrent):
    """An LSTM, with the step ``lstm_step``; arguments as in ``Recurrent`` and ``torch.nn.LSTM`` (without proj_size).

    Args:
        output_tanh: False for the form without a tanh between memory and output; by keyword only.
    """

    gates = 4
    state_names = ("h_0", "c_0")

    def __init__(self, *args, output_tanh: bool = True, **kwargs):
        super().__init__(*args, **kwargs)
        self.output_tanh = output_tanh

    def step(self, projected: Tensor, *state: Tensor, weight_hh: Tensor, bias_hh: Tensor | None) -> State:
        return lstm_step(projected, *state, weight_hh, bias_hh, self.output_tanh)


class GRU(Recurrent):
    """A GRU, with the step ``gru_step``; arguments as in ``Recurrent`` and ``torch.nn.GRU``."""

    gates = 3

    def step(self, projected: Tensor, *state: Tensor, weight_hh: Tensor, bias_hh: Tensor | None) -> State:
        return (gru_step(projected, *state, weight_hh, bias_hh),)
