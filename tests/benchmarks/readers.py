"""How well and how fast do readers read the same images? Every reader at hand on every set at hand, in one run.

    python tests/benchmarks/readers.py [FOLDER...] [--limit 500] [--weights FILE...]

Each FOLDER holds images of one word each and ``labels.tsv``. Without any, those in SETS are looked for in the folder
of the environment variable CRNN_LESSONS_DATA, or in ../shared/data beside the repository; what is absent is skipped
with a sentence. Beside ours stand Tesseract and rapidocr-onnxruntime where they are installed.

Scores compare small letters and digits alone: word accuracy, character error rate, 1-NED. ``even`` and ``odd`` are the
accuracies on the two halves of a set: the makers of our reader looked at pictures of the even half, and chose by it;
nobody looked at the odd one. Times are from the image file to the text, by the clock and of the processor, one image
at a time, one thread, after a first one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from others.rapidocr import RapidOCR
from others.stopwatch import Run, Stopwatch
from others.tesseract import Tesseract

from crnn_lessons.data.folders import read_folder
from crnn_lessons.metrics import character_error_rate, fold, one_minus_ned, word_accuracy
from crnn_lessons.reader import Reader

VARIABLE = "CRNN_LESSONS_DATA"
BESIDE = Path(__file__).resolve().parents[3] / "shared/data"
SETS = ("words_iiit5k_train", "words_svt_train", "words_svtp_half", "words_cute_half", "captcha")


class Ours:
    """A reader of this package."""

    def __init__(self, weights: str | None = None, words: bool = True):
        self.name = f"ours, {Path(weights).stem if weights else 'shipped'}{'' if words else ', literal'}"
        self._reader = Reader(weights, words=words)
        self.parameters = self._reader.model.num_parameters

    def read(self, paths: list[Path]) -> Run:
        self._reader.read(paths[0])  # the first call pays for what is loaded once
        with Stopwatch() as watch:
            texts = [self._reader.read(path).text for path in paths]
        return Run(texts, watch.clock, watch.processor)


def at_hand(makers: list[Callable[[], object]]) -> list:
    """The readers that can be made; for the others, a line that says why not."""
    found = []
    for make in makers:
        try:
            found.append(make())
        except FileNotFoundError as error:
            print(f"skipped: {error}")
    return found


def sample(folder: Path, limit: int, seed: int) -> tuple[list[tuple[Path, str]], np.ndarray]:
    """The images whose label has a letter or digit, at most ``limit`` by a fixed choice, and their places."""
    pairs = [(place, path, text) for place, (path, text) in enumerate(read_folder(folder)) if fold(text)]
    if limit and len(pairs) > limit:
        chosen = np.random.default_rng(seed).permutation(len(pairs))[:limit]
        pairs = [pairs[i] for i in sorted(chosen)]
    return [(path, text) for _, path, text in pairs], np.array([place for place, _, _ in pairs])


def row(reader: object, run: Run, texts: list[str], places: np.ndarray) -> None:
    got, due = [fold(t) for t in run.texts], [fold(t) for t in texts]
    right = np.array([g == d for g, d in zip(got, due, strict=True)])
    halves = [100 * right[places % 2 == k].mean() if np.any(places % 2 == k) else np.nan for k in (0, 1)]
    scores = [100 * word_accuracy(got, due), *halves]
    scores += [100 * character_error_rate(got, due), 100 * one_minus_ned(got, due)]
    times = [1000 * seconds / len(due) for seconds in (run.clock, run.processor)]
    size = f"{reader.parameters / 1e6:.2f} M" if reader.parameters else ""
    numbers = " ".join(f"{value:8.1f}" for value in [*scores, *times])
    print(f"  {reader.name:<52} {size:>8} {len(due):>5} {numbers}", flush=True)


def root_of_data() -> Path:
    return Path(os.environ.get(VARIABLE) or BESIDE)


def folders_at_hand() -> list[Path]:
    root = root_of_data()
    if not root.is_dir():
        print(f"skipped: no folder was named, {VARIABLE} is not set, and there is no ../shared/data")
        return []
    for name in SETS:
        if not (root / name).is_dir():
            print(f"skipped: there is no folder {name} among the data")
    return [root / name for name in SETS if (root / name).is_dir()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--limit", type=int, default=500, help="images of a folder, chosen at random; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of that choice")
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="readers beside the shipped one")
    parser.add_argument("--ours", action="store_true", help="leave the readers of other makers out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    makers = [Ours, lambda: Ours(words=False), *(lambda w=w: Ours(w) for w in options.weights)]
    readers = at_hand(makers if options.ours else [*makers, Tesseract, RapidOCR])
    print(f"torch {torch.__version__}, one thread\n")
    heads = ("words %", "even %", "odd %", "CER %", "1-NED %", "ms clock", "ms CPU")
    print(f"  {'':<52} {'size':>8} {'n':>5} " + " ".join(f"{head:>8}" for head in heads))
    for folder in options.folders or folders_at_hand():
        try:
            pairs, places = sample(folder, options.limit, options.seed)
        except FileNotFoundError as error:
            print(f"skipped: {error}", file=sys.stderr)
            continue
        print(f"{folder.name}: {len(pairs)} images")
        for reader in readers:
            row(reader, reader.read([path for path, _ in pairs]), [text for _, text in pairs], places)


if __name__ == "__main__":
    main()
