"""One behaviour of all kernels, whatever the scores: impossible targets, zeros, infinities, NaN, huge numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, use_kernel

pytest.importorskip("numba", reason="needs numba")

WILD = (math.nan, math.inf, -math.inf, 1e4, -1e4, 1e30, -1e30)


def wild_batch(seed: int) -> tuple[torch.Tensor, tuple]:
    """Random scores, T N C, a few of them wild, and targets of which some cannot be spelt."""
    rng = np.random.default_rng(seed)
    T, N, C, S = (int(rng.integers(low, high)) for low, high in ((1, 9), (1, 12), (2, 11), (1, 6)))
    scores = rng.normal(size=(T, N, C)) * rng.choice([0.3, 3.0, 30.0])
    if seed % 3 == 0:
        scores += rng.choice([-1e4, 1e4])
    for value in rng.choice(WILD, size=rng.integers(0, 4)):
        scores[rng.integers(T), rng.integers(N), rng.integers(C)] = value
    targets = torch.from_numpy(rng.integers(1, C, (N, S)))
    T_of, S_of = rng.integers(0, T + 1, N), rng.integers(0, S + 1, N)
    return torch.from_numpy(scores), (targets, T_of.tolist(), S_of.tolist())


def answers(kernel, loss, scores, arguments, **options):
    scores = scores.detach().clone().requires_grad_()
    with use_kernel(kernel):
        losses = loss(scores, *arguments, reduction="none", **options)
        losses.sum().backward()
    return losses.detach().double().numpy(), scores.grad.double().numpy()


def assert_alike(scores, arguments, loss, zero_infinity):
    """The same infinities and NaN, and numbers as near as the precision of the scores allows."""
    within = 1e-9 if scores.dtype is torch.float64 else 2e-6
    ours, theirs = (answers(kernel, loss, scores, arguments, zero_infinity=zero_infinity) for kernel in KERNELS)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=within, atol=within)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=0, atol=within)


KERNELS = ("numba", "torch")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("loss", [ctc_loss, ctc_loss_from_logits])
def test_numba_and_torch_agree_on_wild_scores(loss, dtype):
    for seed in range(250):
        scores, arguments = wild_batch(seed)
        assert_alike(scores.to(dtype), arguments, loss, zero_infinity=seed % 2 == 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_infinite_logit_is_seen_even_with_zero_infinity(kernel):
    logits = torch.zeros(4, 2, 3, dtype=torch.float64)
    logits[1, 0, 2] = math.inf  # of a class that the target does not need: but the frame has no softmax
    arguments = torch.tensor([[1], [1]]), [4, 4], [1, 1]
    losses, gradient = answers(kernel, ctc_loss_from_logits, logits, arguments, zero_infinity=True)
    assert np.isnan(losses[0]) and np.isfinite(losses[1])
    assert np.isnan(gradient[:, 0]).any() and np.isfinite(gradient[:, 1]).all()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("loss", [ctc_loss, ctc_loss_from_logits])
def test_what_cannot_be_spelt_is_infinite_even_beside_nan(kernel, loss):
    scores = torch.zeros(2, 1, 3, dtype=torch.float64)
    scores[0, 0, 1] = math.nan
    losses, gradient = answers(kernel, loss, scores, (torch.tensor([[1, 1]]), [2], [2]))
    assert losses.tolist() == [math.inf] and (gradient == 0).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_large_float32_logits_lose_nothing(kernel):
    logits = torch.randn(30, 3, 5, generator=torch.Generator().manual_seed(0)) + 1e4
    arguments = torch.tensor([[1, 2, 3]] * 3), [30] * 3, [3] * 3
    exact = answers("torch", ctc_loss_from_logits, logits.double(), arguments)
    found = answers(kernel, ctc_loss_from_logits, logits, arguments)
    np.testing.assert_allclose(found[0], exact[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], exact[1], atol=1e-6)
