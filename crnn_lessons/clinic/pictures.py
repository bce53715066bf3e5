"""Diseases of the pictures: their values, their polarity, and whether they belong to their texts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from crnn_lessons.clinic.check import Unseen, disease, some
from crnn_lessons.clinic.measure import as_log_probs, losses
from crnn_lessons.clinic.patient import Patient

LARGE, FLAT = 20.0, 0.01
"""Values and deviations of what the first layer is given: healthy ones lie within -5 to 5, and deviate by 0.1 to 1."""

NO_READER = "it takes a network that reads"


@disease("NaN in the pictures", "assert torch.isfinite(images).all()  # a flat picture has the deviation 0")
def not_finite(patient: Patient) -> str | None:
    """A picture holds NaN or infinity, most often a flat one that was divided by its deviation."""
    bad = [n for n in range(patient.N) if not torch.isfinite(patient.pick([n])).all()]
    return f"{some(bad, patient.N)} hold NaN or infinity" if bad else None


@disease("pictures all alike", "print(len({p.tobytes() for p in pictures}))  # an index that stays 0, a bad resize")
def all_alike(patient: Patient) -> str | None:
    """One picture stands for different texts, or the pictures are empty."""
    x = patient.columns.flatten(1)
    flat = [n for n, one in zip(patient.rows, x, strict=True) if one.max() == one.min()]
    if 2 * len(flat) >= len(patient.rows):
        return f"{some(flat, len(patient.rows))} are of one colour"
    pictures, texts = len(torch.unique(x, dim=0)), len({tuple(patient.labels[n]) for n in patient.rows})
    return f"{pictures} pictures for {texts} texts" if 2 * pictures <= texts else None


@disease("inputs not normalised", "images = (images.float() / 255 - 0.5) / 0.5  # in training and in use")
def not_normalised(patient: Patient) -> str | None:
    """What the first layer gets is far too large (0 to 255), far too small, or not what the network was trained on."""
    if patient.watched.first_input is None:
        raise Unseen("no layer with weights was seen")
    x, first = patient.watched.first_input.cpu().double(), patient.model.get_submodule(patient.watched.layers[0])
    if not isinstance(first, torch.nn.modules.batchnorm._BatchNorm) and (x.abs().max() > LARGE or 0 < x.std() < FLAT):
        return f"the first layer gets values from {x.min():.3g} to {x.max():.3g}, with the deviation {x.std():.2g}"
    with contextlib.suppress(Unseen):  # the values are well; only a network that reads could say more
        return _read_as(patient, {
            "divided by 255": lambda x: x / 255,
            "multiplied by 255": lambda x: x * 255,
            "scaled from 0..1 to -1..1": lambda x: 2 * x - 1,
            "scaled from -1..1 to 0..1": lambda x: (x + 1) / 2,
            "brought to mean 0 and deviation 1": lambda x: (x - x.mean()) / x.std().clamp_min(1e-3),
        })  # fmt: skip
    return None


@disease("black for white", "images = 1 - images  # ink as dark, or as bright, as in training")
def polarity(patient: Patient) -> str | None:
    """The network was trained on the negative of these pictures."""
    return _read_as(patient, {"turned into their negatives": lambda x: x.max() + x.min() - x})


@disease("texts shifted against pictures", "pairs = list(zip(pictures, texts, strict=True))  # shuffle the pairs")
def shifted(patient: Patient) -> str | None:
    """Texts stand beside the wrong pictures: sorted in one place and not in the other, or one line lost.

    A network that reads tells by its losses. Before that, pieces of ink tell, whose number goes with that of letters.
    """
    places, labels, T = patient.spelt
    N, letters, log_probs = len(places), sum(map(len, labels)), as_log_probs(patient.scores)[:, places]
    cost = torch.stack([losses(log_probs[:, [n] * N], labels, [T[n]] * N, patient.blank) for n in range(N)])
    cost = cost.nan_to_num(1e6, 1e6).clamp_max(1e6).cpu().numpy()  # N N: of each picture with each text
    _, other = linear_sum_assignment(cost)
    best = cost[range(N), other].sum() / letters
    if best > 0.5 * patient.level:
        return _by_ink(patient)
    moved = [(cost[n, m] / len(labels[m]), n, m) for n, m in enumerate(other) if n != m]
    if best < min(1.0, patient.now / 2) and 2 * len(moved) >= N:
        said = f"the loss is {patient.now:.2f} nats a character, and {best:.2f} with the texts given out anew"
        # subtle: a text may belong to a picture that was not looked at, and is given to whichever is left over
        _, n, m = min(moved)
        return f"{said}: that of picture {patient.rows[places[n]]} stands beside picture {patient.rows[places[m]]}"
    return None


def _by_ink(patient: Patient) -> str | None:
    """The shift under which the number of pieces of ink goes with the number of letters, if it is not 0."""
    x = patient.columns.double()
    ink = (x - x.flatten(1).median(-1).values[:, None, None]).abs().amax(1)  # n W
    dark = ink > 0.25 * ink.amax(-1, keepdim=True)
    pieces = (dark[:, 1:] & ~dark[:, :-1]).sum(-1).cpu().numpy()
    S = np.array([patient.S[n] for n in patient.rows])
    if len(S) < 12 or S.std() == 0 or pieces.std() == 0:
        raise Unseen(f"{NO_READER}, or twelve samples with texts of different lengths")
    by_shift = [float(np.corrcoef(pieces, np.roll(S, -k))[0, 1]) for k in range(len(S))]
    best = int(np.argmax(by_shift))
    if by_shift[0] > 0.6:
        return None
    if by_shift[best] < 0.9 or by_shift[0] > 0.4:
        raise Unseen(f"{NO_READER}; letters and pieces of ink do not go together here")
    up, down = best, len(S) - best  # the nearer: of a larger batch, the last that is looked at is no neighbour
    moved = f"{up} up" if up <= down else f"{down} down"
    said = f"by {by_shift[0]:.2f}; with the texts moved {moved} the list, by {by_shift[best]:.2f}"
    return f"the numbers of letters and of pieces of ink correlate {said}"


def _read_as(patient: Patient, forms: dict[str, Callable[[Tensor], Tensor]]) -> str | None:
    """Whether the network reads the pictures in another form: then the loss falls by half and below one nat."""
    if patient.now < 1.0:
        return None
    for name, change in forms.items() if patient.images.is_floating_point() else ():
        images = torch.stack([change(x) for x in patient.pick(patient.rows).unbind(patient.axis)], patient.axis)
        with torch.no_grad():
            loss = patient.nats(patient.run(patient.rows, images)).item()
        if loss < min(1.0, patient.now / 2):
            return f"the loss is {patient.now:.2f} nats a character, and {loss:.2f} with the pictures {name}"
    raise Unseen(f"{NO_READER}, and this one reads no form of the pictures that was tried")
