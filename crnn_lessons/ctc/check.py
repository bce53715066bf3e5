"""Every CTC at hand against the readable lattice: losses, gradients and times, in one table.

python -m crnn_lessons.ctc.check [--quick]

Each implementation is asked for explicitly. On a CUDA device torch has two of its own: cuDNN's, which it takes for
int32 targets on the CPU, one after the other, blank 0 and full input lengths; and a native one, which it is left with
for padded int64 targets. Gradients are compared at the logits, behind a log-softmax, where torch's convention and the
exact derivative agree.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from crnn_lessons.ctc.kernels import available, use_kernel
from crnn_lessons.ctc.lattice import forward_backward
from crnn_lessons.ctc.loss import ctc_loss

WITHIN = 1e-5
"""How far the package may be from float64, given float32 logits: relative for losses, absolute for gradients."""


@dataclass(frozen=True)
class Case:
    """One batch: float32 logits T N C, N targets, N input lengths."""

    name: str
    logits: np.ndarray
    targets: list[list[int]]
    input_lengths: list[int]


@dataclass(frozen=True)
class Row:
    """What one implementation made of a case; differences are NaN where it has no number where one is due."""

    case: str
    implementation: str
    loss_difference: float
    gradient_difference: float
    milliseconds: float
    remark: str = ""

    def within(self, tolerance: float) -> bool:
        """Whether both differences lie below the tolerance; NaN does not."""
        return self.loss_difference < tolerance and self.gradient_difference < tolerance

    def __str__(self) -> str:
        numbers = f"{self.loss_difference:10.1e}{self.gradient_difference:12.1e}{self.milliseconds:10.2f}"
        return f"{self.case:34}{self.implementation:22}" + (f"  {self.remark}" if self.remark else numbers)


def cases(quick: bool = False) -> Iterator[Case]:
    """Small and large, mixed lengths, repeats, empty targets, infeasible ones; a fixed seed."""
    rng = np.random.default_rng(0)

    def case(name: str, T: int, C: int, S_of: Sequence[int], T_of: Sequence[int] | None = None, repeats: bool = False):
        logits = rng.normal(size=(T, len(S_of), C)).astype(np.float32) * 2
        targets = [[int(rng.integers(1, C))] * S if repeats else rng.integers(1, C, S).tolist() for S in S_of]
        return Case(name, logits, targets, list(T_of or [T] * len(S_of)))

    yield case("0.24: T 2, 'a'", 2, 3, [1])
    yield case("T 26, N 8, C 37, S 12", 26, 37, [12] * 8)
    yield case("mixed lengths", 30, 10, [3, 12, 1, 7], [30, 28, 5, 17])
    yield case("one label again and again", 20, 5, [4, 10], repeats=True)
    yield case("empty targets among others", 12, 6, [0, 4, 0, 2])
    yield case("infeasible among others", 6, 5, [2, 9, 6, 3])
    if not quick:
        yield case("T 100, N 32, C 80, S 30", 100, 80, [30] * 32)
        yield case("T 500, N 16, C 1000, S 80", 500, 1000, [80] * 16)


def reference(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Losses N and gradients at the logits T N C by the lattice in float64; infeasible samples have the gradient 0."""
    z = case.logits.astype(np.float64)
    log_probs = z - np.logaddexp.reduce(z, axis=2, keepdims=True)
    losses, gradient = np.zeros(len(case.targets)), np.zeros(z.shape)
    for n, (target, T) in enumerate(zip(case.targets, case.input_lengths, strict=True)):
        lattice = forward_backward(log_probs[:T, n], target)
        losses[n] = -lattice.log_likelihood
        if losses[n] < np.inf:
            gradient[:T, n] = np.exp(log_probs[:T, n])
            np.add.at(gradient[:T, n], (slice(None), lattice.rows), -lattice.posterior)
    return losses, gradient


