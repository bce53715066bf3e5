"""How many captchas of a folder does a network read after it was trained on the others?

    python tests/benchmarks/captcha.py --data FOLDER [--preset tiny|captcha] [--steps 2000] [--seed 0]

FOLDER holds images of one text each and ``labels.tsv`` (``file<TAB>text``). 80 % of them, drawn with a fixed seed, are
trained on; the score is the share of the other 20 % whose whole text is right. No other data are used, and no step is
chosen by the test images: what is printed last is the network after its last step.

tiny     this course's small network on grey pictures of 32 x 128. Two things matter with so few images: batches of 16,
         and changes of place and size that begin when the training loss has fallen below 1 nat a character. From the
         first step on they keep the network on the plateau of blanks; without them it learns the images by heart.
captcha  a published network for such captchas (602,725 parameters at 37 classes) in colour at its own size of 50 x 200,
         as it was trained there: Adam, 1e-4, batches of 8, 200 epochs. That takes hours on a processor: the program
         first times a few steps and says how long it would take; ``--go`` trains all the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.batches import PoolBatches, WordBatch
from crnn_lessons.data.folders import read_folder
from crnn_lessons.data.pictures import load_grey
from crnn_lessons.metrics import character_error_rate, word_accuracy
from crnn_lessons.models import Recogniser, build
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader.recognition import ctc_loss_of, greedy, predict
from crnn_lessons.text.augment import fit
from crnn_lessons.training import Settings, Trainer

HEIGHT, WIDTH, BATCH = 32, 128, 16
GATE = 1.0  # nats a character: below it the letters have been found, and changes of place no longer hide them
RECENT = 30  # steps over which the training loss is averaged


def moved(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A picture H W, a little stretched, slanted and shifted."""
    height, width = image.shape
    across, down = 1 + rng.uniform(-0.06, 0.06), 1 + rng.uniform(-0.08, 0.08)
    slant = rng.uniform(-0.15, 0.15)
    x = width / 2 * (1 - across) - slant * height / 2 + rng.uniform(-3, 3)
    y = height / 2 * (1 - down) + rng.uniform(-1.5, 1.5)
    matrix = np.array([[across, slant, x], [0, down, y]], np.float32)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


class MovedBatches(PoolBatches):
    """Batches whose pictures are moved from the moment when ``moving`` is set."""

    moving = False

    def __call__(self, step: int) -> WordBatch:
        batch = super().__call__(step)
        if self.moving:
            rng = np.random.default_rng([self.seed, 3, step])
            images = np.stack([moved(rng, image) for image in batch.images[:, 0].numpy()])
            batch = WordBatch(torch.from_numpy(images)[:, None], batch.targets, batch.target_lengths)
        return batch


