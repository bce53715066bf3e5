"""How fast are word images read? ``python tests/benchmarks/reading_words.py [--count N] [--rounds R]``

The same rendered words as files, in LMDB and in shards; words a second, in one process, in the order of the source and
in a random one: the bytes of the images alone, and the images opened and fitted to a height of 32. The forms take turns
in each round; the median of the rounds is shown. The files are in the cache of the system, as in all epochs but the
first of a set that fits into memory.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from crnn_lessons.data.lmdb import write_lmdb
from crnn_lessons.data.shards import write_shards
from crnn_lessons.data.sources import Words, open_words
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.text.render import render_word


def write(folder: Path, count: int) -> None:
    """Words as PNG files with a table, from a hundred different pictures."""
    font, files = system_directories()[-1] / "DejaVuSans.ttf", []
    for i in range(min(count, 100)):
        file = io.BytesIO()
        Image.fromarray(render_word(f"word{i}", font, np.random.default_rng(i))).save(file, "PNG")
        files.append(file.getvalue())
    folder.mkdir()
    for i in range(count):
        (folder / f"{i:06d}.png").write_bytes(files[i % len(files)])
    (folder / "labels.tsv").write_text("".join(f"{i:06d}.png\tword{i % 100}\n" for i in range(count)))


def read_bytes(path: Path, seed: int | None) -> int:
    words = Words(path, seed=seed)
    return sum(len(image if isinstance(image, bytes) else image.read_bytes()) > 0 for _, (image, _) in words.samples())


def read_images(path: Path, seed: int | None) -> int:
    return sum(image.shape[0] == 32 for image, _ in Words(path, seed=seed))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        forms = {form: Path(top) / form for form in ("files", "LMDB", "shards")}
        write(forms["files"], a.count)
        write_lmdb(forms["files"], forms["LMDB"], check=False)
        write_shards(forms["files"], forms["shards"], check=False)
        assert list(open_words(forms["LMDB"])) == list(open_words(forms["shards"]))
        print(f"{a.count} words, words a second" + "".join(f"{form:>10}" for form in forms))
        for what, read in (("bytes", read_bytes), ("images", read_images)):
            for order, seed in (("in order", None), ("shuffled", 0)):
                seconds: dict[str, list[float]] = {form: [] for form in forms}
                for _ in range(a.rounds):
                    for form, path in forms.items():
                        begun = time.perf_counter()
                        assert read(path, seed) == a.count
                        seconds[form].append(time.perf_counter() - begun)
                print(f"{what:>8}, {order:<20}" + "".join(f"{a.count / np.median(s):10.0f}" for s in seconds.values()))


if __name__ == "__main__":
    main()
