"""Which rendered words are worth showing: neither those that are read already nor those that nobody could read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import forward_backward
from crnn_lessons.models.recogniser import Recogniser, to_input
from crnn_lessons.text.augment import fit

EASY, HOPELESS = 0.95, 0.05
KEPT = 5  # one in so many of the easy words stays, so that they are not forgotten


def worth_showing(model: Recogniser, alphabet: Alphabet, words: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    """Choose among pictures ``H W`` uint8 with their labels.

    A word is easy when p(label | picture) > ``EASY``, and hopeless when the geometric mean over its letters is below
    ``HOPELESS``. While a reader is so young that more than half of the words are hopeless to it, all stay.

    Returns:
        Whether to keep each of the words, N, bool.
    """
    found = label_probabilities(model, alphabet, words)  # N, logarithms
    hopeless = found / np.array([max(1, len(label)) for _, label in words]) < np.log(HOPELESS)
    if hopeless.mean() > 0.5:
        return np.ones(len(words), bool)
    easy = found > np.log(EASY)
    return ~hopeless & (~easy | (np.cumsum(easy) % KEPT == 0))


@torch.inference_mode()
def label_probabilities(model: Recogniser, alphabet: Alphabet, words: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    """log p(label | picture) of each word, N, each picture fitted to the shape that is like it; as in training."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, (picture, _) in enumerate(words):
        groups.setdefault(model.config.shape_for(*picture.shape), []).append(i)
    found, device, training = np.empty(len(words)), next(model.parameters()).device, model.training
    model.eval()
    for shape, members in groups.items():
        for start in range(0, len(members), 128):
            part = members[start : start + 128]
            images = np.stack([fit(words[i][0], *shape) for i in part]).astype(np.float32) / 255
            logits, _ = model(to_input(torch.from_numpy(images)).to(device))  # T N C
            log_probs = nn.functional.log_softmax(logits, -1).permute(1, 0, 2).cpu().numpy()
            for i, one in zip(part, log_probs, strict=True):
                found[i] = forward_backward(one, alphabet.encode(words[i][1])).log_likelihood
    model.train(training)
    return found
