"""The grid of lesson 12: designs from a menu, trained alike and compared.

    python notebooks/menu.py run --out runs/menu.jsonl [--workers N] [--seeds 5] [--designs ...]
    python notebooks/menu.py summary --out runs/menu.jsonl --table notebooks/menu.csv

A run writes a line for each cell as it ends; stopped or killed, it goes on where it was. The table is read by the
lesson, with the functions at the end.
"""

from __future__ import annotations

import argparse
import csv
import functools
import itertools
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn.functional import ctc_loss
from tqdm import tqdm

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.files import write_atomically
from crnn_lessons.metrics import character_error_rate
from crnn_lessons.models import PRESETS, Config, Recogniser
from crnn_lessons.text.fonts import font_files
from crnn_lessons.text.lines import print_line
from crnn_lessons.text.normalise import normalise

# ---- the menu -------------------------------------------------------------------------------------------------------

HEIGHT, WIDTH = 24, 48  # of every picture, in pixels
CONVOLUTIONS = {  # each leaves 3 or 4 rows of 32 channels, and 12, 12, 16 and 24 columns
    "vgg": "conv 8, pool 2 2, conv 16, pool 2 2, conv 32, pool 2 1, conv 32",
    "resnet": "conv 8, pool 2 2, block 16, pool 2 2, block 32, pool 2 1, block 32",
    "fmp": "conv 8, fmp 0.6 0.7, conv 16, fmp 0.6 0.7, conv 32, fmp 0.6 0.7, conv 32",
    "unet": "conv 8, pool 2 2, unet 12 24 32, pool 4 1, conv 32",
}
SCALINGS = {"none": "", "interpolation": ", keep", "transposed": ", up 32 1 4"}
SEQUENCES = {"none": "conv 64 5", "lstm": "bilstm 32"}  # without an LSTM a step sees two neighbours on either side
FACTORS = {
    "normalisation": ("none", "moments", "centre", "mean"),
    "convolution": tuple(CONVOLUTIONS),
    "scaling": tuple(SCALINGS),
    "reduction": ("sum", "max", "concat", "lstm"),
    "sequence": tuple(SEQUENCES),
}
NORMALISATIONS = {"moments": ("moments", 4.0), "centre": ("centre line", 4.0), "mean": ("mean", 5.0)}  # form and reach


def widen(text: str, factor: float) -> str:
    """Layers with their channels and units multiplied, kernels and ratios as they are."""

    def one(layer: str) -> str:
        words = layer.split()
        sizes = range(1, {"pool": 0, "fmp": 0, "keep": 0, "unet": len(words)}.get(words[0], 2))
        return " ".join(str(max(1, round(factor * int(word)))) if i in sizes else word for i, word in enumerate(words))

    return ", ".join(one(layer) for layer in text.split(","))


@dataclass(frozen=True)
class Menu:
    """A design, one dish from each part of the menu.

    Attributes:
        normalisation, convolution, scaling, reduction, sequence: keys of ``FACTORS``.
        width: multiplies all channels and units.

    Raises:
        ValueError: a dish that is not on the menu.
    """

    normalisation: str = "none"
    convolution: str = "vgg"
    scaling: str = "none"
    reduction: str = "max"
    sequence: str = "lstm"
    width: float = 1.0

    def __post_init__(self) -> None:
        for factor, levels in FACTORS.items():
            if getattr(self, factor) not in levels:
                raise ValueError(f"there is no {factor} {getattr(self, factor)!r}; choose one of {', '.join(levels)}")

    @property
    def name(self) -> str:
        """The dishes in order, the scaling only where there is one: "moments+vgg+concat+lstm"."""
        dishes = [getattr(self, factor) for factor in FACTORS if factor != "scaling" or self.scaling != "none"]
        return "+".join(dishes)

    @property
    def config(self) -> Config:
        """What the recogniser is made of."""
        features = widen(CONVOLUTIONS[self.convolution] + SCALINGS[self.scaling], self.width)
        sequence = widen(SEQUENCES[self.sequence], self.width)
        return Config(features, self.reduction, sequence, height=HEIGHT, width=WIDTH)


