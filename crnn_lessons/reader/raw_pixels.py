"""A reader of raw pixels: each column of a line is a time step, then a BiLSTM, a linear map and CTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import best_path, ctc_loss
from crnn_lessons.data.batches import Columns, columns
from crnn_lessons.text.lines import Line
from crnn_lessons.training import Settings, Trainer


def reverse(frames: Tensor, lengths: Tensor) -> Tensor:
    """Turn each sample of ``T N D`` around within its own length; what lies past it stays."""
    t = torch.arange(len(frames))[:, None]  # T 1
    source = torch.where(t < lengths, lengths - 1 - t, t)  # T N
    return frames.gather(0, source[..., None].expand_as(frames))


def mean_and_std(images: Iterable[np.ndarray]) -> tuple[float, float]:
    """Mean and standard deviation of the pixels of lines, uint8 taken as 0 to 1; a deviation of 0 is given as 1."""
    pixels = np.concatenate([image.ravel() / (255 if image.dtype == np.uint8 else 1) for image in images])
    return float(pixels.mean()), float(pixels.std()) or 1.0


class ColumnReader(nn.Module):
    """Columns -> BiLSTM -> linear -> log-probabilities.

    The two directions are two LSTMs, the second over the reversed line. What stands past a line's own width reaches
    nothing that is read, as with a packed sequence, and torch runs it several times faster than that.

    Args:
        height: H, the number of pixels of a column.
        num_classes: C, the blank included.
        hidden_size: of each direction.
        mean, std: of the pixels; columns are standardised with them (see :meth:`standardise`).
    """

    def __init__(self, height: int, num_classes: int, hidden_size: int = 48, mean: float = 0.0, std: float = 1.0):
        super().__init__()
        self.forwards = nn.LSTM(height, hidden_size)
        self.backwards = nn.LSTM(height, hidden_size)
        self.output = nn.Linear(2 * hidden_size, num_classes)
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("std", torch.tensor(float(std)))

    def standardise(self, images: Iterable[np.ndarray]) -> ColumnReader:
        """Take mean and standard deviation from the pixels of the training lines; they stay with the weights."""
        mean, std = mean_and_std(images)
        self.mean.fill_(mean)
        self.std.fill_(std)
        return self

    def forward(self, frames: Tensor, input_lengths: Tensor) -> Tensor:
        """Log-probabilities ``T N C`` of columns ``T N H`` (0 to 1, ink bright)."""
        x = (frames - self.mean) / self.std  # T N H
        left, _ = self.forwards(x)  # T N D
        right, _ = self.backwards(reverse(x, input_lengths))
        both = torch.cat([left, reverse(right, input_lengths)], dim=-1)  # T N 2D
        return self.output(both).log_softmax(-1)  # T N C


def line_loss(reader: nn.Module, batch: Columns) -> Tensor:
    """The CTC loss of a batch, in nats per character."""
    log_probs = reader(batch.frames, batch.input_lengths)
    return ctc_loss(log_probs, batch.targets, batch.input_lengths, batch.target_lengths, zero_infinity=True)


def line_batches(
    lines: Sequence[Line], alphabet: Alphabet, batch_size: int = 16, seed: int = 0
) -> Callable[[int], Columns]:
    """Batches drawn at random; the batch of a step depends on the seed and the step only."""

    def batch(step: int) -> Columns:
        rng = np.random.default_rng([seed, step])
        return columns([lines[i] for i in rng.integers(len(lines), size=batch_size)], alphabet)

    return batch


def train_reader(
    reader: nn.Module,
    lines: Sequence[Line],
    alphabet: Alphabet,
    steps: int,
    learning_rate: float = 0.02,
    batch_size: int = 16,
    seed: int = 0,
    watch: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train in place with AdamW and a one-cycle learning rate.

    Args:
        reader: gives log-probabilities ``T N C`` of columns ``T N H`` and input lengths, as a ColumnReader does.
        watch: called after each step with its number (from 1) and its loss.

    Returns:
        The loss of each step.
    """
    settings = Settings(steps=steps, learning_rate=learning_rate, seed=seed)
    trainer = Trainer(reader, line_batches(lines, alphabet, batch_size, seed), line_loss, settings)
    losses = []
    for step in range(steps):
        losses.append(trainer.step())
        if watch is not None:
            watch(step + 1, losses[-1])
    return losses


@torch.inference_mode()
def log_probs_of(reader: nn.Module, images: Sequence[np.ndarray], batch_size: int = 128) -> list[np.ndarray]:
    """The log-probabilities ``T C`` of each picture, T its width."""
    reader.eval()
    found = []
    anything = Alphabet("?")  # no text is needed to look
    for start in range(0, len(images), batch_size):
        batch = columns([(image, "") for image in images[start : start + batch_size]], anything)
        log_probs = reader(batch.frames, batch.input_lengths)  # T N C
        found += [log_probs[:T, n].numpy() for n, T in enumerate(batch.input_lengths.tolist())]
    return found


def read_lines(reader: nn.Module, images: Sequence[np.ndarray], alphabet: Alphabet) -> list[str]:
    """The text of each picture by its best path."""
    return [alphabet.decode(best_path(log_probs)) for log_probs in log_probs_of(reader, images)]
