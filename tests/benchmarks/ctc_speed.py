"""How many times faster than torch is our CTC on the CPU? ``python tests/benchmarks/ctc_speed.py``

Loss and gradient of the same batch by both, float32 (or ``--double``), with 1 thread and with 2. Two tasks:
``log_probs`` (a leaf, then ctc_loss, then backward) and ``logits`` (theirs through log_softmax, ours fused). The two
are interleaved in rounds, theirs and ours by turns. Within a round one call follows another, and the first of it is not
counted: it pays for the caches and the memory that the other has left behind. With ``--by-turns`` a round is one call,
and nothing is left out. Median milliseconds, the ratio of the medians, and in brackets that of the tenth percentiles,
which a busy machine disturbs less.

``--first`` measures the first call of a new process instead, with the machine code on disk and without.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits

SIZES = [(26, 64, 37, 12), (100, 32, 80, 30), (500, 16, 80, 80), (500, 16, 1000, 80), (1500, 8, 32, 200)]
FIRST = """
import time, torch
from crnn_lessons.ctc import ctc_loss
torch.set_num_threads({threads})
x = torch.zeros(9, 4, 5).log_softmax(2).requires_grad_()
start = time.perf_counter()
ctc_loss(x, torch.ones(4, 2, dtype=torch.int64), [9] * 4, [2] * 4).backward()
print(time.perf_counter() - start)
"""


def milliseconds(loss: Callable, leaf: torch.Tensor, arguments: tuple) -> float:
    leaf = leaf.detach().requires_grad_()
    start = time.perf_counter()
    loss(leaf, *arguments).backward()
    return 1000 * (time.perf_counter() - start)


def measure(size: tuple[int, int, int, int], dtype: torch.dtype, rounds: int, calls: int) -> None:
    T, N, C, S = size
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(T, N, C, generator=generator, dtype=dtype)
    targets = torch.randint(1, C, (N, S), generator=generator)
    arguments = targets, torch.full((N,), T), torch.full((N,), S)
    tasks = {
        "log_probs": (F.ctc_loss, ctc_loss, logits.log_softmax(2)),
        "logits": (lambda x, *a: F.ctc_loss(x.log_softmax(2), *a), ctc_loss_from_logits, logits),
    }
    for task, (theirs, ours, leaf) in tasks.items():
        taken: dict[Callable, list[float]] = {theirs: [], ours: []}
        for _ in range(rounds):
            for loss, times in taken.items():
                series = [milliseconds(loss, leaf, arguments) for _ in range(calls)]
                times += series[1:] if calls > 1 else series
        (their_median, their_tenth), (our_median, our_tenth) = (np.percentile(t, (50, 10)) for t in taken.values())
        print(
            f"{size!s:<22} {torch.get_num_threads():>7} {task:<10} {their_median:>9.3f} {our_median:>9.3f}"
            f" {their_median / our_median:>8.1f}x ({their_tenth / our_tenth:.1f}x)",
            flush=True,
        )


def first_call(threads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        command = [sys.executable, "-c", FIRST.format(threads=threads)]
        for what in ("without machine code on disk", "with it"):
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            print(f"first call, {threads} threads, {what}: {float(run.stdout):.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--double", action="store_true", help="float64 instead of float32")
    parser.add_argument("--rounds", type=int, default=8, help="default 8")
    parser.add_argument("--by-turns", action="store_true", help="one call a round, and all of them count")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], help="default 1 2")
    parser.add_argument("--first", action="store_true", help="the first call of a new process instead")
    options = parser.parse_args()
    if options.first:
        for threads in options.threads:
            first_call(threads)
        return
    print(f"{'T, N, C, S':<22} {'threads':>7} {'task':<10} {'torch ms':>9} {'ours ms':>9} {'ratio':>9}")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for size in SIZES:
            calls = 1 if options.by_turns else (40 if size[0] <= 100 else 6)
            rounds = options.rounds * (5 if options.by_turns else 1)
            measure(size, torch.float64 if options.double else torch.float32, rounds, calls)


if __name__ == "__main__":
    main()
