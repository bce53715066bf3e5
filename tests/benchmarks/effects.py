"""What is each group of the renderer's effects worth? Readers of one small kind, trained on each group alone.

    python tests/benchmarks/effects.py [--table notebooks/effects.csv] [--rows all view ...] [--seeds 0 1 2]
    python tests/benchmarks/effects.py --again view --seeds 3 4 5

A reader of the preset ``tiny`` learns to read plain words, once, and is kept in --run. From it others go on, one for
each row of the table and each seed: with words without effects, with all effects of the street, or with one group of
them alone. They have the same beginning and the same number of words and steps; the seed draws words and batches. Each
then reads photographs, where there are some (see readers.py; their even halves, at which the makers of the renderer
looked), and rendered words in typefaces that no reader has met.

The table has a line for each run, the word accuracies in per cent, and is written after each run: the same command goes
on where it was stopped. With --again a row is trained with other seeds, for comparison with the table; nothing is
written. All of it takes about 25 minutes of one core.
"""

from __future__ import annotations

import argparse
import copy
import csv
import platform
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from readers import SETS, root_of_data

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.batches import WordBatch, join
from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.pictures import load_grey
from crnn_lessons.data.spec import PoolSpec, rendered_word
from crnn_lessons.files import write_atomically
from crnn_lessons.metrics import fold, word_accuracy
from crnn_lessons.models import Recogniser, build, load
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader.recognition import ctc_loss_of, predict_pictures
from crnn_lessons.reader.train import READER_ALPHABET
from crnn_lessons.text.augment import fit, jitter_batch
from crnn_lessons.text.effects import GROUPS, NO_EFFECTS, STREET, Effects, alone
from crnn_lessons.text.fonts import ALPHANUMERIC, by_family, find_fonts
from crnn_lessons.text.words import load_words
from crnn_lessons.training import Settings, Trainer

ROOT = Path(__file__).resolve().parents[2]
PLAIN = 15_000, 2000, 3e-3  # words, steps and learning rate of the beginner
MORE = 3_000, 150, 2e-3  # and of each row
BATCH, TEST_WORDS, TEST_SEED = 64, 400, 1_000_000
PHOTOGRAPHS = SETS[:4]
BEGINNER = "beginner"
ROWS = {"none": NO_EFFECTS, "all": STREET, **{group: alone(group) for group in GROUPS}}
TESTS = {"plain": NO_EFFECTS, "street": STREET, **{group: alone(group) for group in GROUPS}}
ALPHABET = Alphabet(READER_ALPHABET)
WORDS = tuple(load_words([ROOT / "notebooks/words.txt"]))


@cache
def fonts() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """To train with and to test with; those beside the photographs too, where they are."""
    folder = root_of_data() / "fonts"
    training, held_out = by_family(find_fonts(ALPHANUMERIC, [folder] if folder.is_dir() else []))
    return tuple(map(str, training)), tuple(map(str, held_out))


def words(count: int, seed: int, files: Sequence[str], effects: Effects) -> tuple[list[np.ndarray], list[str]]:
    spec = PoolSpec(count, seed, tuple(files), WORDS, effects=effects)
    pictures, labels = zip(*(rendered_word(spec, i) for i in range(count)), strict=True)
    return list(pictures), list(labels)


def train(model: Recogniser, size: tuple[int, int, float], seed: int, effects: Effects) -> Recogniser:
    """Go on with a copy of a model, on words of one kind."""
    model, (count, steps, rate) = copy.deepcopy(model).to(memory_format=torch.channels_last), size
    pictures, labels = words(count, seed, fonts()[0], effects)
    images = np.stack([fit(picture, model.config.height, model.config.width) for picture in pictures])
    codes = [ALPHABET.encode(label) for label in labels]

    def batch(step: int) -> WordBatch:
        rng = np.random.default_rng([seed, 3, step])
        chosen = rng.integers(count, size=BATCH)
        seen = jitter_batch(rng, images[chosen].astype(np.float32) / 255)
        return WordBatch(to_input(torch.from_numpy(seen)), *join([codes[i] for i in chosen]))

    trainer = Trainer(model, batch, ctc_loss_of, Settings(steps, rate, average=0.98, precision="auto", seed=seed))
    if not trainer.run(progress=False):
        raise SystemExit("stopped; the same command goes on with the run that was cut short")
    with trainer.averaged():
        return copy.deepcopy(model).eval()