_CONV_ONLY = PRESETS["conv_only"]
BUILDS: dict[str, Config] = {
    **{name: PRESETS[name] for name in ("conv_only", "conv_resnet", "lstm_resnet", "lstm_keep")},
    "lstm2": replace(_CONV_ONLY, features=(*_CONV_ONLY.features, "lstm2 400")),
    **{name: PRESETS[name] for name in ("lstm_unet", "lstm_normalized")},
    # its transposed convolution has kernel 1 and stride 2 in the lecture, which leaves every other column constant
    "lstm_transpose": Config(
        "2 * conv 50, pool 2 2, 2 * conv 100, pool 2 2, 2 * conv 150, pool 2 2, 2 * conv 200, pool 2 2, up 800 1 2",
        projection="sum", sequence="bilstm 100", height=48, width=200,
    ),
}  # fmt: skip
"""The lecture's eight builds at full size."""
BUILD_WIDTH = 1 / 8  # of the builds in the grid, so that two cores can train them


@dataclass(frozen=True)
class Design:
    """What the grid trains: a name, the form of normalisation, and a configuration."""

    name: str
    normalisation: str
    config: Config


def design(name: str) -> Design:
    """The design of a name: a build of the lecture, or dishes as ``Menu.name`` writes them.

    Raises:
        ValueError: no such build or dish.
    """
    if name in BUILDS:
        full = BUILDS[name]
        features = tuple(widen(layer, BUILD_WIDTH) for layer in full.features)
        small = {"sequence": widen(full.sequence, BUILD_WIDTH), "hidden_size": round(BUILD_WIDTH * full.hidden_size)}
        config = replace(full, features=features, height=HEIGHT, width=WIDTH, **small)
        return Design(name, "moments" if name == "lstm_normalized" else "none", config)
    if name not in menus():
        raise ValueError(
            f"there is no design {name!r}; write one of {', '.join(BUILDS)}, or dishes such as {Menu().name!r}"
        )
    return Design(name, menus()[name].normalisation, menus()[name].config)


@functools.cache
def menus() -> dict[str, Menu]:
    """All 384 menus by their names."""
    return {menu.name: menu for menu in itertools.starmap(Menu, itertools.product(*FACTORS.values()))}


def fraction() -> list[Menu]:
    """32 of the 128 menus without scaling: an orthogonal array of strength 2, every pair of levels equally often.

    Normalisation a, reduction b and sequence c are crossed fully; the convolution is a + b in the field of four
    elements where c = 0, and a + 2 b where c = 1.
    """
    double = (0, 2, 3, 1)  # in that field; its + is the exclusive or
    names = [FACTORS[factor] for factor in ("normalisation", "convolution", "reduction", "sequence")]
    found = []
    for a, b, c in itertools.product(range(4), range(4), range(2)):
        run = (a, a ^ (double[b] if c else b), b, c)
        normalisation, convolution, reduction, sequence = (n[i] for n, i in zip(names, run, strict=True))
        found.append(Menu(normalisation, convolution, "none", reduction, sequence))
    return found


def plain() -> list[str]:
    """The names of the 128 menus without scaling: every dish of the other courses with every other."""
    return [name for name, menu in menus().items() if menu.scaling == "none"]


def grid() -> list[str]:
    """The designs of the grid: the 128 menus without scaling, one of them in the other two scalings, and the builds."""
    return list(dict.fromkeys([*plain(), *[Menu(scaling=scaling).name for scaling in SCALINGS], *BUILDS]))


# ---- the two tasks --------------------------------------------------------------------------------------------------

LETTERS = "aceghnopt"
ALPHABET = Alphabet(LETTERS)
FACES = ("DejaVuSans", "DejaVuSansMono", "DejaVuSerif")
TURN = 10.0  # degrees, either way
SMALLEST = 0.6  # of the largest size at which a turned word fits the picture
POOLS = {"train": (1, 2000), "test": (2, 250)}  # seed and number of words


@functools.cache
def faces() -> tuple[Path, ...]:
    """The three faces, which come with matplotlib.

    Raises:
        FileNotFoundError: one is not installed.
    """
    found = {path.stem: path for path in font_files()}
    if missing := [face for face in FACES if face not in found]:
        raise FileNotFoundError(f"the font {missing[0]} was not found; it comes with matplotlib: install that")
    return tuple(found[face] for face in FACES)


def place(ink: np.ndarray, top: int, left: int) -> np.ndarray:
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return picture


def print_word(text: str, rng: np.random.Generator) -> np.ndarray:
    """Clean print: one size, one baseline, from the left."""
    return place(print_line(text, faces()[rng.integers(len(FACES))], size=14, height=HEIGHT, baseline=16), 0, 0)


