"""How much faster than torch's is the package's CTC on a CPU? Loss and gradient, medians of interleaved runs.

    python tests/benchmarks/ctc_speed.py [--threads 1 2] [--rounds 60]

Two tasks: log-probabilities in (a leaf), and logits in (torch: log_softmax and its loss; the package: in one step).
Lengths are tensors for both, targets padded int64. The first line says how long the very first calls took.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits

SIZES = [(26, 64, 37, 12), (100, 32, 80, 30), (500, 16, 1000, 80), (500, 16, 80, 80), (1500, 8, 32, 200)]


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def tasks(T: int, N: int, C: int, S: int, dtype: torch.dtype) -> dict[str, dict[str, object]]:
    """The calls to compare: by task, by whose implementation."""
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(T, N, C)), dtype=dtype)
    targets = torch.tensor(rng.integers(1, C, size=(N, S)))
    T_of, S_of = torch.full((N,), T), torch.full((N,), S)

    def call(function, scores):
        def run():
            leaf = scores.detach().requires_grad_()
            function(leaf, targets, T_of, S_of, reduction="sum").backward()

        return run

    def through_log_softmax(scores, *arguments, **options):
        return F.ctc_loss(scores.log_softmax(2), *arguments, **options)

    log_probs = logits.log_softmax(2)
    return {
        "log-probabilities": {"torch": call(F.ctc_loss, log_probs), "package": call(ctc_loss, log_probs)},
        "logits": {"torch": call(through_log_softmax, logits), "package": call(ctc_loss_from_logits, logits)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=60, help="runs of each, at most")
    parser.add_argument("--double", action="store_true", help="float64 in place of float32")
    arguments = parser.parse_args()
    dtype = torch.float64 if arguments.double else torch.float32
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        first = seconds(tasks(8, 4, 5, 2, dtype)["log-probabilities"]["package"])
        print(f"\n{threads} thread(s), {dtype}; first call {first:.2f} s (compiled, or taken from the cache on disk)")
        print(f"{'T, N, C, S':22}{'task':20}{'torch, ms':>11}{'package, ms':>13}{'ratio':>8}   ratios, 10 to 90 %")
        for size in SIZES:
            for task, calls in tasks(*size, dtype).items():
                rounds = max(7, min(arguments.rounds, int(4.0 / seconds(calls["torch"]))))
                calls["package"]()
                pairs = [(seconds(calls["torch"]), seconds(calls["package"])) for _ in range(rounds)]
                theirs, ours = (1000 * statistics.median(x) for x in zip(*pairs, strict=True))
                ratios = sorted(a / b for a, b in pairs)
                low, middle, high = ratios[len(ratios) // 10], statistics.median(ratios), ratios[-len(ratios) // 10]
                print(
                    f"{size!s:22}{task:20}{theirs:11.3f}{ours:13.3f}{middle:8.1f}   {low:.1f} to {high:.1f}", flush=True
                )


if __name__ == "__main__":
    main()
