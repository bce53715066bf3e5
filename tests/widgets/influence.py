"""The influence of an input on the last state once more, with the chain rule written out for each cell, in NumPy."""

from __future__ import annotations

import numpy as np

from crnn_lessons.widgets.memory_run import CELLS, UNITS


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def influence(base: dict, cell: str, kind: str, norm: float, bias: float, length: int) -> np.ndarray:
    """What ``crnn_lessons.widgets.memory_run.influence`` has from autograd."""
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
