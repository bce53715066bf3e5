"""Forward and backward variables of one sequence, in NumPy and log space: readable before fast.

Source: Graves et al., "Connectionist Temporal Classification", ICML 2006, section 4.1. One convention differs, as in
Graves' book of 2012: here beta(t, s) does not contain the probability emitted at t itself, so that alpha * beta is
the probability of all paths through (t, s) without a division.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from crnn_lessons.alphabet import BLANK
from crnn_lessons.arrays import as_array
from crnn_lessons.ctc.alignments import check_blank, check_target


@dataclass(frozen=True)
class Lattice:
    """All that one pass forward and one pass backward tell about a target.

    Attributes:
        rows: L = 2S + 1 class indices: the target with a blank before, between and after its labels.
        alpha: T x L, log of the probability of all path beginnings that end in row s at step t (t included).
        beta: T x L, log of the probability of all path endings that leave row s at step t (t not included).
        posterior: T x L, probability that an alignment of the target is in row s at step t; each step sums to 1.
        log_likelihood: log p(Y | X); minus infinity where no alignment has a probability.
    """

    rows: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    posterior: np.ndarray
    log_likelihood: float


def extend(target: Sequence[int], blank: int = BLANK) -> np.ndarray:
    """The rows of the lattice: a blank before each label and one after the last, L = 2S + 1 in all."""
    target = check_target(target, blank)
    rows = np.full(2 * len(target) + 1, blank, dtype=np.int64)
    rows[1::2] = target
    return rows


def predecessors(rows: Sequence[int], s: int, blank: int = BLANK) -> list[int]:
    """The rows from which a path may step into row s: stay, come from one below, or skip a blank.

    The skip over the blank in between is allowed only into a label that differs from the label before it. Between
    equal labels the blank must not be skipped: the two would merge into one.
    """
    blank, come_from = check_blank(blank), [s]
    if s >= 1:
        come_from.append(s - 1)
    if s >= 2 and rows[s] != blank and rows[s] != rows[s - 2]:
        come_from.append(s - 2)
    return come_from


def forward_backward(log_probs: np.ndarray, target: Sequence[int], blank: int = BLANK) -> Lattice:
    """Alpha, beta, posteriors and log-likelihood of one target over one sequence.

    Args:
        log_probs: T x C log-probabilities. They are used as they stand, and need not sum to one.
        target: S class indices, none of them the blank.
        blank: the class index of the blank.

    Raises:
        ValueError: log_probs is no T x C array or has a NaN or +inf; the target does not fit it.

    Source: Graves et al. 2006, equations 5 to 8 (alpha) and 9 to 11 (beta); log space after section 4.1's remark on
    underflow.
    """
    log_probs = check_log_probs(log_probs)
    T, C = log_probs.shape
    rows = extend(check_target(target, blank, C), blank)
    L = len(rows)
    emit = log_probs[:, rows]  # T L
    skip = np.array([len(predecessors(rows, s, blank)) == 3 for s in range(L)])  # L
    if T == 0:  # no steps: the empty path spells the empty target, and nothing else
        empty = np.zeros((0, L))
        return Lattice(rows, empty, empty, empty, 0.0 if L == 1 else -np.inf)

    alpha = np.full((T, L), -np.inf)
    alpha[0, :2] = emit[0, :2]  # a path begins with the blank or the first label
    for t in range(1, T):
        stay, step, jump = alpha[t - 1], _shift(alpha[t - 1], 1), _shift(alpha[t - 1], 2)
        alpha[t] = _logaddexp3(stay, step, np.where(skip, jump, -np.inf)) + emit[t]

    beta = np.full((T, L), -np.inf)
    beta[T - 1, -2:] = 0.0  # a path ends with the last label or the blank after it
    for t in range(T - 2, -1, -1):
        after = beta[t + 1] + emit[t + 1]
        stay, step, jump = after, _shift(after, -1), _shift(np.where(skip, after, -np.inf), -2)
        beta[t] = _logaddexp3(stay, step, jump)

    log_likelihood = float(np.logaddexp.reduce(alpha[T - 1, -2:]))
    possible = log_likelihood > -np.inf
    posterior = np.exp(alpha + beta - log_likelihood) if possible else np.zeros((T, L))
    return Lattice(rows, alpha, beta, posterior, log_likelihood)


def check_log_probs(log_probs: np.ndarray | Tensor) -> np.ndarray:
    """Return log_probs, an array or a tensor of any kind, as a float64 T x C array, or say why it is none.

    Raises:
        ValueError: no numbers, the wrong number of axes, no class, a NaN, or +inf. Minus infinity (a probability of
            zero) is fine.
    """
    log_probs = as_array(log_probs, "log_probs must be an array of numbers, T x C")
    if log_probs.ndim != 2 or log_probs.shape[1] == 0:
        raise ValueError(f"log_probs must be T x C (time steps by classes), and has the shape {log_probs.shape}")
    if log_probs.size and not log_probs.max() < np.inf:  # a NaN is below nothing
        t, c = np.argwhere(~(log_probs < np.inf))[0]
        raise ValueError(f"log_probs must be below +inf and not NaN, and is {log_probs[t, c]} at t={t}, class {c}")
    return log_probs


def _shift(row: np.ndarray, by: int) -> np.ndarray:
    """Move the entries up by ``by`` places (down, where negative); minus infinity comes in at the end."""
    moved = np.full_like(row, -np.inf)
    if by > 0:
        moved[by:] = row[:-by]
    else:
        moved[:by] = row[-by:]
    return moved


def _logaddexp3(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    return np.logaddexp(np.logaddexp(a, b), c)
