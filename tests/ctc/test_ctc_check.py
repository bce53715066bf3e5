"""The check against every implementation present; on a GPU also torch's CUDA kernel, cuDNN and ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from crnn_lessons.ctc import check
from crnn_lessons.ctc.peers import Peer, _cudnn_refuses, answer, cases, peers, truth

CASES = {case.name: case for case in cases(large=torch.cuda.is_available())}
PRESENT = {peer.name: peer for peer in peers()}
cuda = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
ON_CUDA = ["ours, triton", "ours, torch", "torch, CUDA native", "cuDNN"]
TRUE = {}


def row(name, peer):
    case = CASES[name]
    if name not in TRUE:
        TRUE[name] = truth(case)
    return check.compare(case, peer, TRUE[name], repetitions=1)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("peer", ["ours, numba", "ours, torch", "torch, CPU"])
def test_on_the_cpu(name, peer):
    if peer not in PRESENT:
        pytest.skip(f"{peer} is not installed")
    cpu = next(p for p in peers() if p.name == peer and p.device == "cpu")
    found = row(name, cpu)
    assert found.fine, str(found)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("peer", [pytest.param(name, marks=cuda) for name in ON_CUDA])
def test_on_cuda(name, peer):
    there = [p for p in peers() if p.name == peer and p.device == "cuda"]
    if not there:
        pytest.skip(f"{peer} is not installed")
    found = row(name, there[0])
    if found.note:
        pytest.skip(f"{peer} {found.note}")
    assert found.fine, str(found)


def test_what_is_wrong_is_noticed():
    def off(factor, addend):
        return Peer(
            "ours, broken", "cpu", lambda logits, case: PRESENT["ours, torch"].losses(logits, case) * factor + addend
        )

    assert not row("tiny", off(1.0001, 0)).fine
    assert not row("tiny", off(1, 0.001)).fine
    assert not row("tiny", off(float("nan"), 0)).fine
    assert not row("some infeasible", Peer("zero", "cpu", lambda logits, case: logits.sum((0, 2)))).fine
    assert row("tiny", off(1, 0)).fine


def test_cudnn_is_asked_what_it_takes():
    assert _cudnn_refuses(CASES["word"]) is None
    assert "T" in _cudnn_refuses(CASES["line, mixed lengths"])
    infeasible = replace(CASES["repeats"], targets=[[1] * 40] * 8)
    assert "fits" in _cudnn_refuses(infeasible)
    assert "256" in _cudnn_refuses(replace(infeasible, targets=[[1, 2] * 128] * 8))


def test_the_cases_hold_what_they_promise():
    assert not CASES["some infeasible"].feasible.all() and CASES["some infeasible"].feasible.any()
    assert CASES["empty targets"].lengths == [0] * 4
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(cases(large=False), cases(large=False), strict=True))
    losses, gradient = answer(PRESENT["ours, torch"], CASES["some infeasible"])
    assert torch.equal(losses.isinf(), ~CASES["some infeasible"].feasible)
    assert (gradient[:, ~CASES["some infeasible"].feasible] == 0).all()


def test_the_command_prints_the_table(capsys, monkeypatch):
    few = [CASES["tiny"], CASES["some infeasible"]]
    monkeypatch.setattr(check, "cases", lambda seed, large: few)
    assert check.main(["--small", "--repetitions", "1"]) == 0
    printed = capsys.readouterr().out
    assert "all agree" in printed and printed.count("tiny") == len(PRESENT)
    assert ("no CUDA device" in printed) == (not torch.cuda.is_available())
    monkeypatch.setattr(check, "OURS_WITHIN", 0)
    assert check.main(["--repetitions", "1"]) == 1
    assert "TOO FAR OFF" in capsys.readouterr().out
