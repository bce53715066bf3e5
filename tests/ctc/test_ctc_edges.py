"""The edges of CTC: what ours does, and where torch differs, that it still does: a canary, if torch mends it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from crnn_lessons.ctc import ctc_loss, ctc_loss_from_logits, explain_infeasible, forward_backward, use_kernel

INF = math.inf


@pytest.fixture(params=["numba", "torch"], autouse=True)
def kernel(request):
    pytest.importorskip(request.param, reason=f"the kernel {request.param} needs that package")
    with use_kernel(request.param):
        yield request.param


def log_probs(T=6, N=2, C=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(T, N, C, dtype=torch.float64, generator=generator).log_softmax(-1)


def gradient(loss, scores, *arguments, **options):
    scores = scores.detach().clone().requires_grad_()
    loss(scores, *arguments, **options).sum().backward()
    return scores.grad


def test_a_zeroed_sample_still_counts_in_the_mean():
    x, targets = log_probs(T=3), torch.tensor([[1, 1], [1, 2]])
    one = ctc_loss(x, targets, [2, 3], [2, 2], reduction="none", zero_infinity=True)
    assert one[0] == 0 and one[1] > 0
    for loss in (ctc_loss, F.ctc_loss):
        assert loss(x, targets, (2, 3), (2, 2), zero_infinity=True).item() == pytest.approx(one[1].item() / 2 / 2)


def test_an_empty_target_is_all_blanks():
    x = log_probs()
    losses = ctc_loss(x, torch.tensor([], dtype=torch.int64), [6, 4], [0, 0], reduction="none")
    assert losses.tolist() == pytest.approx([-x[:, 0, 0].sum().item(), -x[:4, 1, 0].sum().item()])
    grad = gradient(ctc_loss, x, torch.zeros(2, 0, dtype=torch.int64), [6, 4], [0, 0], reduction="none")
    expected = torch.zeros_like(x)
    expected[:, 0, 0] = expected[:4, 1, 0] = -1
    torch.testing.assert_close(grad, expected)


def test_without_frames_only_the_empty_target_can_be():
    x = log_probs()
    arguments = torch.tensor([[2], [9]]), [0, 0], [1, 0]
    assert ctc_loss(x, *arguments, reduction="none").tolist() == [INF, 0]
    assert (gradient(ctc_loss, x, *arguments, reduction="none") == 0).all()
    assert F.ctc_loss(x, torch.tensor([[2], [0]]), (0, 0), (1, 0), reduction="none").tolist() == [INF, 0]


@pytest.mark.parametrize("target", [[1], [1, 2], [1, 1], [2, 2, 2], [1, 2, 2, 3]])
def test_as_many_frames_as_needed_leave_one_path(target):
    need = len(target) + sum(a == b for a, b in pairwise(target))
    path = [target[0]] + [k for a, b in pairwise(target) for k in ([0, b] if a == b else [b])]
    x = log_probs(T=need, N=1)
    lengths = torch.tensor([target]), [need], [len(target)]
    assert ctc_loss(x, *lengths, reduction="sum").item() == pytest.approx(-sum(x[t, 0, k] for t, k in enumerate(path)))
    expected = torch.zeros_like(x)
    expected[torch.arange(need), 0, path] = -1
    torch.testing.assert_close(gradient(ctc_loss, x, *lengths, reduction="sum"), expected)


@pytest.mark.parametrize("target", [[1, 2], [1, 1], [2, 2, 2]])
def test_one_frame_less_is_infinite_with_a_gradient_of_zero(target):
    T = len(target) + sum(a == b for a, b in pairwise(target)) - 1
    x = log_probs(T=T, N=1)
    arguments = torch.tensor([target]), (T,), (len(target),)
    for loss in (ctc_loss, ctc_loss_from_logits):
        assert loss(x, *arguments, reduction="none").tolist() == [INF]
        assert loss(x, *arguments, reduction="none", zero_infinity=True).tolist() == [0]
        assert (gradient(loss, x, *arguments, reduction="none") == 0).all()
        assert (gradient(loss, x, *arguments, zero_infinity=True) == 0).all()
    assert F.ctc_loss(x, *arguments, reduction="none").tolist() == [INF]
    assert gradient(F.ctc_loss, x, *arguments, reduction="none").isnan().all(), "torch gave NaN here"


def test_an_infinite_loss_does_not_touch_its_neighbours_nor_what_follows():
    x, targets, T_of, S_of = log_probs(), torch.tensor([[1, 1, 1, 1], [1, 2, 3, 3]]), [6, 6], [4, 4]
    alone = gradient(ctc_loss, x[:, 1:], targets[1:], T_of[1:], S_of[1:], reduction="none")
    both = gradient(ctc_loss, x, targets, T_of, S_of, reduction="sum")
    torch.testing.assert_close(both[:, 1:], alone)
    squared = gradient(lambda *a: ctc_loss(*a, reduction="none") ** 2, x, targets, T_of, S_of)  # inf comes back here
    assert (squared[:, 0] == 0).all() and squared[:, 1].isfinite().all() and (squared[:, 1] != 0).any()


def test_a_message_says_what_cannot_be_spelt():
    found = explain_infeasible([3, 2, 9], torch.tensor([1, 1, 1, 2, 3]), [2, 2, 1])
    assert found == {}
    found = explain_infeasible([3, 2, 9], torch.tensor([[1, 2, 0], [1, 1, 0], [3, 3, 3]]), torch.tensor([2, 2, 3]))
    assert list(found) == [1]
    assert "T = 2" in found[1] and "S = 2" in found[1] and "r = 1" in found[1] and "S + r = 3" in found[1]


def test_zero_probability_for_a_class_that_is_not_needed():
    x = log_probs()
    x[:, :, 3] = -INF
    arguments = torch.tensor([[1, 2], [1, 1]]), (6, 6), (2, 2)
    expected = forward_backward(x[:, 0].numpy(), [1, 2])
    assert ctc_loss(x, *arguments, reduction="none")[0].item() == pytest.approx(-expected.log_likelihood)
    grad = gradient(ctc_loss, x, *arguments, reduction="none")
    assert grad.isfinite().all() and (grad[:, :, 3] == 0).all() and grad.sum(-1).numpy() == pytest.approx(-1)
    torch.testing.assert_close(gradient(ctc_loss_from_logits, x, *arguments).sum(-1), torch.zeros(6, 2).double())
    theirs = gradient(F.ctc_loss, x, *arguments, reduction="none")
    assert theirs[:, :, 3].isnan().all(), "torch gave NaN here"


def test_zero_probability_for_a_needed_class_is_infinite_and_the_gradient_zero():
    x = log_probs()
    x[:, 0, 2] = -INF
    arguments = torch.tensor([[1, 2], [1, 1]]), [6, 6], [2, 2]
    losses = ctc_loss(x, *arguments, reduction="none")
    assert losses[0] == INF and losses[1].isfinite()
    grad = gradient(ctc_loss, x, *arguments, reduction="none")
    assert (grad[:, 0] == 0).all() and grad[:, 1].sum(-1).numpy() == pytest.approx(-1)
    assert explain_infeasible([6, 6], arguments[0], [2, 2]) == {}


@pytest.mark.parametrize("poison", [math.nan, INF, -INF])
def test_what_stands_past_the_end_of_a_sample_reaches_nothing(poison):
    x, arguments = log_probs(), (torch.tensor([[1, 2], [1, 1]]), (4, 6), (2, 2))
    bad = x.clone()
    bad[4:, 0] = poison
    for loss in (ctc_loss, ctc_loss_from_logits):
        assert loss(bad, *arguments).item() == loss(x, *arguments).item()
        torch.testing.assert_close(
            gradient(loss, bad, *arguments), gradient(loss, x, *arguments), rtol=0, atol=0, equal_nan=False
        )
    if poison is math.nan:
        theirs = gradient(lambda z, *a: F.ctc_loss(z.log_softmax(-1), *a), bad, *arguments)
        assert theirs[4:, 0].isnan().all(), "torch's log_softmax turned the gradient past the end into NaN"


@pytest.mark.parametrize("poison", [math.nan, INF])
@pytest.mark.parametrize("where", ["blank", "label"])
def test_nan_in_what_a_target_needs_is_seen_and_stays_with_its_sample(poison, where):
    x, arguments = log_probs(), (torch.tensor([[1, 2], [1, 1]]), (6, 6), (2, 2))
    bad = x.clone()
    bad[3, 0, 0 if where == "blank" else 2] = poison
    losses = ctc_loss(bad, *arguments, reduction="none", zero_infinity=True)
    assert losses[0].isnan() and losses[1] == ctc_loss(x, *arguments, reduction="none")[1]
    grad = gradient(ctc_loss, bad, *arguments, reduction="none")
    assert grad[:, 0, :3].isnan().all() and (grad[:, 0, 3] == 0).all()
    torch.testing.assert_close(grad[:, 1], gradient(ctc_loss, x, *arguments, reduction="none")[:, 1])
    masked = gradient(lambda *a: ctc_loss(*a, reduction="none")[1:], bad, *arguments)
    assert (masked[:, 0] == 0).all()  # a loss that is left out leaves nothing
    fused = ctc_loss_from_logits(bad, *arguments, reduction="none")
    assert fused[0].isnan() and fused[1].isfinite()


@pytest.mark.parametrize("poison", [math.nan, INF, -INF])
@pytest.mark.parametrize("N", [1, 9])
def test_what_stands_where_no_alignment_passes_reaches_nothing(poison, N):
    x = log_probs(T=7, N=N, C=5)
    bad = x.clone()  # the target is 1 2 3: label 3 cannot come before step 2, label 1 not after step T - 3
    T_of = [6, 7, 6, 7, 6, 7, 6, 7, 6][:N]
    for n, T in enumerate(T_of):
        bad[:2, n, 3], bad[:1, n, 2], bad[T - 2 :, n, 1], bad[T - 1 :, n, 2] = poison, poison, poison, poison
    arguments = torch.tensor([[1, 2, 3]] * N), T_of, [3] * N
    assert ctc_loss(bad, *arguments).item() == ctc_loss(x, *arguments).item()
    torch.testing.assert_close(
        gradient(ctc_loss, bad, *arguments), gradient(ctc_loss, x, *arguments), rtol=0, atol=0, equal_nan=False
    )
    for t, k in ((2, 3), (1, 2), (3, 1)):  # one step nearer it is needed
        touched = x.clone()
        touched[t, 0, k] = math.nan
        assert ctc_loss(touched, *arguments, reduction="none").isnan().tolist() == [True] + [False] * (N - 1)


def test_nan_in_a_class_that_is_not_needed_is_not_read():
    x, arguments = log_probs(), (torch.tensor([[1, 2], [1, 1]]), (6, 6), (2, 2))
    bad = x.clone()
    bad[3, 0, 3] = math.nan
    assert ctc_loss(bad, *arguments).item() == ctc_loss(x, *arguments).item()
    torch.testing.assert_close(gradient(ctc_loss, bad, *arguments), gradient(ctc_loss, x, *arguments))
    assert ctc_loss_from_logits(bad, *arguments).isnan()  # here it is needed: the frame has no softmax


def test_padding_is_never_read_and_may_be_the_blank():
    x = log_probs()
    expected = ctc_loss(x, torch.tensor([1, 2, 3]), [6, 5], [2, 1])
    for filling in (0, -1, 10**9):
        assert ctc_loss(x, torch.tensor([[1, 2], [3, filling]]), [6, 5], [2, 1]) == expected


def test_log_probs_need_not_sum_to_one():
    x = log_probs() + 40 * torch.randn(6, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    lattice = forward_backward(x[:, 1].numpy(), [3, 3])
    losses = ctc_loss(x, torch.tensor([[1, 2], [3, 3]]), [6, 6], [2, 2], reduction="none")
    assert losses[1].item() == pytest.approx(-lattice.log_likelihood)


def test_torch_counts_paths_that_do_not_exist_where_a_target_holds_the_blank():
    x = log_probs(N=1)
    assert F.ctc_loss(x, torch.tensor([[1, 0, 2]]), (6,), (3,)).isfinite(), "torch took it without a word"
    with pytest.raises(ValueError, match=r"target 0 has 0 at place 1; .* the blank"):
        ctc_loss(x, torch.tensor([[1, 0, 2]]), (6,), (3,))


def test_half_precision_is_missing_in_torch():
    x = log_probs().half()
    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        F.ctc_loss(x, torch.tensor([[1], [2]]), (6, 6), (1, 1))
    assert np.isfinite(ctc_loss(x, torch.tensor([[1], [2]]), (6, 6), (1, 1)).item())
