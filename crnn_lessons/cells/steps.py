"""One time step of a simple recurrent network, an LSTM and a GRU, each as its equations.

Every cell sees its input through one affine map, W_ih x_t + b_ih. That map does not depend on the state, so it is
left to the caller, who can apply it to all time steps in one product:

>>> import torch
>>> from torch.nn.functional import linear
>>> T, N, D, H = 5, 2, 3, 4
>>> weight_ih, weight_hh, x, h = torch.randn(H, D), torch.randn(H, H), torch.randn(T, N, D), torch.zeros(N, H)
>>> for projected in linear(x, weight_ih):  # N H, one for each of the T steps
...     h = rnn_step(projected, h, weight_hh)
>>> h.shape
torch.Size([2, 4])

The letters: D input size, H hidden size; h the state (the lecture's s), c the memory of an LSTM. Weights have
torch's names, shapes and order of gates.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}
"""What may bound the state of a simple recurrent network."""


def rnn_step(
    projected: Tensor, h: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None, nonlinearity: str = "tanh"
) -> Tensor:
    """One step of a simple recurrent network: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh).

    Args:
        projected: W_ih x_t + b_ih, N H.
        h: the state h_{t-1}, N H.
        weight_hh: W_hh, H H.
        bias_hh: b_hh, H.
        nonlinearity: "tanh" or "relu".

    Returns:
        h_t, N H.

    Elman, "Finding structure in time", 1990.
    """
    return ACTIVATIONS[nonlinearity](projected + linear(h, weight_hh, bias_hh))  # N H


def lstm_step(
    projected: Tensor,
    h: Tensor,
    c: Tensor,
    weight_hh: Tensor,
    bias_hh: Tensor | None = None,
    output_tanh: bool = True,
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: forget some of the memory, write something new to it, show some of it.

    Args:
        projected: W_ih x_t + b_ih, N 4H: for the gates i, f, g, o, in this order.
        h: the output of the step before, h_{t-1}, N H.
        c: the memory of the step before, c_{t-1}, N H.
        weight_hh: W_hh, 4H H, the gates in the same order.
        bias_hh: b_hh, 4H.
        output_tanh: False for the form without a tanh between memory and output, h_t = o_t * c_t.

    Returns:
        h_t and c_t, N H each.

    Hochreiter and Schmidhuber, "Long short-term memory", 1997; the forget gate is of Gers, Schmidhuber and Cummins,
    "Learning to forget", 2000. The form without the tanh is the variant NOAF of Greff et al., "LSTM: a search space
    odyssey", 2017.
    """
    i, f, g, o = (projected + linear(h, weight_hh, bias_hh)).chunk(4, dim=-1)  # N H each
    i = torch.sigmoid(i)  # N H, input gate: how much of the new is written
    f = torch.sigmoid(f)  # N H, forget gate: how much of the old is kept
    g = torch.tanh(g)  # N H, cell gate: the new
    o = torch.sigmoid(o)  # N H, output gate: how much is shown
    c = f * c + i * g  # N H
    h = o * torch.tanh(c) if output_tanh else o * c  # N H
    return h, c


def gru_step(projected: Tensor, h: Tensor, weight_hh: Tensor, bias_hh: Tensor | None = None) -> Tensor:
    """One step of a GRU: propose a new state, and move from the old one towards it.

    Args:
        projected: W_ih x_t + b_ih, N 3H: for the gates r, z, n, in this order.
        h: the state h_{t-1}, N H.
        weight_hh: W_hh, 3H H, the gates in the same order.
        bias_hh: b_hh, 3H.

    Returns:
        h_t, N H.

    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, equations 5 to 8. There the reset
    gate acts on the state, W_hn (r * h); here, as in torch and cuDNN, on what the state gives: r * (W_hn h + b_hn).
    """
    x_r, x_z, x_n = projected.chunk(3, dim=-1)  # N H each
    h_r, h_z, h_n = linear(h, weight_hh, bias_hh).chunk(3, dim=-1)  # N H each
    r = torch.sigmoid(x_r + h_r)  # N H, reset gate: how much of the old state the proposal sees
    z = torch.sigmoid(x_z + h_z)  # N H, update gate: how much of the old state stays
    n = torch.tanh(x_n + r * h_n)  # N H, new state, proposed
    return (1 - z) * n + z * h  # N H
