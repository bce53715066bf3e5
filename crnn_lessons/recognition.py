"""Training a recogniser on words: batches from a pool, the CTC loss, greedy reading, validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from crnn_lessons.alphabet import BLANK, Alphabet
from crnn_lessons.ctc import best_path, ctc_loss
from crnn_lessons.metrics import character_error_rate, word_accuracy
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.text.augment import jitter_batch


@dataclass(frozen=True)
class Batch:
    """Images `N 1 H W` ready for a model, and their texts as class indices, one after another."""

    images: Tensor
    targets: Tensor  # sum of S, the concatenated targets
    target_lengths: Tensor  # N


class PoolBatches:
    """Batches of a pool in a new order each time round; batch ``step`` depends on the seed and the step only.

    Args:
        images: `N H W` uint8.
        labels: N texts.
        alphabet: turns texts into class indices.
        batch_size: samples in a batch; the last, incomplete batch of a round is left out.
        seed: of the order and of the jitter.
        jitter: whether to change light and place a little every time a picture is seen.
        device: where the images go.
    """

    def __init__(
        self, images: np.ndarray, labels: Sequence[str], alphabet: Alphabet, batch_size: int, seed: int,
        jitter: bool = True, device: torch.device | str = "cpu",
    ):  # fmt: skip
        if len(images) < batch_size:
            raise ValueError(f"a batch of {batch_size} needs at least as many pictures; the pool has {len(images)}")
        self.images, self.batch_size, self.seed, self.jitter = images, batch_size, seed, jitter
        self.device = device
        self.targets = [np.array(alphabet.encode(label), dtype=np.int64) for label in labels]
        self.per_round = len(images) // batch_size
        self._order: tuple[int, np.ndarray] | None = None

    def __call__(self, step: int) -> Batch:
        which, place = divmod(step, self.per_round)
        if self._order is None or self._order[0] != which:
            self._order = (which, np.random.default_rng([self.seed, 1, which]).permutation(len(self.images)))
        chosen = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        images = self.images[chosen].astype(np.float32) / 255
        if self.jitter:
            images = jitter_batch(np.random.default_rng([self.seed, 2, step]), images)
        targets = [self.targets[i] for i in chosen]
        return Batch(
            to_input(torch.from_numpy(images)).to(self.device),
            torch.from_numpy(np.concatenate(targets)),
            torch.tensor([len(t) for t in targets]),
        )


def ctc_loss_of(model: nn.Module, batch: Batch) -> Tensor:
    """The mean CTC loss of a batch, in float32; a text too long for its time steps counts nothing."""
    logits, lengths = model(batch.images)  # T N C
    return ctc_loss(
        logits.float().log_softmax(-1), batch.targets, lengths, batch.target_lengths,
        blank=BLANK, reduction="mean", zero_infinity=True,
    )  # fmt: skip


def greedy(logits: Tensor, lengths: Tensor, alphabet: Alphabet) -> list[str]:
    """The text of each sample's best path: the strongest class at each step, repeats merged, blanks dropped.

    Args:
        logits: `T N C`.
        lengths: `N`, true time steps.
    """
    samples = rearrange(logits, "t n c -> n t c").cpu().numpy()
    return [alphabet.decode(best_path(x[:t])) for x, t in zip(samples, lengths.tolist(), strict=True)]


@torch.inference_mode()
def predict(model: nn.Module, images: np.ndarray, alphabet: Alphabet, batch_size: int = 256) -> list[str]:
    """Read pictures `N H W` uint8 of the model's own size."""
    model.eval()
    device = next(model.parameters()).device
    texts = []
    for start in range(0, len(images), batch_size):
        part = torch.from_numpy(images[start : start + batch_size].astype(np.float32) / 255)
        texts += greedy(*model(to_input(part).to(device)), alphabet)
    return texts


def validation(images: np.ndarray, labels: Sequence[str], alphabet: Alphabet):
    """A function from a model to its scores on the given pictures, for :meth:`Trainer.run`."""

    def scores(model: nn.Module) -> dict[str, float]:
        texts = predict(model, images, alphabet)
        return {
            "accuracy": word_accuracy(texts, labels),
            "character_error_rate": character_error_rate(texts, labels),
        }

    return scores