def turn_word(text: str, rng: np.random.Generator) -> np.ndarray:
    """A word turned by up to 12 degrees, at 0.6 to 1 times the size that fits, anywhere in the picture."""
    ink = print_line(text, faces()[rng.integers(len(FACES))], size=40, height=64, baseline=44)
    side = 2 * max(ink.shape)
    turn = cv2.getRotationMatrix2D((ink.shape[1] / 2, ink.shape[0] / 2), rng.uniform(-TURN, TURN), 1)
    turn[:, 2] += (side - ink.shape[1]) / 2, (side - ink.shape[0]) / 2
    big = cv2.warpAffine(ink, turn, (side, side))
    x, y, width, height = cv2.boundingRect(big)
    scale = rng.uniform(SMALLEST, 1) * min(0.4, (HEIGHT - 2) / height, (WIDTH - 2) / width)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    small = cv2.resize(big[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    return place(small, rng.integers(1, HEIGHT - size[1]), rng.integers(1, WIDTH - size[0]))


TASKS = {"print": print_word, "turned": turn_word}


def normalised(picture: np.ndarray, form: str) -> np.ndarray:
    """A picture as a design reads it: of the same size; cut out by a form of normalisation, and from the left."""
    if form == "none":
        return picture
    name, reach = NORMALISATIONS[form]
    line = (255 * normalise(picture, name, height=HEIGHT, padding=0, reach=reach)).round().astype(np.uint8)
    x, _, width, _ = cv2.boundingRect((line > 25).astype(np.uint8))
    line = line[:, max(0, x - 2) : x + width + 2]
    if line.shape[1] > WIDTH:
        line = cv2.resize(line, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return place(line, 0, 0)


@dataclass(frozen=True)
class Words:
    """Pictures ``N 1 H W`` (uint8, ink bright on 0) and their texts."""

    pictures: Tensor
    texts: list[str]


@functools.cache
def drawn(task: str, pool: str) -> tuple[list[np.ndarray], list[str]]:
    """Words of three or four random letters, so that none can be guessed; the same at every call."""
    seed, count = POOLS[pool]
    rng = np.random.default_rng(seed)
    texts = ["".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=rng.integers(3, 5))) for _ in range(count)]
    return [TASKS[task](text, rng) for text in texts], texts


@functools.cache
def words(task: str, form: str, pool: str) -> Words:
    """A pool as a design reads it. It is made once, and its time counts for no design."""
    pictures, texts = drawn(task, pool)
    return Words(torch.tensor(np.stack([normalised(picture, form) for picture in pictures]))[:, None], texts)


# ---- one cell -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """What every design gets, and where it is measured.

    Attributes:
        steps: of training; the held-out words are read after each of these numbers.
        seconds: processor seconds of training, likewise. A cell ends when the largest of both are reached.
        search: processor seconds of each trial of a rate.
        rates: of learning, for Adam; on each task, a design takes the one whose trial has the least loss.
        batch: words in a step.
    """

    steps: tuple[int, ...] = (100, 200, 400)
    seconds: tuple[float, ...] = (0.8, 1.6, 3.2)
    search: float = 1.6
    rates: tuple[float, ...] = (0.004, 0.008, 0.016)
    batch: int = 16


LONGEST = 2  # times the seconds; a design too slow for the steps ends there, and has no error for them
TRIAL_SEED = 1000  # of the trials of rates; cells have the seeds 1, 2, 3 ...


def as_input(pictures: Tensor) -> Tensor:
    return pictures.float() / 255 - 0.15  # about a mean of 0


def loss_of(model: Recogniser, pictures: Tensor, texts: Sequence[str]) -> Tensor:
    logits, lengths = model(as_input(pictures))
    targets = [ALPHABET.encode(text) for text in texts]
    sizes = torch.tensor([len(target) for target in targets])
    flat = torch.tensor(list(itertools.chain.from_iterable(targets)))
    # a word that needs more steps than a design has costs nothing here; unread, it counts as errors in the test
    return ctc_loss(logits.log_softmax(-1), flat, lengths, sizes, zero_infinity=True)


def read(model: Recogniser, pictures: Tensor) -> list[str]:
    """The best path of each picture, merged."""
    model.eval()
    with torch.inference_mode():
        best = torch.cat([model(as_input(part))[0].argmax(-1).T for part in pictures.split(125)]).tolist()
    model.train()
    return [ALPHABET.decode([k for k, _ in itertools.groupby(path) if k]) for path in best]


@dataclass(frozen=True)
class Step:
    """Where a training stands: steps and processor seconds so far, loss of the last batch, and the model."""

    count: int
    seconds: float
    loss: float
    model: Recogniser


def train(built: Design, task: str, rate: float, seed: int, batch: int) -> Iterator[Step]:
    """Train without end; the order of the words depends on the seed alone, so it is the same for all designs."""
    pool = words(task, built.normalisation, "train")
    torch.manual_seed(seed)
    model = Recogniser(built.config, ALPHABET.num_classes).train()
    adam = torch.optim.Adam(model.parameters(), rate, fused=True)
    rng, seconds = np.random.default_rng(seed), 0.0
    for count in itertools.count(1):
        start = time.process_time()
        rows = rng.integers(len(pool.texts), size=batch)
        loss = loss_of(model, pool.pictures[rows], [pool.texts[row] for row in rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        seconds += time.process_time() - start
        yield Step(count, seconds, loss.item(), model)


def try_rate(name: str, task: str, rate: float, budget: Budget) -> float:
    """The mean loss over the second half of a short training: CTC, in nats for a letter."""
    seen = []
    for step in train(design(name), task, rate, TRIAL_SEED, budget.batch):
        if step.seconds > budget.search / 2:
            seen.append(step.loss)
        if step.seconds >= budget.search:
            return float(np.mean(seen))


def run_cell(name: str, task: str, rate: float, seed: int, budget: Budget) -> dict[str, float]:
    """Train a design once: its parameters, and the character error after each number of steps and of seconds.

    ``steps`` are those of the largest seconds, ``seconds`` those of the largest number of steps.
    """
    built = design(name)
    test = words(task, built.normalisation, "test")
    steps, times, found = list(budget.steps), list(budget.seconds), {}
    for step in train(built, task, rate, seed, budget.batch):
        due = []
        if steps and step.count == steps[0]:
            due.append(f"error_{steps.pop(0)}_steps")
        while times and step.seconds >= times[0]:
            due.append(f"error_{times.pop(0):g}_s")
        if due:
            error = character_error_rate(read(step.model, test.pictures), test.texts)
            found |= dict.fromkeys(due, round(error, 4))
        if not steps:
            found.setdefault("seconds", round(step.seconds, 3))
        if not times:
            found.setdefault("steps", step.count)
            if not steps or step.seconds >= LONGEST * budget.seconds[-1]:
                return {"parameters": step.model.num_parameters, **found}


# ---- the run --------------------------------------------------------------------------------------------------------


class Results:
    """A file of finished trials and cells, a line of JSON each; the first line says what it was begun with.

    A line that a kill cut short is dropped, and its work done again.

    Raises:
        ValueError: the file holds something else, or was begun with another budget.
        OSError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike, budget: Budget | None = None):
        self.path = Path(path)
        self.trials: dict[tuple[str, str, float], float] = {}  # task, design, rate: loss
        self.cells: dict[tuple[str, str, int], dict] = {}  # task, design, seed
        if budget is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab"):  # it can be written, and is there
                pass
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        try:
            lines = [json.loads(line) for line in data[:whole].splitlines()]
            self.head = (
                lines[0] if lines else {"budget": json.loads(json.dumps(vars(budget or Budget()))), **versions()}
            )
            self.budget = Budget(**{k: tuple(v) if isinstance(v, list) else v for k, v in self.head["budget"].items()})
            for line in lines[1:]:
                self._keep(line)
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{self.path} holds no results of this command; give another file") from None
        if budget not in (None, self.budget):
            raise ValueError(f"{self.path} was begun with another budget; give another file, or the same budget")
        if budget is not None and whole < len(data):
            os.truncate(self.path, whole)
        if budget is not None and not lines:
            self._append(self.head)

    def _keep(self, line: dict) -> None:
        if "loss" in line:
            self.trials[line["task"], line["name"], line["rate"]] = line["loss"]
        else:
            self.cells[line["task"], line["name"], line["seed"]] = line

    def _append(self, line: dict) -> None:
        with open(self.path, "ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def add(self, line: dict) -> None:
        """Keep a finished trial or cell, on disk before this returns."""
        self._keep(line)
        self._append(line)

    def rate(self, task: str, name: str) -> float:
        """The rate whose trial has the least loss."""
        return min(self.budget.rates, key=lambda rate: self.trials[task, name, rate])


def versions() -> dict[str, str]:
    """What the seconds and, in their last digits, the errors depend on."""
    python = platform.python_version()
    return {"versions": f"Python {python}, torch {torch.__version__}, numpy {np.__version__}", "machine": machine()}


def machine() -> str:
    try:
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        model = None
    return f"{model[1] if model else platform.processor() or platform.machine()}, one thread a cell"


def _work(job: tuple) -> dict:
    torch.set_num_threads(1)
    task, name, rate, budget, *seeds = job
    if not seeds:
        return {"task": task, "name": name, "rate": rate, "loss": round(try_rate(name, task, rate, budget), 5)}
    seed = seeds[0]
    return {"task": task, "name": name, "seed": seed, "rate": rate, **run_cell(name, task, rate, seed, budget)}


def run(out: str | os.PathLike, names: Sequence[str], seeds: int, workers: int, budget: Budget) -> None:
    """Try the rates of all designs, then train them: all with seed 1, all with seed 2, and so on."""
    results = Results(out, budget)
    trials = itertools.product(TASKS, names, budget.rates)
    _do([(*trial, budget) for trial in trials if trial not in results.trials], results, workers, "rates")
    cells = [(task, name, 1 + seed) for seed in range(seeds) for name in names for task in TASKS]
    todo = [cell for cell in cells if cell not in results.cells]
    _do([(*cell[:2], results.rate(*cell[:2]), budget, cell[2]) for cell in todo], results, workers, "cells")


def _do(jobs: list[tuple], results: Results, workers: int, what: str) -> None:
    if not jobs:
        return
    with get_context("spawn").Pool(workers) if workers > 1 else nullcontext() as pool:
        done = pool.imap_unordered(_work, jobs) if pool else map(_work, jobs)
        for line in tqdm(done, what, len(jobs), mininterval=5):
            results.add(line)


# ---- the table ------------------------------------------------------------------------------------------------------

TABLE = Path(__file__).with_name("menu.csv")
COLUMNS = ("task", *FACTORS, "name", "seed", "rate", "parameters", "steps", "seconds")


def write_table(results: Results, path: str | os.PathLike) -> int:
    """Write the cells as a table; the number of rows. Its first lines, after ``#``, say what the columns are."""
    if not results.cells:
        raise ValueError(f"{results.path} has no finished cell yet; let 'run' go on")
    budget = results.budget
    errors = [f"error_{n}_steps" for n in budget.steps] + [f"error_{s:g}_s" for s in budget.seconds]
    head = [
        "Which is best? One row for each design, task and seed; written by: python notebooks/menu.py summary",
        f"from: python notebooks/menu.py run; {results.head['versions']}",
        f"machine: {results.head['machine']}; seconds are those of the processor",
        f"budget: steps {budget.steps}, seconds {budget.seconds}, batch {budget.batch}; rate from {budget.rates} by "
        f"trials of {budget.search:g} s on the same task with another seed",
        f"tasks: words of 3 or 4 of {len(LETTERS)} letters, {POOLS['train'][1]} to train and {POOLS['test'][1]} to "
        "test; print: one size and place; turned: turned, shifted and scaled",
        "name: a build of the lecture (its dishes are empty), or the dishes; parameters: trainable numbers",
        "error_N_steps, error_N_s: errors per letter on held-out words after N steps, N seconds; empty: not reached",
        f"steps: done in {budget.seconds[-1]:g} s; seconds: taken by {budget.steps[-1]} steps",
    ]
    lines = ["# " + line for line in head] + [",".join((*COLUMNS, *errors))]
    for (task, name, seed), cell in sorted(results.cells.items()):
        menu = menus().get(name)
        dishes = [getattr(menu, factor) for factor in FACTORS] if menu else [design(name).normalisation, *[""] * 4]
        numbers = [cell.get(key, "") for key in ("rate", "parameters", "steps", "seconds", *errors)]
        lines.append(",".join(map(str, [task, *dishes, name, seed, *numbers])))
    write_atomically(path, "\n".join([*lines, ""]).encode())
    return len(lines) - len(head) - 1


Row = dict[str, str | float]
"""A row of the table by its columns; a number that is missing is NaN."""


def read_table(path: str | os.PathLike = TABLE) -> list[Row]:
    """Read a table that ``summary`` wrote.

    Raises:
        ValueError: the file is no such table.
    """
    lines = [line for line in Path(path).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    if not rows or not rows[0].keys() >= set(COLUMNS):
        raise ValueError(f"{path} is no table of this grid; write one with 'python notebooks/menu.py summary'")
    words = COLUMNS[: COLUMNS.index("seed")]
    return [{k: v if k in words else float(v or "nan") for k, v in row.items()} for row in rows]


def head_of(path: str | os.PathLike = TABLE) -> list[str]:
    """The first lines of a table, which say how it was made."""
    return [line[2:] for line in Path(path).read_text(encoding="utf-8").splitlines() if line.startswith("#")]


def marks(rows: Sequence[Row]) -> tuple[dict[str, int], dict[str, float]]:
    """The columns of errors, each with its number: those after equal steps, and those after equal seconds."""
    found = [(column, re.fullmatch(r"error_([\d.]+)_(steps|s)", column)) for column in rows[0]]
    steps = {column: int(match[1]) for column, match in found if match and match[2] == "steps"}
    return steps, {column: float(match[1]) for column, match in found if match and match[2] == "s"}


Levels = dict[str, str | Sequence[str]]
"""Which rows: for some columns the value, or the values, that they must have."""


def choose(rows: Sequence[Row], levels: Levels) -> list[Row]:
    """The rows with these levels, of the 128 menus without scaling.

    The scalings and the builds would disturb the balance; they come where a scaling or a name asks for them.

    Raises:
        ValueError: there is none.
    """
    wanted = {column: (level,) if isinstance(level, str) else tuple(level) for column, level in levels.items()}
    if not wanted.keys() & {"name", "scaling"}:
        wanted["name"] = set(plain())
    found = [row for row in rows if all(row[column] in values for column, values in wanted.items())]
    if not found:
        raise ValueError(f"no row of the table has {levels}; look at what it holds with read_table()")
    return found


@dataclass(frozen=True)
class Difference:
    """A mean over seeds with its interval, in errors per letter.

    Attributes:
        mean: over the seeds.
        low, high: ends of the interval.
        by_seed: what it is the mean of, one number a seed.
    """

    mean: float
    low: float
    high: float
    by_seed: tuple[float, ...]

    @property
    def half(self) -> float:
        """Half of the interval: what a difference must exceed to be told from 0."""
        return (self.high - self.low) / 2

    @property
    def verdict(self) -> str:
        """Of a difference in errors: "better" where all of the interval is below 0, "worse" above, or "cannot tell"."""
        return "better" if self.high < 0 else "worse" if self.low > 0 else "cannot tell"


def interval(values: Sequence[float], level: float = 0.95) -> Difference:
    """The mean of independent numbers with Student's interval, mean ± t s / √n with n - 1 degrees of freedom.

    Raises:
        ValueError: fewer than two numbers.
    """
    values = np.asarray(values, float)
    if len(values) < 2:
        raise ValueError(f"an interval needs two seeds or more, and there are {len(values)}")
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return Difference(values.mean(), values.mean() - half, values.mean() + half, tuple(values.tolist()))


def by_seed(rows: Sequence[Row], levels: Levels, at: str) -> dict[float, float]:
    """The mean error of the designs with these levels, for each seed that has them all."""
    chosen = choose(rows, levels)
    designs, found = len({(row["task"], row["name"]) for row in chosen}), {}
    for seed in sorted({row["seed"] for row in chosen}):
        values = [row[at] for row in chosen if row["seed"] == seed]
        if len(values) == designs and not np.isnan(values).any():
            found[seed] = float(np.mean(values))
    return found


def average(rows: Sequence[Row], levels: Levels, at: str) -> Difference:
    """The mean error of the designs with these levels, with its 95 % interval over seeds."""
    return interval(list(by_seed(rows, levels, at).values()))


def contrast(rows: Sequence[Row], a: Levels, b: Levels, at: str) -> Difference:
    """How many more errors the designs of ``a`` make than those of ``b``: paired by seed, with a 95 % interval.

    Every level of one factor meets every level of each other factor equally often, so their effects cancel in the
    difference. The interval is about new seeds (new weights and another order of words) for the same designs, at the
    rates they have.

    Args:
        rows: of the table.
        a, b: which designs; see ``Levels``.
        at: a column, such as "error_400_steps"; see ``marks``.
    """
    first, second = (by_seed(rows, levels, at) for levels in (a, b))
    return interval([first[seed] - second[seed] for seed in first if seed in second])


@dataclass(frozen=True)
class Rule:
    """A rule of thumb: on a task, designs of ``a`` make fewer errors than those of ``b``."""

    text: str
    task: str
    a: Levels
    b: Levels

    def test(self, rows: Sequence[Row], at: str) -> Difference:
        """The contrast; below 0 where the rule holds."""
        return contrast(rows, {"task": self.task, **self.a}, {"task": self.task, **self.b}, at)


CUT = ("moments", "centre", "mean")
RULES = [
    Rule(
        "unnormalised: sum, max or LSTM rather than concat", "turned",
        {"normalisation": "none", "reduction": ("sum", "max", "lstm")},
        {"normalisation": "none", "reduction": "concat"},
    ),
    Rule(
        "normalised: concat or LSTM rather than sum or max", "print",
        {"normalisation": CUT, "reduction": ("concat", "lstm")}, {"normalisation": CUT, "reduction": ("sum", "max")},
    ),
    Rule(
        "print: normalise, with an LSTM", "print",
        {"normalisation": CUT, "sequence": "lstm"}, {"normalisation": "none", "sequence": "lstm"},
    ),
    Rule(
        "scenes: do not normalise, with an LSTM", "turned",
        {"normalisation": "none", "sequence": "lstm"}, {"normalisation": CUT, "sequence": "lstm"},
    ),
    Rule(
        "unnormalised: an LSTM makes fewer errors than convolutions alone", "turned",
        {"normalisation": "none", "sequence": "lstm"}, {"normalisation": "none", "sequence": "none"},
    ),
]  # fmt: skip
"""What the lecture recommends, as contrasts that can fail."""
LECTURE = {
    "conv_resnet": 7, "lstm_resnet": 11, "lstm_keep": 41, "conv_only": 73, "lstm2": 143, "lstm_unet": 158,
    "lstm_normalized": 1455, "lstm_transpose": 4463,
}  # fmt: skip
"""Errors of 5,001 characters in the worksheets of the lecture, each with a learning rate of its own."""


# ---- the command ----------------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 2 where something was wrong with what it was given."""
    parser = argparse.ArgumentParser(prog="menu.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="train what is not trained yet")
    running.add_argument("--workers", type=int, default=1, help="cells at a time, each on one thread")
    running.add_argument("--seeds", type=int, default=5, help="runs of each design on each task")
    running.add_argument("--designs", nargs="+", metavar="NAME", help="only these")
    usual = Budget()
    running.add_argument("--steps", type=int, nargs="+", default=usual.steps, help="when to measure, in steps")
    running.add_argument("--seconds", type=float, nargs="+", default=usual.seconds, help="and in processor seconds")
    running.add_argument("--search", type=float, default=usual.search, help="seconds of a trial of a rate")
    summary = commands.add_parser("summary", help="write the table of what is finished")
    summary.add_argument("--table", default=str(TABLE))
    for command in (running, summary):
        command.add_argument("--out", required=True, help="the file of results")
    given = parser.parse_args(argv)
    try:
        if given.command == "summary":
            print(f"{write_table(Results(given.out), given.table)} rows in {given.table}")
            return 0
        if given.workers < 1 or given.seeds < 1:
            raise ValueError("the workers and the seeds are 1 or more")
        for numbers in (given.steps, given.seconds, [given.search]):
            if list(numbers) != sorted(set(numbers)) or not 0 < numbers[0] <= numbers[-1] < float("inf"):
                raise ValueError(f"steps and seconds are above 0 and rise, and {numbers} do not")
        names = given.designs or grid()
        for name in names:
            design(name)
        faces()
        budget = replace(usual, steps=tuple(given.steps), seconds=tuple(given.seconds), search=given.search)
        run(given.out, names, given.seeds, given.workers, budget)
        return 0
    except (ValueError, OSError) as error:
        path = getattr(error, "filename", None)
        said = f"{path} cannot be used ({error.strerror}); give another file" if path else error
        print(f"menu.py: {said}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("menu.py: stopped; the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
