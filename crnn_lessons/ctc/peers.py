"""Every implementation of CTC that can be asked here, each forced by what its library's rules for choosing want.

torch decides by itself between its native CUDA kernel and cuDNN. cuDNN is taken where the blank is 0, log_probs are
float32, targets are one axis of int32 on the CPU, the lengths are lists or tuples, and every input length is T.
Targets that are padded int64 avoid it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from crnn_lessons.ctc.alignments import min_frames
from crnn_lessons.ctc.fast.choose import available, use_kernel
from crnn_lessons.ctc.lattice import forward_backward
from crnn_lessons.ctc.loss import ctc_loss_from_logits


@dataclass(frozen=True)
class Case:
    """A batch to ask everyone about: logits T N C in float32 on the CPU, blank 0."""

    name: str
    logits: Tensor
    targets: list[list[int]]
    input_lengths: list[int]

    @property
    def lengths(self) -> list[int]:
        return [len(target) for target in self.targets]

    @property
    def feasible(self) -> Tensor:
        """Whether each target can be spelt at all, N."""
        return torch.tensor([min_frames(t) <= T for t, T in zip(self.targets, self.input_lengths, strict=True)])

    def padded(self) -> Tensor:
        padded = torch.ones(len(self.targets), max(1, *self.lengths), dtype=torch.int64)
        for row, target in zip(padded, self.targets, strict=True):
            row[: len(target)] = torch.tensor(target, dtype=torch.int64)
        return padded

    def joined(self, dtype: torch.dtype = torch.int32) -> Tensor:
        return torch.tensor([k for target in self.targets for k in target], dtype=dtype)


@dataclass(frozen=True)
class Peer:
    """An implementation: a name, a device, N losses from logits, and why it cannot answer a case (None: it can)."""

    name: str
    device: str
    losses: Callable[[Tensor, Case], Tensor]
    refuses: Callable[[Case], str | None] = lambda case: None


def peers() -> list[Peer]:
    """All implementations that are present, ours first."""
    found = [Peer(f"ours, {name}", "cpu", _ours(name)) for name in ("numba", "torch") if available(name)]
    found.append(Peer("torch, CPU", "cpu", _native))
    if torch.cuda.is_available():
        found += [Peer(f"ours, {name}", "cuda", _ours(name)) for name in ("triton", "torch") if available(name)]
        found += [Peer("torch, CUDA native", "cuda", _native), Peer("cuDNN", "cuda", _cudnn, _cudnn_refuses)]
    return found


def answer(peer: Peer, case: Case) -> tuple[Tensor, Tensor]:
    """The N losses, and the gradient of their sum over feasible samples by the logits; both float64 on the CPU."""
    logits = case.logits.to(peer.device, copy=True).requires_grad_()
    losses = peer.losses(logits, case)
    losses[case.feasible.to(peer.device)].sum().backward()
    return losses.detach().double().cpu(), logits.grad.double().cpu()


def truth(case: Case) -> tuple[Tensor, Tensor]:
    """The same by the readable lattice, sample by sample, in float64."""
    log_probs = case.logits.double().log_softmax(2).numpy()
    losses, gradient = np.zeros(len(case.targets)), np.zeros(log_probs.shape)
    for n, (target, T) in enumerate(zip(case.targets, case.input_lengths, strict=True)):
        lattice = forward_backward(log_probs[:T, n], target)
        losses[n] = -lattice.log_likelihood
        if case.feasible[n]:
            gradient[:T, n] = np.exp(log_probs[:T, n])
            np.subtract.at(gradient[:T, n], (slice(None), lattice.rows), lattice.posterior)
    return torch.from_numpy(losses), torch.from_numpy(gradient)


def _ours(kernel: str) -> Callable[[Tensor, Case], Tensor]:
    def losses(logits: Tensor, case: Case) -> Tensor:
        with use_kernel(kernel):
            return ctc_loss_from_logits(logits, case.padded(), case.input_lengths, case.lengths, reduction="none")

    return losses


def _native(logits: Tensor, case: Case) -> Tensor:
    log_probs = logits.log_softmax(2)
    targets, lengths = case.padded().to(logits.device), (tuple(case.input_lengths), tuple(case.lengths))
    if logits.is_cuda and torch._use_cudnn_ctc_loss(log_probs, targets, *lengths, 0):
        raise RuntimeError("torch would take cuDNN for padded int64 targets; the rules have changed")
    return F.ctc_loss(log_probs, targets, *lengths, reduction="none")


def _cudnn(logits: Tensor, case: Case) -> Tensor:
    log_probs = logits.log_softmax(2)
    arguments = log_probs, case.joined(), tuple(case.input_lengths), tuple(case.lengths)
    if not torch._use_cudnn_ctc_loss(*arguments, 0):
        raise RuntimeError("torch would not take cuDNN for int32 targets on the CPU; the rules have changed")
    return F.ctc_loss(*arguments, reduction="none")


def _cudnn_refuses(case: Case) -> str | None:
    if set(case.input_lengths) != {len(case.logits)}:
        return "wants every input length to be T"
    if max(case.lengths) >= 256:
        return "wants targets shorter than 256"
    return None if bool(case.feasible.all()) else "does not test whether a target fits"


def cases(seed: int = 0, large: bool = True) -> list[Case]:
    """Small and large, mixed lengths, repeats, empty targets, infeasible ones; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def case(name: str, T: int, N: int, C: int, S: int, mixed: bool = False, classes: int | None = None) -> Case:
        lengths = rng.integers(0, S + 1, size=N) if mixed else np.full(N, S)
        frames = rng.integers(T // 2, T + 1, size=N) if mixed else np.full(N, T)
        logits = torch.tensor(rng.normal(size=(T, N, C)), dtype=torch.float32)
        targets = [rng.integers(1, classes or C, size=n).tolist() for n in lengths]
        return Case(name, logits, targets, frames.tolist())

    found = [
        case("tiny", 5, 3, 4, 2),
        case("word", 26, 64, 37, 12),
        case("line", 100, 32, 80, 30),
        case("line, mixed lengths", 100, 32, 80, 30, mixed=True),
        case("repeats", 60, 8, 6, 25, classes=3),
        case("empty targets", 40, 4, 10, 0),
        case("some infeasible", 20, 16, 5, 18, mixed=True),
        case("long line", 500, 16, 80, 80),
    ]
    return [*found, case("long line, 1000 classes", 500, 16, 1000, 80)] if large else found
