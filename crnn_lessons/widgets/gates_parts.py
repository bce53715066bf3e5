"""What the gates widget is made of: examples and tasks for one unit by hand, and the weights of a trained cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from crnn_lessons.arrays import as_array
from crnn_lessons.cells import lstm_step
from crnn_lessons.widgets.layers import weights_of

GATES = ("i", "f", "g", "o")
"""The order of a step's four numbers, and of the parts of an LSTM's weights: torch's."""

MOST_STEPS = 64
MOST_UNITS = 64

_VALUES = (0.8, -0.5, 0.3, 0.9, -0.6, 0.4, -0.7)
PRESETS = {  # T rows of i, f, g, o
    "hold": [[float(t == 0), float(t > 0), g, float(t == 6)] for t, g in enumerate(_VALUES)],
    "overwrite": [[float(t in (0, 4)), float(t not in (0, 4)), g, 1.0] for t, g in enumerate(_VALUES)],
    "forget": [[float(t == 0), 0.5, g, 1.0] for t, g in enumerate(_VALUES)],
    "count": [[float(t in (0, 1, 3, 4, 6)), 1.0, 1.0, 1.0] for t in range(7)],
}


def _task(words: str, asks: str, g: Sequence[float], remembered: Sequence[float], shown: Sequence[int]) -> dict:
    goal = [math.tanh(c) if on else 0.0 for c, on in zip(remembered, shown, strict=True)]
    return {"words": words, "asks": f"The candidates are given. {asks}", "g": list(g), "goal": goal}


_MIXED, _PULSES = (0.9, -0.6, 0.4, 0.8, -0.9, 0.5, -0.3), (0, 0.8, 0, 0, -0.7, 0, 0)
_SUMMANDS = (0.4, 0.3, -0.5, 0.2, 0.6, -0.4, 0.1)
_SECOND = "Show the second of them after the last step, and nothing before."
_LATEST = "Show at each step the latest candidate that was not 0."
_TOTAL = "Let the memory hold their sum so far, and show it at each step."
TASKS = {
    "second": _task("2nd at the end", _SECOND, _MIXED, [-0.6] * 7, [0] * 6 + [1]),
    "latest": _task("latest pulse", _LATEST, _PULSES, [0, 0.8, 0.8, 0.8, -0.7, -0.7, -0.7], [1] * 7),
    "total": _task("running total", _TOTAL, _SUMMANDS, list(accumulate(_SUMMANDS)), [1] * 7),
}


def check_gates(gates: ArrayLike) -> list[list[float]]:
    """Return gates as T rows of i, f, g, o, or say in one sentence why they are none."""
    said = f"gates must be T x 4 (time steps by i, f, g, o), T from 1 to {MOST_STEPS}"
    values = as_array(gates, said)
    if values.ndim != 2 or values.shape[1] != 4 or not 1 <= len(values) <= MOST_STEPS:
        raise ValueError(f"{said}, and have the shape {values.shape}")
    low = np.array([0, 0, -1, 0])
    for t, k in np.argwhere(~((values >= low) & (values <= 1))).tolist():
        raise ValueError(f"{GATES[k]} lies between {low[k]} and 1, and at t = {t} it is {values[t, k]:g}")
    return values.tolist()


