"""Forward and backward variables of one sequence in log space: slow beside ``passes``, right for any input.

The recursions are those of ``lattice.py`` (Graves et al. 2006, equations 5 to 11), compiled. Samples come here whose
probabilities span more than a float64 holds.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NOTHING = -math.inf


@njit(error_model="numpy")
def _logaddexp3(a, b, c):
    largest = max(a, b, c)
    if largest == NOTHING:
        return NOTHING  # -inf - -inf would be NaN
    return largest + math.log(math.exp(a - largest) + math.exp(b - largest) + math.exp(c - largest))


@njit(error_model="numpy")
def solve_in_log_space(workspace, labels, posterior):
    """Fill in the posteriors from log emissions, and return the loss; all NaN where an emission is NaN or +inf.

    Args:
        workspace: of one sample.
        labels: S.
        posterior: T x (S + 1), the labels' and then that of all blanks.
    """
    S, P, T = len(labels), workspace.P, workspace.T
    L = 2 * S + 1
    posterior[:] = 0.0
    emit = np.empty((T, L))
    for t in range(T):  # all looked at first: a NaN in the middle would be lost in a maximum
        for s in range(L):
            emit[t, s] = workspace.emit_label[t * P + s // 2] if s % 2 else workspace.emit_blank[t]
            if not emit[t, s] < math.inf:
                posterior[:] = math.nan
                return math.nan
    skip = np.zeros(L, np.bool_)  # into an odd row, a label, unless it equals the label before
    for k in range(1, S):
        skip[2 * k + 1] = labels[k] != labels[k - 1]

    alpha = np.full((T, L), NOTHING)
    for s in range(min(L, 2)):
        alpha[0, s] = emit[0, s]
    for t in range(1, T):
        for s in range(L):
            step = alpha[t - 1, s - 1] if s >= 1 else NOTHING
            jump = alpha[t - 1, s - 2] if skip[s] else NOTHING
            alpha[t, s] = _logaddexp3(alpha[t - 1, s], step, jump) + emit[t, s]
    log_likelihood = _logaddexp3(alpha[T - 1, L - 1], alpha[T - 1, L - 2] if S > 0 else NOTHING, NOTHING)
    if log_likelihood == NOTHING:
        return math.inf

    beta, after = np.full(L, NOTHING), np.empty(L)
    beta[max(L - 2, 0) :] = 0.0
    for t in range(T - 1, -1, -1):
        # beta leaves out what is emitted at t, which alpha has: so their product counts no emission twice
        for s in range(L):
            share = math.exp(alpha[t, s] + beta[s] - log_likelihood)
            if s % 2:
                posterior[t, s // 2] = share
            else:
                posterior[t, S] += share
            after[s] = beta[s] + emit[t, s]
        for s in range(L):
            step = after[s + 1] if s + 1 < L else NOTHING
            jump = after[s + 2] if s + 2 < L and skip[s + 2] else NOTHING
            beta[s] = _logaddexp3(after[s], step, jump)
    return -log_likelihood
