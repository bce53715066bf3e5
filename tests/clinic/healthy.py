"""Healthy trainings of different make: each a model, how its batch is made, and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import CTCLoss, best_path, ctc_loss_from_logits
from crnn_lessons.losses import focal_ctc_loss
from crnn_lessons.models import build
from crnn_lessons.reader.raw_pixels import ColumnReader
from tests.clinic.zoo import CHARACTERS, Net, encode, logits_loss, samples

ALPHABET = Alphabet(CHARACTERS)


def read(log_probs: np.ndarray) -> str:
    """The course's decoder: one sample, T C."""
    return ALPHABET.decode(best_path(log_probs))


class BatchFirst(Net):
    """N T C log-probabilities, a GRU with batch_first, no norm, dropout."""

    def __init__(self):
        super().__init__(norm=False)
        self.rnn = nn.GRU(32 * 4, 32, bidirectional=True, batch_first=True, num_layers=2, dropout=0.1)

    def steps(self, x):
        return x.permute(0, 3, 1, 2).flatten(2)

    def end(self, x):
        return F.log_softmax(self.output(F.dropout(x, 0.1, self.training)), dim=2)


def batch_first_loss(log_probs, targets, input_lengths, target_lengths):
    return F.ctc_loss(log_probs.transpose(0, 1), targets, input_lengths, target_lengths)


def read_batch(scores: Tensor) -> list[str]:
    """A decoder of a whole batch, N T C."""
    texts = []
    for path in scores.argmax(2).tolist():
        kept = [k for i, k in enumerate(path) if k != 0 and (i == 0 or k != path[i - 1])]
        texts.append("".join(CHARACTERS[k - 1] for k in kept))
    return texts


class ConvOnly(nn.Module):
    """No recurrence: convolutions to the end; group norm; frames of two pixels; a dictionary comes back."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=(2, 2), padding=2), nn.GroupNorm(4, 16), nn.SiLU(),
            nn.Conv2d(16, 32, 3, stride=(2, 1), padding=1), nn.GroupNorm(4, 32), nn.SiLU(),
            nn.Conv2d(32, 48, (4, 7), padding=(0, 3)), nn.SiLU(), nn.Conv2d(48, 11, (1, 1)),
        )  # fmt: skip

    def forward(self, images):
        return {"logits": self.body(images).squeeze(2).permute(2, 0, 1)}


class Attentive(Net):
    """A transformer over the frames; layer norm; places added; blank last; logits N T C."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(128, 4, 128, dropout=0.0, batch_first=True, norm_first=True)
        self.rnn = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.places = nn.Parameter(0.1 * torch.randn(16, 128))
        self.output = nn.Linear(128, 11)

    def steps(self, x):
        return x.permute(0, 3, 1, 2).flatten(2) + self.places

    def recur(self, x):
        return self.rnn(x)


def blank_last_loss(logits, targets, input_lengths, target_lengths):
    log_probs = logits.log_softmax(2).permute(1, 0, 2)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=10, reduction="sum") / len(logits)


class SoftmaxAtTest(Net):
    """Logits in training, probabilities in evaluation."""

    def end(self, x):
        logits = self.output(x)
        return logits if self.training else logits.softmax(-1)


class DropsTwo(Net):
    """The first two frames are left out, as one well-known example does; lengths come back beside the scores."""

    def forward(self, images):
        scores = super().forward(images)[2:].log_softmax(-1)
        return scores, torch.full((scores.shape[1],), len(scores))


@dataclass
class Case:
    """A training: how to make the model, and what ``examine`` is told."""

    make: Callable[[], nn.Module]
    told: dict[str, Any] = field(default_factory=dict)
    first: int = 1  # the class of '0'
    flat: bool = False  # targets on one axis
    count: int = 16
    lengths: Callable[[Tensor], Tensor] | None = None
    forms: Callable[[Tensor], Tensor] = lambda images: images

    def batch(self, seed: int = 7):
        images, texts = samples(self.count, seed)
        targets, target_lengths = encode(texts, self.first)
        if self.flat:
            targets = torch.cat([row[:n] for row, n in zip(targets, target_lengths, strict=True)])
        given = None if self.lengths is None else self.lengths(images)
        return self.forms(images), targets, given, target_lengths


