"""How well and how fast do readers read the same images? Ours beside Tesseract, in one run.

    python tests/benchmarks/readers.py FOLDER... [--limit 500] [--weights FILE...]

Each FOLDER holds images of one word each and ``labels.tsv``. Without any, those named words_iiit5k_train,
words_svt_train and captcha in the folder of the environment variable CRNN_LESSONS_DATA are read. Scores compare small
letters and digits alone: word accuracy, character error rate, 1-NED.

Tesseract (Debian: tesseract-ocr) reads as well as we could make it: its LSTM engine, --psm 8 (one word), letters and
digits as whitelist, images made grey and enlarged to a height of 64 pixels, one thread. (A border around the word, the
mode for a line, 32 or 48 pixels read worse; 96 pixels as well as 64, and slower.) It reads all images of a folder in
one process, from a list; "one by one" starts a process for each image of a smaller sample, as a script would. Times
are from the image file to the text, by the clock and of the processor (what counts where others use the machine); ours
is one image at a time, one thread, after a first one. Enlarging Tesseract's images is not in its times.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.pictures import load_grey
from crnn_lessons.metrics import character_error_rate, fold, one_minus_ned, word_accuracy
from crnn_lessons.reader import Reader
from crnn_lessons.text.fonts import ALPHANUMERIC

VARIABLE = "CRNN_LESSONS_DATA"
FOLDERS = ("words_iiit5k_train", "words_svt_train", "captcha")


@dataclass(frozen=True)
class Run:
    """Texts, and the seconds they took."""

    texts: list[str]
    clock: float
    processor: float


class Stopwatch:
    """Seconds by the clock, and of the processor in this process and those it waited for."""

    def __enter__(self) -> Stopwatch:
        self._clock, self._processor = time.perf_counter(), self._used()
        return self

    def __exit__(self, *_: object) -> None:
        self.clock, self.processor = time.perf_counter() - self._clock, self._used() - self._processor

    @staticmethod
    def _used() -> float:
        spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in spent)


def read_ours(reader: Reader, paths: list[Path]) -> Run:
    reader.read(paths[0])  # the first call pays for what is loaded once
    with Stopwatch() as watch:
        texts = [reader.read(path).text for path in paths]
    return Run(texts, watch.clock, watch.processor)


def enlarged(path: Path, height: int, border: int) -> np.ndarray:
    """A picture as Tesseract likes it: grey, of the given height, its edges drawn out into a border."""
    grey = load_grey(path)
    scale = height / grey.shape[0]
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
    edge = float(np.median(np.concatenate([large[0], large[-1], large[:, 0], large[:, -1]])))
    return cv2.copyMakeBorder(large, border, border, border, border, cv2.BORDER_CONSTANT, value=edge)


class Tesseract:
    """The command, with the settings that read single words best."""

    def __init__(self, command: str, psm: int, height: int, border: int, whitelist: bool):
        self.command, self.height, self.border = command, height, border
        self.options = ["--oem", "1", "--psm", str(psm), "--dpi", "150"]
        self.options += ["-c", f"tessedit_char_whitelist={ALPHANUMERIC}"] if whitelist else []

    def version(self) -> str:
        return subprocess.run([self.command, "--version"], capture_output=True, text=True).stdout.split("\n")[0]

    def prepare(self, paths: list[Path], folder: Path) -> list[Path]:
        made = [folder / f"{i:06d}.png" for i in range(len(paths))]
        for path, target in zip(paths, made, strict=True):
            cv2.imwrite(str(target), enlarged(path, self.height, self.border))
        return made

    def _pages(self, source: Path, pages: int) -> list[str]:
        """The text of each page; from the table of words, because empty pages may leave no trace in plain text."""
        done = subprocess.run(
            [self.command, str(source), "stdout", *self.options, "tsv"], capture_output=True, text=True,
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"tesseract failed: {done.stderr.strip()}")
        texts = [""] * pages
        for line in done.stdout.splitlines()[1:]:
            level, page, *_, text = line.split("\t")
            if level == "5":  # a word
                texts[int(page) - 1] += text
        return texts

    def read_list(self, pictures: list[Path]) -> Run:
        """All pictures in one process."""
        names = pictures[0].parent / "list.txt"
        names.write_text("".join(f"{p}\n" for p in pictures))
        with Stopwatch() as watch:
            texts = self._pages(names, len(pictures))
        return Run(texts, watch.clock, watch.processor)

    def read_one_by_one(self, pictures: list[Path]) -> Run:
        """A process for each picture."""
        with Stopwatch() as watch:
            texts = [self._pages(picture, 1)[0] for picture in pictures]
        return Run(texts, watch.clock, watch.processor)


def row(name: str, run: Run, texts: list[str]) -> None:
    got, due = [fold(t) for t in run.texts], [fold(t) for t in texts]
    scores = f"{100 * word_accuracy(got, due):9.1f} {100 * character_error_rate(got, due):9.1f}"
    scores += f" {100 * one_minus_ned(got, due):9.1f}"
    times = [1000 * seconds / len(due) for seconds in (run.clock, run.processor)]
    print(f"  {name:<28} {len(due):>5} {scores} {times[0]:9.1f} {times[1]:9.1f}", flush=True)


def sample(folder: Path, limit: int, seed: int) -> list[tuple[Path, str]]:
    """The images whose label has a letter or digit; a fixed choice of them where there are more than ``limit``."""
    pairs = [(path, text) for path, text in read_folder(folder) if fold(text)]
    if limit and len(pairs) > limit:
        chosen = np.random.default_rng(seed).permutation(len(pairs))[:limit]
        pairs = [pairs[i] for i in sorted(chosen)]
    return pairs


def compare(folder: Path, readers: dict[str, Reader], tesseract: Tesseract | None, o: argparse.Namespace) -> None:
    pairs = sample(folder, o.limit, o.seed)
    paths, texts = [p for p, _ in pairs], [t for _, t in pairs]
    print(f"{folder.name}: {len(pairs)} of {len(read_folder(folder))} images")
    for name, reader in readers.items():
        row(f"ours, {name}", read_ours(reader, paths), texts)
    if tesseract is None:
        return
    with tempfile.TemporaryDirectory() as scratch:
        pictures = tesseract.prepare(paths, Path(scratch))
        row("Tesseract, one process", tesseract.read_list(pictures), texts)
        if o.one_by_one:
            few = min(o.one_by_one, len(pictures))
            row("Tesseract, one by one", tesseract.read_one_by_one(pictures[:few]), texts[:few])


def folders_at_hand() -> list[Path]:
    root = os.environ.get(VARIABLE)
    if not root:
        print(f"skipped: no folder was named, and the environment variable {VARIABLE} is not set")
        return []
    for name in FOLDERS:
        if not (Path(root) / name).is_dir():
            print(f"skipped: {VARIABLE} has no folder {name}")
    return [Path(root) / name for name in FOLDERS if (Path(root) / name).is_dir()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--limit", type=int, default=500, help="images of a folder, chosen at random; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of that choice")
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="readers beside the shipped one")
    parser.add_argument("--tesseract", default="tesseract", metavar="COMMAND")
    parser.add_argument("--psm", type=int, default=8)
    parser.add_argument("--height", type=int, default=64, help="pixels to which Tesseract's images are enlarged")
    parser.add_argument("--border", type=int, default=0, help="pixels around them")
    parser.add_argument("--no-whitelist", action="store_true")
    parser.add_argument("--one-by-one", type=int, default=50, metavar="N", help="images with a process each; 0: none")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tesseract = None
    if shutil.which(options.tesseract):
        how = options.psm, options.height, options.border, not options.no_whitelist
        tesseract = Tesseract(options.tesseract, *how)
        print(f"{tesseract.version()}: {' '.join(tesseract.options[:6])}, height {options.height}, one thread")
    else:
        print(f"Tesseract skipped: there is no command {options.tesseract!r}; Debian's package is tesseract-ocr")
    readers = {"shipped": Reader(), **{Path(w).stem: Reader(w) for w in options.weights}}
    print(f"torch {torch.__version__}, one thread\n")
    print(f"  {'':<28} {'n':>5} {'words %':>9} {'CER %':>9} {'1-NED %':>9} {'ms clock':>9} {'ms CPU':>9}")
    for folder in options.folders or folders_at_hand():
        try:
            compare(folder, readers, tesseract, options)
        except FileNotFoundError as error:
            print(f"skipped: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
