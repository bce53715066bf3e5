"""Diseases of learning: weights, gradients, the size of the loss, the learning rate."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from crnn_lessons.clinic.check import Unseen, disease
from crnn_lessons.clinic.lossprobe import LossProbe
from crnn_lessons.clinic.measure import apart
from crnn_lessons.clinic.patient import Patient

EXPLODES, ALWAYS = 1e3, 1e5
"""Norms of the gradient of a loss in nats a character that are too large: with a loss twice that of scores which are
all the same, and with any loss. Healthy: 0.01 to 50; up to 1,000 in a deep network that begins without norms."""

LARGE_WEIGHTS, LAYERS = 20.0, (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)
"""Size of a layer's weights times the root of the number of its inputs; 1 where training begins, up to 5 at its end."""

SMALL_STEP = 5e-5
"""Share of its size by which the tensor that moves most is moved in one step; healthy: 1e-4 to 0.2."""

STEPS = 8
"""Steps that the optimiser is watched for."""


@disease("NaN in the weights", "nn.utils.clip_grad_norm_(model.parameters(), 5.0)  # and back to the last checkpoint")
def weights_not_finite(patient: Patient) -> str | None:
    """A step with an infinite loss or gradient went through; everything after it is NaN."""
    tensors = [*patient.model.named_parameters(), *patient.model.named_buffers()]
    bad = [name for name, x in tensors if x.is_floating_point() and not torch.isfinite(x).all()]
    return f"{len(bad)} of {len(tensors)} tensors hold NaN or infinity, first {bad[0]}" if bad else None


@disease("loss is not finite", "nn.CTCLoss(reduction='none')  # which sample? then: which frame of its output?")
def loss_not_finite(patient: Patient) -> str | None:
    """The output, the loss or its gradient is infinite or NaN, and no other check says why."""
    if lost := (~torch.isfinite(patient.raw)).double().mean().item():
        return f"{lost:.0%} of the output is not finite"
    scores = patient.training_scores.detach().clone().requires_grad_()
    loss = _loss(patient, scores)
    if not torch.isfinite(loss):
        return f"the loss of this batch is {loss.item():.3g}"
    if loss.requires_grad and (lost := (~torch.isfinite(torch.autograd.grad(loss, scores)[0])).double().mean().item()):
        return f"{lost:.0%} of its gradient with respect to the output is not finite"
    return None


@disease("picture has no effect", "print(x.std(0).max())  # behind each layer: where do all pictures become one?")
def no_effect(patient: Patient) -> str | None:
    """All pictures give the same output: dead ReLUs, saturated gates, or a variable that forward forgets to use."""
    images, generator = patient.pick(patient.rows), torch.Generator().manual_seed(0)
    order = torch.randperm(images.numel(), generator=generator).to(images.device)
    with torch.no_grad():
        other = patient.run(patient.rows, images.flatten()[order].reshape(images.shape))
    change = apart(other, patient.scores).max()
    return f"other pictures change no score by more than {change:.1g}" if change < 1e-7 else None


@disease("gradient is zero", "remove what cuts the graph: .detach(), .data, .item(), torch.no_grad(), .numpy()")
def no_gradient(patient: Patient) -> str | None:
    """No gradient reaches the first layer that trains: it keeps the weights that it began with."""
    if not _loss(patient, patient.scores.clone().requires_grad_()).requires_grad:
        return "the loss is a number without a graph: backward() does not reach the network"
    model = _after_backward(patient)
    for name in patient.watched.layers:
        own = [p for p in model.get_submodule(name).parameters(recurse=False) if p.requires_grad]
        if own:
            none = all(p.grad is None or not p.grad.any() for p in own)
            return f"no gradient reaches {name}, the first layer that trains" if none else None
    return "requires_grad is False everywhere"


@disease("gradient explodes", "nn.utils.clip_grad_norm_(model.parameters(), 5.0)  # after backward, before step")
def explodes(patient: Patient) -> str | None:
    """The gradient is so large that one step undoes what a thousand have learned."""
    model = _after_backward(patient)
    norm = math.sqrt(sum(p.grad.double().square().sum().item() for p in model.parameters() if p.grad is not None))
    same = patient.nats(torch.zeros_like(patient.scores)).item()
    if norm <= EXPLODES or (norm <= ALWAYS and patient.now <= 2 * same):
        return None
    return f"its norm is {norm:.2g}, and the loss is {patient.now:.3g} nats a character; equal scores get {same:.3g}"


