"""Inputs at which a linear-domain CTC breaks: each must be noticed, and each answer right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import use_kernel
from crnn_lessons.ctc.arguments import read_targets
from tests.ctc.reference import Batch, reference

numba_kernel = pytest.importorskip("crnn_lessons.ctc.fast.numba", reason="needs numba")
kernels_torch = pytest.importorskip("crnn_lessons.ctc.fast.torch")

NEVER = -1e4


def log_softmax(logits):
    return torch.tensor(logits).log_softmax(-1).numpy()


def noise(scale, T=60, N=4, C=12, S=14, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(1, C, size=(N, S)).tolist()
    return Batch(log_softmax(scale * rng.normal(size=(T, N, C))), targets, [T] * N)


def collapsed_blank(T=300, S=90, C=40, label=-25.0):
    log_probs = np.full((T, 2, C), label)
    log_probs[:, :, 0] = -1e-9
    rng = np.random.default_rng(1)
    log_probs[:, 1] += rng.normal(size=(T, C)) * (np.arange(C) > 0)
    return Batch(log_probs, rng.integers(1, C, size=(2, S)).tolist(), [T, T])


def confident(right, T=60, C=8, certainty=200.0):
    rng = np.random.default_rng(2)
    target = [1, 2, 2, 3, 1, 5]
    path = np.zeros(T, dtype=int)
    path[[5, 12, 20, 31, 40, 55]] = target
    if not right:
        path = rng.integers(0, C, size=T)
    logits = np.zeros((T, 1, C))
    logits[np.arange(T), 0, path] = certainty
    return Batch(log_softmax(logits), [target], [T])


def one_path(T=40, C=5):
    log_probs = np.full((T, 1, C), -np.inf)
    path = [0, 0, 1, 1, 0, 2, 3, 3, 0, 3] + [0] * (T - 10)
    log_probs[np.arange(T), 0, path] = np.log(0.3)
    return Batch(log_probs, [[1, 2, 3, 3]], [T])


def exact_fit(S=120, C=6):
    rng = np.random.default_rng(3)
    target = rng.integers(1, C, size=S)
    T = S + int((target[1:] == target[:-1]).sum())
    return Batch(log_softmax(5 * rng.normal(size=(T, 1, C))), [target.tolist()], [T])


def mixed_lengths():
    rng = np.random.default_rng(4)
    lengths = [0, 1, 2, 50, 90, 90, 0, 90]
    targets = [rng.integers(1, 9, size=S).tolist() for S in (0, 1, 2, 20, 60, 0, 3, 1)]
    return Batch(log_softmax(8 * rng.normal(size=(90, 8, 9))), targets, lengths)


def best_path_lost_from_both_sides():
    """Alpha loses the best path in the first phase, beta in the last; neither sum nor end shows it.

    Target 1 2 3, label 2 only outside the phases. One kind of path is at 3 by then, the other at 1. The one at 1 pays
    e^-864 at the beginning and at the end, less than a float64 can hold; the other pays e^-1900 in the middle.
    """
    first, middle, last = slice(3, 15), slice(15, 35), slice(35, 47)
    log_probs = np.full((50, 1, 4), NEVER)
    for phase, one, three in ((first, -72.0, 0.0), (middle, 0.0, -95.0), (last, -72.0, 0.0)):
        log_probs[phase, 0, 1], log_probs[phase, 0, 3] = one, three
    log_probs[[0, 1, 2, 47, 48, 49]] = np.log(0.25)
    return Batch(log_probs, [[1, 2, 3]], [50])


FAMILIES = {
    "noise": lambda: noise(1),
    "logits x 5": lambda: noise(5),
    "logits x 20": lambda: noise(20),
    "logits x 100": lambda: noise(100),
    "logits x 1000": lambda: noise(1000),
    "T = 2000, S = 600": lambda: noise(1, T=2000, N=1, C=30, S=600),
    "T = 2000, S = 600, x 3": lambda: noise(3, T=2000, N=1, C=30, S=600),
    "collapsed blank": collapsed_blank,
    "blank collapsed for good": lambda: collapsed_blank(label=-400.0),
    "confident and right": lambda: confident(True),
    "confident and wrong": lambda: confident(False),
    "one path alone": one_path,
    "T = S + r": exact_fit,
    "mixed lengths": mixed_lengths,
    "no labels": lambda: Batch(log_softmax(100 * np.random.default_rng(5).normal(size=(80, 2, 4))), [[], []], [80, 3]),
    "lost from both sides": best_path_lost_from_both_sides,
}
TRUE = {}


def true_values(name):
    if name not in TRUE:
        TRUE[name] = FAMILIES[name](), *reference(FAMILIES[name]())
    return TRUE[name]


def solve(batch, module, dtype=torch.float64):
    targets = read_targets(batch.concatenated(), batch.input_lengths, batch.target_lengths, len(batch.targets))
    return module(torch.tensor(batch.log_probs, dtype=dtype), targets, np.ones(len(batch.targets)))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("module", [numba_kernel, kernels_torch], ids=["numba", "torch"])
def test_value_and_gradient_are_right(name, module):
    batch, losses, gradient = true_values(name)
    found, grad = solve(batch, module.solve)
    np.testing.assert_allclose(found.numpy(), losses, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(grad.numpy(), gradient, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_in_float32_too(name):
    batch = FAMILIES[name]()
    batch.log_probs = batch.log_probs.astype(np.float32).astype(np.float64)
    losses, gradient = reference(batch)
    found, grad = solve(batch, numba_kernel.solve, torch.float32)
    np.testing.assert_allclose(found.numpy(), losses, rtol=1e-9, atol=1e-9)
    assert np.abs(grad.numpy() - gradient).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("noise", numba_kernel.LINEAR),
        ("confident and right", numba_kernel.LINEAR),
        ("collapsed blank", numba_kernel.TILTED),
        ("logits x 100", numba_kernel.LOG),
        ("blank collapsed for good", numba_kernel.LOG),
        ("lost from both sides", numba_kernel.LOG),
    ],
)
def test_each_method_is_used_where_it_belongs(name, method):
    assert (solve(FAMILIES[name](), numba_kernel.solve_by)[2] == method).all()


@pytest.mark.parametrize(
    "steps", [[600, -660], [0, 600, -660, 0], [0, 0, 600, -660, 0], [-230, 200, -660], [60, -60] * 20, [200] * 5]
)
@pytest.mark.parametrize("N", [1, 8])
def test_steps_far_above_1_do_not_hide_what_underflows(steps, N):
    log_probs = np.full((len(steps), N, 3), -1.0) + np.array(steps)[:, None, None]
    log_probs[np.array(steps) == -660, :, 1] -= 8  # e^-669 counts as 0, and was e^-8 of the whole
    batch = Batch(log_probs, [[1]] * N, [len(steps)] * N)
    losses, gradient = reference(batch)
    found, grad, methods = solve(batch, numba_kernel.solve_by)
    np.testing.assert_allclose(found.numpy(), losses, rtol=1e-13, atol=1e-10)
    np.testing.assert_allclose(grad.numpy(), gradient, atol=1e-9)
    assert (methods == numba_kernel.LOG).all()


@pytest.mark.parametrize("seed", range(40))
def test_random_walks_over_many_decades(seed):
    rng = np.random.default_rng(seed)
    T, C, S = int(rng.integers(10, 120)), int(rng.integers(3, 8)), int(rng.integers(0, 20))
    logits = 10 ** rng.uniform(0, 2.5) * np.cumsum(rng.normal(size=(T, 3, C)), axis=0) / np.sqrt(T)
    logits[rng.random(logits.shape) < 0.05] = -np.inf
    logits[:, :, 0] = np.where(np.isinf(logits[:, :, 0]), 0.0, logits[:, :, 0])
    batch = Batch(log_softmax(logits), rng.integers(1, C, size=(3, S)).tolist(), [T] * 3)
    losses, gradient = reference(batch)
    with use_kernel("numba"):
        found, grad = solve(batch, numba_kernel.solve)
    np.testing.assert_allclose(found.numpy(), losses, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(grad.numpy(), gradient, atol=1e-8)
