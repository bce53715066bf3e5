"""What scores are worth: their kind, their CTC loss in nats, and the loss of a network that does not look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from crnn_lessons.clinic.check import Unseen


def kind_of(scores: Tensor) -> str:
    """'probabilities', 'log-probabilities' or 'logits', by what sums to one over the classes, the last axis."""
    x = scores.double()
    if x.min() >= 0 and (x.sum(-1) - 1).abs().max() < 0.01:
        return "probabilities"
    return "log-probabilities" if (x.exp().sum(-1) - 1).abs().max() < 0.01 else "logits"


def as_log_probs(scores: Tensor) -> Tensor:
    """Log-probabilities in float64, whatever the scores are."""
    x = scores.double()
    return (x.clamp_min(1e-30).log() if kind_of(scores) == "probabilities" else x).log_softmax(-1)


def padded(labels: Sequence[Sequence[int]]) -> Tensor:
    """Targets `N S`; what stands behind a target is 1."""
    return nn.utils.rnn.pad_sequence([torch.tensor(target) for target in labels], batch_first=True, padding_value=1)


def losses(log_probs: Tensor, labels: Sequence[Sequence[int]], lengths: Sequence[int], blank: int) -> Tensor:
    """-ln p(Y | X) of each sample, `N`, from `T N C`; by torch's own loss, so that nothing needs to be compiled."""
    sizes = [len(target) for target in labels]
    return F.ctc_loss(log_probs, padded(labels).to(log_probs.device), lengths, sizes, blank=blank, reduction="none")


def blind_level(T: int, C: int, labels: Sequence[Sequence[int]], lengths: Sequence[int], blank: int) -> float:
    """The loss, in nats a character, of the best constant output: the same at every frame of every picture."""
    found = []
    for p in (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99):
        frame = torch.full((C,), (1 - p) / (C - 1), dtype=torch.float64)
        frame[blank] = p
        found.append(losses(frame.log().expand(T, len(labels), C), labels, lengths, blank).sum().item())
    return min(found) / sum(map(len, labels))


def apart(one: Tensor, other: Tensor) -> Tensor:
    """How far apart two tensors are, place by place; equal infinities are not apart, NaN is infinitely far."""
    return torch.where(one == other, 0.0, (one - other).abs()).nan_to_num(torch.inf, torch.inf)


def whole(lengths: Any) -> list[int]:
    """Lengths as a list, whatever they come in."""
    return [int(x) for x in torch.as_tensor(lengths).reshape(-1).tolist()]


def parts(out: Any) -> Iterable[Any]:
    """What a model returns, one thing after the other."""
    return out.values() if isinstance(out, dict) else out if isinstance(out, (tuple, list)) else (out,)


def scores_in(out: Any) -> Tensor:
    """The scores among what a model returns: the first floating-point tensor with three axes."""
    for part in parts(out):
        if isinstance(part, Tensor) and part.is_floating_point() and part.ndim == 3:
            return part
    shapes = [tuple(getattr(part, "shape", ())) for part in parts(out)]
    raise Unseen(f"the model returns no scores with three axes, T N C or N T C; its shapes are {shapes}")
