"""What does a reader gain and lose when it is exported? Size, time and accuracy of the same weights, run four ways.

    python tests/benchmarks/export.py [--limit 300] [--weights FILE]

torch eager; torch.compile; the ONNX file in onnxruntime; the ONNX file with weights of 8 bits. Milliseconds are those
of the network alone, one thread, the least of several rounds, for 1 and 64 pictures of 32 x 144. Words are those of the
photographs that tests/benchmarks/readers.py names, at most ``--limit`` of each set, read as ``read`` does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from copy import copy
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from readers import folders_at_hand, sample

from crnn_lessons.metrics import fold
from crnn_lessons.models.to_onnx import Portable, missing_packages, session, to_int8, to_onnx
from crnn_lessons.reader import Reader
from crnn_lessons.reader.reading import WEIGHTS

Run = Callable[[np.ndarray], np.ndarray]
"""From pictures, float32 `N 1 H W`, to log-probabilities `T N C`."""


class RunBy(Reader):
    """A reader whose network is run in another way."""

    def __init__(self, reader: Reader, run: Run):
        self.__dict__ |= copy(reader).__dict__
        self.run = run

    def log_probs(self, picture: np.ndarray) -> torch.Tensor:
        images = picture.reshape(-1, 1, *picture.shape[-2:]).astype(np.float32) / 255
        log_probs = torch.from_numpy(self.run(images)).transpose(0, 1)  # N T C
        return log_probs if picture.ndim == 3 else log_probs[0]


def by_torch(model: torch.nn.Module) -> Run:
    def run(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(images)).numpy()

    return run


def by_onnx(file: bytes) -> Run:
    inner = session(file)
    return lambda images: inner.run(["log_probs"], {"images": images})[0]


def milliseconds(run: Run, count: int, rounds: int) -> float:
    images = np.random.default_rng(0).random((count, 1, 32, 144), dtype=np.float32)
    run(images)  # the first call pays for what is made once
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run(images)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=300, help="images of a folder, chosen at random; 0: all")
    parser.add_argument("--weights", help="weights that train wrote (default: the shipped ones)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    reader = Reader(options.weights)
    weights = Path(options.weights) if options.weights else files("crnn_lessons") / WEIGHTS
    plain = Portable(reader.model).eval()
    ways: list[tuple[str, float, Run]] = [("torch eager", len(weights.read_bytes()), by_torch(plain))]
    compiled = by_torch(torch.compile(plain, dynamic=True))
    try:
        compiled(np.zeros((1, 1, 32, 144), np.float32))
        ways.append(("torch.compile", np.nan, compiled))
    except Exception as error:  # no compiler of C++, or a Python that torch cannot compile
        print(f"skipped: torch.compile ({str(error).strip().splitlines()[0]})")
    if missing := missing_packages():
        print(f"skipped: onnxruntime ({' and '.join(missing)} not installed)")
    else:
        file = to_onnx(reader.model, reader.alphabet)
        small = to_int8(file)
        ways += [("onnxruntime", len(file), by_onnx(file)), ("onnxruntime, int8", len(small), by_onnx(small))]
    sets = {folder.name: sample(folder, options.limit, 0)[0] for folder in folders_at_hand()}
    print(f"torch {torch.__version__}, one thread; words: share read right, and read as torch eager does\n")
    heads = "".join(f"{name.removeprefix('words_'):>22}" for name in sets)
    print(f"{'':<20}{'MB':>7}{'ms at 1':>10}{'ms at 64':>10}{heads}")
    first: dict[str, list[str]] = {}
    for name, size, run in ways:
        times = [milliseconds(run, 1, 30), milliseconds(run, 64, 5)]
        other, scores = RunBy(reader, run), ""
        for folder, pairs in sets.items():
            texts = [fold(other.read(path).text) for path, _ in pairs]
            right = np.mean([text == fold(due) for text, (_, due) in zip(texts, pairs, strict=True)])
            same = np.mean([a == b for a, b in zip(texts, first.setdefault(folder, texts), strict=True)])
            scores += f"{f'{right:.1%} {same:.1%}':>22}"
        print(f"{name:<20}{size / 1e6:>7.2f}{times[0]:>10.2f}{times[1]:>10.1f}{scores}", flush=True)


if __name__ == "__main__":
    main()
