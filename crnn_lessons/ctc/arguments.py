"""The arguments of a CTC loss: whatever layout they come in, checked once and brought into one form.

The layouts are those of ``torch.nn.functional.ctc_loss``. The checks are stricter: torch reads out of bounds where a
target is no class, and counts paths that do not exist where a target holds the blank.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from crnn_lessons.alphabet import BLANK

Lengths = Tensor | np.ndarray | list[int] | tuple[int, ...] | int
"""What may state lengths: a tensor, an array, a list or tuple of ints, or one int where there is no batch."""


@dataclass(frozen=True)
class Targets:
    """N targets and their lengths, the labels one after the other.

    Attributes:
        labels: the labels of all targets, without padding; sample n has labels[starts[n] : starts[n] + lengths[n]].
        starts: N indices into ``labels``.
        lengths: S of each sample.
        input_lengths: T of each sample.
        blank: the class index of the blank.
    """

    labels: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    input_lengths: np.ndarray
    blank: int

    def of(self, n: int) -> np.ndarray:
        """The S labels of sample n."""
        return self.labels[self.starts[n] : self.starts[n] + self.lengths[n]]

    def only(self, samples: np.ndarray) -> Targets:
        """The targets of some samples."""
        lengths = self.lengths[samples]
        labels = np.concatenate([self.of(n) for n in samples])
        return Targets(labels, np.cumsum(lengths) - lengths, lengths, self.input_lengths[samples], self.blank)


def check_log_probs_tensor(log_probs: Tensor, name: str = "log_probs") -> None:
    """Say in one sentence why a tensor cannot be the input of a CTC loss, if so.

    Raises:
        TypeError: no floating point tensor.
        ValueError: neither T N C nor T C, or empty.
    """
    if not isinstance(log_probs, Tensor) or not log_probs.is_floating_point():
        what = log_probs.dtype if isinstance(log_probs, Tensor) else type(log_probs).__name__
        raise TypeError(f"{name} must be a floating point tensor, and is {what}")
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
    """Bring targets and lengths into one form: int64 arrays, the labels concatenated.

    Args:
        targets: N x S, padded with anything, or one axis with all targets one after the other.
        input_lengths: N numbers of time steps.
        target_lengths: N numbers of labels.
        N: number of samples.
        blank: the class index of the blank.

    Raises:
        TypeError: targets or lengths that are not whole numbers.
        ValueError: the wrong number of axes, samples, lengths or labels, or a negative length.
    """
    values = _whole_numbers(targets, "targets")
    T_of = _lengths(input_lengths, "input_lengths", N)
    S_of = _lengths(target_lengths, "target_lengths", N)
    total = int(S_of.sum())
    if values.ndim == 1:
        if len(values) != total:
            raise ValueError(
                f"targets with one axis hold all targets one after the other, so {total} labels (the sum of "
                f"target_lengths) are due, and there are {len(values)}"
            )
        return Targets(values, np.cumsum(S_of) - S_of, S_of, T_of, blank)
    if values.ndim != 2 or len(values) != N:
        raise ValueError(
            f"targets must be N x S with N = {N} samples, or one axis of {total} labels, and have the shape "
            f"{values.shape}"
        )
    width = values.shape[1]
    if total and S_of.max() > width:
        n = int(S_of.argmax())
        raise ValueError(f"target_lengths[{n}] is {S_of[n]}, and targets have room for {width} labels a sample")
    labels = values[np.arange(width) < S_of[:, None]]  # row by row; the padding is never looked at
    return Targets(labels, np.cumsum(S_of) - S_of, S_of, T_of, blank)


def check_ranges(targets: Targets, T: int, C: int) -> None:
    """Check lengths against T, labels and blank against C.

    Raises:
        ValueError: an input length over T, a label or blank that is no class, a blank within a target.
    """
    blank, labels = targets.blank, targets.labels
    if not 0 <= blank < C:
        raise ValueError(f"blank is class {blank}, and class indices run from 0 to {C - 1}")
    if targets.input_lengths.max() > T:
        n = int(targets.input_lengths.argmax())
        raise ValueError(f"input_lengths[{n}] is {targets.input_lengths[n]}, and log_probs have {T} time steps")
    if len(labels) == 0:
        return
    low, high = labels.min(), labels.max()
    if 0 <= low and high < C and (low > blank or high < blank or not (labels == blank).any()):
        return
    wrong = int(np.flatnonzero((labels < 0) | (labels >= C) | (labels == blank))[0])
    n = int(np.flatnonzero(targets.starts <= wrong)[-1])
    what = f"the blank is class {blank} and stands in paths alone" if labels[wrong] == blank else f"C is {C}"
    raise ValueError(
        f"target {n} has {labels[wrong]} at place {wrong - targets.starts[n]}; a label is a class from 0 to C - 1 "
        f"other than the blank, and {what}"
    )


def _lengths(values: Lengths, name: str, N: int) -> np.ndarray:
    lengths = _whole_numbers(values, name).reshape(-1)
    if len(lengths) != N:
        raise ValueError(f"{name} must give one length a sample, {N} in all, and gives {len(lengths)}")
    if lengths.min() < 0:
        n = int(lengths.argmin())
        raise ValueError(f"{name}[{n}] is {lengths[n]}, and a length is 0 or more")
    return lengths


def _whole_numbers(values: Lengths, name: str) -> np.ndarray:
    if isinstance(values, Tensor):
        array = (values.detach() if values.device.type == "cpu" else values.detach().cpu()).numpy()
    elif isinstance(values, np.ndarray):
        array = values
    else:
        try:  # operator.index refuses 3.5, which int() would round in silence
            flat = values if isinstance(values, (list, tuple)) else [values]
            array = np.array([operator.index(v) for v in flat], dtype=np.int64)
        except TypeError as error:
            raise TypeError(f"{name} must be whole numbers (a tensor, a list, a tuple or an int): {error}") from None
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, and are {array.dtype}")
    return array.astype(np.int64, copy=False)