def beginner(path: Path) -> Recogniser:
    """The reader of plain words, from its file; trained first where there is none."""
    if not path.exists():
        torch.manual_seed(0)
        model = train(build("tiny", ALPHABET.num_classes), PLAIN, 100, NO_EFFECTS)
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path, ALPHABET)
    return load(path)[0].eval()


@cache
def tests() -> dict[str, tuple[list[np.ndarray], list[str]]]:
    """Pictures and texts of each column."""
    found = {}
    for name in PHOTOGRAPHS:
        if (root_of_data() / name).is_dir():
            pairs = [(path, fold(text)) for path, text in read_folder(root_of_data() / name)[::2] if fold(text)]
            found[name] = [load_grey(path) for path, _ in pairs], [text for _, text in pairs]
        else:
            print(f"skipped: there is no folder {name} among the data")
    return found | {name: words(TEST_WORDS, TEST_SEED, fonts()[1], effects) for name, effects in TESTS.items()}


def run(start: Recogniser, row: str, seed: int) -> dict[str, str]:
    """Train one reader and test it; a line of the table."""
    begun = time.process_time()
    model = start if row == BEGINNER else train(start, MORE, 200 + seed, ROWS[row])
    scores = {name: word_accuracy(predict_pictures(model, p, ALPHABET), texts) for name, (p, texts) in tests().items()}
    shown = {name: f"{100 * score:.2f}" for name, score in scores.items()}
    told = " ".join(f"{name} {score}" for name, score in shown.items())
    print(f"{row:9} {seed} {time.process_time() - begun:4.0f} s  {told}", flush=True)
    return {"row": row, "seed": str(seed), **shown}


def read_table(path: Path) -> list[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def write_table(path: Path, lines: Sequence[dict[str, str]]) -> None:
    order = [BEGINNER, *ROWS]
    lines = sorted(lines, key=lambda line: (order.index(line["row"]), int(line["seed"])))
    head = [
        "# word accuracy in per cent; made by: python tests/benchmarks/effects.py",
        f"# preset tiny, batches of {BATCH}; beginner: {PLAIN[0]} plain words, {PLAIN[1]} steps; "
        f"each row: {MORE[0]} words more, {MORE[1]} steps; {len(fonts()[0])} fonts to train, {len(fonts()[1])} to test",
        f"# photographs: even halves; rendered: {TEST_WORDS} words a column",
        f"# torch {torch.__version__}, numpy {np.__version__}, {platform.machine()}, one thread",
    ]
    body = [",".join(lines[0]), *(",".join(line.values()) for line in lines)]
    write_atomically(path, "\n".join([*head, *body, ""]).encode())


def gains(lines: Sequence[dict[str, str]], row: str, column: str) -> np.ndarray:
    """What a row gains over words without effects, one number a seed."""
    score = {(line["row"], line["seed"]): float(line[column]) for line in lines}
    return np.array([score[row, seed] - score["none", seed] for name, seed in score if name == row])


def compare(table: Sequence[dict[str, str]], fresh: Sequence[dict[str, str]], row: str) -> None:
    print(f"\nwhat {row!r} gains over no effects, mean and standard error")
    for column in tests():
        parts = [gains(lines, row, column) for lines in (table, fresh)]
        (old, e), (new, f) = ((g.mean(), g.std(ddof=1) / len(g) ** 0.5) for g in parts)
        apart = abs(new - old) / np.hypot(e, f)
        print(f"  {column:20} table {old:6.1f} ± {e:3.1f}   now {new:6.1f} ± {f:3.1f}   {apart:4.1f} errors apart")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=ROOT / "notebooks/effects.csv")
    parser.add_argument("--run", type=Path, default=ROOT / "runs/effects", help="folder for the beginner's weights")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--again", choices=list(ROWS), metavar="ROW", help="train this row again, and compare")
    o = parser.parse_args()
    torch.set_num_threads(1)
    lines = read_table(o.table)
    start = beginner(o.run / "beginner.safetensors")
    if o.again:
        compare(lines, [run(start, name, seed) for name in ("none", o.again) for seed in o.seeds], o.again)
        return
    for row, seed in [(BEGINNER, 0), *((row, seed) for seed in o.seeds for row in o.rows)]:
        if (row, str(seed)) not in {(line["row"], line["seed"]) for line in lines}:
            lines.append(run(start, row, seed))
            write_table(o.table, lines)


if __name__ == "__main__":
    main()
