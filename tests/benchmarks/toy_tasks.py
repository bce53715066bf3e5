"""How fast do small networks learn the toy tasks, and how far past their training do they stay right?

Beside this course's settings it runs those of a collection of RNN examples that the course grew from, rebuilt from
their description: one sequence at a time, plain Adam, 10,000 sequences of digits or 22,500 sums of 4 bits.
``--cells`` compares RNN, LSTM and GRU under equal budgets instead.

    python tests/benchmarks/toy_tasks.py [--seeds 10] [--source-seeds 1] [--cells]
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import mean, median

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from crnn_lessons import cells
from crnn_lessons.tasks import (
    BINARY_ADDITION,
    KTH_DIGIT,
    Recipe,
    Samples,
    binary_addition,
    kth_digit,
    sums_of,
)
from crnn_lessons.training import Settings, Trainer

LAYERS = {"torch": nn, "own": cells}
KTH_DIGIT_FAR = Recipe("GRU", 20, batch_size=64, steps=300, learning_rate=0.05, warm_up=0.3, clip=1.0, noise=0.5)
"""Slower than KTH_DIGIT, and with noise on the inputs: the memory holds for 1,000 digits."""
CELLS, RATES = ("RNN", "LSTM", "GRU"), (0.01, 0.05)


class Network(nn.Module):
    """A recurrent layer, and a linear one that reads it at every step or at each sample's last."""

    def __init__(self, layer: nn.Module, num_outputs: int, read_last: bool):
        super().__init__()
        self.layer, self.read_last = layer, read_last
        self.out = nn.Linear(layer.hidden_size, num_outputs)

    def forward(self, batch: Samples) -> Tensor:
        states, _ = self.layer(batch.inputs)  # N T H; one direction only, so padding behind a sample changes nothing
        if self.read_last:
            return self.out(states[torch.arange(len(states)), batch.lengths - 1])  # N 10
        return self.out(states)[..., 0]  # N T


def build(task: str, recipe: Recipe, library: str = "torch", seed: int = 0) -> Network:
    """The network of a recipe for the task "digit" or "addition", with torch's layers or the course's own."""
    torch.manual_seed(seed)
    layer_class = getattr(LAYERS[library], recipe.cell)
    num_inputs, num_outputs = (10, 10) if task == "digit" else (2, 1)
    return Network(layer_class(num_inputs, recipe.hidden_size, batch_first=True), num_outputs, task == "digit")


def digit_loss(network: nn.Module, batch: Samples) -> Tensor:
    return cross_entropy(network(batch), batch.targets)


def addition_loss(network: nn.Module, batch: Samples) -> Tensor:
    return binary_cross_entropy_with_logits(network(batch)[batch.mask], batch.targets[batch.mask])


def train(task: str, recipe: Recipe, library: str = "torch", seed: int = 0) -> tuple[Network, float, float]:
    """Train on fresh batches with the course's one loop.

    Returns:
        The network; the seconds that building, sampling and training took, by the clock; the same of processor time.
    """
    wall, processor = time.perf_counter(), time.process_time()
    network, generator = build(task, recipe, library, seed), torch.Generator()
    sample = partial(kth_digit, noise=recipe.noise) if task == "digit" else binary_addition

    def batches(step: int) -> Samples:
        return sample(recipe.batch_size, generator.manual_seed(1_000_003 * (seed + 1) + step))

    settings = Settings(
        recipe.steps, recipe.learning_rate, warm_up=recipe.warm_up, weight_decay=0.0, clip=recipe.clip, seed=seed
    )
    trainer = Trainer(network, batches, digit_loss if task == "digit" else addition_loss, settings)
    if not trainer.run(progress=False):
        raise SystemExit("stopped before the end, so there is nothing to compare")
    return network.eval(), time.perf_counter() - wall, time.process_time() - processor


