"""Eight samples side by side: each must come out as it does alone, whatever its neighbours are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, use_kernel
from crnn_lessons.ctc.arguments import read_targets
from tests.ctc.reference import Batch, reference

kernels_numba = pytest.importorskip("crnn_lessons.ctc.fast.numba", reason="needs numba")
from crnn_lessons.ctc.fast.memory import load, store  # noqa: E402
from crnn_lessons.ctc.fast.simd import choose_below, spread, sum_of  # noqa: E402

NAMES = {0: "IMPOSSIBLE", 1: "LINEAR", 2: "TILTED", 3: "LOG"}


def mixed(seed, N=None):
    """Up to 30 samples of all kinds: long and short, empty, too long for their steps, tame and wild."""
    rng = np.random.default_rng(seed)
    T, C = int(rng.integers(1, 40)), int(rng.integers(2, 9))
    N, blank = N or int(rng.integers(8, 31)), int(rng.integers(C))
    wild = 10 ** rng.uniform(-1, 2.5, size=(1, N, 1)) * (rng.random((1, N, 1)) < 0.4)
    logits = (1 + wild) * rng.normal(size=(T, N, C))
    logits[:, rng.random(N) < 0.3, blank] += 90  # a collapsed blank
    log_probs = torch.tensor(logits).log_softmax(2).numpy()
    log_probs[rng.random(log_probs.shape) < 0.01] = -math.inf
    labels = [k for k in range(C) if k != blank]
    targets = [[int(k) for k in rng.choice(labels, size=rng.integers(0, T + 1) // 2)] for _ in range(N)]
    lengths = np.where(rng.random(N) < 0.5, T, rng.integers(0, T + 1, size=N))
    return Batch(log_probs, targets, [int(t) for t in lengths], blank)


def solve(batch, dtype=torch.float64, layout=lambda x: x):
    targets = read_targets(batch.padded(), batch.input_lengths, batch.target_lengths, len(batch.targets), batch.blank)
    shares = np.arange(1.0, 1 + len(batch.targets))
    scores = layout(torch.tensor(batch.log_probs, dtype=dtype))
    losses, gradient, methods = kernels_numba.solve_by(scores, targets, shares)
    return losses.numpy(), gradient.double().numpy() / shares[:, None], methods


@pytest.mark.parametrize("seed", range(60))
def test_a_group_agrees_with_the_reference_and_with_each_sample_alone(seed, monkeypatch):
    batch = mixed(seed)
    true_losses, true_gradient = reference(batch)
    true_gradient[:, np.isinf(true_losses)] = 0.0
    together = solve(batch)
    monkeypatch.setattr(kernels_numba, "SIDE_BY_SIDE_LIMIT", 0)
    alone = solve(batch)
    for losses, gradient, _methods in (together, alone):
        np.testing.assert_allclose(losses, true_losses, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(gradient, true_gradient, atol=1e-8)
    np.testing.assert_array_equal(together[2] == 0, alone[2] == 0)  # a group has a wider band, so the rest may differ


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("stale", [math.nan, math.inf, 1e300, -1.0])
def test_what_stood_in_the_memory_before_reaches_nothing(seed, stale, monkeypatch):
    stood_there = []

    def memory_for(size):
        stood_there.append(np.full(size + 8, stale))
        return -(-stood_there[-1].ctypes.data // 64) * 64

    expected = solve(mixed(seed))
    monkeypatch.setattr(kernels_numba, "memory_for", memory_for)
    for found, value in zip(solve(mixed(seed)), expected, strict=True):
        np.testing.assert_array_equal(found, value)
    monkeypatch.setattr(kernels_numba, "SIDE_BY_SIDE_LIMIT", 0)
    np.testing.assert_allclose(solve(mixed(seed))[0], expected[0], rtol=1e-11, atol=1e-11)


def test_these_batches_hold_samples_of_every_kind():
    methods = np.concatenate([solve(mixed(seed))[2] for seed in range(60)])
    assert {NAMES[m] for m in methods} == set(NAMES.values())
    assert np.bincount(methods).min() > 20


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("order", [(1, 0, 2), (1, 2, 0), (2, 1, 0)])
def test_scores_may_stand_in_memory_in_any_order(seed, order):
    def layout(x):
        back = [order.index(axis) for axis in range(3)]
        return x.permute(order).contiguous().permute(back)

    plain, turned = solve(mixed(seed)), solve(mixed(seed), layout=layout)
    for a, b in zip(plain, turned, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_from_logits_too(seed, dtype):
    batch = mixed(seed)
    logits = torch.tensor(np.nan_to_num(batch.log_probs, neginf=-1e3), dtype=dtype)
    rest = batch.padded(), batch.input_lengths, batch.target_lengths, batch.blank, "sum", True
    grads = []
    for kernel, loss in (("numba", ctc_loss_from_logits), ("torch", lambda x, *a: ctc_loss(x.log_softmax(2), *a))):
        leaf = (logits if kernel == "numba" else logits.double()).clone().requires_grad_()
        with use_kernel(kernel):
            loss(leaf, *rest).backward()
        grads.append(leaf.grad.double().numpy())
    assert np.abs(grads[0] - grads[1]).max() < (1e-6 if dtype == torch.float32 else 1e-9)


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_nan_in_one_of_eight_stays_there(poison):
    batch = mixed(3, N=8)
    batch.log_probs[:] = np.random.default_rng(0).normal(size=batch.log_probs.shape)
    batch.input_lengths = [len(batch.log_probs)] * 8
    batch.targets = [target[:3] for target in batch.targets]
    losses, gradient, _methods = solve(batch)
    for n in range(8):
        spoilt = Batch(batch.log_probs.copy(), batch.targets, batch.input_lengths, batch.blank)
        spoilt.log_probs[len(batch.log_probs) // 2, n, batch.blank] = poison
        found, grad, _methods = solve(spoilt)
        others = np.arange(8) != n
        assert np.isnan(found[n])
        np.testing.assert_array_equal(found[others], losses[others])
        np.testing.assert_array_equal(grad[:, others], gradient[:, others])


@pytest.mark.parametrize("n", [0, 7, 8, 18])
@pytest.mark.parametrize("what", ["label", "blank", "S", "T"])
def test_one_wrong_value_among_many_samples_is_found_before_anything_is_read(n, what):
    batch = mixed(0, N=19)
    targets, T_of, S_of = batch.padded(), list(batch.input_lengths), [max(1, S) for S in batch.target_lengths]
    targets[targets < 0] = (batch.blank + 1) % batch.log_probs.shape[2]
    if what in ("label", "blank"):
        targets[n, 0] = batch.blank if what == "blank" else 10**12
        match = f"target {n} has {targets[n, 0]} at place 0"
    elif what == "S":
        S_of[n], match = targets.shape[1] + 1, rf"target_lengths\[{n}\] is"
    else:
        T_of[n], match = len(batch.log_probs) + 1, rf"input_lengths\[{n}\] is"
    with pytest.raises(ValueError, match=match):
        ctc_loss(batch.tensor(), targets, T_of, S_of, batch.blank)


def test_vectors_of_eight():
    numba = pytest.importorskip("numba")

    @numba.njit
    def run(a, b, out):
        x, y = load(a, 0), load(b, 1)
        store(out, 0, choose_below(x, y, x * 2.0 + y, 1.0 / y))
        return sum_of(spread(0.5) - x)

    for kind in (np.float32, np.float64):
        a, b, out = np.arange(8, dtype=kind), np.full(9, 4, dtype=kind), np.zeros(8, dtype=kind)
        a[1], b[0] = math.nan, 99
        assert math.isnan(run(a, b, out))
        np.testing.assert_array_equal(out, [4, 0.25, 8, 10, 0.25, 0.25, 0.25, 0.25])
        assert run(b[1:], b, out) == 8 * (0.5 - 4)
