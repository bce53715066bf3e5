"""Training a recogniser on words: the CTC loss, greedy reading, validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from crnn_lessons.alphabet import BLANK, Alphabet
from crnn_lessons.arrays import to_numpy
from crnn_lessons.ctc import best_path, ctc_loss
from crnn_lessons.data.batches import WordBatch
from crnn_lessons.metrics import character_error_rate, word_accuracy
from crnn_lessons.models.recogniser import Recogniser, to_input
from crnn_lessons.models.widths import full_precision
from crnn_lessons.text.augment import fit

EMPTY = 10  # characters, about as many as a long word has


def ctc_loss_of(model: nn.Module, batch: WordBatch) -> Tensor:
    """The mean CTC loss of a batch for a character, in float32 or float64.

    A text too long for its time steps counts nothing. An empty one counts as if it had ``EMPTY`` characters: its
    blanks, one a frame, would outweigh all letters.

    Raises:
        ValueError: the model gives numbers that are not finite.
    """
    inputs = (batch.images,) if batch.widths is None else (batch.images, batch.widths)
    logits, lengths = model(*inputs)  # T N C
    if not bool(torch.isfinite(logits).all()):
        raise ValueError(
            "the training diverged: the model's outputs are no longer finite; begin again with a lower learning rate"
        )
    log_probs, due = full_precision(logits).log_softmax(-1), batch.target_lengths
    losses = ctc_loss(log_probs, batch.targets, lengths, due, blank=BLANK, reduction="none", zero_infinity=True)
    return (losses / torch.where(due > 0, due, EMPTY).to(losses.device)).mean()


def greedy(logits: Tensor, lengths: Tensor, alphabet: Alphabet) -> list[str]:
    """The text of each sample's best path: the strongest class at each step, repeats merged, blanks dropped.

    Args:
        logits: `T N C`.
        lengths: `N`, true time steps.
    """
    samples = to_numpy(rearrange(logits, "t n c -> n t c"))
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


def predict_pictures(model: Recogniser, pictures: Sequence[np.ndarray], alphabet: Alphabet) -> list[str]:
    """Read pictures ``H W`` uint8 of any size, each at the size at which the model reads it."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, picture in enumerate(pictures):
        groups.setdefault(model.config.size_for(*picture.shape), []).append(i)
    texts = [""] * len(pictures)
    for size, members in groups.items():
        images = np.stack([fit(pictures[i], *size) for i in members])
        for i, text in zip(members, predict(model, images, alphabet), strict=True):
            texts[i] = text
    return texts


def validation(pictures: Sequence[np.ndarray], labels: Sequence[str], alphabet: Alphabet):
    """A function from a model to its scores on the given pictures, for :meth:`Trainer.run`."""

    def scores(model: Recogniser) -> dict[str, float]:
        texts = predict_pictures(model, pictures, alphabet)
        return {
            "accuracy": word_accuracy(texts, labels),
            "character_error_rate": character_error_rate(texts, labels),
        }

    return scores
