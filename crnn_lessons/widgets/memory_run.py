"""How far back a recurrent network feels: the numbers of the memory widget, in NumPy.

The same arithmetic stands in memory_run.js. Both start from the same base matrices, which are drawn here and rounded
to six decimals, so that the text of a page carries them exactly.
"""

from __future__ import annotations

import numpy as np

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


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def influence(base: dict, cell: str, kind: str, norm: float, bias: float, length: int) -> np.ndarray:
    """The length of the derivative of the last state by the input, for each distance back from the last step.

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
    parts = CELLS[cell]
    W_hh = [norm * np.array(matrix) for matrix in base[kind][:parts]]
    W_ih = [np.array(column) for column in base["weight_ih"][:parts]]
    x = base["x"][:length]
    run = {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[cell]
    return np.linalg.norm(run(W_hh, W_ih, x, bias), axis=1)[::-1]


def _rnn(W_hh: list, W_ih: list, x: list, bias: float) -> np.ndarray:
    h, states = np.zeros(UNITS), []
    for value in x:
        h = np.tanh(W_ih[0] * value + W_hh[0] @ h)
        states.append(h)
    A, out = np.eye(UNITS), np.empty((len(x), UNITS))  # A: d h_T / d h_t
    for t in reversed(range(len(x))):
        P = A * (1 - states[t] ** 2)
        out[t], A = P @ W_ih[0], P @ W_hh[0]
    return out


def _lstm(W_hh: list, W_ih: list, x: list, bias: float) -> np.ndarray:
    h = c = np.zeros(UNITS)
    kept = []
    for value in x:
        i, f, g, o = (W_ih[k] * value + W_hh[k] @ h + bias * (k == 1) for k in range(4))
        i, f, g, o, before = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o), c
        c = f * c + i * g
        h = o * np.tanh(c)
        kept.append((i, f, g, o, c, before))
    A, M = np.eye(UNITS), np.zeros((UNITS, UNITS))  # d h_T / d h_t and, along the memory, d h_T / d c_t
    out = np.empty((len(x), UNITS))
    for t in reversed(range(len(x))):
        i, f, g, o, c, before = kept[t]
        M = M + A * (o * (1 - np.tanh(c) ** 2))
        P = [M * (g * i * (1 - i)), M * (before * f * (1 - f)), M * (i * (1 - g**2)), A * (np.tanh(c) * o * (1 - o))]
        out[t] = sum(P[k] @ W_ih[k] for k in range(4))
        A, M = sum(P[k] @ W_hh[k] for k in range(4)), M * f
    return out


def _gru(W_hh: list, W_ih: list, x: list, bias: float) -> np.ndarray:
    h, kept = np.zeros(UNITS), []
    for value in x:
        r, z = (_sigmoid(W_ih[k] * value + W_hh[k] @ h + bias * (k == 1)) for k in range(2))
        inner = W_hh[2] @ h
        n, before = np.tanh(W_ih[2] * value + r * inner), h
        h = (1 - z) * n + z * h
        kept.append((r, z, n, inner, before))
    A, out = np.eye(UNITS), np.empty((len(x), UNITS))
    for t in reversed(range(len(x))):
        r, z, n, inner, before = kept[t]
        P_n, P_z = A * ((1 - z) * (1 - n**2)), A * ((before - n) * z * (1 - z))
        P_r = P_n * (inner * r * (1 - r))
        out[t] = P_r @ W_ih[0] + P_z @ W_ih[1] + P_n @ W_ih[2]
        A = A * z + P_r @ W_hh[0] + P_z @ W_hh[1] + (P_n * r) @ W_hh[2]
    return out