def widths(images: Tensor) -> Tensor:
    """Where the ink of each picture ends."""
    ink = images[:, 0].amax(1) > 1.0  # N W
    return (torch.arange(images.shape[-1]) * ink).amax(1) + 2


def frames(images: Tensor) -> Tensor:
    """Columns T N D of pictures, zeros behind the end of each."""
    kept = torch.arange(images.shape[-1]) < widths(images)[:, None]  # N W
    return (images[:, 0] * kept[:, None]).permute(2, 0, 1)


class Bytes(Net):
    """Takes whole numbers, 0 to 255, and brings them to mean 0 and deviation 1 itself; its logits are below 0."""

    def forward(self, images):
        return super().forward((images.float() / 255 - 0.25) / 0.4) - 20


def as_bytes(images: Tensor) -> Tensor:
    return ((images * 0.4 + 0.25).clamp(0, 1) * 255).to(torch.uint8)


def full(T: int) -> Callable[[Tensor], Tensor]:
    return lambda images: torch.full((len(images),), T, dtype=torch.int64)


CASES = {
    "crnn": Case(Net, {"loss": logits_loss, "decode": read, "alphabet": ALPHABET}),
    "batch first": Case(BatchFirst, {"loss": batch_first_loss, "decode": read_batch}, lengths=full(16)),
    "convolutions": Case(ConvOnly, {"loss": ctc_loss_from_logits}, flat=True),
    "transformer": Case(Attentive, {"loss": blank_last_loss, "blank": 10}, first=0),
    "softmax at test": Case(SoftmaxAtTest, {"loss": logits_loss}),
    "drops two": Case(DropsTwo, {"loss": nn.CTCLoss(), "alphabet": CHARACTERS}, flat=True),
    "columns": Case(lambda: ColumnReader(16, 11, 24), {"loss": CTCLoss(reduction="sum")}, lengths=widths, forms=frames),
    "course, focal": Case(
        lambda: build("tiny", 11, features="conv 16, pool 2 2, conv 32, pool 2 2", height=16, width=64, hidden_size=32),
        {"loss": lambda x, *a: focal_ctc_loss(x.log_softmax(-1), *a), "decode": lambda x: best_path(x)},
    ),
    "no loss given": Case(Net, {}),
    "bytes": Case(Bytes, {"loss": logits_loss}, forms=as_bytes),
    "three samples": Case(Net, {"loss": logits_loss}, count=3),
}


def train_case(case: Case, steps: int, rate: float = 4e-3, size: int = 32, look: Callable | None = None) -> nn.Module:
    """A model of a case, trained by plain Adam; ``look(step, model, optimizer)`` is called before each step."""
    torch.manual_seed(0)
    model = case.make().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    images, texts = samples(2000, seed=1)
    rng = np.random.default_rng(0)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps))
        if look is not None:
            look(step, model, optimizer)
        rows = torch.tensor(rng.integers(2000, size=size))
        targets, target_lengths = encode([texts[i] for i in rows], case.first)
        given = () if case.lengths is not widths else (case.lengths(images[rows]),)
        out = model(case.forms(images[rows]), *given)
        scores = out["logits"] if isinstance(out, dict) else out[0] if isinstance(out, tuple) else out
        scores = scores.transpose(0, 1) if case.make in (BatchFirst, Attentive) else scores
        loss = F.ctc_loss(
            scores.log_softmax(-1), targets, given[0] if given else torch.full((size,), len(scores)), target_lengths,
            blank=case.told.get("blank", 0), zero_infinity=True,
        )  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    return model
