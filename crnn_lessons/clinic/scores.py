"""Diseases of what comes out of the network, and of how the loss takes it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from crnn_lessons.clinic.check import Unseen, disease, in_words
from crnn_lessons.clinic.lossprobe import LossProbe
from crnn_lessons.clinic.measure import as_log_probs, kind_of
from crnn_lessons.clinic.patient import Patient


@disease("no scores", "print(model(images).shape)  # T N C or N T C: frames, samples, classes")
def no_scores(patient: Patient) -> str | None:
    """The model cannot be run on this batch, or what it returns has other axes."""
    try:
        _ = patient.raw
    except Exception as error:  # it is somebody else's, and may raise anything
        return in_words(error)
    return None


@disease("softmax over the wrong axis", "log_probs = logits.log_softmax(-1)  # the classes are the last axis")
def wrong_axis(patient: Patient) -> str | None:
    """Normalised over the samples or the frames in place of the classes."""
    x = patient.training_scores.double()
    p = x.exp() if x.max() <= 0 else x
    if kind_of(x) != "logits" or p.min() < 0:
        return None
    for axis, name in ((0, "frames"), (1, "samples")):
        if p.shape[axis] > 1 and (p.sum(axis) - 1).abs().max() < 0.01:
            low, high = p.sum(-1).min(), p.sum(-1).max()
            return f"the sum over the {name} is 1; the sum over the classes is {low:.3g} to {high:.3g}"
    return None


@disease("log_softmax missing", "log_probs = logits.log_softmax(-1)  # in front of the loss")
def log_softmax_missing(patient: Patient) -> str | None:
    """Logits go into a loss that takes log-probabilities: whoever raises all logits alike gets a smaller loss."""
    probe, x = LossProbe(patient), patient.training_scores
    if (kind_of(x), probe.takes) != ("logits", "log-probabilities"):
        return None
    total = x.double().exp().sum(-1)
    return f"the sum of exp over the classes is {total.min():.3g} to {total.max():.3g}, not 1, and the loss takes it so"


@disease("softmax twice", "return self.output(x)  # logits: one log_softmax, in front of the loss")
def softmax_twice(patient: Patient) -> str | None:
    """A softmax of a softmax: no class can get more than e times the probability of another.

    (A log_softmax after a log_softmax changes nothing.)
    """
    said = f"no class can get more than p = {math.e / (math.e + patient.C - 1):.2f}"
    kind = kind_of(patient.training_scores)
    if kind == "probabilities" and patient.loss is not None and LossProbe(patient).takes == "logits":
        return f"the model gives probabilities, the loss takes logits: {said}"
    gap = _gaps_when_sure(patient)
    one_each = ((gap > 0.5).sum(-1) == 1).double().mean()
    if kind == "log-probabilities" and gap.max() < 1.05 and one_each > 0.8:
        return f"however large the last weights, log-probabilities differ by {gap.max():.2f} at most: {said}"
    return None


@disease("probabilities and logarithms confused", "log_probs = logits.log_softmax(-1)  # not softmax(-1)")
def confused(patient: Patient) -> str | None:
    """Probabilities go into a loss that takes their logarithms, or the reverse: libraries differ in what they take."""
    x, takes = patient.training_scores, LossProbe(patient).takes
    kind = kind_of(x)
    if {kind, takes} == {"probabilities", "log-probabilities"} or (kind, takes) == ("logits", "probabilities"):
        return f"the model gives {kind}, from {x.min():.2g} to {x.max():.2g}, and the loss takes {takes}"
    return None


@disease("log of a softmax", "log_probs = logits.log_softmax(-1)  # in one step, not softmax and then log")
def log_of_softmax(patient: Patient) -> str | None:
    """Probabilities underflow to 0 once the network is sure: then their logarithm is -inf, and the gradient NaN.

    With ``log(p + 1e-8)`` there is a floor instead, below which no gradient passes.
    """
    gap = _gaps_when_sure(patient)
    lost = (~torch.isfinite(gap)).any(-1).double().mean()
    if lost > 0:
        return f"with large last weights, {lost:.0%} of the frames hold infinity or NaN"
    logs, most = kind_of(patient.training_scores) == "log-probabilities", gap.amax(-1)
    same = ((most.max() - most < 0.1) & ((gap < 1e-4).sum(-1) > 1)).double().mean()
    if logs and most.max() > 2.05 and same > 0.5:
        return f"however large the last weights, no logarithm is more than {gap.max():.1f} below the largest"
    return None


@disease("activation on the logits", "return self.output(x)  # no ReLU, tanh or LSTM behind the last linear layer")
def activation(patient: Patient) -> str | None:
    """A ReLU, tanh or sigmoid behind the last layer, or an LSTM as the last layer: no class can be ruled out."""
    gap = _gaps_when_sure(patient)
    if not torch.isfinite(gap).all() or patient.C < 3:
        return None
    if gap.max() < 2.05:
        return f"however large the last weights, two classes of a frame differ by {gap.max():.2f} at most"
    ties = ((gap == 0).sum(-1) > 1).double().mean()
    return f"in {ties:.0%} of the frames several classes have exactly the least score: cut off" if ties > 0.5 else None


@disease("classes do not fit the alphabet", "nn.Linear(D, len(characters) + 1)  # one more: the blank")
def classes(patient: Patient) -> str | None:
    """The network has another number of classes than there are characters and a blank."""
    if patient.characters is None:
        raise Unseen("no alphabet was given")
    lacks = len(patient.characters) + 1 - patient.C
    said = f"C = {patient.C} classes for {len(patient.characters)} characters and the blank"
    return (said + ", which has none of its own" * (lacks == 1)) if lacks else None


@disease("wrong blank", "nn.CTCLoss(blank=...)  # the same class in the loss, the targets and the decoder")
def wrong_blank(patient: Patient) -> str | None:
    """Loss, targets and network mean different classes by the blank."""
    if not 0 <= patient.blank < patient.C:
        return f"blank = {patient.blank}, and classes run from 0 to {patient.C - 1}"
    if patient.loss is not None and (found := LossProbe(patient).blank) != patient.blank:
        return f"the loss takes class {found} for the blank, and you say class {patient.blank}"
    for step in (1, -1) if patient.now > 1.0 else ():
        loss = patient.nats(as_log_probs(patient.scores).roll(step, -1)).item()
        if loss < min(1.0, patient.now / 2):
            said = f"{loss:.2f} when its class k is taken for {step:+d} + k"
            return f"the loss is {patient.now:.2f} nats a character, and {said}"
    return None


def _gaps_when_sure(patient: Patient) -> Tensor:
    """How far each score is above the least of its frame, once the last layer has random, very large weights."""
    if kind_of(patient.training_scores) == "probabilities":
        raise Unseen("the model gives probabilities; what stands before their softmax cannot be seen")
    if not patient.watched.layers:
        raise Unseen("no layer with weights was seen")
    model, generator = patient.fresh()[0].train(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.get_submodule(patient.watched.layers[-1]).parameters(recurse=False):
            p.copy_(100 * torch.randn(p.shape, generator=generator))
        x = patient.run(patient.rows, model=model).double()
    x = x[..., torch.isfinite(patient.raw).any(0).any(0)]  # a class that is always -inf is masked on purpose
    return x - x.amin(-1, keepdim=True)
