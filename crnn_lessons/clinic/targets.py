"""Diseases of targets and lengths."""

from __future__ import annotations

from itertools import dropwhile

from crnn_lessons.clinic.check import Unseen, disease, some
from crnn_lessons.clinic.measure import whole
from crnn_lessons.clinic.patient import Patient
from crnn_lessons.ctc.alignments import min_frames


@disease("targets in another layout", "targets = pad_sequence(texts, batch_first=True)  # N S; or torch.cat(texts)")
def layout(patient: Patient) -> str | None:
    """No CTC loss can read the targets: S N for N S, floats, lengths that do not fit."""
    try:
        _ = patient.labels
    except Unseen as problem:
        return str(problem)
    return None


@disease("padding counted as labels", "target_lengths = torch.tensor([len(text) for text in texts])")
def padding_counted(patient: Patient) -> str | None:
    """Target lengths that count the padding, which is the blank, -1 or another sign that is no label."""
    rows = _padded(patient)
    return f"{some(rows, patient.N)} end in padding: target {rows[0]} is {patient.labels[rows[0]]}" if rows else None


@disease("label out of range", "nn.Linear(D, len(characters) + 1)  # and no label above len(characters)")
def out_of_range(patient: Patient) -> str | None:
    """A label that is no class. torch does not look, and on a CPU reads foreign memory."""
    wrong = {n: [k for k in t if not 0 <= k < patient.C] for n, t in enumerate(patient.labels)}
    bad = [n for n in wrong if wrong[n] and n not in _padded(patient)]
    return f"{some(bad, patient.N)} hold no class: {wrong[bad[0]][0]}, with C = {patient.C}" if bad else None


@disease("blank in target", "labels = [characters.index(c) + 1 for c in text]  # class 0 is the blank")
def blank_in_target(patient: Patient) -> str | tuple[str, str] | None:
    """No path collapses to a target with a blank, and torch counts paths all the same."""
    bad = [n for n, target in enumerate(patient.labels) if patient.blank in target and n not in _padded(patient)]
    if not bad:
        return None
    said, last = f"{some(bad, patient.N)} hold class {patient.blank}, the blank", patient.C - 1
    if any(last in target for target in patient.labels) or patient.blank == last:
        return said
    return f"{said}; class {last} is in none", f"nn.CTCLoss(blank={last})  # or labels from 1 on"


@disease("empty targets", "print(texts[:5])  # before they are encoded; an alphabet may lack their characters")
def empty_targets(patient: Patient) -> str | None:
    """Most targets hold nothing, so that blanks alone are right."""
    empty = [n for n, S in enumerate(patient.S) if S == 0]
    return f"{some(empty, patient.N)} have no label" if 2 * len(empty) > patient.N else None


@disease("too few frames", "nn.MaxPool2d((2, 1))  # no pool along the width; or wider pictures, or leave them out")
def too_few_frames(patient: Patient) -> str | None:
    """T < S + r: no alignment exists, the loss is infinite and the gradient NaN."""
    T = [min(t, patient.T) for t in patient.lengths]
    short = [n for n, target in enumerate(patient.labels) if min_frames(target) > T[n]]
    if not short:
        return None
    n, S = short[0], len(patient.labels[short[0]])
    r = min_frames(patient.labels[n]) - S
    return f"{some(short, patient.N)} cannot be spelt: T = {T[n]} frames for S + r = {S} + {r} in sample {n}"


@disease("lengths from before the pools", "input_lengths = torch.full((N,), len(log_probs))  # frames that come out")
def before_pools(patient: Patient) -> str | None:
    """Input lengths that count pixels, or frames that a pool has merged since."""
    given, most = _given(patient), patient.returned or []
    long = [n for n, t in enumerate(given) if t > (most[n] if n < len(most) else patient.T)]
    return f"{some(long, patient.N)} count more than comes out: {given[long[0]]} of {patient.T}" if long else None


@disease("lengths cut the picture", "input_lengths = widths_after_resize * T // W  # of the pictures as they go in")
def cut_off(patient: Patient) -> str | None:
    """Input lengths from before a resize: the picture goes on where CTC stops to look."""
    ends, given = [], _given(patient)
    for x in patient.columns:
        changes = (x != x[:, -1:]).any(0).nonzero()  # what follows the last of them is padding
        ends.append(patient.T * (int(changes.max()) + 1) / x.shape[1] if len(changes) else 0.0)
    cut = [n for n, end in zip(patient.rows, ends, strict=True) if given[n] < 0.8 * end - 1]
    if 4 * len(cut) < len(patient.rows) or not cut:
        return None
    end = ends[patient.rows.index(cut[0])]
    return f"{some(cut, len(patient.rows))}: picture {cut[0]} goes on to frame {end:.0f}, its length is {given[cut[0]]}"


def _given(patient: Patient) -> list[int]:
    if patient.given is None:
        raise Unseen("no input_lengths were given")
    return whole(patient.given)


def _padded(patient: Patient) -> list[int]:
    """Samples whose labels are well but for a row of one sign at the end that is none."""
    if patient.targets.ndim != 2 or set(patient.S) != {patient.targets.shape[1]}:
        return []
    signs = {patient.blank} | ({k for target in patient.labels for k in target} - set(range(patient.C)))
    ended = {n: target for n, target in enumerate(patient.labels) if target and target[-1] in signs}
    found = [n for n, target in ended.items() if not signs & set(dropwhile(target[-1].__eq__, reversed(target)))]
    return found if len(found) > 1 else []
