"""What a CTC loss does, found out by calling it on scores whose loss is known."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from crnn_lessons.clinic.check import Unseen, in_words
from crnn_lessons.clinic.measure import padded
from crnn_lessons.clinic.patient import Patient
from crnn_lessons.ctc.alignments import count_alignments

T = 13
"""Frames of the scores that are tried."""


class LossProbe:
    """The user's loss, called with arguments in the form in which the user's batch has them."""

    def __init__(self, patient: Patient):
        if patient.loss is None:
            raise Unseen("no loss was given")
        self.patient, self.loss, self.C = patient, patient.loss, patient.C
        self.device = patient.images.device

    def __call__(self, scores: Tensor, labels: Sequence[Sequence[int]], lengths: Sequence[int] | None = None) -> Any:
        """The loss of scores `T N C`, as the user's function returns it."""
        like, layouts = self.patient.targets, (True, False)
        targets = padded(labels) if getattr(like, "ndim", 1) == 2 else torch.tensor([k for row in labels for k in row])
        lengths = lengths or [len(scores)] * len(labels)
        sizes = [_like(self.patient.given, lengths), _like(self.patient.target_lengths, [len(row) for row in labels])]
        targets = targets.to(getattr(like, "dtype", torch.int64)).to(self.device)
        scores, errors = scores.to(self.device), []
        for time_first in layouts if self.patient.time_first else layouts[::-1]:
            try:
                value = self.loss(scores if time_first else scores.transpose(0, 1), targets, *sizes)
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                errors.append(in_words(error))
            else:
                return value
        raise Unseen(f"loss(scores, targets, input_lengths, target_lengths) raised {errors[0]}")

    def value(self, scores: Tensor, labels: Sequence[Sequence[int]]) -> float:
        """The loss as one number; the mean where there is one for each sample."""
        return float(torch.as_tensor(self(scores.float(), labels)).double().mean())

    def letters(self, count: int) -> list[int]:
        """Labels that are different from their neighbours and no blank, whatever class that is."""
        free = [k for k in range(self.C) if k not in (0, self.C - 1, self.patient.blank)]
        free = free or [k for k in range(self.C) if k != self.patient.blank]
        return [free[i % len(free)] for i in range(count)]

    @cached_property
    def takes(self) -> str:
        """'logits', where a constant added to all of them changes nothing; 'log-probabilities' or 'probabilities'."""
        generator = torch.Generator().manual_seed(0)
        scores = torch.randn(T, 2, self.C, generator=generator).log_softmax(-1)
        labels = [self.letters(2)] * 2
        one, raised, plain = (self.value(x, labels) for x in (scores, scores + 1, scores.exp()))
        if math.isfinite(one):
            return "logits" if math.isclose(one, raised, rel_tol=1e-4, abs_tol=1e-5) else "log-probabilities"
        if math.isfinite(plain):
            return "probabilities"
        raise Unseen("the loss of random scores is not finite")

    @cached_property
    def blank(self) -> int:
        """The class that the loss takes for the blank: a path with it between the letters costs nearly nothing."""
        C = self.C
        tried = range(C) if C <= 200 else [*dict.fromkeys((self.patient.blank, 0, 1, C - 2, C - 1))]
        cost = {}
        for blank in tried:
            a, b = ([k for k in range(C) if k != blank] * 2)[:2]
            path, labels = [blank, a, blank, b, blank], [a, b]
            probs = torch.full((5, 2, C), 0.001 / C)
            probs[torch.arange(5), :, torch.tensor(path)] = 0.999
            with contextlib.suppress(Unseen):  # a careful loss refuses labels that are its blank
                cost[blank] = self.value(probs if self.takes == "probabilities" else probs.log(), [labels, labels])
        return min(cost, key=lambda k: cost[k] if math.isfinite(cost[k]) else math.inf)

    def share(self, N: int, S: int) -> float:
        """Its value for N equal samples over uniform frames, as a multiple of one sample's -ln p(Y | X)."""
        labels = self.letters(S)
        uniform = torch.full((T, N, self.C), -math.log(self.C))
        scores = uniform.exp() if self.takes == "probabilities" else uniform
        return self.value(scores, [labels] * N) / (T * math.log(self.C) - math.log(count_alignments(T, labels)))


def _like(example: Any, lengths: list[int]) -> Any:
    if isinstance(example, Tensor):
        return torch.tensor(lengths, dtype=example.dtype, device=example.device)
    return type(example)(lengths) if isinstance(example, (list, tuple)) else torch.tensor(lengths)
