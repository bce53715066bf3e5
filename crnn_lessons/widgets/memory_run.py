"""How far back a recurrent network feels: the numbers of the memory widget, by the course's own cells and autograd.

memory_run.js derives the same by hand. Both start from the same base matrices, which are drawn here and rounded to six
decimals, so that the text of a page carries them exactly.
"""

from __future__ import annotations

import numpy as np
import torch

from crnn_lessons import cells

CELLS = {"RNN": 1, "LSTM": 4, "GRU": 3}
"""The cells, and how many D_h-sized parts their weights have, in torch's order."""

UNITS = 8
MOST_STEPS = 60
KINDS = ("random", "orthogonal")


def draw_base(seed: int) -> dict[str, list]:
    """Matrices with largest singular value 1 for each part, input weights, and inputs.

    Args:
        seed: of NumPy's generator.

    Returns:
        "random" and "orthogonal": 4 matrices of 8 x 8; "weight_ih": 4 x 8; "x": 60 numbers. A cell uses the first
        parts that it needs.
    """
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(4, UNITS, UNITS))
    turned = []
    for matrix in plain:
        q, r = np.linalg.qr(matrix)
        turned.append(q * np.sign(np.diag(r)))  # the same on every machine: QR leaves the signs open
    base = {
        "random": plain / np.linalg.norm(plain, 2, axis=(1, 2), keepdims=True),
        "orthogonal": np.array(turned),
        "weight_ih": rng.uniform(-1, 1, size=(4, UNITS)),
        "x": rng.normal(size=MOST_STEPS),
    }
    return {name: values.round(6).tolist() for name, values in base.items()}


def influence(base: dict, cell: str, kind: str, norm: float, bias: float, length: int) -> np.ndarray:
    """The length of the derivative of the last state with respect to the input, for each distance from the last step.

    Args:
        base: made by ``draw_base``.
        cell: "RNN", "LSTM" or "GRU".
        kind: "random" or "orthogonal".
        norm: largest singular value of each part of W_hh.
        bias: of the gate that keeps: f of the LSTM, z of the GRU; the RNN has none.
        length: T, at most 60.

    Returns:
        T numbers, distance 0 first.
    """
    given = {name: torch.tensor(values, dtype=torch.float64) for name, values in base.items()}
    parts, layer = CELLS[cell], getattr(cells, cell)(1, UNITS, dtype=torch.float64)
    biases = torch.zeros(parts, UNITS)
    if cell != "RNN":
        biases[1] = bias  # of f or z, which come second
    weights = {"weight_hh": norm * given[kind], "weight_ih": given["weight_ih"][..., None]}
    for name, weight in (weights | {"bias_ih": torch.zeros(parts, UNITS), "bias_hh": biases}).items():
        getattr(layer, f"{name}_l0").data.copy_(weight[:parts].flatten(0, 1))
    x = given["x"][:length].reshape(-1, 1, 1)  # T N D
    jacobian = torch.autograd.functional.jacobian(lambda x: layer(x)[0][-1, 0], x)  # Dₕ T N D
    return jacobian.flatten(1).norm(dim=0).flip(0).numpy()
