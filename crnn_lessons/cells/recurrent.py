"""What all recurrent layers share: weights, forms of input, and the way through layers and directions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import partial

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import dropout, linear
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from crnn_lessons.cells.arguments import check_input, check_sizes, read_lengths, read_state
from crnn_lessons.cells.scan import State, scan, scan_backwards


class Recurrent(nn.Module):
    """A stack of recurrent layers, in one or both directions; a subclass adds the step.

    Args:
        input_size: D, features of each time step.
        hidden_size: H, units in each direction.
        num_layers: layers above one another.
        bias: False for a network without biases.
        batch_first: the input is N T D, and the output N T (directions H), instead of T N ...
        dropout: probability of dropping an output between two layers, in training.
        bidirectional: a second set of weights reads from each sample's end to its beginning.
        device, dtype: of the weights.

    The weights are drawn from -1/sqrt(H) to 1/sqrt(H), in torch's order: the same seed gives torch's weights.

    Raises:
        ValueError: a size below 1, or no probability for ``dropout``.
    """

    gates: int  # how many H-sized parts the projected input has
    state_names: tuple[str, ...] = ("h_0",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        check_sizes(input_size, hidden_size, num_layers, dropout)
        if dropout and num_layers == 1:
            warnings.warn("dropout acts between layers, and there is one; it does nothing here", stacklevel=3)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.directions = ("", "_reverse") if bidirectional else ("",)
        G, H = self.gates * hidden_size, hidden_size
        for layer in range(num_layers):
            D = input_size if layer == 0 else len(self.directions) * H
            for suffix in self.directions:
                shapes = {"weight_ih": (G, D), "weight_hh": (G, H)} | (
                    {"bias_ih": (G,), "bias_hh": (G,)} if bias else {}
                )
                for name, shape in shapes.items():
                    weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}_l{layer}{suffix}", weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: torch's layers move their weights together for cuDNN, and code written for them asks for it."""

    def step(self, projected: Tensor, *state: Tensor, weight_hh: Tensor, bias_hh: Tensor | None) -> State:
        """One time step: the projected input n_t G and the state n_t H give the new state."""
        raise NotImplementedError

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | State | None = None,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor | State]:
        """Read sequences.

        Args:
            input: T N D (N T D with ``batch_first``), T D for one sample, or packed.
            hx: the state to begin with, (layers directions) N H, without N for one sample; for an LSTM the tuple
                (h_0, c_0). Zeros when left out.
            lengths: the length of each sample, if the input is padded; a packed input knows them. Steps after a
                sample's end are not read, and their outputs are zero; the backward direction begins at its end.

        Returns:
            The top layer's output of each step, in the form of the input, T N (directions H); and the state of each
            layer and direction after its last step, in the form of ``hx``.

        Raises:
            ValueError: input, state or lengths of the wrong shape or type; a length outside 1 to T.
        """
        weight, packed = self.weight_ih_l0, isinstance(input, PackedSequence)
        layout = "packed" if packed else "N x T x D" if self.batch_first else "T x N x D"
        check_input(input.data if packed else input, self.input_size, layout, weight)
        if packed:
            if lengths is not None:
                raise ValueError("a packed input knows its lengths; leave out lengths, or give the padded input")
            return self._read(input, hx, int(input.batch_sizes[0]))
        if input.ndim == 2 and lengths is not None:
            raise ValueError("one sample has no padding; cut it to its length and leave out lengths")
        if input.ndim == 2:
            output, state = self._read(PackedSequence(input, torch.ones(len(input), dtype=torch.long)), hx, None)
            return output.data, state  # T (directions H)
        x = rearrange(input, "n t d -> t n d") if self.batch_first else input  # T N D
        T, N = x.shape[:2]
        if lengths is None:
            sequence = PackedSequence(rearrange(x, "t n d -> (t n) d"), torch.full((T,), N))
        else:
            sequence = pack_padded_sequence(x, read_lengths(lengths, N, T), enforce_sorted=False)
        output, state = self._read(sequence, hx, N)
        if lengths is None:
            output = rearrange(output.data, "(t n) h -> t n h", t=T)
        else:
            output, _ = pad_packed_sequence(output, total_length=T)
        return rearrange(output, "t n h -> n t h") if self.batch_first else output, state

    def _read(self, sequence: PackedSequence, hx: Tensor | State | None, N: int | None) -> tuple[PackedSequence, State]:
        """Scan every layer in every direction; N is None for one sample without a batch axis."""
        data, batch_sizes, order, order_back = sequence
        rows = self.num_layers * len(self.directions)
        shape = (rows, self.hidden_size) if N is None else (rows, N, self.hidden_size)
        states = read_state(hx, self.state_names, shape, data)
        if N is None:
            states = tuple(rearrange(part, "r h -> r 1 h") for part in states)
        if order is not None:
            states = tuple(part[:, order] for part in states)
        sizes, finals = batch_sizes.tolist(), []
        for layer in range(self.num_layers):
            outputs = []
            for suffix in self.directions:
                names = (f"{name}_l{layer}{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
                weight_ih, weight_hh, bias_ih, bias_hh = (getattr(self, name, None) for name in names)
                step = partial(self.step, weight_hh=weight_hh, bias_hh=bias_hh)
                projected = linear(data, weight_ih, bias_ih).split(sizes)  # all steps in one product; T of n_t G
                start = tuple(part[len(finals)] for part in states)  # N H
                output, final = (scan_backwards if suffix else scan)(step, projected, start)
                outputs.append(output)
                finals.append(final)
            data = torch.cat(outputs, dim=-1) if self.bidirectional else output  # (sum of n_t) (directions H)
            if self.dropout and layer < self.num_layers - 1:
                data = dropout(data, self.dropout, self.training)
        states = tuple(torch.stack(parts) for parts in zip(*finals, strict=True))  # rows N H
        if order_back is not None:
            states = tuple(part[:, order_back] for part in states)
        if N is None:
            states = tuple(rearrange(part, "r 1 h -> r h") for part in states)
        output = PackedSequence(data, batch_sizes, order, order_back)
        return output, states if len(states) > 1 else states[0]

    def extra_repr(self) -> str:
        options = ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0), ("bidirectional", False)
        changed = [f"{name}={getattr(self, name)}" for name, usual in options if getattr(self, name) != usual]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])
