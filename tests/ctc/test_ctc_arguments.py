"""Every layout that torch takes, and one clear sentence for what fits none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import CTCLoss, ctc_loss, ctc_loss_from_logits, use_kernel
from crnn_lessons.ctc.arguments import read_targets

X = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
PADDED, FLAT = torch.tensor([[1, 2], [3, 0]]), torch.tensor([1, 2, 3])


@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("lengths", [list, tuple, np.array, torch.tensor, lambda v: torch.tensor(v, dtype=torch.int32)])
def test_layouts_and_integer_types(kind, lengths):
    expected = ctc_loss(X, FLAT, [5, 4], [2, 1])
    for targets in (PADDED, FLAT):
        assert ctc_loss(X, targets.to(kind), lengths([5, 4]), lengths([2, 1])) == expected


def test_what_is_read():
    for layout in (PADDED, FLAT):
        found = read_targets(layout, (5, 4), [2, 1], 2)
        assert found.packed().tolist() == [1, 2, 3] and found.starts.tolist() == [0, 2] and found.capacity == 2
        assert found.of(1).tolist() == [3] and found.only(np.array([1])).packed().tolist() == [3]
    assert found.labels.dtype == found.lengths.dtype == found.input_lengths.dtype == np.int64


BAD = {
    "a label beyond C": ((X, [[1, 4], [3, 0]], [5, 4], [2, 1]), r"target 0 has 4 at place 1; .* C is 4"),
    "a negative label": ((X, [[1, 2], [-1, 0]], [5, 4], [2, 1]), r"target 1 has -1 at place 0"),
    "a label in the last of several": ((X, [1, 2, 9], [5, 4], [2, 1]), r"target 1 has 9 at place 0"),
    "the blank": ((X, [[0, 2], [3, 0]], [5, 4], [2, 1]), r"target 0 has 0 at place 0; .* the blank is class 0"),
    "another blank": ((X, [[1, 2], [3, 0]], [5, 4], [2, 1], 3), r"target 1 has 3 at place 0"),
    "a blank that is no class": ((X, [[1, 2], [3, 0]], [5, 4], [2, 1], 4), r"blank is class 4, .* 0 to 3"),
    "a negative blank": ((X, [[1, 2], [3, 0]], [5, 4], [2, 1], -1), r"blank is class -1"),
    "too long an input": ((X, [[1, 2], [3, 0]], [5, 6], [2, 1]), r"input_lengths\[1\] is 6, .* 5 time steps"),
    "a negative input length": ((X, [[1, 2], [3, 0]], [-1, 4], [2, 1]), r"input_lengths\[0\] is -1"),
    "a negative target length": ((X, [[1, 2], [3, 0]], [5, 4], [2, -1]), r"target_lengths\[1\] is -1"),
    "too long a target": ((X, [[1, 2], [3, 0]], [5, 4], [2, 3]), r"target_lengths\[1\] is 3, .* room for 2"),
    "too few input lengths": ((X, [[1, 2], [3, 0]], [5], [2, 1]), r"input_lengths must give .* 2 in all, and gives 1"),
    "too many target lengths": ((X, [[1, 2], [3, 0]], [5, 4], [2, 1, 1]), r"target_lengths must give .* gives 3"),
    "a wrong sum": ((X, [1, 2, 3, 1], [5, 4], [2, 1]), r"3 labels .* are due, and there are 4"),
    "too few targets": ((X, [[1, 2]], [5, 4], [2, 1]), r"N x S with N = 2 .* \(1, 2\)"),
    "three axes": ((X, [[[1]], [[2]]], [5, 4], [1, 1]), r"targets must be N x S"),
    "one axis": ((X[:, 0, 0], [[1]], [5], [1]), r"log_probs must be T x N x C .* shape \(5,\)"),
    "four axes": ((X[None], [[1]], [5], [1]), r"log_probs must be T x N x C"),
    "no samples": ((X[:, :0], [], [], []), r"log_probs must not be empty"),
    "no classes": ((X[:, :, :0], [1, 2, 3], [5, 4], [2, 1]), r"log_probs must not be empty"),
    "no frames": ((X[:0], [1, 2, 3], [0, 0], [2, 1]), r"log_probs must not be empty"),
    "an unknown reduction": ((X, [1, 2, 3], [5, 4], [2, 1], 0, "avg"), r"reduction must be one of none, sum, mean"),
}


@pytest.mark.parametrize("case", BAD, ids=BAD)
@pytest.mark.parametrize("kernel", ["numba", "torch"])
def test_wrong_values_are_named(case, kernel):
    (scores, targets, *rest), message = BAD[case]
    with use_kernel(kernel), pytest.raises(ValueError, match=message):
        ctc_loss(scores, torch.tensor(targets, dtype=torch.int64), *rest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X.long(), FLAT, [5, 4], [2, 1]), "log_probs must be a floating point tensor, and is torch.int64"),
        ((X.numpy(), FLAT, [5, 4], [2, 1]), "floating point tensor, and is ndarray"),
        ((X, FLAT.float(), [5, 4], [2, 1]), "targets must be whole numbers, and are float32"),
        ((X, FLAT, [5.5, 4], [2, 1]), "input_lengths must be whole numbers"),
        ((X, FLAT, [5, 4], torch.tensor([2.0, 1.0])), "target_lengths must be whole numbers, and are float32"),
    ],
)
def test_wrong_types_are_named(arguments, message):
    with pytest.raises(TypeError, match=message):
        ctc_loss(*arguments)


def test_logits_are_called_logits():
    with pytest.raises(ValueError, match="logits must be T x N x C"):
        ctc_loss_from_logits(X[0, 0], FLAT, [5], [3])


def test_the_module_says_what_it_is():
    assert repr(CTCLoss(blank=2, zero_infinity=True)) == "CTCLoss(blank=2, reduction='mean', zero_infinity=True)"


def test_an_unknown_kernel_is_named():
    with pytest.raises(ValueError, match="the kernels are torch, numba, triton"), use_kernel("cuda"):
        pass
