"""The film widget: posteriors of a picture or two at many moments of training, to be scrubbed through."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from crnn_lessons.alphabet import BLANK_SIGN, Alphabet
from crnn_lessons.ctc import best_path, extend, forced_alignment, forward_backward, min_frames
from crnn_lessons.widgets.base import Widget, module, show_number, stylesheet
from crnn_lessons.widgets.picture import GREY, VERMILLION, svg, svg_box, svg_text
from crnn_lessons.widgets.probabilities import as_array

PER_NAT = 12
"""A log-probability is kept as a byte: its distance from 0, in twelfths of a nat, 255 for all that is smaller."""

MOST_BYTES = 130_000
"""The most that a film may take in a notebook, once it is written as text."""


def to_bytes(log_probs: ArrayLike) -> np.ndarray:
    """Natural logarithms of probabilities as bytes, uint8 of the same shape: min(255, round(-12 ln p))."""
    values = as_array(log_probs, "log_probs")
    return np.rint(np.minimum(-PER_NAT * np.minimum(values, 0), 255)).astype(np.uint8)


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

    Raises:
        ValueError: the arguments do not fit each other, or the film is too long to be kept in a notebook.

    ``frame`` is a trait: it follows what the learner does, and may be set. The page computes the text and the alignment
    from the film's bytes, as :meth:`text` and :meth:`alignment` do; the losses are those of the posteriors as given.

    Source: the frames of Graves et al. 2006, figure 4.
    """

    kind = "film"
    shown = ("film", "characters", "frame")
    _esm = module("film.js")
    _css = stylesheet("film.css")

    film = traitlets.Dict(read_only=True).tag(sync=True)
    characters = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        frames: Iterable[tuple[int, Sequence[ArrayLike]]],
        images: Sequence[ArrayLike],
        targets: Sequence[str],
        characters: Alphabet | Iterable[str],
        frame: int = 0,
    ):
        self._alphabet = characters if isinstance(characters, Alphabet) else Alphabet(characters)
        frames = [(int(step), list(parts)) for step, parts in frames]
        if not frames:
            raise ValueError("a film needs at least one frame, and got none")
        if not 1 <= len(images) <= 2 or len(targets) != len(images):
            raise ValueError(f"a film shows one or two pictures, each with its text; got {len(images)}, {len(targets)}")
        self.steps = [step for step, _ in frames]
        if self.steps != sorted(set(self.steps)):
            raise ValueError("the steps of the frames must grow from one to the next")
        scenes = [
            self._scene(n, images[n], targets[n], [(step, parts[n : n + 1]) for step, parts in frames])
            for n in range(len(images))
        ]
        size = sum(len(scene["posteriors"]) + len(scene["image"]) for scene in scenes)
        if size > MOST_BYTES:
            keep = max(1, len(frames) * MOST_BYTES // size)
            raise ValueError(
                f"this film takes {size:,} bytes and a notebook bears {MOST_BYTES:,}; keep about {keep} of its "
                f"{len(frames)} frames, or show one picture"
            )
        self.set_trait("film", {"steps": self.steps, "scenes": scenes})
        self.set_trait("characters", list(self._alphabet.characters))
        if not 0 <= frame < len(frames):
            raise ValueError(f"frame runs from 0 to {len(frames) - 1} in this film, and got {frame}")
        super().__init__(frame=int(frame), start={"frame": int(frame)})

    def _scene(self, n: int, image: ArrayLike, text: str, frames: list) -> dict:
        """One picture with its posteriors, checked and packed."""
        picture, C = np.asarray(image), self._alphabet.num_classes
        if picture.ndim != 2 or 0 in picture.shape:
            raise ValueError(f"picture {n} must be H x T, and has the shape {picture.shape}")
        target, T = self._alphabet.encode(text), picture.shape[1]
        if min_frames(target) > T:
            raise ValueError(f"the target {text!r} needs {min_frames(target)} time steps, and picture {n} has {T}")
        data, losses = np.zeros((len(frames), T, C), np.uint8), []
        for i, (step, part) in enumerate(frames):
            values = as_array(part[0], f"picture {n} at step {step}") if part else np.zeros(0)
            if values.shape != (T, C):
                raise ValueError(
                    f"the log-probabilities of picture {n} at step {step} must be T x C = {T} x {C}, one row a column "
                    f"of the picture, and have the shape {values.shape}"
                )
            if np.isnan(values).any() or np.abs(np.exp(values).sum(axis=1) - 1).max() > 1e-3:
                raise ValueError(
                    f"the log-probabilities of picture {n} at step {step} do not sum to 1; apply log_softmax"
                )
            data[i] = to_bytes(values)
            losses.append(float(f"{-forward_backward(values, target).log_likelihood:.4g}"))
        grey = picture if picture.dtype == np.uint8 else np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
        return {
            "T": T,
            "height": picture.shape[0],
            "image": base64.b64encode(grey.tobytes()).decode("ascii"),
            "posteriors": base64.b64encode(data.tobytes()).decode("ascii"),
            "losses": losses,
            "target": self._alphabet.decode(target),
        }

    @traitlets.validate("frame")
    def _check_frame(self, proposal: dict) -> int:
        if not 0 <= proposal["value"] < len(self.steps):
            raise traitlets.TraitError(
                f"frame runs from 0 to {len(self.steps) - 1} in this film, and got {proposal['value']}"
            )
        return proposal["value"]

    def data(self, scene: int = 0, frame: int | None = None) -> np.ndarray:
        """The bytes T x C of a picture at a frame; at the shown one when none is given."""
        kept = self.film["scenes"][scene]
        frames = np.frombuffer(base64.b64decode(kept["posteriors"]), np.uint8)
        return frames.reshape(len(self.steps), kept["T"], -1)[self.frame if frame is None else frame]

    def text(self, scene: int = 0, frame: int | None = None) -> str:
        """What best path decoding reads at a frame."""
        return self._alphabet.decode(best_path(from_bytes(self.data(scene, frame))))

    def alignment(self, scene: int = 0, frame: int | None = None) -> list[int]:
        """The class at each time step of the target's most probable alignment at a frame."""
        target = self._alphabet.encode(self.film["scenes"][scene]["target"])
        # whole numbers: sums of them are exact, so that ties are ties in both languages
        rows, _ = forced_alignment(-self.data(scene, frame).astype(np.float64), target)
        return extend(target)[rows].tolist()

    def alt(self) -> str:
        return (
            f"Film of a training run, {len(self.steps)} frames from step {self.steps[0]} to {self.steps[-1]}. "
            f"Shown is step {self.steps[self.frame]}: {'; '.join(self._said(n) for n in range(self._count))}."
        )

    @property
    def _count(self) -> int:
        return len(self.film["scenes"])

    def _said(self, n: int) -> str:
        scene = self.film["scenes"][n]
        return f"{scene['target']!r} is read as {self.text(n)!r}, loss {show_number(scene['losses'][self.frame])}"

    def picture(self) -> str:
        """Three moments of the first picture: the first frame, the one shown (or the middle one), and the last."""
        last = len(self.steps) - 1
        middle = self.frame if 0 < self.frame < last else last // 2
        signs = [BLANK_SIGN, *self.characters]
        parts, y, T = [], 10, self.film["scenes"][0]["T"]
        used = sorted({0, *self._alphabet.encode(self.film["scenes"][0]["target"])})
        wide, high = max(4, min(14, 560 // T)), 12
        for frame in sorted({0, middle, last}):
            probs = np.exp(from_bytes(self.data(0, frame)))
            loss = show_number(self.film["scenes"][0]["losses"][frame])
            words = f"step {self.steps[frame]}: reads {self.text(0, frame) or 'nothing'}, loss {loss}"
            parts.append(svg_text(8, y + 12, words, size=13))
            y += 20
            for k in used:
                parts.append(svg_text(10, y + 10, signs[k], size=11, fill=GREY))
                for t, run in _runs(np.rint(probs[:, k] * 15).astype(int).tolist()):
                    value = round(255 - 17 * run[0])
                    box = {"fill": f"rgb({value},{value},255)", "stroke": "none", "rx": 0}
                    if run[0]:
                        parts.append(svg_box(26 + t * wide, y, wide * len(run), high - 1, **box))
                y += high
            for t, run in _runs(self.alignment(0, frame)):
                if run[0]:
                    x, row = 26 + t * wide, y - high * (len(used) - used.index(run[0]))
                    style = {"fill": "none", "stroke": VERMILLION, "stroke_width": 1.5}
                    parts.append(svg_box(x, row - 1, wide * len(run), high + 1, **style))
            y += 14
        note = "blue: the probability of each class along the line; boxes: the target's alignment"
        parts.append(svg_text(8, y + 6, note, size=11, fill=GREY))
        return svg(max(420, 34 + T * wide), y + 16, *parts)

    def __repr__(self) -> str:
        texts = [scene["target"] for scene in self.film["scenes"]]
        return f"Film(targets={texts}, frames={len(self.steps)}, frame={self.frame}, step={self.steps[self.frame]})"


def _runs(values: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Runs of equal values, each with the place where it begins."""
    found, t = [], 0
    for _, group in groupby(values):
        run = list(group)
        found.append((t, run))
        t += len(run)
    return found
