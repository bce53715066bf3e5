"""The examination: every check in turn, on copies, with everything random put back."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from crnn_lessons.clinic import decoder, learning, network, pictures, scores, targets
from crnn_lessons.clinic.check import Check, in_words
from crnn_lessons.clinic.patient import Patient
from crnn_lessons.clinic.report import Finding, Report

ROOMS = (scores, targets, pictures, network, learning, decoder)
CHECKS = tuple(check for room in ROOMS for check in vars(room).values() if isinstance(check, Check))
"""All checks, in the order in which they stand in their modules: the most telling first."""

HIDES = {
    "pictures all alike": ("picture has no effect", "gradient is zero"),
    "softmax over the wrong axis": ("log_softmax missing", "activation on the logits", "samples mix", "batch_first",
                                    "columns mix"),
    "softmax twice": ("activation on the logits",),
    "probabilities and logarithms confused": ("loss is not finite",),
    "log of a softmax": ("loss is not finite", "activation on the logits"),
    "batch_first": ("samples mix", "columns mix", "time along the height"),
    "samples mix": ("columns mix", "time along the height"),
    "dropout at test": ("columns mix", "time along the height"),
    "batch norm in training mode": ("samples mix",),
    "batch norm statistics do not fit": ("black for white", "wrong blank"),
    "NaN in the weights": ("loss is not finite", "gradient explodes"),
    "loss is not finite": ("gradient explodes",),
    "inputs not normalised": ("gradient explodes", "black for white"),
    "picture has no effect": ("gradient is zero",),
    "optimiser moves other weights": ("learning rate too low",),
    "learning rate too high": ("gradient explodes", "picture has no effect", "gradient is zero"),
}  # fmt: skip
"""Diseases that follow from another one: found beside it, they stand among those that could not be examined."""


def examine(
    model: nn.Module,
    batch: Sequence[Any],
    *,
    loss: Callable | None = None,
    decode: Callable | None = None,
    alphabet: Iterable[str] | None = None,
    blank: int = 0,
    optimizer: torch.optim.Optimizer | None = None,
) -> Report:
    """Look for every known disease of a CTC training. Nothing that is handed over is changed: copies are examined.

    Args:
        model: any torch module from images, or frames, to logits or log-probabilities, T N C or N T C, with or without
            lengths beside them. If it asks for lengths as a second argument, it gets them.
        batch: images `N C H W` (or `N H W`; frames `N T D`, `T N D`), targets `N S` or on one axis, input_lengths `N`
            or None, target_lengths `N`.
        loss: the CTC loss in use, called as ``loss(scores, targets, input_lengths, target_lengths)``, torch's or any.
        decode: the decoder in use: from scores of one sample `T C`, or of a batch, to texts or classes.
        alphabet: the characters, in the order of their classes.
        blank: the class of the blank.
        optimizer: the optimiser in use, to judge its learning rate.

    Returns:
        What was found, what was not, what could not be examined and why.

    Raises:
        TypeError, ValueError: the arguments are not of the kind that is asked for.
    """
    _check(model, batch)
    found, passed, unseen = [], [], {}
    with _undisturbed(model):
        patient = Patient(model, batch, loss, decode, alphabet, blank, optimizer)
        for check in CHECKS:
            try:
                seen = check.look(patient)
            except Exception as error:  # Unseen is ours; a model or a loss of somebody else may raise anything
                unseen[check.disease] = in_words(error)
                continue
            if seen is None:
                passed.append(check.disease)
            else:
                evidence, cure = seen if isinstance(seen, tuple) else (seen, check.cure)
                found.append(Finding(check.disease, evidence, cure, check.source))
        remarks = tuple(_remarks(patient))
    hidden = {name: finding.disease for finding in reversed(found) for name in HIDES.get(finding.disease, ())}
    for name in (finding.disease for finding in found if finding.disease in hidden):
        unseen[name] = f"what speaks for it may come from {hidden[name]!r}; mend that, and examine again"
    return Report(tuple(finding for finding in found if finding.disease not in hidden), tuple(passed), unseen, remarks)


def _remarks(patient: Patient) -> Iterator[str]:
    """What looks sick and is not."""
    try:
        now, level = patient.now, patient.level
        blanks = (patient.scores.argmax(-1) == patient.blank).double().mean().item()
    except Exception:  # the checks have said why
        return
    state = "reads" if now < 0.5 * level else "begins to read" if now < level else "does not read yet"
    state = f"it {state}:"
    if 0.8 * level < now < 1.3 * level and blanks > 0.9:
        state = f"the plateau, which is healthy and ends by itself: {blanks:.0%} of the frames say blank,"
    costs = f"the loss is {now:.2f} nats a character; a network that does not look at the pictures gets {level:.2f}"
    yield f"{state} {costs}"


def _check(model: Any, batch: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"examine wants a torch module, and got {type(model).__name__}")
    if not isinstance(batch, (tuple, list)) or len(batch) != 4:
        what = f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise TypeError(f"a batch is (images, targets, input_lengths or None, target_lengths), and this has {what}")
    if not isinstance(batch[0], torch.Tensor) or batch[0].ndim < 3:
        what = tuple(batch[0].shape) if isinstance(batch[0], torch.Tensor) else type(batch[0]).__name__
        raise TypeError(f"images are a tensor N C H W, or frames with three axes, and this is {what}")


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Everything random is put back as it was, and what a loss that holds the model can reach in it; no warnings."""
    gradients, buffers = [(p, p.grad) for p in model.parameters()], [(b, b.clone()) for b in model.buffers()]
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 the user's code may draw from it
    with torch.random.fork_rng(), warnings.catch_warnings(), torch.inference_mode(False), torch.enable_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        for p, _ in gradients:
            p.grad = None
        try:
            yield
        finally:
            for p, gradient in gradients:
                p.grad = gradient
            for buffer, before in buffers:
                if not torch.equal(buffer, before):
                    buffer.copy_(before)
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
