"""Teach the reader to doubt what it cannot write: make crnn_lessons/weights/legible.safetensors.

    python notebooks/legible.py --words FILE... --foreign FILE... [--fonts FOLDER...] [--size 80000] [--output FILE]

Words are rendered as on the street, a third of them in other scripts: of the lists of --foreign, and random strings of
the scripts and signs below, where a font has them. The shipped reader looks at each, and stays as it is; two layers on
the mean and the largest of its features learn which of the words are its own, with the cross-entropy. In use fewer
pictures are foreign than here: a prior of PRIOR takes the place of a third (Saerens et al. 2002, equation 2.4: the odds
are multiplied by the ratio of the priors' odds). Three hundred words a second are rendered and seen on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crnn_lessons.data.spec import PoolSpec, rendered_word
from crnn_lessons.models.recogniser import to_input
from crnn_lessons.reader import Reader
from crnn_lessons.reader.checks import check_place
from crnn_lessons.reader.legible import Legible
from crnn_lessons.text.augment import fit
from crnn_lessons.text.fonts import ALPHANUMERIC, by_family, find_fonts
from crnn_lessons.text.texture import material_files
from crnn_lessons.text.words import load_foreign, load_words

TO = Path(__file__).resolve().parents[1] / "crnn_lessons/weights/legible.safetensors"
SHARE, PRIOR = 0.35, 0.15  # of words that the reader cannot write, here and in use
RANDOM = {  # the first and the last character of each
    "Armenian": "աֆ", "Georgian": "აჰ", "Hiragana": "ぁゖ", "Katakana": "ァヺ", "Han": "一丿", "Hangul": "가갛",
    "Thai": "กฮ", "arrows": "←↙", "boxes": "■◿", "dingbats": "✁✿", "lines": "─╿", "mathematics": "∀∋",
}  # fmt: skip
STRINGS = 1500  # of each of them
EPOCHS, RATE, DECAY, BATCH = 10, 1e-3, 0.05, 128


def digest() -> str:
    """The reader's weights by their digest: other weights have other features, and need layers of their own."""
    return hashlib.sha256((TO.parent / "reader.safetensors").read_bytes()).hexdigest()


def random_strings(rng: np.random.Generator) -> list[str]:
    found = []
    for first, last in RANDOM.values():
        codes = rng.integers(ord(first), ord(last) + 1, size=(STRINGS, 8))
        lengths = rng.integers(1, 9, size=STRINGS)
        found += ["".join(map(chr, row[:n])) for row, n in zip(codes, lengths, strict=True)]
    return found


@torch.inference_mode()
def seen(reader: Reader, spec: PoolSpec) -> tuple[Tensor, Tensor]:
    """What :class:`Legible` looks at, `N 2D`, and whether each word is the reader's own, `N`."""
    pictures: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
    pooled, own = {}, torch.empty(spec.size)

    def look(waiting: list[tuple[int, np.ndarray]]) -> None:
        images = torch.from_numpy(np.stack([picture for _, picture in waiting]).astype(np.float32) / 255)
        found = Legible.pooled(reader.model.steps(to_input(images))[0])
        pooled.update(zip((i for i, _ in waiting), found, strict=True))
        waiting.clear()

    for i in tqdm(range(spec.size), desc="words", mininterval=5):
        picture, label = rendered_word(spec, i)
        own[i], size = bool(label), reader.model.config.size_for(*picture.shape)
        waiting = pictures.setdefault(size, [])
        waiting.append((i, fit(picture, *size)))
        if len(waiting) == 64:
            look(waiting)
    for waiting in filter(None, pictures.values()):
        look(waiting)
    return torch.stack([pooled[i] for i in range(spec.size)]), own


def taught(pooled: Tensor, own: Tensor, seed: int) -> Legible:
    """Learn from what was seen. The features are scaled for it, and the scales then become part of the first layer."""
    torch.manual_seed(seed)
    legible = Legible(pooled.shape[1] // 2)
    first, last = legible.layers[0], legible.layers[-1]
    middle, scale = pooled.mean(dim=0), pooled.std(dim=0) + 1e-3
    scaled, steps = (pooled - middle) / scale, EPOCHS * (len(own) // BATCH)
    optimiser = torch.optim.AdamW(legible.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    for step in range(steps):
        if step % (steps // EPOCHS) == 0:
            order = torch.randperm(len(own))
        chosen = order[BATCH * (step % (steps // EPOCHS)) :][:BATCH]
        kept = F.dropout(torch.relu(first(scaled[chosen])), 0.2)
        loss = F.binary_cross_entropy_with_logits(last(kept).squeeze(1), own[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    share = 1 - own.mean()
    with torch.no_grad():
        first.weight /= scale
        first.bias -= first.weight @ middle
        last.bias += torch.log((1 - PRIOR) / PRIOR * share / (1 - share))
    return legible.eval()


def main(argv: list[str] | None = None) -> Legible:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", nargs="+", type=Path, required=True, help="lists of words that the reader can write")
    parser.add_argument("--foreign", nargs="+", type=Path, required=True, help="lists of words that it cannot")
    parser.add_argument("--fonts", nargs="*", type=Path, default=[], help="folders of fonts beside the system's")
    parser.add_argument("--size", type=int, default=80_000, help="words to look at; a twentieth of them to test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=TO)
    o = parser.parse_args(argv)
    torch.set_num_threads(1)
    try:  # before fonts are looked for, which takes a while
        check_place("--output", o.output)
        if o.size < BATCH:
            raise ValueError(f"--size is {o.size}; give at least {BATCH}, the words of one step")
        words, foreign = tuple(load_words(o.words)), load_foreign(o.foreign)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    training, held_out = by_family(find_fonts(ALPHANUMERIC, o.fonts))
    foreign = (*foreign, *random_strings(np.random.default_rng(o.seed)))
    materials = tuple(map(str, material_files([])))
    reader = Reader()

    def look(size: int, seed: int, fonts: list[Path]) -> tuple[Tensor, Tensor]:
        spec = PoolSpec(
            size, seed, tuple(map(str, fonts)), words, materials=materials, foreign=foreign, foreign_share=SHARE
        )
        return seen(reader, spec)

    legible = taught(*look(o.size, o.seed, training), o.seed)
    pooled, own = look(max(20, o.size // 20), o.seed + 1, held_out or training)
    with torch.no_grad():
        found = legible.layers(pooled).sigmoid().squeeze(1)
    kept, left = (float((found[own == kind] > 0.5).float().mean()) for kind in (1, 0))
    told = (
        f"held out: legible are {kept:.1%} of {int(own.sum())} words of its own, {left:.1%} of {int((1 - own).sum())}"
    )
    print(told)
    legible.save(o.output, of=digest(), command="python notebooks/legible.py", size=o.size, seed=o.seed,
                 foreign=len(foreign), fonts=len(training), prior=PRIOR, held_out=told)  # fmt: skip
    return legible


if __name__ == "__main__":
    main()
