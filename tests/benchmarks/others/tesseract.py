"""Tesseract (Debian: tesseract-ocr), with the settings that read single words best.

Its LSTM engine, --psm 8 (one word), letters and digits as whitelist, images made grey and enlarged to a height of 64
pixels, one thread. (A border around the word, the mode for a line, 32 or 48 pixels read worse; 96 pixels as well as
64, and slower.) Enlarging is not in its times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from crnn_lessons.data.pictures import load_grey
from crnn_lessons.text.fonts import ALPHANUMERIC
from others.stopwatch import Run, Stopwatch

HEIGHT = 64
OPTIONS = ["--oem", "1", "--psm", "8", "--dpi", "150", "-c", f"tessedit_char_whitelist={ALPHANUMERIC}"]


class Tesseract:
    """The command; all images of a folder in one process, from a list.

    Raises:
        FileNotFoundError: there is no such command.
    """

    parameters = None  # not published with the package

    def __init__(self, command: str = "tesseract"):
        if shutil.which(command) is None:
            raise FileNotFoundError(f"there is no command {command!r}; Debian's package is tesseract-ocr")
        self.command = command
        self.name = subprocess.run([command, "--version"], capture_output=True, text=True).stdout.split("\n")[0].strip()

    def read(self, paths: list[Path]) -> Run:
        with tempfile.TemporaryDirectory() as scratch:
            names = Path(scratch) / "list.txt"
            made = [Path(scratch) / f"{i:06d}.png" for i in range(len(paths))]
            for path, target in zip(paths, made, strict=True):
                cv2.imwrite(str(target), enlarged(path))
            names.write_text("".join(f"{path}\n" for path in made))
            with Stopwatch() as watch:
                texts = self._pages(names, len(made))
        return Run(texts, watch.clock, watch.processor)

    def _pages(self, source: Path, pages: int) -> list[str]:
        """The text of each page; from the table of words, because empty pages may leave no trace in plain text."""
        done = subprocess.run(
            [self.command, str(source), "stdout", *OPTIONS, "tsv"], capture_output=True, text=True,
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


def enlarged(path: Path) -> np.ndarray:
    """A picture as Tesseract likes it: grey, of its height."""
    grey = load_grey(path)
    scale = HEIGHT / grey.shape[0]
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)
