"""The gradient as torch's autograd sees it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, use_kernel
from tests.ctc.reference import random_batch, reference

TARGETS, T_OF, S_OF = torch.tensor([[1, 1, 2], [3, 2, 1], [2, 0, 0]]), [6, 5, 6], [3, 2, 0]


@pytest.fixture(params=["numba", "torch"], autouse=True)
def kernel(request):
    pytest.importorskip(request.param, reason=f"the kernel {request.param} needs that package")
    with use_kernel(request.param):
        yield request.param


def leaf(N=3):
    scores = torch.randn(6, N, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return scores.log_softmax(-1).requires_grad_()


@pytest.mark.parametrize("loss", [ctc_loss, ctc_loss_from_logits])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_finite_differences_agree(loss, reduction):
    assert gradcheck(lambda x: loss(x, TARGETS, T_OF, S_OF, reduction=reduction), leaf())


def test_finite_differences_of_torchs_own_do_not_agree_on_a_leaf():
    """A canary: torch returns exp(log_probs) - posterior, right only with log_softmax before it (issue 52241)."""
    assert not gradcheck(
        lambda x: F.ctc_loss(x, TARGETS, tuple(T_OF), tuple(S_OF), reduction="sum"), leaf(), raise_exception=False
    )
    assert gradcheck(
        lambda x: F.ctc_loss(x.log_softmax(-1), TARGETS, tuple(T_OF), tuple(S_OF), reduction="sum"), leaf()
    )


def test_the_difference_to_torchs_gradient_is_the_softmax():
    ours, theirs = leaf(), leaf()
    ctc_loss(ours, TARGETS, T_OF, S_OF, reduction="sum").backward()
    F.ctc_loss(theirs, TARGETS, tuple(T_OF), tuple(S_OF), reduction="sum").backward()
    running = (torch.arange(6)[:, None] < torch.tensor(T_OF)).unsqueeze(-1)
    torch.testing.assert_close(theirs.grad - ours.grad, torch.where(running, ours.detach().exp(), 0.0))


def test_what_comes_in_from_behind_multiplies():
    batch = random_batch(11)
    _losses, gradient = reference(batch)
    weights = torch.linspace(-2, 3, len(batch.targets), dtype=torch.float64)
    scores = batch.tensor()
    ctc_loss(scores, *batch.arguments(), reduction="none", zero_infinity=True).mul(weights).sum().backward()
    np.testing.assert_allclose(scores.grad.numpy(), gradient * weights.numpy()[:, None], atol=1e-12)
    scores = batch.tensor()
    (ctc_loss(scores, *batch.arguments(), reduction="sum", zero_infinity=True) * -3).backward()
    np.testing.assert_allclose(scores.grad.numpy(), gradient * -3, atol=1e-12)


def test_going_back_twice_gives_the_same_twice():
    for loss in (ctc_loss, ctc_loss_from_logits):
        scores = leaf()
        value = loss(scores, TARGETS, T_OF, S_OF)
        value.backward(retain_graph=True)
        first = scores.grad.clone()
        value.backward()
        torch.testing.assert_close(scores.grad, 2 * first)


def test_a_changed_input_is_noticed():
    scores = leaf()
    middle = scores * 1.0
    value = ctc_loss(middle, TARGETS, T_OF, S_OF)
    middle.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_a_second_derivative_is_refused_with_a_reason():
    scores = leaf()
    (first,) = torch.autograd.grad(ctc_loss(scores, TARGETS, T_OF, S_OF), scores, create_graph=True)
    expected = leaf()
    ctc_loss(expected, TARGETS, T_OF, S_OF).backward()
    torch.testing.assert_close(first.detach(), expected.grad)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        first.sum().backward()


def test_without_a_gradient_the_loss_is_the_same():
    scores = leaf()
    with torch.no_grad():
        value = ctc_loss(scores, TARGETS, T_OF, S_OF)
    assert not value.requires_grad and value == ctc_loss(scores, TARGETS, T_OF, S_OF)


def test_one_sample_without_a_batch():
    scores = leaf(N=1)
    batched = ctc_loss(scores, TARGETS[:1], T_OF[:1], S_OF[:1], reduction="none")
    for T, S in ((6, 3), (torch.tensor(6), torch.tensor(3)), ([6], (3,)), (torch.tensor([6]), np.array([3]))):
        alone = scores.detach()[:, 0].clone().requires_grad_()
        value = ctc_loss(alone, TARGETS[0], T, S, reduction="none")
        assert value.shape == () and value == batched[0]
        value.backward()
        assert alone.grad.shape == (6, 4) and alone.grad.sum().item() == pytest.approx(-6)
    theirs = F.ctc_loss(scores.detach()[:, 0], TARGETS[0], torch.tensor(6), torch.tensor(3), reduction="none")
    assert theirs.shape == () and theirs.item() == pytest.approx(batched.item())
