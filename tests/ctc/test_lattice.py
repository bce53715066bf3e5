"""The readable forward-backward, against enumeration and its own identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crnn_lessons.ctc import alignments, enumerate_probability, extend, forward_backward, predecessors

SEEDS = st.integers(0, 2**31)


def example(seed, T=6, C=4, S=4, blank=None):
    rng = np.random.default_rng(seed)
    T, C = int(rng.integers(1, T + 1)), int(rng.integers(2, C + 1))
    blank = int(rng.integers(C)) if blank is None else blank
    labels = [k for k in range(C) if k != blank]
    return np.log(rng.dirichlet(np.ones(C), size=T)), rng.choice(labels, size=rng.integers(0, S + 1)), blank


@settings(max_examples=500, deadline=None, derandomize=True)
@given(SEEDS)
def test_likelihood_and_posteriors_are_those_of_the_enumeration(seed):
    log_probs, target, blank = example(seed)
    lattice = forward_backward(log_probs, target, blank)
    total = enumerate_probability(np.exp(log_probs), target, blank)
    assert math.exp(lattice.log_likelihood) == pytest.approx(total, rel=1e-10, abs=1e-300)
    by_class = np.zeros(log_probs.shape)
    steps = np.arange(len(log_probs))
    for path in alignments(len(log_probs), target, blank):
        by_class[steps, list(path)] += math.exp(log_probs[steps, list(path)].sum()) / total
    found = np.zeros(log_probs.shape)
    np.add.at(found, (slice(None), lattice.rows), lattice.posterior)
    np.testing.assert_allclose(found, by_class, atol=1e-10)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(SEEDS)
def test_alpha_times_beta_sums_to_the_likelihood_at_every_step(seed):
    log_probs, target, blank = example(seed, T=40, C=9, S=12)
    lattice = forward_backward(log_probs, target, blank)
    at_each_step = np.logaddexp.reduce(lattice.alpha + lattice.beta, axis=1)
    np.testing.assert_allclose(at_each_step, lattice.log_likelihood, rtol=1e-10)
    if lattice.log_likelihood > -math.inf:
        np.testing.assert_allclose(lattice.posterior.sum(1), 1)


def test_the_posteriors_are_the_derivative():
    log_probs, target, _blank = example(7, T=9, C=5, S=3, blank=0)
    lattice = forward_backward(log_probs, target)
    posterior = np.zeros(log_probs.shape)
    np.add.at(posterior, (slice(None), lattice.rows), lattice.posterior)
    for t, c in np.ndindex(log_probs.shape):
        step = np.zeros(log_probs.shape)
        step[t, c] = 1e-6
        up, down = (forward_backward(log_probs + sign * step, target).log_likelihood for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx(posterior[t, c], abs=1e-8)


def test_rows_and_arrows():
    rows = extend([5, 5, 7])
    assert rows.tolist() == [0, 5, 0, 5, 0, 7, 0]
    assert [predecessors(rows, s) for s in range(7)] == [[0], [1, 0], [2, 1], [3, 2], [4, 3], [5, 4, 3], [6, 5]]
    assert predecessors(extend([0, 2], blank=1), 3, blank=1) == [3, 2, 1]


def test_no_frames_no_labels():
    log_probs = np.log(np.full((3, 2), 0.5))
    assert forward_backward(log_probs, []).log_likelihood == pytest.approx(3 * math.log(0.5))
    assert forward_backward(log_probs[:0], []).log_likelihood == 0
    assert forward_backward(log_probs[:0], [1]).log_likelihood == -math.inf
    infeasible = forward_backward(log_probs, [1, 1, 1])
    assert infeasible.log_likelihood == -math.inf and (infeasible.posterior == 0).all()


@pytest.mark.parametrize(
    ("log_probs", "target", "message"),
    [
        (np.zeros(3), [1], "T x C"),
        (np.array([[0.0, math.nan]]), [1], "nan at t=0, class 1"),
        (np.array([[math.inf, 0.0]]), [1], "inf at t=0, class 0"),
        (np.zeros((2, 2)), [2], "has 2 at place 0"),
        (np.zeros((2, 2)), [0], "the blank .* at place 0"),
    ],
)
def test_what_cannot_be_is_named(log_probs, target, message):
    with pytest.raises(ValueError, match=message):
        forward_backward(log_probs, target)
