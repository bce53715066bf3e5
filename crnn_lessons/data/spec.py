"""What a pool of rendered words is made of, and each of its pictures."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from crnn_lessons.metrics import fold
from crnn_lessons.text.effects import STREET, Effects
from crnn_lessons.text.fonts import family_weights, missing_glyphs, require_glyphs
from crnn_lessons.text.render import render_word
from crnn_lessons.text.shaping import runs_left
from crnn_lessons.text.words import DIGITS, WordSource, decorate

FONTS_TRIED = 50  # for a foreign word, of which few fonts have the letters; after that, a word like others comes
RENDERER = 2  # raised when the same specification gives other pictures


@dataclass(frozen=True)
class PoolSpec:
    """What a pool of rendered words is made from; two pools with equal specs are equal.

    Attributes:
        size: number of pictures.
        seed: of every random choice; picture ``i`` depends on ``(seed, i)`` only.
        fonts: font files.
        words: dictionary words.
        characters: what labels are made of, in any script that runs from left to right; a letter in upper case whose
            lower case alone stands among them is labelled with that. Without any: letters and digits of English, in
            lower case.
        materials: files of photographed materials; without any, those that scikit-image brings along.
        effects: how often each effect of the street is met.
        foreign: words in other scripts, whose label is empty; see :func:`~crnn_lessons.text.words.load_foreign`.
        foreign_share: how many of the words are of those, 0 to 1.
    """

    size: int
    seed: int
    fonts: tuple[str, ...]
    words: tuple[str, ...]
    characters: str = ""
    materials: tuple[str, ...] = ()
    effects: Effects = STREET
    foreign: tuple[str, ...] = ()
    foreign_share: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "characters", unicodedata.normalize("NFC", self.characters))

    def label(self, text: str) -> str:
        """What a text is to be read as."""
        if not self.characters:
            return fold(text)
        known = set(self.characters)
        folded = (c if c in known else c.lower() for c in unicodedata.normalize("NFC", text))
        return "".join(c for c in folded if c in known)

    @cached_property  # subtle: a dictionary keyed by the spec would hash all its words at every look
    def sources(self) -> tuple[WordSource, WordSource | None, np.ndarray]:
        """What draws the words, what draws foreign ones, and the cumulative weights of the fonts."""
        weights = np.cumsum(family_weights([Path(f) for f in self.fonts]))
        foreign = WordSource(self.foreign, digits=0, random_letters=0, mixed=0) if self.foreign else None
        if not self.characters:
            return WordSource(self.words), foreign, weights
        letters = "".join(c for c in self.characters if c not in DIGITS)
        share = 0.12 if set(DIGITS) <= set(self.characters) else 0.0
        return WordSource(self.words, digits=share, mixed=share / 2, letters=letters), foreign, weights

    def fingerprint(self) -> str:
        """A short hash of everything that determines the pictures, but not their number."""
        names = {kind: [Path(file).name for file in getattr(self, kind)] for kind in ("fonts", "materials")}
        parts = {**asdict(self), **names, "size": None, "renderer": RENDERER}
        if not self.foreign:  # a pool without has the name it had before there were any
            del parts["foreign"], parts["foreign_share"]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def rendered_word(spec: PoolSpec, index: int) -> tuple[np.ndarray, str]:
    """Picture ``index`` of a pool, uint8 of its own height and width, and its label.

    Raises:
        ValueError: a font lacks a character of the label; the message names both; or the word runs from right to left,
            where a label is written, as CTC reads, from left to right.
    """
    source, foreign, cumulative = spec.sources
    rng = np.random.default_rng([spec.seed, index])
    materials = spec.materials or None

    def any_font() -> str:
        return spec.fonts[int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))]

    if foreign and rng.random() < spec.foreign_share:
        for _ in range(FONTS_TRIED):
            text, font = foreign.draw(rng), any_font()
            if not missing_glyphs(Path(font), text):
                return render_word(text, font, rng, effects=spec.effects, materials=materials), ""
    while True:
        font = any_font()
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
        return render_word(text, font, rng, effects=spec.effects, materials=materials), label
