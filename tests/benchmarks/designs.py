"""What is each choice in the design of the reader worth? Readers of equal processor time, each with one choice changed.

    python tests/benchmarks/designs.py [--table runs/designs.csv] [--seconds 180] [--rows ...] [--seeds 0 1 2]

The base is the preset ``street`` with half of its channels and no residual blocks. Each row changes one thing:

    height 32        one shape, 32 x 144; wide and narrow words alike are squeezed into it
    height 48        one shape of 48 x 144
    max              the rows of a column reduced by their largest, not attended to
    concat           the rows one after another; of one shape, so its difference is to "height 32"
    eighth           the last pool left out, so that an eighth of the rows is left, not a sixteenth
    light            each convolution of 32 channels and more in two: one looks at each channel alone (3 x 3), the other
                     mixes channels (1 x 1), as in MobileNets (Howard et al. 2017)
    guided           beside CTC, a decoder with attention learns from the same features, and is dropped at reading
                     (Hu et al. 2020, GTC); its loss counts half

Rendered words: plain ones in the first half of the steps; then half of them plain, half as on the street. Each design
is timed first, and then makes as many steps as fit into the seconds, with one learning-rate cycle; seeds decide the
weights and the batches. Read are the even halves of the photographs, where there are some (see readers.py), and
rendered words in typefaces that no reader has met. The table is written after each run, and the same command goes on
where it was stopped; at the end stand the means of the differences to the base, paired by seed, with half of their 95 %
intervals.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from effects import ALPHABET, BATCH, ROOT, fonts, read_table, tests, words
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F

from crnn_lessons.data.batches import WordBatch, join
from crnn_lessons.files import write_atomically
from crnn_lessons.metrics import word_accuracy
from crnn_lessons.models import Config, Recogniser
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader.recognition import ctc_loss_of, predict_pictures
from crnn_lessons.text.augment import fit, jitter_batch
from crnn_lessons.text.effects import NO_EFFECTS, STREET
from crnn_lessons.training import Settings, Trainer

POOL = 12_000
RATE = 3e-3
PLAIN = 0.5  # of the steps, the first: on words of the street alone so small a budget ends before a letter is read
TALL = "conv 8, pool 2 2, conv 24, pool 2 2, conv 48, conv 48, conv 64, pool 2 1, conv 96"
BASE = Config(f"{TALL}, pool 2 1, conv 96", projection="attend", hidden_size=96, width=144, shapes=((48, 96), (64, 72)))
DESIGNS = {
    "base": BASE,
    "height 32": replace(BASE, shapes=()),
    "height 48": replace(BASE, shapes=(), height=48),
    "max": replace(BASE, projection="max"),
    "concat": replace(BASE, shapes=(), projection="concat"),  # to compare with "height 32"
    "eighth": replace(BASE, features=f"{TALL}, conv 96"),
    "light": BASE,
    "guided": BASE,
}


def lighten(model: nn.Module) -> None:
    """Replace convolutions by a depthwise and a pointwise one each."""
    for name, part in model.named_children():
        if isinstance(part, nn.Conv2d) and part.in_channels >= 32 and part.kernel_size == (3, 3):
            channels = part.in_channels
            depth = nn.Conv2d(channels, channels, 3, padding=part.padding, groups=channels, bias=False)
            setattr(model, name, nn.Sequential(depth, nn.Conv2d(channels, part.out_channels, 1, bias=False)))
        else:
            lighten(part)


class Guide(nn.Module):
    """A decoder with additive attention (Bahdanau et al. 2015) over the columns; its end mark is class 0."""

    def __init__(self, features: int, classes: int, size: int = 96):
        super().__init__()
        self.embed, self.cell = nn.Embedding(classes, size), nn.GRUCell(size + features, size)
        self.key, self.query, self.score = nn.Linear(features, size), nn.Linear(size, size), nn.Linear(size, 1)
        self.out = nn.Linear(size + features, classes)

    def forward(self, columns: Tensor, batch: WordBatch) -> Tensor:
        """The mean cross-entropy of the next character, given those before: columns `T N D`."""
        words = [*batch.targets.split(batch.target_lengths.tolist())]
        due = nn.utils.rnn.pad_sequence([F.pad(word, (0, 1)) for word in words], padding_value=-1)  # S+1 N
        state = columns.new_zeros(columns.shape[1], self.cell.hidden_size)
        keys, said, losses = self.key(columns), torch.zeros_like(due[0]), []
        for target in due:
            weights = self.score(torch.tanh(keys + self.query(state))).softmax(0)  # T N 1
            seen = (weights * columns).sum(0)
            state = self.cell(torch.cat([self.embed(said), seen], 1), state)
            losses.append(
                F.cross_entropy(self.out(torch.cat([state, seen], 1)), target, ignore_index=-1, reduction="sum")
            )
            said = target.clamp_min(0)
        return sum(losses) / (due >= 0).sum()


class Guided(nn.Module):
    """A recogniser, and the guide that looks at its columns while it learns."""

    def __init__(self, model: Recogniser):
        super().__init__()
        self.model, self.guide = model, Guide(model.projection.out_features, model.num_classes)
        self.columns: Tensor | None = None
        model.projection.register_forward_hook(lambda _, __, found: setattr(self, "columns", found))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.model(images)


def loss_of(model: nn.Module, batch: WordBatch) -> Tensor:
    loss = ctc_loss_of(model, batch)
    if isinstance(model, Guided):
        with torch.autocast("cpu", enabled=False):
            loss = 0.5 * loss + 0.5 * model.guide(model.columns.float(), batch)
    return loss


@cache
def pool() -> tuple[list[np.ndarray], list[list[int]]]:
    plain, street = (words(POOL // 2, 7 + i, fonts()[0], kind) for i, kind in enumerate((NO_EFFECTS, STREET)))
    return plain[0] + street[0], [ALPHABET.encode(label) for label in plain[1] + street[1]]


class Batches:
    """Batches of one shape each, drawn from the pool by the seed and the step; plain words alone in the first steps."""

    def __init__(self, config: Config, seed: int, plain: int):
        self.seed, self.plain, (pictures, self.codes) = seed, plain, pool()
        self.groups: dict[tuple[int, int], list[int]] = {}
        for i, picture in enumerate(pictures):
            self.groups.setdefault(config.shape_for(*picture.shape), []).append(i)
        self.images = {
            shape: np.stack([fit(pictures[i], *shape) for i in members]) for shape, members in self.groups.items()
        }
        # the first half of the pool is plain, and so are the first of each group, whose members are in order
        self.easy = {shape: sum(i < len(pictures) // 2 for i in members) for shape, members in self.groups.items()}

    def __call__(self, step: int) -> WordBatch:
        rng = np.random.default_rng([self.seed, step])
        shapes = list(self.groups)
        counts = [self.easy[shape] if step < self.plain else len(self.groups[shape]) for shape in shapes]
        at = rng.choice(len(shapes), p=np.array(counts) / sum(counts))
        shape, chosen = shapes[at], rng.integers(counts[at], size=BATCH)
        images = jitter_batch(rng, self.images[shape][chosen].astype(np.float32) / 255)
        codes = [self.codes[self.groups[shape][i]] for i in chosen]
        return WordBatch(to_input(torch.from_numpy(images)), *join(codes))


def made(row: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = Recogniser(DESIGNS[row], ALPHABET.num_classes)
    if row == "light":
        lighten(model)
    model = model.to(memory_format=torch.channels_last)
    return Guided(model) if row == "guided" else model


def trainer(row: str, seed: int, steps: int, batches: Batches) -> Trainer:
    return Trainer(made(row, seed), batches, loss_of, Settings(steps, RATE, average=0.98, precision="auto", seed=seed))


def go(training: Trainer, until: int | None = None) -> None:
    if not training.run(until=until, progress=False):
        raise SystemExit("stopped; the same command goes on with the run that was cut short")


def run(row: str, seed: int, seconds: float) -> dict[str, str]:
    """Train one reader and test it; a line of the table."""
    batches = Batches(DESIGNS[row], seed, 0)
    trial, begun = trainer(row, seed, 1000, batches), time.process_time()
    go(trial, until=12)
    first = time.process_time() - begun
    go(trial, until=42)
    steps = int(seconds / ((time.process_time() - begun - first) / 30))
    batches.plain = int(PLAIN * steps)
    training, begun = trainer(row, seed, steps, batches), time.process_time()
    go(training)
    spent = time.process_time() - begun
    with training.averaged() as model:
        reader = (model.model if row == "guided" else model).eval()
        scores = {
            name: word_accuracy(predict_pictures(reader, p, ALPHABET), texts) for name, (p, texts) in seen().items()
        }
    shown = {name: f"{100 * score:.2f}" for name, score in scores.items()}
    print(f"{row:10} {seed} {steps} steps, {spent:.0f} s ", *[f"{k} {v}" for k, v in shown.items()], flush=True)
    head = {"row": row, "seed": str(seed), "steps": str(steps), "seconds": f"{spent:.0f}"}
    return head | {"parameters": str(reader.num_parameters), **shown}


@cache
def seen() -> dict:
    return {name: found for name, found in tests().items() if name in ("plain", "street") or name.startswith("words_")}


def differences(lines: list[dict[str, str]]) -> None:
    sets = [name for name in seen() if name.startswith("words_")]
    for column, names in {
        **{name: [name] for name in seen()},
        **({"mean of the photographs": sets} if sets else {}),
    }.items():
        score = {(line["row"], line["seed"]): float(np.mean([float(line[name]) for name in names])) for line in lines}
        told = []
        for row in dict.fromkeys(row for row, _ in score if row != "base"):
            other = "height 32" if row == "concat" else "base"
            gains = [
                score[row, seed] - score[other, seed] for name, seed in score if name == row and (other, seed) in score
            ]
            if len(gains) > 1:
                half = stats.t.ppf(0.975, len(gains) - 1) * np.std(gains, ddof=1) / len(gains) ** 0.5
                told.append(f"{row} {np.mean(gains):+.1f} ± {half:.1f}")
        base = np.mean([score[row, seed] for row, seed in score if row == "base"])
        print(f"{column}: base {base:.1f}; {'; '.join(told)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=ROOT / "runs/designs.csv")
    parser.add_argument("--seconds", type=float, default=180, help="of the processor, for each training")
    parser.add_argument("--rows", nargs="*", default=list(DESIGNS), choices=list(DESIGNS), metavar="ROW")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    o = parser.parse_args()
    torch.set_num_threads(1)
    lines = read_table(o.table)
    for row, seed in [(row, seed) for seed in o.seeds for row in o.rows]:
        if (row, str(seed)) not in {(line["row"], line["seed"]) for line in lines}:
            lines.append(run(row, seed, o.seconds))
            table = [",".join(lines[0]), *(",".join(line.values()) for line in lines)]
            write_atomically(o.table, "\n".join([*table, ""]).encode())
    differences(lines)


if __name__ == "__main__":
    main()
