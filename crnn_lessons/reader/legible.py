"""Whether there is anything in a picture that a reader can write: a second, small look at what its network saw.

CTC has to give every picture some text, and a Cyrillic word looks to it like a Latin one that is spelt oddly. Here a
network of two layers looks at the mean and the largest value of each of the recogniser's D features over the steps, and
says how probable it is that the letters are some of the reader's own. The recogniser itself stays as it is. What is
shipped was made by ``notebooks/legible.py``, from rendered words, and knows the features of the shipped weights alone.
"""

from __future__ import annotations

import functools
import json
import os
from importlib.resources import as_file, files

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from crnn_lessons.files import write_atomically
from crnn_lessons.models.sequence import make_output

HIDDEN = 64


class Legible(nn.Module):
    """The probability that a reader can write what it sees.

    Args:
        features: D, the size of the vectors that the recogniser's sequence model gives.
    """

    def __init__(self, features: int):
        super().__init__()
        self.features = features
        self.layers = make_output(f"mlp {HIDDEN}", 2 * features, 1)

    def forward(self, steps: Tensor) -> Tensor:
        """From steps `T N D` of pictures without padding to probabilities, `N`."""
        return self.layers(self.pooled(steps)).sigmoid().squeeze(1)

    @staticmethod
    def pooled(steps: Tensor) -> Tensor:
        """What the layers look at: `N 2D` of steps `T N D`."""
        return torch.cat([steps.mean(dim=0), steps.amax(dim=0)], dim=1)

    def save(self, path: str | os.PathLike, **notes: object) -> None:
        """Write the layers as float16 with notes of how they were made, atomically."""
        tensors = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        write_atomically(path, save(tensors, {"features": str(self.features), "notes": json.dumps(notes)}))


@functools.lru_cache(maxsize=1)
def shipped() -> Legible:
    """What belongs to the weights that come with the package."""
    with as_file(files("crnn_lessons") / "weights/legible.safetensors") as path, safe_open(path, "pt") as file:
        with torch.device("meta"):  # weights that will be replaced would draw from torch's generator, the first time
            found = Legible(int(file.metadata()["features"]))
        names = list(file.keys())
        found.load_state_dict({name: file.get_tensor(name).float() for name in names}, assign=True)
    return found.eval()
