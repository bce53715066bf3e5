"""How long does a reader of raw pixels train until it reads digit strings, and does normalisation pay?

Digit strings of 1 to 6 digits in six faces; the 1,000 of the test are none of those trained on. Times are process times
(all threads together) of the training alone, after one warm-up step that loads the kernel; one thread unless --threads
says more.

    python tests/benchmarks/raw_pixels.py [--seeds 5] [--threads 1] [--moved]
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from statistics import mean, median

import matplotlib
import numpy as np
import torch

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.metrics import word_accuracy
from crnn_lessons.reader.raw_pixels import ColumnReader, read_lines, train_reader
from crnn_lessons.text.lines import Line, digit_strings, print_line, printed_lines
from crnn_lessons.text.normalise import normalise

FOLDER = Path(matplotlib.get_data_path()) / "fonts/ttf"
FACES = [
    FOLDER / f"DejaVu{name}.ttf" for name in ("Sans", "Sans-Bold", "Sans-Oblique", "SansMono", "Serif", "Serif-Bold")
]
DIGITS = Alphabet("0123456789")
FORMS = {"moments": 2.5, "mean": 3.0, "centre line": 3.0}


def train(
    lines: list[Line], steps: int, seed: int, standardise: bool = True
) -> tuple[ColumnReader, list[float], float]:
    """A trained reader, its losses, and the seconds of processor time that it took."""
    torch.manual_seed(seed)
    reader = ColumnReader(len(lines[0][0]), DIGITS.num_classes)
    if standardise:
        reader.standardise(image for image, _ in lines)
    start = time.process_time()
    losses = train_reader(reader, lines, DIGITS, steps, seed=seed)
    return reader, losses, time.process_time() - start


def accuracy(reader: ColumnReader, lines: list[Line]) -> float:
    images, texts = zip(*lines, strict=True)
    return word_accuracy(read_lines(reader, images, DIGITS), texts)


def end_of_plateau(losses: list[float]) -> float:
    """The first step at which the mean loss of ten steps is below 1.4 nats a digit, half of the blind network's."""
    for step in range(10, len(losses) + 1):
        if mean(losses[step - 10 : step]) < 1.4:
            return step
    return math.inf


def strings_not_in(lines: list[Line], rng: np.random.Generator, count: int, shortest: int = 1) -> list[str]:
    """Fresh strings; of one and two digits there are too few to be new."""
    known = {text for _, text in lines}
    return [text for text in digit_strings(rng, 5 * count, shortest) if text not in known][:count]


def plain(seeds: int) -> None:
    """The lesson's setting over several seeds, with and without standardised pixels, and with half of the steps."""
    print(f"{'setting':34}{'strings, %: worst':>20}{'median':>8}{'end of plateau':>16}{'seconds':>9}")
    for name, steps, standardise in [
        ("500 steps", 500, True),
        ("300 steps", 300, True),
        ("500 steps, pixels from 0 to 1", 500, False),
    ]:
        rows = []
        for seed in range(seeds):
            rng = np.random.default_rng([8, seed])
            lines = printed_lines(digit_strings(rng, 3000), FACES, rng)
            fresh = printed_lines(strings_not_in(lines, rng, 1000), FACES, rng)
            reader, losses, seconds = train(lines, steps, seed, standardise)
            rows.append((100 * accuracy(reader, fresh), end_of_plateau(losses), seconds))
        scores, ends, times = zip(*rows, strict=True)
        print(f"{name:34}{min(scores):20.1f}{median(scores):8.1f}{median(ends):16.0f}{median(times):9.1f}", flush=True)


def moved_lines(rng: np.random.Generator, texts: list[str], shift: int, scale: float) -> list[Line]:
    lines = []
    for text in texts:
        row, face = 21 + int(rng.integers(-shift, shift + 1)), FACES[int(rng.choice([0, 1, 4]))]
        lines.append((print_line(text, face, 15 * np.exp(rng.uniform(-scale, scale)), 32, row), text))
    return lines


def moved(seeds: int) -> None:
    """Trained on plain lines and tested on moved ones, by form; and trained on moved ones."""
    kinds = {"plain": (0, 0.0), "shifted": (6, 0.0), "scaled": (0, 0.3), "both": (6, 0.3)}
    print(f"{'strings read, %, mean over seeds':34}", *[f"{kind:>9}" for kind in kinds])
    for name in ("raw", *FORMS, "raw, trained on both", "the same, twice as long"):

        def form(lines: list[Line], name: str = name) -> list[Line]:
            if name not in FORMS:
                return lines
            return [(normalise(i, name, height=20, padding=2, reach=FORMS[name]), t) for i, t in lines]

        rows = []
        for seed in range(seeds):
            rng = np.random.default_rng([9, seed])
            how = kinds["plain" if name == "raw" or name in FORMS else "both"]
            lines = moved_lines(rng, digit_strings(rng, 3000, 3), *how)
            tests = [moved_lines(rng, strings_not_in(lines, rng, 300, 3), *how) for how in kinds.values()]
            reader, _, _ = train(form(lines), 1400 if "twice" in name else 700, seed)
            rows.append([100 * accuracy(reader, form(test)) for test in tests])
        print(f"{name:34}", *[f"{value:9.1f}" for value in np.mean(rows, axis=0)], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--moved", action="store_true", help="shifted and scaled text instead")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    train(printed_lines(digit_strings(rng, 20), FACES, rng), 1, 0)  # loads the kernel of the loss
    (moved if args.moved else plain)(args.seeds)


if __name__ == "__main__":
    main()
