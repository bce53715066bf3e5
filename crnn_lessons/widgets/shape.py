"""The shape widget: choose parts and image size, see shapes, parameters, multiply-adds, T and receptive fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import torch
import traitlets

from crnn_lessons.ctc import repeats
from crnn_lessons.models import PRESETS, Config, Recogniser, Summary, summarise
from crnn_lessons.models.projections import PROJECTIONS
from crnn_lessons.widgets.base import Widget, module, stylesheet
from crnn_lessons.widgets.shape_picture import shape_picture

LARGEST = 2000
"""The largest image and number of classes that the widget takes."""

PARTS = ("layers", "in_channels", "height", "width", "projection", "sequence", "output")


class Shape(Widget):
    """A recogniser on paper: nothing runs, and every number answers at once.

    Args:
        config: the name of a preset; a ``Config``; a recogniser; or the layers of a feature stack, as a list of texts
            or one text with commas, with an LSTM behind it.
        height, width: of the image in pixels; the configuration's own where left out.
        num_classes: number of classes C, the blank among them.
        frame: the frame whose receptive field is shown at first; the middle one where left out.
        word: a word to spell, at most 64 characters: the widget says whether T leaves room for it.

    Raises:
        ValueError: an unknown part, or nothing is left of such an image; the sentence says which.

    Every argument, and each part of the configuration, is a trait: it follows what the learner does, and may be set.
    A sequence model is written as a chain, such as "bilstm 256, bilstm 256" for two layers.
    """

    kind = "shape"
    shown = (*PARTS, "num_classes", "frame", "word", "presets")
    _esm = module("shape.js")
    _css = stylesheet("shape.css")

    layers = traitlets.List(traitlets.Unicode()).tag(sync=True)
    in_channels = traitlets.Enum((1, 3), default_value=1).tag(sync=True)
    height = traitlets.Int(32).tag(sync=True)
    width = traitlets.Int(100).tag(sync=True)
    projection = traitlets.Enum(tuple(PROJECTIONS), default_value="concat").tag(sync=True)
    sequence = traitlets.Unicode("none").tag(sync=True)
    output = traitlets.Unicode("linear").tag(sync=True)
    num_classes = traitlets.Int(37).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    word = traitlets.Unicode().tag(sync=True)
    presets = traitlets.Dict(read_only=True).tag(sync=True)

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
        state = state_of(config) | {"num_classes": num_classes or 37, "word": unicodedata.normalize("NFC", word)}
        state |= {name: value for name, value in (("height", height), ("width", width)) if value is not None}
        T = account_of(state).rows[-1].shape[0]
        state["frame"] = T // 2 if frame is None else frame
        check_frame(state["frame"], T)
        self.set_trait("presets", {name: state_of(preset) for name, preset in PRESETS.items()})
        super().__init__(**state, start=state)

    @property
    def summary(self) -> Summary:
        """The account of the present state, computed in Python."""
        return account_of(self._state())

    @property
    def T(self) -> int:
        """The number of time steps that the present image gives."""
        return self.summary.rows[-1].shape[0]

    def _state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*PARTS, "num_classes", "word")}

    @traitlets.validate(*PARTS, "num_classes", "word", "frame")
    def _check_together(self, proposal: dict) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "word":
            value = unicodedata.normalize("NFC", value)
        try:
            T = account_of(self._state() | ({name: value} if name != "frame" else {})).rows[-1].shape[0]
            if name == "frame":
                check_frame(value, T)
        except ValueError as problem:
            raise traitlets.TraitError(str(problem)) from None
        return value

    @traitlets.observe(*PARTS)
    def _keep_frame(self, change: dict) -> None:
        self.frame = min(self.frame, self.T - 1)

    @property
    def field(self) -> tuple[int, int]:
        """The first and last column of the image that the chosen frame depends on."""
        return stack_of(self._state()).reach(1, self.frame, self.width)

    def alt(self) -> str:
        account, (first, last), needed = self.summary, self.field, len(self.word) + repeats(list(map(ord, self.word)))
        fits = "fits" if needed <= self.T else "does not fit"
        return (
            f"A recogniser of {len(self.layers)} layers on an image of {self.in_channels} × {self.height} × "
            f"{self.width}: T = {self.T}, {account.num_parameters:,} parameters, {account.multiply_adds:,} "
            f"multiply-adds. Frame {self.frame} sees columns {first} to {last}. The word {self.word!r} needs {needed} "
            f"steps and {fits}."
        )

    def picture(self) -> str:
        """The table of layers, and what the chosen frame sees of the image."""
        return shape_picture(self.summary, self.field, self.frame, self.width)

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
    return {
        "layers": list(config.features), "in_channels": config.in_channels, "height": config.height,
        "width": config.width, "projection": config.projection, "sequence": sequence, "output": config.output,
    }  # fmt: skip


def model_of(state: dict[str, Any]) -> Recogniser:
    """The recogniser of a state, without memory for its weights.

    Raises:
        ValueError: an unknown part, a size out of range, or nothing is left of the image.
    """
    for name, least in (("height", 1), ("width", 1), ("num_classes", 2)):
        if not least <= state[name] <= LARGEST:
            raise ValueError(f"{name} runs from {least} to {LARGEST}, and got {state[name]}")
    if len(state["word"]) > 64:
        raise ValueError(f"the word has {len(state['word'])} characters, and the widget takes at most 64")
    for name in ("sequence", "output"):
        if re.search(r"\d{6}", state[name]):
            raise ValueError(f"a number in {name} has at most five digits, as in a layer, and got {state[name]!r}")
    if not state["layers"]:
        raise ValueError("a stack needs at least one layer, such as 'conv 64'")
    parts = {name: state[name] for name in PARTS if name != "layers"}
    with torch.device("meta"):
        return Recogniser(Config(tuple(state["layers"]), **parts), state["num_classes"])


def stack_of(state: dict[str, Any]):
    return model_of(state).features


def account_of(state: dict[str, Any]) -> Summary:
    return summarise(model_of(state))


def check_frame(frame: int, T: int) -> None:
    if not 0 <= frame < T:
        raise ValueError(f"frame runs from 0 to {T - 1} in this recogniser, and got {frame}")
