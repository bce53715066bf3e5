"""The check against every implementation present; on a GPU also torch's CUDA kernel, cuDNN and ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from crnn_lessons.ctc import check, min_frames

CASES = {case.name: case for case in check.cases(quick=True)}
PRESENT = check.implementations()
THEIRS = 1e-3  # torch keeps its lattice in float32 logarithms, and its gradient shows it
on_cuda = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
NAMES = ["package, numba", "package, torch, CPU", "torch, CPU"]
CUDA_NAMES = ["package, triton", "package, torch, CUDA", "torch, CUDA native", "torch, cuDNN"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=on_cuda) for name in CUDA_NAMES)])
def test_each_agrees_with_the_lattice(name, case):
    if name not in PRESENT:
        pytest.skip(f"{name}: not installed")
    row = check.compare(CASES[case], name, PRESENT[name], repeats=1)
    if row.remark:
        pytest.skip(f"{name}: {row.remark}")
    assert row.within(check.WITHIN if name.startswith("package") else THEIRS), str(row)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_padded_targets_keep_torch_from_taking_cudnn():
    log_probs = torch.zeros(9, 2, 4, device="cuda").log_softmax(2)
    padded, joined = torch.ones(2, 2, dtype=torch.int64, device="cuda"), torch.ones(4, dtype=torch.int32)
    assert not torch._use_cudnn_ctc_loss(log_probs, padded, [9, 9], [2, 2], 0)
    assert torch._use_cudnn_ctc_loss(log_probs, joined, [9, 9], [2, 2], 0)


@pytest.mark.parametrize("wrong", ["loss", "gradient", "nan"])
def test_what_is_wrong_is_noticed(wrong):
    def broken(log_probs, targets, T_of, S_of, **options):
        losses = F.ctc_loss(log_probs, targets, tuple(T_of), tuple(S_of), **options)
        off = {"loss": losses.detach() * 1e-4, "nan": torch.nan, "gradient": 1e-4 * (losses - losses.detach())}
        return losses + off[wrong]

    case = CASES["T 26, N 8, C 37, S 12"]
    row = check.compare(case, "broken", lambda case: check._call(case, "cpu", broken), repeats=1)
    assert not row.within(check.WITHIN)
    assert (row.loss_difference < check.WITHIN) == (wrong == "gradient")


def test_the_cases_hold_what_they_promise():
    feasible = {
        name: [min_frames(t) <= T for t, T in zip(case.targets, case.input_lengths, strict=True)]
        for name, case in CASES.items()
    }
    assert set(feasible["infeasible among others"]) == {True, False}
    assert [] in CASES["empty targets among others"].targets
    assert len(set(CASES["mixed lengths"].input_lengths)) == 4
    assert all(len(set(target)) == 1 for target in CASES["one label again and again"].targets)
    again = list(check.cases(quick=True))
    assert all(np.array_equal(case.logits, CASES[case.name].logits) for case in again)


def test_the_reference_is_the_derivative():
    case = CASES["infeasible among others"]
    losses, gradient = check.reference(case)
    step = np.zeros(case.logits.shape)
    step[2, :, 3] = 1e-5
    shifted = [check.reference(replace(case, logits=case.logits + sign * step))[0] for sign in (1, -1)]
    fine = np.isfinite(losses)
    assert fine.sum() == 3
    np.testing.assert_allclose((shifted[0] - shifted[1])[fine] / 2e-5, gradient[2, fine, 3], atol=1e-8)
    assert (gradient[:, ~fine] == 0).all()


def test_the_command_prints_the_table(capsys, monkeypatch):
    few = [CASES["0.24: T 2, 'a'"], CASES["infeasible among others"]]
    monkeypatch.setattr(check, "cases", lambda quick: few)
    assert check.main(["--repeats", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("0.24") == len(PRESENT) and "0 rows of the package are off" in printed
    monkeypatch.setattr(check, "WITHIN", 0.0)
    assert check.main(["--repeats", "1"]) == 1
