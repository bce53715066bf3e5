"""A pool of rendered words on disk, which can be interrupted while it is filled."""

from __future__ import annotations

import hashlib
import io
import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from crnn_lessons.data.workers import processes
from crnn_lessons.files import write_atomically
from crnn_lessons.metrics import fold
from crnn_lessons.text.augment import fit
from crnn_lessons.text.fonts import family_weights, missing_glyphs, require_glyphs
from crnn_lessons.text.render import render_word
from crnn_lessons.text.shaping import runs_left
from crnn_lessons.text.words import DIGITS, WordSource, decorate

SHARD = 5000  # pictures in one file of a pool


@dataclass(frozen=True)
class PoolSpec:
    """What a pool of rendered words is made from; two pools with equal specs are equal.

    Attributes:
        size: number of pictures.
        seed: of every random choice; picture ``i`` depends on ``(seed, i)`` only.
        fonts: font files.
        words: dictionary words.
        height, width: of every picture, in pixels.
        characters: what labels are made of, in any script that runs from left to right; a letter in upper case whose
            lower case alone stands among them is labelled with that. Without any: letters and digits of English, in
            lower case.
    """

    size: int
    seed: int
    fonts: tuple[str, ...]
    words: tuple[str, ...]
    height: int = 32
    width: int = 100
    characters: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "characters", unicodedata.normalize("NFC", self.characters))

    def label(self, text: str) -> str:
        """What a text is to be read as."""
        if not self.characters:
            return fold(text)
        known = set(self.characters)
        folded = (c if c in known else c.lower() for c in unicodedata.normalize("NFC", text))
        return "".join(c for c in folded if c in known)

    def fingerprint(self) -> str:
        """A short hash of everything that determines the pictures, but not their number."""
        parts = {**asdict(self), "size": None, "fonts": [Path(f).name for f in self.fonts]}
        if not self.characters:
            del parts["characters"]  # pools rendered before there was a choice stay good
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@lru_cache(maxsize=2)
def _sources(spec: PoolSpec) -> tuple[WordSource, np.ndarray]:
    weights = np.cumsum(family_weights([Path(f) for f in spec.fonts]))
    if not spec.characters:
        return WordSource(spec.words), weights
    letters = "".join(c for c in spec.characters if c not in DIGITS)
    share = 0.12 if set(DIGITS) <= set(spec.characters) else 0.0
    return WordSource(spec.words, digits=share, mixed=share / 2, letters=letters), weights


def rendered_word(spec: PoolSpec, index: int) -> tuple[np.ndarray, str]:
    """Picture ``index`` of a pool, ``H W`` uint8, and its label.

    Raises:
        ValueError: a font lacks a character of the label, the message names both; or the word runs from right to left,
            where a label is written, as CTC reads, from left to right.
    """
    source, cumulative = _sources(spec)
    rng = np.random.default_rng([spec.seed, index])
    while True:
        font = spec.fonts[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]
        text = unicodedata.normalize("NFC", decorate(rng, source.draw(rng)))
        label = spec.label(text)
        if not label:
            continue
        if runs_left(text):
            why = f"{text!r} runs from right to left, and a label as CTC reads, from left to right"
            raise ValueError(f"{why}; leave such words out of a pool")
        missing = missing_glyphs(Path(font), text)
        require_glyphs(Path(font), (c for c in missing if spec.label(c)))
        if spec.characters:  # a letter that is seen and is not in the label would make it wrong
            missing += "".join(c for c in text if c.isalnum() and not spec.label(c))
        text = "".join(c for c in text if c not in missing)  # signs around the word may be left out
        picture = render_word(text, font, rng)
        return fit(picture, spec.height, spec.width), label


_SPEC: PoolSpec | None = None  # set once in each worker process, so that the word list travels once


def _use(spec: PoolSpec) -> None:
    global _SPEC
    _SPEC = spec


def _render_shard(start: int, stop: int) -> tuple[np.ndarray, list[str]]:
    pictures, labels = zip(*(rendered_word(_SPEC, i) for i in range(start, stop)), strict=True)
    return np.stack(pictures), list(labels)


class Pool:
    """Rendered words on disk, in shards; renders what is missing, so that it can be interrupted.

    Args:
        spec: what to render.
        folder: where; a folder of this name and the spec's fingerprint inside it.
        workers: processes that render.

    ``images`` is `N H W` uint8, ``labels`` a list of N texts.
    """

    def __init__(self, spec: PoolSpec, folder: str | os.PathLike, workers: int | None = None):
        self.spec = spec
        self.folder = Path(folder) / f"pool-{spec.fingerprint()}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._render(workers or os.cpu_count() or 1)
        images = [np.load(self._path(s, ".npy"), mmap_mode="r") for s in self._starts()]
        self.images = np.concatenate([i[: self._stop(s) - s] for s, i in zip(self._starts(), images, strict=True)])
        self.labels = [
            label
            for s in self._starts()
            for label in self._path(s, ".txt").read_text(encoding="utf-8").split("\n")[: self._stop(s) - s]
        ]

    def _starts(self) -> range:
        return range(0, self.spec.size, SHARD)

    def _stop(self, start: int) -> int:
        return min(start + SHARD, self.spec.size)

    def _path(self, start: int, suffix: str) -> Path:
        return self.folder / f"{start // SHARD:05d}-{SHARD}{suffix}"

    def _whole(self, start: int) -> bool:
        text = self._path(start, ".txt")  # written last: when it is there, its pictures are too
        return text.exists() and len(text.read_text(encoding="utf-8").split("\n")) >= self._stop(start) - start

    def _render(self, workers: int) -> None:
        todo = [s for s in self._starts() if not self._whole(s)]
        if not todo:
            return
        bar = tqdm(total=self.spec.size, initial=self.spec.size - sum(self._stop(s) - s for s in todo),
                   desc="rendering", unit="word")  # fmt: skip
        with bar:
            for start, pictures, labels in self._rendered(todo, workers):
                file = io.BytesIO()
                np.save(file, pictures)
                write_atomically(self._path(start, ".npy"), file.getvalue())
                write_atomically(self._path(start, ".txt"), "\n".join(labels).encode("utf-8"))
                bar.update(len(labels))

    def _rendered(self, todo: Sequence[int], workers: int) -> Iterator[tuple[int, np.ndarray, list[str]]]:
        if workers == 1 or len(todo) == 1:
            _use(self.spec)
            for start in todo:
                yield start, *_render_shard(start, self._stop(start))
            return
        with processes(workers, _use, self.spec) as executor:
            jobs = {executor.submit(_render_shard, s, self._stop(s)): s for s in todo}
            for job in as_completed(jobs):
                start = jobs.pop(job)
                yield start, *job.result()

    def __len__(self) -> int:
        return len(self.labels)