def read_cell(layer: Any) -> dict:
    """The weights of an LSTM of one layer and one direction, as nested lists of float64.

    Raises:
        ValueError: no LSTM, one of another build, or one too large to look at.
    """
    kind, suffix = type(layer).__name__, "" if isinstance(layer, nn.LSTMCell) else "_l0"
    weights, biases = ([f"{what}_{part}{suffix}" for part in ("ih", "hh")] for what in ("weight", "bias"))
    if not all(hasattr(layer, name) for name in weights):
        raise ValueError(f"a cell is an LSTM of torch or of crnn_lessons.cells, and this is {kind}")
    weight_ih, weight_hh, bias = weights_of(layer, weights, biases)
    H, layers, ways = len(weight_hh[0]), getattr(layer, "num_layers", 1), 1 + getattr(layer, "bidirectional", False)
    if len(weight_hh) != 4 * H or getattr(layer, "proj_size", 0):
        raise ValueError(f"only an LSTM has these gates, and this is {kind}; give an LSTM without proj_size")
    if layers != 1 or ways != 1:
        raise ValueError(f"the widget shows one layer in one direction, and this LSTM has {layers} in {ways}")
    if H > MOST_UNITS:
        raise ValueError(f"the widget shows at most {MOST_UNITS} units, and this LSTM has {H}")
    output_tanh = bool(getattr(layer, "output_tanh", True))
    return {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias": bias, "output_tanh": output_tanh}


def read_out(out: nn.Linear, hidden_size: int, labels: Sequence[str], classes: Sequence[str] | None) -> dict:
    """The weights of the linear layer that reads the state, and the names of its classes.

    Raises:
        ValueError: it does not fit the cell, or the names do not fit it.
    """
    if not isinstance(out, nn.Linear) or out.in_features != hidden_size:
        raise ValueError(f"out must be a Linear that reads the cell's {hidden_size} units, and is {out!r}")
    C = out.out_features
    if classes is None:
        classes = labels if len(labels) == C else range(C)
    if len(classes) != C:
        raise ValueError(f"out has {C} classes, and {len(classes)} names are given for them")
    weight, bias = weights_of(out)
    return {"out_weight": weight, "out_bias": bias, "classes": [str(name) for name in classes]}


def run_cell(cell: dict, inputs: Sequence[Sequence[float]]) -> dict[str, np.ndarray]:
    """i, f, g, o, c and h of every unit at every step, T x H each, with the course's own ``lstm_step`` in float64."""
    names = ("weight_ih", "weight_hh", "bias")
    weight_ih, weight_hh, bias = (torch.tensor(cell[name], dtype=torch.float64) for name in names)
    h = c = torch.zeros(weight_hh.shape[1], dtype=torch.float64)  # H
    steps = []
    for x in torch.tensor(inputs, dtype=torch.float64):  # D
        projected = weight_ih @ x + bias  # 4H
        i, f, g, o = (projected + weight_hh @ h).chunk(4)
        h, c = lstm_step(projected, h, c, weight_hh, output_tanh=cell["output_tanh"])
        steps.append((i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid(), c, h))
    return {name: torch.stack(parts).numpy() for name, parts in zip("ifgoch", zip(*steps, strict=True), strict=True)}


def run_by_hand(gates: Sequence[Sequence[float]]) -> dict[str, np.ndarray]:
    """The same of one unit whose gates are given, T x 1 each."""
    i, f, g, o = np.asarray(gates, dtype=np.float64).T  # T each
    c = np.array(list(accumulate(zip(i, f, g, strict=True), lambda c, now: now[1] * c + now[0] * now[2], initial=0.0)))
    made = {"i": i, "f": f, "g": g, "o": o, "c": c[1:], "h": o * np.tanh(c[1:])}
    return {name: values[:, None] for name, values in made.items()}


def check_inputs(inputs: Any, labels: Sequence[str], input_size: int) -> list[list[float]]:
    """Return inputs as T rows of D numbers, or say why they do not fit; a text or class indices are made one-hot."""
    if isinstance(inputs, str):
        if unknown := [sign for sign in inputs if sign not in labels]:
            raise ValueError(f"{unknown[0]!r} in {inputs!r} is none of the labels {''.join(labels)!r}")
        inputs = [labels.index(sign) for sign in inputs]
    said = f"inputs must be T x D, D = {input_size} and T from 1 to {MOST_STEPS}"
    values = as_array(inputs, said)
    if values.ndim == 1 and len(values):
        if not np.isin(values, np.arange(len(labels))).all():
            raise ValueError(f"inputs given as indices run from 0 to {len(labels) - 1}, and are {values.tolist()}")
        values = np.eye(input_size)[values.astype(int)]  # T D
    if values.ndim != 2 or values.shape[1] != input_size or not 1 <= len(values) <= MOST_STEPS:
        raise ValueError(f"{said}, and have the shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("inputs must be finite numbers, and one is not")
    return values.tolist()


def check_labels(labels: Sequence[str] | None, input_size: int) -> list[str]:
    """Return names of one sign each for the first features, or say why they are none; the digits when left out."""
    labels = [str(label) for label in (range(min(10, input_size)) if labels is None else labels)]
    if len(labels) > input_size or len(set(labels)) < len(labels) or any(len(label) != 1 for label in labels):
        limits = f"labels are single signs, each once, at most one for each of the {input_size} features"
        raise ValueError(f"{limits}, and are {labels}")
    if "·" in labels:
        raise ValueError("'·' stands for a step without a label; choose another sign")
    return labels
