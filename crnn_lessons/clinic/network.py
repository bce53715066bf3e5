"""Diseases of the network itself: what an output depends on, and what it should not."""

from __future__ import annotations

import torch
from torch import nn

from crnn_lessons.clinic.check import Unseen, disease
from crnn_lessons.clinic.measure import apart
from crnn_lessons.clinic.patient import Patient
from crnn_lessons.clinic.watch import Watch

BLOCKS, ROUNDS = 6, 2
"""Parts of a picture that are disturbed one after the other, and how often."""

IN_ORDER = 0.1
"""Share of the picture by which the places that frames look at must move along: healthy 0.17 to 1, mixed below 0.05."""


@disease("batch_first", "nn.LSTM(D, hidden_size, batch_first=True)  # for N T D; without it, permute to T N D")
def batch_first(patient: Patient) -> str | None:
    """A recurrent layer or an attention runs from sample to sample, since it takes N for T."""
    K = next(k for k in (3, 4, 5) if k not in (patient.T, patient.C))  # a number of samples unlike the other sizes
    watch = Watch(patient.model)
    with torch.no_grad(), watch:
        patient.call(_some(patient, K))
    for name, module, shape in watch.recurrent:
        if shape[module.batch_first] == K != shape[not module.batch_first]:
            return f"{name} has batch_first={module.batch_first}, and is given {shape}: {K} are the samples"
    return None


@disease("batch norm in training mode", "model.eval()  # before reading; and no track_running_stats=False")
def norm_in_training(patient: Patient) -> str | None:
    """What is read depends on what stands beside it: a batch norm goes on to use the statistics of the batch.

    After ``model.eval()``, one such norm is enough. A model in training mode has them by right, and is told only where
    they make it read this very batch badly.
    """
    if patient.watched.norms:
        return f"after model.eval(), {patient.watched.norms} batch norms use the statistics of the batch"
    if not patient.was_training:
        return None
    loss = _with_norms_in_training(patient)
    if patient.now < 0.5 * patient.level and loss > 1.5 * patient.now + 0.2:
        return f"the loss is {loss:.2f} nats a character as handed over, and {patient.now:.2f} after model.eval()"
    return None


@disease("batch norm statistics do not fit", "nn.BatchNorm2d(D, momentum=0.1)  # load its buffers with the weights")
def norm_statistics(patient: Patient) -> str | None:
    """Good in training mode, nonsense after ``model.eval()``: the running statistics are not those of the data."""
    loss = _with_norms_in_training(patient)
    if min(loss, patient.now) > 0.5 * patient.level:
        raise Unseen("it takes a network that reads")
    if patient.now > 1.5 * loss + 0.2:
        said = f"{patient.now:.2f} nats a character with the running ones"
        return f"the loss is {loss:.2f} with the statistics of this batch, and {said}"
    return None


@disease("dropout at test", "F.dropout(x, 0.5, training=self.training)  # or nn.Dropout")
def dropout_at_test(patient: Patient) -> str | None:
    """The same pictures, read twice after ``model.eval()``, give two results."""
    with torch.no_grad():
        change = apart(patient.run(patient.rows), patient.scores).max()
    if change <= 1e-5 * (1 + patient.scores.abs().max()):
        return None
    cause = f"; {patient.watched.dropouts} dropouts are at work" if patient.watched.dropouts else ""
    return f"after model.eval(), two readings of the same pictures differ by {change:.2g}{cause}"


@disease("samples mix", "x = x.permute(3, 0, 1, 2).flatten(2)  # move axes; view and reshape only draw new borders")
def samples_mix(patient: Patient) -> str | None:
    """What the network says of one picture depends on another.

    NaN is poison: what it touches becomes NaN. So it is put into one picture, to see which outputs it reaches. (Whole
    numbers are put into another order instead.)
    """
    rows, most = _some(patient, 4), 0
    _ = patient.scores
    for n in (0, 3):
        images, model = patient.pick(rows), patient.fresh()[0].eval()  # NaN would stay in a norm that never sleeps
        one = images.select(patient.axis, n)
        with torch.no_grad():
            before = patient.run(rows, images, model)
            if images.is_floating_point():
                one.fill_(torch.nan)
            else:
                one.copy_(one.flatten().flip(0).roll(1).reshape(one.shape))
            after = patient.run(rows, images, model)
        change = after.isnan() if images.is_floating_point() else apart(after, before) > 1e-4 * (1 + before.abs().max())
        changed = set(change.any(2).any(0).nonzero().flatten().tolist())
        if n not in changed:
            raise Unseen("a disturbed picture does not change its own output")
        most = max(most, len(changed) - 1)
    return f"disturbing one picture changes the output of {most} others in a batch of 4" if most else None


@disease("columns mix", "x = x.permute(0, 3, 1, 2).flatten(2)  # N D H W -> N W (D H); a view mixes columns")
def columns_mix(patient: Patient) -> str | None:
    """A frame does not look at its own place in the picture: ``view`` or ``reshape`` with N in front."""
    along = _moves(patient, -1)
    if along >= IN_ORDER or _moves(patient, -2) > 0.5:
        return None
    return f"from the first frame to the last, the places looked at move through {along:.0%} of the picture, not 100 %"


@disease("time along the height", "x = x.permute(3, 0, 1, 2)  # N D H W -> W N D H: the width is time")
def time_along_height(patient: Patient) -> str | None:
    """Rows became time steps: the network reads from top to bottom."""
    along = _moves(patient, -1)
    if along >= IN_ORDER or (across := _moves(patient, -2)) <= 0.5:
        return None
    return f"the places that frames look at move through {along:.0%} of the width, and {across:.0%} of the height"


def _some(patient: Patient, count: int) -> list[int]:
    return [patient.rows[i % len(patient.rows)] for i in range(count)]


def _with_norms_in_training(patient: Patient) -> float:
    """The loss with the batch's own statistics in every batch norm, and all else as at test."""
    model = patient.fresh()[0].eval()
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        raise Unseen("there is no batch norm")
    for norm in norms:
        norm.train()
    with torch.no_grad():
        return patient.nats(patient.run(patient.rows, model=model)).item()


def _moves(patient: Patient, axis: int) -> float:
    """By which share of an axis of the picture the place that frames look at moves, from the first frame to the last.

    Parts of the picture are disturbed one after the other. Of the parts, weighed by how much they change a frame, the
    mean is the place that the frame looks at; the places are fitted by a line.
    """
    rows, along, generator = patient.rows[:4], patient.axes[axis], torch.Generator().manual_seed(0)
    images = patient.pick(rows)
    size, change = images.shape[along], torch.zeros(BLOCKS, patient.T, dtype=torch.float64)
    with torch.no_grad():
        before = patient.run(rows, images)
        for block in list(range(BLOCKS)) * ROUNDS:
            disturbed = images.clone()
            start, end = block * size // BLOCKS, (block + 1) * size // BLOCKS
            place = disturbed.narrow(along, start, end - start)
            place.copy_(images.flatten()[torch.randint(images.numel(), place.shape, generator=generator)])
            change[block] += apart(patient.run(rows, disturbed), before).double().sum((1, 2)).cpu()
    if not 1e-5 < change.max() < torch.inf:
        raise Unseen("disturbing the pictures does not change the output, or makes it infinite")
    weight = change / change.sum(1, keepdim=True).clamp_min(1e-12)
    middle = (torch.arange(BLOCKS)[:, None] * weight).sum(0) / weight.sum(0).clamp_min(1e-12)
    t = torch.arange(patient.T) - (patient.T - 1) / 2
    return abs(((t * middle).sum() / t.square().sum()).item()) * patient.T / BLOCKS
