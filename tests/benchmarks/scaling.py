"""What do several processes cost each other? A step of training, and the all-reduce of its gradient, measured here.

    python tests/benchmarks/scaling.py [--preset small] [--repeat 3] [--table notebooks/scaling.csv]

One, two and four processes that `torchrun` starts on this machine, each with one thread; they talk by gloo. The table
has a line for each thing measured, with its smallest and its median time over all repetitions:

    compute     forward and backward of one process on its own part of a batch; nothing is sent
    all-reduce  the sum of a vector over the processes, for vectors of 1 KiB to 16 MiB
    step        both: its own part, and the all-reduce of the gradient, as training does it

Processes that do not have a core each are asked for the all-reduce alone.
Other programs on the machine make the times longer, never shorter: the smallest is the one to believe.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.utils import parameters_to_vector

from crnn_lessons.ctc import ctc_loss
from crnn_lessons.files import write_atomically
from crnn_lessons.models import build

COLUMNS = ("what", "processes", "samples", "bytes", "least", "median")
PARTS = (8, 16, 32)  # samples of one process
SIZES = tuple(1 << power for power in range(10, 25))  # bytes of a vector
NUM_CLASSES, CHARACTERS = 37, 6


def seconds(work: Callable[[], object], rounds: int, warm_up: int = 2) -> list[float]:
    """How long each round takes, begun by all processes at the same time."""
    took = []
    for _ in range(warm_up + rounds):
        dist.barrier()
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return took[warm_up:]


def worker(preset: str) -> None:
    """Measure on one process; the first one prints."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    P, found = dist.get_world_size(), []
    torch.manual_seed(0)
    model = build(preset, NUM_CLASSES)
    size = sum(p.numel() for p in model.parameters()) * 4

    def backward(samples: int) -> None:
        images = torch.randn(samples, 1, model.config.height, model.config.width)
        logits, lengths = model(images)
        targets = torch.randint(1, NUM_CLASSES, (samples * CHARACTERS,))
        model.zero_grad()
        ctc_loss(logits.log_softmax(-1), targets, lengths, [CHARACTERS] * samples).backward()

    def step(samples: int) -> None:
        backward(samples)
        dist.all_reduce(parameters_to_vector([p.grad for p in model.parameters()]))

    parts = PARTS if P <= (os.cpu_count() or 1) else ()
    for samples in parts:
        found.append(("compute", P, samples, 0, seconds(lambda n=samples: backward(n), 5)))
    if P > 1:
        for samples in parts:
            found.append(("step", P, samples, size, seconds(lambda n=samples: step(n), 5)))
        for length in SIZES:
            vector = torch.zeros(length // 4)
            rounds = 100 if length < 1 << 20 else 20
            found.append(("all-reduce", P, 0, length, seconds(lambda v=vector: dist.all_reduce(v), rounds)))
    if dist.get_rank() == 0:
        for *what, took in found:
            print("measured", *what, *(f"{t:.3e}" for t in took))
    dist.destroy_process_group()


def measure(preset: str, processes: int) -> list[list[str]]:
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", __file__]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*run, "--worker", "--preset", preset], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"the measurement on {processes} processes failed:\n{done.stderr[-2000:]}")
    return [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("measured")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, help="write the table here, too; lesson 14 reads notebooks/scaling.csv")
    parser.add_argument("--preset", default="small", help="the network (default: small)")
    parser.add_argument("--repeat", type=int, default=3, help="how often to start the processes anew (default: 3)")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.worker:
        worker(o.preset)
        return
    took = defaultdict(list)
    for _ in range(o.repeat):
        for processes in (1, 2, 4):
            for row in measure(o.preset, processes):
                took[tuple(row[:4])] += [float(t) for t in row[4:]]
    parameters = sum(p.numel() for p in build(o.preset, NUM_CLASSES).parameters())
    text = io.StringIO()
    text.write("# seconds; made by: python tests/benchmarks/scaling.py\n")
    text.write(f"# preset {o.preset}, {parameters} parameters in float32; gloo; one thread a process\n")
    text.write(f"# torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores\n")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for what, times in took.items():
        table.writerow([*what, f"{min(times):.3e}", f"{statistics.median(times):.3e}"])
    if o.table:
        write_atomically(o.table, text.getvalue().encode())
    print(text.getvalue(), end="")


if __name__ == "__main__":
    main()
