"""Ways from features `N D H W` to a sequence `T N D`: what to do with the height."""

from __future__ import annotations

from einops import rearrange, reduce
from torch import Tensor, nn


class Concat(nn.Module):
    """Stack the rows of each column into one long vector: `N D H W -> W N (D H)`."""

    def __init__(self, channels: int, height: int):
        super().__init__()
        self.out_features = channels * height

    def forward(self, features: Tensor) -> Tensor:
        return rearrange(features, "n d h w -> w n (d h)")


class Max(nn.Module):
    """Keep the strongest row of each column: `N D H W -> W N D`."""

    def __init__(self, channels: int, height: int):
        super().__init__()
        self.out_features = channels

    def forward(self, features: Tensor) -> Tensor:
        return reduce(features, "n d h w -> w n d", "max")


PROJECTIONS: dict[str, type[nn.Module]] = {"concat": Concat, "max": Max}