def implementations() -> dict[str, Callable[[Case], Callable[[], tuple[Tensor, Tensor]] | str]]:
    """By name: a function from a case to a call that gives losses and gradients, or to why it does not apply."""
    found = {"torch, CPU": lambda case: _call(case, "cpu", F.ctc_loss)}
    found |= {"package, torch, CPU": lambda case: _call(case, "cpu", _with("torch"))}
    if available("numba"):
        found |= {"package, numba": lambda case: _call(case, "cpu", _with("numba"))}
    if torch.cuda.is_available():
        found |= {"torch, CUDA native": lambda case: _call(case, "cuda", F.ctc_loss)}
        found |= {"torch, cuDNN": _cudnn}
        found |= {"package, torch, CUDA": lambda case: _call(case, "cuda", _with("torch"))}
        if available("triton"):
            found |= {"package, triton": lambda case: _call(case, "cuda", _with("triton"))}
    return found


def _with(kernel: str) -> Callable[..., Tensor]:
    def loss(*arguments, **options) -> Tensor:
        with use_kernel(kernel):
            return ctc_loss(*arguments, **options)

    return loss


def _call(case: Case, device: str, function: Callable[..., Tensor], cudnn: bool = False):
    S_of = [len(target) for target in case.targets]
    if cudnn:
        targets = torch.tensor([k for target in case.targets for k in target], dtype=torch.int32)
    else:  # padded int64 targets keep torch from taking cuDNN
        padded = [target + [1] * (max(S_of) - len(target)) for target in case.targets]
        targets = torch.tensor(padded, dtype=torch.int64, device=device).reshape(len(S_of), -1)
    logits = torch.tensor(case.logits, device=device)

    def run() -> tuple[Tensor, Tensor]:
        leaf = logits.detach().requires_grad_()
        log_probs = leaf.log_softmax(2)
        losses = function(log_probs, targets, case.input_lengths, S_of, reduction="none", zero_infinity=True)
        losses.sum().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        return losses.detach(), leaf.grad

    return run


def _cudnn(case: Case):
    S_of = [len(target) for target in case.targets]
    if set(case.input_lengths) != {len(case.logits)} or max(S_of) > len(case.logits):
        return "does not apply: cuDNN wants full input lengths, and no target longer than them"
    targets = torch.tensor([k for target in case.targets for k in target], dtype=torch.int32)
    log_probs = torch.tensor(case.logits, device="cuda").log_softmax(2)
    if not torch._use_cudnn_ctc_loss(log_probs, targets, case.input_lengths, S_of, 0):
        return "does not apply: torch would not take cuDNN for this batch"
    return _call(case, "cuda", F.ctc_loss, cudnn=True)


def compare(case: Case, name: str, make: Callable, repeats: int) -> Row:
    """Run one implementation on one case and compare it with the reference."""
    run = make(case)
    if isinstance(run, str):
        return Row(case.name, name, 0.0, 0.0, 0.0, run)
    losses, gradient = (x.double().cpu().numpy() for x in run())
    exact_losses, exact_gradient = reference(case)
    exact_losses = np.where(np.isinf(exact_losses), 0.0, exact_losses)  # zero_infinity
    relative = np.abs(losses - exact_losses) / np.maximum(np.abs(exact_losses), 1.0)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return Row(case.name, name, relative.max(), np.abs(gradient - exact_gradient).max(), statistics.median(times))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table. Returns 0 if every implementation of the package is right on every case, else 1."""
    parser = argparse.ArgumentParser(prog="python -m crnn_lessons.ctc.check", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small batches only")
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="timed runs of each (default: 9)")
    arguments = parser.parse_args(argv)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    threads = torch.get_num_threads()
    print(f"torch {torch.__version__}, {platform.machine()}, {threads} CPU threads, {device}")
    print("differences to the lattice in float64: losses (relative), gradients at the logits (absolute)")
    print(f"{'batch':34}{'implementation':22}{'loss':>10}{'gradient':>12}{'ms':>10}")
    wrong = 0
    for case in cases(arguments.quick):
        for name, make in implementations().items():
            row = compare(case, name, make, arguments.repeats)
            print(row, flush=True)
            wrong += name.startswith("package") and not row.remark and not row.within(WITHIN)
    print(f"{wrong} rows of the package are off by {WITHIN:g} or more")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
