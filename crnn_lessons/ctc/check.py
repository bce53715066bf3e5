"""All implementations of CTC side by side: ``python -m crnn_lessons.ctc.check``.

For each case and each implementation that is present (ours, torch on the CPU, torch's native CUDA kernel, cuDNN) one
row: the mean loss of the samples that can be spelt, its largest relative error, the largest error of the gradient with
respect to the logits (where torch's convention and the exact derivative agree), and the time of loss and gradient.
Errors are against the readable lattice in float64.

It exits with 1 if ours is off by more than a millionth, or anyone by more than a hundredth.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from crnn_lessons.ctc.peers import Case, Peer, answer, cases, peers, truth

OURS_WITHIN, OTHERS_WITHIN = 1e-6, 1e-2


@dataclass(frozen=True)
class Row:
    """What one implementation said to one case; ``note`` stands where it said nothing."""

    case: str
    peer: str
    loss: float = float("nan")
    loss_error: float = float("nan")
    gradient_error: float = float("nan")
    ms: float = float("nan")
    note: str = ""

    @property
    def fine(self) -> bool:
        within = OURS_WITHIN if self.peer.startswith("ours") else OTHERS_WITHIN
        return bool(self.note) or (self.loss_error <= within and self.gradient_error <= within)  # NaN is not

    def __str__(self) -> str:
        start = f"{self.case:<24} {self.peer:<26}"
        if self.note:
            return f"{start} - {self.note}"
        numbers = f"{self.loss:>12.5f} {self.loss_error:>11.1e} {self.gradient_error:>11.1e} {self.ms:>10.3f}"
        return f"{start}{numbers}{'' if self.fine else '   <- TOO FAR OFF'}"


def compare(case: Case, peer: Peer, right: tuple[Tensor, Tensor], repetitions: int = 5) -> Row:
    """Ask one implementation, and measure its answer against the right one.

    Args:
        right: N losses and the gradient, T N C, as ``truth`` returns them.
        repetitions: how often the time is taken; the median counts.
    """
    name = f"{peer.name} ({peer.device})" if peer.name.startswith("ours") else peer.name
    note = peer.refuses(case)
    if note:
        return Row(case.name, name, note=note)
    losses, gradient = answer(peer, case)  # the first call may compile
    ms = statistics.median(_milliseconds(peer, case) for _ in range(repetitions))
    fine = case.feasible
    if not torch.equal(losses == torch.inf, ~fine):
        return Row(case.name, name, loss_error=float("inf"), gradient_error=float("inf"), ms=ms)
    mean, expected = losses[fine], right[0][fine]
    loss_error = ((mean - expected).abs() / expected.abs().clamp(min=1)).max().item()
    gradient_error = (gradient - right[1])[:, fine].abs().max().item()
    return Row(case.name, name, mean.mean().item(), loss_error, gradient_error, ms)


def _milliseconds(peer: Peer, case: Case) -> float:
    """Loss and gradient alone: the logits are there already, nothing is brought back, a GPU has finished."""
    logits, counts = case.logits.to(peer.device, copy=True).requires_grad_(), case.feasible.to(peer.device)
    wait = torch.cuda.synchronize if logits.is_cuda else lambda: None
    wait()
    start = time.perf_counter()
    peer.losses(logits, case)[counts].sum().backward()
    wait()
    return 1000 * (time.perf_counter() - start)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 0 if all agree."""
    parser = argparse.ArgumentParser(
        prog="python -m crnn_lessons.ctc.check", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--small", action="store_true", help="leave out the case with 1000 classes")
    parser.add_argument("--seed", type=int, default=0, help="of the random logits and targets (default 0)")
    parser.add_argument("--repetitions", type=int, default=5, help="timed calls; their median is shown (default 5)")
    options = parser.parse_args(arguments)
    present = peers()
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {torch.get_num_threads()} CPU threads")
    if torch.cuda.is_available():
        print(f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}")
    else:
        print("no CUDA device: torch's native CUDA kernel, cuDNN and our Triton kernel are not asked")
    print(f"\n{'case':<24} {'implementation':<26}{'mean loss':>12} {'loss off':>11} {'grad off':>11} {'ms':>10}")
    rows = []
    for case in cases(options.seed, large=not options.small):
        right = truth(case)
        for peer in present:
            rows.append(compare(case, peer, right, options.repetitions))
            print(rows[-1], flush=True)
    wrong = sum(not row.fine for row in rows)
    print(f"\n{'all agree' if not wrong else f'{wrong} rows are too far off'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