@disease("loss divided twice", "loss = ctc_loss(...)  # reduction='mean' has divided by the batch already")
def divided_twice(patient: Patient) -> str | None:
    """A mean over the samples is divided by their number once more: the larger the batch, the less it learns."""
    probe, N, S = LossProbe(patient), patient.N, 2 if patient.N == 3 else 3
    two, four = probe.share(2, S), probe.share(4, S)
    if 0 < four < 0.75 * two:
        return f"the same samples, taken twice, cost {four / two:.2f} of what they cost once"
    for share, by in ((1, "samples"), (S, "samples and characters")) if N > 1 else ():
        if math.isclose(probe.share(N, S) * share, 1 / N, rel_tol=1e-3):
            return f"it is the mean over {by}, divided by the batch of {N} a second time"
    return None


@disease("optimiser moves other weights", "optimizer = Adam(model.parameters())  # after the model is built and moved")
def other_weights(patient: Patient) -> str | None:
    """The optimiser was made for another model, or for a layer that was replaced since."""
    if not patient.held:
        raise Unseen("no optimizer was given")
    lost = patient.strangers
    return f"{lost} of its {patient.held} tensors are not the model's" if lost else None


@disease("learning rate too high", "optimizer = Adam(model.parameters(), lr=1e-3)  # a tenth, and clip the gradient")
def too_high(patient: Patient) -> str | None:
    """Weights blown up by large steps; or, where the optimiser is known, a loss that its next steps drive up."""
    layers = [(n, m) for n, m in patient.model.named_modules() if isinstance(m, LAYERS)]
    for name, p in ((f"{n}.{k}", p) for n, m in layers for k, p in m.named_parameters(recurse=False) if p.ndim > 1):
        size = p.double().square().mean().sqrt().item() * math.sqrt(p[0].numel())
        if size > LARGE_WEIGHTS:
            return f"{name} is {size:.0f} times as large as where training begins"
    before, after, _ = _steps(patient)
    if not after <= 2 * max(before, patient.level):
        return f"{STEPS} steps of the optimiser take the loss from {before:.2f} to {after:.2f} nats a character"
    return None


@disease("learning rate too low", "optimizer = Adam(model.parameters(), lr=1e-3)  # about 1e-3 of the weights a step")
def too_low(patient: Patient) -> str | None:
    """Steps so small that the plateau never ends. A network that reads may take them, at the end of its schedule."""
    before, _, moved = _steps(patient)
    if before < 0.5 * patient.level or moved > SMALL_STEP:
        return None
    return f"a step moves the weights by {moved:.1g} of their size at most, and the loss is {before:.2f} nats"


def _loss(patient: Patient, scores: Tensor) -> Tensor:
    """The loss in use of this batch as one number; where none was given, that in nats a character."""
    if patient.loss is None:
        return patient.nats(scores)
    places, labels, T = patient.spelt
    return torch.as_tensor(LossProbe(patient)(scores[:, places], labels, T)).sum()


def _after_backward(patient: Patient) -> nn.Module:
    """The model as it was handed over, with the gradient of its loss in nats a character."""
    model = patient.fresh()[0].train(patient.was_training)
    model.zero_grad()
    scores = patient.run(patient.rows, model=model)
    if scores.requires_grad:
        patient.nats(scores).backward()
    return model


def _steps(patient: Patient) -> tuple[float, float, float]:
    """The loss before and after some steps of the optimiser, and how far the first one moves the weights."""
    model, optimizer = patient.fresh()
    if optimizer is None:
        raise Unseen("no optimizer was given")
    values, moved, model = [], 0.0, model.train()
    for step in range(STEPS + 1):
        scores = patient.run(patient.rows, model=model)
        values.append(patient.nats(scores.detach()).item() if torch.isfinite(scores).all() else math.inf)
        if step == STEPS or not math.isfinite(values[-1]):
            break
        optimizer.zero_grad()
        _loss(patient, scores).backward()
        old = [p.detach().clone() for p in model.parameters()]
        optimizer.step()
        if step == 0:
            pairs = [(a, p.detach() - a) for a, p in zip(old, model.parameters(), strict=True) if a.norm() > 0]
            moved = max(((step.norm() / a.norm()).item() for a, step in pairs), default=0.0)
    return values[0], values[-1], moved
