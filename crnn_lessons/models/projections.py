"""Ways from features `N D H W` to a sequence `T N D`: what to do with the height. T is the width W."""

from __future__ import annotations

import math

from einops import rearrange, reduce
from torch import Tensor, nn


class Concat(nn.Module):
    """Stack the rows of each column into one long vector: `N D H W -> W N (D H)`."""

    def __init__(self, channels: int, height: int):
        super().__init__()
        self.out_features = channels * height

    def forward(self, features: Tensor) -> Tensor:
        return rearrange(features, "n d h w -> w n (d h)")


class _Reduced(nn.Module):
    how: str

    def __init__(self, channels: int, height: int):
        super().__init__()
        self.out_features = channels

    def forward(self, features: Tensor) -> Tensor:
        return reduce(features, "n d h w -> w n d", self.how)


class Max(_Reduced):
    """Keep the strongest row of each column: `N D H W -> W N D`."""

    how = "max"


class Sum(_Reduced):
    """Add up the rows of each column: `N D H W -> W N D`."""

    how = "sum"


class ScanHeight(nn.Module):
    """An LSTM reads each column from top to bottom; its last state stands for the column: `N D H W -> W N D`.

    subtle: the rows are the time steps here, and all columns of all samples are one batch. An LSTM along the width
    would let columns see each other before the sequence model does, padding included.
    """

    def __init__(self, channels: int, height: int):
        super().__init__()
        self.lstm = nn.LSTM(channels, channels)
        self.out_features = channels

    def forward(self, features: Tensor) -> Tensor:
        columns = rearrange(features, "n d h w -> h (w n) d").contiguous()
        _, (last, _) = self.lstm(columns)  # 1 (W N) D
        return rearrange(last, "1 (w n) d -> w n d", n=len(features))


class Attend(nn.Module):
    """A weighted mean of the rows of each column, the weights drawn from the features: `N D H W -> W N D`.

    Each of eight heads (fewer where eight do not divide the channels) looks at its share of the channels with weights
    of its own, a softmax over the rows, as in attention with one fixed query (in the spirit of Du et al. 2025, SVTRv2,
    which rearranges columns before CTC). It takes any height, and a single row stays as it is.
    """

    HEADS = 8

    def __init__(self, channels: int, height: int):
        super().__init__()
        self.heads = math.gcd(self.HEADS, channels)  # equal shares
        self.query = nn.Conv2d(channels, self.heads, 1)
        self.out_features = channels

    def forward(self, features: Tensor) -> Tensor:
        weights = self.query(features).softmax(dim=2)  # N heads H W
        parts = rearrange(features, "n (k d) h w -> n k d h w", k=self.heads)
        return rearrange((parts * weights[:, :, None]).sum(dim=3), "n k d w -> w n (k d)")


PROJECTIONS: dict[str, type[nn.Module]] = {
    "concat": Concat,
    "max": Max,
    "sum": Sum,
    "lstm": ScanHeight,
    "attend": Attend,
}
