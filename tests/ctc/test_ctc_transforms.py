"""The loss as torch's tools call it: under ``torch.func``, copied, pickled; and with inputs that change afterwards."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch.func import grad, jacrev, vmap

from crnn_lessons.ctc import CTCLoss, ctc_loss, ctc_loss_from_logits, use_kernel

TARGETS, T_OF, S_OF = torch.tensor([[1, 1, 2], [3, 2, 1], [2, 0, 0]]), [6, 5, 6], [3, 2, 1]
LOSSES = [ctc_loss, ctc_loss_from_logits]


@pytest.fixture(params=["numba", "torch"], autouse=True)
def kernel(request):
    pytest.importorskip(request.param, reason=f"the kernel {request.param} needs that package")
    with use_kernel(request.param):
        yield request.param


def scores(*batch):
    return torch.randn(*batch, 6, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def by_backward(loss, x, *arguments, **options):
    x = x.detach().clone().requires_grad_()
    loss(x, *arguments, **options).sum().backward()
    return x.grad


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("changed", ["targets", "input_lengths", "target_lengths"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_changed_after_the_call_does_not_change_the_gradient(loss, changed, packed):
    x = scores().requires_grad_()
    targets = torch.tensor([1, 1, 2, 3, 2, 2]) if packed else TARGETS.clone()
    given = {"targets": targets, "input_lengths": torch.tensor(T_OF), "target_lengths": torch.tensor(S_OF)}
    value = loss(x, **given)
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    given[changed].fill_(1)
    (second,) = torch.autograd.grad(value, x)
    torch.testing.assert_close(second, first, rtol=0, atol=0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_grad_is_what_backward_gives(loss, reduction):
    x = scores()
    found = grad(lambda y: loss(y, TARGETS, T_OF, S_OF, reduction=reduction))(x)
    torch.testing.assert_close(found, by_backward(loss, x, TARGETS, T_OF, S_OF, reduction=reduction))


@pytest.mark.parametrize("loss", LOSSES)
def test_vmap_over_batches_and_over_their_targets(loss):
    x, several = scores(2), torch.stack([TARGETS, TARGETS.flip(0).clamp(min=1)])
    lengths = torch.tensor(T_OF), torch.tensor(S_OF)
    expected = torch.stack([loss(a, b, *lengths) for a, b in zip(x, several, strict=True)])
    torch.testing.assert_close(vmap(lambda a, b: loss(a, b, *lengths))(x, several), expected)
    torch.testing.assert_close(
        vmap(lambda a: loss(a, TARGETS, T_OF, S_OF), 3)(x.movedim(0, 3))[0], loss(x[0], TARGETS, T_OF, S_OF)
    )
    each = vmap(grad(lambda a, b: loss(a, b, *lengths)))(x, several)
    for found, a, b in zip(each, x, several, strict=True):
        torch.testing.assert_close(found, by_backward(loss, a, b, *lengths))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_jacobian_has_a_row_for_each_sample(loss):
    x = scores()
    found = jacrev(lambda y: loss(y, TARGETS, T_OF, S_OF, reduction="none"))(x)  # N T N C
    assert found.shape == (3, 6, 3, 4)
    whole = by_backward(loss, x, TARGETS, T_OF, S_OF, reduction="none")
    for n in range(3):
        torch.testing.assert_close(found[n, :, n], whole[:, n])
        assert (found[n].sum((0, 2)) * (torch.arange(3) != n)).abs().max() < 1e-12
    old = torch.autograd.functional.jacobian(lambda y: loss(y, TARGETS, T_OF, S_OF, reduction="none"), x)
    torch.testing.assert_close(found, old)


def test_gradients_that_come_batched():
    x = scores().requires_grad_()
    losses = ctc_loss(x, TARGETS, T_OF, S_OF, reduction="none")
    (found,) = torch.autograd.grad(losses, x, torch.eye(3, dtype=torch.float64), is_grads_batched=True)
    torch.testing.assert_close(found.sum(0), by_backward(ctc_loss, x, TARGETS, T_OF, S_OF, reduction="none"))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "transform", [torch.func.jacfwd, torch.func.hessian, lambda f: lambda x: torch.func.jvp(f, (x,), (x,))]
)
def test_forward_mode_is_refused_in_one_sentence(loss, transform):
    with pytest.raises(RuntimeError, match=r"^ctc_loss has no derivative in forward mode; take it in reverse mode"):
        transform(lambda x: loss(x, TARGETS, T_OF, S_OF))(scores())


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("loss", [*LOSSES, CTCLoss()])
def test_a_trace_is_refused_in_one_sentence(loss):
    with pytest.raises(TypeError, match=r"^ctc_loss cannot be traced: trace the network alone, and call the loss from"):
        torch.jit.trace(lambda x: loss(x, TARGETS, T_OF, S_OF), scores())


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_the_module_can_be_copied_and_pickled_and_says_that_it_cannot_be_scripted():
    module, x = CTCLoss(blank=3, reduction="sum", zero_infinity=True), scores()
    targets = TARGETS % 3
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(other) == repr(module)
        assert other(x, targets, T_OF, S_OF) == module(x, targets, T_OF, S_OF)
    with pytest.raises(TypeError, match="CTCLoss cannot be scripted: script the network alone"):
        torch.jit.script(module)