def train_as_the_source(task: str, seed: int = 0) -> tuple[Network, float, float]:
    """Train with the source's own settings; its data is drawn before the clock starts."""
    generator = torch.Generator().manual_seed(seed)
    if task == "digit":
        recipe, rate, count, loss_of = Recipe("LSTM", 20, 1, 10_000, 0.01, 0, 0), 0.01, 10_000, digit_loss
        batches = [kth_digit(1, generator) for _ in range(count)]
    else:
        recipe, rate, count = Recipe("RNN", 10, 1, 22_500, 0.001, 0, 0), 0.001, 22_500
        pairs = torch.randint(0, 16, (count, 2), generator=generator).tolist()
        # four places, and a fifth only where the sum needs it
        batches = [sums_of([(a, b)], num_steps=5 if a + b > 15 else 4) for a, b in pairs]

        def loss_of(network: nn.Module, batch: Samples) -> Tensor:
            return mse_loss(torch.sigmoid(network(batch)), batch.targets)

    wall, processor = time.perf_counter(), time.process_time()
    network = build(task, recipe, seed=seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for batch in batches:
        loss = loss_of(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval(), time.perf_counter() - wall, time.process_time() - processor


@torch.no_grad()
def accuracy(task: str, network: nn.Module, num_samples: int, low: int, high: int, propagate: float = 0.5) -> float:
    """Share of fresh samples answered right, for a sum in every bit; lengths (or bits) from ``low`` to ``high``."""
    generator = torch.Generator().manual_seed(987_654_321)
    if task == "digit":
        batch = kth_digit(num_samples, generator, shortest=low, longest=high)
        right = network(batch).argmax(-1) == batch.targets  # N
    else:
        batch = binary_addition(num_samples, generator, low, high, propagate=propagate)
        right = (((network(batch) > 0) == batch.targets) | ~batch.mask).all(dim=1)  # N
    return right.double().mean().item()


# task: what is measured, as (title, samples, shortest, longest) and for sums the share of places that hand a carry on
MEASURES = {
    "digit": [("3..8", 10_000, 3, 8), ("8", 2000, 8, 8), ("20", 2000, 20, 20), ("100", 1000, 100, 100),
              ("1000", 200, 1000, 1000)],
    "addition": [("4", 2000, 4, 4), ("10", 2000, 10, 10), ("50", 1000, 50, 50), ("100", 1000, 100, 100),
                 ("1000", 100, 1000, 1000), ("100 carrying", 1000, 100, 100, 0.95)],
}  # fmt: skip
GOAL = {"digit": "3..8", "addition": "100"}
NAMES = {"digit": "kth digit, k = 2, trained on 3..8 digits", "addition": "binary addition, trained on 1..10 bits"}
Trained = tuple[Network, float, float]


def row(task: str, train_one: Callable[[int], Trained], seeds: int) -> tuple[float, float, list[list[float]]]:
    """Train with each seed: median seconds by the clock and of the processor; for each measure all accuracies."""
    runs = [train_one(seed) for seed in range(seeds)]
    scores = [[accuracy(task, network, *how) for network, *_ in runs] for _, *how in MEASURES[task]]
    return median(run[1] for run in runs), median(run[2] for run in runs), scores


def table(task: str, rows: list[tuple[str, Callable[[int], Trained], int]]) -> None:
    """Print a table; ratios are of processor time, to its first row."""
    print(f"\n{NAMES[task]}: mean accuracy, then how many seeds are without a fault")
    titles = [title for title, *_ in MEASURES[task]]
    print(f"{'':<24} {'clock':>7} {'CPU':>7} {'ratio':>6}  goal     " + "  ".join(f"{title:>12}" for title in titles))
    first = None
    for name, train_one, seeds in rows:
        clock, processor, scores = row(task, train_one, seeds)
        first = first or processor
        reached = sum(score == 1 for score in scores[titles.index(GOAL[task])])
        shown = "  ".join(f"{mean(each):8.4f} {sum(score == 1 for score in each):3d}" for each in scores)
        print(
            f"{name:<24} {clock:7.2f} {processor:7.2f} {first / processor:6.1f}  {reached:2d} of {seeds:<2d} {shown}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10, help="how often to train with this course's settings")
    parser.add_argument("--source-seeds", type=int, default=1, help="how often with the source's (0: not at all)")
    parser.add_argument("--cells", action="store_true", help="compare RNN, LSTM and GRU under equal budgets instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # tensors this small gain nothing from a second thread, and may wait for it
    print(
        f"goal: no fault at {GOAL['digit']} digits and {GOAL['addition']} bits; times are median seconds on one thread,"
    )
    print("by the clock and of the processor (what counts where others use the machine); 'carrying': long carries")
    for task, recipe in (("digit", KTH_DIGIT), ("addition", BINARY_ADDITION)):
        rows: list[tuple[str, Callable[[int], Trained], int]] = []
        if arguments.cells:
            for cell, rate, noise in itertools.product(CELLS, RATES, (0.0, 0.5) if task == "digit" else (0.0,)):
                changed = replace(recipe, cell=cell, steps=1000, learning_rate=rate, noise=noise)
                name = f"{cell} rate {rate}" + (f" noise {noise}" if noise else "")
                rows.append((name, partial(_train_seed, task, changed, "torch"), arguments.seeds))
        else:
            if arguments.source_seeds:
                rows.append(("the source's settings", partial(train_as_the_source, task), arguments.source_seeds))
            for library in LAYERS:
                rows.append((f"ours, {library} layers", partial(_train_seed, task, recipe, library), arguments.seeds))
            if task == "digit":
                rows.append(("far, torch layers", partial(_train_seed, task, KTH_DIGIT_FAR, "torch"), arguments.seeds))
        table(task, rows)


def _train_seed(task: str, recipe: Recipe, library: str, seed: int) -> Trained:
    return train(task, recipe, library, seed)


if __name__ == "__main__":
    main()
