"""The CUDA kernel, on a GPU or else step by step through Triton's interpreter (slow: small batches)."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

CUDA = torch.cuda.is_available()
if not CUDA:
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton itself is read, and the kernels
pytest.importorskip("triton", reason="needs triton")
from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, use_kernel  # noqa: E402
from tests.ctc.reference import random_batch, reference  # noqa: E402
from tests.ctc.test_ctc_extremes import FAMILIES, true_values  # noqa: E402

DEVICE = "cuda" if CUDA else "cpu"
SMALL = [name for name in FAMILIES if CUDA or "2000" not in name]


@pytest.mark.parametrize("seed", range(300 if CUDA else 25))
def test_value_and_gradient_are_those_of_the_readable_lattice(seed):
    batch = random_batch(seed)
    losses, gradient = reference(batch)
    scores = torch.tensor(batch.log_probs, device=DEVICE, requires_grad=True)
    logits = torch.tensor(batch.log_probs + 2, device=DEVICE, requires_grad=True)
    with use_kernel("triton"):
        found = ctc_loss(scores, *batch.arguments(), reduction="none")
        fused = ctc_loss_from_logits(logits, *batch.arguments(), reduction="none")
        (found.sum() + fused.sum()).backward()
    np.testing.assert_allclose(found.detach().cpu(), losses, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fused.detach().cpu(), losses, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scores.grad.cpu(), gradient, atol=1e-8)
    softmax = np.exp(batch.log_probs) * (gradient.sum(2, keepdims=True) < -0.5)
    np.testing.assert_allclose(logits.grad.cpu(), softmax + gradient, atol=1e-8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the interpreter's log(0), which a GPU takes in silence
@pytest.mark.parametrize("name", SMALL)
def test_extremes(name):
    batch, losses, gradient = true_values(name)
    scores = torch.tensor(batch.log_probs, device=DEVICE, requires_grad=True)
    with use_kernel("triton"):
        found = ctc_loss(scores, *batch.arguments(), reduction="none")
        found.sum().backward()
    np.testing.assert_allclose(found.detach().cpu(), losses, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(scores.grad.cpu(), gradient, atol=1e-7)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_what_stands_where_no_alignment_passes_reaches_nothing(poison):
    x = torch.randn(7, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).log_softmax(2).to(DEVICE)
    bad, arguments = x.clone(), (torch.tensor([[1, 2, 3]] * 2), [7, 6], [3, 3])
    for n, T in enumerate([7, 6]):  # label 3 cannot come before step 2, label 1 not after step T - 3
        bad[:2, n, 3], bad[:1, n, 2], bad[T - 2 :, n, 1], bad[T - 1 :, n, 2] = poison, poison, poison, poison
    results = []
    for scores in (x, bad):
        scores.requires_grad_()
        with use_kernel("triton"):
            loss = ctc_loss(scores, *arguments)
            loss.backward()
        results.append((loss.item(), scores.grad))
    assert results[0][0] == results[1][0]
    torch.testing.assert_close(results[0][1], results[1][1], rtol=0, atol=0, equal_nan=False)
