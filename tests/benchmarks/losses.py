"""Does a change to the CTC loss make a better reader? Five losses under equal budgets.

    python tests/benchmarks/losses.py [--quick] [--seeds 4] [--steps 900] [--wild 0.3]

The same network (preset "tiny"), words, order of batches, optimiser, learning rate and number of steps for each loss; a
seed gives all losses the same first weights and the same batches. Words are random strings of 3 to 8 letters and digits
in the fonts of this machine, a share of them (--wild) as photographs of signs look, the rest in print; accuracy is that
of whole words, on strings and pictures not trained on. Beside each mean stand the standard deviation over the seeds and
the mean difference to plain CTC of the same seed with its standard error: a difference below twice that error is noise.
Seconds are of the processor. About ten minutes on two quiet cores; --quick is a minute that shows only that all runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import mean, stdev

import numpy as np
import torch
from torch import Tensor, nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc import ctc_loss
from crnn_lessons.data.batches import PoolBatches, WordBatch
from crnn_lessons.losses import CCTCLoss, a_ctc_loss, en_ctc_loss, focal_ctc_loss
from crnn_lessons.metrics import character_error_rate, word_accuracy
from crnn_lessons.models import build
from crnn_lessons.reader.recognition import predict
from crnn_lessons.text.augment import fit
from crnn_lessons.text.fonts import find_fonts
from crnn_lessons.text.render import render_word
from crnn_lessons.training import Settings, Trainer

CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
Loss = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def on_outputs(loss: Callable[..., Tensor]) -> Callable[[int, int], Loss]:
    """A loss that looks at log_probs alone, made to take features too."""
    return lambda classes, features: lambda _features, *arguments: loss(*arguments, zero_infinity=True)


# name: makes the loss, given the numbers of classes and of features; settings are the published ones
LOSSES: dict[str, Callable[[int, int], Loss]] = {
    "CTC": on_outputs(ctc_loss),
    "focal CTC": on_outputs(focal_ctc_loss),
    "A-CTC": on_outputs(a_ctc_loss),
    "C-CTC": lambda classes, features: CCTCLoss(classes, features, zero_infinity=True),
    "EnCTC": on_outputs(en_ctc_loss),
}


def rendered(count: int, seed: int, wild: float, taken: set[str]) -> tuple[np.ndarray, list[str]]:
    """Pictures `N 32 100` of random strings none of which is ``taken``."""
    fonts, rng = find_fonts(), np.random.default_rng(seed)
    pictures, texts = [], []
    while len(texts) < count:
        text = "".join(CHARACTERS[i] for i in rng.integers(len(CHARACTERS), size=rng.integers(3, 9)))
        if text not in taken:
            font = fonts[int(rng.integers(len(fonts)))]
            pictures.append(fit(render_word(text, font, rng, wild=wild), 32, 100))
            texts.append(text)
    return np.stack(pictures), texts


def with_features(model: nn.Module, loss: Loss) -> Callable[[nn.Module, WordBatch], Tensor]:
    """The loss of a model on a batch, given what the output layer sees as well."""
    seen: list[Tensor] = []
    model.output.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))

    def loss_of(model: nn.Module, batch: WordBatch) -> Tensor:
        seen.clear()
        logits, lengths = model(batch.images)  # T N C
        return loss(seen[-1], logits.log_softmax(-1), batch.targets, lengths, batch.target_lengths)

    return loss_of


def train(
    name: str, seed: int, data: tuple, test: tuple, steps: int, batch_size: int, rate: float
) -> tuple[float, float, float]:
    """Word accuracy and character error rate on the test words, and processor seconds."""
    alphabet = Alphabet(CHARACTERS)
    torch.manual_seed(seed)
    model = build("tiny", alphabet.num_classes)
    loss = LOSSES[name](alphabet.num_classes, model.sequence.out_features)
    batches = PoolBatches(*data, alphabet, batch_size, seed, jitter=False)
    start = time.process_time()
    trainer = Trainer(model, batches, with_features(model, loss), Settings(steps, rate, seed=seed))
    if not trainer.run(progress=False):
        raise SystemExit("stopped before the end, so there is nothing to compare")
    seconds = time.process_time() - start
    texts = predict(model, test[0], alphabet)
    return word_accuracy(texts, test[1]), character_error_rate(texts, test[1]), seconds


def row(name: str, runs: list[tuple[float, float, float]], plain: list[tuple[float, float, float]]) -> None:
    accuracy, errors, seconds = ([run[i] for run in runs] for i in range(3))
    differences = [100 * (a[0] - b[0]) for a, b in zip(runs, plain, strict=True)]
    spread = [100 * stdev(accuracy), stdev(differences) / len(runs) ** 0.5] if len(runs) > 1 else [0.0, 0.0]
    print(
        f"{name:<10} {100 * mean(accuracy):8.1f} ±{spread[0]:4.1f} {mean(differences):+9.2f} ±{spread[1]:5.2f}"
        f" {100 * mean(errors):8.2f} {mean(seconds):9.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 seed, 40 steps, 500 words")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=4e-3, help="its peak")
    parser.add_argument("--words", type=int, default=16_000, help="words to train on")
    parser.add_argument("--test", type=int, default=1000, help="words to test on")
    parser.add_argument("--processes", type=int, default=2, help="runs at the same time")
    parser.add_argument("--wild", type=float, default=0.3, help="share of words as on photographs, 0 to 1")
    o = parser.parse_args()
    if o.quick:
        o.seeds, o.steps, o.words, o.test = 1, 40, 500, 200
    test = rendered(o.test, 1_000_003, o.wild, set())
    data = rendered(o.words, 0, o.wild, set(test[1]))
    print(f"{o.words} words, {o.steps} steps of {o.batch}, {o.seeds} seed(s), tested on {o.test} other words")
    print(f"{'loss':<10} {'words %':>8} {'sd':>5} {'to CTC':>9} {'error':>6} {'CER %':>8} {'s a run':>9}")
    # Runs that differ in nothing but the loss go side by side; a run has one thread, so that its seconds compare.
    jobs = [(name, seed, data, test, o.steps, o.batch, o.learning_rate) for name in LOSSES for seed in range(o.seeds)]
    if o.processes > 1:
        with ProcessPoolExecutor(o.processes, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            results = [job.result() for job in [pool.submit(train, *job) for job in jobs]]
    else:
        torch.set_num_threads(1)
        results = [train(*job) for job in jobs]
    for i, name in enumerate(LOSSES):
        row(name, results[i * o.seeds : (i + 1) * o.seeds], results[: o.seeds])


if __name__ == "__main__":
    main()
