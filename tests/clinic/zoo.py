"""Healthy trainings of many kinds, small enough to be trained within seconds, for the clinic's tests to make sick."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHARACTERS = "0123456789"
HEIGHT, WIDTH = 16, 64
# each digit in five columns of seven dots, the uppermost dot in the lowest bit
DOTS = (
    "3e5149453e", "00427f4000", "4261514946", "2141454b31", "1814127f10",
    "2745454539", "3c4a494930", "0171090503", "3649494936", "064949291e",
)  # fmt: skip
GLYPHS = [np.array([[int(g[2 * c : 2 * c + 2], 16) >> r & 1 for c in range(5)] for r in range(7)]) for g in DOTS]


def picture(text: str, rng: np.random.Generator, width: int = WIDTH) -> np.ndarray:
    """A line of digits, bright ink on black, `H W` in 0 to 1."""
    image, x = np.zeros((HEIGHT, width), np.float32), int(rng.integers(1, 4))
    for character in text:
        glyph = np.kron(GLYPHS[int(character)], np.ones((2, 2)))  # 14 x 10
        image[1:15, x : x + 10] = glyph[:, : width - x]
        x += 10 + int(rng.integers(1, 4))
    return np.clip(image + rng.normal(0, 0.05, image.shape), 0, 1).astype(np.float32)


def samples(count: int, seed: int, longest: int = 4) -> tuple[Tensor, list[str]]:
    """Pictures `N 1 H W` with mean 0 and deviation 1, and their texts of one to four digits."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list(CHARACTERS), size=rng.integers(1, longest + 1))) for _ in range(count)]
    images = torch.tensor(np.stack([picture(text, rng) for text in texts]))[:, None]
    return (images - 0.25) / 0.4, texts


def encode(texts: list[str], first: int = 1) -> tuple[Tensor, Tensor]:
    """Targets `N S`, padded with 1, and their lengths; the class of '0' is ``first``."""
    lengths = torch.tensor([len(text) for text in texts])
    targets = torch.ones(len(texts), int(lengths.max()), dtype=torch.int64)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = torch.tensor([int(c) + first for c in text])
    return targets, lengths


def batch(count: int = 16, seed: int = 7) -> tuple[Tensor, Tensor, None, Tensor]:
    """What ``examine`` takes."""
    images, texts = samples(count, seed)
    return images, encode(texts)[0], None, encode(texts)[1]


class Net(nn.Module):
    """Conv, BiLSTM, linear: T N C with T = 16, where the hooks are for the sick to change."""

    def __init__(self, classes: int = 11, hidden: int = 32, norm: bool = True):
        super().__init__()
        norms = [nn.BatchNorm2d(c) if norm else nn.Identity() for c in (16, 32)]
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), norms[0], nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), norms[1], nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.rnn = nn.LSTM(32 * 4, hidden, bidirectional=True)
        self.output = nn.Linear(2 * hidden, classes)

    def steps(self, x: Tensor) -> Tensor:
        return x.permute(3, 0, 1, 2).flatten(2)  # T N (D H)

    def look(self, images: Tensor) -> Tensor:
        return self.features(images)

    def recur(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]

    def end(self, x: Tensor) -> Tensor:
        return self.output(x)

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.recur(self.steps(self.look(images))))


def logits_loss(logits: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor) -> Tensor:
    """torch's CTC loss of T N C logits."""
    return F.ctc_loss(logits.log_softmax(-1), targets, input_lengths, target_lengths, zero_infinity=True)


def train(model: nn.Module, steps: int, rate: float = 5e-3, size: int = 32, forms=None, first: int = 1, blank: int = 0):
    """Train in place with Adam on fresh pictures; returns the losses. The model must give T N C."""
    images, texts = samples(2000, seed=1)
    if forms is not None:
        images = forms(images)
    targets, lengths = encode(texts, first)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    rng, losses = np.random.default_rng(0), []
    model.train()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps))
        rows = torch.tensor(rng.integers(len(texts), size=size))
        scores = model(images[rows])
        T = torch.full((size,), len(scores))
        loss = F.ctc_loss(scores.log_softmax(-1), targets[rows], T, lengths[rows], blank=blank, zero_infinity=True)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    return losses
