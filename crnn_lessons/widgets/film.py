"""The film widget: posteriors of a picture or two at many moments of training, to be scrubbed through."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.arrays import as_array, to_numpy
from crnn_lessons.ctc import best_path, extend, forced_alignment, forward_backward, min_frames
from crnn_lessons.show.numbers import show_number
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Characters, Entry, Place, as_alphabet
from crnn_lessons.widgets.steps import MOST_BYTES, to_steps, to_text

PER_NAT = 12
"""A log-probability is kept as a byte: its distance from 0, in twelfths of a nat, 255 for all that is smaller."""


def to_bytes(log_probs: ArrayLike) -> np.ndarray:
    """Natural logarithms of probabilities as bytes, uint8 of the same shape: min(255, round(-12 ln p))."""
    return to_steps(as_array(log_probs, "log_probs must be an array of numbers"), PER_NAT, np.uint8)


def from_bytes(data: np.ndarray) -> np.ndarray:
    """The log-probabilities that bytes stand for, within 1/24 nat where they are above -21.25."""
    return -np.asarray(data, dtype=np.float64) / PER_NAT


class Film(Widget):
    """Training as a film: at each kept step the posteriors, the text that they give, and the target's alignment.

    Args:
        frames: pairs of a step's number and, for each picture, its T x C log-probabilities at that step.
        images: one or two pictures H x T, a column for each time step; uint8 or 0 to 1, ink bright.
        targets: the text of each picture, over ``characters``.
        characters: the C - 1 characters of classes 1, 2, ...: an Alphabet, or a text with each of them once.
        frame: the one shown at first, counted from 0.

    ``frame`` follows what the learner does, and may be set. The page computes the text and the alignment from the
    film's bytes, as :meth:`text` and :meth:`alignment` do; the losses are those of the posteriors as given.

    Raises:
        ValueError: the arguments do not fit each other, or the film is too long to be kept in a notebook.

    Source: the frames of Graves et al. 2006, figure 4.
    """

    kind = "film"
    film = Entry(fixed=True)
    characters = Characters()
    frame = Place("frames", said="{name} runs from {low} to {high} in this film")

    def __init__(
        self,
        frames: Iterable[tuple[int, Sequence[ArrayLike]]],
        images: Sequence[ArrayLike],
        targets: Sequence[str],
        characters: Alphabet | Iterable[str],
        frame: int = 0,
    ):
        alphabet = as_alphabet(characters)
        frames = [(int(step), list(parts)) for step, parts in frames]
        if not frames:
            raise ValueError("a film needs at least one frame, and got none")
        if not 1 <= len(images) <= 2 or len(targets) != len(images):
            raise ValueError(f"a film shows one or two pictures, each with its text; got {len(images)}, {len(targets)}")
        steps = [step for step, _ in frames]
        if steps != sorted(set(steps)):
            raise ValueError("the steps of the frames must grow from one to the next")
        scenes = []
        for n, (image, text) in enumerate(zip(images, targets, strict=True)):
            scenes.append(_scene(n, image, text, alphabet, [(step, parts[n : n + 1]) for step, parts in frames]))
        size = sum(len(scene["posteriors"]) + len(scene["image"]) for scene in scenes)
        if size > MOST_BYTES:
            raise ValueError(
                f"this film takes {size:,} bytes and a notebook bears {MOST_BYTES:,}; keep about "
                f"{max(1, len(frames) * MOST_BYTES // size)} of its {len(frames)} frames, or show one picture"
            )
        film = {"steps": steps, "scenes": scenes}
        super().__init__(film=film, characters=alphabet, frame=frame)

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        return {"frames": len(state["film"]["steps"])}

    @property
    def steps(self) -> list[int]:
        """The step of training at which each frame was taken."""
        return self.film["steps"]

    def data(self, scene: int = 0, frame: int | None = None) -> np.ndarray:
        """The bytes T x C of a picture at a frame; at the shown one when none is given."""
        kept = self.film["scenes"][scene]
        frames = np.frombuffer(base64.b64decode(kept["posteriors"]), np.uint8)
        return frames.reshape(len(self.steps), kept["T"], -1)[self.frame if frame is None else frame]

    def text(self, scene: int = 0, frame: int | None = None) -> str:
        """What best path decoding reads at a frame."""
        return Alphabet(self.characters).decode(best_path(from_bytes(self.data(scene, frame))))

    def alignment(self, scene: int = 0, frame: int | None = None) -> list[int]:
        """The class at each time step of the target's most probable alignment at a frame."""
        target = Alphabet(self.characters).encode(self.film["scenes"][scene]["target"])
        # whole numbers: sums of them are exact, so that ties are ties in both languages
        rows, _ = forced_alignment(-self.data(scene, frame).astype(np.float64), target)
        return extend(target)[rows].tolist()

    def alt(self) -> str:
        said = []
        for n, scene in enumerate(self.film["scenes"]):
            loss = scene["losses"][self.frame]
            loss = show_number(np.inf if loss is None else loss)
            said.append(f"{scene['target']!r} is read as {self.text(n)!r}, loss {loss}")
        return (
            f"Film of a training run, {len(self.steps)} frames from step {self.steps[0]} to {self.steps[-1]}. "
            f"Shown is step {self.steps[self.frame]}: {'; '.join(said)}."
        )

    def __repr__(self) -> str:
        texts = [scene["target"] for scene in self.film["scenes"]]
        return f"Film(targets={texts}, frames={len(self.steps)}, frame={self.frame}, step={self.steps[self.frame]})"


def _scene(n: int, image: ArrayLike, text: str, alphabet: Alphabet, frames: list) -> dict:
    """One picture with its posteriors, checked and packed."""
    picture = as_array(image, f"picture {n} must be H x T")
    if picture.ndim != 2 or 0 in picture.shape:
        raise ValueError(f"picture {n} must be H x T, and has the shape {picture.shape}")
    target, T, C = alphabet.encode(text), picture.shape[1], alphabet.num_classes
    if min_frames(target) > T:
        raise ValueError(f"the target {text!r} needs {min_frames(target)} time steps, and picture {n} has {T}")
    data, losses = [], []
    for step, part in frames:
        where = f"the log-probabilities of picture {n} at step {step}"
        values = as_array(part[0], f"{where} must be an array of numbers") if part else np.zeros(0)
        if values.shape != (T, C):
            raise ValueError(
                f"{where} must be T x C = {T} x {C}, one row a column of the picture, and have the shape {values.shape}"
            )
        if np.isnan(values).any() or np.abs(np.exp(values).sum(axis=1) - 1).max() > 1e-3:
            raise ValueError(f"{where} do not sum to 1; apply log_softmax")
        data.append(to_bytes(values))
        loss = float(f"{-forward_backward(values, target).log_likelihood:.4g}")
        losses.append(loss if loss < np.inf else None)  # JSON has no infinity
    grey = picture if np.asarray(to_numpy(image)).dtype == np.uint8 else 255 * np.clip(picture, 0, 1)
    return {
        "T": T,
        "height": picture.shape[0],
        "image": to_text(np.rint(grey).astype(np.uint8).tobytes()),
        "posteriors": to_text(np.stack(data).tobytes()),
        "losses": losses,
        "target": alphabet.decode(target),
    }
