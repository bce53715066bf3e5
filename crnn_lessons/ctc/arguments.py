"""The arguments of a CTC loss: whatever layout they come in, checked once and brought into one form.

The layouts are those of ``torch.nn.functional.ctc_loss``. The checks are stricter: torch reads out of bounds where a
target is no class, and counts paths that do not exist where a target holds the blank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crnn_lessons.alphabet import BLANK
from crnn_lessons.ctc.alignments import check_blank, whole_number

Lengths = Tensor | np.ndarray | list[int] | tuple[int, ...] | int
"""What may state lengths: a tensor, an array, a list or tuple of ints, or one int where there is no batch."""


@dataclass(slots=True)
class Targets:
    """N targets and their lengths, all labels on one axis. What stands there is not checked yet: see ``check_ranges``.

    Attributes:
        labels: sample n has labels[starts[n] : starts[n] + lengths[n]]; between targets there may be padding.
        starts: N indices into ``labels``.
        lengths: S of each sample.
        input_lengths: T of each sample.
        blank: the class index of the blank.
        capacity: the largest number of labels for which a sample has room.
    """

    labels: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    input_lengths: np.ndarray
    blank: int
    capacity: int

    def of(self, n: int) -> np.ndarray:
        """The S labels of sample n."""
        return self.labels[self.starts[n] : self.starts[n] + self.lengths[n]]

    def packed(self) -> np.ndarray:
        """The labels of all samples, one after the other, without padding."""
        return np.concatenate([self.labels[:0], *(self.of(n) for n in range(len(self.lengths)))])

    def only(self, samples: np.ndarray) -> Targets:
        """The targets of some samples."""
        lengths, T_of = self.lengths[samples], self.input_lengths[samples]
        return Targets(self.labels, self.starts[samples], lengths, T_of, self.blank, self.capacity)


def check_log_probs_tensor(log_probs: Tensor, name: str = "log_probs") -> None:
    """Say in one sentence why a tensor cannot be the input of a CTC loss, if so.

    Raises:
        TypeError: no dense floating point tensor.
        ValueError: neither T N C nor T C, or empty.
    """
    if not isinstance(log_probs, Tensor) or not log_probs.is_floating_point():
        what = log_probs.dtype if isinstance(log_probs, Tensor) else type(log_probs).__name__
        raise TypeError(f"{name} must be a floating point tensor, and is {what}")
    if log_probs.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, as from to_dense(), and is {log_probs.layout}")
    if log_probs.ndim not in (2, 3):
        raise ValueError(
            f"{name} must be T x N x C (time steps, samples, classes) or T x C, and has the shape "
            f"{tuple(log_probs.shape)}"
        )
    if log_probs.numel() == 0:
        raise ValueError(f"{name} must not be empty, and has the shape {tuple(log_probs.shape)}")


def read_targets(
    targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, N: int, blank: int = BLANK
) -> Targets:
    """Bring targets and lengths into one form: int64 arrays, the labels on one axis.

    Args:
        targets: N x S, padded with anything, or one axis with all targets one after the other.
        input_lengths: N numbers of time steps.
        target_lengths: N numbers of labels.
        N: number of samples.
        blank: the class index of the blank.

    Raises:
        TypeError: targets or lengths that are not whole numbers, or a blank that is none.
        ValueError: the wrong number of axes, samples, lengths or labels.
    """
    values = _whole_numbers(targets, "targets")
    T_of = _lengths(input_lengths, "input_lengths", N)
    S_of = _lengths(target_lengths, "target_lengths", N)
    if values.ndim == 1:
        _not_negative(S_of, "target_lengths")
        total = int(S_of.sum())
        if len(values) != total:
            raise ValueError(
                f"targets with one axis hold all targets one after the other, so {total} labels (the sum of "
                f"target_lengths) are due, and there are {len(values)}"
            )
        return Targets(values, np.cumsum(S_of) - S_of, S_of, T_of, blank, int(S_of.max(initial=0)))
    if values.ndim != 2 or len(values) != N:
        raise ValueError(
            f"targets must be N x S with N = {N} samples, or one axis of {S_of.sum()} labels, and have the shape "
            f"{values.shape}"
        )
    width = values.shape[1]
    return Targets(values.ravel(), np.arange(N) * width, S_of, T_of, blank, width)


def check_ranges(targets: Targets, T: int | None = None, C: int | None = None) -> None:
    """Check lengths against T and the room for labels, labels and blank against C; where these are given.

    Raises:
        ValueError: a negative length or one that is too large, a label or blank that is no class, a blank in a target.
    """
    for lengths, name in ((targets.input_lengths, "input_lengths"), (targets.lengths, "target_lengths")):
        _not_negative(lengths, name)
    if targets.lengths.max(initial=0) > targets.capacity:
        n = int(targets.lengths.argmax())
        raise ValueError(
            f"target_lengths[{n}] is {targets.lengths[n]}, and targets have room for {targets.capacity} labels a sample"
        )
    if T is not None and targets.input_lengths.max(initial=0) > T:
        n = int(targets.input_lengths.argmax())
        raise ValueError(f"input_lengths[{n}] is {targets.input_lengths[n]}, and log_probs have {T} time steps")
    if C is None:
        return
    blank, labels = check_blank(targets.blank, C), targets.packed()
    bad = np.flatnonzero((labels < 0) | (labels >= C) | (labels == blank))
    if len(bad) == 0:
        return
    wrong, ends = int(bad[0]), np.cumsum(targets.lengths)
    n = int(np.searchsorted(ends, wrong, side="right"))
    what = f"the blank is class {blank} and stands in paths alone" if labels[wrong] == blank else f"C is {C}"
    raise ValueError(
        f"target {n} has {labels[wrong]} at place {wrong - ends[n] + targets.lengths[n]}; a label is a class from 0 to "
        f"C - 1 other than the blank, and {what}"
    )


def _not_negative(lengths: np.ndarray, name: str) -> None:
    if lengths.min(initial=0) < 0:
        n = int(lengths.argmin())
        raise ValueError(f"{name}[{n}] is {lengths[n]}, and a length is 0 or more")


def _lengths(values: Lengths, name: str, N: int) -> np.ndarray:
    lengths = _whole_numbers(values, name)
    if lengths.size != N:
        raise ValueError(f"{name} must give one length a sample, {N} in all, and gives {lengths.size}")
    return lengths if lengths.ndim == 1 else lengths.reshape(-1)


def _whole_numbers(values: Lengths, name: str) -> np.ndarray:
    """An int64 array of our own."""
    try:
        if isinstance(values, Tensor):
            array = values.numpy() if values.is_cpu else values.cpu().numpy()
        elif isinstance(values, np.ndarray):
            array = values
        else:
            flat = values if isinstance(values, (list, tuple)) else [values]
            array = np.array([whole_number(v, "each") for v in flat], dtype=np.int64)
    except (TypeError, RuntimeError) as error:  # of a tensor: of a kind that NumPy lacks, or one that wants a gradient
        raise TypeError(f"{name} must be whole numbers (a tensor, a list, a tuple or an int): {error}") from None
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, and are {array.dtype}")
    return np.array(array, np.int64, order="C")