def split(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the 80 % to train on and of the 20 % to test on."""
    order = np.random.default_rng(seed).permutation(count)
    return order[: count * 4 // 5], order[count * 4 // 5 :]


def train_tiny(
    images: np.ndarray, texts: Sequence[str], alphabet: Alphabet, steps: int, seed: int, report
) -> Recogniser:
    """Train the small network; ``report(step, loss, model)`` is called every 250 steps."""
    torch.manual_seed(seed)
    model = build("tiny", alphabet.num_classes, width=WIDTH)
    batches = MovedBatches(images, texts, alphabet, BATCH, seed=seed, jitter=False)
    trainer = Trainer(model, batches, ctc_loss_of, Settings(steps=steps, learning_rate=3e-3))
    losses: list[float] = []
    for step in range(1, steps + 1):
        losses.append(trainer.step())
        recent = float(np.mean(losses[-RECENT:]))
        batches.moving |= step >= RECENT and recent < GATE
        if step % 250 == 0 or step == steps:
            report(step, recent, model)
    return model


def run_tiny(pairs: list[tuple[Path, str]], alphabet: Alphabet, steps: int, seed: int) -> None:
    images, texts = np.stack([fit(load_grey(path), HEIGHT, WIDTH) for path, _ in pairs]), [text for _, text in pairs]
    trained, tested = split(len(pairs), seed)
    begun = time.process_time()

    def scores(model: Recogniser, chosen: np.ndarray) -> tuple[float, float]:
        said, right = predict(model, images[chosen], alphabet), [texts[i] for i in chosen]
        return word_accuracy(said, right), character_error_rate(said, right)

    def report(step: int, loss: float, model: Recogniser) -> None:
        accuracy, _ = scores(model, tested)
        seconds = time.process_time() - begun
        print(f"step {step:5}  loss {loss:6.3f}  test {accuracy:6.1%}  {seconds:4.0f} s of the processor", flush=True)

    model = train_tiny(images[trained], [texts[i] for i in trained], alphabet, steps, seed, report)
    accuracy, errors = scores(model, tested)
    by_heart, _ = scores(model, trained)
    print(f"{model.num_parameters:,} parameters, {len(trained)} captchas trained on: {by_heart:.1%} of them right")
    print(f"{len(tested)} captchas never seen: {accuracy:.1%} of the texts right, character error rate {errors:.2%}")


def run_published(pairs: list[tuple[Path, str]], alphabet: Alphabet, seed: int, go: bool) -> None:
    torch.manual_seed(seed)
    model = build("captcha", alphabet.num_classes)
    size = (model.config.width, model.config.height)
    pictures = [np.asarray(Image.open(path).convert("RGB").resize(size)) for path, _ in pairs]
    images = to_input(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255)  # N 3 H W
    targets = [torch.tensor(alphabet.encode(text)) for _, text in pairs]
    trained, tested = split(len(pairs), seed)
    optimizer, rng = torch.optim.Adam(model.parameters(), 1e-4), np.random.default_rng(seed)

    def step(chosen: np.ndarray) -> None:
        labels = [targets[i] for i in chosen]
        batch = WordBatch(images[torch.from_numpy(chosen)], torch.cat(labels), torch.tensor([len(y) for y in labels]))
        optimizer.zero_grad()
        ctc_loss_of(model.train(), batch).backward()
        optimizer.step()

    begun = time.process_time()
    for i in range(3):
        step(trained[8 * i : 8 * i + 8])
    each = (time.process_time() - begun) / 3
    steps = 200 * (len(trained) // 8)
    print(f"{model.num_parameters:,} parameters; {each:.2f} s of the processor a step, {steps:,} steps in 200 epochs:")
    print(f"about {each * steps / 3600:.1f} hours", "" if go else "(--go trains)")
    if not go:
        return
    for epoch in range(1, 201):
        order = rng.permutation(trained)
        for start in range(0, len(order) - 7, 8):
            step(order[start : start + 8])
        if epoch % 10 == 0:
            with torch.inference_mode():
                parts = [model.eval()(images[torch.from_numpy(tested[i : i + 32])]) for i in range(0, len(tested), 32)]
            said = [text for logits, lengths in parts for text in greedy(logits, lengths, alphabet)]
            print(f"epoch {epoch:3}  test {word_accuracy(said, [pairs[i][1] for i in tested]):6.1%}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with images and labels.tsv")
    parser.add_argument("--preset", choices=("tiny", "captcha"), default="tiny")
    parser.add_argument("--steps", type=int, default=2000, help="of tiny (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the weights and the batches (default 0)")
    parser.add_argument("--go", action="store_true", help="train the published network to the end")
    args = parser.parse_args()
    if args.data is None or not (args.data / "labels.tsv").is_file():
        where = "No folder was given" if args.data is None else f"{str(args.data)!r} has no labels.tsv"
        print(f"skipped: {where}; name a folder of captchas with labels.tsv by --data. Lesson 11 makes its own.")
        return 0
    torch.set_num_threads(1)
    pairs = read_folder(args.data)
    alphabet = Alphabet("".join(sorted({sign for _, text in pairs for sign in text})))
    print(f"{len(pairs)} captchas of {alphabet.num_classes - 1} symbols, {alphabet!r}")
    if args.preset == "tiny":
        run_tiny(pairs, alphabet, args.steps, args.seed)
    else:
        run_published(pairs, alphabet, args.seed, args.go)
    return 0


if __name__ == "__main__":
    sys.exit(main())
