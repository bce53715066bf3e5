"""A recurrent layer over both axes of a picture, as one layer of a feature stack."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor

from crnn_lessons.models.grammar import Layer, Pair
from crnn_lessons.models.parts import Part, Span
from crnn_lessons.models.sequence import BiLSTM
from crnn_lessons.models.widths import Widths, fill_outside


class LSTM2(Part):
    """A bidirectional LSTM reads along each row, a second one along each column of what the first wrote.

    After the two passes every place has seen the whole picture. (The form of ReNet, Visin et al. 2015, section 2, with
    LSTMs and no patches; the multidimensional LSTM of Graves and Schmidhuber 2009 lets both axes meet in every cell.)
    """

    def __init__(self, layer: Layer, in_channels: int):
        super().__init__()
        self.layer, hidden = layer, layer.channels[0]
        self.rows, self.columns = BiLSTM(in_channels, hidden), BiLSTM(2 * hidden, hidden)
        self.out_channels = 2 * hidden

    def size(self, axis: int, size: int, image: int) -> int:
        return size

    def reach(self, axis: int, span: Span, size: int, image: int) -> Span:
        return 0, size - 1

    def multiply_adds(self, size: Pair) -> int:
        weights = sum(p.numel() for name, p in self.named_parameters() if ".weight" in name)
        return size[0] * size[1] * weights

    def forward(self, x: Tensor, widths: Widths = None) -> Tensor:
        n, height = len(x), x.shape[2]
        lengths = None if widths is None else x.new_tensor(widths, dtype=int).repeat_interleave(height)
        x = self.rows(rearrange(x, "n d h w -> w (n h) d").contiguous(), lengths)
        x = self.columns(rearrange(x, "w (n h) d -> h (n w) d", n=n).contiguous())
        return fill_outside(rearrange(x, "h (n w) d -> n d h w", n=n), widths)
