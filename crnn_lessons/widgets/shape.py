"""The shape widget: choose parts and image size, see shapes, parameters, multiply-adds, T and receptive fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from crnn_lessons.ctc import repeats
from crnn_lessons.models import PRESETS, Config, Recogniser, Summary, summarise
from crnn_lessons.models.projections import PROJECTIONS
from crnn_lessons.show.numbers import short
from crnn_lessons.widgets.page import Widget
from crnn_lessons.widgets.spec import Choice, Entry, Place, Text, Whole

LARGEST = 2000
"""The largest image and number of classes that the widget takes."""

PARTS = ("layers", "in_channels", "height", "width", "projection", "sequence", "output")


def read_layers(layers: Sequence[str]) -> list[str]:
    """The texts of a stack's layers, or one sentence why they are none."""
    if isinstance(layers, str) or not isinstance(layers, Sequence) or not all(isinstance(one, str) for one in layers):
        raise ValueError(f"layers are a list of texts such as 'conv 64', and got {short(layers)}")
    return list(layers)


class Shape(Widget):
    """A recogniser on paper: nothing runs, and every number answers at once.

    Args:
        config: the name of a preset; a ``Config``; a recogniser; or the layers of a feature stack, as a list of texts
            or one text with commas, with an LSTM behind it.
        height, width: of the image in pixels; the configuration's own where left out.
        num_classes: number of classes C, the blank among them.
        frame: the frame whose receptive field is shown at first; the middle one where left out.
        word: a word to spell, at most 64 characters: the widget says whether T leaves room for it.

    Every argument, and each part of the configuration, follows what the learner does, and may be set. A sequence model
    is written as a chain, such as "bilstm 256, bilstm 256" for two layers.

    Raises:
        ValueError: an unknown part, or nothing is left of such an image; the sentence says which.
    """

    kind = "shape"
    layers = Entry(read_layers)
    in_channels = Choice(1, 3)
    height = Whole(1, LARGEST)
    width = Whole(1, LARGEST)
    projection = Choice(*PROJECTIONS)
    sequence = Text()
    output = Text()
    num_classes = Whole(2, LARGEST)
    word = Text()
    frame = Place("T", lambda T: T // 2, said="{name} runs from {low} to {high} in this recogniser")
    presets = Entry(fixed=True)

    def __init__(
        self,
        config: str | Config | Recogniser | Sequence[str] = "paper",
        height: int | None = None,
        width: int | None = None,
        *,
        num_classes: int | None = None,
        frame: int | None = None,
        word: str = "station",
    ):
        if isinstance(config, Recogniser):
            num_classes, config = num_classes or config.num_classes, config.config
        elif isinstance(config, str) and config in PRESETS:
            config = PRESETS[config]
        elif not isinstance(config, Config):
            if isinstance(config, str) and "," not in config and " " not in config and config != "keep":
                raise ValueError(f"there is no model {config!r}; choose one of {', '.join(PRESETS)}, or give layers")
            config = Config(config)
        state = state_of(config) | {"num_classes": 37 if num_classes is None else num_classes, "word": word}
        state |= {name: value for name, value in (("height", height), ("width", width)) if value is not None}
        super().__init__(**state, frame=frame, presets={name: state_of(preset) for name, preset in PRESETS.items()})

    def fit(self, state: dict, changed: list[str]) -> dict[str, int]:
        if len(state["word"]) > 64:
            raise ValueError(f"the word has {len(state['word'])} characters, and the widget takes at most 64")
        return {"T": account_of(state).rows[-1].shape[0]}

    @property
    def summary(self) -> Summary:
        """The account of the present state, computed in Python."""
        return account_of(self.state)

    @property
    def T(self) -> int:
        """The number of time steps that the present image gives."""
        return self.summary.rows[-1].shape[0]

    @property
    def field(self) -> tuple[int, int]:
        """The first and last column of the image that the chosen frame depends on."""
        return stack_of(self.state).reach(1, self.frame, self.width)

    def alt(self) -> str:
        account, (first, last), needed = self.summary, self.field, len(self.word) + repeats(list(map(ord, self.word)))
        return (
            f"A recogniser of {len(self.layers)} layers on an image of {self.in_channels} × {self.height} × "
            f"{self.width}: T = {self.T}, {account.num_parameters:,} parameters, {account.multiply_adds:,} "
            f"multiply-adds. Frame {self.frame} sees columns {first} to {last}. The word {self.word!r} needs {needed} "
            f"steps and {'fits' if needed <= self.T else 'does not fit'}."
        )

    def __repr__(self) -> str:
        return (
            f"Shape({len(self.layers)} layers, image={self.in_channels}x{self.height}x{self.width}, T={self.T}, "
            f"parameters={self.summary.num_parameters}, frame={self.frame})"
        )


def state_of(config: Config) -> dict[str, Any]:
    """The parts of a configuration as the widget holds them: the sequence model as a chain with sizes."""
    sequence = config.sequence
    if sequence in ("bilstm", "gru"):
        sequence = ", ".join([f"{sequence} {config.hidden_size}"] * config.num_layers)
    parts = {name: getattr(config, name) for name in PARTS[1:]}
    return parts | {"layers": list(config.features), "sequence": sequence}


def model_of(state: dict[str, Any]) -> Recogniser:
    """The recogniser of a state, without memory for its weights.

    Raises:
        ValueError: an unknown part, or nothing is left of the image.
    """
    for name in ("sequence", "output"):
        if re.search(r"\d{6}", state[name]):
            raise ValueError(f"a number in {name} has at most five digits, as in a layer, and got {state[name]!r}")
    if not state["layers"]:
        raise ValueError("a stack needs at least one layer, such as 'conv 64'")
    parts = {name: state[name] for name in PARTS[1:]}
    with torch.device("meta"):
        return Recogniser(Config(tuple(state["layers"]), **parts), state["num_classes"])


def stack_of(state: dict[str, Any]):
    return model_of(state).features


def account_of(state: dict[str, Any]) -> Summary:
    return summarise(model_of(state))
