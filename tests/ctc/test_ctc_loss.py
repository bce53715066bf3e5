"""Values and gradients of ctc_loss, by each kernel, against enumeration, the readable lattice and torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crnn_lessons.ctc import (
    CTCLoss,
    count_alignments,
    ctc_loss,
    ctc_loss_from_logits,
    enumerate_probability,
    forward_backward,
    use_kernel,
)
from tests.ctc.reference import Batch, random_batch, reference

SEEDS = st.integers(0, 2**31)
# the kernel of a test is the same for all of its examples
FIXED = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
MANY = settings(max_examples=400, **FIXED)


@pytest.fixture(params=["numba", "torch"], autouse=True)
def kernel(request):
    pytest.importorskip(request.param, reason=f"the kernel {request.param} needs that package")
    with use_kernel(request.param):
        yield request.param


def value_and_gradient(loss, scores, *arguments, **options):
    scores = scores.detach().clone().requires_grad_()
    value = loss(scores, *arguments, **options)
    value.sum().backward()
    return value.detach().numpy(), scores.grad.numpy()


@MANY
@given(SEEDS)
def test_it_is_the_sum_over_all_alignments(kernel, seed):
    batch = random_batch(seed, T=6, N=3, C=4, S=4)
    losses = ctc_loss(batch.tensor(), *batch.arguments(), reduction="none")
    for n, target in enumerate(batch.targets):
        probs = np.exp(batch.log_probs[: batch.input_lengths[n], n])
        assert math.exp(-losses[n].item()) == pytest.approx(
            enumerate_probability(probs, target, batch.blank), rel=1e-9, abs=1e-300
        )


@MANY
@given(SEEDS)
def test_value_and_gradient_are_those_of_the_readable_lattice(kernel, seed):
    batch = random_batch(seed)
    losses, gradient = reference(batch)
    value, grad = value_and_gradient(ctc_loss, batch.tensor(), *batch.arguments(), reduction="none")
    np.testing.assert_allclose(value, losses, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(grad, gradient, atol=1e-10)


@MANY
@given(SEEDS, st.sampled_from(["none", "sum", "mean"]), st.booleans())
def test_through_log_softmax_it_agrees_with_torch(kernel, seed, reduction, padded):
    batch = random_batch(seed)
    logits = torch.tensor(batch.log_probs) + 3.0
    targets = batch.padded(filling=1) if padded else batch.concatenated()
    lengths = torch.tensor(batch.input_lengths), torch.tensor(batch.target_lengths)
    options = {"blank": batch.blank, "reduction": reduction, "zero_infinity": True}
    theirs = value_and_gradient(lambda x, *a: F.ctc_loss(x.log_softmax(-1), *a, **options), logits, targets, *lengths)
    ours = value_and_gradient(lambda x, *a: ctc_loss(x.log_softmax(-1), *a, **options), logits, targets, *lengths)
    fused = value_and_gradient(lambda x, *a: ctc_loss_from_logits(x, *a, **options), logits, targets, *lengths)
    for value, grad in (ours, fused):
        np.testing.assert_allclose(value, theirs[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(grad, theirs[1], atol=1e-9)


@settings(max_examples=100, **FIXED)
@given(st.integers(1, 60), st.lists(st.integers(1, 4), max_size=12))
def test_uniform_frames_count_the_alignments(kernel, T, target):
    log_probs = torch.full((T, 1, 5), -math.log(5), dtype=torch.float64)
    loss = ctc_loss(log_probs, torch.tensor([target], dtype=torch.int64), [T], [len(target)], reduction="none")
    count = count_alignments(T, target)
    assert loss.item() == pytest.approx(T * math.log(5) - math.log(count) if count else math.inf, rel=1e-12, abs=1e-12)


@settings(max_examples=60, **FIXED)
@given(SEEDS, st.permutations(range(4)))
def test_the_order_of_the_samples_is_theirs(kernel, seed, order):
    batch = random_batch(seed, N=1)
    rng = np.random.default_rng(seed)
    many = Batch(
        rng.normal(size=(len(batch.log_probs), 4, batch.log_probs.shape[2])),
        [batch.targets[0][:k] for k in range(4)],
        [int(rng.integers(len(batch.log_probs) + 1)) for _ in range(4)],
        batch.blank,
    )
    moved = Batch(
        many.log_probs[:, order], [many.targets[n] for n in order], [many.input_lengths[n] for n in order], many.blank
    )
    a, a_grad = value_and_gradient(ctc_loss, many.tensor(), *many.arguments(), reduction="none")
    b, b_grad = value_and_gradient(ctc_loss, moved.tensor(), *moved.arguments(), reduction="none")
    np.testing.assert_allclose(a[list(order)], b, rtol=1e-13)
    np.testing.assert_allclose(a_grad[:, list(order)], b_grad, atol=1e-13)


def test_each_reduction_by_hand(kernel):
    log_probs = torch.randn(7, 3, 4, dtype=torch.float64).log_softmax(-1)
    targets, T_of, S_of = torch.tensor([1, 2, 3, 3]), [7, 6, 5], [2, 2, 0]
    losses = [-forward_backward(log_probs[:T, n], t).log_likelihood for n, (T, t) in enumerate(
        [(7, [1, 2]), (6, [3, 3]), (5, [])]
    )]  # fmt: skip
    assert ctc_loss(log_probs, targets, T_of, S_of, reduction="none").tolist() == pytest.approx(losses)
    assert ctc_loss(log_probs, targets, T_of, S_of, reduction="sum").item() == pytest.approx(sum(losses))
    mean = (losses[0] / 2 + losses[1] / 2 + losses[2] / 1) / 3
    assert ctc_loss(log_probs, targets, T_of, S_of).item() == pytest.approx(mean)
    assert CTCLoss(reduction="sum")(log_probs, targets, T_of, S_of).item() == pytest.approx(sum(losses))


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-6), (torch.float16, 2e-3), (torch.bfloat16, 1e-2)])
def test_in_single_and_half_precision(kernel, dtype, atol):
    batch = random_batch(3, T=12, N=5, C=6)
    scores = torch.randn(40, 6, 11, generator=torch.Generator().manual_seed(3)).log_softmax(-1).to(dtype)
    batch = Batch(scores.double().numpy(), [[1, 2, 2], [3], [], [4, 5, 6, 7], [8, 8, 8], [1]], [40, 39, 20, 9, 7, 1])
    losses, gradient = reference(batch)
    scores.requires_grad_()
    value = ctc_loss(scores, *batch.arguments(), reduction="none")
    value.sum().backward()
    assert value.dtype == torch.float32 and scores.grad.dtype == dtype
    np.testing.assert_allclose(value.detach().numpy(), losses, rtol=1e-6)
    np.testing.assert_allclose(scores.grad.float().numpy(), gradient, atol=atol)


@pytest.mark.parametrize("shape", [(26, 8, 37, 12), (100, 4, 80, 30), (500, 2, 1000, 80), (500, 2, 80, 80)])
def test_float32_gradients_are_within_a_millionth(kernel, shape):
    T, N, C, S = shape
    rng = np.random.default_rng(0)
    scores = torch.tensor(rng.normal(size=(T, N, C)), dtype=torch.float32).log_softmax(-1)
    batch = Batch(scores.double().numpy(), rng.integers(1, C, size=(N, S)).tolist(), [T] * N)
    losses, gradient = reference(batch)
    value, grad = value_and_gradient(ctc_loss, scores, *batch.arguments(), reduction="none")
    np.testing.assert_allclose(value, losses, rtol=1e-6)
    assert np.abs(grad - gradient).max() < 1e-6


def test_any_strides(kernel):
    scores = torch.randn(3, 5, 9, dtype=torch.float64)  # N C T
    a = scores.permute(2, 0, 1).log_softmax(-1)
    assert not a.permute(1, 2, 0).transpose(0, 2).is_contiguous()
    batch = Batch(a.numpy(), [[1, 2], [3], [4, 4]], [9, 8, 7])
    losses, gradient = reference(batch)
    strided = scores.log_softmax(1).permute(2, 0, 1)
    value, grad = value_and_gradient(lambda x, *r, **o: ctc_loss(x, *r, **o), strided, *batch.arguments())
    assert value == pytest.approx((losses / [2, 1, 2]).mean())
    np.testing.assert_allclose(grad, gradient / [[[6], [3], [6]]], atol=1e-12)
